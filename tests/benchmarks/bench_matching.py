"""Items matched per second against the number of rules, beside one `re` a rule and YARA-X in the same run.

    python tests/benchmarks/bench_matching.py [--rules 10 100 1000 10000 100000] [--items 4000] [--seed 1]

The rules are made here: any of 3 to 10 names, and any of 5 to 20 words or phrases (in half of them at most
ten words apart), and none of 1 to 5 words; a rule matches about one item in fifteen thousand. Every term is
compared as written, without word forms, so that all three can mean the same; what they find is compared,
and a difference ends the run. Items are read from ../shared/data/items where it is there, else made. They
are new to the engine when its time is taken ("cold": words never seen before) and known in a second round
("warm": a stream whose words repeat, as news does). Seconds are CPU time of one process, the best of three
rounds for figures that can be repeated: on a busy machine wall clock tells nothing.
"""

from __future__ import annotations

import argparse
import gc
import gzip
import json
import random
import re
import sys
import time
from bisect import bisect_left
from collections import Counter
from itertools import product
from pathlib import Path
from typing import NamedTuple

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from monitor.garbage import keep
from monitor.models import Item, Severity
from monitor.rules.engine import compile_tree
from monitor.rules.load import load_tree
from monitor.rules.schema import Group, MatchMode, Near, Rule, RuleTree, Status, Term
from monitor.text.clean import visible_text
from monitor.text.tokens import Tokens

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "items"
WITHIN = 10
NAIVE_MOST = 10_000  # rules beyond which one expression a rule is not waited for
YARA_MOST = 10_000
PLAIN = re.compile(r"[ -~\n]+")
ODD = re.compile(
    r"[A-Za-z0-9]'(?!s\b)[A-Za-z0-9]|_|[A-Za-z]\.[A-Za-z]"
)  # words that the three cut differently


class Made(NamedTuple):
    """One rule of the benchmark."""

    names: tuple[str, ...]
    phrases: tuple[str, ...]
    none: tuple[str, ...]
    near: bool


def corpus(count: int, seed: int) -> list[tuple[str, str]]:
    """Titles and summaries in plain ASCII, in one random order."""
    dice = random.Random(seed)
    texts = []
    for path in sorted(DATA.glob("world-*.ndjson.gz")) if DATA.is_dir() else []:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            rows = map(json.loads, lines)
            texts += [
                (visible_text(r.get("title") or ""), visible_text(r.get("description") or "")) for r in rows
            ]
    if not texts:
        print("no ../shared/data/items: items are made of invented words")
        words = [
            "".join(dice.choices("bcdfgklmnprstvz", k=1) + dice.choices("aeiou", k=1)) for _ in range(40_000)
        ]
        words = [
            f"{a}{b}{dice.choice('nrsl')}".title() if dice.random() < 0.3 else f"{a}{b}"
            for a, b in product(words[:200], words[200:400])
        ]
        weights = [1 / (rank + 1) for rank in range(len(words))]
        texts = [
            (" ".join(dice.choices(words, weights, k=9)), " ".join(dice.choices(words, weights, k=35)))
            for _ in range(3 * count)
        ]
    usable = [
        pair
        for pair in dict.fromkeys(texts)
        if PLAIN.fullmatch("\n".join(pair)) and not ODD.search("\n".join(pair))
    ]
    dice.shuffle(usable)
    return usable


def make_rules(count: int, texts: list[tuple[str, str]], seed: int) -> list[Made]:
    """Rules whose words occur in the texts: names are rare, words are not."""
    dice = random.Random(seed)
    capital, small = Counter[str](), Counter[str]()
    for pair in texts:
        for word in set(re.findall(r"[A-Za-z]+", " ".join(pair))):
            (capital if word[0].isupper() and word[1:].islower() else small)[word] += 1
    names = sorted(
        word
        for word, seen in capital.items()
        if 2 <= seen <= 40 and not small[word.lower()] and len(word) > 3
    )
    words = sorted(
        (word for word in small if len(word) > 3 and word.islower()), key=lambda word: (-small[word], word)
    )[50:6000]

    def phrase() -> str:
        return dice.choice(words) if dice.random() < 0.6 else f"{dice.choice(words)} {dice.choice(words)}"

    return [
        Made(
            tuple(dice.sample(names, dice.randint(3, 10))),
            tuple(phrase() for _ in range(dice.randint(5, 20))),
            tuple(dice.sample(words, dice.randint(1, 5))),
            dice.random() < 0.5,
        )
        for _ in range(count)
    ]


