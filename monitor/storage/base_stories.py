"""The part of the storage contract that grouping uses: members of stories, and what was learned of terms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from monitor.models import Hit, Item, StoryMember


@dataclass(frozen=True, slots=True)
class StoryQuery:
    """Under what earlier items of an item's stories are looked for."""

    since: datetime  # event times of those that count, inclusive at both ends
    until: datetime
    url_keys: tuple[str, ...] = ()
    title_keys: tuple[str, ...] = ()
    postings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TermCounts:
    """Document frequencies of one language, or of one rule's hits in one."""

    items: int = 0  # how many items were learned from
    counts: Mapping[str, int] = field(default_factory=dict)  # term: how many of them hold it


@dataclass(frozen=True, slots=True)
class ItemMark:
    """A place in the order of all items: by when they were first seen, then by id."""

    first_seen_at: datetime
    item_id: str


@dataclass(frozen=True, slots=True)
class Learned:
    """What was learned from the items between two marks, or from the hits of a flush."""

    counts: Mapping[str, TermCounts]  # by language, or by `rule_key`; added to what is stored
    mark: ItemMark | None = None  # of the last item: learning goes on behind it; None = it stays where it is


def rule_key(rule_id: str, language: str) -> str:
    """Return under what the terms of a rule's hits in one language are counted; no language is named so."""
    return f"{language} {rule_id}"


class StoryStorage(Protocol):
    """What the store remembers of stories; see `base.Storage` for errors and concurrency."""

    async def story_of(self, item_ids: Sequence[str]) -> Mapping[str, StoryMember]:
        """Return the membership of those items that have one."""

    async def story_candidates(
        self, asked: Sequence[StoryQuery], *, limit: int = 50
    ) -> tuple[tuple[tuple[StoryMember, Item], ...], ...]:
        """Return, for each query in order, members in its time that share a key or at least two postings.

        Those sharing a URL key first, then a title key, then by number of shared postings, then the
        earliest, then by item id; at most `limit` for each query. Empty keys never match.
        """

    async def story_members(
        self, story_ids: Sequence[str], *, limit: int = 50, known: Collection[str] = frozenset()
    ) -> Mapping[str, tuple[tuple[StoryMember, Item], ...]]:
        """Return the members of those stories that have any, by (event_at, item_id).

        Of a story with more than `limit` members, the newest; of those, all whose item id is not in
        `known`.
        """

    async def hit_members(
        self, rule_ids: Sequence[str], *, since: datetime, until: datetime, limit: int = 200
    ) -> tuple[tuple[StoryMember, Item], ...]:
        """Return the members that are hits of one of the rules, by (event_at, item_id).

        Of each rule, the newest `limit` hits with an event time from `since` to `until`, both inclusive.
        """

    async def term_counts(self, asked: Mapping[str, Sequence[str]]) -> Mapping[str, TermCounts]:
        """Return, for each language or `rule_key`, how many items were learned from and hold each term.

        Terms that none of them holds are absent.
        """

    async def unlearned_items(self, *, limit: int) -> tuple[Item, ...]:
        """Return items that no flush has learned from, in order of (first_seen_at, item_id).

        An item that is stored behind the mark of an earlier flush, by a poll that took long, is never
        among them: frequencies can spare it.
        """

    async def item_hits(self, item_ids: Sequence[str]) -> tuple[Hit, ...]:
        """Return all hits on those items, by (item_id, rule_id)."""
