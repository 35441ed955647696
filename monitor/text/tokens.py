"""Cut text into tokens with offsets into the original string.

A token is a maximal run of letters and digits. Apostrophes inside words stay, hyphens split, the
possessive 's and French elision (l', d', qu') are not part of the token, and `U.S.` is one token.
Scripts without spaces (Han, kana, Thai, Lao, Khmer, Burmese) give one token a character.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from itertools import accumulate, compress, count
from operator import add, and_, not_
from typing import Final, NamedTuple

from monitor.text.fold import APOSTROPHES

_QUOTES: Final = APOSTROPHES


def _marks() -> str:
    """Return a character class body of all combining marks and joiners (no letters to Python)."""
    ranges: list[list[int]] = []
    # Beyond U+1FFFF there are only variation selectors.
    for code in range(0x300, 0x20000):
        char = chr(code)
        if unicodedata.category(char) in {"Mn", "Mc", "Me"} or code in (0x200C, 0x200D, 0xAD, 0x2060):
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "\xad" + "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)


# Thai to Lao, Burmese, Khmer, kana (with its extensions and half-width forms), Bopomofo, Han.
_CHARACTER_SCRIPTS: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3021-\u3029\u3040-\u30fa\u30fc-\u318f"
    "\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_MARKS: Final = _marks()
_ASCII_TOKEN: Final = re.compile(
    r"[A-Za-z](?:\.[A-Za-z])+(?![A-Za-z0-9])\.?|[A-Za-z0-9]+(?:'[A-Za-z0-9]+)*", re.ASCII
)
_LETTER: Final = "[^\\W_ʼ]"
_SPACED: Final = f"[^\\W_ʼ{_CHARACTER_SCRIPTS}]"


def _pattern(letter: str, characters: str = "") -> re.Pattern[str]:
    run = f"{letter}++(?:[{_MARKS}]++{letter}*+)*+"
    acronym = f"[^\\W\\d_ʼ](?:\\.[^\\W\\d_ʼ])+(?!{letter}|[{_MARKS}])\\.?"
    return re.compile(f"{characters}{acronym}|{run}(?:[{_QUOTES}]{run})*+")


_SPACED_TOKEN: Final = _pattern(_LETTER)
_MIXED_TOKEN: Final = _pattern(_SPACED, f"(?=[^\\W_])[{_CHARACTER_SCRIPTS}][{_MARKS}]*+|")
_CHARACTER: Final = re.compile(f"[{_CHARACTER_SCRIPTS}]")

_POSSESSIVE: Final = re.compile(f"[{_QUOTES}][sS]\\Z")
# French, and Italian articles; the rest has to be a word of two letters or more.
_ELISION: Final = re.compile(
    f"(?:[ldjmtsnc]|qu|jusqu|lorsqu|puisqu|quoiqu|dell|all|dall|nell|sull|un|gl)[{_QUOTES}](?=[^\\W\\d_]{{2}})",
    re.IGNORECASE,
)
_ANY_QUOTE: Final = re.compile(f"[{_QUOTES}]")


# ASCII characters that no token holds. Cutting at them takes a tenth of the time of finding tokens.
_BLANKED: Final = "".join(char if char.isalnum() or char in ".'" else " " for char in map(chr, range(128)))


def cut(text: str) -> list[str]:
    """Return the chunks of `text`: no token reaches beyond one, and most are one token."""
    return (text.translate(_BLANKED) if text.isascii() else text).split()


def words_of(text: str) -> list[str]:
    """Return the tokens of `text` as written, without their places."""
    if text.isascii() and text.replace(" ", "").isalnum():
        return text.split()
    return [bare(raw) for chunk in cut(text) for raw in in_chunk(chunk)]


def in_chunk(chunk: str) -> list[str]:
    """Return the raw tokens of a chunk: with possessive 's and elided article."""
    return _pattern_for(chunk).findall(chunk)


def _pattern_for(text: str) -> re.Pattern[str]:
    if text.isascii():
        return _ASCII_TOKEN
    return _MIXED_TOKEN if _CHARACTER.search(text) else _SPACED_TOKEN


