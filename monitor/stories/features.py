"""What two items have in common, in numbers: the features that the regression weighs.

Nothing here knows a word of any language; how telling a term is follows from how many of the
installation's own items hold it (`weights.py`). Sums of floats are `fsum`: sets have no order, and a
score must not depend on one. Nine more features (cosines, word pairs, lengths, numbers that differ) were
measured and left out: they changed nothing, and their slopes had no meaning that could be explained.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from rapidfuzz.fuzz import token_set_ratio

from monitor.stories.similarity import jaccard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from monitor.stories.profile import Profile
    from monitor.stories.weights import TermWeights

RARE: Final = 0.6  # weight from which a term counts as rare: about one item in a hundred


@dataclass(frozen=True, slots=True)
class Weighed:
    """A profile with the sums over its terms that every comparison needs."""

    profile: Profile
    weights: TermWeights
    title_weight: float  # sum over the headline's terms
    names_length: float  # of the vector of names


def weighed(profile: Profile, weights: TermWeights) -> Weighed:
    """Return the profile under the weights of its language."""
    title_weight = math.fsum(map(weights.of, profile.title_terms))
    names_length = math.sqrt(math.fsum(weights.of(name) ** 2 for name in profile.names))
    return Weighed(profile, weights, title_weight, names_length)


class Pair:
    """Two items side by side: what several features need is computed once."""

    __slots__ = ("covered", "heavy", "one", "other", "shared", "title_shared", "weights")

    def __init__(self, one: Weighed, other: Weighed) -> None:
        """Compare; the result is the same the other way round."""
        self.one, self.other = one.profile, other.profile
        self.weights = one.weights
        self.shared = self.one.terms & self.other.terms
        self.title_shared = self.one.title_terms & self.other.title_terms
        self.heavy = [self.weights.of(term) for term in self.shared]
        self.covered = min(_covered(one, other), _covered(other, one))

    @property
    def is_telling(self) -> bool:
        """Return whether they have a rare word in common."""
        return any(weight >= RARE for weight in self.heavy)

    def rare_words(self) -> list[str]:
        """Return the rare words in common as the first item writes them, the rarest first."""
        ranked = sorted((self.weights.share(term), term) for term in self.shared)
        return [self.one.words[term] for _, term in ranked if self.weights.of(term) >= RARE]


class Feature(NamedTuple):
    """One row of the table of features."""

    name: str  # its key among the coefficients
    label: str  # as people read it in an explanation
    of: Callable[[Pair, Weighed, Weighed], float]


def _apart(mine: frozenset[str], theirs: frozenset[str]) -> float:
    return float(bool(mine) and bool(theirs) and mine.isdisjoint(theirs))


def _covered(mine: Weighed, theirs: Weighed) -> float:
    """Return which share of my headline, by weight, is in their text."""
    shared = math.fsum(map(mine.weights.of, mine.profile.title_terms & theirs.profile.terms))
    return shared / mine.title_weight if mine.title_weight else 0.0


def _named_alike(pair: Pair, one: Weighed, other: Weighed) -> float:
    """Return the cosine of the names, each as long as its weight."""
    dot = math.fsum(pair.weights.of(name) ** 2 for name in pair.one.names & pair.other.names)
    return min(1.0, dot / (one.names_length * other.names_length)) if dot else 0.0


FEATURES: Final = (
    Feature("title_least", "headlines that are in the other text", lambda p, _a, _b: p.covered),
    Feature(
        "title_tokens",
        "headlines of the same words",
        lambda p, _a, _b: token_set_ratio(p.one.title, p.other.title) / 100,
    ),
    Feature(
        "title_grams",
        "headlines of the same letters",
        lambda p, _a, _b: jaccard(p.one.title_grams, p.other.title_grams),
    ),
    Feature("grams", "texts of the same letters", lambda p, _a, _b: jaccard(p.one.grams, p.other.grams)),
    Feature("rare", "number of rare words in common", lambda p, _a, _b: math.log1p(_rare(p.heavy))),
    Feature(
        "shared_weight", "how telling the common words are", lambda p, _a, _b: math.log1p(math.fsum(p.heavy))
    ),
    Feature("rarest", "the rarest common word", lambda p, _a, _b: max(p.heavy, default=0.0)),
    Feature(
        "rare_title",
        "rare words in both headlines",
        lambda p, _a, _b: math.log1p(_rare(map(p.weights.of, p.title_shared))),
    ),
    Feature("names", "share of names in common", _named_alike),
    Feature("names_apart", "no name in common", lambda p, _a, _b: _apart(p.one.names, p.other.names)),
    Feature(
        "numbers", "numbers in common", lambda p, _a, _b: math.log1p(len(p.one.numbers & p.other.numbers))
    ),
    Feature("hours", "hours apart", lambda p, _a, _b: math.log1p(abs(p.one.hour - p.other.hour))),
    Feature(
        "same_host", "the same site", lambda p, _a, _b: float(bool(p.one.host) and p.one.host == p.other.host)
    ),
    Feature("running", "a live page", lambda p, _a, _b: float(p.one.running or p.other.running)),
    Feature("question", "only one headline asks", lambda p, _a, _b: float(p.one.asks != p.other.asks)),
)


def _rare(weights: Iterable[float]) -> int:
    return sum(weight >= RARE for weight in weights)


def values(pair: Pair, one: Weighed, other: Weighed) -> tuple[float, ...]:
    """Return the value of each feature, in the order of `FEATURES`."""
    return tuple(feature.of(pair, one, other) for feature in FEATURES)
