"""Score story grouping on labelled streams beside four baselines: BCubed, extra alerts, lost developments.

Run it by hand: `python tests/benchmarks/score_stories.py [FILE]`; the default file is
`../shared/data/stories/dev/rss_rule_streams.jsonl`. What is scored is the program's own way through the
store's candidates. Terms are learned from `--past`, an archive, up to each item's day.

Rows: *left out* takes coefficients that were fitted without the stream they score, so that it tells what
other streams would give; *shipped* takes those in the package (which saw the default file); with *file only*
terms are learned from the file's own items as they come, as in an installation's first days; *cold* has
learned nothing, so that only address, headline and text count. `P`, `R`, `F` are BCubed on
developments; *extra* are further alerts about one; *folded* developments are shown only as an update of
another one of their story, and *lost* ones under another story.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

from rapidfuzz.fuzz import token_set_ratio
from story_data import (
    EXCLUDED,
    PAST,
    STREAMS,
    bcubed,
    developments,
    hits_before,
    past_items,
    read,
    weights_by_item,
)

from monitor.models import StoryLayer
from monitor.stories.grouping import Assigner
from monitor.stories.keys import LEAST_SHARED, keys
from monitor.stories.linking import BALANCED, SAFE, Joining, Judge
from monitor.stories.model import SHIPPED
from monitor.stories.profile import profile
from monitor.stories.similarity import jaccard
from monitor.stories.weights import TermWeights

WINDOW = timedelta(hours=36)


def group(streams, known, mode, models):
    """Return {item id: member} as the program groups each stream, one item after the other."""
    members = {}
    for name, rows in streams.items():
        assigner = Assigner(rows[0][0].first_seen_at)
        for place, (item, _, _) in enumerate(rows):
            weights = known.get(item.item_id)
            language, learned = hits_before(rows, place, weights)
            by_rule = {(name, language): learned}
            judge = Judge(weights, Joining(mode), model=models[name], rule_weights=by_rule)
            members[item.item_id] = assigner.judged(judge).assign(item, rules=(name,))
    return members


def group_by(streams, similarity, least):
    """Return {item id: cluster}: an item joins the most similar one of the last 36 h."""
    clusters = {}
    for rows in streams.values():
        for place, (item, _, _) in enumerate(rows):
            near = [
                (similarity(item, other), -n, other)
                for n, (other, _, _) in enumerate(rows[:place])
                if item.event_at() - other.event_at() <= WINDOW
            ]
            best = max(near, key=lambda one: one[:2], default=None)
            joins = best is not None and best[0] >= least
            clusters[item.item_id] = clusters[best[2].item_id] if joins else item.item_id
    return clusters


def trigrams(item):
    """Return pg_trgm's trigrams of a headline: of each word, with two spaces before and one behind."""
    words = [f"  {word} " for word in profile(item).title.split()]
    return frozenset(word[n : n + 3] for word in words for n in range(len(word) - 2))


def baselines(known):
    def cosine(one, other):
        weights = known.get(one.item_id, {}).get("en", TermWeights())
        mine, theirs = profile(one).terms, profile(other).terms

        def squares(terms):
            return sum(weights.of(term) ** 2 for term in terms)

        shared = squares(mine & theirs)
        return shared / (squares(mine) * squares(theirs)) ** 0.5 if shared else 0.0

    return {
        "canonical URL": (lambda a, b: float(keys(a).url_key == keys(b).url_key != ""), 1.0),
        "token_set_ratio .8": (lambda a, b: token_set_ratio(profile(a).title, profile(b).title) / 100, 0.8),
        "TF-IDF cosine .5": (cosine, 0.5),
        "pg_trgm .4": (lambda a, b: jaccard(trigrams(a), trigrams(b)), 0.4),
    }


def row(label, clusters, streams):
    scored = [
        (item.item_id, event) for rows in streams.values() for item, story, event in rows if story != EXCLUDED
    ]
    events = dict(scored)
    precision, recall, f = bcubed(clusters, events)
    extra, folded, lost = developments(clusters, events, [item_id for item_id, _ in scored])
    print(f"{label:28} {precision:6.3f} {recall:6.3f} {f:6.3f} {extra:6} {folded:7} {lost:5}")


