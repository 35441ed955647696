"""Items evaluated per second by a backtest: on one and on several processes, and where the time goes.

    python tests/benchmarks/bench_backtest.py [--items FILE ...] [--count 20000] [--processes 2]

Without files it makes its own items: the examples of the shipped rules among sentences of invented words.
CPU seconds are printed beside wall-clock seconds, as on a busy machine only the former can be compared.
The busiest process bounds what several processes can gain: one process's CPU over the busiest one's.
What the machine itself gains is measured first: the same look-ups in a dictionary, by one process alone and
by several at once.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import random
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from monitor import dictionaries
from monitor.backtest.archive import Archive
from monitor.backtest.books import read_trial, sendable
from monitor.backtest.compare import hits_of
from monitor.backtest.items import Lines
from monitor.backtest.parallel import Plan, evaluate
from monitor.backtest.replay import replay
from monitor.directory import read_files
from monitor.logs import configure
from monitor.models import Item
from monitor.shipped import shipped

SYLLABLES = "ka lo mi ren tas vor el un dri sto pa che gan sul bre nok ti fa wer mon".split()  # noqa: SIM905 - twenty syllables are read more easily in a row
START = datetime(2026, 1, 1, tzinfo=UTC)


def made(book: Any, count: int) -> list[Item]:
    """Items of which one in twenty holds an example of the shipped rules."""
    # Seeded: each run measures the same texts. Words are drawn as in real texts, few of them often.
    dice = random.Random(20260312)
    words = ["".join(dice.choices(SYLLABLES, k=dice.randint(1, 4))) for _ in range(40_000)]
    weights = [1 / (rank + 1) for rank in range(len(words))]
    examples = [
        example.title for rule in book.tree.rules for example in (*rule.must_match, *rule.must_not_match)
    ]
    items = []
    for number in range(count):
        drawn = dice.choices(words, weights, k=40)
        title = examples[number // 20 % len(examples)] if number % 20 == 0 else " ".join(drawn[:9])
        at = START + timedelta(minutes=2 * number)
        items.append(
            Item(
                item_id=str(number),
                feed_id=f"outlet-{number % 23}",
                key=str(number),
                title=title,
                summary=f"{' '.join(drawn[9:])} {number}.",
                url=f"https://outlet.example/{number}",
                published_at=at,
                first_seen_at=at,
            )
        )
    return items


def read(book: Any, paths: list[Path]) -> list[Item]:
    lines = Lines(book.feeds, datetime.now(UTC))
    found = (item for path in paths for _, item in lines.read(Archive(path).lines()))
    return [item for item in found if isinstance(item, Item)]


class Lap:
    """Wall-clock and CPU seconds since it was made: of this process, and of children that ended."""

    def __init__(self) -> None:
        self.wall, self.own, self.children = time.perf_counter(), *self._cpu()

    @staticmethod
    def _cpu() -> tuple[float, float]:
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return used[0].ru_utime + used[0].ru_stime, used[1].ru_utime + used[1].ru_stime

    def seconds(self) -> tuple[float, float, float]:
        own, children = self._cpu()
        return time.perf_counter() - self.wall, own - self.own, children - self.children

    def tell(self, name: str) -> tuple[float, float, float]:
        wall, own, children = self.seconds()
        print(f"{name:44}{wall:9.2f}{own:9.2f}{children:9.2f}")
        return wall, own, children


def spin(words: int) -> float:
    """Look words up in a dictionary, as matching does; return the seconds that it took."""
    known = {f"word {number}": number for number in range(words)}
    asked = sorted(known, key=hash)
    started = time.perf_counter()
    for _ in range(20):
        sum(map(known.__getitem__, asked))
    return time.perf_counter() - started


def machine(processes: int) -> float:
    """Return how many times as much several processes do at once as one does alone."""
    words = 100_000
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        alone = min(pool.submit(spin, words).result() for _ in range(3))
        together = max(pool.map(spin, [words] * processes))
    return processes * alone / together


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=Path, nargs="*", default=[])
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    configure("console", "error")
    dictionaries.install()
    gain = machine(arguments.processes)
    print(f"{arguments.processes} processes do at best {gain:.2f} times what one does, on this machine")
    print(f"{'':44}{'wall s':>9}{'CPU s':>9}{'children':>9}")
    lap = Lap()
    book = read_trial(read_files(shipped("rules")))
    lap.tell(f"read {len(book.tree.rules)} rules")
    lap = Lap()
    items = read(book, arguments.items) if arguments.items else made(book, arguments.count)
    lap.tell(f"{'read' if arguments.items else 'made'} {len(items):,} items")
    plan = Plan((sendable(book.tree, book.tree.rules),), (dict(book.feeds),))
    lap = Lap()
    # Several processes first: this one's cache of words would be warm otherwise.
    several = evaluate(items, plan, processes=arguments.processes)
    wall_several, own, children = lap.tell(f"compiled and matched, {arguments.processes} processes")
    from monitor.text import stems

    stems._lemma.cache_clear()
    lap = Lap()
    alone = evaluate(items, plan)
    wall_alone, cpu_alone, _ = lap.tell("compiled and matched, 1 process")
    assert alone == several, "the answer depends on the number of processes"
    lap = Lap()
    replayed = asyncio.run(replay(hits_of(alone), book))
    lap.tell(f"replayed {len(hits_of(alone)):,} hits, {len(replayed.heard):,} messages")
    busiest = max(own, children / max(1, arguments.processes - 1))
    print(
        f"{len(items) / cpu_alone:,.0f} items a CPU second; {arguments.processes} processes"
        f" {wall_alone / wall_several:.2f} times as fast by the clock, {cpu_alone / busiest:.2f} by CPU"
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of the main process: {peak:.0f} MB")


if __name__ == "__main__":
    main()
