"""Put items into stories: same address, same headline, same text.

Two developments must never be merged into silence, so each layer is exact or nearly so, a window
bounds it, and what it decides carries its reason. How items of one flush come together: `Assigner`
takes them one by one in order of events, and each item is compared with the stored candidates and with
the members that the same batch made before it.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from monitor.feeds.urls import is_front_page, url_key
from monitor.models import StoryLayer, StoryMember, stable_id
from monitor.stories.similarity import jaccard, normalized_text, shingles
from monitor.stories.titles import is_running, overlap, title_key, without_publisher

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from monitor.models import Item

WINDOW: Final = timedelta(hours=36)  # between the times of two items of one story
SAME_TEXT: Final = 0.8  # char-5 Jaccard of headline and summary
LEAST_TEXT: Final = 40  # grams below which a text is too short ("Morning briefing") to be recognised
# Under one address: the share of common headline words below which it tells something else now. Articles
# are rewritten under their address; live pages move on to other news, so theirs must stay nearly the same.
SAME_PAGE: Final = 1 / 3
SAME_LIVE_PAGE: Final = 0.85
SKETCH_SIZE: Final = 8
# Sketches are of longer grams than the comparison: of 632 labelled items two shared postings brought
# 4,702 pairs with 5-grams, 1,024 with 9-grams, and both found every one of 600 edited near-duplicates.
SKETCH_GRAM: Final = 9
_SHOWN: Final = 80  # characters of a headline in a reason


@dataclass(frozen=True, slots=True)
class StoryKeys:
    """Under what an item is found by later ones."""

    url_key: str  # "" without a link, or when the link is a site's front page
    title_key: str  # "" when the headline says too little
    postings: tuple[str, ...]  # the smallest hashes of the text's grams: near-duplicates share most


def keys(item: Item) -> StoryKeys:
    """Return the keys of an item; a pure function of its title, summary and URL."""
    url = "" if is_front_page(item.url) else url_key(item.url)
    text = normalized_text(without_publisher(item.title, item.url), item.summary)
    return StoryKeys(url, title_key(item.title, item.url), _sketch(shingles(text, SKETCH_GRAM)))


def assign(
    item: Item, found: StoryKeys, candidates: Sequence[tuple[StoryMember, Item]], now: datetime
) -> StoryMember:
    """Return the item's place in a story.

    1. A candidate that is the item itself: it stays where it is.
    2. Same address, unless headline and text changed so much that it tells something else (live page).
    3. Same headline.
    4. Same text: char-5 Jaccard of headline and summary >= .8; the most similar one.
    5. None of these: a new story.

    Candidates count within 36 h of the item. The result does not depend on their order: the earliest
    of equals decides, then the lower id.

    Args:
        item: with `first_seen_at`.
        found: `keys(item)`.
        candidates: members and their items, such as `Storage.story_candidates` returns.
        now: the time of items that lack `first_seen_at`.
    """
    event_at = item.event_at() if item.first_seen_at else now
    own = next((member for member, other in candidates if other.item_id == item.item_id), None)
    if own is not None:
        return own
    near = sorted(
        ((m, other) for m, other in candidates if abs(m.event_at - event_at) <= WINDOW),
        key=lambda pair: (pair[0].event_at, pair[0].item_id),
    )
    place = _Place(item, found, event_at)
    same_url = [pair for pair in near if found.url_key and pair[0].url_key == found.url_key]
    for member, other in same_url:
        if _tells_the_same(item, other):
            return place.beside(member, StoryLayer.URL, 1.0, f"Same address as {_quoted(other)}.")
    changed = {member.item_id for member, _ in same_url}
    for member, other in near:
        if found.title_key and member.title_key == found.title_key:
            return place.beside(member, StoryLayer.TITLE, 1.0, f"Same headline as {_quoted(other)}.")
    scored = [(jaccard(_grams(item), _grams(other)), member, other) for member, other in near]
    alike = [one for one in scored if one[0] >= SAME_TEXT]
    if alike and len(_grams(item)) >= LEAST_TEXT:
        score, member, other = max(alike, key=lambda one: one[0])
        return place.beside(member, StoryLayer.TEXT, score, f"{score:.0%} the same text as {_quoted(other)}.")
    if changed:
        what = _quoted(same_url[0][1])
        return place.new(f"The address was that of {what}, but headline and text are others now.")
    return place.new("No item of the last 36 h has this address, headline or text.")


@dataclass(frozen=True, slots=True)
class _Place:
    """What an item's membership says of the item itself."""

    item: Item
    found: StoryKeys
    event_at: datetime

    def beside(self, other: StoryMember, layer: StoryLayer, score: float, reason: str) -> StoryMember:
        return self._member(other.story_id, layer, other.item_id, score, reason)

    def new(self, reason: str) -> StoryMember:
        return self._member(stable_id("story", self.item.item_id), StoryLayer.NEW, "", 1.0, reason)

    def _member(
        self, story_id: str, layer: StoryLayer, matched: str, score: float, reason: str
    ) -> StoryMember:
        return StoryMember(
            item_id=self.item.item_id,
            story_id=story_id,
            layer=layer,
            matched_item_id=matched,
            score=score,
            reason=reason,
            event_at=self.event_at,
            url_key=self.found.url_key,
            title_key=self.found.title_key,
            postings=self.found.postings,
        )


