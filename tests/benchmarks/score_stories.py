"""Score story grouping on labelled streams: BCubed, extra alerts, lost developments, and what it costs.

Run it by hand: `python tests/benchmarks/score_stories.py [FILE]`; the default is
`../shared/data/stories/dev/rss_rule_streams.jsonl`.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from monitor.models import Item, StoryLayer  # noqa: E402 -- run as a script from anywhere
from monitor.stories.grouping import Assigner, assign, keys  # noqa: E402

DEFAULT = ROOT.parent / "shared" / "data" / "stories" / "dev" / "rss_rule_streams.jsonl"
EXCLUDED = "x"  # live blogs and digests: scored by nobody's reading


def read(path):
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
            published_at=at,
            first_seen_at=at,
        )
        streams[row["stream"]].append((item, row["story"], row["event"]))
    return streams


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


def main():
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT
    if not path.exists():
        raise SystemExit(f"there is no {path}: nothing was scored")
    clusters, events, order, layers = {}, {}, [], Counter()
    kept = []
    started = time.perf_counter()
    for rows in read(path).values():
        assigner = Assigner(rows[0][0].first_seen_at)
        for item, story, event in sorted(rows, key=lambda row: row[0].event_at()):
            member = assigner.assign(item)
            kept.append((member, item))
            if story == EXCLUDED:
                continue
            clusters[item.item_id] = member.story_id
            events[item.item_id] = event
            order.append(item.item_id)
            layers[member.layer] += 1
    seconds = time.perf_counter() - started
    precision, recall, f = bcubed(clusters, events)
    extra, folded, lost = developments(clusters, events, order)
    print(
        f"items {len(order)}, developments {len(set(events.values()))}, stories {len(set(clusters.values()))}"
    )
    print(
        f"BCubed P {precision:.3f} R {recall:.3f} F {f:.3f}; "
        f"extra alerts {extra}, folded {folded}, lost {lost}"
    )
    print("layers " + ", ".join(f"{layer} {layers[layer]}" for layer in StoryLayer))
    print(f"{1000 * seconds / len(kept):.2f} ms an item")
    sketch_recall(kept)


def sketch_recall(kept):
    """Tell how many near-duplicates the postings find, and how many others they bring along."""
    grouped = [(member, item, keys(item)) for member, item in kept]
    wanted = found = brought = 0
    for place, (_, item, mine) in enumerate(grouped):
        for member, other, theirs in grouped[:place]:
            shared = len(set(mine.postings) & set(theirs.postings)) >= 2
            brought += shared
            alone = assign(item, mine, [(member, other)], item.first_seen_at)
            if alone.layer is StoryLayer.TEXT:
                wanted += 1
                found += shared
    print(f"near-duplicate pairs {wanted}, of them found by postings {found}; pairs brought {brought}")


if __name__ == "__main__":
    main()
