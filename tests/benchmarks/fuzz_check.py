"""Throw mutated and arbitrary files at the checker: no exception, and every position inside its file.

    python tests/benchmarks/fuzz_check.py [--cases 1000000] [--seed 1]

The suite runs a short form of the same (tests/core/test_fuzz_check.py); this one runs for as long as told,
with a progress line, and prints what it did. A failing case is printed as Python bytes, with its seed.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.fuzzing import KINDS, check, make_case


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    dice, started, findings = random.Random(arguments.seed), time.perf_counter(), 0
    for number in range(arguments.cases):
        kind = KINDS[number % len(KINDS)]
        data = make_case(kind, dice)
        try:
            findings += check(kind, data)
        except Exception as error:
            print(
                f"\ncase {number} of seed {arguments.seed}, {kind}: {type(error).__name__}: {error}\n{data!r}"
            )
            raise SystemExit(1) from error
        if number % 5000 == 0:
            print(f"\r{number:,} cases, {time.perf_counter() - started:.0f} s", end="", flush=True)
    seconds = time.perf_counter() - started
    print(f"\r{arguments.cases:,} cases, {findings:,} findings, 0 failures, {seconds:.0f} s")


if __name__ == "__main__":
    main()
