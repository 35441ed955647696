"""The SQL back end: every promise of `base.Storage` on SQLite or PostgreSQL.

Each method is one transaction of one function in a `sql_*` module; this file only says which kind.
What polling writes is repeatable and may be lost with a power cut; what decides or sends is durable.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from monitor.storage import (
    migrate,
    sql_commit,
    sql_deliver,
    sql_flush,
    sql_house,
    sql_poll,
    sql_stories,
    sql_watch,
)
from monitor.storage.base import Pruned
from monitor.storage.batches import Batches
from monitor.storage.engine import Engine
from monitor.storage.sql_commit import Poll
from monitor.storage.urls import read_url

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from monitor.models import (
        Alert,
        AlertRevision,
        Decision,
        FeedEvent,
        FeedState,
        Hit,
        HostClaim,
        Item,
        KnownItem,
        Notification,
        StoryMember,
    )
    from monitor.storage.base import (
        Counts,
        Delivered,
        FeedSeed,
        FlushClaim,
        FlushCommit,
        PendingCorrection,
        PendingHit,
        PollCommit,
        PollReceipt,
        Retention,
    )
    from monitor.storage.base_stories import StoryQuery, TermCounts
    from monitor.storage.base_system import Receiver

PRUNE_CHUNK = 500  # rows a transaction: polling waits for no more than that


class SqlStorage:
    """All that the product remembers, in one SQL database; see `base.Storage` for every method."""

    def __init__(
        self, url: str, *, pool_size: int = 8, busy_timeout: timedelta = timedelta(seconds=30)
    ) -> None:
        """Read the URL; nothing connects yet.

        Args:
            url: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE; the drivers' own spellings
                (sqlite+pysqlite, postgresql+asyncpg) and postgres:// are taken too.
            pool_size: connections at most.
            busy_timeout: how long to wait for another process's write, or a free connection.

        Raises:
            ConfigurationError: the URL cannot be used.
        """
        self._engine = Engine(read_url(url), pool_size=pool_size, busy_timeout=busy_timeout)
        self._commits: Batches[Poll, PollReceipt] = Batches(
            lambda polls: self._engine.write(sql_commit.commit_polls, polls), subject=attrgetter("feed_id")
        )
        self._windows: Batches[str, str] = Batches(
            lambda feed_ids: self._engine.read(sql_poll.feed_windows, feed_ids)
        )
        self._known: Batches[tuple[str, Sequence[str]], Mapping[str, KnownItem]] = Batches(
            lambda asked: self._engine.read(sql_poll.known_items, asked)
        )

    # --- life ---

    async def open(self) -> None:
        """See `Storage.open`."""
        await self._engine.prepare()
        revision = await self._engine.read(migrate.stored_revision, self._engine.where)
        if not revision:
            await self.migrate()
            return
        migrate.check(revision, self._engine.where)

    async def close(self) -> None:
        """See `Storage.close`."""
        for batches in (self._commits, self._windows, self._known):
            await batches.close()
        await self._engine.dispose()

    async def migrate(self) -> tuple[str, str]:
        """See `Storage.migrate`."""
        await self._engine.prepare()
        async with migrate.turn():
            return await self._engine.write_durably(migrate.upgrade, self._engine.where)

    async def ping(self) -> datetime | None:
        """See `Storage.ping`."""
        await self._engine.check_file()
        return await self._engine.read(_clock)

    async def backup(self, path: str) -> None:
        """See `Storage.backup`."""
        await self._engine.backup(Path(path))

    async def end_leases(self) -> int:
        """See `Storage.end_leases`."""
        return await self._engine.write(sql_house.end_leases)

    # --- small durable values ---

    async def get_value(self, name: str) -> str | None:
        """See `Storage.get_value`."""
        return await self._engine.read(sql_house.get_value, name)

    async def set_value(self, name: str, value: str) -> None:
        """See `Storage.set_value`."""
        await self._engine.write(sql_house.set_value, name, value)

    # --- poll ---

    async def sync_feeds(self, feeds: Sequence[FeedSeed], now: datetime) -> None:
        """See `Storage.sync_feeds`."""
        await self._engine.write(sql_poll.sync_feeds, feeds, now)

    async def claim_hosts(
        self, now: datetime, *, limit: int, per_host: int, lease: timedelta
    ) -> tuple[HostClaim, ...]:
        """See `Storage.claim_hosts`."""
        return await self._engine.write(
            sql_poll.claim_hosts, now, _token(), limit=limit, per_host=per_host, lease=lease
        )

    async def renew_host(self, claim: HostClaim, now: datetime, *, lease: timedelta) -> HostClaim:
        """See `Storage.renew_host`."""
        return await self._engine.write(sql_poll.renew_host, claim, now, lease)

    async def release_host(self, claim: HostClaim, *, free_at: datetime) -> None:
        """See `Storage.release_host`."""
        await self._engine.write(sql_poll.release_host, claim, free_at)

    async def known_items(self, feed_id: str, keys: Sequence[str]) -> Mapping[str, KnownItem]:
        """See `Storage.known_items`."""
        return await self._known.ask((feed_id, keys))

    async def feed_window(self, feed_id: str) -> str:
        """See `Storage.feed_window`."""
        return await self._windows.ask(feed_id)

    async def commit_poll(self, claim: HostClaim, commit: PollCommit, now: datetime) -> PollReceipt:
        """See `Storage.commit_poll`."""
        return await self._commits.ask(Poll(claim, commit, now))

    async def add_hits(self, hits: Sequence[Hit]) -> int:
        """See `Storage.add_hits`."""
        return await self._engine.write(sql_commit.add_hits, hits)

    async def feed_states(self) -> tuple[FeedState, ...]:
        """See `Storage.feed_states`."""
        return await self._engine.read(sql_poll.feed_states)

    async def untold_feed_events(self, *, limit: int) -> tuple[FeedEvent, ...]:
        """See `Storage.untold_feed_events`."""
        return await self._engine.read(sql_watch.untold_events, limit)

    async def feed_events(self, *, feed_id: str | None = None, limit: int = 100) -> tuple[FeedEvent, ...]:
        """See `Storage.feed_events`."""
        return await self._engine.read(sql_watch.list_events, feed_id, limit)

    # --- flush ---

    async def claim_flush(self, now: datetime, *, lease: timedelta) -> FlushClaim | None:
        """See `Storage.claim_flush`."""
        return await self._engine.write(sql_flush.claim_flush, now, _token(), lease)

    async def release_flush(self, claim: FlushClaim) -> None:
        """See `Storage.release_flush`."""
        await self._engine.write(sql_flush.release_flush, claim)

    async def pending_hits(self, *, limit: int) -> tuple[PendingHit, ...]:
        """See `Storage.pending_hits`."""
        return await self._engine.read(sql_flush.pending_hits, limit)

    async def pending_corrections(self, *, limit: int) -> tuple[PendingCorrection, ...]:
        """See `Storage.pending_corrections`."""
        return await self._engine.read(sql_watch.pending_corrections, limit)

    async def story_of(self, item_ids: Sequence[str]) -> Mapping[str, StoryMember]:
        """See `Storage.story_of`."""
        return await self._engine.read(sql_stories.story_of, item_ids)

    async def story_candidates(
        self, asked: Sequence[StoryQuery], *, limit: int = 50
    ) -> tuple[tuple[tuple[StoryMember, Item], ...], ...]:
        """See `Storage.story_candidates`."""
        return await self._engine.read(sql_stories.story_candidates, asked, limit)

    async def story_members(
        self, story_ids: Sequence[str], *, limit: int = 50, known: Collection[str] = frozenset()
    ) -> Mapping[str, tuple[tuple[StoryMember, Item], ...]]:
        """See `Storage.story_members`."""
        return await self._engine.read(sql_stories.story_members, story_ids, limit, known)

    async def hit_members(
        self, rule_ids: Sequence[str], *, since: datetime, until: datetime, limit: int = 200
    ) -> tuple[tuple[StoryMember, Item], ...]:
        """See `Storage.hit_members`."""
        return await self._engine.read(sql_stories.hit_members, rule_ids, since, until, limit)

    async def term_counts(self, asked: Mapping[str, Sequence[str]]) -> Mapping[str, TermCounts]:
        """See `Storage.term_counts`."""
        return await self._engine.read(sql_stories.term_counts, asked)

    async def unlearned_items(self, *, limit: int) -> tuple[Item, ...]:
        """See `Storage.unlearned_items`."""
        return await self._engine.read(sql_stories.unlearned_items, limit)

    async def item_hits(self, item_ids: Sequence[str]) -> tuple[Hit, ...]:
        """See `Storage.item_hits`."""
        return await self._engine.read(sql_stories.item_hits, item_ids)

    async def find_alerts(self, rule_id: str, group_keys: Sequence[str]) -> Mapping[str, Alert]:
        """See `Storage.find_alerts`."""
        return await self._engine.read(sql_flush.find_alerts, rule_id, group_keys)

    async def alerts(self, alert_ids: Sequence[str]) -> Mapping[str, Alert]:
        """See `Storage.alerts`."""
        return await self._engine.read(sql_flush.alerts_of, alert_ids)

    async def open_alerts_of(self, rule_ids: Sequence[str]) -> tuple[Alert, ...]:
        """See `Storage.open_alerts_of`."""
        return await self._engine.read(sql_watch.open_alerts_of, rule_ids)

    async def last_hit_at(self, *, without: str) -> datetime | None:
        """See `Storage.last_hit_at`."""
        return await self._engine.read(sql_watch.last_hit_at, without)

    async def alerts_in_message(self, prefix: str) -> tuple[Alert, ...]:
        """See `Storage.alerts_in_message`."""
        return await self._engine.read(sql_watch.alerts_in_message, prefix)

    async def receivers(self, *, since: datetime) -> tuple[Receiver, ...]:
        """See `Storage.receivers`."""
        return await self._engine.read(sql_watch.receivers, since)

    async def quiet_alerts(self, *, last_hit_before: datetime, limit: int) -> tuple[Alert, ...]:
        """See `Storage.quiet_alerts`."""
        return await self._engine.read(sql_flush.quiet_alerts, last_hit_before, limit)

    async def due_reminders(self, now: datetime, *, limit: int) -> tuple[Alert, ...]:
        """See `Storage.due_reminders`."""
        return await self._engine.read(sql_flush.due_reminders, now, limit)

    async def revisions(self, alert_ids: Sequence[str]) -> tuple[AlertRevision, ...]:
        """See `Storage.revisions`."""
        return await self._engine.read(sql_flush.revisions_of, alert_ids)

    async def decisions(self, alert_ids: Sequence[str]) -> tuple[Decision, ...]:
        """See `Storage.decisions`."""
        return await self._engine.read(sql_flush.decisions_of, alert_ids)

    async def due_decisions(self, now: datetime, *, limit: int) -> tuple[Decision, ...]:
        """See `Storage.due_decisions`."""
        return await self._engine.read(sql_flush.due_decisions, now, limit)

    async def commit_flush(self, claim: FlushClaim, commit: FlushCommit, now: datetime) -> None:
        """See `Storage.commit_flush`."""
        await self._engine.write_durably(sql_flush.commit_flush, claim, commit, now)

    # --- deliver ---

    async def claim_notifications(
        self, now: datetime, *, limit: int, per_recipient: int, lease: timedelta, without: Sequence[str] = ()
    ) -> tuple[Notification, ...]:
        """See `Storage.claim_notifications`."""
        return await self._engine.write(
            sql_deliver.claim_notifications,
            now,
            _token(),
            limit=limit,
            per_recipient=per_recipient,
            lease=lease,
            without=without,
        )

    async def commit_delivery(self, results: Sequence[Delivered], now: datetime) -> int:
        """See `Storage.commit_delivery`."""
        return await self._engine.write_durably(sql_deliver.commit_delivery, results, now)

    async def hasten_notifications(
        self, now: datetime, *, channel: str, recipient_id: str | None = None
    ) -> int:
        """See `Storage.hasten_notifications`."""
        return await self._engine.write(sql_deliver.hasten_notifications, now, channel, recipient_id)

    async def drop_notifications(self, notification_ids: Sequence[str], now: datetime) -> int:
        """See `Storage.drop_notifications`."""
        return await self._engine.write_durably(sql_deliver.drop_notifications, notification_ids, now)

    async def revive_notifications(
        self, notification_ids: Sequence[str], now: datetime, *, expires_at: datetime
    ) -> int:
        """See `Storage.revive_notifications`."""
        return await self._engine.write_durably(
            sql_deliver.revive_notifications, notification_ids, now, expires_at
        )

    async def notifications(
        self, *, state: str | None = None, recipient_id: str | None = None, limit: int = 100
    ) -> tuple[Notification, ...]:
        """See `Storage.notifications`."""
        return await self._engine.read(
            sql_deliver.list_notifications, state=state, recipient_id=recipient_id, limit=limit
        )

    async def add_notifications(self, notifications: Sequence[Notification]) -> int:
        """See `Storage.add_notifications`."""
        return await self._engine.write_durably(sql_deliver.add_notifications, notifications)

    # --- reading and keeping house ---

    async def items(
        self, *, since: datetime | None = None, feed_id: str | None = None, limit: int = 1000
    ) -> tuple[Item, ...]:
        """See `Storage.items`."""
        return await self._engine.read(sql_house.list_items, since=since, feed_id=feed_id, limit=limit)

    async def list_alerts(self, *, state: str | None = None, limit: int = 100) -> tuple[Alert, ...]:
        """See `Storage.list_alerts`."""
        return await self._engine.read(sql_house.list_alerts, state=state, limit=limit)

    async def counts(self, now: datetime) -> Counts:
        """See `Storage.counts`."""
        return await self._engine.read(sql_house.counts, now)

    async def prune(self, now: datetime, retention: Retention) -> Pruned:
        """See `Storage.prune`."""
        await self._remove(sql_watch.prune_events, now - retention.notifications)
        return Pruned(
            notifications=await self._remove(sql_house.prune_notifications, now - retention.notifications),
            alerts=await self._remove(sql_house.prune_alerts, now - retention.alerts),
            items=await self._remove(sql_house.prune_items, now - retention.items),
        )

    async def _remove(self, remove: Callable[[Connection, datetime, int], int], until: datetime) -> int:
        """Remove in chunks, each a transaction."""
        removed = chunk = PRUNE_CHUNK
        total = 0
        while removed == chunk:
            removed = await self._engine.write(remove, until, chunk)
            total += removed
        return total


def _token() -> str:
    return uuid.uuid4().hex


def _clock(connection: Connection) -> datetime | None:
    """Return the server's clock; SQLite has this machine's."""
    if connection.dialect.name == "sqlite":
        connection.execute(select(1))
        return None
    return connection.scalar(select(func.clock_timestamp()))
