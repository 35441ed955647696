"""Matching costs linear work in the text, whatever the text: operations are counted, not seconds.

Each text is doubled, and so may be the steps that Python takes: the lines of the matching code that run are
counted by the interpreter itself (`sys.settrace`), so a quadratic step shows whatever the machine does.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

import monitor
from monitor.models import Item
from monitor.rules.clauses import LONGEST_REGEX
from monitor.rules.engine import MOST_EVIDENCE, compile_tree
from monitor.rules.load import load_tree

# Alternatives as long as an expression may be; it never fits, so that all of it is tried everywhere.
REGEX = "(" + "|".join(f"e{'n' * n}v+o*" for n in range(1, 60))
REGEX = REGEX[: REGEX.rfind("|", 0, LONGEST_REGEX - 10)] + ")+z"
RULES = f"""
lists:
  places: {{kind: place, entries: [{{name: Moscow, except: [Moscow Idaho]}}]}}
rules:
  - {{id: sentence, title: S, severity: low, status: shadow, when: {{near: [envoy, talks, $places]}}}}
  - {{id: words, title: W, severity: low, status: shadow, when: {{near: [envoy, talks, $places], within: 9}}}}
  - {{id: ordered, title: O, severity: low, status: shadow, when: {{near: [envoy, envoy, talks], ordered: true}}}}
  - {{id: nested, title: N, severity: low, status: shadow, when: {{near: [{{near: [envoy, talks]}}, $places]}}}}
  - {{id: eight, title: E, severity: low, status: shadow, when: {{near: [envoy, envoy, envoy, envoy, envoy, envoy, talks, talks]}}}}
  - {{id: phrase, title: P, severity: low, status: shadow, when: {{any: [envoy envoy envoy envoy talks]}}}}
  - {{id: regex, title: R, severity: low, status: shadow, when: {{all: [envoy, {{regex: '{REGEX}'}}]}}}}
  - {{id: only-regex, title: X, severity: low, status: shadow, when: {{regex: '{REGEX}'}}}}
"""  # noqa: E501
TREE = load_tree({"x.yaml": RULES.encode()})
ENGINE = compile_tree(TREE)
# Eight operands cost 256 times one: linear, but not to be waited for on a megabyte.
FEWER = compile_tree(replace(TREE, rules=tuple(rule for rule in TREE.rules if rule.rule_id != "eight")))
CODE = str(Path(monitor.__file__).parent)
UNITS = [
    "envoy ",
    "envoy talks ",
    "envoy talks Moscow ",
    "Moscow Idaho envoy talks ",
    "envoy. talks; ",
    "enenvovy",
    "'s-",
]


def item(text: str) -> Item:
    return Item(item_id="i", feed_id="f", key="k", content=text)


def lines_run(text: str) -> int:
    """Count the lines of the program that run while a text is matched."""
    count = 0

    def trace(frame, event, _):
        nonlocal count
        if not frame.f_code.co_filename.startswith(CODE):
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        ENGINE.match(item(text))
    finally:
        sys.settrace(before)
    return count


def test_the_rules_are_as_hostile_as_they_may_be():
    assert not TREE.errors
    assert LONGEST_REGEX * 0.9 < len(REGEX) <= LONGEST_REGEX


@pytest.mark.parametrize("unit", UNITS)
def test_twice_the_text_is_twice_the_work(unit):
    ENGINE.match(item(unit * 10))  # words are looked up once
    steps = [lines_run(unit * (size // len(unit))) for size in (800, 1_600, 3_200)]
    # Sorting adds a logarithm, and what is done once for an item makes the small text look dear.
    assert steps[1] <= 2.1 * steps[0]
    assert steps[2] <= 2.1 * steps[1]


@pytest.mark.parametrize("unit", ["envoy talks ", "Moscow Idaho envoy talks ", "enenvovy"])
def test_a_megabyte_of_hostile_text(unit):
    # Up to 170,000 occurrences: a quadratic step would take hours.
    for match in FEWER.match(item(unit * (1_000_000 // len(unit)))):
        assert len(match.evidence) <= MOST_EVIDENCE
