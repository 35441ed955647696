"""Polling in memory: the schedule, host leases, known items, and one poll's commit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from monitor.errors import LeaseLostError
from monitor.models import FeedState, HostClaim, KnownItem
from monitor.storage.base import PollReceipt
from monitor.storage.codec import EPOCH
from monitor.storage.decide import assign_keys, claimed_urls, newest_revisions
from monitor.storage.memory_state import Lease
from monitor.storage.memory_watch import add_events, note_corrections

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from monitor.models import Hit, Item
    from monitor.storage.base import FeedSeed, PollCommit
    from monitor.storage.memory_state import State


def sync_feeds(state: State, seeds: Sequence[FeedSeed], now: datetime) -> None:
    """See `Storage.sync_feeds`."""
    for seed in seeds:
        stored = state.feeds.get(seed.feed_id)
        if stored is None or stored.url != seed.url:
            state.feeds[seed.feed_id] = FeedState(seed.feed_id, seed.url, seed.host, now)
        elif stored.host != seed.host:
            state.feeds[seed.feed_id] = replace(stored, host=seed.host)
        state.hosts.setdefault(seed.host, Lease())
    state.scheduled = {seed.feed_id for seed in seeds}


def claim_hosts(
    state: State, now: datetime, limit: int, per_host: int, lease: timedelta
) -> tuple[HostClaim, ...]:
    """See `Storage.claim_hosts`."""
    due: dict[str, list[FeedState]] = {}
    for feed_id in state.scheduled:
        feed = state.feeds[feed_id]
        held = state.hosts[feed.host]
        if feed.next_poll_at <= now and held.free_at <= now and held.until <= now:
            due.setdefault(feed.host, []).append(feed)
    for feeds in due.values():
        feeds.sort(key=lambda feed: (feed.next_poll_at, feed.feed_id))
    names = sorted(due, key=lambda name: (due[name][0].next_poll_at, name))[:limit]
    token, until = state.token(), now + lease
    for name in names:
        state.hosts[name].token, state.hosts[name].until = token, until
    return tuple(HostClaim(name, token, until, tuple(due[name][:per_host])) for name in names)


def renew_host(state: State, claim: HostClaim, now: datetime, lease: timedelta) -> HostClaim:
    """See `Storage.renew_host`."""
    held = state.hosts.get(claim.host)
    if held is None or held.token != claim.token:
        raise LeaseLostError(f"another worker polls {claim.host} now")
    held.until = now + lease
    return replace(claim, lease_until=held.until)


def release_host(state: State, claim: HostClaim, free_at: datetime) -> None:
    """See `Storage.release_host`."""
    held = state.hosts.get(claim.host)
    if held is not None and held.token == claim.token:
        held.token, held.until, held.free_at = "", EPOCH, free_at


def known_items(state: State, feed_id: str, keys: Sequence[str]) -> Mapping[str, KnownItem]:
    """See `Storage.known_items`."""
    known, owners = {}, state.keys.get(feed_id, {})
    for key in keys:
        if (owner := owners.get(key)) is not None:
            item = state.items[owner.item_id]
            known[key] = KnownItem(item.item_id, item.key, item.content_hash, item.revision)
    return known


def commit_poll(state: State, claim: HostClaim, commit: PollCommit, now: datetime) -> PollReceipt:
    """See `Storage.commit_poll`."""
    feed_id = commit.state.feed_id
    held, feed = state.hosts.get(claim.host), state.feeds.get(feed_id)
    if held is None or held.token != claim.token:
        raise LeaseLostError(f"host {claim.host}: another worker polls it now; this poll was not stored")
    if feed is None or feed.url != claimed_urls(claim).get(feed.feed_id, commit.state.url):
        raise LeaseLostError(f"feed {feed_id}: its URL changed during the poll, which was not stored")
    known = {*state.items, *(item.item_id for item in commit.items)}
    state.require("item", (hit.item_id for hit in commit.hits), known)
    state.feeds[feed_id] = replace(commit.state, host=feed.host)
    changed = [
        item
        for item in newest_revisions(commit.items).values()
        if item.item_id in state.items and item.revision > state.items[item.item_id].revision
    ]
    if commit.window is not None:
        state.windows[feed_id] = commit.window
    new_items = _store_items(state, commit.items, now)
    _note_presence(state, commit, now)
    note_corrections(state, changed, now)  # before the hits: those of this text are no correction of it
    add_events(state, commit.events)
    return PollReceipt(new_items, add_hits(state, commit.hits))


def _store_items(state: State, found: Sequence[Item], now: datetime) -> int:
    newest = newest_revisions(found)
    new = 0
    for item in newest.values():
        stored = state.items.get(item.item_id)
        if stored is None:
            new += 1
            state.items[item.item_id] = replace(item, first_seen_at=item.first_seen_at or now)
        elif item.revision > stored.revision:
            state.items[item.item_id] = replace(item, first_seen_at=stored.first_seen_at)
        owners = state.keys.setdefault(item.feed_id, {})
        owners |= assign_keys(owners, [item], str)
    return new


def _note_presence(state: State, commit: PollCommit, now: datetime) -> None:
    shown = {*commit.seen, *(item.item_id for item in commit.items)}
    for item_id in shown:
        state.absent_at.pop(item_id, None)
    present = state.present.setdefault(commit.state.feed_id, set())
    own = {i for i in shown if i in state.items and state.items[i].feed_id == commit.state.feed_id}
    if commit.seen:
        for item_id in present - shown:
            state.absent_at.setdefault(item_id, now)
        present.intersection_update(shown)
    present |= own


def add_hits(state: State, found: Sequence[Hit]) -> int:
    """See `Storage.add_hits`; the items are known to be stored."""
    before = len(state.hits)
    for hit in found:
        if (hit.rule_id, hit.item_id) not in state.hits:
            state.hits[hit.rule_id, hit.item_id] = state.pending_hits[hit.hit_id] = hit
    return len(state.hits) - before


def list_items(state: State, since: datetime | None, feed_id: str | None, limit: int) -> tuple[Item, ...]:
    """See `Storage.items`."""
    wanted = sorted(
        (
            item
            for item in state.items.values()
            if (feed_id is None or item.feed_id == feed_id) and (since is None or _seen_at(item) >= since)
        ),
        key=lambda item: item.item_id,
    )
    return tuple(sorted(wanted, key=_seen_at, reverse=True)[:limit])


def _seen_at(item: Item) -> datetime:
    assert item.first_seen_at is not None, "stored items have it"
    return item.first_seen_at


def prune_items(state: State, absent_until: datetime) -> int:
    """Remove items absent since then, unless an alert or a waiting hit needs them; return how many."""
    needed = {source.item_id for alert in state.alerts.values() for source in alert.sources}
    needed |= {hit.item_id for hit in state.pending_hits.values()}
    gone = {
        item_id
        for item_id, absent_at in state.absent_at.items()
        if absent_at <= absent_until and item_id not in needed
    }
    for item_id in gone:
        del state.items[item_id], state.absent_at[item_id]
        state.corrections.pop(item_id, None)
        state.members.pop(item_id, None)
    state.hits = {key: hit for key, hit in state.hits.items() if hit.item_id not in gone}
    for feed_id, owners in state.keys.items():
        state.keys[feed_id] = {key: owner for key, owner in owners.items() if owner.item_id not in gone}
    return len(gone)
