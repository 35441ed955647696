"""The storage contract: what the loops may ask, and what every back end promises.

**Transactions.** Each `commit_*` is one transaction: all of it or nothing. It is fenced by the claim's
token: if the lease was lost (another worker claimed since, or the row's token changed), it raises
`LeaseLostError` and changes nothing.

**Repeats.** Every row that leads to something people see has a unique key (item, hit, story member,
revision, decision, notification). Committing the same value again changes nothing: crash, restart and
repeat is always safe.

**References.** A hit or story member needs its item in the store (or in the same commit), a revision or
decision its alert; without it the commit is refused with `StorageError` and changes nothing.

**Leases.** A claim is a compare-and-set of (token, lease_until). A lease that ended may be claimed by
anyone; its former holder learns it at its commit. `now` comes from the caller, whose clock is held to
the database server's when several machines share one database.

**Times** are aware UTC in and out, microseconds kept; a naive one is refused with `ValueError` and
nothing is changed. **Text** is kept as it is, whatever characters it holds, in every value that comes
back; only in columns that are compared (ids, names, states) a NUL or lone surrogate reads as U+FFFD.
**Order** is stated where it matters.
**Concurrency**: every method may be called from several tasks and several processes at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from monitor.storage.base_stories import StoryStorage
from monitor.storage.base_system import SystemStorage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
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
    from monitor.storage.base_stories import Learned


@dataclass(frozen=True, slots=True)
class FeedSeed:
    """What the store must know of a configured feed to schedule it."""

    feed_id: str
    url: str
    host: str  # unit of politeness


@dataclass(frozen=True, slots=True)
class PollCommit:
    """Everything one poll leads to."""

    state: FeedState  # replaces the stored one
    items: tuple[Item, ...] = ()  # new items, and known ones with a higher revision
    # Ids of all items in the body, new ones included: they are present now, and the feed's other items
    # are absent from now on. Empty says nothing about presence (not modified, failed, same body).
    seen: tuple[str, ...] = ()
    hits: tuple[Hit, ...] = ()  # those already stored for (rule, item) are ignored
    events: tuple[FeedEvent, ...] = ()  # what the operator is to be told; an id that exists is left as it is
    window: str | None = None  # for `feed_window`; None = what is stored stays
    # What changed of presence, when it is known from the stored window: ids of `seen` that may have been
    # absent, and ids that may have been present and are not in the body. None = look at all of the feed.
    back: tuple[str, ...] | None = None
    gone: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class PollReceipt:
    """What a poll's commit really added."""

    new_items: int = 0
    new_hits: int = 0


@dataclass(frozen=True, slots=True)
class FlushClaim:
    """The right to group hits and decide: one holder at a time in the whole installation."""

    token: str
    lease_until: datetime


@dataclass(frozen=True, slots=True)
class PendingHit:
    """A hit that no flush has handled yet, with its item."""

    hit: Hit
    item: Item


@dataclass(frozen=True, slots=True)
class PendingCorrection:
    """A report that its outlet changed after it was put under alerts."""

    item: Item  # as it reads now
    alerts: tuple[Alert, ...]  # those that have it as a source, by id


@dataclass(frozen=True, slots=True)
class FlushCommit:
    """Everything one flush leads to: the outbox included."""

    handled: tuple[str, ...] = ()  # hit ids: never pending again
    members: tuple[StoryMember, ...] = ()  # an item that already has a story keeps it
    alerts: tuple[Alert, ...] = ()  # whole new values; replace the stored ones
    revisions: tuple[AlertRevision, ...] = ()
    # Inserted, or replacing an earlier one of the same key; one that is rendered (has notifications) or
    # final (SENT, FAILED) is never replaced. One whose notifications have all ended is settled at once.
    decisions: tuple[Decision, ...] = ()
    notifications: tuple[Notification, ...] = ()  # an id that exists is left as it is
    corrected: tuple[tuple[str, int], ...] = ()  # (item id, revision) whose change was looked at
    moved: tuple[StoryMember, ...] = ()  # replace the stored ones: a person split a story
    reopened: tuple[str, ...] = ()  # hit ids that are pending again, to be grouped anew
    hits: tuple[Hit, ...] = ()  # on stored items, found outside a poll and handled by this flush
    learned: Learned | None = None
    values: tuple[tuple[str, str], ...] = ()  # (name, value) to keep, as `Storage.set_value` does
    told_events: tuple[str, ...] = ()  # ids of feed events that the alerts tell


