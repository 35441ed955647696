"""The words that a set of rules asks for, and the scan that finds them in tokens.

Every word of a term becomes a matcher: a number that stands for "this raw word", "this folded word",
"any form of this lemma in this language" or "any word with this beginning". What a word of a text
matches is computed once and remembered, so a scan is one dictionary look-up a token; folding and
lemmatizing cost nothing on a stream of news, whose words repeat. Terms of several words form a trie over
matchers. Which terms occur is asked of every item; where they begin, only of the few that may fire a rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, compress, count
from operator import itemgetter, not_
from typing import TYPE_CHECKING, Final, TypeAlias

from monitor.rules.schema import MatchMode
from monitor.text.fold import fold
from monitor.text.stems import LANGUAGES, is_arabic, languages_of, lemma, without_proclitics
from monitor.text.tokens import bare, in_chunk, words_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from monitor.rules.schema import Term

_MEMO_LIMIT: Final = 200_000  # distinct chunks; about 60 MB
_LONGEST_CHUNK: Final = 40  # characters; longer ones, such as sentences without spaces, hardly come again
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


@dataclass(slots=True)
class TrieNode:
    """What follows after some words of a phrase."""

    terms: tuple[int, ...] = ()  # ids of the terms that end here
    branches: Branches | None = None  # most phrases end with their second word


Branches: TypeAlias = dict[int, TrieNode]  # by the next word's matcher
# What one word of a text means to the rules: the ids of one-word terms, how phrases that begin with it go
# on, and every matcher that it satisfies. A plain tuple: a class with names takes twice as long to read.
WordEntry: TypeAlias = tuple[tuple[int, ...], Branches, tuple[int, ...]]
Found: TypeAlias = dict[int, list[int]]  # term id: token indices at which it begins, rising

_SINGLES: Final = itemgetter(0)
_BRANCHES: Final = itemgetter(1)
_NOTHING: Final[WordEntry] = ((), {}, ())
_UNCUT: Final = -1  # the id of no term
_SEVERAL: Final[WordEntry] = ((_UNCUT,), {}, ())  # what a chunk of no or several words means


class Vocabulary:
    """Terms by id. Add all terms before the first text is looked at."""

    def __init__(self) -> None:
        """Start empty."""
        self._ids: dict[tuple[int, ...], int] = {}  # matchers of a term: its id
        self._lengths: list[int] = []  # of each term, in words
        # By how it matches, and where in its term it stands: a word's matcher.
        self._written: dict[tuple[object, ...], dict[str, int]] = {}
        self._matchers: dict[frozenset[str], int] = {}
        self._by_key: dict[str, list[int]] = {}  # key of a word: matchers
        self._singles: dict[int, list[int]] = {}
        self._roots: dict[int, Branches] = {}  # of phrases, by the first word's matcher
        self._languages: set[str] = set()
        self._prefix_lengths: set[int] = set()
        self._memo = _Memo(self)

    def add(self, term: Term) -> int | None:
        """Return the id of `term`; terms that match alike share one. None if it has no word."""
        words = words_of(term.text)
        if not words:
            return None
        last = len(words) - 1
        matchers = tuple(
            [
                self._matcher(term, word, first=index == 0, last=index == last)
                for index, word in enumerate(words)
            ]
        )
        known = self._ids.get(matchers)
        if known is not None:
            return known
        term_id = self._ids[matchers] = len(self._lengths)
        self._lengths.append(len(matchers))
        if last == 0:
            self._singles.setdefault(matchers[0], []).append(term_id)
        else:
            self._plant(matchers, term_id)
        return term_id

    def _plant(self, matchers: tuple[int, ...], term_id: int) -> None:
        branches = self._roots.get(matchers[0])
        if branches is None:
            branches = self._roots[matchers[0]] = {}
        *between, last = matchers[1:]
        for matcher in between:
            node = branches.setdefault(matcher, TrieNode())
            if node.branches is None:
                node.branches = {}
            branches = node.branches
        branches.setdefault(last, TrieNode()).terms += (term_id,)

    def freeze(self) -> None:
        """Forget what only helps to add terms: half of the memory."""
        for one in (self._ids, self._written, self._matchers):
            one.clear()

    def length(self, term_id: int) -> int:
        """Return the number of words of a term."""
        return self._lengths[term_id]

    def __len__(self) -> int:
        """Return the number of distinct terms."""
        return len(self._lengths)

    def read(self, chunks: list[str]) -> tuple[list[WordEntry], set[int], Found]:
        """Return what the words of a text mean, which terms occur, and where those of several words begin.

        One dictionary look-up a word; linear in their number.

        Args:
            chunks: the text as `Tokens` cuts it.
        """
        memo = self._memo
        if len(memo) > _MEMO_LIMIT:
            memo.clear()
        words = list(map(memo.__getitem__, chunks))
        present = set(chain.from_iterable(map(_SINGLES, words)))
        if _UNCUT in present:
            present.discard(_UNCUT)
            for index in reversed([index for index, word in enumerate(words) if word is _SEVERAL]):
                several = words[index : index + 1] = memo.several(chunks[index])
                present.update(*map(_SINGLES, several))
        phrases: Found = {}
        for index in compress(range(len(words) - 1), map(_BRANCHES, words)):
            branches = words[index][1]
            for matcher in words[index + 1][2]:
                node = branches.get(matcher)
                if node is not None:
                    ended = node.terms
                    if node.branches:
                        ended = (*ended, *_further(words, index + 2, node.branches))
                    for term_id in ended:
                        phrases.setdefault(term_id, []).append(index)
        present.update(phrases)
        return words, present, phrases

    def look_up(self, raw: str) -> WordEntry:
        """Work out what a raw token means; `read` remembers it."""
        matchers = {matcher for key in self._word_keys(bare(raw)) for matcher in self._by_key.get(key, ())}
        if not matchers:
            return _NOTHING
        ordered = tuple(sorted(matchers))
        singles = (term_id for matcher in ordered for term_id in self._singles.get(matcher, ()))
        tries = [self._roots[matcher] for matcher in ordered if matcher in self._roots]
        return tuple(singles), _joined(tries), ordered

    def _matcher(self, term: Term, word: str, *, first: bool, last: bool) -> int:
        how = (term.exact, term.match, term.language, first, last)
        same = self._written.get(how)
        if same is None:
            same = self._written[how] = {}
        known = same.get(word)
        if known is None:
            known = same[word] = self._number(frozenset(self._term_keys(term, word, first=first, last=last)))
        return known

    def _number(self, keys: frozenset[str]) -> int:
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
    """Chunks of text and what they mean, filled on demand."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        self._vocabulary = vocabulary
        self._raw: dict[str, WordEntry] = {}  # a chunk is often a word with punctuation
        self._several: dict[str, tuple[WordEntry, ...]] = {}

    def __missing__(self, chunk: str) -> WordEntry:
        raw = in_chunk(chunk)
        entry = self._word(raw[0]) if len(raw) == 1 else _SEVERAL
        if len(chunk) <= _LONGEST_CHUNK:
            self[chunk] = entry
        return entry

    def several(self, chunk: str) -> tuple[WordEntry, ...]:
        """Return what each word of a chunk of no or several words means."""
        known = self._several.get(chunk)
        if known is None:
            known = tuple(map(self._word, in_chunk(chunk)))
            if len(chunk) <= _LONGEST_CHUNK:
                self._several[chunk] = known
        return known

    def clear(self) -> None:
        """Forget everything."""
        super().clear()
        self._raw.clear()
        self._several.clear()

    def _word(self, raw: str) -> WordEntry:
        known = self._raw.get(raw)
        if known is None:
            known = self._raw[raw] = self._vocabulary.look_up(raw)
        return known


