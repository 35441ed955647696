"""Polls' transaction: states, windows, items with their keys, presence, events and hits of several feeds.

Each poll is fenced by its own claim and answered on its own; what is stored of them is stored together,
because a transaction and a statement cost more than the rows in them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, select, update

from monitor.errors import LeaseLostError
from monitor.models import changed
from monitor.storage.base import PollReceipt
from monitor.storage.columns import any_of, key_hash, storable
from monitor.storage.decide import assign_keys, claimed_urls, newest_revisions
from monitor.storage.rows import feed_row, hit_row, item_row
from monitor.storage.sql_poll import refresh_due
from monitor.storage.sql_watch import add_events, note_corrections
from monitor.storage.statements import insert_keys, insert_new, upsert
from monitor.storage.tables import feed_windows, feeds, hits, hosts, items

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from monitor.models import Hit, HostClaim, Item
    from monitor.storage.base import PollCommit


class Poll(NamedTuple):
    """What `Storage.commit_poll` is called with."""

    claim: HostClaim
    commit: PollCommit
    now: datetime

    @property
    def feed_id(self) -> str:
        """Which feed it is of."""
        return self.commit.state.feed_id


def commit_polls(connection: Connection, polls: Sequence[Poll]) -> list[PollReceipt | LeaseLostError]:
    """Return what `Storage.commit_poll` answers or raises for each of `polls`, no two of one feed.

    1. Fence: the hosts' rows are locked, in one order, and their tokens compared; each feed's URL is
       still the claimed one. The others go on without those that lost.
    2. Store states and windows, then items with their keys, then presence, events and hits.
    3. Set the hosts' due times anew.
    """
    stored = _lock(connection, polls)
    claims = {poll.claim.token: poll.claim for poll in polls}
    urls = {token: claimed_urls(claim) for token, claim in claims.items()}
    lost = {
        poll.feed_id: error
        for poll in polls
        if (error := _lost(poll, urls[poll.claim.token], *stored)) is not None
    }
    valid = [poll for poll in polls if poll.feed_id not in lost]
    _store_states(connection, valid, stored[1])
    new_items = _store_items(connection, valid)
    _note_presence(connection, valid, new_items)
    add_events(connection, [event for poll in valid for event in poll.commit.events])
    new_hits = _new_hits(connection, [hit for poll in valid for hit in poll.commit.hits])
    if valid:
        refresh_due(connection, {poll.claim.host for poll in valid})
    return [
        lost.get(poll.feed_id)
        or PollReceipt(
            sum(item_id in new_items for item_id in {item.item_id for item in poll.commit.items}),
            sum(pair in new_hits for pair in {(hit.rule_id, hit.item_id) for hit in poll.commit.hits}),
        )
        for poll in polls
    ]


_Stored = dict[str, "Row[*tuple[Any, ...]]"]


# Statements are made once: making one costs several times as much as running it.
_HOSTS = (
    select(hosts.c.host, hosts.c.token)
    .where(any_of(hosts.c.host, "names"))
    .order_by(hosts.c.host)
    .with_for_update()
)
_FEEDS = select(feeds.c.feed_id, feeds.c.url, feeds.c.host, feeds.c.due_at).where(
    any_of(feeds.c.feed_id, "feed_ids")
)


def _lock(connection: Connection, polls: Sequence[Poll]) -> tuple[dict[str, str], _Stored]:
    """Lock the hosts' rows; return their tokens, and the feeds' rows."""
    names = sorted({poll.claim.host for poll in polls})
    tokens = {row.host: row.token for row in connection.execute(_HOSTS, {"names": names})}
    rows = connection.execute(_FEEDS, {"feed_ids": sorted(poll.feed_id for poll in polls)})
    return tokens, {row.feed_id: row for row in rows}


def _lost(
    poll: Poll, urls: Mapping[str, str], tokens: Mapping[str, str], stored: _Stored
) -> LeaseLostError | None:
    """Return why the claim no longer stands, or None."""
    host, row = poll.claim.host, stored.get(poll.feed_id)
    if tokens.get(host) != poll.claim.token:
        return LeaseLostError(f"host {host}: another worker polls it now; this poll was not stored")
    if row is None or row.url != storable(urls.get(poll.feed_id, poll.commit.state.url)):
        return LeaseLostError(f"feed {poll.feed_id}: its URL changed during the poll, which was not stored")
    return None


_FEED = (
    update(feeds)
    .where(feeds.c.feed_id == bindparam("of_feed"))
    .values({name: bindparam(name) for name in ("url", "due_at", "failures", "document")})
)


def _store_states(connection: Connection, polls: Sequence[Poll], stored: _Stored) -> None:
    """`sync_feeds` owns the host and whether a feed is scheduled; the rest is replaced."""
    rows = []
    for poll in polls:
        row = stored[poll.feed_id]
        state = poll.commit.state
        if state.host != row.host:
            state = changed(state, host=row.host)
        values = feed_row(state, scheduled=row.due_at is not None)
        del values["feed_id"], values["host"]  # as they are: their indexes and references need no update
        rows.append({"of_feed": poll.feed_id, **values})
    if rows:
        connection.execute(_FEED, rows)
    upsert(
        connection,
        feed_windows,
        [
            {"feed_id": poll.feed_id, "shown": poll.commit.window}
            for poll in polls
            if poll.commit.window is not None
        ],
    )


_STORED = select(items.c.item_id, items.c.revision, items.c.first_seen_at).where(
    any_of(items.c.item_id, "item_ids")
)


def _store_items(connection: Connection, polls: Sequence[Poll]) -> set[str]:
    """Return the ids of items that were not stored before."""
    newest: dict[str, Item] = {}
    seen_at: dict[str, datetime] = {}
    for poll in polls:
        for item_id, item in newest_revisions(poll.commit.items).items():
            newest[item_id], seen_at[item_id] = item, poll.now
    if not newest:
        return set()
    stored = {row.item_id: row for row in connection.execute(_STORED, {"item_ids": sorted(newest)})}
    new = [item for item in newest.values() if item.item_id not in stored]
    edited = [
        item
        for item in newest.values()
        if item.item_id in stored and item.revision > stored[item.item_id].revision
    ]
    insert_new(
        connection, items, [item_row(item, item.first_seen_at or seen_at[item.item_id]) for item in new]
    )
    upsert(connection, items, [item_row(item, stored[item.item_id].first_seen_at) for item in edited])
    for poll in polls:  # before the hits: those of this text are no correction of it
        own = {item.item_id for item in poll.commit.items}
        note_corrections(connection, [item for item in edited if item.item_id in own], poll.now)
    _store_keys(connection, newest.values())
    return {item.item_id for item in new}


def _store_keys(connection: Connection, found: Iterable[Item]) -> None:
    by_feed: dict[str, list[Item]] = {}
    for item in found:
        by_feed.setdefault(item.feed_id, []).append(item)
    insert_keys(
        connection,
        [
            {"feed_id": feed_id, "key_hash": key, "item_id": owner.item_id, "is_alias": owner.is_alias}
            for feed_id, group in by_feed.items()
            for key, owner in assign_keys({}, group, key_hash).items()
        ],
    )


_LEFT = (
    update(items)
    .where(
        items.c.feed_id == bindparam("of_feed"),
        items.c.absent_at.is_(None),
        ~any_of(items.c.item_id, "shown"),
    )
    .values(absent_at=bindparam("left_at", type_=items.c.absent_at.type))
)
_GONE = (
    update(items)
    .where(any_of(items.c.item_id, "gone"), items.c.absent_at.is_(None))
    .values(absent_at=bindparam("left_at", type_=items.c.absent_at.type))
)


_BACK = (
    update(items)
    .where(any_of(items.c.item_id, "back"), items.c.absent_at.is_not(None))
    .values(absent_at=None)
)


def _note_presence(connection: Connection, polls: Sequence[Poll], new_items: set[str]) -> None:
    """Write only what changed: items that left their feed, and items that came back."""
    back: set[str] = set()
    left, gone = [], []
    for poll in polls:
        commit = poll.commit
        own = {item.item_id for item in commit.items}
        shown = {*commit.seen, *own}
        back |= shown if commit.back is None else {*commit.back, *own}
        if commit.seen and commit.gone is None:
            left.append({"of_feed": poll.feed_id, "left_at": poll.now, "shown": sorted(shown)})
        elif commit.gone and (really := set(commit.gone) - shown):
            gone.append({"left_at": poll.now, "gone": sorted(really)})
    if left:
        connection.execute(_LEFT, left)
    if gone:
        connection.execute(_GONE, gone)
    if back := back - new_items:
        connection.execute(_BACK, {"back": sorted(back)})


def add_hits(connection: Connection, found: Sequence[Hit]) -> int:
    """See `Storage.add_hits`."""
    return len(_new_hits(connection, found))


_HITS = select(hits.c.rule_id, hits.c.item_id).where(any_of(hits.c.item_id, "item_ids"))


def _new_hits(connection: Connection, found: Sequence[Hit]) -> set[tuple[str, str]]:
    """Store hits; return (rule, item) of those that were not stored before."""
    if not found:
        return set()
    stored = {
        (row.rule_id, row.item_id)
        for row in connection.execute(_HITS, {"item_ids": sorted({hit.item_id for hit in found})})
    }
    new = {(hit.rule_id, hit.item_id): hit for hit in reversed(found)}
    rows = {key: hit_row(hit) for key, hit in new.items() if key not in stored}
    insert_new(connection, hits, list(rows.values()))
    return set(rows)
