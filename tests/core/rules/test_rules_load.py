"""What loading reports: every message with its place, in one run, and the rest still loads."""

from __future__ import annotations

import pytest

from monitor.models import Severity
from monitor.rules.engine import compile_tree
from monitor.rules.load import load_tree
from monitor.rules.schema import Kind
from monitor.rules.testing import run_tests

RULE = """version: 1
defaults: {owner: desk, topic: talks}
rules:
  - id: one
    title: One
    severity: high
    when: {any: [talks]}
    must_match: [Talks resume]
    must_not_match: [Nothing]
"""


def said(source: str, level: str = "error", **others: str) -> list[str]:
    files = {
        "x.yaml": source.encode(),
        **{name.replace("__", "/") + ".yaml": text.encode() for name, text in others.items()},
    }
    return [str(one) for one in load_tree(files).diagnostics if one.level == level]


def test_a_good_file_says_nothing():
    tree = load_tree(
        {"pack/x.yaml": RULE.encode(), "feeds.yaml": b"\xff", "routes.yaml": b"{", "README.md": b"{"}
    )
    assert tree.diagnostics == ()
    (rule,) = tree.rules
    assert (rule.rule_id, rule.owner, rule.topic, rule.severity) == ("one", "desk", "talks", Severity.HIGH)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "must_match:",
            "must_macth:",
            'x.yaml:8:5: error[unknown-key]: unknown key "must_macth" (did you mean "must_match"?)',
        ),
        (
            "severity: high",
            "severity: hihg",
            (
                'x.yaml:6:15: error[unknown-value]: severity "hihg" is not one of info, low, '
                'medium, high, critical (did you mean "high"?)'
            ),
        ),
        (
            "[talks]",
            "[US]",
            (
                'x.yaml:7:18: error[acronym-is-word]: "US" also matches the word "us" (write '
                "{text: US, case: exact})"
            ),
        ),
        (
            "[talks]",
            "[42]",
            "x.yaml:7:18: error[not-text]: expected text, got 42; put it in quotes",
        ),
        (
            "{any: [talks]}",
            "{regex: 'a(?<=b)'}",
            (
                "x.yaml:7:19: error[bad-regex]: regex not accepted (linear-time syntax only): "
                "invalid perl operator: (?<= (near: and except: do what looking around does)"
            ),
        ),
        (
            "{any: [talks]}",
            "{regex: '\\bUS\\b'}",
            (
                "x.yaml:7:19: error[bad-regex]: \\b knows ASCII letters only and would miss most "
                "scripts (write (?:^|[^\\p{L}\\p{N}]))"
            ),
        ),
        (
            "{any: [talks]}",
            "{regex: 'a*'}",
            ("x.yaml:7:19: error[bad-regex]: the expression matches the empty text: it would always be true"),
        ),
        (
            "[talks]",
            "[$tlaks]",
            "x.yaml:7:18: error[unknown-name]: there is no list or macro $tlaks",
        ),
        (
            "[talks]",
            "['—']",
            'x.yaml:7:18: error[no-word]: "—" has no letter or digit: it could never match (remove it)',
        ),
        (
            "[talks]",
            "[]",
            'x.yaml:7:17: error[empty]: "any" holds no clause',
        ),
        (
            "{any: [talks]}",
            "{near: [talks]}",
            "x.yaml:7:18: error[near-operands]: near needs at least two operands (add what it is near to)",
        ),
        (
            "{any: [talks]}",
            "{near: [talks, {all: [a, b]}]}",
            (
                'x.yaml:7:27: error[near-operands]: "all" has no place in the text and cannot be '
                "near anything (use any, near, words and lists)"
            ),
        ),
        (
            "{any: [talks]}",
            "{nera: [a, b]}",
            (
                "x.yaml:7:12: error[unknown-clause]: expected a clause with one of text, all, "
                'any, none, near, regex, got nera (did you mean "near"?)'
            ),
        ),
        (
            "{any: [talks]}",
            "{near: [a, b], within: sentense}",
            (
                "x.yaml:7:34: error[unknown-value]: within is sentence, paragraph or a number of "
                'words, got sentense (did you mean "sentence"?)'
            ),
        ),
        (
            "{any: [talks]}",
            "{all: [talks], none: [talks]}",
            ("x.yaml:7:33: error[always-false]: this is asked for and excluded: the rule can never fire"),
        ),
        (
            "id: one",
            "id: One_1",
            'x.yaml:4:9: error[bad-id]: "One_1" cannot be a rule id (use a-z, 0-9 and -: one-1)',
        ),
        (
            "    title: One\n",
            "",
            'x.yaml:4:5: error[missing-key]: a rule needs the key "title"',
        ),
        (
            "    must_not_match: [Nothing]\n",
            "",
            (
                'x.yaml:4:5: error[no-tests]: the live rule "one" needs at least one item under '
                "must_not_match (or set status: draft)"
            ),
        ),
        (
            "version: 1",
            "version: 2",
            "x.yaml:1:10: error[unknown-version]: this program reads version: 1",
        ),
        (
            "severity: high",
            "severity: high\n    within: 2h",
            (
                'x.yaml:7:5: error[misplaced-key]: "within" belongs to sequence or together (for '
                "near, write it beside near)"
            ),
        ),
        (
            "severity: high",
            "severity: high\n    grouping: balancd",
            (
                'x.yaml:7:15: error[unknown-value]: grouping "balancd" is not one of safe, balanced'
                ' (did you mean "balanced"?)'
            ),
        ),
        (
            "severity: high",
            "severity: high\n    supersedes: [two]",
            'x.yaml:4:5: error[unknown-rule]: there is no rule "two"',
        ),
        (
            "severity: high",
            "severity: high\n    alert_per: entity.envoys",
            'x.yaml:4:5: error[unknown-name]: there is no list or macro envoys for "alert_per"',
        ),
        (
            "severity: high",
            "severity: high\n    except: [{any: [x]}]",
            'x.yaml:7:14: error[missing-key]: an exception needs the key "reason"',
        ),
        (
            "severity: high",
            "severity: high\n    corroborate: {sources: 1, within: 6h}",
            "x.yaml:7:28: error[out-of-range]: expected at least 2 and at most 20, got 1",
        ),
    ],
)
def test_mistakes_in_a_rule(old, new, expected):
    assert said(RULE.replace(old, new)) == [expected]


