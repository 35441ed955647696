"""The in-memory twin: the whole contract without a database, for tests and dry runs.

Values are frozen, so they are kept and handed out without copies. No method awaits anything, which
makes every commit atomic among the tasks of one event loop; it is no store for several threads or
processes. What a commit holds is checked before the first change. Tokens count up, so that a run can
be repeated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.errors import StorageError
from monitor.storage import memory_deliver, memory_flush, memory_poll, memory_stories, memory_watch
from monitor.storage.base import Counts, Pruned
from monitor.storage.codec import utc
from monitor.storage.decide import is_waiting
from monitor.storage.memory_state import State, check_times

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime, timedelta

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


class MemoryStorage:
    """All that the product remembers, for as long as the process lives; see `base.Storage`."""

    def __init__(self) -> None:
        """Start empty."""
        self._state = State()

    # --- life ---

    async def open(self) -> None:
        """See `Storage.open`."""

    async def close(self) -> None:
        """See `Storage.close`; what is stored stays, as a file would."""

    async def migrate(self) -> tuple[str, str]:
        """See `Storage.migrate`: there is no schema."""
        return "", ""

    async def ping(self) -> datetime | None:
        """See `Storage.ping`."""
        return None

    async def backup(self, path: str) -> None:
        """See `Storage.backup`."""
        raise StorageError(f"{path}: a store in memory has no backup: use a database URL")

    async def end_leases(self) -> int:
        """See `Storage.end_leases`."""
        return self._state.end_leases()

    # --- small durable values ---

    async def get_value(self, name: str) -> str | None:
        """See `Storage.get_value`."""
        return self._state.values.get(name)

    async def set_value(self, name: str, value: str) -> None:
        """See `Storage.set_value`."""
        self._state.values[name] = value

    # --- poll ---

    async def sync_feeds(self, feeds: Sequence[FeedSeed], now: datetime) -> None:
        """See `Storage.sync_feeds`."""
        memory_poll.sync_feeds(self._state, feeds, utc(now))

    async def claim_hosts(
        self, now: datetime, *, limit: int, per_host: int, lease: timedelta
    ) -> tuple[HostClaim, ...]:
        """See `Storage.claim_hosts`."""
        return memory_poll.claim_hosts(self._state, utc(now), limit, per_host, lease)

    async def renew_host(self, claim: HostClaim, now: datetime, *, lease: timedelta) -> HostClaim:
        """See `Storage.renew_host`."""
        return memory_poll.renew_host(self._state, claim, utc(now), lease)

    async def release_host(self, claim: HostClaim, *, free_at: datetime) -> None:
        """See `Storage.release_host`."""
        memory_poll.release_host(self._state, claim, utc(free_at))

    async def known_items(self, feed_id: str, keys: Sequence[str]) -> Mapping[str, KnownItem]:
        """See `Storage.known_items`."""
        return memory_poll.known_items(self._state, feed_id, keys)

    async def feed_window(self, feed_id: str) -> str:
        """See `Storage.feed_window`."""
        return self._state.windows.get(feed_id, "")

    async def commit_poll(self, claim: HostClaim, commit: PollCommit, now: datetime) -> PollReceipt:
        """See `Storage.commit_poll`."""
        check_times(commit.state, *commit.items, *commit.hits, *commit.events)
        return memory_poll.commit_poll(self._state, claim, commit, utc(now))

    async def add_hits(self, hits: Sequence[Hit]) -> int:
        """See `Storage.add_hits`."""
        check_times(*hits)
        self._state.require("item", (hit.item_id for hit in hits), self._state.items)
        return memory_poll.add_hits(self._state, hits)

    async def feed_states(self) -> tuple[FeedState, ...]:
        """See `Storage.feed_states`."""
        feeds = self._state.feeds
        return tuple(feeds[feed_id] for feed_id in sorted(self._state.scheduled))

    async def untold_feed_events(self, *, limit: int) -> tuple[FeedEvent, ...]:
        """See `Storage.untold_feed_events`."""
        return memory_watch.untold_events(self._state, limit)

    async def feed_events(self, *, feed_id: str | None = None, limit: int = 100) -> tuple[FeedEvent, ...]:
        """See `Storage.feed_events`."""
        return memory_watch.list_events(self._state, feed_id, limit)

    # --- flush ---

    async def claim_flush(self, now: datetime, *, lease: timedelta) -> FlushClaim | None:
        """See `Storage.claim_flush`."""
        return memory_flush.claim_flush(self._state, utc(now), lease)

    async def release_flush(self, claim: FlushClaim) -> None:
        """See `Storage.release_flush`."""
        memory_flush.release_flush(self._state, claim)

    async def pending_hits(self, *, limit: int) -> tuple[PendingHit, ...]:
        """See `Storage.pending_hits`."""
        return memory_flush.pending_hits(self._state, limit)

    async def pending_corrections(self, *, limit: int) -> tuple[PendingCorrection, ...]:
        """See `Storage.pending_corrections`."""
        return memory_watch.pending_corrections(self._state, limit)

    async def story_of(self, item_ids: Sequence[str]) -> Mapping[str, StoryMember]:
        """See `Storage.story_of`."""
        members = self._state.members
        return {item_id: members[item_id] for item_id in item_ids if item_id in members}

    async def story_candidates(
        self, asked: Sequence[StoryQuery], *, limit: int = 50
    ) -> tuple[tuple[tuple[StoryMember, Item], ...], ...]:
        """See `Storage.story_candidates`."""
        for one in asked:
            utc(one.since), utc(one.until)
        return tuple(memory_stories.story_candidates(self._state, one, limit) for one in asked)

    async def story_members(
        self, story_ids: Sequence[str], *, limit: int = 50, known: Collection[str] = frozenset()
    ) -> Mapping[str, tuple[tuple[StoryMember, Item], ...]]:
        """See `Storage.story_members`."""
        return memory_stories.story_members(self._state, story_ids, limit, known)

    async def hit_members(
        self, rule_ids: Sequence[str], *, since: datetime, until: datetime, limit: int = 200
    ) -> tuple[tuple[StoryMember, Item], ...]:
        """See `Storage.hit_members`."""
        return memory_stories.hit_members(self._state, rule_ids, since, until, limit)

    async def term_counts(self, asked: Mapping[str, Sequence[str]]) -> Mapping[str, TermCounts]:
        """See `Storage.term_counts`."""
        return memory_stories.term_counts(self._state, asked)

    async def unlearned_items(self, *, limit: int) -> tuple[Item, ...]:
        """See `Storage.unlearned_items`."""
        return memory_stories.unlearned_items(self._state, limit)

    async def item_hits(self, item_ids: Sequence[str]) -> tuple[Hit, ...]:
        """See `Storage.item_hits`."""
        return memory_stories.item_hits(self._state, item_ids)

    async def find_alerts(self, rule_id: str, group_keys: Sequence[str]) -> Mapping[str, Alert]:
        """See `Storage.find_alerts`."""
        return memory_flush.find_alerts(self._state, rule_id, set(group_keys))

    async def alerts(self, alert_ids: Sequence[str]) -> Mapping[str, Alert]:
        """See `Storage.alerts`."""
        alerts = self._state.alerts
        return {alert_id: alerts[alert_id] for alert_id in alert_ids if alert_id in alerts}

    async def open_alerts_of(self, rule_ids: Sequence[str]) -> tuple[Alert, ...]:
        """See `Storage.open_alerts_of`."""
        return memory_watch.open_alerts_of(self._state, set(rule_ids))

    async def last_hit_at(self, *, without: str) -> datetime | None:
        """See `Storage.last_hit_at`."""
        return memory_watch.last_hit_at(self._state, without)

    async def alerts_in_message(self, prefix: str) -> tuple[Alert, ...]:
        """See `Storage.alerts_in_message`."""
        return memory_watch.alerts_in_message(self._state, prefix)

    async def receivers(self, *, since: datetime) -> tuple[Receiver, ...]:
        """See `Storage.receivers`."""
        return memory_watch.receivers(self._state, utc(since))

    async def quiet_alerts(self, *, last_hit_before: datetime, limit: int) -> tuple[Alert, ...]:
        """See `Storage.quiet_alerts`."""
        return memory_flush.quiet_alerts(self._state, utc(last_hit_before), limit)

    async def due_reminders(self, now: datetime, *, limit: int) -> tuple[Alert, ...]:
        """See `Storage.due_reminders`."""
        return memory_flush.due_reminders(self._state, utc(now), limit)

    async def revisions(self, alert_ids: Sequence[str]) -> tuple[AlertRevision, ...]:
        """See `Storage.revisions`."""
        wanted = set(alert_ids)
        return tuple(self._state.revisions[key] for key in sorted(self._state.revisions) if key[0] in wanted)

    async def decisions(self, alert_ids: Sequence[str]) -> tuple[Decision, ...]:
        """See `Storage.decisions`."""
        wanted = set(alert_ids)
        return tuple(self._state.decisions[key] for key in sorted(self._state.decisions) if key[0] in wanted)

    async def due_decisions(self, now: datetime, *, limit: int) -> tuple[Decision, ...]:
        """See `Storage.due_decisions`."""
        return memory_flush.due_decisions(self._state, utc(now), limit)

    async def commit_flush(self, claim: FlushClaim, commit: FlushCommit, now: datetime) -> None:
        """See `Storage.commit_flush`."""
        check_times(
            *commit.members,
            *commit.moved,
            *commit.alerts,
            *commit.revisions,
            *commit.decisions,
            *commit.notifications,
            *commit.hits,
        )
        utc(now)
        memory_flush.commit_flush(self._state, claim, commit, utc(now))

    # --- deliver ---

    async def claim_notifications(
        self, now: datetime, *, limit: int, per_recipient: int, lease: timedelta, without: Sequence[str] = ()
    ) -> tuple[Notification, ...]:
        """See `Storage.claim_notifications`."""
        return memory_deliver.claim_notifications(
            self._state, utc(now), limit=limit, per_recipient=per_recipient, lease=lease, without=without
        )

    async def commit_delivery(self, results: Sequence[Delivered], now: datetime) -> int:
        """See `Storage.commit_delivery`."""
        check_times(*(result.notification for result in results))
        return memory_deliver.commit_delivery(self._state, results, utc(now))

    async def hasten_notifications(
        self, now: datetime, *, channel: str, recipient_id: str | None = None
    ) -> int:
        """See `Storage.hasten_notifications`."""
        return memory_deliver.hasten_notifications(self._state, now, channel, recipient_id)

    async def drop_notifications(self, notification_ids: Sequence[str], now: datetime) -> int:
        """See `Storage.drop_notifications`."""
        return memory_deliver.drop_notifications(self._state, set(notification_ids), utc(now))

    async def revive_notifications(
        self, notification_ids: Sequence[str], now: datetime, *, expires_at: datetime
    ) -> int:
        """See `Storage.revive_notifications`."""
        return memory_deliver.revive_notifications(
            self._state, set(notification_ids), utc(now), utc(expires_at)
        )

    async def notifications(
        self, *, state: str | None = None, recipient_id: str | None = None, limit: int = 100
    ) -> tuple[Notification, ...]:
        """See `Storage.notifications`."""
        return memory_deliver.list_notifications(self._state, state, recipient_id, limit)

    async def add_notifications(self, notifications: Sequence[Notification]) -> int:
        """See `Storage.add_notifications`."""
        check_times(*notifications)
        return memory_deliver.add_notifications(self._state, notifications)

    # --- reading and keeping house ---

    async def items(
        self, *, since: datetime | None = None, feed_id: str | None = None, limit: int = 1000
    ) -> tuple[Item, ...]:
        """See `Storage.items`."""
        return memory_poll.list_items(self._state, None if since is None else utc(since), feed_id, limit)

    async def list_alerts(self, *, state: str | None = None, limit: int = 100) -> tuple[Alert, ...]:
        """See `Storage.list_alerts`."""
        return memory_flush.list_alerts(self._state, state, limit)

    async def counts(self, now: datetime) -> Counts:
        """See `Storage.counts`."""
        now, state = utc(now), self._state
        by_recipient, oldest = memory_deliver.outbox_counts(state, now)
        total = memory_deliver.by_state(by_recipient)
        return Counts(
            feeds=len(state.scheduled),
            feeds_failing=sum(state.feeds[feed_id].failures > 0 for feed_id in state.scheduled),
            items=len(state.items),
            hits=len(state.hits),
            hits_pending=len(state.pending_hits),
            alerts_open=sum(alert.state == "open" for alert in state.alerts.values()),
            alerts=len(state.alerts),
            notifications_pending=total["pending"],
            notifications_sent=total["sent"],
            notifications_dead=total["dead"],
            decisions_waiting=sum(map(is_waiting, state.decisions.values())),
            oldest_pending_at=oldest,
            by_recipient=by_recipient,
        )

    async def prune(self, now: datetime, retention: Retention) -> Pruned:
        """See `Storage.prune`."""
        now = utc(now)
        memory_watch.prune_events(self._state, now - retention.notifications)
        return Pruned(
            notifications=memory_deliver.prune_notifications(self._state, now - retention.notifications),
            alerts=memory_flush.prune_alerts(self._state, now - retention.alerts),
            items=memory_poll.prune_items(self._state, now - retention.items),
        )
