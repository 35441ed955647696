"""Score the rules on labelled news: precision, recall, F1, false alarms, agreement of tags, and the errors.

`make eval`, or by hand: `python tests/benchmarks/score_rules.py [--list N] [--category ID] [--half even|odd]
[--rules DIR] [--data DIR]`. Without the data it says so and ends well.

--category lists every miss and every false alarm of one category; --half scores one half of the items, so
that rules can be written from one half and judged by the other.
"""

from __future__ import annotations

import argparse
import os
import sys
import zlib
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from monitor.models import Item  # noqa: E402 -- run as a script from anywhere
from monitor.rulebook import read_book  # noqa: E402
from tests.benchmarks import labelled  # noqa: E402
from tests.benchmarks.ratios import Counts, bootstrap, share, wilson  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
POOL, CASE, TAGGED = "annotated_pool", "case2021_task2", "plv"
SOFT = ("rss_sections_neg", "agnews_test", "nyt_keywords_2017_2018", "nyt_topstories_2018_2023")
HARD = "hard_negatives_sections"
RECALL = ("cameo_manual", "rams_dev_test")
SETS = (POOL, CASE, TAGGED, *SOFT, HARD, *RECALL)
FEWEST = 10  # labelled items below which a category's F1 says little
CHUNK = 250
# What the figures are meant to reach.
AIMS = {"pool precision": 0.80, "pool recall": 0.75, "category F1": 0.65, "case precision": 0.90,
        "case recall": 0.80, "soft per 1000": 1.0, "hard": 0.10, "roots": 0.70}  # fmt: skip


def read_rules(folder):
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.yaml")}
    return read_book(files, prefix="rules/")


class Asker:
    """The engine of one process, compiled once."""

    engine = None

    @classmethod
    def start(cls, folder):
        cls.engine = read_rules(Path(folder)).engine

    @classmethod
    def fired(cls, rows):
        return [cls._fired(row) for row in rows]

    @classmethod
    def _fired(cls, row):
        now = datetime.now(UTC)
        item = Item(item_id=row.item_id, feed_id="labelled", key=row.item_id, title=row.title,
                    summary=row.summary, published_at=row.at, first_seen_at=row.at or now)  # fmt: skip
        return frozenset(match.rule_id for match in cls.engine.match(item))


def ask(rows, folder):
    """Return the ids of the rules each row fires, asking in several processes."""
    chunks = [rows[at : at + CHUNK] for at in range(0, len(rows), CHUNK)]
    with ProcessPoolExecutor(os.cpu_count(), initializer=Asker.start, initargs=(str(folder),)) as pool:
        return [got for chunk in pool.map(Asker.fired, chunks) for got in chunk]


# --- the sets -------------------------------------------------------------------------------------


def any_rule(row, got):
    """Count one row of the pool for "something was rightly alarmed"; rows of doubt count for neither."""
    if row.relevant == "yes":
        return Counts(hit=1) if got else Counts(missed=1)
    return Counts(false=1) if got and row.relevant == "no" else Counts()


def of_category(row, found, category):
    """Count one row for one category; what only one annotator gave is not scored."""
    if category in row.sure:
        return Counts(hit=1) if category in found else Counts(missed=1)
    if category in found and category not in row.either and row.relevant != "unsure":
        return Counts(false=1)
    return Counts()


def weighted(row, counts):
    return Counts(counts.hit * row.weight, counts.false * row.weight, counts.missed * row.weight)


def total(counts):
    return sum(counts, Counts())


def figure(value, low, high):
    return f"{value:.3f} [{low:.2f}-{high:.2f}]"


def verdict(good):
    return "met" if good else "NOT MET"


def print_weighted(name, counts):
    """Print precision, recall and F1 of weighted counts; return their sum."""
    summed = total(counts)
    parts = [
        f"{label} {figure(get(summed), *bootstrap(counts, get))}"
        for label, get in (("P", lambda c: c.precision), ("R", lambda c: c.recall), ("F1", lambda c: c.f1))
    ]
    print(f"{name:28} {'  '.join(parts)}")
    return summed


def print_aims(counts, name, kind=""):
    precision, recall = AIMS[f"{name} precision"], AIMS[f"{name} recall"]
    print(f"aims: {kind}P >= {precision:.2f} {verdict(counts.precision >= precision)}, "
          f"R >= {recall:.2f} {verdict(counts.recall >= recall)}")  # fmt: skip


