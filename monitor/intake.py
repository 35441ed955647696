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
    told = _Told(now - catch_up if baseline else None, dict.fromkeys(unchanged))
    total = recognised = len(told.seen)
    for item in items:
        total += 1
        match = _recognise(item, known)
        if match is None:
            told.unknown(item)
            continue
        recognised += 1
        told.recognised(item, match, named=item.key in known)
    return Intake(
        tuple(told.new),
        tuple(told.revised),
        tuple(told.renamed),
        tuple(told.seen),
        tuple(told.to_match),
        baseline,
        recognised / total if total else None,
        told.stored_as,
    )


@dataclass(slots=True)
class _Told:
    """What was told of a document's items so far."""

    recent: datetime | None  # of a quiet first poll: items published since then are matched
    seen: dict[str, None]
    new: list[Item] = field(default_factory=list)
    revised: list[Item] = field(default_factory=list)
    renamed: list[Item] = field(default_factory=list)
    to_match: list[Item] = field(default_factory=list)
    stored_as: dict[str, str] = field(default_factory=dict)

    def unknown(self, item: Item) -> None:
        """Take an item that is not stored."""
        if item.item_id in self.seen:
            return
        self.seen[item.item_id] = None
        self.new.append(item)
        if self.recent is None or (item.published_at and item.published_at >= self.recent):
            self.to_match.append(item)

    def recognised(self, item: Item, match: KnownItem, *, named: bool) -> None:
        """Take an item that is stored; `named`: under the name that it has now."""
        if match.item_id != item.item_id:
            self.stored_as[item.item_id] = match.item_id
        if match.item_id in self.seen:
            return
        self.seen[match.item_id] = None
        if item.content_hash != match.content_hash:
            revision = _as_stored(item, match, match.revision + 1)
            self.revised.append(revision)
            if self.recent is None and revision.revision <= MAX_REVISIONS:
                self.to_match.append(revision)
        elif not named:
            # Without this a later edit under the new name would be another item.
            self.renamed.append(_as_stored(item, match, match.revision))


def _as_stored(item: Item, match: KnownItem, revision: int) -> Item:
    """Return an item under the name under which it is stored."""
    aliases = item.aliases if item.key in {match.key, *item.aliases} else (item.key, *item.aliases)
    return replace(item, item_id=match.item_id, key=match.key, aliases=aliases, revision=revision)


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
