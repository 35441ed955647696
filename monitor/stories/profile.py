"""An item as it is compared with others: its terms, names and numbers.

No word of any language is known here. A term is a folded word cut to its first letters; a name is a word
with a capital where a common word would have none; scripts without spaces give pairs of characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from monitor.stories.titles import without_publisher
from monitor.text.fold import fold
from monitor.text.tokens import is_character_script, tokenize

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from monitor.models import Item
    from monitor.text.tokens import Tokens

COMPARED: Final = 600  # characters of a summary: feeds that send whole articles are compared by their leads
STEM: Final = 7  # letters by which two forms of a word agree; 5, 6 and 9 measured the same within noise
UNKNOWN: Final = "und"  # BCP 47: no language is known
_TITLE_CASE: Final = 0.6  # share of capitalised long words from which a headline's capitals tell nothing
_LONG: Final = 4  # letters of a word that a title-cased headline capitalises
_GAP: Final = 8  # characters before a word that are looked at first
_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)*")
_QUESTION: Final = frozenset("?\uff1f\u061f\u037e\u00bf")  # Latin, full width, Arabic, Greek, Spanish
# What a sentence or quotation begins after: a capital behind it names nothing.
_OPENING: Final = frozenset('.!?:;\u2026\u201c\u201d"|\u2013\u2014-\u2018(')


class _Text(NamedTuple):
    """What follows from an item's words alone."""

    title: str  # normalized, without the publisher's name
    title_terms: frozenset[str]
    terms: frozenset[str]  # of title and summary
    words: Mapping[str, str]  # of each term, the first word as written
    numbers: frozenset[str]
    title_numbers: frozenset[str]
    host: str  # without "www."; "" without a link
    asks: bool  # its headline asks: an explainer more often than a report


@dataclass(frozen=True, slots=True)
class Profile:
    """An item as it is compared: a pure function of its title, summary, URL, language and time."""

    title: str  # as in `_Text`, as all up to `asks`
    title_terms: frozenset[str]
    terms: frozenset[str]
    words: Mapping[str, str]
    numbers: frozenset[str]
    title_numbers: frozenset[str]
    host: str
    asks: bool
    language: str  # primary tag, "und" when unknown
    hour: float  # of the event, in hours since the epoch
    texts: tuple[str, str]  # headline without the publisher's name, summary as far as it is compared

    @property
    def names(self) -> frozenset[str]:
        """Return the terms written as names; found when asked for, as most pairs are judged without."""
        return _names(*self.texts)[1]

    @property
    def title_names(self) -> frozenset[str]:
        """Return the terms of the headline written as names."""
        return _names(*self.texts)[0]


def profile(item: Item) -> Profile:
    """Return what is compared of an item; it must have `first_seen_at`."""
    head, text = _text(item.title, item.summary[:COMPARED], item.url)
    hour = item.event_at().timestamp() / 3600
    return Profile(*text, language=item.language or UNKNOWN, hour=hour, texts=(head, item.summary[:COMPARED]))


@lru_cache(maxsize=4096)
def _text(title: str, summary: str, url: str) -> tuple[str, _Text]:
    """Return the headline without the publisher's name, and what follows from the words."""
    head = without_publisher(title, url)
    heading, body = _words(head), _words(summary)
    words: dict[str, str] = {}
    for term, word in (*heading.terms, *body.terms):
        words.setdefault(term, word)
    return head, _Text(
        title=" ".join(heading.folded),
        title_terms=frozenset(term for term, _ in heading.terms),
        terms=frozenset(words),
        words=words,
        numbers=frozenset(_NUMBER.findall(f"{head} {summary}")),
        title_numbers=frozenset(_NUMBER.findall(head)),
        host=_host(url),
        asks=not _QUESTION.isdisjoint(head),
    )


@lru_cache(maxsize=1024)
def _names(head: str, summary: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of a headline, and those of headline and summary."""
    heading = _words(head)
    of_head = frozenset() if _in_title_case(heading) else frozenset(_capitals(heading))
    return of_head, of_head | frozenset(_capitals(_words(summary)))


class _Words(NamedTuple):
    """A text cut into words once, for all that is asked of them."""

    tokens: Tokens
    folded: list[str]  # of each token
    terms: list[tuple[str, str]]  # in order, each with the word as written; numbers are no terms


def _words(text: str) -> _Words:
    tokens = tokenize(text)
    folded = list(map(fold, tokens.words))
    return _Words(tokens, folded, list(_terms(tokens.words, folded)))


def _terms(words: Sequence[str], folded: Sequence[str]) -> Iterator[tuple[str, str]]:
    before = ""
    for word, plain in zip(words, folded, strict=True):
        if is_character_script(word):
            if before:
                yield before + word, before + word
            before = word
            continue
        before = ""
        if len(plain) > 1 and not plain.isdecimal():
            yield plain[:STEM], word


def _in_title_case(heading: _Words) -> bool:
    words = [word for word in heading.tokens.words if len(word) >= _LONG and word[0].isalpha()]
    return sum(word[0].isupper() for word in words) >= _TITLE_CASE * len(words)


def _capitals(found: _Words) -> Iterator[str]:
    """Yield the terms of words that are written with a capital inside a sentence."""
    tokens = found.tokens
    for word, folded, start in zip(tokens.words, found.folded, tokens.starts, strict=True):
        if len(word) > 1 and word[0].isupper():
            before = tokens.text[max(0, start - _GAP) : start].rstrip() or tokens.text[:start].rstrip()
            if before and before[-1] not in _OPENING:
                yield folded[:STEM]


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""