def word_places(words: list[WordEntry], wanted: Collection[int]) -> Found:
    """Return where each of some one-word terms stands, rising; linear in the number of words."""
    found: Found = {term_id: [] for term_id in wanted}
    apart = frozenset(wanted).isdisjoint
    for index in compress(count(), map(not_, map(apart, map(_SINGLES, words)))):
        for term_id in words[index][0]:
            if term_id in found:
                found[term_id].append(index)
    return found


def _further(entries: list[WordEntry], index: int, branches: Branches) -> list[int]:
    """Return the ids of the phrases that go on with the word at `index` and end somewhere."""
    ended: list[int] = []
    alive: tuple[Branches, ...] = (branches,)
    while index < len(entries):
        matchers = entries[index][2]
        nodes = [
            node for branch in alive for matcher in matchers if (node := branch.get(matcher)) is not None
        ]
        if not nodes:
            break
        for node in nodes:
            ended += node.terms
        alive = tuple(node.branches for node in nodes if node.branches)
        index += 1
    return ended


def _joined(tries: list[Branches]) -> Branches:
    """Return several tries as one; what begins alike is joined, and nothing given is changed."""
    if len(tries) < 2:  # noqa: PLR2004 - nothing to join
        return tries[0] if tries else {}
    joined: Branches = {}
    for matcher in dict.fromkeys(matcher for one in tries for matcher in one):
        nodes = [one[matcher] for one in tries if matcher in one]
        terms = tuple(term for node in nodes for term in node.terms)
        joined[matcher] = TrieNode(terms, _joined([node.branches for node in nodes if node.branches]))
    return joined


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
