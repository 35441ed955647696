"""Decide what a parsed document brings: new items, revisions, and which of them are matched."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from monitor.models import Feed, FeedState, FirstPoll, Hit, Item, KnownItem, Match, stable_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime, timedelta

MAX_REVISIONS = 24  # a live blog may change all day: later edits are stored, no longer matched


@dataclass(frozen=True, slots=True)
class Intake:
    """What one document brings, before anything is stored."""

    new: tuple[Item, ...]  # never seen in this feed, newest first as in the document
    revised: tuple[Item, ...]  # known, with changed text: the next revision
    renamed: tuple[Item, ...]  # known under another key, unchanged: what they are called now is to be learned
    seen: tuple[str, ...]  # ids of all items in the document
    to_match: tuple[Item, ...]  # those of `new` and `revised` that rules look at
    baseline: bool  # True: this was a quiet first poll
    overlap: float | None  # share of the document's items that were known; None for an empty one
    # The stored id of each item that is stored under another one than its own.
    stored_as: Mapping[str, str] = field(default_factory=dict)


def lookup_keys(items: Iterable[Item]) -> tuple[str, ...]:
    """Return every key under which these items may be known, without repeats."""
    return tuple(dict.fromkeys(key for item in items for key in (item.key, *item.aliases)))


def take_in(
    feed: Feed,
    state: FeedState,
    items: Iterable[Item],
    known: Mapping[str, KnownItem],
    *,
    now: datetime,
    catch_up: timedelta,
    unchanged: Iterable[str] = (),
) -> Intake:
    """Tell new items from known and changed ones.

    Newness is a matter of identity alone: one in ten items appears with a date older than the previous
    poll, so dates decide nothing but which items of a quiet first poll are recent enough to be matched.

    Args:
        feed: the feed's configuration.
        state: its state before this poll.
        items: the document's items; each one's `first_seen_at` is this poll's time.
        known: the store's answer to `lookup_keys(items)`.
        now: time of this poll.
        catch_up: age up to which items of a quiet first poll are matched.
        unchanged: ids of the document's further items, which are stored and known to the byte.
    """
    baseline = state.baselined_at is None and feed.first_poll is FirstPoll.BASELINE
    new: list[Item] = []
    revised: list[Item] = []
    renamed: list[Item] = []
    seen = dict.fromkeys(unchanged)
    to_match: list[Item] = []
    stored_as: dict[str, str] = {}
    total = recognised = len(seen)
    for item in items:
        total += 1
        match = _recognise(item, known)
        if match is None:
            if item.item_id in seen:
                continue
            seen[item.item_id] = None
            new.append(item)
            if not baseline or (item.published_at and now - item.published_at <= catch_up):
                to_match.append(item)
            continue
        recognised += 1
        if match.item_id != item.item_id:
            stored_as[item.item_id] = match.item_id
        if match.item_id in seen:
            continue
        seen[match.item_id] = None
        aliases = item.aliases if item.key in {match.key, *item.aliases} else (item.key, *item.aliases)
        if item.content_hash != match.content_hash:
            revision = replace(
                item,
                item_id=match.item_id,
                key=match.key,
                aliases=aliases,
                revision=match.revision + 1,
            )
            revised.append(revision)
            if not baseline and revision.revision <= MAX_REVISIONS:
                to_match.append(revision)
        elif item.key not in known:
            # Without this a later edit under the new name would be another item.
            renamed.append(
                replace(
                    item,
                    item_id=match.item_id,
                    key=match.key,
                    aliases=aliases,
                    revision=match.revision,
                )
            )
    overlap = recognised / total if total else None
    return Intake(
        tuple(new),
        tuple(revised),
        tuple(renamed),
        tuple(seen),
        tuple(to_match),
        baseline,
        overlap,
        stored_as,
    )


def make_hit(item: Item, match: Match, now: datetime) -> Hit:
    """Return the hit that records `match` on `item`."""
    return Hit(
        hit_id=stable_id("hit", match.rule_id, item.item_id),
        rule_id=match.rule_id,
        item_id=item.item_id,
        rule_version=match.rule_version,
        severity=match.severity,
        evidence=match.evidence,
        entities=match.entities,
        hit_at=now,
        event_at=item.event_at(),
    )


def _recognise(item: Item, known: Mapping[str, KnownItem]) -> KnownItem | None:
    """Return the stored item that this one is, or None.

    Its own key is proof. An alias alone (the link, after the publisher changed its guids) is proof only
    with the same text: live pages publish new entries under one link, and taken for a revision of the
    first they would never alert again. Grouping joins those that do belong together.
    """
    if match := known.get(item.key):
        return match
    by_alias = (known[alias] for alias in item.aliases if alias in known)
    return next((match for match in by_alias if match.content_hash == item.content_hash), None)
