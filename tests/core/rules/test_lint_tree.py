"""Lints over a whole book: what each reports, and above all what it does not."""

from __future__ import annotations

from datetime import date

import pytest

from monitor.rulebook import read_book
from monitor.rules.lint_tree import lacking
from monitor.rules.schema import Entry, Term
from tests.shipped import shipped_book

TODAY = date(2026, 3, 12)
ROUTES = (
    "recipients: [{id: d, email: {to: [d@example.org]}, timezone: UTC}]\nroutes: [{default: true, to: [d]}]\n"
)


def found(
    rule: str = "", lists: str = "", feeds: str = "language: en", today: date | None = TODAY
) -> list[str]:
    """Return code and text of the warnings about one live rule, lists and a feed."""
    keys = {"when": "{any: [talks, $words]}", "status": "live"}
    keys |= dict(line.split(": ", 1) for line in rule.splitlines())
    body = "".join(f"    {key}: {value}\n" for key, value in keys.items())
    files = {
        "feeds.yaml": f"feeds: [{{id: f, url: 'https://example.org/f', {feeds}}}]\n",
        "routes.yaml": ROUTES,
        "lists/x.yaml": lists or "lists: {words: {kind: vocabulary, en: [truce]}}\n",
        "x.yaml": f"rules:\n  - id: r\n    title: R\n    severity: low\n    owner: o\n{body}"
        "    must_match: [talks]\n    must_not_match: [x]\n",
    }
    book = read_book({path: text.encode() for path, text in files.items()}, today=today)
    assert [str(one) for one in book.errors] == []
    return [f"{one.code}: {one.text}" for one in book.diagnostics if one.code != "unused"]


def test_a_good_book_says_nothing():
    assert found() == []


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("expires: 2026-03-11", ['expired: "r" expired on 2026-03-11: it is silent']),
        ("expires: 2026-03-12", ['expired: "r" expired on 2026-03-12: it is silent']),  # from this day on
        ("expires: 2026-03-13", []),
        ("expires: 2020-01-01\nstatus: retired", []),
        (
            "except: [{any: [x], reason: old, expires: 2026-01-01}]",
            ['expired: an exception of "r" (old) expired on 2026-01-01'],
        ),
    ],
)
def test_what_has_expired(rule, expected):
    assert found(rule) == expected


def test_without_a_date_nothing_has_expired():
    assert found("expires: 2020-01-01", today=None) == []


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("where: {tier: [wire]}", ['unknown-tier: "r" asks for the tier wire, which no feed has']),
        ("where: {tier: [wire, official]}", ['unknown-tier: "r" asks for the tier wire, which no feed has']),
        ("where: {tier: [official]}", []),
        ("where: {not_tier: [aggregator]}", []),  # a precaution
        ("corroborate: {sources: 2, within: 6h, not_tier: [social]}", []),
    ],
)
def test_tiers_that_no_feed_has(rule, expected):
    assert found(rule, feeds="tier: official") == expected


@pytest.mark.parametrize(
    ("when", "count"),
    [
        ("{all: [talks, $words], none: [the]}", 1),
        ("{all: [talks, $words], none: [YEAR]}", 1),
        ("{all: [talks, $words], none: [the year before]}", 0),
        ("{all: [talks, $words], none: [{text: Said, case: exact}]}", 0),
        ("{all: [talks, $words], none: [{text: year, in: [url]}]}", 0),
        ("{all: [talks, $words], any: [said, year]}", 0),
    ],
)
def test_none_of_a_common_word(when, count):
    assert len([one for one in found(f"when: {when}") if one.startswith("common-none")]) == count


# --- words inside words ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("en: [ceasefire, ceasefires]", '"ceasefires" is a form of "ceasefire"'),
        ("en: [peace talks, talk]", '"peace talks" contains "talk", which the list words holds, too'),
        ("ru: [переговоры, переговорами]", '"переговорами" is a form of "переговоры"'),
        ("en: [talks, walks]", ""),
        ("en: [peace talks, talks peace]", ""),
        ("en: [talk], ru: [переговоры]", ""),
        ("en: [{text: negotia, match: prefix}, negotiation]", ""),
        ("en: [{text: summit, except: [summit push]}, Alpine summit]", ""),  # what is masked is no match
        ("en: [{text: ICE, case: exact}, ice cream]", ""),
    ],
)  # fmt: skip
def test_terms_that_another_one_finds_already(words, expected):
    said = found(lists=f"lists: {{words: {{kind: vocabulary, {words}}}}}\n")
    assert [one.removesuffix(" in the list words: both match the same") for one in said] == (
        [f"contained-term: {expected}"] if expected else []
    )


@pytest.mark.parametrize(
    ("when", "count"),
    [
        ("{near: [envoy, $words], within: 5}", 0),  # the words of a phrase are not counted
        ("{near: [envoy, $outer], within: 5}", 0),  # nor through a macro
        ("{near: [envoy, $words], within: sentence}", 1),
    ],
)
def test_longer_phrases_count_where_words_are_counted(when, count):
    lists = "lists: {words: {kind: vocabulary, en: [talks, peace talks]}}\nmacros: {outer: {any: [$words]}}\n"
    assert len(found(f"when: {when}", lists=lists)) == count


def test_other_forms_are_reported_wherever_the_list_stands():
    lists = "lists: {words: {kind: vocabulary, en: [truce, truces]}}\n"
    assert len(found("when: {near: [envoy, $words], within: 5}", lists=lists)) == 1


def test_names_may_contain_each_other():
    assert found(lists="lists: {words: {kind: person, en: [Putin, Vladimir Putin]}}\n") == []


# --- names without forms ---------------------------------------------------------------------------

PEOPLE = """lists:
  words:
    kind: person
    entries:
      - name: Ann
      - {name: Bea, match: [Bea, Беа]}
      - {name: Cid, forms: {ru: [Сид], uk: [Сід]}}
      - {name: Dov, forms: {fr: [Dove]}}
"""


@pytest.mark.parametrize(
    ("feed", "expected"),
    [
        ("language: en", ""),
        ("language: fr", ""),  # one script: the Latin spelling is found
        ("language: ru", "ru: 2 (Ann, Dov)"),
        ("language: ar", "ar: 4 (Ann, Bea, Cid and 1 more)"),
    ],
)
def test_people_who_cannot_be_found_in_a_feeds_language(feed, expected):
    said = found(lists=PEOPLE, feeds=feed)
    text = "missing-forms: people in words have no forms in languages of the feeds"
    assert said == ([f"{text}; {expected}"] if expected else [])


def test_only_people_of_live_rules_are_asked_about():
    assert found("status: draft", lists=PEOPLE, feeds="language: ru") == []
    assert found(lists=PEOPLE.replace("person", "place"), feeds="language: ru") == []
    included = PEOPLE.replace("words:", "inner:") + "  words: {kind: person, include: [inner]}\n"
    assert [one.split(" ")[3] for one in found(lists=included, feeds="language: ru")] == ["inner"]


def test_a_form_is_known_by_its_language_or_its_letters():
    entry = Entry("A", (Term("A"), Term("Ё"), Term("Ї", language="uk")))
    assert [language for language in ("ru", "uk", "ar") if lacking((entry,), language)] == ["ar"]


def test_the_shipped_rules_give_no_warning():
    assert [str(one) for one in shipped_book().diagnostics] == []
