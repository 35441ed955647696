"""What grouping costs an item as the store grows: `python tests/benchmarks/bench_stories.py [--most N]`.

Made-up items with Zipf's word frequencies, 5,000 hits a day (twenty times a busy installation), are put
into SQLite up to 10,000, 100,000 and, with `--most 1000000`, a million of them (4 GB on disk, ten minutes).
At each size the next items are grouped by the program's own code, in batches as a flush has them. The
baseline in the same run asks the same index without a window, as far back as it reaches.
CPU time, since others may use the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import sqlite3
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from heapq import nsmallest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from monitor.loops.stories import Stories
from monitor.models import Item, StoryLayer, StoryMember, stable_id
from monitor.storage.base_stories import StoryQuery
from monitor.storage.columns import key_hash
from monitor.storage.rows import item_row, member_row
from monitor.storage.sql import SqlStorage
from monitor.stories.keys import RAREST, StoryKeys, keys
from monitor.stories.weights import TermWeights

START = datetime(2026, 1, 1, tzinfo=UTC)
SIZES = (10_000, 100_000, 1_000_000)
PER_DAY = 5_000  # so that the smallest store is longer than the window
WORDS = 60_000
LEARNED = 60_000  # items, behind the frequencies that the store knows
BATCH = 50
BATCHES = 8
CHUNK = 50_000  # items of one transaction while filling; postings are sorted, as the index has them
UNWINDOWED = 20  # queries: without a window each takes long


def vocabulary():
    """Return words and their cumulative Zipf weights."""
    draw = random.Random(7)
    syllables = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "is")]
    words = list(
        dict.fromkeys("".join(draw.choices(syllables, k=draw.randint(2, 5))) for _ in range(2 * WORDS))
    )[:WORDS]
    return words, list(itertools.accumulate(1 / (rank + 3) for rank in range(len(words))))


def news(count, first=0):
    """Yield items in order of time; one in three retells one of the last hundred in other words."""
    words, weights = vocabulary()
    draw = random.Random(first)
    recent = []
    for number in range(first, first + count):
        text = draw.choices(words, cum_weights=weights, k=36)
        if recent and draw.random() < 1 / 3:
            old = draw.choice(recent[-100:])
            text = [draw.choice(old) if draw.random() < 0.5 else word for word in text]
        recent = [*recent[-99:], text]
        yield Item(
            item_id=stable_id("item", str(number)),
            feed_id="made",
            key=str(number),
            title=" ".join(text[:9]).capitalize(),
            summary=" ".join(text[9:]).capitalize(),
            url=f"https://outlet{number % 200}.example/{number}",
            language="en",
            first_seen_at=START + timedelta(days=number / PER_DAY),
        )


def frequencies():
    """Return how many of `LEARNED` items hold each word, as the vocabulary has it."""
    words, weights = vocabulary()
    counts = {}
    for word, before, upto in zip(words, [0, *weights], weights, strict=False):
        share = 1 - (1 - (upto - before) / weights[-1]) ** 36
        counts[word[:7]] = counts.get(word[:7], 0) + round(share * LEARNED)
    return counts


def quick_keys(item, weights):
    """Return what `keys` would, without looking at the text as closely: a million times."""

    def rarest(text):
        return nsmallest(RAREST, {(weights.share(word[:7]), word[:7]) for word in text.lower().split()})

    terms = {*rarest(item.title), *rarest(f"{item.title} {item.summary}")}
    return StoryKeys(
        item.url.removeprefix("https://"), item.title.lower(), tuple(t for _, t in sorted(terms))
    )


def insert(connection, table, rows):
    names = ", ".join(rows[0])
    marks = ", ".join(f":{name}" for name in rows[0])
    connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)


def microseconds(at):
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def fill(path, found, weights):
    """Write items as members of stories, past the program's own slower way."""
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA cache_size=-1000000")  # 1 GB: postings land all over their index
        while chunk := list(itertools.islice(found, CHUNK)):
            connection.execute("BEGIN")
            write(connection, chunk, weights)
            connection.execute("COMMIT")


