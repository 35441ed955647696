"""Statements of polling: the schedule, host leases, known items, and one poll's transaction."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update

from monitor.errors import LeaseLostError
from monitor.models import FeedState, HostClaim, KnownItem
from monitor.storage.base import PollReceipt
from monitor.storage.codec import EPOCH, loads_text
from monitor.storage.columns import among, key_hash, storable
from monitor.storage.decide import KeyOwner, assign_keys, claimed_url, newest_revisions
from monitor.storage.rows import feed_row, feed_state, hit_row, item_row
from monitor.storage.sql_watch import add_events, note_corrections
from monitor.storage.statements import SCHEDULE, insert_new, one_at_a_time, upsert
from monitor.storage.tables import feeds, hits, hosts, item_keys, items

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy import Connection, Row

    from monitor.models import Hit, Item
    from monitor.storage.base import FeedSeed, PollCommit


def sync_feeds(connection: Connection, seeds: Sequence[FeedSeed], now: datetime) -> None:
    """See `Storage.sync_feeds`.

    Hosts are locked before feeds, as a poll's commit does: two orders would deadlock.
    """
    one_at_a_time(connection, SCHEDULE)
    stored = {row.feed_id: row for row in connection.execute(select(feeds))}
    wanted = {seed.feed_id: seed for seed in seeds}
    rows = [
        row for seed in wanted.values() if (row := _seed_row(seed, stored.get(seed.feed_id), now)) is not None
    ]
    dropped = [row.feed_id for row in stored.values() if row.due_at is not None and row.feed_id not in wanted]
    if not rows and not dropped:
        return
    touched = {row["host"] for row in rows}
    touched |= {stored[name].host for name in [*dropped, *(row["feed_id"] for row in rows)] if name in stored}
    _add_hosts(connection, {row["host"] for row in rows})
    connection.execute(
        select(hosts.c.host).where(among(hosts.c.host, touched)).order_by(hosts.c.host).with_for_update()
    ).all()
    connection.execute(update(feeds).where(among(feeds.c.feed_id, dropped)).values(due_at=None))
    upsert(connection, feeds, sorted(rows, key=lambda row: str(row["feed_id"])))
    _refresh_due(connection, touched)


def _seed_row(seed: FeedSeed, row: Row[*tuple[Any, ...]] | None, now: datetime) -> dict[str, Any] | None:
    """Return the feed's new row, or None when nothing changes."""
    if row is None or row.url != seed.url:
        return feed_row(FeedState(seed.feed_id, seed.url, seed.host, now))
    if row.due_at is not None and row.host == seed.host:
        return None
    return feed_row(replace(feed_state(row.document), host=seed.host))


def _add_hosts(connection: Connection, names: Iterable[str]) -> None:
    insert_new(
        connection,
        hosts,
        [
            {"host": name, "due_at": None, "free_at": EPOCH, "token": "", "lease_until": EPOCH}
            for name in sorted(names)
        ],
    )


def _refresh_due(connection: Connection, names: Iterable[str]) -> None:
    """Set each host's due time to that of its feed that is due first."""
    earliest = (
        select(func.min(feeds.c.due_at))
        .where(feeds.c.host == hosts.c.host)
        .correlate(hosts)
        .scalar_subquery()
    )
    connection.execute(update(hosts).where(among(hosts.c.host, names)).values(due_at=earliest))


