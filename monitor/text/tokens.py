"""Cut text into tokens with offsets into the original string.

A token is a maximal run of letters and digits. Apostrophes inside words stay, hyphens split, the
possessive 's and French elision (l', d', qu') are not part of the token, and `U.S.` is one token.
Scripts without spaces (Han, kana, Thai, Lao, Khmer, Burmese) give one token a character.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

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


class Tokens:
    """The tokens of one text as parallel lists: `text[starts[i]:ends[i]] == words[i]`.

    `raw` is what one pass of a regular expression finds; the rest is worked out when it is first asked
    for, because most texts are only looked at for words that they do not have.
    """

    __slots__ = ("_spans", "_words", "pattern", "raw", "text")

    def __init__(self, text: str) -> None:
        """Cut `text`; linear in its length."""
        self.text = text
        if text.isascii():
            self.pattern = _ASCII_TOKEN
        else:
            self.pattern = _MIXED_TOKEN if _CHARACTER.search(text) else _SPACED_TOKEN
        self.raw: list[str] = self.pattern.findall(text)  # with possessive 's and elided article
        self._words: list[str] | None = None
        self._spans: tuple[list[int], list[int]] | None = None

    @property
    def words(self) -> list[str]:
        """The tokens as written."""
        if self._words is None:
            self._words = self.raw.copy()
            for index in self._quoted():
                self._words[index] = bare(self.raw[index])
        return self._words

    @property
    def starts(self) -> list[int]:
        """Character offset of each token, inclusive."""
        return self._offsets()[0]

    @property
    def ends(self) -> list[int]:
        """Character offset behind each token."""
        return self._offsets()[1]

    def _offsets(self) -> tuple[list[int], list[int]]:
        if self._spans is None:
            spans = [found.span() for found in self.pattern.finditer(self.text)]
            for index in self._quoted():
                spans[index] = _bare_span(self.raw[index], *spans[index])
            self._spans = [start for start, _ in spans], [end for _, end in spans]
        return self._spans

    def _quoted(self) -> list[int]:
        """Return the places of the tokens that may hold an apostrophe: few, and quickly found."""
        return [index for index, raw in enumerate(self.raw) if not raw.isalnum() and _ANY_QUOTE.search(raw)]

    def __len__(self) -> int:
        """Return the number of tokens."""
        return len(self.raw)


def tokenize(text: str) -> Tokens:
    """Return the tokens of `text`; linear in its length."""
    return Tokens(text)


def bare(raw: str) -> str:
    """Return a raw token without possessive 's and elided article."""
    if not _ANY_QUOTE.search(raw):
        return raw
    start, end = _bare_span(raw, 0, len(raw))
    return raw[start:end]


def _bare_span(raw: str, start: int, end: int) -> tuple[int, int]:
    """Return the span of a token's bare word, given that of the raw one."""
    if len(raw) > 2 and _POSSESSIVE.search(raw):  # noqa: PLR2004 - the length of 's
        raw, end = raw[:-2], end - 2
    elided = _ELISION.match(raw)
    return start + (elided.end() if elided else 0), end


def is_character_script(word: str) -> bool:
    """Tell whether `word` starts with a character of a script written without spaces."""
    return not word.isascii() and _CHARACTER.match(word) is not None
