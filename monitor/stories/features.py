"""What two items have in common, in numbers: the features that the regression of `model.py` weighs.

Nothing here knows a word of any language: terms are folded words cut to their first letters, and how
telling a term is follows from how many of the installation's own items hold it (`weights.py`).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from rapidfuzz.fuzz import token_set_ratio

from monitor.stories.similarity import jaccard, normalized, normalized_text, shingles
from monitor.stories.titles import is_running, without_publisher
from monitor.text.fold import fold
from monitor.text.tokens import is_character_script, tokenize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from monitor.models import Item
    from monitor.stories.weights import TermWeights

COMPARED: Final = 600  # characters of a summary: feeds that send whole articles are compared by their leads
STEM: Final = 7  # letters by which two forms of a word agree
_TITLE_CASE: Final = 0.6  # share of capitalised long words from which a headline's capitals tell nothing
_LONG: Final = 4  # letters of a word that a title-cased headline capitalises
_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)*")
_QUESTION: Final = frozenset("?\uff1f\u061f\u037e\u00bf")  # Latin, full width, Arabic, Greek, Spanish
_SENTENCE_END: Final = frozenset(".!?:;\u2026\u201c\u201d\"|\u2013\u2014-\u2018(")


@dataclass(frozen=True, slots=True)
class Profile:
    """An item as it is compared: a pure function of its title, summary, URL, language and time."""

    language: str  # primary tag, "und" when unknown
    title: str  # normalized, without the publisher's name
    title_terms: frozenset[str]
    terms: frozenset[str]  # of title and summary
    names: frozenset[str]  # terms written with a capital where a common word would not be
    numbers: frozenset[str]
    pairs: frozenset[tuple[str, str]]  # neighbouring terms
    title_grams: frozenset[str]
    grams: frozenset[str]
    host: str
    running: bool  # a live page
    asks: bool  # its headline asks a question: an explainer more often than a report
    hour: float  # event_at, in hours since the epoch


def profile(item: Item) -> Profile:
    """Return what is compared of an item; `first_seen_at` must be set."""
    text = _text_profile(item.title, item.summary[:COMPARED], item.url, item.language or "und")
    return Profile(**text._asdict(), hour=item.event_at().timestamp() / 3600)


class _TextProfile(NamedTuple):
    language: str
    title: str
    title_terms: frozenset[str]
    terms: frozenset[str]
    names: frozenset[str]
    numbers: frozenset[str]
    pairs: frozenset[tuple[str, str]]
    title_grams: frozenset[str]
    grams: frozenset[str]
    host: str
    running: bool
    asks: bool


@lru_cache(maxsize=8192)
def _text_profile(title: str, summary: str, url: str, language: str) -> _TextProfile:
    head = without_publisher(title, url)
    title_terms, body_terms = terms_of(head), terms_of(summary)
    folded = normalized(head)
    return _TextProfile(
        language=language,
        title=folded,
        title_terms=frozenset(title_terms),
        terms=frozenset(title_terms) | frozenset(body_terms),
        names=_names(head, summary),
        numbers=frozenset(_NUMBER.findall(f"{head} {summary}")),
        pairs=frozenset(zip(title_terms, title_terms[1:], strict=False))
        | frozenset(zip(body_terms, body_terms[1:], strict=False)),
        title_grams=shingles(folded),
        grams=shingles(normalized_text(head, summary)),
        host=_host(url),
        running=is_running(title, url),
        asks=not _QUESTION.isdisjoint(head),
    )


def terms_of(text: str) -> list[str]:
    """Return the terms of a text in order; of scripts without spaces, pairs of characters."""
    terms: list[str] = []
    before = ""
    for word in tokenize(text).words:
        if is_character_script(word):
            if before:
                terms.append(before + word)
            before = word
            continue
        before = ""
        folded = fold(word)
        if len(folded) > 1 and not folded.isdecimal():
            terms.append(stem(folded))
    return terms


def stem(folded: str) -> str:
    """Return the letters by which the forms of a word agree."""
    return folded[:STEM]


def _names(head: str, summary: str) -> frozenset[str]:
    """Return the terms of words that are written with a capital inside a sentence.

    A headline in title case names nothing by its capitals; the summary then tells.
    """
    words = [word for word in tokenize(head).words if len(word) >= _LONG and word[0].isalpha()]
    cased = sum(word[0].isupper() for word in words) >= _TITLE_CASE * len(words) if words else True
    return frozenset((set() if cased else set(_capitals(head))) | set(_capitals(summary)))


def _capitals(text: str) -> Iterable[str]:
    tokens = tokenize(text)
    for word, start in zip(tokens.words, tokens.starts, strict=True):
        if word[0].isupper() and len(word) > 1:
            before = text[:start].rstrip()
            if before and before[-1] not in _SENTENCE_END:
                yield stem(fold(word))


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


class Feature(NamedTuple):
    """One row of the table of features."""

    name: str  # a key in the coefficients
    label: str  # as people read it in an explanation
    of: Callable[[Pair], float]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two profiles and how telling their terms are."""

    one: Profile
    other: Profile
    weights: TermWeights

    def weight(self, terms: Iterable[str]) -> float:
        """Return the summed weight of terms; each is 0 to 1, rare ones near 1."""
        return sum(map(self.weights.of, terms))

    def cosine(self, mine: frozenset[str], theirs: frozenset[str]) -> float:
        """Return the cosine of two sets whose terms have their weights as lengths."""
        squares = [sum(self.weights.of(term) ** 2 for term in terms) for terms in (mine, theirs)]
        shared = sum(self.weights.of(term) ** 2 for term in mine & theirs)
        return shared / math.sqrt(squares[0] * squares[1]) if shared else 0.0

    def covered(self, mine: frozenset[str], theirs: frozenset[str]) -> float:
        """Return which share of my terms' weight is in theirs."""
        total = self.weight(mine)
        return self.weight(mine & theirs) / total if total else 0.0

    @property
    def shared(self) -> frozenset[str]:
        """Return the common terms."""
        return self.one.terms & self.other.terms

    def rare(self) -> list[str]:
        """Return the common terms that are telling, the rarest first."""
        ranked = sorted((-self.weights.of(term), term) for term in self.shared)
        return [term for weight, term in ranked if -weight >= RARE]


