"""What the in-memory twin holds: one dictionary for each table."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from monitor.errors import StorageError
from monitor.storage.codec import EPOCH, dumps

if TYPE_CHECKING:
    from collections.abc import Container, Iterable
    from datetime import datetime

    from monitor.models import (
        Alert,
        AlertRevision,
        Decision,
        FeedEvent,
        FeedState,
        Hit,
        Item,
        Notification,
        StoryMember,
    )
    from monitor.storage.decide import KeyOwner

DecisionKey: TypeAlias = tuple[str, int, str]  # alert, revision, recipient


@dataclass(slots=True)
class Lease:
    """Who holds a right, until when, and, for a host, when it may be asked again."""

    token: str = ""  # "" = nobody
    until: datetime = EPOCH
    free_at: datetime = EPOCH


@dataclass(slots=True)
class OutboxRow:
    """A notification with what only the store knows of it."""

    notification: Notification
    lease_until: datetime | None = None
    ended_at: datetime | None = None  # when it became sent or dead


@dataclass(slots=True)
class State:
    """Everything stored."""

    values: dict[str, str] = field(default_factory=dict)
    feeds: dict[str, FeedState] = field(default_factory=dict)
    scheduled: set[str] = field(default_factory=set)  # ids of the configured feeds
    windows: dict[str, str] = field(default_factory=dict)  # by feed
    feed_events: dict[str, FeedEvent] = field(default_factory=dict)
    told_at: dict[str, datetime] = field(default_factory=dict)  # by event; missing = untold
    corrections: dict[str, tuple[datetime, int]] = field(default_factory=dict)  # by item: when, revision
    hosts: dict[str, Lease] = field(default_factory=dict)
    items: dict[str, Item] = field(default_factory=dict)
    present: dict[str, set[str]] = field(default_factory=dict)  # by feed: items that it shows
    absent_at: dict[str, datetime] = field(default_factory=dict)  # by item; missing = present
    keys: dict[str, dict[str, KeyOwner]] = field(default_factory=dict)  # by feed, then key
    hits: dict[tuple[str, str], Hit] = field(default_factory=dict)  # by (rule, item)
    pending_hits: dict[str, Hit] = field(default_factory=dict)  # by hit id
    flush: Lease = field(default_factory=Lease)
    members: dict[str, StoryMember] = field(default_factory=dict)  # by item
    terms: dict[str, dict[str, int]] = field(default_factory=dict)  # items by language and term; "" = all
    learned: tuple[datetime, str] = (EPOCH, "")  # first_seen_at and id of the last item learned from
    alerts: dict[str, Alert] = field(default_factory=dict)
    revisions: dict[tuple[str, int], AlertRevision] = field(default_factory=dict)
    decisions: dict[DecisionKey, Decision] = field(default_factory=dict)
    outbox: dict[str, OutboxRow] = field(default_factory=dict)
    tokens: int = 0  # handed out

    def token(self) -> str:
        """Return the next fencing token."""
        self.tokens += 1
        return f"token-{self.tokens}"

    def end_leases(self) -> int:
        """See `Storage.end_leases`."""
        held = [lease for lease in (self.flush, *self.hosts.values()) if lease.token]
        for lease in held:
            lease.token, lease.until = "", EPOCH
        claimed = [row for row in self.outbox.values() if row.notification.token]
        for row in claimed:
            row.notification, row.lease_until = replace(row.notification, token=""), None
        return len(held) + len(claimed)

    def require(self, kind: str, ids: Iterable[str], stored: Container[str]) -> None:
        """Refuse references to what is not stored.

        Raises:
            StorageError: names the first missing id.
        """
        for one in ids:
            if one not in stored:
                raise StorageError(f"store in memory: {kind} {one} is not stored; nothing was changed")


def check_times(*values: object) -> None:
    """Refuse what a database would refuse: naive times.

    Raises:
        ValueError: a time in one of the values is naive.
    """
    for value in values:
        dumps(value)
