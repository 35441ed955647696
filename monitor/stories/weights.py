"""How telling a term is: learned from the installation's own items, language by language."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

PRIOR: Final = 300  # made-up items that stand for what is not learned yet
RAREST: Final = math.log(2000)  # one item in two thousand: rarer terms tell no more

# Share of the items that hold a term of so many letters (Zipf's law of abbreviation): short words are
# common in every language. It only says where to begin; a few hundred items outweigh it.
_BY_LENGTH: Final = (0.5, 0.5, 0.3, 0.12, 0.04, 0.02, 0.015, 0.012)


@dataclass(frozen=True, slots=True)
class TermWeights:
    """Document frequencies of one language."""

    items: int = 0  # how many were learned from
    counts: Mapping[str, int] = field(default_factory=dict)  # of them, how many hold a term; 0 if absent

    def of(self, term: str) -> float:
        """Return the weight of a term: 0 for one that every item holds, 1 for the rarest."""
        prior = PRIOR * _BY_LENGTH[min(len(term), len(_BY_LENGTH) - 1)]
        share = (self.counts.get(term, 0) + prior) / (self.items + PRIOR)
        return min(1.0, -math.log(share) / RAREST)
