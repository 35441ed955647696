"""Writes the tables of `rules/README.md` anew from what the program reads: `make docs`."""

from __future__ import annotations

import sys
from pathlib import Path

from monitor.reference import with_tables

README = Path(__file__).parents[1] / "rules" / "README.md"


def main() -> None:
    """Write the file if a table changed."""
    before = README.read_text(encoding="utf-8")
    after = with_tables(before)
    if after != before:
        README.write_text(after, encoding="utf-8")
    sys.stdout.write(f"rules/README.md: {'written' if after != before else 'up to date'}\n")


if __name__ == "__main__":
    main()
