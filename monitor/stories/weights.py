"""How telling a term is: learned from the installation's own items, by language and by rule."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PRIOR: Final = 50  # made-up items that stand for what is not learned yet; 300 would join much less at first
RAREST: Final = math.log(2000)  # one item in two thousand: rarer terms tell no more

# Share of the items that hold a term of so many letters (Zipf's law of abbreviation): short words are
# common in every language. It is only where learning begins; a few hundred items outweigh it. With nothing
# learned no term counts as rare, so that too little is joined rather than too much.
_BY_LENGTH: Final = (0.5, 0.5, 0.3, 0.12, 0.04, 0.02, 0.015, 0.012)


class TermWeights:
    """Document frequencies of the terms of one language, and the weights that follow from them."""

    def __init__(self, items: int = 0, counts: Mapping[str, int] | None = None) -> None:
        """Take what was learned.

        Args:
            items: how many items were learned from.
            counts: how many of them hold a term; a term that is absent was never seen.
        """
        self.items = items
        self._counts = counts if counts is not None else {}
        self._known: dict[str, float] = {}

    def share(self, term: str) -> float:
        """Return the share of items that hold a term, above 0 and below 1."""
        prior = PRIOR * _BY_LENGTH[min(len(term), len(_BY_LENGTH) - 1)]
        # Counts may have been learned a moment after `items`.
        return min(1.0, (self._counts.get(term, 0) + prior) / (self.items + PRIOR))

    def of(self, term: str) -> float:
        """Return the weight of a term: 0 for one that every item holds, 1 for the rarest."""
        if (known := self._known.get(term)) is None:
            known = self._known[term] = min(1.0, -math.log(self.share(term)) / RAREST)
        return known


NOTHING_LEARNED: Final = TermWeights()

RULE_PRIOR: Final = 40  # items of the language that stand for what a rule's own hits have not shown yet


class RuleWeights:
    """How telling terms are among the hits of one rule: what all of them hold tells no two apart.

    A rule that looks for earthquakes finds "magnitude" in every hit, however rare the word is elsewhere.
    """

    def __init__(
        self, language: TermWeights = NOTHING_LEARNED, items: int = 0, counts: Mapping[str, int] | None = None
    ) -> None:
        """Take what was learned.

        Args:
            language: what was learned of the hits' language, where the rule's own hits begin from.
            items: how many hits of the rule were learned from.
            counts: how many of them hold a term.
        """
        self.items = items
        self._language = language
        self._counts = Counter(counts or {})
        self._known: dict[str, float] = {}

    def of(self, term: str) -> float:
        """Return the weight of a term: 0 for one that every hit holds, 1 for the rarest."""
        if (known := self._known.get(term)) is None:
            prior = RULE_PRIOR * self._language.share(term)
            share = min(1.0, (self._counts[term] + prior) / (self.items + RULE_PRIOR))
            known = self._known[term] = min(1.0, -math.log(share) / RAREST)
        return known

    def add(self, terms: Iterable[str]) -> None:
        """Learn from one more hit."""
        self.items += 1
        self._counts.update(terms)
        self._known.clear()


NO_RULE: Final = RuleWeights()
