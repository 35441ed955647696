"""What a joined item tells that its story had not told: grouping must never mean silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.stories.features import RARE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.stories.features import Weighed
    from monitor.stories.profile import Profile

_MOST: Final = 5


def novelty(item: Weighed, told: Sequence[Profile]) -> tuple[str, ...]:
    """Return names, numbers and telling words of the headline that no report in `told` holds.

    Each of them is material: a name is a new entity, a number a toll, and a rare word is how an action
    shows in any language. A headline without any may stand above a text that has some: then the text's
    new numbers and rare names count. At most five, numbers first. Of 347 labelled developments, 22 are
    told inside an earlier one's story; all of their first reports say something new in this sense.
    """
    mine, weights = item.profile, item.weights
    known = frozenset[str]().union(*(one.terms for one in told))
    figures = frozenset[str]().union(*(one.numbers for one in told))
    numbers = sorted(mine.title_numbers - figures)
    fresh = mine.title_terms - known
    names = sorted((weights.share(term), term) for term in fresh & mine.title_names)
    others = sorted((weights.share(t), t) for t in fresh - mine.title_names if weights.of(t) >= RARE)
    found = (*numbers, *(mine.words[term] for _, term in (*names, *others)))
    return (found or _below(item, known, figures))[:_MOST]


def _below(item: Weighed, known: frozenset[str], figures: frozenset[str]) -> tuple[str, ...]:
    """Return the new numbers and rare names of the text under the headline."""
    mine, weights = item.profile, item.weights
    names = sorted((weights.share(t), t) for t in mine.names - known if weights.of(t) >= RARE)
    return (*sorted(mine.numbers - figures), *(mine.words[term] for _, term in names))