def as_rule(number: int, made: Made) -> Rule:
    """The rule as the engine takes it."""

    def any_of(texts: tuple[str, ...]) -> Group:
        return Group("any", tuple(Term(text, MatchMode.WORD) for text in texts))

    names, phrases = any_of(made.names), any_of(made.phrases)
    asked = (Near((names, phrases), WITHIN),) if made.near else (names, phrases)
    none = Group("none", any_of(made.none).clauses)
    return Rule(f"r{number}", "R", Severity.LOW, when=Group("all", (*asked, none)), status=Status.SHADOW)


def close(made: Made, pair: tuple[str, str]) -> bool:
    """What near means, tried out: used where regular expressions and YARA cannot count words."""
    for text in pair:
        tokens = [(found.start(), found[0].lower()) for found in re.finditer(r"[A-Za-z0-9]+", text)]
        starts = [start for start, _ in tokens]
        places = [
            [
                (bisect_left(starts, found.start()), bisect_left(starts, found.start()) + term.count(" "))
                for term in terms
                for found in re.finditer(rf"\b{term}\b", text, re.IGNORECASE)
            ]
            for terms in (made.names, made.phrases)
        ]
        if any(
            max(b[0] - a[1], a[0] - b[1]) - 1 <= WITHIN and (a[1] < b[0] or b[1] < a[0])
            for a, b in product(*places)
        ):
            return True
    return False


def naive(rules: list[Made], items: list[tuple[str, str]]) -> tuple[float, list[list[int]]]:
    """One `re` for each part of each rule; return seconds and what fires."""

    def any_of(texts: tuple[str, ...]) -> re.Pattern[str]:
        return re.compile(rf"\b(?:{'|'.join(texts)})\b", re.IGNORECASE)

    compiled = [(any_of(made.names), any_of(made.phrases), any_of(made.none)) for made in rules]
    started, fired = time.process_time(), []
    for pair in items:
        text = "\n".join(pair)
        here = [
            number
            for number, (names, phrases, none) in enumerate(compiled)
            if names.search(text) and phrases.search(text) and not none.search(text)
        ]
        fired.append([number for number in here if not rules[number].near or close(rules[number], pair)])
    return time.process_time() - started, fired


def yara(rules: list[Made], items: list[tuple[str, str]]) -> tuple[float, list[list[int]]] | None:
    """YARA-X with one rule a rule; return seconds and what fires."""
    try:
        import yara_x
    except ImportError:
        return None
    source = []
    for number, made in enumerate(rules):
        strings = "\n".join(
            f'    ${letter}{place} = "{text}" fullword nocase'
            for letter, texts in (("n", made.names), ("p", made.phrases), ("x", made.none))
            for place, text in enumerate(texts)
        )
        source.append(
            f"rule r{number} {{\n  strings:\n{strings}\n"
            "  condition: any of ($n*) and any of ($p*) and none of ($x*)\n}"
        )
    scanner = yara_x.Scanner(yara_x.compile("\n".join(source)))
    started, fired = time.process_time(), []
    for pair in items:
        here = sorted(
            int(rule.identifier[1:]) for rule in scanner.scan("\n".join(pair).encode()).matching_rules
        )
        fired.append([number for number in here if not rules[number].near or close(rules[number], pair)])
    return time.process_time() - started, fired


def timed(engine, items: list[Item], rounds: int) -> float:
    """Best CPU seconds of several rounds."""
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        for item in items:
            engine.match(item)
        best = min(best, time.process_time() - started)
    return best


