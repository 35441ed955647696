"""Which language an item is in, for `where: {language: ...}`: the feed's tag, else py3langid.

Matching itself needs no language: it belongs to the term. So an answer is given only when it is sure
(at least 0.98 on at least 40 letters), and "und" (BCP 47) otherwise.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from py3langid.langid import LanguageIdentifier

UNKNOWN: Final = "und"
FEWEST_LETTERS: Final = 40
LEAST_PROBABILITY: Final = 0.98
_MOST_CHARACTERS: Final = 1000  # more does not make it surer

_TAG: Final = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9_-]*)?\Z", re.ASCII)


def primary_tag(tag: str) -> str:
    """Return the primary language of a BCP 47 tag ("en-GB" gives "en"), or "" when it is none."""
    found = _TAG.match(tag.strip())
    language = found[1].lower() if found else ""
    return "" if language == UNKNOWN else language


class LanguageDetector:
    """Finds the language of texts among the languages of an installation.

    The model is loaded at the first text without a tag (about half a second).
    """

    def __init__(self, languages: Iterable[str] = ()) -> None:
        """Restrict the answers to `languages` (primary tags); empty = all that the model knows."""
        self._languages = sorted(set(languages))

    def detect(self, text: str, tag: str = "") -> str:
        """Return a primary tag: that of `tag` if it has one, else the text's, else "und"."""
        tagged = primary_tag(tag)
        if tagged:
            return tagged
        sample = text[:_MOST_CHARACTERS]
        # The beginning settles it for nearly every text.
        if all(sum(map(str.isalpha, part)) < FEWEST_LETTERS for part in (sample[:100], sample)):
            return UNKNOWN
        language, probability = self._identifier.classify(sample)
        return str(language) if probability >= LEAST_PROBABILITY else UNKNOWN

    @cached_property
    def _identifier(self) -> LanguageIdentifier:
        from py3langid.langid import (  # noqa: PLC0415 - half a second and 20 MB that most never need
            MODEL_FILE,
            LanguageIdentifier,
        )

        identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
        if self._languages:
            known = [language for language in self._languages if language in identifier.nb_classes]
            if known:
                identifier.set_languages(known)
        return identifier