def test_a_headline_with_a_colon_is_recognised():
    assert said(
        RULE.replace("must_match: [Talks resume]", "must_match:\n      - Breaking: talks resume")
    ) == [
        (
            'x.yaml:9:9: error[unknown-key]: unknown key "Breaking"'
            " (is this a headline with a colon? put all of it in quotes)"
        )
    ]


def test_no_rule_runs_on_a_list_whose_name_is_taken_twice():
    mine = "lists:\n  words: {kind: vocabulary, en: [bread]}\n"
    shipped = "lists:\n  words: {kind: vocabulary, en: [talks]}\n"
    tree = load_tree(
        {
            "lists/a.yaml": mine.encode(),
            "lists/b.yaml": shipped.encode(),
            "x.yaml": RULE.replace("[talks]", "[$words]").encode(),
        }
    )
    assert [one.code for one in tree.errors] == ["duplicate-name", "broken-reference"]
    assert not tree.rules


def test_a_misspelled_key_is_told_once_and_not_missed_again():
    broken = (
        RULE.replace("title: One", "titel: One").replace("when:", "wehn:").replace("severity:", "sverity:")
    )
    assert [message.partition(": ")[2] for message in said(broken)] == [
        'error[unknown-key]: unknown key "titel" (did you mean "title"?)',
        'error[unknown-key]: unknown key "sverity" (did you mean "severity"?)',
        'error[unknown-key]: unknown key "wehn" (did you mean "when"?)',
    ]


def test_names_are_looked_up_in_a_rule_with_other_mistakes_too():
    broken = RULE.replace("id: one", "id: One").replace("[talks]", "[$tlaks, US]")
    lists = "lists:\n  talks: {kind: vocabulary, en: [talks]}\n"
    assert [message.split("[")[1].partition("]")[0] for message in said(broken, lists__a=lists)] == [
        "bad-id",
        "unknown-name",
        "acronym-is-word",
    ]


