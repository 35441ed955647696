"""What a joined item tells that its story had not told: grouping must never mean silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.stories.features import RARE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.stories.features import Weighed
    from monitor.stories.profile import Profile

ENOUGH_WORDS: Final = 2  # telling words, neither names nor numbers, that together make an item material
_MOST: Final = 5


def novelty(item: Weighed, told: Sequence[Profile]) -> tuple[str, ...]:
    """Return names, numbers and telling words of the headline that no report in `told` holds.

    Empty when that is nothing material: one new name or number is (an entity, a toll), and so are two
    new rare words, which is how an action shows in any language. At most five, numbers first.
    """
    mine, weights = item.profile, item.weights
    known = frozenset[str]().union(*(one.terms for one in told))
    numbers = sorted(mine.title_numbers.difference(*(one.numbers for one in told)))
    fresh = mine.title_terms - known
    names = sorted((weights.share(term), term) for term in fresh & mine.title_names)
    others = sorted((weights.share(t), t) for t in fresh - mine.title_names if weights.of(t) >= RARE)
    if not numbers and not names and len(others) < ENOUGH_WORDS:
        return ()
    return (*numbers, *(mine.words[term] for _, term in (*names, *others)))[:_MOST]
