"""The logistic regression: how likely two items tell of one development, and what made it so."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from monitor.models import Comparison
from monitor.stories import coefficients
from monitor.stories.features import FEATURES, Pair, is_telling, values
from monitor.stories.weights import NO_RULE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.models import Item
    from monitor.stories.features import Weighed
    from monitor.stories.weights import RuleWeights

_TOLD: Final = 5  # words, names and numbers that an explanation lists, of each kind
_CONTRIBUTIONS: Final = 4


@dataclass(frozen=True, slots=True)
class Model:
    """Coefficients in the order of `FEATURES`."""

    intercept: float
    slopes: tuple[float, ...]
    means: tuple[float, ...]  # of each feature over the pairs that the slopes were learned from

    def score(self, found: Sequence[float]) -> float:
        """Return the probability, 0 to 1, that two items with these values of the features tell the same."""
        odds = self.intercept + sum(slope * value for slope, value in zip(self.slopes, found, strict=True))
        return 1 / (1 + math.exp(-odds)) if odds > -700 else 0.0  # noqa: PLR2004 - where exp would overflow


def model(intercept: float, learned: Mapping[str, tuple[float, float]]) -> Model:
    """Return the model with these (slope, mean) by the name of the feature.

    Raises:
        KeyError: a feature has none: the coefficients were fitted for other features.
    """
    pairs = [learned[feature.name] for feature in FEATURES]
    return Model(intercept, tuple(slope for slope, _ in pairs), tuple(mean for _, mean in pairs))


SHIPPED: Final = model(coefficients.INTERCEPT, coefficients.COEFFICIENTS)


def probability(one: Weighed, other: Weighed, rule: RuleWeights = NO_RULE, by: Model = SHIPPED) -> float:
    """Return the probability that two hits of a rule tell of one development; symmetric.

    It is 0 without a rare word in common: common words prove nothing, and before terms were learned from
    any item no word is known to be rare.
    """
    return by.score(values(Pair(one, other, rule))) if is_telling(one, other) else 0.0


def comparison(
    one: Weighed,
    other: Weighed,
    matched: Item,
    story_id: str,
    rule: RuleWeights = NO_RULE,
    by: Model = SHIPPED,
) -> Comparison:
    """Return the comparison of `one` with `other`, the item `matched`, for people and for the record.

    A contribution is how many log-odds a feature adds compared with its mean over the pairs that the
    coefficients were learned from.
    """
    pair = Pair(one, other, rule)
    found = values(pair)
    parts = [
        (feature.label, slope * (value - mean))
        for feature, slope, value, mean in zip(FEATURES, by.slopes, found, by.means, strict=True)
    ]
    strongest = sorted(parts, key=lambda part: (-abs(part[1]), part[0]))[:_CONTRIBUTIONS]
    names = one.profile.names & other.profile.names
    return Comparison(
        item_id=matched.item_id,
        story_id=story_id,
        title=matched.title,
        score=round(by.score(found), 4),
        hours=round(abs(one.profile.hour - other.profile.hour), 2),
        words=tuple(pair.rare_words()[:_TOLD]),
        names=tuple(sorted(one.profile.words[name] for name in names)[:_TOLD]),
        numbers=tuple(sorted(one.profile.numbers & other.profile.numbers)[:_TOLD]),
        contributions=tuple((label, round(amount, 3)) for label, amount in strongest),
    )


def across(one: Weighed, other: Weighed, matched: Item, story_id: str, near: float) -> Comparison:
    """Return the comparison with an item in another language, which is `near` in meaning.

    No regression is asked: words of two languages are not compared. Names that both write alike and
    numbers are told for people, and decide nothing.
    """
    names = one.profile.names & other.profile.names
    return Comparison(
        item_id=matched.item_id,
        story_id=story_id,
        title=matched.title,
        score=0.0,
        hours=round(abs(one.profile.hour - other.profile.hour), 2),
        names=tuple(sorted(one.profile.words[name] for name in names)[:_TOLD]),
        numbers=tuple(sorted(one.profile.numbers & other.profile.numbers)[:_TOLD]),
        near=round(near, 4),
    )
