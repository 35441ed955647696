"""The engine and the reference evaluator agree: on matches, and on where each clause occurs.

AGREEMENT_CASES sets how many rules and items are tried; the suite tries few, a release 100,000.
"""

from __future__ import annotations

import os
from datetime import UTC, date, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.models import FIELDS, Item, Severity
from monitor.rules.compiling import Compiler
from monitor.rules.context import ItemContext
from monitor.rules.engine import compile_tree
from monitor.rules.leaves import LeavesOf
from monitor.rules.schema import (
    DEFAULT_FIELDS,
    Entry,
    Exemption,
    Group,
    Kind,
    ListDef,
    MacroDef,
    MatchMode,
    Near,
    Pattern,
    Reference,
    Rule,
    RuleTree,
    Term,
)
from tests.core.rules.reference import Reference_

CASES = int(os.environ.get("AGREEMENT_CASES", "150"))

# Small alphabets in several scripts, so that occurrences, overlaps and forms of one word are likely.
WORDS = (
    *("talk", "talks", "talking", "envoy", "Envoys", "US", "us", "U.S.", "cease-fire", "Putin's", "l’envoi"),
    *("переговоры", "переговорам", "Лавров", "Лаврову", "перемир’я", "мир"),
    *("هدنة", "الهدنة", "وبهدنة", "北京", "会谈", "北大"),
)
FILLERS = ("the", "и", "في", "的", "3", "—")
JOINTS = (" ", " ", " ", ", ", ". ", "; ", "\n", "-", "")

phrases = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)
texts = st.lists(st.tuples(st.sampled_from((*WORDS, *FILLERS)), st.sampled_from(JOINTS)), max_size=16).map(
    lambda parts: "".join(word + joint for word, joint in parts)
)
fields = st.just(()) | st.lists(st.sampled_from(FIELDS), min_size=1, max_size=2, unique=True).map(
    lambda some: tuple(name for name in FIELDS if name in some)
)


beyond_terms = st.sampled_from(
    (Reference("both"), Near((Term("envoy"), Reference("words")), 2), Pattern(r"\p{Lu}\p{Ll}+"))
)


@st.composite
def terms(draw, masks: bool = True) -> Term:
    match = draw(st.sampled_from(MatchMode))
    text = draw(phrases)
    exact = match is not MatchMode.STEM and draw(st.booleans())
    return Term(
        text,
        match=MatchMode.WORD if exact else match,
        exact=exact,
        language=draw(st.sampled_from(("", "", "ru", "fr"))),
        masks=tuple(draw(st.lists(terms(masks=False) | beyond_terms, max_size=2))) if masks else (),
        fields=draw(fields),
    )


LISTS = {
    "names": ListDef(
        "names",
        Kind.PERSON,
        (
            Entry("L", (Term("Лавров", MatchMode.WORD), Term("Лаврову", MatchMode.WORD)), date(2020, 1, 1)),
            Entry(
                "P", (Term("Putin", MatchMode.WORD, masks=(Term("Putin envoy"),)),), None, date(2025, 1, 1)
            ),
        ),
    ),
    "words": ListDef(
        "words",
        Kind.VOCABULARY,
        (Entry("talk", (Term("talk"), Term("переговоры"), Term("会谈"))),),
        ("more",),
    ),
    "more": ListDef("more", Kind.VOCABULARY, (Entry("truce", (Term("هدنة"), Term("cease fire"))),)),
}
MACROS = {
    "both": MacroDef("both", Group("any", (Reference("names"), Near((Term("envoy"), Reference("words")), 2))))
}

leaves = st.one_of(
    terms(),
    st.sampled_from((Reference("names"), Reference("words"), Reference("both"))),
    st.sampled_from((r"\p{Lu}\p{Ll}+", "talk.{0,9}envoy", "[0-9]", r"\p{Han}{2}")).map(Pattern),
)
placed = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Group, st.just("any"), st.lists(inner, min_size=1, max_size=3).map(tuple), fields),
        st.builds(
            Near,
            st.lists(inner, min_size=2, max_size=3).map(tuple),
            st.sampled_from((0, 1, 3, "sentence", "paragraph")),
            st.booleans(),
            fields,
        ),
    ),
    max_leaves=5,
)
clauses = st.recursive(
    placed,
    lambda inner: st.builds(
        Group,
        st.sampled_from(("all", "any", "none")),
        st.lists(inner, min_size=1, max_size=3).map(tuple),
        fields,
    ),
    max_leaves=5,
)
rules = st.builds(
    Rule,
    rule_id=st.uuids().map(str),
    title=st.just("R"),
    severity=st.just(Severity.LOW),
    when=clauses,
    exceptions=st.lists(st.builds(Exemption, clauses, st.just("why")), max_size=1).map(tuple),
)
items = st.builds(
    Item,
    item_id=st.just("i"),
    feed_id=st.just("f"),
    key=st.just("k"),
    title=texts,
    summary=texts,
    content=texts,
    author=texts,
    url=st.sampled_from(("", "https://envoy.example/talks")),
    first_seen_at=st.sampled_from((None, datetime(2019, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))),
)
always = settings(deadline=None, max_examples=CASES, suppress_health_check=list(HealthCheck))


def tree_of(*some: Rule) -> RuleTree:
    return RuleTree(some, LISTS, MACROS, ())


@always
@given(st.lists(rules, min_size=1, max_size=6), st.lists(items, min_size=1, max_size=4))
def test_the_same_rules_fire(some, news):
    tree = tree_of(*some)
    engine = compile_tree(tree)
    for round_ in range(2):
        for item in news:
            reference = Reference_(tree, item)
            expected = [rule.rule_id for rule in some if reference.fires(rule)]
            assert [match.rule_id for match in engine.match(item)] == expected
        if round_ == 0:
            engine.tune(news)  # changes nothing but the cost


@always
@given(placed, items)
def test_a_clause_occurs_at_the_same_places(clause, item):
    tree = tree_of()
    compiler = Compiler(tree)
    node = compiler.compile(clause)
    context = ItemContext(item, compiler.vocabulary, FIELDS, LeavesOf([node]))
    reference = Reference_(tree, item)
    for name in FIELDS:
        spans = {(found.start, found.end) for found in node.spans(context, name)}
        assert spans == reference.spans(clause, name, DEFAULT_FIELDS), name
    assert node.holds(context) == reference.holds(clause, DEFAULT_FIELDS)