def long_items(pairs: list[tuple[str, str]], characters: int, count: int) -> list[Item]:
    """Items of so many characters, made of several."""
    texts, text = [], ""
    for _, summary in pairs:
        text += summary + "\n"
        if len(text) >= characters:
            texts.append(text[:characters])
            text = ""
        if len(texts) == count:
            break
    return [Item(f"l{n}", "f", f"l{n}", title=text[:80], content=text) for n, text in enumerate(texts)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rules", type=int, nargs="+", default=[10, 100, 1_000, 10_000, 100_000])
    parser.add_argument("--items", type=int, default=4_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    texts = corpus(arguments.items, arguments.seed)
    pairs = texts[: arguments.items]
    items = [
        Item(f"i{n}", "f", f"i{n}", title=title, summary=summary) for n, (title, summary) in enumerate(pairs)
    ]
    sample = [Item(f"s{n}", "f", f"s{n}", title=a, summary=b) for n, (a, b) in enumerate(texts[-1_000:])]
    started = time.process_time()
    for item in items:
        Tokens(item.title), Tokens(item.summary)
    tokens = len(items) / (time.process_time() - started)
    print(f"{len(items):,} items, {sum(map(len, map(' '.join, pairs))) / len(pairs):.0f} characters each")
    print(f"cutting them into tokens alone: {tokens:,.0f} items/s on this machine, at this time")
    print(
        "  rules  compile    tune  memory     cold     warm  hits/item   naive  times   YARA-X  times  agree"
    )
    process, speeds, engine = psutil.Process(), {}, None
    for count in arguments.rules:
        rules = make_rules(count, texts, arguments.seed)
        tree = RuleTree(tuple(as_rule(number, made) for number, made in enumerate(rules)), {}, {}, ())
        del engine
        gc.collect()
        before = process.memory_info().rss
        started = time.process_time()
        engine = compile_tree(tree)
        compiled = time.process_time() - started
        started = time.process_time()
        engine.tune(sample)  # tells what is rare in a thousand items, and makes the index
        tuned = time.process_time() - started
        keep()
        memory = process.memory_info().rss - before
        cold = len(items) / timed(engine, items, 1)
        warm = speeds[count] = len(items) / timed(engine, items, 3)
        few = max(20, min(len(items), 200_000 // count))
        fired = [[int(match.rule_id[1:]) for match in engine.match(item)] for item in items]
        hits = sum(map(len, fired)) / len(fired)
        row = f"{count:7,} {compiled:7.2f}s {tuned:6.2f}s {memory / 1e6:4.0f}MB"
        row += f" {cold:8,.0f} {warm:8,.0f} {hits:9.4f}"
        agree = True
        if count <= NAIVE_MOST:
            seconds, expected = naive(rules, pairs[:few])
            agree = expected == fired[:few]
            row += f" {few / seconds:7,.0f} {warm * seconds / few:6,.0f}"
        else:
            row += f" {'-':>7} {'-':>6}"
        measured = yara(rules, pairs[: few * 10]) if count <= YARA_MOST else None
        if measured is not None:
            seconds, expected = measured
            agree = agree and expected == fired[: few * 10]
            row += f" {len(expected) / seconds:8,.0f} {warm * seconds / len(expected):6,.1f}"
        else:
            row += f" {'-':>8} {'-':>6}"
        print(f"{row}  {'yes' if agree else 'NO'}", flush=True)
        if not agree:
            raise SystemExit("the engines disagree")
        if count == 1_000:
            long = long_items(texts, 3_500, 500)
            if long:
                print(f"        3,500-character items: {len(long) / timed(engine, long, 3):,.0f} items/s")
    if {100, 10_000} <= speeds.keys():
        print(f"cost at 10,000 rules: {speeds[100] / speeds[10_000]:.2f} times that at 100")
    read_yaml(make_rules(min(10_000, max(arguments.rules)), texts, arguments.seed))


def read_yaml(rules: list[Made]) -> None:
    """Print how long it takes to read rules from a file."""
    line = "  - {id: r%d, title: R, severity: low, status: shadow, when: {any: %s}}"
    source = "\n".join(("rules:", *(line % (n, json.dumps(made.phrases)) for n, made in enumerate(rules))))
    started = time.process_time()
    tree = load_tree({"x.yaml": source.encode()})
    seconds = time.process_time() - started
    print(f"reading {len(tree.rules):,} rules from {len(source) / 1e6:.1f} MB of YAML: {seconds:.1f} s")


if __name__ == "__main__":
    main()
