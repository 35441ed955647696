"""Fold words so that spellings of one word compare equal, script by script.

Not transliteration and not stemming: Latin, Greek and Hebrew lose their marks, Arabic script loses
vowel signs and tatweel and unifies alef, ya and ta-marbuta, Cyrillic only turns ё into е and loses
stress marks. Marks over Cyrillic consonants and over и are letters: stripping them would make й и.
Offsets are never taken from folded text: folding changes lengths (ß, ﬁ).
"""

from __future__ import annotations

import unicodedata
from typing import Final

_MEMO_LIMIT: Final = 200_000  # words; about 30 MB, more than the vocabulary of a busy week
_memo: dict[str, str] = {}

APOSTROPHES: Final = "'’ʼ‘＇"

# Letters that carry their mark inside, and letters of one sound in two code points.
_LETTERS: Final[dict[int, int | str]] = {
    **str.maketrans("łøđħŧıɨƒ", "lodhtiif"),
    **dict(zip(map(ord, "æœðþŋſ"), ("ae", "oe", "d", "th", "n", "s"), strict=True)),
    # Alef wasla and its kin, Persian and Urdu ya and kaf, alef maqsura, ta marbuta, heh goal.
    **str.maketrans("ٱٲٳىیېےۓکڪةہھۀ", "ااايييييككهههه"),
    **str.maketrans(APOSTROPHES, "'" * len(APOSTROPHES)),
}
_DROPPED: Final = frozenset("\u0640")  # tatweel
_SCRIPTS: Final = (  # first and last code point of the blocks that matter here
    (0x0000, 0x024F, "latin"),
    (0x1E00, 0x1EFF, "latin"),
    (0x0370, 0x03FF, "greek"),
    (0x1F00, 0x1FFF, "greek"),
    (0x0400, 0x052F, "cyrillic"),
    (0x0590, 0x05FF, "hebrew"),
    (0x0600, 0x077F, "arabic"),
    (0x08A0, 0x08FF, "arabic"),
)
_STRESSED: Final = frozenset("аеиоуыэюяіїє")
_STRESS_MARKS: Final = frozenset("\u0300\u0301\u0341\u0340")
_YO: Final = "\u0308"  # diaeresis: off over е only


def fold(word: str) -> str:
    """Return `word` folded for comparison; idempotent, memoized.

    Casefold and NFKC (Unicode 15, UAX #15), digits to ASCII, invisible joiners dropped, apostrophes
    unified, then marks and letter forms by script.
    """
    if word.isascii():
        return word.lower()
    known = _memo.get(word)
    if known is None:
        if len(_memo) >= _MEMO_LIMIT:
            _memo.clear()
        known = _memo[word] = _fold(word)
    return known


def _fold(word: str) -> str:
    # One round is enough for all but some compatibility characters; a fixed point is idempotent.
    for _ in range(6):
        folded = _round(word)
        if folded == word:
            break
        word = folded
    return word


def _round(word: str) -> str:
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", word).casefold())
    folded: list[str] = []
    script = ""
    base = ""
    for char in unicodedata.normalize("NFD", text).translate(_LETTERS):
        category = unicodedata.category(char)
        if category == "Mn":
            if not _loses_mark(script, base, char):
                folded.append(char)
        elif char in _DROPPED or category == "Cf":
            continue
        else:
            base, script = char, _script(char)
            folded.append(str(unicodedata.decimal(char)) if category == "Nd" else char)
    return unicodedata.normalize("NFC", "".join(folded))


def _loses_mark(script: str, base: str, mark: str) -> bool:
    if script == "cyrillic":
        return (mark in _STRESS_MARKS and base in _STRESSED) or (mark == _YO and base == "е")
    return script in ("latin", "greek", "hebrew", "arabic")


def _script(char: str) -> str:
    code = ord(char)
    return next((name for first, last, name in _SCRIPTS if first <= code <= last), "")
