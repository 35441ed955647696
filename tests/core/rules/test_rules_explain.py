"""Explanations agree with the engine, and say what an analyst needs to know."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.models import Feed, Item, Severity, Tier
from monitor.rules.engine import compile_tree
from monitor.rules.explain import Explainer, explain
from monitor.rules.load import load_tree
from monitor.rules.schema import (
    Exemption,
    Group,
    MatchMode,
    Near,
    Pattern,
    Rule,
    RuleTree,
    Status,
    Term,
    Where,
)
from monitor.rules.testing import example_item
from tests.shipped import shipped_book
from tests.strategies import FILLERS, passages, words

LISTS = """\
lists:
  us_envoys:
    kind: person
    entries:
      - {name: Steve Witkoff, match: [Witkoff], valid: {from: 2025-01-20}}
      - {name: Keith Kellogg, match: [Kellogg]}
  arrive: {kind: vocabulary, en: [arrive, land, touch down]}
  moscow:
    kind: place
    entries:
      - {name: Moscow, match: [Moscow], except: ["Moscow, Idaho"]}
macros:
  envoy:
    any:
      - $us_envoys
      - {near: [envoy, {text: US, case: exact}], within: 2}
rules:
"""


def tree_of(condition: str, **more: str) -> RuleTree:
    """A tree of the lists above and one rule with this `when` (YAML in flow style)."""
    keys = {"id": "r", "title": "R", "severity": "low", "status": "draft", "when": condition, **more}
    rule = ", ".join(f"{key}: {value}" for key, value in keys.items())
    tree = load_tree({"x.yaml": f"{LISTS}  - {{{rule}}}\n".encode()})
    assert [str(one) for one in tree.errors] == []
    return tree


def told(condition: str, title: str, *, summary: str = "", at: datetime | None = None, **more: str):
    item = Item("i", "f", "k", title=title, summary=summary, published_at=at, first_seen_at=at)
    return explain(tree_of(condition, **more), "r", item)


def steps(step):
    return chain((step,), *map(steps, step.children))


# --- the reasons ---------------------------------------------------------------------------------

NEAR = "{near: [$envoy, $arrive, $moscow], within: 5}"
LONG_WAY = "Witkoff one two three four arrives five six seven in Moscow"


@pytest.mark.parametrize(
    ("condition", "title", "reason"),
    [
        # A list says how many ways there were, and what stands there that is nearly one of them.
        ("{all: [$us_envoys]}", "Nobody comes", "none of 2 entries of $us_envoys"),
        (
            "{all: [$us_envoys]}",
            "Witkof comes",
            (
                'none of 2 entries of $us_envoys; the text has "Witkof": did you mean "Witkoff"'
                " (us_envoys: Steve Witkoff)?"
            ),
        ),
        ("{all: [$moscow]}", "Nobody comes", "the one entry of $moscow does not occur"),
        # Another word with another first letter is no misspelling.
        ("{all: [$us_envoys]}", "Bellogg comes", "none of 2 entries of $us_envoys"),
        # What occurs and does not count is told with what it stands in.
        (
            "{all: [$moscow]}",
            "A farm in Moscow, Idaho",
            '"Moscow" stands only inside the excepted "Moscow, Idaho"',
        ),
        # Words.
        ("{all: [truce]}", "A ceasefire", "not in the title, summary or content"),
        ("{any: [truce, pact]}", "A ceasefire", "none of these 2 words and phrases occurs"),
        (
            "{all: [touch down]}",
            "They touch a nerve, down there",
            (
                'not in the title, summary or content; the words of "touch down" occur,'
                " but not next to each other"
            ),
        ),
        (
            "{all: [{text: US, case: exact}]}",
            "They told us",
            'not in the title, summary or content; the text has "us", but case: exact is asked for',
        ),
        (
            "{all: [ceasefire]}",
            "A ceasefyre",
            'not in the title, summary or content; the text has "ceasefyre": did you mean "ceasefire"?',
        ),
        # Another field than the searched one.
        (
            "{all: [{text: truce, in: summary}]}",
            "A truce",
            'the item has no summary; "truce" is in the title, but only summary is searched',
        ),
        ("{all: [{regex: 'tru+ce'}]}", "A ceasefire", "not in the title, summary or content"),
        # near: what is missing, or how close it came.
        (NEAR, "Witkoff arrives", "$moscow is missing"),
        (NEAR, "Talks in Moscow", "$envoy and $arrive are missing"),
        (
            NEAR,
            LONG_WAY,
            '"Witkoff … arrives … Moscow" are 8 words apart in the title, at most 5 allowed',
        ),
        (
            "{near: [$us_envoys, $arrive], within: sentence}",
            "Witkoff leaves. A plane lands",
            '"Witkoff … lands" are not in one sentence (3 words apart in the title)',
        ),
        (
            "{near: [$us_envoys, $arrive], within: 5, ordered: true}",
            "Arrived: Witkoff",
            "everything occurs, but in another order",
        ),
        (
            "{near: [talks, talks], within: 5}",
            "The talks",
            "the same words would have to serve for two operands at once",
        ),
        # none: what is there and should not be.
        ("{all: [talks], none: [stock]}", "Talks on stock", 'excluded: "stock"'),
    ],
)
def test_the_reason_of_the_deciding_step(condition, title, reason):
    found = told(condition, title)
    assert not found.fires
    reasons = [step.reason for step in found.decisive]
    assert reason in reasons, reasons


def test_operands_in_different_fields_are_named():
    found = told("{near: [$us_envoys, $arrive], within: 5}", "Witkoff", summary="He lands")
    assert found.decisive[-1].reason == (
        "not in one field: $us_envoys is in the title, $arrive is in the summary"
    )


def test_an_entry_outside_its_dates_is_named_with_them():
    found = told("{all: [$us_envoys]}", "Witkoff comes", at=datetime(2021, 3, 4, tzinfo=UTC))
    assert found.decisive[-1].reason == (
        '"Witkoff" (us_envoys: Steve Witkoff) counts from 2025-01-20 on; the item is of 2021-03-04'
    )


def test_of_several_alternatives_the_closest_is_decisive():
    condition = (
        "{any: [{near: [$moscow, truce], within: 2}, {near: [$us_envoys, $arrive, $moscow], within: 2}]}"
    )
    found = told(condition, "Witkoff lands")
    assert [step.what for step in found.decisive[1:]] == [
        "at least one of these",
        "near: within 2 words",
        "$moscow",
    ]


def test_an_exception_that_holds_decides():
    found = told("{all: [talks]}", "Stock talks", **{"except": "[{any: [stock], reason: markets}]"})
    assert [step.kind for step in found.decisive] == ["rule", "except", "words"]
    assert found.decisive[1].what == "unless: markets"
    assert found.decisive[1].reason == 'excepted: "Stock"'
    assert not found.decisive[1].passed


def test_an_exception_that_has_ended_says_so():
    found = told(
        "{all: [talks]}",
        "Stock talks",
        at=datetime(2026, 5, 1, tzinfo=UTC),
        **{"except": "[{any: [stock], reason: markets, expires: 2026-04-01}]"},
    )
    assert found.fires
    assert found.tree.children[-1].reason == "no longer used since 2026-04-01"


def test_a_rule_that_has_ended_says_so():
    found = told("{all: [talks]}", "Talks", at=datetime(2026, 5, 1, tzinfo=UTC), expires="2026-04-01")
    assert found.decisive[-1].reason == "the rule expired on 2026-04-01, the item is of 2026-05-01"


def test_where_is_a_step_with_a_leaf_for_each_key():
    tree = tree_of("{all: [talks]}", where="{tier: [wire, official], language: en}")
    feed = Feed("f", "https://f.example/", tier=Tier.SOCIAL)
    found = explain(tree, "r", Item("i", "f", "k", title="Talks", language="en"), feed)
    leaves = found.tree.children[0].children
    assert [(leaf.what, leaf.passed, leaf.reason) for leaf in leaves] == [
        ("language: en", True, ""),
        ("tier: wire, official", False, "tier is social, not wire, official"),
    ]
    assert not found.fires


def test_spots_carry_entry_and_the_words_around():
    found = told(
        "{all: [$us_envoys]}", "x" * 60 + " The envoy Steve Witkoff lands in the city and " + "y" * 60
    )
    (spot,) = next(step for step in steps(found.tree) if step.kind == "list").spots
    assert (spot.text, spot.entry) == ("Witkoff", "us_envoys: Steve Witkoff")
    assert spot.before == "…The envoy Steve "
    assert spot.after == " lands in the city and…"
    assert found.item.title[spot.start : spot.end] == spot.text


def test_what_stands_under_none_should_be_absent():
    found = told("{all: [talks], none: [stock, {none: [peace]}]}", "Talks on peace")
    by_what = {step.what: step for step in steps(found.tree)}
    assert (by_what['"stock"'].holds, by_what['"stock"'].passed) == (False, True)
    assert (by_what['"peace"'].holds, by_what['"peace"'].passed) == (True, True)


def test_plain_words_of_any_are_one_leaf():
    found = told("{any: [a1, b2, c3, d4, e5, f6, g7, h8, $moscow]}", "Moscow")
    names = [step.what for step in found.tree.children[0].children]
    assert names == ['"a1", "b2", "c3", "d4", "e5", "f6" or 2 more', "$moscow"]


def test_rules_that_other_rules_fire_are_told_apart():
    source = f"""{LISTS}
  - {{id: one, title: One, severity: low, status: draft, when: {{all: [talks]}}}}
  - {{id: two, title: Two, severity: low, status: draft, when: {{all: [truce]}}}}
  - {{id: both, title: B, severity: low, status: shadow, sequence: [one, two], within: 2h}}