def test_all_mistakes_of_all_files_come_in_one_run_and_the_rest_loads():
    broken = (
        RULE.replace("id: one", "id: two")
        .replace("severity: high", "severity: hihg")
        .replace("[talks]", "[42]")
    )
    tree = load_tree({"a.yaml": broken.encode(), "b.yaml": RULE.encode(), "c.yaml": b"rules: ["})
    assert [(one.place.file, one.code) for one in tree.diagnostics] == [
        ("a.yaml", "unknown-value"),
        ("a.yaml", "not-text"),
        ("c.yaml", "yaml-syntax"),
    ]
    assert [rule.rule_id for rule in tree.rules] == ["one"]
    assert tree.left_out == ("two",)


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ("a: {kind: place, en: [Doha]}\n  a: {kind: place, en: [Doha]}", "duplicate-key"),
        ("a: {kind: palce, en: [Doha]}", "unknown-value"),
        ("a: {kind: place}", "empty"),
        ("A: {kind: place, en: [Doha]}", "bad-name"),
        ("a: {kind: place, include: [b]}", "unknown-name"),
        ("a: {kind: place, include: [b]}\n  b: {kind: person, en: [Doha]}", "mixed-kinds"),
        ("a: {kind: place, include: [b]}\n  b: {kind: place, include: [a]}", "cycle"),
        ("a: {kind: organisation, entries: [WHO]}", "acronym-is-word"),
        (
            "a: {kind: person, entries: [{name: X Y, valid: {from: 2025-01-01, until: 2024-01-01}}]}",
            "out-of-range",
        ),
        ("a: {kind: person, entries: [{nmae: X}]}", "unknown-key"),
        ("a: {kind: vocabulary, en: [$b]}", "not-a-term"),
    ],
)
def test_mistakes_in_lists(lists, expected):
    tree = load_tree({"lists/a.yaml": f"lists:\n  {lists}\n".encode()})
    assert expected in [one.code for one in tree.diagnostics if one.level == "error"]


def test_a_rule_that_uses_a_broken_list_is_left_out():
    lists = "lists:\n  a: {kind: place, en: [42]}\nmacros:\n  m: {any: [$a]}\n"
    rule = RULE.replace("[talks]", "[$m]")
    assert said(rule, lists__a=lists) == [
        "lists/a.yaml:2:25: error[not-text]: expected text, got 42; put it in quotes",
        (
            "lists/a.yaml:4:13: error[broken-reference]: "
            "macro m uses $a, which has errors (see lists/a.yaml:2:3)"
        ),
        "x.yaml:7:18: error[broken-reference]: rule one uses $m, which has errors (see lists/a.yaml:4:3)",
    ]


LISTS = """lists:
  envoys:
    kind: person
    entries:
      - {name: Steve Witkoff, match: [Witkoff, Witkof]}
      - {name: Keith Kellogg, match: [Kellogg]}
"""


def test_a_local_file_extends_a_shipped_list():
    local = "extend: envoys\nadd: [{name: Jane Roe, match: [Roe]}]\nremove: [Keith Kellogg, Witkof]\n"
    tree = load_tree({"lists/a.yaml": LISTS.encode(), "local.yaml": local.encode()})
    assert not tree.errors
    assert tree.lists["envoys"].kind is Kind.PERSON
    assert [(entry.name, [term.text for term in entry.terms]) for entry in tree.lists["envoys"].entries] == [
        ("Steve Witkoff", ["Witkoff"]),
        ("Jane Roe", ["Roe"]),
    ]


def test_removing_what_is_not_there_is_an_error():
    (message,) = said("extend:\n  envoys: {remove: [Steve Witkof]}\n", lists__a=LISTS)
    assert message.startswith('x.yaml:2:21: error[unknown-name]: "Steve Witkof" is not in the list "envoys"')
    assert message.endswith('(did you mean "Steve Witkoff"?)')


def test_extending_what_is_not_there_is_an_error():
    assert said("extend: envoy\nadd: [X]\n", lists__a=LISTS) == [
        'x.yaml:1:9: error[unknown-name]: there is no list "envoy" to extend (did you mean "envoys"?)'
    ]


STATEFUL = """  - id: two
    title: Two
    severity: low
    %s
"""


