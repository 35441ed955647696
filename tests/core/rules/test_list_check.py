"""What is stale, incomplete or doubtful in lists."""

from __future__ import annotations

from datetime import date

import pytest

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
