"""Invariants of matching and loading, on generated rules, texts and broken files."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.models import Item, Severity
from monitor.rules.engine import compile_tree
from monitor.rules.intervals import Label, Occurrence, near
from monitor.rules.load import load_tree
from monitor.rules.schema import (
    Exemption,
    Group,
    MatchMode,
    Near,
    Rule,
    RuleTree,
    Term,
)
from tests.strategies import WORDS, headlines, mutations, passages, words

LABEL = Label("x")


def term(text: str, *masks: str) -> Term:
    return Term(text, MatchMode.WORD, masks=tuple(Term(mask, MatchMode.WORD) for mask in masks))


terms = st.one_of(
    words.map(term),
    st.tuples(words, words).map(lambda pair: term(" ".join(pair))),
    st.tuples(words, words).map(lambda pair: term(pair[0], " ".join(pair))),
)
alternatives = st.lists(terms, min_size=1, max_size=3).map(lambda some: Group("any", tuple(some)))
flat_nears = st.lists(st.one_of(terms, alternatives), min_size=2, max_size=4).map(tuple)
clauses = st.recursive(
    st.one_of(terms, flat_nears.map(lambda operands: Near(operands, 3))),
    lambda inner: st.builds(
        Group, st.sampled_from(("all", "any", "none")), st.lists(inner, min_size=1, max_size=3).map(tuple)
    ),
    max_leaves=6,
)


def fires(clause, text: str, **rest) -> bool:
    return bool(matches(clause, text, **rest))


def matches(clause, text: str, **rest):
    rule = Rule("r", "R", Severity.LOW, when=clause, **rest)
    engine = compile_tree(RuleTree((rule,), {}, {}, ()))
    return engine.match(Item(item_id="i", feed_id="f", key="k", title=text, summary=text[::-1]))


@settings(deadline=None, max_examples=100)
@given(flat_nears, passages, st.integers(0, 6), st.integers(0, 6), st.booleans())
def test_near_is_monotone_in_its_distance(operands, text, distance, more, ordered):
    if fires(Near(operands, distance, ordered), text):
        assert fires(Near(operands, distance + more, ordered), text)


@settings(deadline=None, max_examples=100)
@given(flat_nears, passages, st.sampled_from((0, 2, 5, "sentence", "paragraph")))
def test_ordered_implies_unordered(operands, text, within):
    if fires(Near(operands, within, ordered=True), text):
        assert fires(Near(operands, within), text)


@settings(deadline=None, max_examples=100)
@given(flat_nears, passages, st.booleans())
def test_sentence_implies_paragraph(operands, text, ordered):
    if fires(Near(operands, "sentence", ordered), text):
        assert fires(Near(operands, "paragraph", ordered), text)


@settings(deadline=None, max_examples=100)
@given(clauses, clauses, passages)
def test_an_exception_never_adds_a_match(clause, exception, text):
    if fires(clause, text, exceptions=(Exemption(exception, "why"),)):
        assert fires(clause, text)


@settings(deadline=None, max_examples=100)
@given(words, st.lists(terms, max_size=3), passages)
def test_a_mask_never_adds_a_match(word, masks, text):
    if fires(Term(word, MatchMode.WORD, masks=tuple(masks)), text):
        assert fires(term(word), text)


@settings(deadline=None, max_examples=100)
@given(st.lists(clauses, min_size=1, max_size=3), clauses, passages)
def test_an_alternative_never_removes_a_match(some, another, text):
    if fires(Group("any", tuple(some)), text):
        assert fires(Group("any", (*some, another)), text)


@settings(deadline=None, max_examples=100)
@given(clauses, passages)
def test_evidence_cuts_its_own_text_and_excluding_is_the_opposite(clause, text):
    found = matches(clause, text)
    assert fires(Group("none", (clause,)), text) is not bool(found)
    for one in found[0].evidence if found else ():
        field = text if one.field == "title" else text[::-1]
        assert field[one.start : one.end] == one.text


@settings(deadline=None, max_examples=100)
@given(st.lists(clauses, min_size=2, max_size=5), passages)
def test_rules_do_not_disturb_each_other(conditions, text):
    rules = tuple(Rule(f"r{n}", "R", Severity.LOW, when=clause) for n, clause in enumerate(conditions))
    item = Item(item_id="i", feed_id="f", key="k", title=text)
    together = {match.rule_id: match for match in compile_tree(RuleTree(rules, {}, {}, ())).match(item)}
    for rule in rules:
        alone = compile_tree(RuleTree((rule,), {}, {}, ())).match(item)
        assert alone == tuple(filter(None, (together.get(rule.rule_id),)))


spans = st.tuples(st.integers(0, 12), st.integers(0, 2)).map(
    lambda pair: Occurrence(pair[0], pair[0] + pair[1], ((pair[0], pair[0] + pair[1], LABEL),))
)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.lists(spans, max_size=4), min_size=2, max_size=4),
    st.none() | st.integers(0, 5),
    st.booleans(),
)
def test_near_agrees_with_trying_everything(operands, limit, ordered):
    def together(chosen) -> bool:
        chain = list(chosen) if ordered else sorted(chosen)
        gaps = [after.start - before.end - 1 for before, after in itertools.pairwise(chain)]
        return all(gap >= 0 for gap in gaps) and (limit is None or sum(gaps) <= limit)

    expected = {max(one.end for one in chosen) for chosen in itertools.product(*operands) if together(chosen)}
    assert {one.end for one in near(operands, limit=limit, ordered=ordered)} == expected


VALID = b"""version: 1
defaults: {owner: desk, topic: talks}
lists:
  envoys:
    kind: person
    entries:
      - {name: Steve Witkoff, match: [Witkoff], forms: {ru: [\xd0\xa3\xd0\xb8]}, valid: {from: 2025-01-20}}
  arrive: {kind: vocabulary, en: [arrive, land], include: []}
