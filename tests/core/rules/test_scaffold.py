"""Drafts of rules from headlines: they check and pass their tests, whatever the headlines are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.rules.load import load_tree
from monitor.rules.scaffold import scaffold
from monitor.rules.schema import Status
from monitor.rules.testing import run_tests

LISTS = """\
lists:
  envoys: {kind: person, en: [Witkoff, Kellogg]}
  hosts: {kind: place, en: [Doha, Cairo], ru: [Дохе]}
  arrive: {kind: vocabulary, en: [land, arrive, fly to], ru: [прилететь]}
  sport: {kind: vocabulary, en: [football]}
rules:
  - id: x
    title: X
    severity: low
    status: draft
    when: {all: [$envoys, $hosts, $arrive]}
    except: [{any: [$sport], reason: r}]
""".encode()
TREE = load_tree({"x.yaml": LISTS})


def drafted(*headlines: str, title: str = ""):
    draft = scaffold(TREE, "new-rule", title=title, headlines=headlines)
    tree = load_tree({"x.yaml": LISTS, "own/new-rule.yaml": draft.text.encode()})
    assert [str(one) for one in tree.diagnostics if one.place.file != "x.yaml"] == []
    results = [one for one in run_tests(tree) if one.rule_id == "new-rule"]
    assert len(results) >= 2
    assert [str(one) for one in results if not one.passed] == []
    (rule,) = [one for one in tree.rules if one.rule_id == "new-rule"]
    assert rule.status is Status.DRAFT
    return draft


@pytest.mark.parametrize(
    ("headlines", "lists", "words"),
    [
        (["Witkoff lands in Doha for talks"], {"envoys", "hosts", "arrive"}, ["talks"]),
        (
            ["Witkoff lands in Doha", "Envoy lands in Cairo for talks"],
            {"hosts", "arrive"},
            ["witkoff", "envoy", "talks"],
        ),
        (["NATO envoy flies to Cairo"], {"hosts", "arrive"}, ["{text: NATO, case: exact}", "envoy"]),
        (["US says who will pay"], set(), ["{text: US, case: exact}", "pay"]),
        (["A football envoy in Doha"], {"hosts"}, ["football", "envoy"]),  # a list that rules only exclude by
        (["Прилетели в Дохе"], {"hosts", "arrive"}, []),
        (["Парламент: «Нет» плану"], set(), ["парламент", "плану"]),
        (['He said: "no", # [x] {y}'], set(), []),
        (["the of and"], set(), []),
        (["北京会谈"], set(), []),
    ],
)
def test_what_is_proposed(headlines, lists, words):
    draft = drafted(*headlines)
    assert set(draft.lists) == lists
    assert list(draft.words) == words


def test_without_headlines_the_title_is_the_example():
    assert drafted(title="Harbour closed").words == ("harbour", "closed")
    assert drafted().words == ("rule",)


WORDS = (
    "Witkoff",
    "Doha",
    "lands",
    "talks",
    "NATO",
    "U.S.",
    "the",
    "42",
    "'s",
    "l'accord",
    "ceasefire:",
    "перемирие",
    "#",
    "-",
    "北",
)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=7).map(" ".join), min_size=1, max_size=4)
)
def test_any_headlines_make_a_rule_that_passes_its_tests(headlines):
    if all(any(char.isalnum() for char in headline) for headline in headlines):
        drafted(*headlines)