@pytest.mark.parametrize(
    ("keys", "errors", "warnings"),
    [
        ("sequence: [one, three]\n    within: 2h", ["unknown-rule"], []),
        ("together: [one, one]\n    within: 2h", [], []),
        ("sequence: [one, two]\n    within: 2h", ["cycle", "cycle"], []),
        ("sequence: [one, one]", ["missing-key"], []),
        ("volume: {of: one, within: 1h, stories: 5}", [], []),
        ("volume: {of: one, within: 1h}", ["missing-key"], []),
        ("volume: {of: one, within: 1h, times: 3}", ["missing-key"], []),
        ("volume: {of: one, within: 1h, times: 3, baseline: 14d}\n    status: draft", [], []),
        ("when: {any: [a]}\n    volume: {of: one, within: 1h, stories: 5}", ["two-conditions"], []),
    ],
)
def test_stateful_rules_are_checked_and_never_silent(keys, errors, warnings):
    tree = load_tree({"x.yaml": (RULE + STATEFUL % keys).encode()})
    assert [one.code for one in tree.diagnostics if one.level == "error"] == errors
    assert [one.code for one in tree.diagnostics if one.level == "warning"] == warnings
    compile_tree(tree)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("[talks]", "[talks, talks]", "duplicate-term"),
        ("[talks]", "[Trump]", "bare-name"),
        ("{any: [talks]}", "{near: [a, b], within: 60}", "wide-near"),
        ("{any: [talks]}", "{near: [a, b, c, d, e, f]}", "wide-near"),
        ("{any: [talks]}", "{regex: 'peace talks'}", "plain-regex"),
        ("owner: desk, ", "", "no-owner"),
        ("severity: high", "severity: high\n    tags: [polver.consult]", "unknown-tag"),
        ("version: 1", "version: 1\nlists: {a: {kind: place, en: [Doha]}}", "unused"),
        ("{any: [talks]}", "{none: [talks]}", "every-item"),
    ],
)
def test_lints(old, new, code):
    tree = load_tree({"x.yaml": RULE.replace(old, new).encode()})
    assert code in [one.code for one in tree.diagnostics if one.level == "warning"]
    assert tree.rules


@pytest.mark.parametrize(
    "condition",
    ["[talks, TALKS about]", "[Battle of Kursk]", "[NATO]", "[{text: Trump, case: exact}]"],
)
def test_lints_stay_silent(condition):
    assert load_tree({"x.yaml": RULE.replace("[talks]", condition).encode()}).diagnostics == ()


def test_failed_tests_say_why():
    source = RULE.replace("Talks resume", "The envoy left").replace("Nothing", "Talks on nothing")
    results = run_tests(load_tree({"x.yaml": source.encode()}))
    assert [str(one) for one in results] == [
        'x.yaml:8:18: one: must_match "The envoy left": failed: "talks" is not in title, summary, content',
        'x.yaml:9:22: one: must_not_match "Talks on nothing": failed: it matches: "Talks" (talks)',
    ]


def test_an_example_is_what_where_asks_for():
    rest = "    where: {language: fr, tier: [wire], not_feed: example, country: FR, category: world}\n"
    source = RULE.replace("    when:", rest.replace("not_feed: example, ", "") + "    when:")
    assert all(one.passed for one in run_tests(load_tree({"x.yaml": source.encode()})))


GROUPING = """version: 1
defaults: {owner: desk, topic: talks, severity: high, grouping: balanced}
rules:
  - id: own
    title: Own
    grouping: safe
    when: {any: [talks]}
    must_match: [Talks resume]
    must_not_match: [Nothing]
  - id: shared
    title: Shared
    when: {any: [envoys]}
    must_match: [Envoys resume]
    must_not_match: [Nothing]
  - id: above
    title: Above
    together: [own, shared]
    within: 2h
"""


def test_a_rule_chooses_its_grouping_its_file_gives_the_default():
    tree = load_tree({"x.yaml": GROUPING.encode()})
    assert [str(one) for one in tree.errors] == []
    assert {rule.rule_id: rule.grouping for rule in tree.rules} == {
        "own": "safe", "shared": "balanced", "above": ""
    }  # fmt: skip
    wrong = GROUPING.replace("within: 2h", "within: 2h\n    grouping: safe")
    (error,) = load_tree({"x.yaml": wrong.encode()}).errors
    assert str(error) == (
        'x.yaml:19:5: error[misplaced-key]: "grouping" belongs to when: the stories of together are those'
        " of its rules (write it in those rules)"
    )
