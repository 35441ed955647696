"""Case forms that are proposed for names, and their way into the file."""

from __future__ import annotations

import importlib.util

import pytest

from monitor.errors import ConfigurationError
from monitor.rules.expand import Proclitics, Proposal, inflector, propose, with_forms
from monitor.rules.load import load_tree
from monitor.rules.schema import Kind

needs_dictionaries = pytest.mark.skipif(
    importlib.util.find_spec("pymorphy3") is None,
    reason="the extra `morphology` is not installed: Russian and Ukrainian forms were NOT checked",
)


@needs_dictionaries
@pytest.mark.parametrize(
    ("language", "name", "forms"),
    [
        ("ru", "Лавров", "Лавров Лаврова Лаврову Лавровым Лаврове"),
        ("ru", "Песков", "Песков Пескова Пескову Песковым Пескове"),  # not the sand
        ("ru", "Захарова", "Захарова Захаровой Захарову"),  # a woman
        ("ru", "Мединский", "Мединский Мединского Мединскому Мединским Мединском"),
        ("ru", "Уиткофф", "Уиткофф Уиткоффа Уиткоффу Уиткоффом Уиткоффе"),  # in no dictionary
        ("ru", "Меркель", "Меркель"),  # a woman's name that has one form
        ("uk", "Віткофф", "Віткофф Віткоффа Віткоффові Віткоффу Віткоффом Віткоффі"),
    ],
)
def test_surnames(language, name, forms):
    assert inflector(language).forms(name, Kind.PERSON) == tuple(forms.split())


@needs_dictionaries
def test_full_names_keep_their_words_in_one_case():
    assert inflector("ru").forms("Барт Эйде", Kind.PERSON) == (
        "Барт Эйде", "Барта Эйде", "Барту Эйде", "Бартом Эйде", "Барте Эйде"
    )  # fmt: skip
    assert "Марии Захаровой" in inflector("ru").forms("Мария Захарова", Kind.PERSON)


@needs_dictionaries
def test_places_but_no_guesses_about_phrases():
    ru = inflector("ru")
    assert ru.forms("Санкт-Петербург", Kind.PLACE)[1] == "Санкт-Петербурга"
    assert ru.forms("столица России", Kind.PLACE) == ()
    assert ru.forms("Ан-26", Kind.PLACE) == ()


def test_short_arabic_names_get_what_is_written_together_with_them():
    assert Proclitics().forms("شي", Kind.PERSON)[1:] == ("وشي", "فشي", "بشي", "لشي", "كشي")
    assert Proclitics().forms("بوتين", Kind.PERSON) == ("بوتين",)  # understood without being listed


def test_other_languages_are_refused_with_those_that_there_are():
    with pytest.raises(ConfigurationError, match="ru, uk, ar, not in fr"):
        inflector("fr")


FILE = """\
version: 1
lists:
  # Who matters.
  people:
    kind: person
    entries:
      - name: Witkoff # the envoy
        forms:
          ru: [Уиткофф, Уиткоффа] # from the papers
      - name: Nobody
      - name: Xi
        forms: {ar: [شي]}
  places: {kind: place, ru: [Доха, Каир]}
"""


class Endings:
    """An inflector with two cases."""

    def forms(self, name, kind):
        return (name, f"{name}а", f"{name}у")


def people(name="people"):
    return load_tree({"lists/x.yaml": FILE.encode()}).lists[name]


def test_only_new_forms_are_proposed_and_gaps_are_told():
    found = propose(people(), {"ru": Endings(), "ar": Proclitics()})
    assert found == (
        Proposal("Witkoff", "ru", ("Уиткоффу",)),  # the second spelling is a form of the first
        Proposal("Witkoff", "ar", (), "no spelling in ar to begin with"),
        Proposal("Nobody", "ru", (), "no spelling in ru to begin with"),
        Proposal("Nobody", "ar", (), "no spelling in ar to begin with"),
        Proposal("Xi", "ru", (), "no spelling in ru to begin with"),
        Proposal("Xi", "ar", ("وشي", "فشي", "بشي", "لشي", "كشي")),
    )


def test_forms_are_written_beside_their_comments_and_nothing_else_changes():
    found = propose(people(), {"ru": Endings(), "ar": Proclitics()})
    after = with_forms("lists/x.yaml", FILE.encode(), "people", found).decode()
    assert after == FILE.replace("Уиткоффа]", "Уиткоффа, Уиткоффу]").replace(
        "[شي]", "[شي, وشي, فشي, بشي, لشي, كشي]"
    )
    tree = load_tree({"lists/x.yaml": after.encode()})
    assert tree.errors == ()
    assert propose(tree.lists["people"], {"ru": Endings()})[0].forms == ()


def test_words_of_one_language_get_their_forms_behind_them():
    found = propose(people("places"), {"ru": Endings()})
    after = with_forms("lists/x.yaml", FILE.encode(), "places", found).decode()
    assert "ru: [Доха, Дохаа, Дохау, Каир, Каира, Каиру]" in after
