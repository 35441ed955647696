"""Statements of polling: the schedule, host leases, and what is known of a feed's items."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, and_, bindparam, cast, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import JSON

from monitor.errors import LeaseLostError
from monitor.models import FeedState, HostClaim, KnownItem
from monitor.storage.codec import EPOCH, loads_text
from monitor.storage.columns import Pairs, among, any_of, key_hash
from monitor.storage.rows import feed_row, feed_state
from monitor.storage.statements import SCHEDULE, insert_new, is_postgresql, one_at_a_time, upsert
from monitor.storage.tables import feed_windows as windows
from monitor.storage.tables import feeds, hosts, item_keys, items

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy import Connection, Row, Select

    from monitor.storage.base import FeedSeed


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
    refresh_due(connection, touched)


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


_DUE = (
    update(hosts)
    .where(any_of(hosts.c.host, "names"))
    .values(
        due_at=select(func.min(feeds.c.due_at))
        .where(feeds.c.host == hosts.c.host)
        .correlate(hosts)
        .scalar_subquery()
    )
)


def refresh_due(connection: Connection, names: Iterable[str]) -> None:
    """Set each host's due time to that of its feed that is due first."""
    connection.execute(_DUE, {"names": sorted(names)})


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


def known_items(
    connection: Connection, asked: Sequence[tuple[str, Sequence[str]]]
) -> list[Mapping[str, KnownItem]]:
    """Return `Storage.known_items` of each (feed id, keys)."""
    hashes = [{key_hash(key): key for key in keys} for _, keys in asked]
    pairs = [(feed_id, one) for (feed_id, _), keys in zip(asked, hashes, strict=True) for one in sorted(keys)]
    found: dict[tuple[str, int], KnownItem] = {}
    for row in connection.execute(_known(is_postgresql(connection)), {"pairs": pairs}):
        known = KnownItem(row.item_id, loads_text(row.key), row.content_hash, row.revision)
        found[row.feed_id, row.key_hash] = known
    return [
        {key: found[feed_id, one] for one, key in keys.items() if (feed_id, one) in found}
        for (feed_id, _), keys in zip(asked, hashes, strict=True)
    ]


@cache
def _known(is_server: bool) -> Select[*tuple[Any, ...]]:
    """Return the statement that looks for pairs of a feed and a key's hash.

    A join and no IN: for pairs SQLite would use but the first column of the index, and read all of a
    feed's keys.
    """
    given = bindparam("pairs", type_=Pairs())
    pairs = func.json_array_elements(cast(given, JSON)) if is_server else func.json_each(given)
    asked = pairs.table_valued("value", name="asked")
    feed_id, number = (
        asked.c.value.op("->>")(literal_column(place))
        if is_server
        else func.json_extract(asked.c.value, literal_column(f"'$[{place}]'"))
        for place in "01"
    )
    return (
        select(
            item_keys.c.feed_id,
            item_keys.c.key_hash,
            items.c.item_id,
            items.c.key,
            items.c.content_hash,
            items.c.revision,
        )
        .select_from(asked)
        .join(
            item_keys,
            and_(item_keys.c.feed_id == feed_id, item_keys.c.key_hash == cast(number, BigInteger)),
        )
        .join(items, items.c.item_id == item_keys.c.item_id)
    )


_WINDOWS = select(windows.c.feed_id, windows.c.shown).where(any_of(windows.c.feed_id, "feed_ids"))


def feed_windows(connection: Connection, feed_ids: Sequence[str]) -> list[str]:
    """Return `Storage.feed_window` of each feed."""
    rows = connection.execute(_WINDOWS, {"feed_ids": sorted(set(feed_ids))})
    stored = {row.feed_id: row.shown for row in rows}
    return [stored.get(feed_id, "") for feed_id in feed_ids]


def feed_states(connection: Connection) -> tuple[FeedState, ...]:
    """See `Storage.feed_states`."""
    documents = connection.scalars(
        select(feeds.c.document).where(feeds.c.due_at.is_not(None)).order_by(feeds.c.feed_id)
    )
    return tuple(map(feed_state, documents))