def write(connection, chunk, weights):
    item_rows, member_rows, posting_rows = [], [], []
    for item in chunk:
        at = microseconds(item.event_at())
        own = quick_keys(item, weights)
        member = StoryMember(
            item_id=item.item_id,
            story_id=stable_id("story", item.item_id),
            layer=StoryLayer.NEW,
            matched_item_id="",
            score=1.0,
            reason="Made up.",
            event_at=item.event_at(),
            url_key=own.url_key,
            title_key=own.title_key,
            postings=own.postings,
            rules=("made",),
        )
        row = item_row(item, item.first_seen_at)
        item_rows.append({**row, "first_seen_at": at, "absent_at": None})
        member_rows.append({**member_row(member), "event_at": at})
        posting_rows += [
            {"term": key_hash(term), "event_at": at, "item_id": item.item_id} for term in own.postings
        ]
    insert(connection, "items", item_rows)
    insert(connection, "story_members", member_rows)
    insert(connection, "story_postings", sorted(posting_rows, key=lambda row: (row["term"], row["event_at"])))


def teach(path):
    with sqlite3.connect(path) as connection:
        rows = [{"language": "en", "term": key_hash(""), "item_count": LEARNED}]
        rows += [
            {"language": "en", "term": key_hash(term), "item_count": count}
            for term, count in frequencies().items()
        ]
        insert(connection, "story_terms", list({row["term"]: row for row in rows}.values()))


async def measure(store, size, weights):
    """Return (ms CPU to group an item, ms of it for candidates, candidates an item, ms without a window)."""
    found = list(news(BATCH * BATCHES, first=size))
    rules = {item.item_id: ("made",) for item in found}
    await Stories(store).of({item.item_id: item for item in found[:BATCH]}, rules, START)  # warm caches
    started = time.process_time()
    for first in range(0, len(found), BATCH):
        batch = {item.item_id: item for item in found[first : first + BATCH]}
        await Stories(store).of(batch, rules, START)
    whole = time.process_time() - started
    day = timedelta(hours=36)
    asked = [
        StoryQuery(item.event_at() - day, item.event_at() + day, postings=keys(item, weights).postings)
        for item in found
    ]
    started = time.process_time()
    answers = await store.story_candidates(asked)
    windowed = time.process_time() - started
    started = time.process_time()
    await store.story_candidates([replace(one, since=START) for one in asked[:UNWINDOWED]])
    unwindowed = time.process_time() - started
    count = len(found)
    return (
        1000 * whole / count,
        1000 * windowed / count,
        sum(map(len, answers)) / count,
        1000 * unwindowed / UNWINDOWED,
    )


async def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--most", type=int, default=100_000, help="largest store: 10000, 100000 or 1000000")
    options = parser.parse_args()
    counts = frequencies()
    weights = TermWeights(LEARNED, counts)
    print(
        f"{'items':>9} {'grouping':>9} {'candidates':>11} {'found':>6} {'no window':>10}   (ms CPU an item)"
    )
    first = None
    assert quick_keys(one := next(news(1)), weights) == keys(one, weights)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "monitor.db"
        store = SqlStorage(f"sqlite:///{path}")
        await store.open()
        teach(path)
        stored = 0
        for size in (one for one in SIZES if one <= options.most):
            fill(path, news(size - stored, first=stored), weights)
            stored = size
            grouping, candidates, found, unwindowed = await measure(store, size, weights)
            first = first or (grouping, candidates)
            print(
                f"{size:>9,} {grouping:>9.3f} {candidates:>11.3f} {found:>6.1f} {unwindowed:>10.3f}"
                f"   grouping x {grouping / first[0]:.2f}, candidates x {candidates / first[1]:.2f}"
            )
        await store.close()


if __name__ == "__main__":
    asyncio.run(main())
