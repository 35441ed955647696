"""Captured documents in which the monitor finds more, or less, than feedparser alone.

    python tests/benchmarks/compare_feedparser.py [DIRECTORY] [--all]

DIRECTORY holds captured feeds, in folders of any depth; by default the development data beside a checkout.
Each document is given to both as bytes, without header fields. Counted are entries with a headline, a link
or a text, and how many of them have a headline, an absolute link, a text, and a date that is understood.
The last line adds up; the exit code is 1 when an entry is found by feedparser alone.
"""

from __future__ import annotations

import argparse
import io
import sys
import warnings
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import feedparser

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from monitor.errors import ParseError
from monitor.feeds.dates import read_date
from monitor.feeds.parse import parse

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime.now(UTC)  # a date in the future is not believed
WHAT = ("entries", "headlines", "links", "texts", "dates")
Found = tuple[int, ...]  # how many of each of WHAT


def ours(body: bytes) -> tuple[Found, str]:
    """Return what the parser makes of it, and why it makes nothing of it."""
    try:
        entries = parse(body, {}).entries
    except ParseError as error:
        return (0,) * len(WHAT), str(error)
    return count(
        (
            one.title,
            one.link,
            one.summary or one.content,
            read_date(one.published, NOW) or read_date(one.updated, NOW),
        )
        for one in entries
    ), ""


def theirs(body: bytes) -> Found:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            entries = feedparser.parse(io.BytesIO(body)).entries
        except Exception:  # noqa: BLE001 - it raises on some documents: then it has found nothing
            return (0,) * len(WHAT)
    return count(
        (
            one.get("title"),
            one.get("link"),
            one.get("summary") or one.get("content"),
            one.get("published_parsed") or one.get("updated_parsed"),
        )
        for one in entries
    )


def count(rows: Iterable[tuple[object, object, object, object]]) -> Found:
    kept = [row for row in rows if any(row[:3])]
    links = sum(str(row[1]).startswith(("http://", "https://")) for row in kept)
    headlines, texts, dates = (sum(bool(row[place]) for row in kept) for place in (0, 2, 3))
    return len(kept), headlines, links, texts, dates


def told(mine: Found, other: Found) -> str:
    return "".join(f"{a:>8,} {b:<6,}" for a, b in zip(mine, other, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = ROOT.parent / "shared" / "data" / "feeds"
    parser.add_argument("directory", nargs="?", type=Path, default=default)
    parser.add_argument(
        "--all", action="store_true", help="list every document, not the different ones alone"
    )
    arguments = parser.parse_args()
    files = sorted(
        path for path in arguments.directory.rglob("*") if path.is_file() and path.suffix != ".csv"
    )
    if not files:
        raise SystemExit(f"{arguments.directory}: there are no captured documents")
    more = fewer = 0
    total = [(0,) * len(WHAT)] * 2
    print("monitor and feedparser, of:")
    print("".join(f"{name:>15}" for name in WHAT) + "  document")
    for path in files:
        body = path.read_bytes()
        (mine, error), other = ours(body), theirs(body)
        total = [tuple(map(sum, zip(*pair, strict=True))) for pair in zip(total, (mine, other), strict=True)]
        more += any(a > b for a, b in zip(mine, other, strict=True))
        fewer += mine[0] < other[0]
        if arguments.all or mine != other:
            name = path.relative_to(arguments.directory)
            print(f"{told(mine, other)}  {name}{f': {error}' if error else ''}", flush=True)
    print(f"{told(*total)}  all {len(files):,}")
    print(f"more is found in {more:,} documents, fewer entries in {fewer:,}")
    sys.exit(bool(fewer))


if __name__ == "__main__":
    main()