class Tokens:
    """The tokens of one text as parallel lists: `text[starts[i]:ends[i]] == words[i]`.

    Only the chunks are cut at once; the rest is worked out when it is first asked for, because most texts
    are only looked at for words that they do not have, and the others for a few places.
    """

    __slots__ = ("_chunk_starts", "_inside", "_layout", "_spans", "_words", "chunks", "text")

    def __init__(self, text: str) -> None:
        """Cut `text`; linear in its length."""
        self.text = text
        self.chunks = cut(text)
        self._words: list[str] | None = None
        self._spans: tuple[list[int], list[int]] | None = None
        self._layout: _OddChunks | None = None
        self._chunk_starts: list[int] | None = None
        self._inside: dict[int, list[tuple[int, int]]] = {}

    @property
    def words(self) -> list[str]:
        """The tokens as written."""
        if self._words is None:
            self._words = words_of(self.text)
        return self._words

    @property
    def starts(self) -> list[int]:
        """Character offset of each token, inclusive."""
        return self._offsets()[0]

    @property
    def ends(self) -> list[int]:
        """Character offset behind each token."""
        return self._offsets()[1]

    def span(self, first: int, last: int) -> tuple[int, int]:
        """Return the character span from one token to another; cheaper than `starts` for a few."""
        start, end = self._span(first)
        return (start, end) if first == last else (start, self._span(last)[1])

    def before(self, offset: int) -> int:
        """Return how many tokens begin before a character offset."""
        place = bisect_right(self._chunk_offsets(), offset) - 1
        if place < 0:
            return 0
        inside = bisect_left(self._in(place), (offset - self._chunk_offsets()[place],))
        return self._tokens_before(place) + inside

    def _span(self, token: int) -> tuple[int, int]:
        place, inside = self._chunk_of(token)
        start, end = self._in(place)[inside]
        offset = self._chunk_offsets()[place]
        return offset + start, offset + end

    def _chunk_of(self, token: int) -> tuple[int, int]:
        """Return in which chunk a token is, and which of its tokens it is."""
        layout = self._odd_chunks()
        number = bisect_right(layout.firsts, token) - 1
        if number < 0:
            return token, 0
        inside = token - layout.firsts[number]
        beyond = inside - layout.counts[number]
        return (layout.places[number], inside) if beyond < 0 else (layout.places[number] + 1 + beyond, 0)

    def _tokens_before(self, place: int) -> int:
        """Return how many tokens the chunks before one have."""
        layout = self._odd_chunks()
        number = bisect_left(layout.places, place) - 1
        if number < 0:
            return place
        return layout.firsts[number] + layout.counts[number] + place - layout.places[number] - 1

    def _odd_chunks(self) -> _OddChunks:
        if self._layout is None:
            plain = map(str.isalnum, self.chunks)
            if not self.text.isascii():
                plain = map(and_, plain, map(str.isascii, self.chunks))
            places = list(compress(count(), map(not_, plain)))
            counts = [_count(self.chunks[place]) for place in places]
            extra = accumulate((one - 1 for one in counts), initial=0)
            self._layout = _OddChunks(places, counts, list(map(add, places, extra)))
        return self._layout

    def _in(self, place: int) -> list[tuple[int, int]]:
        """Return the spans in one chunk, remembered: a text without spaces is one long chunk."""
        known = self._inside.get(place)
        if known is None:
            known = self._inside[place] = _bare_spans(self.chunks[place])
        return known

    def _chunk_offsets(self) -> list[int]:
        if self._chunk_starts is None:
            self._chunk_starts = _places(self.text, self.chunks)
        return self._chunk_starts

    def _offsets(self) -> tuple[list[int], list[int]]:
        if self._spans is None:
            spans = [
                (offset + start, offset + end)
                for chunk, offset in zip(self.chunks, self._chunk_offsets(), strict=True)
                for start, end in _bare_spans(chunk)
            ]
            self._spans = [start for start, _ in spans], [end for _, end in spans]
        return self._spans

    def __len__(self) -> int:
        """Return the number of tokens."""
        return self._tokens_before(len(self.chunks))


class _OddChunks(NamedTuple):
    """The chunks of a text that may not be exactly one token."""

    places: list[int]  # which they are, rising
    counts: list[int]  # how many tokens each has
    firsts: list[int]  # how many tokens there are before each


def _places(text: str, chunks: list[str]) -> list[int]:
    """Return the character offset of each chunk."""
    if text.isascii():
        pieces = text.translate(_BLANKED).split(" ")
        # The text before a piece: the pieces before it, with a blank behind each.
        lengths = accumulate(map(len, pieces), initial=0)
        return list(compress(map(add, lengths, count()), pieces))
    offsets, at = [], 0
    for chunk in chunks:  # between chunks there is nothing but blanks
        at = text.find(chunk, at)
        offsets.append(at)
        at += len(chunk)
    return offsets


def tokenize(text: str) -> Tokens:
    """Return the tokens of `text`; linear in its length."""
    return Tokens(text)


def bare(raw: str) -> str:
    """Return a raw token without possessive 's and elided article."""
    if not _ANY_QUOTE.search(raw):
        return raw
    start, end = _bare_span(raw, 0, len(raw))
    return raw[start:end]


def _count(chunk: str) -> int:
    """Return how many tokens a chunk has: most odd ones are the last word of a sentence."""
    return 1 if chunk.isascii() and chunk.strip(".'").isalnum() else len(in_chunk(chunk))


def _bare_spans(chunk: str) -> list[tuple[int, int]]:
    """Return where the bare words of a chunk are."""
    if chunk.isascii() and chunk.isalnum():
        return [(0, len(chunk))]
    return [_bare_span(found[0], *found.span()) for found in _pattern_for(chunk).finditer(chunk)]


def _bare_span(raw: str, start: int, end: int) -> tuple[int, int]:
    """Return the span of a token's bare word, given that of the raw one."""
    if len(raw) > 2 and _POSSESSIVE.search(raw):  # noqa: PLR2004 - the length of 's
        raw, end = raw[:-2], end - 2
    elided = _ELISION.match(raw)
    return start + (elided.end() if elided else 0), end


def is_character_script(word: str) -> bool:
    """Tell whether `word` starts with a character of a script written without spaces."""
    return not word.isascii() and _CHARACTER.match(word) is not None
