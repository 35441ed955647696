"""How telling a term is: learned from the installation's own items, language by language."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

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
