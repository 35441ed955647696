"""Under what an item is found by later ones: address, headline, rarest terms."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import nsmallest
from typing import TYPE_CHECKING, Final

from monitor.feeds.urls import is_front_page, url_key
from monitor.stories.profile import profile
from monitor.stories.titles import title_key
from monitor.stories.weights import NOTHING_LEARNED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.models import Item
    from monitor.stories.profile import Profile
    from monitor.stories.weights import TermWeights

# The rarest terms of the headline and of the whole text: about twelve in all. Of labelled later reports 98 %
# share two of them with an earlier one of their development; with the twelve rarest of the text, 93 %.
RAREST: Final = 8
LEAST_SHARED: Final = 2  # rarest terms in common that make a candidate


@dataclass(frozen=True, slots=True)
class StoryKeys:
    """Under what an item is found by later ones."""

    url_key: str  # "" without a link, or when the link is a site's front page
    title_key: str  # "" when the headline says too little
    postings: tuple[str, ...]  # its rarest terms, the rarest first


def keys(item: Item, weights: TermWeights = NOTHING_LEARNED) -> StoryKeys:
    """Return the keys of an item, under the weights of its language."""
    url = "" if is_front_page(item.url) else url_key(item.url)
    return StoryKeys(url, title_key(item.title, item.url), rarest(profile(item), weights))


def rarest(found: Profile, weights: TermWeights) -> tuple[str, ...]:
    """Return the rarest terms of headline and text, the rarest first; of equals the first by code points."""

    def first(terms: Iterable[str]) -> list[tuple[float, str]]:
        return nsmallest(RAREST, ((weights.share(term), term) for term in terms))

    return tuple(term for _, term in sorted({*first(found.title_terms), *first(found.terms)}))
