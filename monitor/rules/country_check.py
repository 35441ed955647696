"""Compares lists with a table of country codes: which states no list names, and spellings that are missing.

The table is the one of datahub.io's `country-codes` (ODC-PDDL): one row a country, with the names that the
United Nations' terminology and CLDR use.
"""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Final

from monitor.document import Place
from monitor.errors import ConfigurationError
from monitor.rules.list_check import Finding
from monitor.rules.schema import Kind
from monitor.text.fold import fold
from monitor.text.tokens import tokenize

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from monitor.rules.schema import RuleTree

_CODE: Final = "ISO3166-1-Alpha-2"
_ENGLISH: Final = ("CLDR display name", "UNTERM English Short", "official_name_en")
_OTHERS: Final = {"ru": "UNTERM Russian Short", "ar": "UNTERM Arabic Short", "fr": "UNTERM French Short"}
_INDEPENDENT: Final = "is_independent"
# What a table adds to a name that nobody writes in the news: "(le)", "(Bolivarian Republic of)", " *".
_ADDED: Final = re.compile(r"\s*(?:\([^)]*\)|\*)\s*")
_ARTICLE: Final = re.compile(r"the\s+", re.IGNORECASE)


def check_countries(tree: RuleTree, table: str, file: str) -> tuple[Finding, ...]:
    """Return the independent countries of a table that lists miss, and spellings that lists do not know.

    Args:
        tree: the lists; those of places and of organisations, which states are, count.
        table: text of the CSV file.
        file: its path, for messages.

    Raises:
        ConfigurationError: it is not such a table.
    """
    rows = csv.DictReader(table.splitlines())
    missing = sorted({_CODE, _ENGLISH[0], _INDEPENDENT}.difference(rows.fieldnames or ()))
    if missing:
        raise ConfigurationError(
            f'{file}: no table of country codes: it has no column "{missing[0]}"; '
            "the table is country-codes.csv of datahub.io/core/country-codes"
        )
    known = _spellings(tree)
    found: list[Finding] = []
    for row in rows:
        if row[_INDEPENDENT] == "Yes":
            found += _country(row, known, Place(file, rows.line_num, 1))
    return tuple(found)


def _country(row: Mapping[str, str], known: frozenset[str], place: Place) -> Iterator[Finding]:
    names = [name for column in _ENGLISH if (name := _name(row.get(column) or ""))]
    if not any(_key(name) in known for name in names):
        text = f"{row[_CODE]}: no list of places or organisations has it"
        yield Finding("missing", "", names[0] if names else row[_CODE], text, place)
        return
    for language, column in _OTHERS.items():
        name = _name(row.get(column) or "")
        if name and not _found(_key(name), known):
            yield Finding("spelling", "", names[0], f'"{name}" ({language}) is in no list', place)


def _found(name: str, known: frozenset[str]) -> bool:
    """Tell whether a name is a spelling or holds one: "the Syrian Arab Republic" is found by "Syrian"."""
    words = name.split()
    spans = ((start, end) for start in range(len(words)) for end in range(start + 1, len(words) + 1))
    return any(" ".join(words[start:end]) in known for start, end in spans)


def _spellings(tree: RuleTree) -> frozenset[str]:
    """Return every spelling of a place or organisation, folded; the language of a term makes no difference.

    The name of an entry counts as well: "Georgia (country)" is listed, although the bare name is no spelling.
    """
    listed = (one for one in tree.lists.values() if one.kind in (Kind.PLACE, Kind.ORGANISATION))
    entries = tuple(entry for one in listed for entry in one.entries)
    written = {_key(term.text) for entry in entries for term in entry.terms}
    return frozenset(written | {_key(_name(entry.name)) for entry in entries})


def _name(written: str) -> str:
    return _ARTICLE.sub("", _ADDED.sub(" ", written).strip(), count=1) if written else ""


def _key(name: str) -> str:
    return " ".join(fold(word) for word in tokenize(name.replace("&", "and")).words)
