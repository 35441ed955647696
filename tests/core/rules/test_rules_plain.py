"""A rule in English says every clause and key; as YAML it reads back as the same rule."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.models import Severity
from monitor.rules.load import load_tree
from monitor.rules.plain import plain
from monitor.rules.schema import (
    CLAUSE_KEYS,
    CORROBORATE_KEYS,
    VOLUME_KEYS,
    WHERE_KEYS,
    Group,
    MatchMode,
    Near,
    Pattern,
    Rule,
    RuleTree,
    Status,
    Term,
)
from monitor.rules.written import written
from monitor.shipped import shipped
from tests.shipped import shipped_book
from tests.strategies import letters, words

LISTS = b"""\
lists:
  us_envoys:
    kind: person
    entries: [Steve Witkoff, Keith Kellogg, Massad Boulos, Tom Barrack, Morgan Ortagus]
  arrive: {kind: vocabulary, en: [arrive, land]}
  moscow: {kind: place, entries: [Moscow]}
macros:
  envoy: {any: [$us_envoys, {near: [envoy, $moscow], within: 2}]}
  peace: {all: [$envoy, truce]}
"""
RULES = "rules:\n"
CONTROLS = "[\x00-\x1f\x7f-\x9f\ud800-\udfff]"


def tree_of(keys: str, status: str = "draft") -> RuleTree:
    """A tree of the lists above and one rule of these keys (YAML in flow style)."""
    source = f"{RULES}  - {{id: r, title: R, severity: low, status: {status}, {keys}}}\n"
    tree = load_tree({"lists/x.yaml": LISTS, "y.yaml": source.encode()})
    assert [str(one) for one in tree.errors] == []
    return tree


def said(keys: str, status: str = "draft") -> str:
    tree = tree_of(keys, status)
    return " ".join(sentence for paragraph in plain(tree, tree.rules[0]) for sentence in paragraph)


ENVOYS = "an entry of the list of people “us envoys” (Steve Witkoff, Keith Kellogg, Massad Boulos and 2 more)"

CLAUSES = [
    # Words: each way of matching is said.
    ("truce", 'a form of "truce" occurs'),
    ("{text: US, case: exact}", 'the word "US", written exactly like this occurs'),
    ("{text: truce, match: word}", 'the word "truce", in this form only occurs'),
    ("{text: sanction, match: prefix}", 'a word beginning with "sanction" occurs'),
    ("{text: peace neg, match: prefix}", 'the phrase beginning with "peace neg" occurs'),
    ("{text: pour, language: fr}", 'a form of "pour", read as a word of the language "fr" occurs'),
    (
        "{text: Moscow, except: ['Moscow, Idaho', Moscow mule]}",
        'a form of "Moscow", other than as part of a form of "Moscow, Idaho" or "Moscow mule" occurs',
    ),
    ("{text: truce, in: [title, summary]}", 'a form of "truce" occurs in the title or summary'),
    # Names.
    ("$us_envoys", f"{ENVOYS} occurs"),
    ("$moscow", "an entry of the list of places “moscow” (Moscow) occurs"),
    ("$arrive", "a word of the list “arrive” (arrive, land) occurs"),
    ("{regex: 'tru+ce', in: url}", "text of the form /tru+ce/ occurs in the url"),
    # Groups: words stay one list, anything more is numbered.
    (
        "{any: [truce, pact, $arrive]}",
        'a word of the list “arrive” (arrive, land) or a form of "truce" or "pact"',
    ),
    ("{none: [truce, pact]}", 'nothing of this occurs: a form of "truce" or "pact"'),
    (
        "{all: [truce, {none: [{all: [pact, talks]}]}]}",
        (
            'all of these are true: (a) a form of "truce" occurs; and (b) it is not so that all of these are'
            ' true: (1) a form of "pact" occurs; and (2) a form of "talks" occurs.'
        ),
    ),
    # near.
    (
        "{near: [truce, [pact, talks]], within: 15}",
        'a form of "truce" and [a form of "pact" or "talks"] occur with at most 15 other words between them',
    ),
    ("{near: [truce, pact]}", 'a form of "truce" and a form of "pact" occur in one sentence'),
    ("{near: [truce, pact], within: paragraph, ordered: true}", "in one paragraph, in this order"),
    ("{near: [truce, pact], within: 0}", "right beside each other"),
    ("{near: [truce, pact], within: 1, in: title}", "occur in the title with at most one other word between"),
    # Macros are explained after the sentence that uses them, and so are those that they use.
    (
        "$peace",
        "what is called “peace” below occurs",
    ),
    ("$peace", "“Peace” means: all of these are true: (a) what is called “envoy” below occurs; and (b)"),
    (
        "$peace",
        (
            f'“Envoy” means: (a) {ENVOYS}; or (b) a form of "envoy" and an entry of the list of places'
            " “moscow” (Moscow) with at most 2 other words between them."
        ),
    ),
]


@pytest.mark.parametrize(("clause", "expected"), CLAUSES)
def test_every_kind_of_clause(clause, expected):
    assert expected in said(f"when: {{all: [{clause}]}}")


def test_every_key_of_a_clause_is_in_the_table():
    table = " ".join(clause for clause, _ in CLAUSES)
    for keys in CLAUSE_KEYS.values():
        for key in keys:
            assert f"{key}:" in table


KEYS = [
    ("description: Who comes and goes", "Who comes and goes."),
    ("owner: desk, topic: talks", "It belongs to desk. Its topic is talks."),
    ("expires: 2031-05-01", "It is used for items before 2031-05-01."),
    ("tags: [x.one, x.two]", "It is tagged x.one and x.two."),
    ("references: ['https://example.org/a']", "References: https://example.org/a."),
    ("known_issues: [Dates]", "Known issue: Dates."),
    ("where: {language: [en, ru]}", "It looks only at items whose language is en or ru."),
    ("where: {feed: a, not_feed: b}", "items from the feed a and not from the feed b."),
    (
        "where: {tier: state_media, not_tier: social}",
        "from sources of the kind state media and not from sources",
    ),
    ("where: {country: GB, category: world}", "of the country GB and in the category world."),
    (
        "except: [{any: [stock], reason: markets, expires: 2031-05-01}]",
        (
            'It does not fire when a form of "stock" occurs (reason: markets).'
            " Items from 2031-05-01 on are not excepted."
        ),
    ),
    (
        "corroborate: {sources: 2, within: 6h, not_tier: [state_media]}",
        (
            "corroborated once 2 independent sources with different owners report it within 6 hours."
            " Sources of the kind state media do not count. Until then it is sent as unconfirmed."
        ),
    ),
    (
        "corroborate: {sources: 3, distinct: country, within: 1h30m, until_then: hold, raise_to: high}",
        (
            "3 independent sources of different countries report it within 1 hour and 30 minutes."
            " Until then nothing is sent. Then its severity becomes high."
        ),
    ),
    ("alert_per: item", "Each item makes an alert of its own."),
    ("alert_per: entity.us_envoys", "Each entry of the list “us envoys” that is found makes one alert."),
    ("grouping: safe", "Doubtful reports are kept apart, whatever the installation's setting."),
    ("grouping: balanced", "Reports join a story readily"),
    ("formerly: [old]", "It was formerly called old."),
    (
        "must_match: [a, b], must_not_match: [c]",
        "tested with 2 items that it must match and 1 that it must not",
    ),
    ("timeline: [{at: 0h, title: a}]", "a timeline of 1 item."),
]


@pytest.mark.parametrize(("keys", "expected"), KEYS)
def test_every_key(keys, expected):
    assert expected in said(f"when: {{all: [truce]}}, {keys}")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("draft", "only its tests are run"),
        ("shadow", "It runs in shadow"),
        ("retired", "finds nothing any more"),
    ],
)
def test_every_status_but_live_is_said(status, expected):
    assert expected in said("when: {all: [truce]}", status)


COMBINED = [
    (
        "sequence: [one, two], within: 48h",
        (
            "when the rules one and two raise alerts of the same topic, one after the other, in this order,"
            " within 2 days."
        ),
    ),
    (
        "together: [one, two], within: 6h, same: entity.us_envoys",
        "about the same entry of the list “us envoys”, in any order, within 6 hours.",
    ),
    ("together: [one, two], within: 6h, same: none", "raise alerts whatever they are about, in any order"),
    (
        "volume: {of: one, within: 1h, stories: 5}",
        "when the rule one finds at least 5 stories within 1 hour.",
    ),
    (
        "volume: {of: one, within: 1h, times: 3, baseline: 14d}",
        "at least 3 times as many stories as is usual in the 14 days before within 1 hour.",
    ),
    (
        "volume: {of: one, within: 1h, stories: 5}, supersedes: [one, two]",
        "replace those of one and two about",
    ),
]


@pytest.mark.parametrize(("keys", "expected"), COMBINED)
def test_rules_that_other_rules_fire(keys, expected):
    source = f"""{RULES}
  - {{id: one, title: One, severity: low, status: shadow, when: {{all: [talks]}}}}
  - {{id: two, title: Two, severity: low, status: shadow, when: {{all: [truce]}}}}
  - {{id: r, title: R, severity: low, status: shadow, {keys}}}
