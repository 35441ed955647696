"""Clauses as English: what has to occur, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.alerts.wording import series
from monitor.rules.compiling import entries_of
from monitor.rules.schema import DEFAULT_FIELDS, Group, Kind, MatchMode, Near, Pattern, Reference, Term
from monitor.text.tokens import tokenize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.models import FieldName
    from monitor.rules.schema import Clause, RuleTree

SHOWN_ENTRIES: Final = 3  # of a list, when it is first named
_NUMBERS: Final = (
    "abcdefghijklmnopqrstuvwxyz",
    "123456789",
    ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii"),
)
_KINDS: Final = {Kind.PERSON: "people", Kind.PLACE: "places", Kind.ORGANISATION: "organisations"}


def listing(parts: Sequence[str], word: str) -> str:
    """Return "a, b or c" with `word` before the last."""
    if word == "and":
        return series(parts)
    return f" {word} ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


class Speaker:
    """Says clauses of one rule; `macros` are the names it used, in the order in which they came."""

    def __init__(self, tree: RuleTree) -> None:
        """Speak of the lists and macros of `tree`."""
        self._tree = tree
        self._introduced: set[str] = set()
        self.macros: list[str] = []

    def sentence(self, clause: Clause, around: tuple[FieldName, ...] = DEFAULT_FIELDS, depth: int = 0) -> str:
        """Return a clause as part of a sentence: "an entry of the list us envoys occurs"."""
        searched = _own(clause) or around
        if isinstance(clause, Near):
            return self._near(clause, searched, around)
        if isinstance(clause, Group) and (len(clause.clauses) > 1 or clause.operator == "none"):
            return self._group(clause, searched, depth)
        if isinstance(clause, Group):
            return self.sentence(clause.clauses[0], searched, depth)
        return f"{self.noun(clause, searched)} occurs{_in(searched)}"

    def noun(self, clause: Clause, around: tuple[FieldName, ...] = DEFAULT_FIELDS) -> str:
        """Return what a clause asks for as a noun: "an entry of the list us envoys"."""
        own = _own(clause)
        place = f" ({_in(own).strip()})" if own and own != around else ""
        searched = own or around
        if isinstance(clause, Near):
            # As part of something else; on its own it is a sentence.
            return f"{self._together(clause, searched)} {_distance(clause)}{place}"
        if isinstance(clause, Group):
            noun = self._any(clause.clauses, searched) if self._has_place(clause) else self.sentence(clause)
            return noun + place
        if isinstance(clause, Reference):
            return self._reference(clause)
        if isinstance(clause, Pattern):
            return f"text of the form /{clause.regex}/{place}"
        return self._term(clause) + place

    def meaning(self, macro: str) -> str:
        """Return what a macro stands for: a noun if it has a place in the text, else a sentence."""
        clause = self._tree.macros[macro].clause
        if isinstance(clause, Group) and clause.operator == "any" and len(clause.clauses) > 1:
            if all(self._is_flat(inner) for inner in clause.clauses):
                return self._any(clause.clauses, _own(clause) or DEFAULT_FIELDS)
            if all(self._has_place(inner) for inner in clause.clauses):
                nouns = [self.noun(inner, _own(clause) or DEFAULT_FIELDS) for inner in clause.clauses]
                said = [f"({_sign(0, number)}) {noun}" for number, noun in enumerate(nouns)]
                return f"{'; '.join(said[:-1])}; or {said[-1]}"
        return self.noun(clause) if self._has_place(clause) else self.sentence(clause)

    def _has_place(self, clause: Clause) -> bool:
        if isinstance(clause, Group):
            return clause.operator == "any" and all(self._has_place(inner) for inner in clause.clauses)
        return True

    # --- groups ---

    def _group(self, group: Group, searched: tuple[FieldName, ...], depth: int) -> str:
        clauses = group.clauses
        flat = all(self._is_flat(clause) for clause in clauses)
        if group.operator == "none":
            if flat:
                return f"nothing of this occurs{_in(searched)}: {self._any(clauses, searched)}"
            return self._enumerated("none of these is true", clauses, searched, depth, "or")
        if group.operator == "any":
            if flat:
                return f"{self._any(clauses, searched)} occurs{_in(searched)}"
            return self._enumerated("at least one of these is true", clauses, searched, depth, "or")
        return self._enumerated("all of these are true", clauses, searched, depth, "and")

    def _enumerated(
        self, lead: str, clauses: Sequence[Clause], searched: tuple[FieldName, ...], depth: int, word: str
    ) -> str:
        if len(clauses) == 1:
            return f"it is not so that {self.sentence(clauses[0], searched, depth)}"
        said = [
            f"({_sign(depth, number)}) {self.sentence(clause, searched, depth + 1)}"
            for number, clause in enumerate(clauses)
        ]
        return f"{lead}: {'; '.join(said[:-1])}; {word} {said[-1]}"

    def _is_flat(self, clause: Clause) -> bool:
        """Tell whether a clause is only words and names, which fit into one list."""
        if isinstance(clause, Group):
            return clause.operator == "any" and all(self._is_flat(inner) for inner in clause.clauses)
        return not isinstance(clause, Near)

    def _any(self, clauses: Sequence[Clause], searched: tuple[FieldName, ...]) -> str:
        """Join alternatives; words that match alike share their lead: `a form of "a" or "b"`."""
        words: list[str] = []
        others: list[str] = []
        for clause in clauses:
            if isinstance(clause, Term) and _is_plain(clause):
                words.append(f'"{clause.text}"')
            else:
                others.append(self.noun(clause, searched))
        if words:
            others.append(f"a form of {listing(words, 'or')}")
        return listing(others, "or") if len(others) < 3 else f"either {listing(others, 'or')}"  # noqa: PLR2004 - two need no lead

    # --- near ---

    def _near(self, near: Near, searched: tuple[FieldName, ...], around: tuple[FieldName, ...]) -> str:
        place = _in(searched) if searched != DEFAULT_FIELDS or searched != around else ""
        return f"{self._together(near, searched)} occur{place} {_distance(near)}"

    def _together(self, near: Near, searched: tuple[FieldName, ...]) -> str:
        return listing([self._operand(operand, searched) for operand in near.operands], "and")

    def _operand(self, operand: Clause, searched: tuple[FieldName, ...]) -> str:
        noun = self.noun(operand, searched)
        several = isinstance(operand, Near) or (isinstance(operand, Group) and len(operand.clauses) > 1)
        return f"[{noun}]" if several else noun

    # --- words and names ---

    def _reference(self, reference: Reference) -> str:
        called = reference.name.replace("_", " ")
        listed = self._tree.lists.get(reference.name)
        if listed is None:
            if reference.name not in self.macros:
                self.macros.append(reference.name)
            return f"what is called \u201c{called}\u201d below"
        names = [entry.name for _, entry in entries_of(self._tree.lists, listed)]
        kind = "a word" if listed.kind is Kind.VOCABULARY else "an entry"
        if reference.name in self._introduced:
            return f"{kind} of the list \u201c{called}\u201d"
        self._introduced.add(reference.name)
        more = len(names) - SHOWN_ENTRIES
        shown = ", ".join(names[:SHOWN_ENTRIES]) + (f" and {more} more" if more > 0 else "")
        what = f" of {_KINDS[listed.kind]}" if listed.kind in _KINDS else ""
        return f"{kind} of the list{what} \u201c{called}\u201d ({shown})"

    def _term(self, term: Term) -> str:
        several = len(tokenize(term.text).words) > 1
        word = "the phrase" if several else "the word"
        if term.exact:
            said = f'{word} "{term.text}", written exactly like this'
        elif term.match is MatchMode.PREFIX:
            said = f'{word if several else "a word"} beginning with "{term.text}"'
        elif term.match is MatchMode.WORD:
            said = f'{word} "{term.text}", in this form only'
        else:
            said = f'a form of "{term.text}"'
        if term.language:
            said += f', read as a word of the language "{term.language}"'
        if term.masks:
            said += f", other than as part of {self._any(term.masks, DEFAULT_FIELDS)}"
        return said


def _sign(depth: int, number: int) -> str:
    """Return what an alternative is numbered with: a, 1 or i by depth."""
    signs = _NUMBERS[depth % len(_NUMBERS)]
    return signs[number] if number < len(signs) else str(number + 1)


def _own(clause: Clause) -> tuple[FieldName, ...]:
    return () if isinstance(clause, Reference) else clause.fields


def _is_plain(term: Term) -> bool:
    return term.match is MatchMode.STEM and not (term.masks or term.language or term.fields)


def _in(searched: tuple[FieldName, ...]) -> str:
    return "" if searched == DEFAULT_FIELDS else f" in the {listing(searched, 'or')}"


def _distance(near: Near) -> str:
    order = ", in this order" if near.ordered else ""
    if near.within == 0:
        return f"right beside each other{order}"
    if isinstance(near.within, int):
        words = "one other word" if near.within == 1 else f"{near.within} other words"
        return f"with at most {words} between them{order}"
    return f"in one {near.within}{order}"