def score_pool(rows, found, gots, known):
    print(f"\n== {POOL}: {len(rows)} items, any rule (an alarm on a relevant item is right)")
    plain = [any_rule(row, got) for row, got in zip(rows, gots, strict=True)]
    print_weighted("each item counts once", plain)
    summed = print_weighted(
        "weighted as in the feeds", [weighted(r, c) for r, c in zip(rows, plain, strict=True)]
    )
    print_aims(summed, "pool", "weighted ")
    print(f"\n{'category':28}   n  hit false missed  {'P':17}  {'R':17}  F1    weighted F1")
    low = []
    for category in known:
        counts = [of_category(row, got, category) for row, got in zip(rows, found, strict=True)]
        one, heavy = total(counts), total(weighted(r, c) for r, c in zip(rows, counts, strict=True))
        n = one.hit + one.missed
        p = figure(one.precision, *wilson(one.hit, one.hit + one.false))
        r = figure(one.recall, *wilson(one.hit, n))
        numbers = f"{n:3.0f} {one.hit:4.0f} {one.false:5.0f} {one.missed:6.0f}"
        print(f"{category:28} {numbers}  {p:17}  {r:17}  {one.f1:.2f}  {heavy.f1:.2f}")
        if n >= FEWEST and one.f1 < AIMS["category F1"]:
            low.append(f"{category} {one.f1:.2f}")
    print(
        f"aim: F1 >= {AIMS['category F1']} with at least {FEWEST} items: {verdict(not low)} {', '.join(low)}"
    )


def score_rules(rows, gots, infos, known):
    """Print per rule how often it fired on items of its categories and on others."""
    print(f"\n{'rule':34} {'fired':>5} {'right category':>16} {'relevant item':>17}")
    for rule_id, info in sorted(infos.items()):
        mine = labelled.rule_categories(info.tags, known)
        hits = [
            row for row, got in zip(rows, gots, strict=True) if rule_id in got and row.relevant != "unsure"
        ]
        right = sum(bool(row.either & mine) for row in hits)
        relevant = sum(row.relevant == "yes" for row in hits)
        if hits:
            rates = f"{share(right, len(hits)):10.2f} {relevant:6} {share(relevant, len(hits)):10.2f}"
            print(f"{rule_id:34} {len(hits):5} {right:5} {rates}")


def score_case(rows, gots):
    counts = total(
        (Counts(hit=1) if got else Counts(missed=1)) if row.polarity == "pos" else Counts(false=bool(got))
        for row, got in zip(rows, gots, strict=True)
    )
    p = figure(counts.precision, *wilson(counts.hit, counts.hit + counts.false))
    r = figure(counts.recall, *wilson(counts.hit, counts.hit + counts.missed))
    print(f"\n== {CASE}: {len(rows)} items, any rule: P {p}  R {r}  F1 {counts.f1:.3f}")
    print_aims(counts, "case")


def score_alarms(name, rows, gots):
    """Print the false alarms among items that are negative by their section."""
    negative = [got for row, got in zip(rows, gots, strict=True) if row.polarity.startswith("neg")]
    alarms = sum(map(bool, negative))
    low, high = wilson(alarms, len(negative))
    rate = share(alarms, len(negative))
    if name == HARD:
        aim = f"aim <= {AIMS['hard']:.0%}: {verdict(rate <= AIMS['hard'])}"
    elif name.startswith("nyt"):
        aim = "no aim: sections at home write of foreign politics, too"
    else:
        aim = f"aim <= {AIMS['soft per 1000']}: {verdict(rate * 1000 <= AIMS['soft per 1000'])}"
    per_thousand = f"{rate * 1000:6.2f} per 1,000 [{low * 1000:.1f}-{high * 1000:.1f}]"
    print(f"{name:28} {len(negative):5} items {alarms:4} alarms  {per_thousand}  {aim}")


def score_roots(rows, gots, infos):
    """Print how often one of the fired rules has the PLOVER root that people gave."""
    fired = agreed = 0
    by_root = {}
    for row, got in zip(rows, gots, strict=True):
        gold = {label.removeprefix("plover:") for label in row.labels if label.startswith("plover:")}
        roots = set().union(*(labelled.rule_roots(infos[rule_id].tags) for rule_id in got))
        fired, agreed = fired + bool(got), agreed + bool(got and gold & roots)
        for root in gold:
            n, hit, right = by_root.get(root, (0, 0, 0))
            by_root[root] = (n + 1, hit + bool(got), right + bool(got and root in roots))
    print(f"\n== {TAGGED}: {len(rows)} sentences, {fired} fire a rule, of them with the sentence's root: "
          f"{figure(share(agreed, fired), *wilson(agreed, fired))}; "
          f"aim >= {AIMS['roots']}: {verdict(share(agreed, fired) >= AIMS['roots'])}")  # fmt: skip
    print(
        "  " + ", ".join(f"{root} {right}/{hit} of {n}" for root, (n, hit, right) in sorted(by_root.items()))
    )


