"""Where sentences and paragraphs begin in visible text.

`; | •` and a line break always end a sentence: headlines join unrelated news with them. Full stops
end one unless they belong to an abbreviation, an initial or a number, or a small letter follows. In
doubt a sentence goes on: a rule's `within: sentence` then finds too much rather than too little.
"""

from __future__ import annotations

import re
from typing import Final

# Ends a sentence whatever follows.
_HARD: Final = frozenset(";|•\n；。！？؛؟।۔")
# A run of stops is read from its first one only, and never given back: linear on "......".
_SOFT: Final = re.compile(r"[;|•\n；。！？؛؟।۔]|(?<![.!?…])[.!?…]++[\"'”’»)\]]*+(?=\s)")
_NEXT: Final = re.compile(r"[\s\"'“”‘’«»„(\[—–-]*")
_WORD_BEFORE: Final = re.compile(r"[^\W_]+(?:[.’'][^\W_]+)*\Z")
_LONGEST_ABBREVIATION: Final = 12  # characters looked at before a full stop


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ABBREVIATIONS: Final = _words(
    # English: titles, places, companies, months.
    "mr mrs ms dr prof st ste sr jr gen col lt cmdr capt maj adm sgt cpl rev hon sen rep gov pres amb min "
    "sec dep dept asst assoc messrs mt ft vs etc al cf approx est inc ltd co corp bros jan feb mar apr jun "
    "jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri ave blvd rd "
    # French, Spanish, Portuguese, Italian, German.
    "mm mme mlle mgr me av bd sra srta sres dra dna gral lic ing ud uds avv dott sig bzw ca usw nr str abs "
    "hr fr evtl ggf inkl vgl zb dh "
    # Russian and Ukrainian.
    "г гг им ул пл пр просп обл р рн с ст д кв т тт тыс млн млрд трлн руб коп долл см стр гл рис напр др "
    "проч пос дер акад проф ген полк подполк кап мл лейт св о оз гор ім вул рр тис грн див наприкл"
)
_BEFORE_NUMBERS: Final = _words("no nos nr n art p pp vol № ч п пп ст абз")


def sentence_starts(text: str) -> list[int]:
    """Return the character offsets at which sentences after the first one begin, rising."""
    return [found.end() for found in _SOFT.finditer(text) if found[0][0] in _HARD or _ends(text, found)]


def paragraph_starts(text: str) -> list[int]:
    """Return the character offsets at which paragraphs after the first one begin, rising."""
    return [found.end() for found in re.finditer("\n", text)]


def _ends(text: str, found: re.Match[str]) -> bool:
    """Tell whether a full stop, question or exclamation mark before a space ends a sentence."""
    following = _NEXT.match(text, found.end())
    after = text[following.end() : following.end() + 1] if following else ""
    if after.islower():
        return False
    if found[0][0] != "." or found[0].startswith(".."):
        return True
    before = _WORD_BEFORE.search(text, max(0, found.start() - _LONGEST_ABBREVIATION), found.start())
    if before is None:
        return True
    word = before[0].casefold()
    if after.isdigit() and word in _BEFORE_NUMBERS:
        return False
    # An initial (J. D. Vance, А. Лавров) or the last letter of U.S. and т.д.
    if (len(word) == 1 and word.isalpha()) or (len(word) > 1 and word[-2] == "." and word[-1].isalpha()):
        return False
    return word not in _ABBREVIATIONS
