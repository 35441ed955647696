"""Cut text into tokens with offsets into the original string.

A token is a maximal run of letters and digits. Apostrophes inside words stay, hyphens split, the
possessive 's and French elision (l', d', qu') are not part of the token, and `U.S.` is one token.
Scripts without spaces (Han, kana, Thai, Lao, Khmer, Burmese) give one token a character.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from monitor.text.fold import APOSTROPHES

_QUOTES: Final = APOSTROPHES


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one text as three parallel lists: `text[starts[i]:ends[i]] == words[i]`."""

    words: list[str]  # as written
    starts: list[int]  # character offsets, inclusive
    ends: list[int]  # exclusive

    def __len__(self) -> int:
        """Return the number of tokens."""
        return len(self.words)


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
    run = f"{letter}(?:{letter}|[{_MARKS}])*+"
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


def tokenize(text: str) -> Tokens:
    """Return the tokens of `text`; linear in its length."""
    if text.isascii():
        pattern, quoted = _ASCII_TOKEN, "'" in text
    else:
        pattern = _MIXED_TOKEN if _CHARACTER.search(text) else _SPACED_TOKEN
        quoted = _ANY_QUOTE.search(text) is not None
    words: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for found in pattern.finditer(text):
        start, end = found.span()
        if quoted:
            start, end = _bare(text, start, end)
        words.append(text[start:end])
        starts.append(start)
        ends.append(end)
    return Tokens(words, starts, ends)


def _bare(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the span without possessive 's and elided article."""
    if end - start > 2 and _POSSESSIVE.search(text, end - 2, end):  # noqa: PLR2004 - the length of 's
        end -= 2
    elided = _ELISION.match(text, start, end)
    return (elided.end() if elided else start), end


def is_character_script(word: str) -> bool:
    """Tell whether `word` starts with a character of a script written without spaces."""
    return not word.isascii() and _CHARACTER.match(word) is not None