RARE: Final = 0.6  # weight from which a term counts as rare


def _strongest(pair: Pair, place: int) -> float:
    weights = sorted((pair.weights.of(term) for term in pair.shared), reverse=True)
    return weights[place] if len(weights) > place else 0.0


def _covers(pair: Pair) -> tuple[float, float]:
    return (
        pair.covered(pair.one.title_terms, pair.other.terms),
        pair.covered(pair.other.title_terms, pair.one.terms),
    )


def _apart(mine: frozenset[str], theirs: frozenset[str]) -> float:
    return float(bool(mine) and bool(theirs) and mine.isdisjoint(theirs))


def _name_cosine(pair: Pair) -> float:
    return pair.cosine(pair.one.names, pair.other.names)


FEATURES: Final = (
    Feature("cosine", "words in common", lambda p: p.cosine(p.one.terms, p.other.terms)),
    Feature("title_cosine", "headline words in common", lambda p: p.cosine(p.one.title_terms, p.other.title_terms)),
    Feature("title_most", "the shorter headline is in the other text", lambda p: max(_covers(p))),
    Feature("title_least", "each headline is in the other text", lambda p: min(_covers(p))),
    Feature("title_tokens", "the same headline words", lambda p: token_set_ratio(p.one.title, p.other.title) / 100),
    Feature("title_grams", "the same headline letters", lambda p: jaccard(p.one.title_grams, p.other.title_grams)),
    Feature("grams", "the same letters", lambda p: jaccard(p.one.grams, p.other.grams)),
    Feature("rare", "rare words in common", lambda p: math.log1p(len(p.rare()))),
    Feature("shared_weight", "weight of words in common", lambda p: math.log1p(p.weight(p.shared))),
    Feature("rarest", "the rarest word in common", lambda p: _strongest(p, 0)),
    Feature("third", "the third rarest word in common", lambda p: _strongest(p, 2)),
    Feature("rare_title", "rare headline words in common", lambda p: math.log1p(sum(p.weights.of(t) >= RARE for t in p.one.title_terms & p.other.title_terms))),
    Feature("pairs", "word pairs in common", lambda p: math.log1p(len(p.one.pairs & p.other.pairs))),
    Feature("names", "names in common", _name_cosine),
    Feature("name_count", "number of names in common", lambda p: math.log1p(len(p.one.names & p.other.names))),
    Feature("names_apart", "no name in common", lambda p: _apart(p.one.names, p.other.names)),
    Feature("numbers", "numbers in common", lambda p: math.log1p(len(p.one.numbers & p.other.numbers))),
    Feature("numbers_apart", "other numbers", lambda p: _apart(p.one.numbers, p.other.numbers)),
    Feature("hours", "hours apart", lambda p: math.log1p(abs(p.one.hour - p.other.hour))),
    Feature("same_host", "the same site", lambda p: float(bool(p.one.host) and p.one.host == p.other.host)),
    Feature("question", "only one asks a question", lambda p: float(p.one.asks != p.other.asks)),
    Feature("running", "a live page", lambda p: float(p.one.running or p.other.running)),
    Feature("length", "length of the shorter text", lambda p: math.log1p(min(len(p.one.terms), len(p.other.terms)))),
    Feature("length_ratio", "texts of one length", lambda p: min(len(p.one.terms), len(p.other.terms)) / max(len(p.one.terms), len(p.other.terms), 1)),
)


def compare(one: Profile, other: Profile, weights: TermWeights) -> tuple[float, ...]:
    """Return the value of each feature, in the order of `FEATURES`; symmetric."""
    pair = Pair(one, other, weights)
    return tuple(feature.of(pair) for feature in FEATURES)