@dataclass(frozen=True, slots=True)
class Delivered:
    """One attempt's result for one claimed notification, and what follows."""

    notification: Notification  # the whole new row: state, attempts, due_at, last_error, sent_at


@dataclass(frozen=True, slots=True)
class Retention:
    """How long things are kept (see `Settings.retention_*`)."""

    items: timedelta  # absent from their feed for this long, and under no kept alert; with their hits
    alerts: timedelta  # closed for this long; with revisions, decisions and ended notifications
    notifications: timedelta  # sent or dead for this long; likewise what was told of feeds


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a prune removed, by kind."""

    items: int = 0
    alerts: int = 0
    notifications: int = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """The installation at a glance, for `monitor status`, health and metrics."""

    feeds: int = 0
    feeds_failing: int = 0
    items: int = 0
    hits: int = 0
    hits_pending: int = 0
    alerts_open: int = 0
    alerts: int = 0
    notifications_pending: int = 0
    notifications_sent: int = 0
    notifications_dead: int = 0
    decisions_waiting: int = 0  # decided, not rendered yet: group waits, quiet hours, digests
    oldest_pending_at: datetime | None = None  # due_at of the longest overdue pending notification
    by_recipient: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # recipient: state: rows


class Storage(StoryStorage, SystemStorage, Protocol):
    """All that the product remembers."""

    # --- life ---

    async def open(self) -> None:
        """Connect and check the schema.

        Raises:
            SchemaTooNewError: a newer version of the program wrote the database.
            SchemaTooOldError: `monitor migrate` is due (an empty database is migrated at once).
            StorageError: it cannot be reached, or is no database of ours.
        """

    async def close(self) -> None:
        """Let go of every connection; may be called twice."""

    async def migrate(self) -> tuple[str, str]:
        """Bring the schema to this version; return (revision before, revision after), "" = empty."""

    async def ping(self) -> datetime | None:
        """Ask for a sign of life; return the database server's clock, None when it is this machine's.

        Raises:
            StorageError: no answer.
        """

    async def end_leases(self) -> int:
        """End every running lease at once; return how many there were.

        For a process that knows to be the only one on this store: what leases are there, a killed
        predecessor left. Should another process hold one after all, its commit is refused.
        """

    # --- small durable values ---

    async def get_value(self, name: str) -> str | None:
        """Return the value stored under `name`, or None."""

    async def set_value(self, name: str, value: str) -> None:
        """Store `value` under `name`, replacing an earlier one."""

    # --- poll ---

    async def sync_feeds(self, feeds: Sequence[FeedSeed], now: datetime) -> None:
        """Make the scheduled feeds equal `feeds`.

        A new feed is due at `now`. One whose URL changed keeps its items but loses validators and
        baseline (`FeedState` as new) and is due at `now`. One that is absent is no longer scheduled;
        its state and items are kept, so that its return re-alerts nobody. Several processes may call
        this at once.
        """

    async def claim_hosts(
        self, now: datetime, *, limit: int, per_host: int, lease: timedelta
    ) -> tuple[HostClaim, ...]:
        """Claim up to `limit` hosts that are free and have due feeds.

        Free: `free_at <= now` and no running lease. Each claim holds up to `per_host` due feeds,
        longest overdue first; hosts with the longest overdue feed first.
        """

    async def renew_host(self, claim: HostClaim, now: datetime, *, lease: timedelta) -> HostClaim:
        """Return the same claim with its lease ending at `now + lease`: for work that takes long.

        Raises:
            LeaseLostError: another worker holds the host; nothing was changed.
        """

    async def release_host(self, claim: HostClaim, *, free_at: datetime) -> None:
        """End the claim; the host is not asked again before `free_at`. A lost lease is ignored."""

    async def known_items(self, feed_id: str, keys: Sequence[str]) -> Mapping[str, KnownItem]:
        """Return which of `keys` (identity keys or aliases) are known in this feed, by the key asked for.

        An identity key wins over an alias; of two items with one alias the first stored has it.
        """

    async def feed_window(self, feed_id: str) -> str:
        """Return the window that the feed's last poll with a document committed; "" when there is none.

        It speaks of items by their stored ids (see `feeds/reading.py`), and is stored with them.
        """

    async def commit_poll(self, claim: HostClaim, commit: PollCommit, now: datetime) -> PollReceipt:
        """Store a poll: state, window, items, aliases, presence and hits.

        An item whose id is stored is replaced only by a higher revision, keeping `first_seen_at`; its
        aliases are learned at any revision. An item without `first_seen_at` gets `now`. A higher revision
        of an item with a hit is a pending correction.

        Raises:
            LeaseLostError: another worker holds the host, or the feed's URL was changed by `sync_feeds`
                since the claim: nothing was changed.
        """

    async def add_hits(self, hits: Sequence[Hit]) -> int:
        """Store hits on stored items outside a poll; return how many were new."""

    async def feed_states(self) -> tuple[FeedState, ...]:
        """Return the states of all scheduled feeds, by feed id."""

    async def untold_feed_events(self, *, limit: int) -> tuple[FeedEvent, ...]:
        """Return events that no alert has told yet, oldest first, then by id."""

    async def feed_events(self, *, feed_id: str | None = None, limit: int = 100) -> tuple[FeedEvent, ...]:
        """Return events, newest first, then by id."""

    # --- flush ---

    async def claim_flush(self, now: datetime, *, lease: timedelta) -> FlushClaim | None:
        """Claim the one right to flush, or return None while another holds it."""

    async def release_flush(self, claim: FlushClaim) -> None:
        """End the claim early. A lost lease is ignored."""

    async def pending_hits(self, *, limit: int) -> tuple[PendingHit, ...]:
        """Return hits that no flush handled, in order of (event_at, hit_at, item_id, rule_id)."""

    async def pending_corrections(self, *, limit: int) -> tuple[PendingCorrection, ...]:
        """Return changed items whose change no flush has looked at, longest waiting first, then by id.

        An item whose hits led to no alert comes with none.
        """

    async def find_alerts(self, rule_id: str, group_keys: Sequence[str]) -> Mapping[str, Alert]:
        """Return each group key's newest generation of the alert of this rule."""

    async def alerts(self, alert_ids: Sequence[str]) -> Mapping[str, Alert]:
        """Return the alerts of those ids."""

    async def quiet_alerts(self, *, last_hit_before: datetime, limit: int) -> tuple[Alert, ...]:
        """Return open alerts without a hit since then, longest quiet first."""

    async def due_reminders(self, now: datetime, *, limit: int) -> tuple[Alert, ...]:
        """Return alerts whose `remind_at` is not after `now`, longest due first, then by id."""

    async def revisions(self, alert_ids: Sequence[str]) -> tuple[AlertRevision, ...]:
        """Return all revisions of those alerts, by (alert_id, revision)."""

    async def decisions(self, alert_ids: Sequence[str]) -> tuple[Decision, ...]:
        """Return all decisions about those alerts, by (alert_id, revision, recipient_id)."""

    async def due_decisions(self, now: datetime, *, limit: int) -> tuple[Decision, ...]:
        """Return unrendered waiting decisions (`decide.WAITING`; no notification) with `due_at <= now`.

        In groups, the one with the longest due decision first; inside a group by (due_at, alert_id,
        revision). A group is what one message is made of: the collected decisions of one recipient and
        slot, or the other decisions of one alert and recipient. It comes whole or not at all; a first
        group that alone exceeds `limit` comes whole.
        """

    async def commit_flush(self, claim: FlushClaim, commit: FlushCommit, now: datetime) -> None:
        """Store a flush.

        Raises:
            LeaseLostError: nothing was changed.
        """

    # --- deliver ---

    async def claim_notifications(
        self, now: datetime, *, limit: int, per_recipient: int, lease: timedelta, without: Sequence[str] = ()
    ) -> tuple[Notification, ...]:
        """Claim up to `limit` pending, due notifications whose lease is free.

        Never two of one `order_key` at once, and of one order key only the lowest `sequence` that is
        still pending; at most `per_recipient` running claims a recipient; none over the channels in
        `without`. Longest due first. Rows past `expires_at` are claimed too: giving up is a decision.
        """

    async def commit_delivery(self, results: Sequence[Delivered], now: datetime) -> int:
        """Store what became of claimed notifications; return how many commits were accepted.

        Each result is fenced by its notification's token on its own: one that lost its lease is
        skipped, the others are stored. The message and the keys stay as first stored. A decision becomes
        SENT when one of its notifications is SENT, and FAILED when all are DEAD.
        """

    async def hasten_notifications(
        self, now: datetime, *, channel: str, recipient_id: str | None = None
    ) -> int:
        """Make pending notifications over `channel` that wait for a later attempt due at `now`.

        Of one recipient, or of all when it is None; those with a running lease are left alone. For a
        receiver that takes messages again. Returns how many there were.
        """

    async def drop_notifications(self, notification_ids: Sequence[str], now: datetime) -> int:
        """Give up PENDING notifications without a running lease, and remove DEAD ones; return how many.

        What was pending becomes DEAD, with "dropped" as its error and its decision FAILED if it was the
        last; what was DEAD is gone from the outbox, its decision stays.
        """

    async def revive_notifications(
        self, notification_ids: Sequence[str], now: datetime, *, expires_at: datetime
    ) -> int:
        """Send DEAD notifications again, after their cause was repaired; return how many there were.

        They become pending, due at `now`, with no attempts made; `last_error` stays for people to read.
        Their FAILED decisions become QUEUED.
        """

    async def notifications(
        self, *, state: str | None = None, recipient_id: str | None = None, limit: int = 100
    ) -> tuple[Notification, ...]:
        """Return outbox rows, newest `created_at` first, then by id."""

    async def add_notifications(self, notifications: Sequence[Notification]) -> int:
        """Put messages that belong to no alert (tests, system) into the outbox; return how many were new."""

    # --- reading and keeping house ---

    async def items(
        self, *, since: datetime | None = None, feed_id: str | None = None, limit: int = 1000
    ) -> tuple[Item, ...]:
        """Return stored items first seen at `since` or later, newest first, then by id."""

    async def list_alerts(self, *, state: str | None = None, limit: int = 100) -> tuple[Alert, ...]:
        """Return alerts, newest `last_hit_at` first, then by id."""

    async def counts(self, now: datetime) -> Counts:
        """Return the installation's figures."""

    async def prune(self, now: datetime, retention: Retention) -> Pruned:
        """Remove what retention no longer keeps; never anything pending, open or still in a feed.

        Kept in any case: items with a hit that no flush handled, items present in their feed when it was
        last read, alerts with a decision or notification that is still to leave. Hits live as long as
        their items, so that a kept item never alerts twice. Large removals are split into several
        transactions, so that polling goes on.
        """

    async def backup(self, path: str) -> None:
        """Write a consistent copy of the whole store to the new file `path` while work goes on.

        Raises:
            StorageError: the file exists or cannot be written, or the engine has its own tool (pg_dump).
        """
