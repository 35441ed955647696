"""Which lists hold a word: in any form, as a part of a phrase, or hidden by an `except`."""

from __future__ import annotations

import pytest

from monitor.rules.list_find import find_word
from monitor.rules.load import load_tree

LISTS = """\
version: 1
lists:
  travels:
    kind: vocabulary
    en: [arrive, {text: visit, match: word}, {text: negotia, match: prefix}, arrive in style]
    fr: [arriver]
  mediators:
    kind: person
    entries:
      - {name: Barth Eide, match: [Barth Eide], forms: {ru: [Эйде]}}
      - {name: Ms Example of Lima, match: [Exemplar], except: [Exemplar Street]}
      - {name: US, match: [US], case: exact}
  all_mediators: {kind: person, include: [mediators]}
  everyone: {kind: person, include: [all_mediators]}
"""


def found(word: str) -> list[tuple[str, str]]:
    """Return how the lists hold a word, and as what it stands there."""
    tree = load_tree({"lists/some.yaml": LISTS.encode()})
    assert tree.errors == ()
    return [(one.how.name.lower(), one.text) for one in find_word(tree, word)]


@pytest.mark.parametrize(
    ("word", "held"),
    [
        ("ARRIVED", [("form", "arrive"), ("part", "arrive in style")]),  # in any form, whatever the capitals
        ("arrivera", [("form", "arriver")]),  # in the language of the list
        ("visit", [("same", "visit")]),
        ("visits", []),  # this word counts as written only
        ("negotiator", [("form", "negotia")]),
        ("Eide", [("part", "Barth Eide")]),
        ("barth eide", [("same", "Barth Eide")]),
        ("Эйде", [("same", "Эйде")]),
        ("Lima", [("name", "Ms Example of Lima")]),
        ("Exemplar", [("same", "Exemplar"), ("hidden", "Exemplar Street")]),
        ("us", [("same", "US")]),  # found, though the list asks for capitals: the person looks for it
        ("Barth Eide of Lima", []),
        ("Atlantis", []),
        ("...", []),
    ],
)
def test_a_word_is_found_as_a_text_would_be(word: str, held: list[tuple[str, str]]) -> None:
    """The nearest stands first."""
    assert found(word) == held


def test_lists_that_include_the_one_are_told_at_whatever_depth() -> None:
    (one,) = find_word(load_tree({"lists/some.yaml": LISTS.encode()}), "Barth Eide")
    assert (one.listed, one.within) == ("mediators", ("all_mediators", "everyone"))
    assert (one.place.file, one.place.line) == ("lists/some.yaml", 10)