"""
    tree = load_tree({"x.yaml": source.encode()})
    found = explain(tree, "both", Item("i", "f", "k", title="Talks"))
    assert not found.fires
    assert "explain those rules" in found.decisive[-1].reason
    assert found.notes == ("The rule is in shadow: what it finds is recorded and not sent.",)


def test_an_unknown_rule_is_a_key_error():
    with pytest.raises(KeyError):
        explain(tree_of("{all: [talks]}"), "other", Item("i", "f", "k"))


def test_as_dict_has_the_whole_tree():
    value = told(NEAR, LONG_WAY).as_dict()
    assert value["fires"] is False
    assert value["evidence"] == []
    assert value["decisive"][0]["reason"].endswith("at most 5 allowed")
    near = value["tree"]["children"][0]
    assert [child["passed"] for child in near["children"]] == [True, True, True]
    assert near["children"][2]["spans"][0]["text"] == "Moscow"


# --- agreement with the engine -------------------------------------------------------------------


def test_it_agrees_with_the_engine_on_every_test_in_the_shipped_rules():
    tree = shipped_book().tree
    engine = compile_tree(tree, statuses=frozenset(Status))
    for rule in tree.rules:
        explainer = Explainer(tree, rule)
        for example in (*rule.must_match, *rule.must_not_match):
            item, feed = example_item(rule, example)
            match = next((one for one in engine.match(item, feed) if one.rule_id == rule.rule_id), None)
            agrees(explainer.explain(item, feed), match, str(example.place))


def agrees(found, match, where=""):
    assert found.fires == (match is not None), where
    assert found.evidence == (match.evidence if match else ()), where
    assert found.tree.holds == found.fires, where
    assert bool(found.decisive) != found.fires, where
    for step in steps(found.tree):
        consistent(step, found.item, where)


def consistent(step, item, where):
    """What a step says follows from what those below it say."""
    below = [child.passed if step.kind == "rule" else child.holds for child in step.children]
    if step.kind in {"all", "rule"} and below:
        assert step.holds == all(below), where
    elif step.kind == "any":
        assert step.holds == any(below), where
    elif step.kind == "none":
        assert step.holds == (not any(below)), where
    elif step.kind == "near" and step.holds:
        assert all(below), where
    for spot in step.spots:
        text = item.text(spot.field)
        assert text[spot.start : spot.end] == spot.text
        around = spot.before.removeprefix("…") + spot.text + spot.after.removesuffix("…")
        assert around in text
    if step.kind in {"words", "list", "regex", "near"}:
        assert bool(step.spots) == step.holds, where
        if step.wanted and not step.holds:
            assert step.reason, where


# Terms of every kind, over words that occur.
terms = st.builds(
    Term,
    st.lists(words, min_size=1, max_size=2).map(" ".join),
    match=st.sampled_from((MatchMode.WORD, MatchMode.STEM)),
    exact=st.booleans(),
    masks=st.lists(words.map(lambda word: Term(f"{word} talks", MatchMode.WORD)), max_size=1).map(tuple),
    fields=st.sampled_from(((), ("title",), ("summary", "author"))),
)
patterns = st.sampled_from((Pattern("t.lks"), Pattern("[mM]oscow?"), Pattern("the +on", ("summary",))))
leaves = st.one_of(terms, patterns)
operands = st.one_of(
    leaves, st.lists(leaves, min_size=1, max_size=3).map(lambda some: Group("any", tuple(some)))
)
nears = st.builds(
    Near,
    st.lists(operands, min_size=2, max_size=3).map(tuple),
    st.sampled_from((0, 1, 3, "sentence", "paragraph")),
    st.booleans(),
)
clauses = st.recursive(
    st.one_of(leaves, nears),
    lambda inner: st.builds(
        Group,
        st.sampled_from(("all", "any", "none")),
        st.lists(inner, min_size=1, max_size=3).map(tuple),
        fields=st.sampled_from(((), ("title", "content"))),
    ),
    max_leaves=6,
)
rules = st.builds(
    Rule,
    st.just("r"),
    st.just("R"),
    st.just(Severity.LOW),
    when=clauses,
    where=st.sampled_from((Where(), Where(language=("en",)), Where(not_tier=(Tier.SOCIAL,)))),
    exceptions=st.lists(st.builds(Exemption, clauses, st.just("why")), max_size=1).map(tuple),
)
items = st.builds(
    Item,
    st.just("i"),
    st.just("f"),
    st.just("k"),
    title=passages,
    summary=passages,
    content=st.one_of(st.just(""), passages),
    author=st.sampled_from(("", "Envoy", *FILLERS)),
    language=st.sampled_from(("", "en", "ru")),
)
feeds = st.sampled_from((None, Feed("f", "https://f.example/", tier=Tier.SOCIAL)))


@settings(deadline=None, max_examples=200)
@given(rules, items, feeds)
def test_it_agrees_with_the_engine_on_any_rule_and_item(rule, item, feed):
    tree = RuleTree((rule,), {}, {}, ())
    matches = compile_tree(tree).match(item, feed)
    agrees(Explainer(tree, rule).explain(item, feed), next(iter(matches), None))
