"""Put items into stories: same address, same headline, same text, same development.

Two developments must never be merged into silence, so the first layers are exact or nearly so, the last
is a measured probability, a window bounds all of them, and what is decided carries its reason. How items
of one flush come together: `Assigner` takes them one by one in order of events, and each item is compared
with the stored candidates and with the members that the same batch made before it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from monitor.models import StoryLayer, StoryMember, stable_id
from monitor.stories import wording
from monitor.stories.keys import LEAST_SHARED, StoryKeys, keys
from monitor.stories.linking import Judge
from monitor.stories.similarity import jaccard, normalized_text, shingles
from monitor.stories.titles import is_running, overlap, without_publisher

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from monitor.models import Item
    from monitor.stories.linking import Bond

WINDOW: Final = timedelta(hours=36)  # between two items that exact layers join, and of every candidate
SAME_TEXT: Final = 0.8  # char-5 Jaccard of headline and summary
LEAST_TEXT: Final = 40  # grams below which a text is too short ("Morning briefing") to be recognised
# Under one address: the share of common headline words below which it tells something else now. Articles
# are rewritten under their address; live pages move on to other news, so theirs must stay nearly the same.
SAME_PAGE: Final = 1 / 3
SAME_LIVE_PAGE: Final = 0.85


def assign(
    item: Item,
    found: StoryKeys,
    candidates: Sequence[tuple[StoryMember, Item]],
    now: datetime,
    judge: Judge | None = None,
    rules: Iterable[str] = (),
) -> StoryMember:
    """Return the item's place in a story.

    1. A candidate that is the item itself: it stays where it is.
    2. Same address, unless headline and text changed so much that it tells something else (live page).
    3. Same headline.
    4. Same text: char-5 Jaccard of headline and summary >= .8; the most similar one.
    5. Same development, by the regression: the story with the strongest bond that `Judge` lets it join.
    6. With L3 switched on: the same development by meaning, which also compares across languages.
    7. None of these: a new story, with links to those that are near.

    In steps 2 to 4, candidates count within 36 h of the item; in steps 5 and 6 the mode's window runs from a
    story's last item. The result does not depend on the order of candidates: the earliest of equals
    decides, then the lower id.

    Args:
        item: with `first_seen_at`.
        found: `keys(item)`.
        candidates: members and their items, such as `Storage.story_candidates` returns, and with them
            the other members of their stories.
        now: the time of items that lack `first_seen_at`.
        judge: what was learned, and how readily items join; None = nothing was learned.
        rules: ids of the rules that the item is a hit of; empty = not known.
    """
    item = item if item.first_seen_at else replace(item, first_seen_at=now)
    own = next((member for member, other in candidates if other.item_id == item.item_id), None)
    if own is not None:
        return own
    ordered = sorted(candidates, key=lambda pair: (pair[0].event_at, pair[0].item_id))
    place = _Place(item, found, tuple(sorted(set(rules))), judge or Judge(), ordered)
    return place.by_address() or place.by_headline() or place.by_text() or place.by_development()


@dataclass(frozen=True, slots=True)
class _Place:
    """Looks for an item's place, layer by layer."""

    item: Item
    found: StoryKeys
    rules: tuple[str, ...]
    judge: Judge
    candidates: Sequence[tuple[StoryMember, Item]]  # the earliest first

    def by_address(self) -> StoryMember | None:
        for member, other in self._same_address():
            if _tells_the_same(self.item, other):
                return self._beside(member, StoryLayer.URL, 1.0, wording.same("address", other))
        return None

    def by_headline(self) -> StoryMember | None:
        for member, other in self._near():
            if self.found.title_key and member.title_key == self.found.title_key:
                return self._beside(member, StoryLayer.TITLE, 1.0, wording.same("headline", other))
        return None

    def by_text(self) -> StoryMember | None:
        if len(_grams(self.item)) < LEAST_TEXT:
            return None
        scored = [
            (jaccard(_grams(self.item), _grams(other)), member, other)
            for member, other in self._near()
            if self.judge.may_be_a_copy(self.item, other)
        ]
        alike = [one for one in scored if one[0] >= SAME_TEXT]
        if not alike:
            return None
        score, member, other = max(alike, key=lambda one: one[0])
        return self._beside(member, StoryLayer.TEXT, score, wording.same_text(score, other))

    def by_development(self) -> StoryMember:
        rules = frozenset(self.rules)
        bonds = self.judge.bonds(self.item, rules, self.candidates)
        for bond in bonds:
            if self.judge.joins(bond):
                return self._joined(bond, StoryLayer.STORY)
        for bond in bonds:
            if near := self.judge.means_the_same(self.item, bond):
                return self._joined(bond, StoryLayer.MEANING, near)
        kin = self.judge.kin(self.item, rules, self.candidates)
        for bond in kin:
            if self.judge.crosses(bond):
                return self._crossed(bond)
        return self._new(bonds, kin)

    def _new(self, bonds: Sequence[Bond], kin: Sequence[Bond]) -> StoryMember:
        moved = next((other for _, other in self._same_address()), None)
        alone = next((b for b in bonds if b.likely), None)
        hours = WINDOW // timedelta(hours=1)
        related = self.judge.related(self.item, frozenset(self.rules), bonds, kin)
        reason = wording.new(moved, alone, related[0] if related else None, hours)
        story_id = stable_id("story", self.item.item_id)
        return replace(self._member(story_id, StoryLayer.NEW, "", 1.0, reason), related=related)

    def _near(self) -> list[tuple[StoryMember, Item]]:
        at = self.item.event_at()
        return [pair for pair in self.candidates if abs(pair[0].event_at - at) <= WINDOW]

    def _same_address(self) -> list[tuple[StoryMember, Item]]:
        key = self.found.url_key
        return [pair for pair in self._near() if key and pair[0].url_key == key]

    def _joined(self, bond: Bond, layer: StoryLayer, near: float = 0.0) -> StoryMember:
        why = self.judge.compared(self.item, frozenset(self.rules), bond)
        why = replace(why, near=round(near, 4))
        score = near or max(bond.scores[0], 1e-9)
        made = self._beside(bond.best, layer, score, wording.joined(why, bond.item))
        return replace(made, why=why)

    def _crossed(self, bond: Bond) -> StoryMember:
        why = self.judge.likened(self.item, bond)
        made = self._beside(bond.best, StoryLayer.MEANING, bond.scores[0], wording.joined(why, bond.item))
        return replace(made, why=why)

    def _beside(self, other: StoryMember, layer: StoryLayer, score: float, reason: str) -> StoryMember:
        made = self._member(other.story_id, layer, other.item_id, score, reason)
        told = [one for member, one in self.candidates if member.story_id == other.story_id]
        return replace(made, novel=self.judge.novel(self.item, told))

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
            event_at=self.item.event_at(),
            url_key=self.found.url_key,
            title_key=self.found.title_key,
            postings=self.found.postings,
            rules=self.rules,
        )


