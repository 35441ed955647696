"""Labelled streams, past items to learn terms from, and the figures of a grouping; for the story scripts."""

from __future__ import annotations

import gzip
import html
import json
import sys
from bisect import bisect_right
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from monitor.models import Item  # noqa: E402 -- run as a script from anywhere
from monitor.stories.profile import profile  # noqa: E402
from monitor.stories.weights import NOTHING_LEARNED, RuleWeights, TermWeights  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
STREAMS = DATA / "stories" / "dev" / "rss_rule_streams.jsonl"
PAST = DATA / "items"
EXCLUDED = "x"  # live blogs and digests: scored by nobody's reading


def read(path):
    """Return {stream: [(item, story, event)]} in order of time."""
    streams = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        at = datetime.fromtimestamp(row["t"], UTC)
        item = Item(
            item_id=f"{row['stream']}/{row['i']}",
            feed_id=row["source"],
            key=row["id"],
            title=row["title"],
            summary=row["summary"],
            url=row["url"],
            language=row.get("lang", "en"),
            published_at=at,
            first_seen_at=at,
        )
        streams[row["stream"]].append((item, row["story"], row["event"]))
    return {name: sorted(rows, key=lambda row: row[0].event_at()) for name, rows in streams.items()}


def past_items(directory=PAST):
    """Yield the archive's items in order of time: what an installation would have learned from."""
    items = []
    for path in sorted(directory.glob("world-*.ndjson.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines):
                row = json.loads(line)
                try:
                    at = datetime.fromisoformat(row["pubDate"])
                except (ValueError, TypeError):
                    continue
                items.append(
                    Item(
                        item_id=f"{path.name}/{number}",
                        feed_id=row["source"],
                        key="",
                        title=html.unescape(row["title"] or ""),
                        summary=html.unescape(row.get("description") or ""),
                        language="en",
                        published_at=at,
                        first_seen_at=at,
                    )
                )
    return sorted(items, key=lambda item: item.event_at())


class Background:
    """Document frequencies as an installation would know them at a time; asked in order of time."""

    def __init__(self, items):
        self.items = items
        self.times = [item.event_at() for item in items]
        self.known = 0
        self.counts = defaultdict(Counter)
        self.totals = Counter()

    def at(self, time):
        until = bisect_right(self.times, time)
        for item in self.items[self.known : until]:
            found = profile(item)
            self.counts[found.language].update(found.terms)
            self.totals[found.language] += 1
        self.known = max(self.known, until)
        return {
            language: TermWeights(total, self.counts[language]) for language, total in self.totals.items()
        }


def timed(streams):
    """Return (stream, place, row) of all streams in order of time."""
    rows = [(name, place, row) for name, rows in streams.items() for place, row in enumerate(rows)]
    return sorted(rows, key=lambda one: (one[2][0].event_at(), one[0], one[1]))


def weights_by_item(streams, items):
    """Return for each item of the streams the frequencies known when it came; {} = nothing learned.

    Days, not moments: the frequencies of one day are one value.
    """
    background, known, day = Background(items), {}, None
    for _, _, (item, _, _) in timed(streams):
        if item.event_at().date() != day:
            day = item.event_at().date()
            now = background.at(item.event_at())
            frozen = {
                lang: TermWeights(one.items, Counter(background.counts[lang])) for lang, one in now.items()
            }
        known[item.item_id] = frozen
    return known


def hits_before(rows, place, weights):
    """Return (language, what a stream's rule has learned from its hits before one)."""
    language = profile(rows[place][0]).language
    counts, items = Counter(), 0
    for item, _, _ in rows[:place]:
        found = profile(item)
        if found.language == language:
            counts.update(found.terms)
            items += 1
    return language, RuleWeights((weights or {}).get(language, NOTHING_LEARNED), items, counts)


def bcubed(clusters, events):
    """Return (precision, recall, F) over items; both map an item id to a label."""
    by_cluster, by_event = defaultdict(set), defaultdict(set)
    for item_id in events:
        by_cluster[clusters[item_id]].add(item_id)
        by_event[events[item_id]].add(item_id)
    precision = recall = 0.0
    for item_id in events:
        mine, true = by_cluster[clusters[item_id]], by_event[events[item_id]]
        precision += len(mine & true) / len(mine)
        recall += len(mine & true) / len(true)
    precision, recall = precision / len(events), recall / len(events)
    return precision, recall, 2 * precision * recall / (precision + recall)


def developments(clusters, events, order):
    """Return (extra alerts, folded, lost).

    An alert is the first item of a cluster, and it is about that item's development. A development
    that opens no cluster is shown only as an update (folded); it is lost if, besides, all its items
    are in clusters opened by a development of another story.
    """
    opener, opened = {}, Counter()
    for item_id in order:
        if clusters[item_id] not in opener:
            opener[clusters[item_id]] = events[item_id]
            opened[events[item_id]] += 1
    extra = sum(count - 1 for count in opened.values())
    without = set(events.values()) - set(opened)
    story = {event: event.rsplit("/", 1)[0] for event in without}
    lost = sum(
        all(
            opener[clusters[item_id]].rsplit("/", 1)[0] != story[event]
            for item_id in order
            if events[item_id] == event
        )
        for event in without
    )
    return extra, len(without) - lost, lost
