"""What two items have in common, in numbers: the features that the regression weighs.

Nothing here knows a word of any language; how telling a term is follows from how many of the
installation's own items hold it, and how many of the hits of the rule (`weights.py`). Sums of floats are
`fsum`: sets have no order, and a score must not depend on one. Some thirty more features (names and letters
in common, cosines, word pairs, lengths, numbers that differ, live pages) were measured and left out: with
streams left out one at a time they changed nothing or did harm.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from rapidfuzz.fuzz import token_set_ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from monitor.stories.profile import Profile
    from monitor.stories.weights import RuleWeights, TermWeights

RARE: Final = 0.6  # weight from which a term counts as rare: about one item in a hundred


class Weighed:
    """A profile under the weights of its language."""

    __slots__ = ("_rare", "profile", "weights")

    def __init__(self, profile: Profile, weights: TermWeights) -> None:
        """Keep both; nothing is computed before it is asked for."""
        self.profile, self.weights = profile, weights
        self._rare: frozenset[str] | None = None

    @property
    def rare(self) -> frozenset[str]:
        """Return the terms that count as rare."""
        if self._rare is None:
            of = self.weights.of
            self._rare = frozenset(term for term in self.profile.terms if of(term) >= RARE)
        return self._rare


def is_telling(one: Weighed, other: Weighed) -> bool:
    """Return whether two items have a rare word in common; the weights of `one` count."""
    return not one.rare.isdisjoint(other.profile.terms)


class Pair:
    """Two items side by side: what several features need is computed once."""

    __slots__ = (
        "covered", "crossed", "heavy", "one", "other", "rule", "shared", "title_shared", "usual", "weights",
    )  # fmt: skip

    def __init__(self, one: Weighed, other: Weighed, rule: RuleWeights) -> None:
        """Compare two hits of one rule; the result is the same the other way round."""
        self.one, self.other = one.profile, other.profile
        self.weights = one.weights
        self.rule = rule
        self.shared = self.one.terms & self.other.terms
        self.title_shared = self.one.title_terms & self.other.title_terms
        self.heavy = [self.weights.of(term) for term in self.shared]
        # Words of one headline that the other text has.
        self.crossed = (self.one.title_terms & self.other.terms, self.other.title_terms & self.one.terms)
        titles = (self.one.title_terms, self.other.title_terms)
        self.covered = _least_covered(self.crossed, titles, rule.of)
        self.usual = _least_covered(self.crossed, titles, self.weights.of) - self.covered

    def rare_words(self) -> list[str]:
        """Return the rare words in common as the first item writes them, the rarest first."""
        ranked = sorted((self.weights.share(term), term) for term in self.shared)
        return [self.one.words[term] for _, term in ranked if self.weights.of(term) >= RARE]


class Feature(NamedTuple):
    """One row of the table of features."""

    name: str  # its key among the coefficients
    label: str  # as people read it in an explanation
    of: Callable[[Pair], float]


def _least_covered(
    crossed: Iterable[frozenset[str]], titles: Iterable[frozenset[str]], of: Callable[[str], float]
) -> float:
    """Return which share of a headline, by weight, is in the other text: the lesser of both."""
    sums = [
        (math.fsum(map(of, terms)), math.fsum(map(of, title)))
        for terms, title in zip(crossed, titles, strict=True)
    ]
    return min(found / whole if whole else 0.0 for found, whole in sums)


def _rule_rarest(pair: Pair) -> float:
    """Return the weight under the rule of the rarest word of a headline that the other text has."""
    return max(map(pair.rule.of, pair.crossed[0] | pair.crossed[1]), default=0.0)


FEATURES: Final = (
    Feature("covered", "headlines that are in the other text", lambda p: p.covered),
    Feature("usual", "headlines alike in what the rule's hits always say", lambda p: p.usual),
    Feature(
        "title_tokens",
        "headlines of the same words",
        lambda p: token_set_ratio(p.one.title, p.other.title) / 100,
    ),
    Feature("shared_weight", "how telling the common words are", lambda p: math.log1p(math.fsum(p.heavy))),
    Feature("rarest", "the rarest common word", lambda p: max(p.heavy, default=0.0)),
    Feature("rule_rarest", "the rarest common word among the rule's hits", _rule_rarest),
    Feature(
        "rare_title",
        "rare words in both headlines",
        lambda p: math.log1p(_rare(map(p.weights.of, p.title_shared))),
    ),
    Feature("numbers", "numbers in common", lambda p: math.log1p(len(p.one.numbers & p.other.numbers))),
    Feature("hours", "hours apart", lambda p: math.log1p(abs(p.one.hour - p.other.hour))),
    Feature("same_host", "the same site", lambda p: float(bool(p.one.host) and p.one.host == p.other.host)),
    Feature("question", "only one headline asks", lambda p: float(p.one.asks != p.other.asks)),
)


def _rare(weights: Iterable[float]) -> int:
    return sum(weight >= RARE for weight in weights)


def values(pair: Pair) -> tuple[float, ...]:
    """Return the value of each feature, in the order of `FEATURES`."""
    return tuple(feature.of(pair) for feature in FEATURES)