class Assigner:
    """Assigns the items of one batch, each also compared with those assigned before it."""

    def __init__(self, now: datetime, judge: Judge | None = None) -> None:
        """Start an empty batch.

        Args:
            now: the time of items that lack their own.
            judge: what was learned, and how readily items join; None = nothing was learned.
        """
        self._now = now
        self._judge = judge or Judge()
        self._own: dict[str, tuple[StoryMember, Item]] = {}
        self._by_key: dict[str, list[str]] = defaultdict(list)
        self._by_story: dict[str, list[str]] = defaultdict(list)
        self._by_rule: dict[str, list[str]] = defaultdict(list)

    def judged(self, judge: Judge) -> Assigner:
        """Return this batch under what was learned since: for runs in which a batch lasts for weeks."""
        self._judge = judge
        return self

    @property
    def members(self) -> tuple[StoryMember, ...]:
        """Return what this batch assigned, in order."""
        return tuple(member for member, _ in self._own.values())

    def assign(
        self,
        item: Item,
        candidates: Iterable[tuple[StoryMember, Item]] = (),
        found: StoryKeys | None = None,
        rules: Iterable[str] = (),
    ) -> StoryMember:
        """Return the item's place, with the stored `candidates` and this batch's own; see `assign`.

        Items should come in order of `event_at`, so that a batch gives what one by one would.
        An item that comes again keeps its place.
        """
        if item.item_id in self._own:
            return self._own[item.item_id][0]
        item = item if item.first_seen_at else replace(item, first_seen_at=self._now)
        found = found or keys(item, self._judge.weights(item.language))
        merged = {member.item_id: (member, other) for member, other in candidates}
        rules = tuple(rules)
        for item_id in (*self._sharing(item, found), *self._in_other_languages(item, rules)):
            merged.setdefault(item_id, self._own[item_id])
        for story_id in sorted({member.story_id for member, _ in merged.values()}):
            for item_id in self._by_story.get(story_id, ()):
                merged.setdefault(item_id, self._own[item_id])
        member = assign(item, found, tuple(merged.values()), self._now, self._judge, rules)
        if item.item_id not in merged:
            self._judge.saw(item, rules)
        self._own[item.item_id] = (member, item)
        self._by_story[member.story_id].append(item.item_id)
        for key in _index_keys(found):
            self._by_key[key].append(item.item_id)
        if self._judge.across_languages:
            for rule_id in set(rules):
                self._by_rule[rule_id].append(item.item_id)
        return member

    def _in_other_languages(self, item: Item, rules: Iterable[str]) -> list[str]:
        """Return this batch's hits of the same rules that only meaning can compare; none while L3 is off."""
        near = {item_id for rule_id in rules for item_id in self._by_rule.get(rule_id, ())}
        own = [self._own[item_id] for item_id in sorted(near)]
        at = item.event_at()
        return [
            member.item_id
            for member, other in own
            if abs(member.event_at - at) <= WINDOW and other.language != item.language
        ]

    def _sharing(self, item: Item, found: StoryKeys) -> list[str]:
        """Return this batch's items that the store would return as candidates."""
        at = item.event_at()
        counts: Counter[str] = Counter()
        for key in _index_keys(found):
            enough = LEAST_SHARED if not key.startswith("term ") else 1
            counts.update(dict.fromkeys(self._by_key.get(key, ()), enough))
        shared = [item_id for item_id, count in counts.items() if count >= LEAST_SHARED]
        return [item_id for item_id in shared if abs(self._own[item_id][0].event_at - at) <= WINDOW]


def _index_keys(found: StoryKeys) -> tuple[str, ...]:
    named = (
        f"url {found.url_key}" if found.url_key else "",
        f"title {found.title_key}" if found.title_key else "",
    )
    return (*filter(None, named), *(f"term {posting}" for posting in found.postings))


def _grams(item: Item) -> frozenset[str]:
    return _cached_grams(without_publisher(item.title, item.url), item.summary)


@lru_cache(maxsize=4096)
def _cached_grams(title: str, summary: str) -> frozenset[str]:
    return shingles(normalized_text(title, summary))


def _tells_the_same(item: Item, other: Item) -> bool:
    """Return whether two items of one address are one report, perhaps rewritten."""
    running = is_running(item.title, item.url) or is_running(other.title, other.url)
    if overlap(item.title, other.title) >= (SAME_LIVE_PAGE if running else SAME_PAGE):
        return True
    return jaccard(_grams(item), _grams(other)) >= SAME_TEXT
