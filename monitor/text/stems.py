"""Word forms: lemmas by simplemma in the language of the rule's term, and Arabic proclitics.

A term of a vocabulary and a word of an item are the same word if their lemmas in the term's language
are equal. Names are not stemmed at all: their forms are listed.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from unicodedata import normalize

from simplemma.strategies import (
    LOW_MEMORY_DICTIONARY_FACTORY,
    AffixDecompositionStrategy,
    ApostropheBoundaryStrategy,
    CliticDecompositionStrategy,
    DefaultStrategy,
    DictionaryFactory,
    DictionaryLookupStrategy,
    HyphenRemovalStrategy,
    LemmatizationStrategy,
    MorphemeDecompositionStrategy,
    PrefixDecompositionStrategy,
    RulesStrategy,
)
from simplemma.strategies.dictionaries.dictionary_factory import SUPPORTED_LANGUAGES

from monitor.text.fold import fold

LANGUAGES: Final[frozenset[str]] = frozenset(SUPPORTED_LANGUAGES) - {"ar"}  # Arabic: proclitics, not lemmas

_CACHE: Final = 60_000  # words a language

# What the dictionary makes of the doubled l in British spellings ("travelling", "cancelled").
_DOUBLED: Final = re.compile(
    r"(?:canc|chann|couns|di|du|equ|fu|lab|lev|marv|mod|quarr|reb|riv|shov|sign|tot|trav|tunn)[aeu]?ll\Z"
)

_CYRILLIC: Final = frozenset("абвгдежзийклмнопрстуфхцчшщъыьэюяёіїєґўјљњћџђѓќѕ")
_UKRAINIAN: Final = frozenset("іїєґ'")
_RUSSIAN: Final = frozenset("ыэъё")
_ARABIC: Final = range(0x600, 0x780)
_FRENCH: Final = frozenset("àâçèéêëîïôùûœ")

# Scripts that decide the language of a bare word; (first, last, languages).
_BY_SCRIPT: Final = (
    (0x370, 0x3FF, ("el",)),
    (0x530, 0x58F, ("hy",)),
    (0x590, 0x5FF, ("he",)),
    (0x900, 0x97F, ("hi",)),
    (0xD00, 0xD7F, ("ml",)),
    (0x10A0, 0x10FF, ("ka",)),
)


def languages_of(word: str) -> tuple[str, ...]:
    """Return the languages in which a word without a stated language is lemmatized, by its letters."""
    lowered = word.casefold()
    letters = frozenset(lowered)
    if lowered.isascii():
        return ("en",)
    if letters & _CYRILLIC:
        if letters & _UKRAINIAN:
            return ("uk",)
        return ("ru",) if letters & _RUSSIAN else ("ru", "uk")
    if any(ord(char) in _ARABIC for char in lowered):
        return ("ar",)
    for first, last, languages in _BY_SCRIPT:
        if any(first <= ord(char) <= last for char in lowered):
            return languages
    return ("en", "fr") if letters & _FRENCH else ("en",)


def lemma(word: str, language: str) -> str:
    """Return the folded lemma of `word` in `language` (a tag of `LANGUAGES`), or its folded form.

    Of the American and British spellings of one English verb ("traveling", "travelling") the
    dictionary knows only the first as a form of "travel": the second is mended here.
    """
    if language not in LANGUAGES or not word:
        return fold(word)
    return _lemma(word, language)


@lru_cache(maxsize=_CACHE)
def _lemma(word: str, language: str) -> str:
    written = word.replace("’", "'").replace("ʼ", "'")
    lowered = written.lower()
    # German nouns are in the dictionary with their capital; a headline's capital means nothing.
    # A look-up tries the word with and without a capital by itself; only other spellings need a second one.
    tries: tuple[str, ...] = (lowered,) if written in (lowered, lowered.capitalize()) else (lowered, written)
    if language == "de":
        tries = (written, lowered, lowered.capitalize())
    source = _source[0]
    dictionary = source.dictionary
    found = next((known for known in (dictionary.get_lemma(form, language) for form in tries) if known), None)
    if found is None:
        found = source.derived(lowered, language)
    if language == "en":
        found = found[:-1] if _DOUBLED.match(found) else found
    return fold(found)


class _Source:
    """Where lemmas are looked up."""

    def __init__(self, factory: DictionaryFactory) -> None:
        self.dictionary = DictionaryLookupStrategy(factory)
        whole = DefaultStrategy(dictionary_factory=factory)
        # What `DefaultStrategy` tries before and after the dictionary, in its order. Nine words of ten are in
        # no dictionary of a given language, and asking the strategy itself would look each up once more.
        self._further: tuple[LemmatizationStrategy, ...] = (
            ApostropheBoundaryStrategy(whole.get_lemma, self.dictionary),
            CliticDecompositionStrategy(self.dictionary),
            HyphenRemovalStrategy(self.dictionary),
            RulesStrategy(),
            PrefixDecompositionStrategy(dictionary_lookup=self.dictionary),
            AffixDecompositionStrategy(greedy=False, dictionary_lookup=self.dictionary),
            MorphemeDecompositionStrategy(self.dictionary),
        )
        # Letters alone hold no hyphen and no apostrophe.
        marked = (ApostropheBoundaryStrategy, HyphenRemovalStrategy)
        self._of_letters = tuple(one for one in self._further if not isinstance(one, marked))

    def derived(self, word: str, language: str) -> str:
        """Return the lemma of a word that is not in the dictionary, or `word` itself.

        Args:
            word: in lower case.
            language: one of simplemma's.
        """
        word = normalize("NFC", word)
        if word.isnumeric():
            return word
        for strategy in self._of_letters if word.isalpha() else self._further:
            found = strategy.get_lemma(word, language)
            if found:
                return found
        return word


# The compact dictionaries take 35 MB for four languages instead of 250 and load in a third of the
# time; a look-up takes 10 to 25 microseconds instead of 5.
_source = [_Source(LOW_MEMORY_DICTIONARY_FACTORY)]


def use_dictionaries(factory: DictionaryFactory) -> None:
    """Look lemmas up in other dictionaries with the same contents from now on."""
    _source[0] = _Source(factory)


_SHORTEST_STEM: Final = 3  # letters that have to stay after a proclitic


def without_proclitics(folded: str) -> tuple[str, ...]:
    """Return what an Arabic word may be without its proclitics, `folded` itself first.

    Conjunctions wa- and fa-, then prepositions bi-, li-, ka- and the future sa-, then the article al-
    (li- and al- melt into ll-). The answer is a superset: whether one of them is a term decides.
    """
    forms = dict.fromkeys((folded,))
    for first in _cut(folded, "وف"):
        for second in _cut(first, "بلكس"):
            forms[second] = None
            if second.startswith("ال"):
                _add(forms, second[2:])
        if first.startswith("لل"):
            _add(forms, "ال" + first[2:])
            _add(forms, first[2:])
    return tuple(forms)


def _cut(word: str, letters: str) -> tuple[str, ...]:
    if word[0] in letters and len(word) > _SHORTEST_STEM:
        return word, word[1:]
    return (word,)


def _add(forms: dict[str, None], word: str) -> None:
    if len(word) >= _SHORTEST_STEM:
        forms[word] = None


def is_arabic(word: str) -> bool:
    """Tell whether `word` begins with a letter of the Arabic block."""
    return bool(word) and ord(word[0]) in _ARABIC