def left_out(streams, known):
    from fit_stories import labelled_pairs, model_without

    pairs = labelled_pairs(streams, known)
    return {name: model_without(name, pairs) for name in streams}


def stories(members):
    return {item_id: member.story_id for item_id, member in members.items()}


def folded_news(members, streams):
    """Print how many developments are told at once: by an alert of their own or by a material update.

    The first report of each counts; one that a story already holds and that tells nothing new would be
    attached in silence.
    """
    silent = []
    developments = 0
    for rows in streams.values():
        seen = set()
        for item, story, event in rows:
            if story == EXCLUDED or event in seen:
                continue
            seen.add(event)
            developments += 1
            member = members[item.item_id]
            if member.layer is not StoryLayer.NEW and not member.novel:
                silent.append(item.title)
    print(f"told at their first report: {developments - len(silent)} of {developments} developments")
    for title in silent:
        print(f"  attached in silence: {title}")


def retrieval(streams, known):
    """Print how many reports share two of their rarest terms with an earlier one of their development."""
    found = wanted = 0
    for rows in streams.values():
        posted = [
            set(keys(item, known.get(item.item_id, {}).get("en", TermWeights())).postings)
            for item, _, _ in rows
        ]
        for place, (item, story, event) in enumerate(rows):
            earlier = [
                n
                for n, (other, _, label) in enumerate(rows[:place])
                if label == event and item.event_at() - other.event_at() <= WINDOW
            ]
            if story != EXCLUDED and earlier:
                wanted += 1
                found += any(len(posted[place] & posted[n]) >= LEAST_SHARED for n in earlier)
    print(f"found by two of their rarest terms: {found} of {wanted} later reports")


def per_stream(members, streams):
    print("\nshipped, safe, by stream")
    for name, rows in streams.items():
        row(f"  {name}", stories(members), {name: rows})


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("file", nargs="?", type=Path, default=STREAMS)
    parser.add_argument("--past", type=Path, default=PAST, help="archive to learn document frequencies from")
    parser.add_argument("--by-stream", action="store_true")
    options = parser.parse_args()
    if not options.file.exists():
        raise SystemExit(f"there is no {options.file}: nothing was scored")
    streams = read(options.file)
    past = past_items(options.past) if options.past.is_dir() else []
    known = weights_by_item(streams, past)
    labels = {event for rows in streams.values() for _, story, event in rows if story != EXCLUDED}
    count = sum(story != EXCLUDED for rows in streams.values() for _, story, _ in rows)
    print(
        f"{count} items, {len(labels)} developments, {len(streams)} streams; learned from {len(past):,} items"
    )
    print(f"{'':28} {'P':>6} {'R':>6} {'F':>6} {'extra':>6} {'folded':>7} {'lost':>5}")
    for label, (similarity, least) in baselines(known).items():
        row(label, group_by(streams, similarity, least), streams)
    shipped = dict.fromkeys(streams, SHIPPED)
    if len(streams) > 1:
        models = left_out(streams, known)
        row("left out, safe", stories(group(streams, known, SAFE, models)), streams)
        row("left out, balanced", stories(group(streams, known, BALANCED, models)), streams)
    started = time.process_time()
    members = group(streams, known, SAFE, shipped)
    seconds = time.process_time() - started
    row("shipped, safe", stories(members), streams)
    row("shipped, balanced", stories(group(streams, known, BALANCED, shipped)), streams)
    own = sorted((item for rows in streams.values() for item, _, _ in rows), key=lambda item: item.event_at())
    learned = weights_by_item(streams, own)
    row("shipped, safe, file only", stories(group(streams, learned, SAFE, shipped)), streams)
    row("shipped, safe, cold", stories(group(streams, {}, SAFE, shipped)), streams)
    layers = Counter(member.layer for member in members.values())
    joined = [member for member in members.values() if member.layer is not StoryLayer.NEW]
    print("layers " + ", ".join(f"{layer} {layers[layer]}" for layer in StoryLayer if layers[layer]))
    print(f"{sum(bool(one.novel) for one in joined)} of {len(joined)} joined items tell something new")
    folded_news(members, streams)
    retrieval(streams, known)
    print(f"{1000 * seconds / len(members):.2f} ms CPU an item")
    if options.by_stream:
        per_stream(members, streams)


if __name__ == "__main__":
    main()
