"""The shipped lists: one thing is one entry in every spelling, and what only looks like it is left alone."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime
from functools import cache
from typing import TYPE_CHECKING

import pytest

from monitor.models import Item, stable_id
from monitor.rulebook import RuleBook, read_book
from monitor.rules.country_check import check_countries
from monitor.rules.list_check import check_lists
from monitor.shipped import shipped

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.rules.schema import Entry

LISTS = (
    "states", "organisations", "armed_groups", "weapons", "world_leaders", "ministers", "spokespeople",
    "envoys",
)  # fmt: skip
RULE = """\
  - id: names-{name}
    title: Names
    severity: low
    when: {{any: [${list}]}}
    must_match: [x]
    must_not_match: [x]
"""
NOON = datetime(2025, 9, 1, 12, tzinfo=UTC)


@cache
def book() -> RuleBook:
    """Return the shipped lists under rules that fire on any name of a list."""
    rules = shipped("rules")
    paths = sorted((rules / "lists").glob("*.yaml"))
    files = {path.relative_to(rules).as_posix(): path.read_bytes() for path in paths}
    text = "".join(RULE.format(name=name.replace("_", "-"), list=name) for name in LISTS)
    files["own/names.yaml"] = f"rules:\n{text}".encode()
    read = read_book(files)
    assert [str(one) for one in read.tree.errors] == []
    return read


def names(title: str, at: datetime = NOON) -> set[str]:
    """Return the entries that are found in a headline."""
    key = stable_id(title)
    item = Item(key, "x", f"hash:{key}", title=title, published_at=at, first_seen_at=at)
    found = (one.entry for match in book().engine.match(item) for one in match.evidence)
    return {entry.partition(": ")[2] for entry in found}


# Spellings of one thing: every one is found, and as the same entry.
VARIANTS = {
    "Volodymyr Zelenskyy": ["Zelensky", "Zelenskyy", "Zelenskiy", "Zelenskyi", "Selenskyj", "Зеленского",
                            "Зеленському", "زيلينسكي"],
    "Ukraine": ["Kyiv", "Kiev", "Києві", "Киеве", "Київ", "Ukrainian", "украинский", "كييف", "أوكرانيا"],
    "Russia": ["Kremlin", "Moscow", "Кремле", "Росією", "российских", "موسكو", "Moscou", "russe"],
    "United States": ["White House", "Washington", "the US", "U.S.", "USA", "Белый дом", "США", "Білому домі",
                      "واشنطن", "Maison Blanche", "Maison-Blanche", "Etats-Unis", "États-Unis", "Pentagon"],
    "France": ["Elysee", "Élysée", "Quai d'Orsay", "Quai d’Orsay", "Парижем", "باريس", "Paris"],
    "Türkiye": ["Turkey", "Türkiye", "Turkiye", "Ankara", "Туреччини", "تركيا", "Turquie"],
    "Czechia": ["Czech Republic", "Czechia", "Prague", "Чехией", "Tchéquie"],
    "Ivory Coast": ["Ivory Coast", "Côte d'Ivoire", "Côte d’Ivoire", "ivoirien", "Кот-д’Ивуаре"],
    "Myanmar": ["Myanmar", "Burma", "М’янмі", "Мьянме", "Birmanie", "ميانمار"],
    "Kyrgyzstan": ["Kyrgyz", "Bishkek", "Киргизии", "Кыргызстане", "Kirghizistan"],
    "Hezbollah": ["Hezbollah", "Hizbollah", "Hizbullah", "Хезболлой", "Хизбаллы", "حزب الله"],
    "Houthis": ["Houthi", "Huthis", "Ansar Allah", "хуситов", "الحوثيين", "houthistes"],
    "International Criminal Court": ["ICC", "International Criminal Court", "Cour pénale internationale",
                                     "المحكمة الجنائية الدولية", "Международного уголовного суда"],
    "NATO": ["NATO", "Nato", "OTAN", "НАТО", "الناتو"],
    "UN Security Council": ["Security Council", "UNSC", "Совбезе", "Радбезу", "مجلس الأمن"],
    "Mohammed bin Salman": ["Mohammed bin Salman", "Mohammad bin Salman", "MBS", "محمد بن سلمان"],
    "Abbas Araghchi": ["Araghchi", "Araqchi", "Аракчи", "عراقجي"],
    "S-300 and S-400": ["S-400", "С-300", "إس-400"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "text"), [(entry, text) for entry, texts in VARIANTS.items() for text in texts]
)
def test_every_spelling_is_the_same_entry(entry: str, text: str) -> None:
    assert entry in names(f"Reports about {text} today")


# Headlines in which a name means something else: the entry that must not be found.
MASKED = [
    ("Braves beat rivals as Georgia fans fill the stadium", "Georgia (country)"),
    ("Georgian architecture draws visitors to Bath", "Georgia (country)"),
    ("Michael B. Jordan wins best actor", "Jordan"),
    ("Jordan Spieth takes the lead at Augusta", "Jordan"),
    ("Jim Jordan loses vote for speaker", "Jordan"),
    ("How to carve a roast turkey", "Türkiye"),
    ("Wild turkeys block traffic in Boston suburb", "Türkiye"),
    ("Chad Smith on forty years of drumming", "Chad"),
    ("Oil spill in the Niger Delta", "Niger"),
    ("Nigeria holds elections", "Niger"),
    ("Mali ljudi, velike priče".lower(), "Mali"),
    ("Students mourned in Moscow, Idaho", "Russia"),
    ("Paris Hilton opens a hotel", "France"),
    ("Wim Wenders shows Paris, Texas again", "France"),
    ("Paris Saint-Germain win the cup", "France"),
    ("Fire at a school in Lebanon, Pennsylvania", "Lebanon"),
    ("ICC World Cup: hosts win the toss", "International Criminal Court"),
    ("New ICC rankings put bowler on top", "International Criminal Court"),
    ("Toxic train still haunts East Palestine", "Palestinian Authority"),
    ("Mark Cuban sells his team", "Cuba"),
    ("Papua New Guinea quake kills two", "Guinea"),
    ("A guinea pig for every child", "Guinea"),
    ("South Sudan delays its vote", "Sudan"),
    ("Credit Suisse bondholders go to court", "Switzerland"),
    ("Nail polish that lasts", "Poland"),
    ("Tell us what you think", "United States"),
    ("who is who in the new cabinet", "World Health Organization"),
    ("Denzel Washington returns to Broadway", "United States"),
    ("Northern Ireland assembly meets", "Ireland"),
    ("New Mexico governor signs bill", "Mexico"),
    ("Real Madrid sign a striker", "Spain"),
    ("Green chile season begins", "Chile"),
    ("National Security Council staff told to leave", "UN Security Council"),
    ("Le tueur avait une grenade", "Grenada"),
    ("Maurice et Dominique se marient", "Mauritius"),
    ("A tomahawk steak for two", "Tomahawk"),
    ("Kataib Hezbollah denies attack", "Hezbollah"),
    ("Pakistani Taliban claim attack", "Taliban"),
    ("Daniil Medvedev wins in three sets", "Dmitry Medvedev"),
    ("Даниил Медведев вышел в финал", "Dmitry Medvedev"),
]


@pytest.mark.parametrize(("title", "entry"), MASKED)
def test_a_name_that_means_something_else_is_left_alone(title: str, entry: str) -> None:
    assert entry not in names(title)


@pytest.mark.parametrize(
    ("title", "entry"),
    [
        ("Jordan's king meets Jim Jordan", "Jordan"),
        ("Turkey to host talks after pardoning a wild turkey", "Türkiye"),
        ("Paris Hilton in Paris for talks", "France"),
        ("ICC judges ignore ICC World Cup row", "International Criminal Court"),
        ("Sudan and South Sudan reopen their border", "Sudan"),
    ],
)
def test_only_the_other_meaning_is_left_alone(title: str, entry: str) -> None:
    """A mask hides its own occurrence; the name beside it still counts."""
    assert entry in names(title)


# --- completeness ----------------------------------------------------------------------------------

FEWEST_BODIES = 40


def test_people_of_forty_states_and_bodies_have_terms_and_forms() -> None:
    """Every person has a beginning of the term, and spellings in Russian, Ukrainian and Arabic."""
    tree = book().tree
    people = [entry for one in tree.lists.values() if one.kind == "person" for entry in one.entries]
    assert len(people) >= 5 * FEWEST_BODIES
    for entry in people:
        assert entry.valid_from, f"{entry.place}: {entry.name} has no beginning"
        languages = {term.language for term in entry.terms}
        assert languages >= {"ru", "uk", "ar"}, f"{entry.place}: {entry.name}"
    ministers = tree.lists["foreign_ministers"].entries
    assert sum(entry.valid_until is None for entry in ministers) >= FEWEST_BODIES


def test_nobody_holds_an_office_before_its_list_knew() -> None:
    """A name with an ended term is not found in the news of a later day."""
    assert "Viktor Orbán" in names("Orban vetoes aid", datetime(2025, 5, 1, tzinfo=UTC))
    assert "Viktor Orbán" not in names("Orban vetoes aid", datetime(2026, 7, 1, tzinfo=UTC))


def test_every_list_of_people_says_when_it_was_checked() -> None:
    tree = book().tree
    unchecked = [
        name for name, one in tree.lists.items() if one.kind == "person" and one.entries and not one.checked
    ]
    assert unchecked == []


def test_two_entries_share_no_spelling() -> None:
    """What `monitor lists check` calls a collision or a double would be a mistake in a shipped list."""
    found: dict[str, list[str]] = defaultdict(list)
    for one in check_lists(book().tree, ("en", "fr", "ru", "uk", "ar"), date(2026, 7, 13)):
        found[one.what].append(f"{one.place}: {one.entry}: {one.text}")
    assert {
        what: found[what] for what in ("collision", "duplicate", "hidden", "no forms", "stale") if found[what]
    } == {}


def test_every_independent_country_is_listed(data: Path) -> None:
    table = (data / "gazetteer" / "country-codes.csv").read_text("utf-8")
    found = check_countries(book().tree, table, "country-codes.csv")
    assert [str(one) for one in found if one.what == "missing"] == []
    # What is left out means something else: pepper, first names, a weapon, a city state with a football club.
    odd = {"Chile", "North Korea", "Dominica", "Grenada", "Laos", "Mali", "Mauritius", "Monaco"}
    assert {one.entry for one in found} <= odd


FEWEST_STATES = 190
FEWEST_OF = {
    "organisations": 45,
    "armed_groups": 35,
    "weapons": 150,
    "capitals": 135,
    "world_leaders": 180,
    "ministers": 115,
    "spokespeople": 45,
    "envoys": 45,
}


def entries(name: str) -> list[Entry]:
    """Return the entries of a list and of those that it includes, without ended terms of office."""
    listed = book().tree.lists[name]
    own = [entry for entry in listed.entries if entry.valid_until is None]
    return own + [entry for other in listed.include for entry in entries(other)]


def test_states_are_known_by_name_demonym_and_capital() -> None:
    """At least three Latin spellings each, and forms in Russian, Ukrainian and Arabic."""
    full = 0
    for entry in entries("states"):
        latin = sum(term.text.isascii() for term in entry.terms)
        languages = {term.language for term in entry.terms}
        full += latin >= len(("name", "demonym", "capital")) and languages >= {"ru", "uk", "ar"}
    assert full >= FEWEST_STATES


@pytest.mark.parametrize("name", sorted(FEWEST_OF))
def test_lists_do_not_shrink(name: str) -> None:
    """So many things and people in office a list knows at least: edits that lose some are seen."""
    assert len(entries(name)) >= FEWEST_OF[name]
