"""Replay hits through the real grouping, alerts and decisions, with a virtual clock.

Nothing is sent and no time passes: the clock jumps to the next hit or the next message that is due.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, cast
from zoneinfo import ZoneInfo

from monitor.backtest.store import ReplayStore
from monitor.loops.flush import FlushLoop
from monitor.models import Hit as StoredHit
from monitor.models import Message, stable_id
from monitor.storage.base import PendingHit
from monitor.stories.linking import JOINING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date

    from monitor.alerts.view import NotificationView
    from monitor.backtest.run import Hit
    from monitor.loops.flush import Rendering
    from monitor.models import Alert, AlertRevision, Decision, Item, Notification, Recipient
    from monitor.rulebook import RuleBook
    from monitor.storage.base import Storage
    from monitor.stories.linking import Joining

_STEP: Final = timedelta(minutes=1)  # hits of one minute are grouped together, as the daemon's flushes do
_AFTERWARDS: Final = timedelta(days=7)  # in which what waits for a digest or the end of quiet hours leaves


@dataclass(frozen=True, slots=True)
class Heard:
    """One message that a recipient would have had, whatever the number of channels."""

    recipient_id: str
    at: datetime
    day: date  # by the recipient's calendar
    digest: bool
    entries: int  # revisions of alerts that it tells


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of all hits."""

    stories: Mapping[str, str]  # story id by item id
    alerts: int
    heard: tuple[Heard, ...]  # in order of time
    opened: tuple[Alert, ...] = ()  # all alerts, as they are at the end
    revisions: tuple[AlertRevision, ...] = ()  # by alert and number
    decisions: tuple[Decision, ...] = ()  # by alert, revision and recipient
    written: tuple[Notification, ...] = ()  # all messages, in order of time, one for each channel


class _Silent:
    """Renders nothing: that a message leaves is all that counts."""

    def message(self, view: NotificationView, recipient: Recipient, channel: str) -> Message:  # noqa: ARG002 - the contract of `Rendering`
        """Return an empty message."""
        return Message("")


async def replay(
    hits: Iterable[Hit],
    book: RuleBook,
    *,
    news: Sequence[Item] = (),
    rendering: Rendering | None = None,
    joining: Joining = JOINING,
    told: Callable[[int, int], None] = lambda _done, _all: None,
) -> Replayed:
    """Let the hits happen, each when its item was first seen.

    1. At each minute with hits they are grouped into stories and alerts, and it is decided who is told.
    2. Whatever is due in between becomes messages at its time: waits, quiet hours and digests pass.
    3. After the last hit the clock goes on until everything that waits has left.

    Args:
        hits: in any order.
        book: rules, feeds and routes that decide.
        news: all items of the period in order of time, also those without hits: grouping learns from
            them which words are rare. Without them it learns from the items with hits alone.
        rendering: writes messages; without it they are empty.
        joining: how items join stories.
        told: hears (minutes with hits done, all).
    """
    store, waiting = ReplayStore(), deque(news)
    now = datetime.min.replace(tzinfo=UTC)
    loop = FlushLoop(
        cast("Storage", store),  # the part of the contract that grouping and flushing use
        lambda: book,
        rendering or _Silent(),
        lambda: now,
        "backtest",
        lambda _: None,
        joining=joining,
    )
    by_minute: dict[datetime, list[PendingHit]] = defaultdict(list)
    for hit in hits:
        pending = _pending(hit)
        by_minute[_minute(pending.hit.hit_at)].append(pending)
    for number, minute in enumerate(sorted(by_minute), 1):
        told(number, len(by_minute))
        while (due_at := store.next_due_at) is not None and due_at < minute:
            now = max(now, due_at)
            await loop.run_once()
        now = minute
        store.learn_from(_until(waiting, minute))
        store.add(by_minute[minute])
        await loop.run_once()
    end = now + _AFTERWARDS if by_minute else now
    while (due_at := store.next_due_at) is not None and due_at <= end:
        now = max(now, due_at)
        await loop.run_once()
    stories = {item_id: member.story_id for item_id, member in store.members.items()}
    return Replayed(
        stories,
        len(store.alerts_by_id),
        _heard(store, book),
        tuple(store.alerts_by_id.values()),
        store.all_revisions(),
        store.all_decisions(),
        tuple(store.written),
    )


def _until(waiting: deque[Item], moment: datetime) -> list[Item]:
    """Take out what was first seen by then."""
    taken: list[Item] = []
    while waiting and (waiting[0].first_seen_at or moment) <= moment:
        taken.append(waiting.popleft())
    return taken


def _pending(hit: Hit) -> PendingHit:
    item, match = hit.item, hit.match
    assert item.first_seen_at is not None, "items of a backtest have it"
    return PendingHit(
        StoredHit(
            hit_id=stable_id("hit", match.rule_id, item.item_id),
            rule_id=match.rule_id,
            item_id=item.item_id,
            rule_version=match.rule_version,
            severity=match.severity,
            evidence=match.evidence,
            entities=match.entities,
            hit_at=item.first_seen_at,
            event_at=item.event_at(),
        ),
        item,
    )


def _minute(at: datetime) -> datetime:
    """Return the end of the minute that `at` lies in."""
    whole = at.replace(second=0, microsecond=0)
    return whole if whole == at else whole + _STEP


def _heard(store: ReplayStore, book: RuleBook) -> tuple[Heard, ...]:
    """Return one message for the rows of a message's several channels."""
    found: list[Heard] = []
    zones: dict[str, tuple[ZoneInfo, str]] = {
        recipient.recipient_id: (ZoneInfo(recipient.timezone), recipient.channels()[0])
        for recipient in book.routing.recipients
        if recipient.channels()
    }
    entries = store.entries()
    for row in store.written:
        zone, channel = zones[row.recipient_id]
        if row.channel == channel:
            day = row.created_at.astimezone(zone).date()
            found.append(
                Heard(row.recipient_id, row.created_at, day, not row.alert_id, entries[row.notification_id])
            )
    return tuple(found)
