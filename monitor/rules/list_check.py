"""What is stale, incomplete or doubtful in lists: what `monitor lists check` shows.

Not lints: much of this may be meant (a term of office that ended stays for backtests), so it is looked
through now and then and does not appear at every check.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from monitor.rules.lint_tree import OTHER_SCRIPTS, lacking, word_keys
from monitor.rules.schema import Kind, MatchMode, Term
from monitor.text.fold import fold
from monitor.text.tokens import tokenize

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import date

    from monitor.document import Place
    from monitor.rules.schema import Entry, ListDef, RuleTree

NO_FORMS: Final = "no forms"
STALE_AFTER: Final = timedelta(days=90)  # in a quarter some of a hundred offices change hands


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about an entry that somebody should look at."""

    what: str  # stale, expired, hidden, no forms, duplicate, collision, contained, missing or spelling
    listed: str  # name of the list
    entry: str  # name of the entry; "" = the whole list
    text: str  # whole sentence without full stop
    place: Place


def check_lists(tree: RuleTree, languages: Collection[str], today: date) -> tuple[Finding, ...]:
    """Return what is doubtful in the lists, by place.

    Args:
        tree: the lists.
        languages: those that feeds are in.
        today: the day of the check, UTC.
    """
    needed = sorted(OTHER_SCRIPTS.intersection(languages))
    found: list[Finding] = []
    for listed in tree.lists.values():
        found += _stale(listed, today)
        found += _expired(listed, today)
        found += _hidden(listed)
        if listed.kind is Kind.PERSON:
            found += _without_forms(listed, needed)
        if listed.kind is not Kind.VOCABULARY:
            found += _within(listed)
    found += _across(tree)
    return tuple(sorted(found, key=lambda one: (one.place, one.what)))


def _stale(listed: ListDef, today: date) -> Iterator[Finding]:
    if listed.checked is not None and today - listed.checked > STALE_AFTER:
        days = (today - listed.checked).days
        text = f"last looked through on {listed.checked}, {days} days ago: what has changed since?"
        yield Finding("stale", listed.name, "", text, listed.place)


def _expired(listed: ListDef, today: date) -> Iterator[Finding]:
    """Find terms of office that ended; what had ended when the list was looked through was known then."""
    for entry in listed.entries:
        until = entry.valid_until
        if until is not None and until < today and (listed.checked is None or until >= listed.checked):
            text = f"valid until {entry.valid_until}: not found in news since; who came after?"
            yield Finding("expired", listed.name, entry.name, text, entry.place)


def _hidden(listed: ListDef) -> Iterator[Finding]:
    """Find spellings that an `except` of one word hides wherever they stand: it counts in any form."""
    for entry in listed.entries:
        for term in entry.terms:
            plain = replace(term, exact=False, match=MatchMode.STEM, masks=())
            masks = (mask for mask in term.masks if isinstance(mask, Term))
            if mask := next((one for one in masks if word_keys(one) == word_keys(plain)), None):
                text = f'the except "{mask.text}" hides "{term.text}" everywhere: it counts in any form'
                yield Finding("hidden", listed.name, entry.name, text, mask.place)


def _without_forms(listed: ListDef, languages: list[str]) -> Iterator[Finding]:
    gaps: dict[str, list[str]] = {}
    for language in languages:
        for name in lacking(listed.entries, language):
            gaps.setdefault(name, []).append(language)
    for entry in listed.entries:
        if entry.name in gaps:
            text = f"no forms in {', '.join(gaps.pop(entry.name))}, which feeds are in"
            yield Finding(NO_FORMS, listed.name, entry.name, text, entry.place)


def _within(listed: ListDef) -> Iterator[Finding]:
    """Find one spelling for two names of a list, and a name inside another one's spelling."""
    owners: dict[tuple[str, ...], Entry] = {}
    for entry in listed.entries:
        for words in dict.fromkeys(_words(term) for term in entry.terms):
            other = owners.setdefault(words, entry)
            if other.name != entry.name and _overlap(entry, other):
                text = f'"{" ".join(words)}" also means {other.name} ({other.place})'
                yield Finding("collision", listed.name, entry.name, text, entry.place)
    for words, entry in owners.items():
        for part in _parts(words):
            other = owners.get(part, entry)
            unmasked = any(_words(term) == part and not term.masks for term in other.terms)
            if other.name != entry.name and _overlap(entry, other) and unmasked:
                text = f'"{" ".join(words)}" contains "{" ".join(part)}" of {other.name}; add an except there'
                yield Finding("contained", listed.name, entry.name, text, entry.place)
                break


def _across(tree: RuleTree) -> Iterator[Finding]:
    """Find entries of one name in two lists of a kind, of which one would be forgotten in an edit."""
    seen: dict[tuple[Kind, str], tuple[str, Entry]] = {}
    for listed in tree.lists.values():
        if listed.kind is Kind.VOCABULARY:
            continue
        for entry in listed.entries:
            spellings = {_words(term) for term in entry.terms}
            other, twin = seen.setdefault((listed.kind, fold(entry.name)), (listed.name, entry))
            shared = spellings & {_words(term) for term in twin.terms}
            if other != listed.name and shared and _overlap(entry, twin):
                text = f"also in the list {other} ({twin.place}); keep one and include it"
                yield Finding("duplicate", listed.name, entry.name, text, entry.place)


def _words(term: Term) -> tuple[str, ...]:
    words = tokenize(term.text).words
    return tuple(words if term.exact else map(fold, words))


def _parts(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for length in range(1, len(words)):
        for start in range(len(words) - length + 1):
            yield words[start : start + length]


def _overlap(one: Entry, other: Entry) -> bool:
    """Tell whether two entries are in use at one time."""
    if one.valid_until and other.valid_from and one.valid_until < other.valid_from:
        return False
    return not (other.valid_until and one.valid_from and other.valid_until < one.valid_from)
