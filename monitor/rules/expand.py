"""Case forms for the names in lists, proposed for review: what `monitor lists expand` writes.

Russian and Ukrainian names are inflected by pymorphy3 (the extra `morphology`), from the spellings that
an entry has already: nothing is transliterated. Arabic words that stand together with a conjunction or
preposition are understood when an item is matched, but not names of fewer than four letters: for these
the joined forms are proposed. French elision (l', d', qu') is never part of a word, so French needs no forms.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from monitor.document.layout import Collection, Entry, Scalar, read_layout
from monitor.errors import ConfigurationError
from monitor.rules.fmt import print_layout
from monitor.rules.schema import Kind
from monitor.text.fold import fold
from monitor.text.tokens import tokenize

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from monitor.document.layout import Node
    from monitor.rules.schema import ListDef

INFLECTED: Final = ("ru", "uk")
LANGUAGES: Final = (*INFLECTED, "ar")
INSTALL: Final = "pip install 'diplomatic-monitor[morphology]'"
_CASES: Final = ("nomn", "gent", "datv", "accs", "ablt", "loct")
_PROCLITICS: Final = "وفبلك"
_SHORTEST_STEM: Final = 2  # letters
_LONGEST_ENDING: Final = 2  # letters of a basic form that another case may replace
_SHORT: Final = 4  # letters: from so many on, proclitics are understood without being listed


@dataclass(frozen=True, slots=True)
class Proposal:
    """New forms of one entry in one language, or why there are none."""

    entry: str  # its name
    language: str
    forms: tuple[str, ...]  # those that it does not have yet
    reason: str = ""  # why there are none, if something is missing


class Inflector(Protocol):
    """Makes the forms of a name."""

    def forms(self, name: str, kind: Kind) -> tuple[str, ...]:
        """Return all forms of a name in its basic form, itself first; () if it cannot tell."""


def inflector(language: str) -> Inflector:
    """Return the inflector of a language.

    Raises:
        ConfigurationError: there is none, or what it needs is not installed.
    """
    if language == "ar":
        return Proclitics()
    if language not in INFLECTED:
        raise ConfigurationError(f"forms can be proposed in {', '.join(LANGUAGES)}, not in {language}")
    try:
        module = importlib.import_module("pymorphy3")
        return Morphology(module.MorphAnalyzer(lang=language))
    except (ImportError, ValueError) as error:
        what = f"forms in {language} need the extra `morphology` ({error})"
        raise ConfigurationError(f"{what}; install it with: {INSTALL}") from None


def propose(listed: ListDef, inflectors: Mapping[str, Inflector]) -> tuple[Proposal, ...]:
    """Return proposals for the entries of a list that lack something, in its order.

    Args:
        listed: the list; entries that it includes from others are not its own.
        inflectors: by language.
    """
    found: list[Proposal] = []
    for entry in listed.entries:
        for language, made in inflectors.items():
            stated = [term.text for term in entry.terms if term.language == language and not term.exact]
            if not stated:
                reason = f"no spelling in {language} to begin with"
                # A list of words in one language is no entry that lacks the others.
                if listed.kind is Kind.PERSON and not any(term.language for term in entry.terms[:1]):
                    found.append(Proposal(entry.name, language, (), reason))
                continue
            forms = _new_forms(stated, made, listed.kind)
            if forms:
                found.append(Proposal(entry.name, language, forms))
    return tuple(found)


def _new_forms(stated: list[str], made: Inflector, kind: Kind) -> tuple[str, ...]:
    """Return forms that are not listed; a spelling that is a form of an earlier one is no new beginning."""
    known = {_folded(one) for one in stated}
    begun: list[str] = []
    new: dict[str, str] = {}
    for name in stated:
        folded = _folded(name)
        if any(_may_be_form(folded, other) for other in begun):
            continue
        begun.append(folded)
        for form in made.forms(name, kind):
            if _folded(form) not in known:
                new.setdefault(_folded(form), form)
    return tuple(new.values())


def _may_be_form(name: str, other: str) -> bool:
    """Tell whether a spelling is another one with another ending or a proclitic: no basic form."""
    if name[0] in _PROCLITICS and name[1:] == other:
        return True
    return len(_beginning((name, other))) >= max(_SHORTEST_STEM, len(other) - _LONGEST_ENDING)


def _folded(text: str) -> str:
    return " ".join(fold(word) for word in tokenize(text).words)


class Proclitics:
    """Arabic conjunctions and prepositions before short names."""

    def forms(self, name: str, kind: Kind) -> tuple[str, ...]:
        """Return the name and its joined forms."""
        del kind
        words = tokenize(name).words
        if not words or len(fold(words[0])) >= _SHORT:
            return (name,)
        return (name, *(letter + name for letter in _PROCLITICS))


class Morphology:
    """Russian and Ukrainian case forms by pymorphy3."""

    def __init__(self, analyzer: Any) -> None:  # noqa: ANN401 - a library without types
        """Use an analyzer of the language."""
        self._analyzer = analyzer

    def forms(self, name: str, kind: Kind) -> tuple[str, ...]:
        """Return the forms of a name in the singular: of a surname, or of each word of a full name."""
        words = name.split(" ")
        if any(not word or not word.replace("-", "").isalpha() for word in words):
            return ()
        if kind is not Kind.PERSON and len(words) > 1:
            return ()  # which words of a phrase are inflected is not to be guessed
        gender = self._gender(words)
        tables = [self._table(word, gender if kind is Kind.PERSON else "") for word in words]
        if not all(tables):
            return ()
        made = {name: None}
        for case in _CASES:
            variants = max(len(table.get(case, ())) for table in tables)
            for number in range(variants):
                parts = [_variant(table, case, number) for table in tables]
                if all(parts):
                    made[" ".join(parts)] = None
        return tuple(made)

    def _gender(self, words: list[str]) -> str:
        """Return the gender that a first name or the ending of a surname shows; masculine otherwise."""
        for word in words:
            for one in self._analyzer.parse(word):
                marks = _marks(one.tag)
                if one.is_known and "nomn" in marks and marks & {"Name", "Surn"} and "Fixd" not in marks:
                    return "femn" if "femn" in marks else "masc"
        return "femn" if words[-1].endswith(_FEMININE) else "masc"

    def _table(self, word: str, gender: str) -> dict[str, list[str]]:
        """Return the forms of a word by case; {} when no reading of it as a basic form is found."""
        readings = self._analyzer.parse(word)
        basic = [one for one in readings if _is_basic(_marks(one.tag), gender)]
        if not basic:
            fixed = word[-1].casefold() in _INDECLINABLE or any("Fixd" in _marks(one.tag) for one in readings)
            return {case: [word] for case in _CASES} if fixed else {}
        best = max(basic, key=lambda one: (_fitness(_marks(one.tag), gender), one.score))
        table: dict[str, list[str]] = {}
        for one in best.lexeme:
            marks = _marks(one.tag)
            cases = marks.intersection(_CASES)
            other = gender and marks & {"masc", "femn", "neut"} and gender not in marks
            if not cases or marks & _LEFT_OUT or other or _inanimate(marks, gender):
                continue
            forms = table.setdefault(min(cases), [])
            form = _as_written(one.word, word)
            if form not in forms:
                forms.append(form)
        if gender == "masc" and not table.get("accs"):
            table["accs"] = list(table.get("gent", ()))
        return table


_FEMININE: Final = ("ова", "ева", "ёва", "ина", "ына", "ская", "цкая", "ська", "цька", "іна", "їна", "єва")
_INDECLINABLE: Final = frozenset("еиоуюэєії")  # endings of foreign surnames that have one form
_LEFT_OUT: Final = frozenset(("plur", "Supr", "Cmp2", "Arch", "V-oy", "V-ey", "Litr"))


def _marks(tag: object) -> frozenset[str]:
    """Return the grammemes of a tag; asking it for one that its language lacks would raise."""
    return frozenset(str(tag).replace(" ", ",").split(","))


def _is_basic(marks: frozenset[str], gender: str) -> bool:
    if not marks & {"NOUN", "ADJF"} or marks & {"plur", "Pltm", "Fixd", "Supr"} or "nomn" not in marks:
        return False
    return not gender or gender in marks


def _fitness(marks: frozenset[str], gender: str) -> int:
    """Return how well a reading suits: a surname or name for people, a place for places."""
    if gender:
        return 3 if marks & {"Surn", "Name"} else 2 if "ADJF" in marks else 1 if "anim" in marks else 0
    return 1 if "Geox" in marks else 0


def _inanimate(marks: frozenset[str], gender: str) -> bool:
    # A man's accusative is his genitive; the dictionary may take an unknown surname for a thing.
    return gender == "masc" and "accs" in marks and ("inan" in marks or "ADJF" in marks)


def _variant(table: Mapping[str, list[str]], case: str, number: int) -> str:
    forms = table.get(case, ())
    return forms[min(number, len(forms) - 1)] if forms else ""


def _as_written(form: str, word: str) -> str:
    """Return a form with the capitals of the word that it is made of."""
    if "ё" not in word:
        form = form.replace("ё", "е")
    if word.isupper() and len(word) > 1:
        return form.upper()
    parts, like = form.split("-"), word.split("-")
    if len(parts) != len(like):
        return form.capitalize() if word[:1].isupper() else form
    return "-".join(
        one.capitalize() if other[:1].isupper() else one for one, other in zip(parts, like, strict=True)
    )


# --- into the file ---------------------------------------------------------------------------------


def with_forms(path: str, data: bytes, name: str, proposals: Iterable[Proposal]) -> bytes:
    """Return a file, in standard form, with the proposed forms in the entries of the list `name`.

    Args:
        path: of the file, relative to the rules directory.
        data: its bytes, which `parse` accepts without an error.
        name: a list that the file defines.
        proposals: what to add; entries that the file does not hold are passed over.
    """
    text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    layout = read_layout(text)
    listed = _value(_value(layout.root, "lists"), name)
    for proposal in proposals:
        if proposal.forms:
            _add(listed, proposal)
    return print_layout(layout, path)


def _add(listed: Node | None, proposal: Proposal) -> None:
    entries = _value(listed, "entries")
    for item in entries.entries if isinstance(entries, Collection) else ():
        stated = _value(item.value, "name")
        if isinstance(stated, Scalar) and stated.text == proposal.entry:
            forms = _value(_value(item.value, "forms"), proposal.language)
            if isinstance(forms, Collection):
                forms.entries += [_item(form) for form in proposal.forms]
            return
    words = _value(listed, proposal.language)  # a list of words in one language
    if isinstance(words, Collection):
        places = [
            number
            for number, entry in enumerate(words.entries, start=1)
            if isinstance(entry.value, Scalar) and entry.value.text == proposal.entry
        ]
        if places:
            words.entries[places[0] : places[0]] = [_item(form) for form in proposal.forms]


def _item(text: str) -> Entry:
    return Entry(None, Scalar(text, "'", text, folded=False, start=0, end=0), 0)


def _beginning(texts: tuple[str, str]) -> str:
    """Return what two texts begin with."""
    one, other = texts
    length = next((n for n, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), None)
    return one[:length] if length is not None else min(texts, key=len)


def _value(node: Node | None, key: str) -> Node | None:
    if not isinstance(node, Collection) or not node.mapping:
        return None
    return next((one.value for one in node.entries if one.key is not None and one.key.text == key), None)
