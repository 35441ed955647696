"""Stories in memory: candidates, members, and what was learned of terms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.storage.base_stories import TermCounts
from monitor.storage.decide import FORGET_AT, LEAST_SHARED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from monitor.models import Hit, Item, StoryMember
    from monitor.storage.base_stories import Learned, StoryQuery
    from monitor.storage.memory_state import State

ALL = ""  # the term that every item holds


def story_candidates(state: State, asked: StoryQuery, limit: int) -> tuple[tuple[StoryMember, Item], ...]:
    """See `Storage.story_candidates`, for one query."""
    url_keys, title_keys = {*asked.url_keys} - {""}, {*asked.title_keys} - {""}
    terms = {*asked.postings} - {""}
    ranked = []
    for member in state.members.values():
        url, title = member.url_key in url_keys, member.title_key in title_keys
        shared = len(terms.intersection(member.postings))
        if asked.since <= member.event_at <= asked.until and (url or title or shared >= LEAST_SHARED):
            ranked.append((not url, not title, -shared, member.event_at, member.item_id))
    return tuple((state.members[rank[-1]], state.items[rank[-1]]) for rank in sorted(ranked)[:limit])


def story_members(
    state: State, story_ids: Sequence[str], limit: int, known: Collection[str]
) -> Mapping[str, tuple[tuple[StoryMember, Item], ...]]:
    """See `Storage.story_members`."""
    found: dict[str, list[tuple[datetime, str]]] = {}
    wanted = set(story_ids)
    for member in state.members.values():
        if member.story_id in wanted:
            found.setdefault(member.story_id, []).append((member.event_at, member.item_id))
    asked = {
        story_id: [item_id for _, item_id in sorted(ids)[-limit:] if item_id not in known]
        for story_id, ids in found.items()
    }
    return {
        story_id: tuple((state.members[item_id], state.items[item_id]) for item_id in ids)
        for story_id, ids in asked.items()
        if ids
    }


def hit_members(
    state: State, rule_ids: Sequence[str], since: datetime, until: datetime, limit: int
) -> tuple[tuple[StoryMember, Item], ...]:
    """See `Storage.hit_members`."""
    found: set[str] = set()
    for rule_id in rule_ids:
        mine = [hit for hit in state.hits.values() if hit.rule_id == rule_id]
        near = sorted((hit.event_at, hit.item_id) for hit in mine if since <= hit.event_at <= until)
        found.update(item_id for _, item_id in near[-limit:])
    placed = [state.members[item_id] for item_id in found if item_id in state.members]
    ordered = sorted(placed, key=lambda member: (member.event_at, member.item_id))
    return tuple((member, state.items[member.item_id]) for member in ordered)


def term_counts(state: State, asked: Mapping[str, Sequence[str]]) -> Mapping[str, TermCounts]:
    """See `Storage.term_counts`."""
    return {
        language: TermCounts(known.get(ALL, 0), {term: known[term] for term in terms if term in known})
        for language, terms in asked.items()
        for known in (state.terms.get(language, {}),)
    }


def unlearned_items(state: State, limit: int) -> tuple[Item, ...]:
    """See `Storage.unlearned_items`."""
    waiting = sorted(
        (item.first_seen_at, item.item_id)
        for item in state.items.values()
        if item.first_seen_at is not None and (item.first_seen_at, item.item_id) > state.learned
    )
    return tuple(state.items[item_id] for _, item_id in waiting[:limit])


def item_hits(state: State, item_ids: Sequence[str]) -> tuple[Hit, ...]:
    """See `Storage.item_hits`."""
    wanted = set(item_ids)
    found = [hit for hit in state.hits.values() if hit.item_id in wanted]
    return tuple(sorted(found, key=lambda hit: (hit.item_id, hit.rule_id)))


def learn(state: State, learned: Learned) -> None:
    """Add what a flush learned; what has grown too old is halved, so that it fades."""
    for language, found in learned.counts.items():
        known = state.terms.setdefault(language, {})
        for term, count in ((ALL, found.items), *found.counts.items()):
            known[term] = known.get(term, 0) + count
        if known[ALL] >= FORGET_AT:
            state.terms[language] = {term: count // 2 for term, count in known.items() if count > 1}
    if learned.mark is not None:
        state.learned = learned.mark.first_seen_at, learned.mark.item_id
