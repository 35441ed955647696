"""Which lists hold a word, and in which form: what `monitor lists find` shows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from monitor.rules.lint_tree import word_keys
from monitor.rules.schema import MatchMode, Term
from monitor.text.fold import fold
from monitor.text.tokens import tokenize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.document import Place
    from monitor.rules.schema import Entry, RuleTree


class How(IntEnum):
    """How a list holds a word, the nearest first."""

    SAME = 0  # so written
    FORM = 1  # as another form of a word that counts in any form
    PART = 2  # inside a longer phrase
    NAME = 3  # in the name under which an entry is shown, which is no spelling of it
    HIDDEN = 4  # in an `except`: there the word does not count


@dataclass(frozen=True, slots=True)
class Found:
    """One place where a list holds the word that was asked for."""

    how: How
    listed: str  # name of the list
    within: tuple[str, ...]  # names of the lists that include it, at whatever depth, sorted
    entry: str  # name of the entry
    text: str  # as written there
    place: Place


def find_word(tree: RuleTree, text: str) -> tuple[Found, ...]:
    """Return where lists hold a word or phrase, the nearest first, then by place.

    Args:
        tree: the lists, with `extend` applied.
        text: one word or several that stand next to each other; capitals and accents make no difference.
    """
    asked = _Asked(text)
    holders = _including(tree)
    found = (
        Found(how, listed.name, holders[listed.name], entry.name, written, place)
        for listed in tree.lists.values()
        for entry in listed.entries
        for how, written, place in _in_entry(entry, asked)
    )
    return tuple(sorted(dict.fromkeys(found), key=lambda one: (one.how, one.place, one.text)))


class _Asked:
    """The word that is looked for, as each list would read it in a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.words = tuple(map(fold, tokenize(text).words))

    def held_by(self, term: Term) -> How | None:
        """Tell how `term` holds the word; None: not at all."""
        words = tuple(map(fold, tokenize(term.text).words))
        if not self.words or len(words) < len(self.words):
            return None
        if words == self.words:
            return How.SAME
        starts = range(len(words) - len(self.words) + 1)
        if not any(self._from(start, words, term) for start in starts):
            return None
        return How.FORM if len(words) == len(self.words) else How.PART

    def _from(self, start: int, words: tuple[str, ...], term: Term) -> bool:
        """Tell whether the words of `term` from `start` on are those asked for, or stand for them."""
        part = words[start : start + len(self.words)]
        if part == self.words:
            return True
        if term.match is MatchMode.PREFIX:
            return all(asked.startswith(word) for asked, word in zip(self.words, part, strict=True))
        if term.exact or term.match is not MatchMode.STEM:
            return False
        held = word_keys(term)[start : start + len(self.words)]
        return _keys(self._text, term.language) == held


@lru_cache(maxsize=64)
def _keys(text: str, language: str) -> tuple[tuple[str, ...], ...]:
    return word_keys(Term(text, language=language))


def _in_entry(entry: Entry, asked: _Asked) -> Iterator[tuple[How, str, Place]]:
    spelled = False
    for term in entry.terms:
        how = asked.held_by(term)
        if how is not None:
            spelled = True
            yield how, term.text, term.place
        for mask in term.masks:
            if isinstance(mask, Term) and asked.held_by(mask) is not None:
                yield How.HIDDEN, mask.text, mask.place
    if not spelled and asked.held_by(Term(entry.name, MatchMode.WORD)) is not None:
        yield How.NAME, entry.name, entry.place


def _including(tree: RuleTree) -> dict[str, tuple[str, ...]]:
    """Return by list the names of those that include it, directly or through others."""
    direct: dict[str, set[str]] = {name: set() for name in tree.lists}
    for listed in tree.lists.values():
        for name in listed.include:
            direct[name].add(listed.name)
    return {name: tuple(sorted(_above(name, direct))) for name in direct}


def _above(name: str, direct: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = list(direct[name])
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting += direct[one]
    return seen


def spellings(tree: RuleTree) -> Iterator[str]:
    """Go through the spellings of all lists, for suggestions."""
    for listed in tree.lists.values():
        for entry in listed.entries:
            yield from (term.text for term in entry.terms)