class Assigner:
    """Assigns the items of one batch, each also compared with those assigned before it."""

    def __init__(self, now: datetime) -> None:
        """Start an empty batch; `now` is the time of items that lack their own."""
        self._now = now
        self._own: dict[str, tuple[StoryMember, Item]] = {}
        self._by_key: dict[str, list[str]] = defaultdict(list)

    @property
    def members(self) -> tuple[StoryMember, ...]:
        """Return what this batch assigned, in order."""
        return tuple(member for member, _ in self._own.values())

    def assign(
        self, item: Item, candidates: Iterable[tuple[StoryMember, Item]] = (), found: StoryKeys | None = None
    ) -> StoryMember:
        """Return the item's place, with the stored `candidates` and this batch's own; see `assign`.

        Items should come in order of `event_at`, so that a batch gives what one by one would.
        An item that comes again keeps its place.
        """
        if item.item_id in self._own:
            return self._own[item.item_id][0]
        found = found or keys(item)
        merged = {member.item_id: (member, other) for member, other in candidates}
        for item_id in self._sharing(found):
            merged.setdefault(item_id, self._own[item_id])
        member = assign(item, found, tuple(merged.values()), self._now)
        self._own[item.item_id] = (member, item)
        for key in _index_keys(found):
            self._by_key[key].append(item.item_id)
        return member

    def _sharing(self, found: StoryKeys) -> Iterable[str]:
        return dict.fromkeys(item_id for key in _index_keys(found) for item_id in self._by_key.get(key, ()))


def _index_keys(found: StoryKeys) -> tuple[str, ...]:
    named = (
        f"url {found.url_key}" if found.url_key else "",
        f"title {found.title_key}" if found.title_key else "",
    )
    return (*filter(None, named), *(f"gram {posting}" for posting in found.postings))


def _grams(item: Item) -> frozenset[str]:
    return _cached_grams(without_publisher(item.title, item.url), item.summary)


@lru_cache(maxsize=4096)
def _cached_grams(title: str, summary: str) -> frozenset[str]:
    return shingles(normalized_text(title, summary))


def _sketch(grams: Iterable[str]) -> tuple[str, ...]:
    """Return the bottom-k sketch (Cohen and Kaplan, PODC 2007) of a set of grams, as hexadecimal."""
    hashes = {hashlib.blake2b(g.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest() for g in grams}
    return tuple(heapq.nsmallest(SKETCH_SIZE, hashes))


def _tells_the_same(item: Item, other: Item) -> bool:
    """Return whether two items of one address are one report, perhaps rewritten."""
    running = is_running(item.title, item.url) or is_running(other.title, other.url)
    if overlap(item.title, other.title) >= (SAME_LIVE_PAGE if running else SAME_PAGE):
        return True
    return jaccard(_grams(item), _grams(other)) >= SAME_TEXT


def _quoted(item: Item) -> str:
    title = " ".join(item.title.split())
    return f"“{title if len(title) <= _SHOWN else title[: _SHOWN - 1].rstrip() + '…'}”"