"""
    tree = load_tree({"lists/x.yaml": LISTS, "y.yaml": source.encode()})
    assert [str(one) for one in tree.errors] == []
    rule = next(rule for rule in tree.rules if rule.rule_id == "r")
    assert expected in " ".join(sum(plain(tree, rule), ()))
    same_when_read_again(tree, rule, source.partition("  - {id: r,")[0])


def test_every_key_with_keys_of_its_own_is_in_a_table():
    table = " ".join(keys for keys, _ in (*KEYS, *COMBINED))
    for key in (*WHERE_KEYS, *CORROBORATE_KEYS, *VOLUME_KEYS):
        assert f"{key}:" in table


# --- the shipped rules ---------------------------------------------------------------------------


@pytest.mark.parametrize("rule", shipped_book().tree.rules, ids=lambda rule: rule.rule_id)
def test_shipped_rules_leave_nothing_untold(rule):
    tree = shipped_book().tree
    sentences = [sentence for paragraph in plain(tree, rule) for sentence in paragraph]
    assert all(re.search(r"[.!?]\Z", sentence) for sentence in sentences)
    assert all(sentence[0].isupper() or sentence[0] == "“" for sentence in sentences)
    text = re.sub(r"/[^/]*/|\"[^\"]*\"", "word", " ".join(sentences))  # quotations are the rule's own
    for leftover in ("$", "None", "Term(", "()", "  ", "{", "}", " ,", "[]"):
        assert leftover not in text, leftover
    assert text.count("(") == text.count(")")
    assert text.count("[") == text.count("]")
    for called in re.findall("“([^”]+)” below", text):
        assert f"“{called[0].upper()}{called[1:]}” means: " in text


def test_shipped_rules_read_back_as_they_are():
    rules = shipped("rules")
    files = {
        path.relative_to(rules).as_posix(): path.read_bytes() for path in (rules / "lists").rglob("*.yaml")
    }
    tree = shipped_book().tree
    again = load_tree(
        {**files, "z.yaml": (RULES + "".join(written(tree, one) for one in tree.rules)).encode()}
    )
    assert [str(one) for one in again.errors] == []
    assert {rule.rule_id: rule for rule in again.rules} == {rule.rule_id: rule for rule in tree.rules}


# --- YAML ----------------------------------------------------------------------------------------


def same_when_read_again(tree: RuleTree, rule: Rule, before: str = RULES) -> None:
    text = before + written(tree, rule)
    again = load_tree({"lists/x.yaml": LISTS, "y.yaml": text.encode()})
    assert [str(one) for one in again.errors] == [], text
    assert next(one for one in again.rules if one.rule_id == rule.rule_id) == rule, text


@pytest.mark.parametrize("keys", [keys for keys, _ in KEYS])
def test_keys_read_back_as_they_are(keys):
    tree = tree_of(f"when: {{all: [truce]}}, {keys}")
    same_when_read_again(tree, tree.rules[0])


@pytest.mark.parametrize("clause", [clause for clause, _ in CLAUSES])
def test_clauses_read_back_as_they_are(clause):
    tree = tree_of(f"when: {{any: [{clause}, talks]}}")
    same_when_read_again(tree, tree.rules[0])


def test_lists_are_counted():
    tree = tree_of("when: {all: [$us_envoys, $arrive, $envoy]}")
    text = written(tree, tree.rules[0])
    assert "- $us_envoys  # person list: 5 entries, 5 forms\n" in text
    assert "- $arrive  # vocabulary list: 2 entries, 2 forms\n" in text
    assert "- $envoy  # macro\n" in text


# A rule that was read holds no controls and no halves of characters.
phrases = st.one_of(
    words, letters.filter(lambda text: re.search("[a-z]{2}", text) and not re.search(CONTROLS, text))
)
terms = st.builds(
    Term,
    phrases,
    match=st.sampled_from((MatchMode.STEM, MatchMode.WORD)),
    fields=st.sampled_from(((), ("title",), ("title", "url"))),
)
leaves = st.one_of(terms, st.sampled_from((Pattern(r"a\.b'\"?"), Pattern("x+y", ("content",)))))
clauses = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(
            Group,
            st.sampled_from(("all", "any", "none")),
            st.lists(inner, min_size=1, max_size=3).map(tuple),
            fields=st.sampled_from(((), ("title", "content"))),
        ),
        st.builds(
            Near,
            st.lists(leaves, min_size=2, max_size=3).map(tuple),
            st.sampled_from((0, 7, "sentence", "paragraph")),
            st.booleans(),
        ),
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=150)
@given(clauses.map(lambda one: one if isinstance(one, Group) else Group("all", (one,))), phrases)
def test_any_condition_reads_back_as_it_is_and_is_said(clause, title):
    rule = Rule("r", title, Severity.LOW, when=clause, status=Status.DRAFT)
    tree = RuleTree((rule,), {}, {}, ())
    text = RULES + written(tree, rule)
    again = load_tree({"y.yaml": text.encode("utf-8", "surrogatepass")})
    messages = [str(one) for one in again.errors if one.code not in ALLOWED]
    assert messages == [], text
    if again.rules:
        assert again.rules[0].when == clause, text
        assert again.rules[0].title == title
    assert plain(tree, rule)


# What a generated rule may be refused for that has nothing to do with how it is written.
ALLOWED = {"always-false", "every-item", "too-many-regexes"}
