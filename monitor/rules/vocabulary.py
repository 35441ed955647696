"""The words that a set of rules asks for, and the scan that finds them in tokens.

Every word of a term becomes a matcher: a number that stands for "this raw word", "this folded word",
"any form of this lemma in this language" or "any word with this beginning". What a word of a text
matches is computed once and remembered, so a scan is one dictionary look-up a token; folding and
lemmatizing cost nothing on a stream of news, whose words repeat. Terms of several words are looked up
by their first matcher and then compared word by word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from monitor.rules.schema import MatchMode
from monitor.text.fold import fold
from monitor.text.stems import LANGUAGES, is_arabic, languages_of, lemma, without_proclitics
from monitor.text.tokens import tokenize

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.rules.schema import Term

_MEMO_LIMIT: Final = 200_000  # distinct words; about 60 MB
_SHORTEST_CLITIC_NAME: Final = 4  # letters: a short Arabic name inside a longer word is chance

_CYRILLIC: Final = frozenset(("ru", "uk", "bg", "mk", "hbs"))
_SCRIPTS: Final = (  # code points, languages written in them; all others are Latin
    (0x0370, 0x03FF, frozenset(("el", "grc"))),
    (0x0400, 0x052F, _CYRILLIC),
    (0x0530, 0x058F, frozenset(("hy",))),
    (0x0590, 0x05FF, frozenset(("he",))),
    (0x0600, 0x08FF, frozenset(("fa",))),
    (0x0900, 0x097F, frozenset(("hi",))),
    (0x0D00, 0x0D7F, frozenset(("ml",))),
    (0x10A0, 0x10FF, frozenset(("ka",))),
)
_OTHER_SCRIPTS: Final = frozenset().union(*(languages for _, _, languages in _SCRIPTS)) - {"hbs"}


class WordEntry(NamedTuple):
    """What one word of a text means to the rules."""

    matchers: frozenset[int]  # every matcher that it satisfies
    singles: tuple[int, ...]  # ids of one-word terms
    starts: tuple[tuple[tuple[int, ...], int], ...]  # (matchers of the following words, term id)


_NOTHING: Final = WordEntry(frozenset(), (), ())

Found: TypeAlias = dict[int, list[int]]  # term id: token indices at which it begins, rising


class Vocabulary:
    """Terms by id. Add all terms first; the first `scan` freezes it."""

    def __init__(self) -> None:
        """Start empty."""
        self._ids: dict[tuple[int, ...], int] = {}  # matchers of a term: its id
        self._lengths: list[int] = []  # of each term, in words
        self._matchers: dict[frozenset[str], int] = {}
        self._by_key: dict[str, list[int]] = {}  # key of a word: matchers
        self._singles: dict[int, list[int]] = {}
        self._starts: dict[int, list[tuple[tuple[int, ...], int]]] = {}
        self._languages: set[str] = set()
        self._prefix_lengths: set[int] = set()
        self._memo = _Memo(self)

    def add(self, term: Term) -> int | None:
        """Return the id of `term`; terms that match alike share one. None if it has no word."""
        words = tokenize(term.text).words
        if not words:
            return None
        last = len(words) - 1
        matchers = tuple(
            self._matcher(frozenset(self._term_keys(term, word, first=index == 0, last=index == last)))
            for index, word in enumerate(words)
        )
        known = self._ids.get(matchers)
        if known is not None:
            return known
        term_id = self._ids[matchers] = len(self._lengths)
        self._lengths.append(len(matchers))
        if last == 0:
            self._singles.setdefault(matchers[0], []).append(term_id)
        else:
            self._starts.setdefault(matchers[0], []).append((matchers[1:], term_id))
        return term_id

    def length(self, term_id: int) -> int:
        """Return the number of words of a term."""
        return self._lengths[term_id]

    def __len__(self) -> int:
        """Return the number of distinct terms."""
        return len(self._lengths)

    def scan(self, words: list[str]) -> Found:
        """Return where each term begins in `words`; linear in their number."""
        memo = self._memo
        if len(memo) > _MEMO_LIMIT:
            memo.clear()
        entries = [memo[word] for word in words]
        found: Found = {}
        for index, entry in enumerate(entries):
            if entry is _NOTHING:
                continue
            for term_id in entry.singles:
                found.setdefault(term_id, []).append(index)
            for rest, term_id in entry.starts:
                if _follows(entries, index + 1, rest):
                    found.setdefault(term_id, []).append(index)
        return found

    def look_up(self, word: str) -> WordEntry:
        """Work out what a word means; `scan` remembers it."""
        matchers = {matcher for key in self._word_keys(word) for matcher in self._by_key.get(key, ())}
        if not matchers:
            return _NOTHING
        ordered = sorted(matchers)
        singles = (term_id for matcher in ordered for term_id in self._singles.get(matcher, ()))
        starts = (start for matcher in ordered for start in self._starts.get(matcher, ()))
        return WordEntry(frozenset(matchers), tuple(singles), tuple(starts))

    def _matcher(self, keys: frozenset[str]) -> int:
        known = self._matchers.get(keys)
        if known is None:
            known = self._matchers[keys] = len(self._matchers)
            for key in keys:
                self._by_key.setdefault(key, []).append(known)
        return known

    def _term_keys(self, term: Term, word: str, *, first: bool, last: bool) -> Iterable[str]:
        """Return the keys under which a text's word satisfies this word of a term."""
        if term.exact:
            yield _raw_key(word)
            return
        folded = _folded(word)
        if term.match is MatchMode.PREFIX and last:
            self._prefix_lengths.add(len(folded))
            yield "p:" + folded
            return
        yield "w:" + folded
        stemmed = term.match is MatchMode.STEM
        if first and is_arabic(folded) and (stemmed or len(folded) >= _SHORTEST_CLITIC_NAME):
            yield "c:" + folded
        if stemmed:
            for language in (term.language,) if term.language else languages_of(word):
                if language in LANGUAGES:
                    self._languages.add(language)
                    yield f"{language}:{lemma(word, language)}"

    def _word_keys(self, word: str) -> Iterable[str]:
        """Return every key that a word of a text satisfies."""
        folded = _folded(word)
        yield _raw_key(word)
        yield "w:" + folded
        for language in self._languages & _languages_in_script(folded):
            yield f"{language}:{lemma(word, language)}"
        if is_arabic(folded):
            for variant in without_proclitics(folded):
                yield "c:" + variant
        for length in self._prefix_lengths:
            if length <= len(folded):
                yield "p:" + folded[:length]


class _Memo(dict[str, WordEntry]):
    """Words and what they mean, filled on demand."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        self._vocabulary = vocabulary

    def __missing__(self, word: str) -> WordEntry:
        entry = self[word] = self._vocabulary.look_up(word)
        return entry


def _follows(entries: list[WordEntry], index: int, rest: tuple[int, ...]) -> bool:
    if index + len(rest) > len(entries):
        return False
    return all(matcher in entries[index + step].matchers for step, matcher in enumerate(rest))


def _folded(word: str) -> str:
    # "U.S" in the middle of a sentence and "U.S." are one acronym.
    return fold(word).rstrip(".")


def _raw_key(word: str) -> str:
    return "=:" + word.rstrip(".").replace("’", "'").replace("ʼ", "'")


def _languages_in_script(folded: str) -> frozenset[str]:
    code = ord(folded[0]) if folded else 0
    for first, last, languages in _SCRIPTS:
        if first <= code <= last:
            return languages
    return _LATIN


_LATIN: Final = LANGUAGES - _OTHER_SCRIPTS