def claim_hosts(
    connection: Connection, now: datetime, token: str, *, limit: int, per_host: int, lease: timedelta
) -> tuple[HostClaim, ...]:
    """See `Storage.claim_hosts`; rows that another claimer just locks are skipped, not waited for."""
    free = (
        select(hosts.c.host)
        .where(hosts.c.due_at <= now, hosts.c.free_at <= now, hosts.c.lease_until <= now)
        .order_by(hosts.c.due_at, hosts.c.host)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    names = list(connection.scalars(free))
    if not names:
        return ()
    until = now + lease
    connection.execute(update(hosts).where(among(hosts.c.host, names)).values(token=token, lease_until=until))
    due = _due_feeds(connection, names, now, per_host)
    return tuple(HostClaim(name, token, until, tuple(due.get(name, ()))) for name in names)


def _due_feeds(
    connection: Connection, names: Sequence[str], now: datetime, per_host: int
) -> Mapping[str, list[FeedState]]:
    place = func.row_number().over(partition_by=feeds.c.host, order_by=(feeds.c.due_at, feeds.c.feed_id))
    ranked = (
        select(feeds.c.host, feeds.c.document, place.label("place"))
        .where(among(feeds.c.host, names), feeds.c.due_at <= now)
        .subquery()
    )
    rows = connection.execute(
        select(ranked).where(ranked.c.place <= per_host).order_by(ranked.c.host, ranked.c.place)
    )
    due: dict[str, list[FeedState]] = {}
    for row in rows:
        due.setdefault(row.host, []).append(feed_state(row.document))
    return due


def renew_host(connection: Connection, claim: HostClaim, now: datetime, lease: timedelta) -> HostClaim:
    """See `Storage.renew_host`."""
    renewed = connection.execute(
        update(hosts)
        .where(hosts.c.host == claim.host, hosts.c.token == claim.token)
        .values(lease_until=now + lease)
    )
    if not renewed.rowcount:
        raise LeaseLostError(f"another worker polls {claim.host} now")
    return replace(claim, lease_until=now + lease)


def release_host(connection: Connection, claim: HostClaim, free_at: datetime) -> None:
    """See `Storage.release_host`."""
    connection.execute(
        update(hosts)
        .where(hosts.c.host == claim.host, hosts.c.token == claim.token)
        .values(token="", lease_until=EPOCH, free_at=free_at)
    )


def known_items(connection: Connection, feed_id: str, keys: Sequence[str]) -> Mapping[str, KnownItem]:
    """See `Storage.known_items`."""
    asked = {key_hash(key): key for key in keys}
    rows = connection.execute(
        select(item_keys.c.key_hash, items.c.item_id, items.c.key, items.c.content_hash, items.c.revision)
        .join(items, items.c.item_id == item_keys.c.item_id)
        .where(item_keys.c.feed_id == feed_id, among(item_keys.c.key_hash, asked))
    )
    return {
        asked[row.key_hash]: KnownItem(row.item_id, loads_text(row.key), row.content_hash, row.revision)
        for row in rows
    }


def commit_poll(connection: Connection, claim: HostClaim, commit: PollCommit, now: datetime) -> PollReceipt:
    """See `Storage.commit_poll`.

    1. Fence: the host's row is locked and its token compared; the feed's URL is still the claimed one.
    2. Store the state, then items with their keys, then presence, events and hits.
    3. Set the host's due time anew.
    """
    stored = _fence(connection, claim, commit.state)
    # `sync_feeds` owns the host and whether the feed is scheduled; the rest is replaced.
    row = feed_row(replace(commit.state, host=stored.host), scheduled=stored.due_at is not None)
    connection.execute(update(feeds).where(feeds.c.feed_id == commit.state.feed_id).values(row))
    new_items = _store_items(connection, commit.items, now)
    _note_presence(connection, commit, now)
    add_events(connection, commit.events)
    new_hits = add_hits(connection, commit.hits)
    _refresh_due(connection, {claim.host})
    return PollReceipt(new_items, new_hits)


def _fence(connection: Connection, claim: HostClaim, state: FeedState) -> Row[*tuple[Any, ...]]:
    """Lock the host's row and return the feed's, if the claim still stands."""
    row = connection.execute(
        select(hosts.c.token, feeds.c.url, feeds.c.host, feeds.c.due_at)
        .join_from(hosts, feeds, feeds.c.feed_id == state.feed_id, isouter=True)
        .where(hosts.c.host == claim.host)
        .with_for_update(of=hosts)
    ).one_or_none()
    if row is None or row.token != claim.token:
        raise LeaseLostError(f"host {claim.host}: another worker polls it now; this poll was not stored")
    if row.url != storable(claimed_url(claim, state)):
        raise LeaseLostError(f"feed {state.feed_id}: its URL changed during the poll, which was not stored")
    return row


def _store_items(connection: Connection, found: Sequence[Item], now: datetime) -> int:
    if not found:
        return 0
    newest = newest_revisions(found)
    stored = {
        row.item_id: row
        for row in connection.execute(
            select(items.c.item_id, items.c.revision, items.c.first_seen_at).where(
                among(items.c.item_id, newest)
            )
        )
    }
    new = [item for item in newest.values() if item.item_id not in stored]
    changed = [
        item
        for item in newest.values()
        if item.item_id in stored and item.revision > stored[item.item_id].revision
    ]
    insert_new(connection, items, [item_row(item, item.first_seen_at or now) for item in new])
    upsert(connection, items, [item_row(item, stored[item.item_id].first_seen_at) for item in changed])
    note_corrections(connection, changed, now)  # before the hits: those of this text are no correction of it
    _store_keys(connection, list(newest.values()))
    return len(new)


def _store_keys(connection: Connection, found: Sequence[Item]) -> None:
    by_feed: dict[str, list[Item]] = {}
    for item in found:
        by_feed.setdefault(item.feed_id, []).append(item)
    for feed_id, group in by_feed.items():
        asked = {key_hash(key) for item in group for key in (item.key, *item.aliases)}
        owners = {
            row.key_hash: KeyOwner(row.item_id, is_alias=row.is_alias)
            for row in connection.execute(
                select(item_keys).where(item_keys.c.feed_id == feed_id, among(item_keys.c.key_hash, asked))
            )
        }
        rows = [
            {"feed_id": feed_id, "key_hash": key, "item_id": owner.item_id, "is_alias": owner.is_alias}
            for key, owner in assign_keys(owners, group, key_hash).items()
        ]
        upsert(connection, item_keys, rows)


def _note_presence(connection: Connection, commit: PollCommit, now: datetime) -> None:
    """Write only what changed: items that left the feed, and items that came back."""
    shown = {*commit.seen, *(item.item_id for item in commit.items)}
    if not shown:
        return
    present = set(
        connection.scalars(
            select(items.c.item_id).where(
                items.c.feed_id == commit.state.feed_id, items.c.absent_at.is_(None)
            )
        )
    )
    left = present - shown if commit.seen else set()
    if left:
        connection.execute(update(items).where(among(items.c.item_id, left)).values(absent_at=now))
    if shown - present:
        connection.execute(
            update(items)
            .where(among(items.c.item_id, shown - present), items.c.absent_at.is_not(None))
            .values(absent_at=None)
        )


def add_hits(connection: Connection, found: Sequence[Hit]) -> int:
    """See `Storage.add_hits`."""
    if not found:
        return 0
    stored = {
        (row.rule_id, row.item_id)
        for row in connection.execute(
            select(hits.c.rule_id, hits.c.item_id).where(
                among(hits.c.item_id, {hit.item_id for hit in found})
            )
        )
    }
    new = {(hit.rule_id, hit.item_id): hit for hit in reversed(found)}
    rows = [hit_row(hit) for key, hit in new.items() if key not in stored]
    insert_new(connection, hits, rows)
    return len(rows)


def feed_states(connection: Connection) -> tuple[FeedState, ...]:
    """See `Storage.feed_states`."""
    documents = connection.scalars(
        select(feeds.c.document).where(feeds.c.due_at.is_not(None)).order_by(feeds.c.feed_id)
    )
    return tuple(map(feed_state, documents))