macros:
  m: {any: [$envoys, {near: [envoy, [Trump, {text: US, case: exact}]], within: 4}]}
extend: {envoys: {add: [Someone], remove: [Steve Witkoff]}}
rules:
  - id: one
    title: One
    severity: high
    when:
      all: [{near: [$m, $arrive], within: 15}, {regex: 'a+b'}]
      none: ["last year"]
    where: {language: [en], tier: wire}
    except: [{any: [x], reason: y, expires: 2027-01-01}]
    corroborate: {sources: 2, within: 6h}
    alert_per: entity.envoys
    must_match: ["x", {title: y, published: 2025-01-01}]
    must_not_match: [z]
  - {id: two, title: Two, severity: low, sequence: [one, one], within: 2h, timeline: [{at: 0h, title: x}]}
  - {id: three, title: Three, severity: low, volume: {of: one, within: 1h, times: 3, baseline: 14d}}
"""


@settings(deadline=None, max_examples=150)
@given(st.one_of(st.binary(max_size=100), mutations(VALID)))
def test_no_file_makes_loading_raise_and_what_loads_compiles(data):
    tree = load_tree({"pack/x.yaml": data, "lists/y.yaml": b"lists: {other: {kind: place, en: [Doha]}}"})
    lines = data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for one in tree.diagnostics:
        if one.place.file == "pack/x.yaml":
            assert 1 <= one.place.line <= len(lines)
            assert 1 <= one.place.column <= len(lines[one.place.line - 1]) + 2
    compile_tree(tree).match(Item(item_id="i", feed_id="f", key="k", title="Witkoff arrives"))


@settings(deadline=None, max_examples=50)
@given(headlines)
def test_answers_do_not_depend_on_what_was_asked_before(text):
    engine = compile_tree(load_tree({"a.yaml": VALID}))
    item = Item(item_id="i", feed_id="f", key="k", title=text)
    first = engine.match(item)
    for word in WORDS:
        engine.match(Item(item_id="j", feed_id="f", key="k", title=word))
    assert engine.match(item) == first