def score_recall(name, rows, found, known):
    """Print recall by category where only presence is labelled."""
    parts, seen, hits = [], 0, 0
    for category, labels in known.items():
        mine = [got for row, got in zip(rows, found, strict=True) if row.labels & labels and labels]
        if mine:
            hit = sum(category in got for got in mine)
            seen, hits = seen + len(mine), hits + hit
            parts.append(f"{category} {hit}/{len(mine)}")
    print(f"\n== {name}: recall {figure(share(hits, seen), *wilson(hits, seen))}: {', '.join(parts)}")


# --- the errors -----------------------------------------------------------------------------------


def list_errors(name, rows, gots, most):
    """Print the false alarms and misses that weigh most."""
    wrong = [
        (row, got)
        for row, got in zip(rows, gots, strict=True)
        if got and (row.relevant == "no" or row.polarity.startswith("neg"))
    ]
    missed = [
        row
        for row, got in zip(rows, gots, strict=True)
        if not got and (row.relevant == "yes" or row.polarity == "pos")
    ]
    for row, got in sorted(wrong, key=lambda pair: -pair[0].weight)[:most]:
        print(f"  false  {row.weight:7.1f} {name}: {', '.join(sorted(got))}: {row.text[:300]}")
    for row in sorted(missed, key=lambda row: -row.weight)[:most]:
        labels = sorted(row.sure or row.labels)
        print(f"  missed {row.weight:7.1f} {name}: {', '.join(labels)}: {row.text[:300]}")


def list_category(rows, found, gots, category):
    """Print every error of one category."""
    for row, mine, got in zip(rows, found, gots, strict=True):
        counts = of_category(row, mine, category)
        if counts.false or counts.missed:
            kind = "false" if counts.false else "missed"
            print(f"  {kind:6} {row.weight:7.1f} {sorted(row.sure)} fired {sorted(got)}: {row.text[:400]}")


def half_of(rows, half):
    """Return one half of the rows, by a checksum of their ids."""
    wanted = {"even": (0,), "odd": (1,)}.get(half, (0, 1))
    return [row for row in rows if zlib.crc32(row.item_id.encode()) % 2 in wanted]


def main():
    parser = argparse.ArgumentParser(description="Score the rules on labelled news.")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--rules", type=Path, default=ROOT / "rules")
    parser.add_argument("--list", type=int, default=10, metavar="N", help="errors to list of each set")
    parser.add_argument("--category", help="list the errors of this category, and nothing else")
    parser.add_argument("--half", choices=("even", "odd"))
    args = parser.parse_args()
    if not (args.data / "eval").is_dir():
        print(f"no labelled news at {args.data / 'eval'}: nothing is scored (--data names another directory)")
        return
    infos = read_rules(args.rules).rules
    known = labelled.categories(args.data / "gazetteer" / "categories.json")
    tags = {rule_id: labelled.rule_categories(info.tags, known) for rule_id, info in infos.items()}
    chosen = (POOL,) if args.category else SETS
    sets = {
        name: half_of(labelled.read(args.data / "eval" / f"{name}.jsonl.gz"), args.half) for name in chosen
    }
    sets = {name: rows for name, rows in sets.items() if rows}
    answers = iter(ask([row for rows in sets.values() for row in rows], args.rules))
    gots = {name: [next(answers) for _ in rows] for name, rows in sets.items()}
    found = {name: [frozenset().union(*(tags[i] for i in got)) for got in gots[name]] for name in sets}
    if args.category:
        list_category(sets[POOL], found[POOL], gots[POOL], args.category)
        return
    report(sets, gots, found, infos, known, args.list)


def report(sets, gots, found, infos, known, most):
    """Print everything that the sets at hand can say."""
    if POOL in sets:
        score_pool(sets[POOL], found[POOL], gots[POOL], known)
        score_rules(sets[POOL], gots[POOL], infos, known)
    if CASE in sets:
        score_case(sets[CASE], gots[CASE])
    if TAGGED in sets:
        score_roots(sets[TAGGED], gots[TAGGED], infos)
    for name in RECALL:
        if name in sets:
            score_recall(name, sets[name], found[name], known)
    print("\n== false alarms")
    for name in (*SOFT, HARD):
        if name in sets:
            score_alarms(name, sets[name], gots[name])
    print("\n== the errors that weigh most")
    for name in (POOL, CASE, *SOFT[:2], HARD):
        if name in sets:
            list_errors(name, sets[name], gots[name], most)


if __name__ == "__main__":
    main()
