"""What is stale, incomplete or doubtful in lists."""

from __future__ import annotations

from datetime import date

import pytest

from monitor.errors import ConfigurationError
from monitor.rules.country_check import check_countries
from monitor.rules.list_check import check_lists
from monitor.rules.load import load_tree

TODAY = date(2026, 3, 12)


def found(lists: str, *languages: str) -> list[tuple[str, str]]:
    tree = load_tree({"lists/x.yaml": f"lists:\n{lists}".encode()})
    assert tree.errors == ()
    return [(one.what, one.entry) for one in check_lists(tree, languages, TODAY)]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ("{name: Ann}", []),
        ("{name: Ann, valid: {until: 2026-03-11}}", [("expired", "Ann")]),
        ("{name: Ann, valid: {until: 2026-03-12}}", []),  # the last day counts
        ("{name: Ann Lee}, {name: Lee}", [("contained", "Ann Lee")]),
        ("{name: Ann Lee}, {name: X, match: [{text: Lee, except: [Ann Lee]}]}", []),
        ("{name: Ann, match: [Lee, Ann Lee]}", []),  # of one entry
        ("{name: Ann, match: [Lée]}, {name: Bea, match: [LEE]}", [("collision", "Bea")]),
        (
            "{name: A, match: [L], valid: {until: 2030-01-01}}, {name: L, valid: {from: 2030-01-02}}",
            [],  # one after the other
        ),
    ],
)
def test_within_a_list(entries, expected):
    assert found(f"  a: {{kind: person, entries: [{entries}]}}\n") == expected


def test_people_without_forms_in_a_feeds_language():
    people = "  a: {kind: person, entries: [{name: Ann, forms: {ru: [Анн]}}, {name: Bea}]}\n"
    assert found(people, "en", "ru") == [("no forms", "Bea")]
    assert found(people, "en", "fr") == []
    assert found(people.replace("person", "place"), "ru") == []


def test_entries_in_two_lists():
    twice = "  a: {kind: place, en: [Doha]}\n  b: {kind: place, en: [Doha, Cairo]}\n"
    assert found(twice) == [("duplicate", "Doha")]
    assert found(twice.replace("b: {kind: place", "b: {kind: organisation")) == []
    assert found("  a: {kind: vocabulary, en: [talk]}\n  b: {kind: vocabulary, en: [talk]}\n") == []


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("{name: Jordan, except: [Jordans]}", [("hidden", "Jordan")]),  # any form: the state, too
        ("{name: Jordan, except: [Air Jordans]}", []),
        ("{name: Jordan, except: [{text: Jordans, match: word}]}", []),
        ("{name: US, case: exact, except: [us]}", [("hidden", "US")]),
    ],
)
def test_an_except_that_hides_the_name_itself(entry, expected):
    assert found(f"  a: {{kind: place, entries: [{entry}]}}\n") == expected


# --- when a list was looked through ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("checked", "expected"),
    [
        ("2025-12-12", []),  # ninety days ago
        ("2025-12-11", [("stale", "")]),
        ("2026-03-20", []),
    ],
)
def test_a_list_that_nobody_looked_through_for_long_is_stale(checked, expected):
    assert found(f"  a: {{kind: person, checked: {checked}, entries: [{{name: Ann}}]}}\n") == expected


def test_terms_that_had_ended_when_the_list_was_looked_through_are_no_news():
    people = "{name: Ann, valid: {until: 2026-01-31}}, {name: Bea, valid: {until: 2026-02-02}}"
    lists = f"  a: {{kind: person, checked: 2026-02-01, entries: [{people}]}}\n"
    assert found(lists) == [("expired", "Bea")]


# --- countries --------------------------------------------------------------------------------------

HEAD = (
    "ISO3166-1-Alpha-2,CLDR display name,is_independent,UNTERM English Short,official_name_en,"
    "UNTERM Russian Short,UNTERM Arabic Short,UNTERM French Short\n"
)
STATES = """\
  a:
    kind: organisation
    entries:
      - {name: Ruritania (country), match: [Ruritanian], forms: {ru: [Руритания], fr: [Ruritanie]}}
      - {name: B, match: [Bosnia and X]}
"""


def countries(rows: str, lists: str = STATES) -> list[tuple[str, str, int]]:
    tree = load_tree({"lists/x.yaml": f"lists:\n{lists}".encode()})
    assert tree.errors == ()
    return [(one.what, one.entry, one.place.line) for one in check_countries(tree, HEAD + rows, "c.csv")]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("RU,Ruritania,Yes,Ruritania,,,,", []),
        ("RU,Ruritania,Yes,,,Руритания (Республика),,Ruritanie (la)", []),  # what nobody writes is left out
        ("RU,Ruritania,Yes,,,Рури,,", [("spelling", "Ruritania", 2)]),
        ("RU,Ruritania,Yes,,,,,Royaume de Ruritanie", []),  # the spelling is found inside
        ("BX,Bosnia & X,Yes,,,,,", []),
        ("GR,Graustark,Yes,the Graustark,,,,", [("missing", "Graustark", 2)]),
        ("GR,Graustark,Part of RU,,,,,", []),  # no state of its own
        ("GR,,Yes,the Ruritania,,,,", []),
    ],
)
def test_countries_are_compared(row, expected):
    assert countries(row + "\n") == expected


def test_another_table_is_refused():
    tree = load_tree({"lists/x.yaml": f"lists:\n{STATES}".encode()})
    with pytest.raises(ConfigurationError, match="no column"):
        check_countries(tree, "a,b\n1,2\n", "c.csv")
