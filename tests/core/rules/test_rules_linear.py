"""Matching costs linear time in the text, whatever the text."""

from __future__ import annotations

import pytest

from monitor.models import Item
from monitor.rules.engine import MOST_EVIDENCE, compile_tree
from monitor.rules.load import load_tree

RULES = """
lists:
  places: {kind: place, entries: [{name: Moscow, except: [Moscow Idaho]}]}
rules:
  - {id: sentence, title: S, severity: low, status: shadow, when: {near: [envoy, talks, $places]}}
  - {id: words, title: W, severity: low, status: shadow, when: {near: [envoy, talks, $places], within: 9}}
  - {id: ordered, title: O, severity: low, status: shadow, when: {near: [envoy, envoy, talks], ordered: true}}
  - {id: nested, title: N, severity: low, status: shadow, when: {near: [{near: [envoy, talks]}, $places]}}
  - {id: phrase, title: P, severity: low, status: shadow, when: {any: [envoy envoy envoy envoy talks]}}
  - {id: regex, title: R, severity: low, status: shadow, when: {all: [envoy, {regex: '(e|en)+(v|o|y)*z'}]}}
"""
ENGINE = compile_tree(load_tree({"x.yaml": RULES.encode()}))


@pytest.mark.parametrize(
    "unit",
    [
        "envoy ",
        "envoy talks ",
        "envoy talks Moscow ",
        "Moscow Idaho envoy talks ",
        "envoy. talks; ",
        "enenvovy",
    ],
)
def test_a_long_hostile_text(unit):
    # 100,000 characters, ten thousand occurrences: a quadratic step would take many minutes.
    text = unit * (100_000 // len(unit))
    for match in ENGINE.match(Item(item_id="i", feed_id="f", key="k", content=text)):
        assert len(match.evidence) <= MOST_EVIDENCE
