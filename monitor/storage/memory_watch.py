"""Feed events, corrected reports and what the monitor asks about itself, in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from monitor.models import AlertState, NotificationState
from monitor.storage.base import PendingCorrection
from monitor.storage.base_system import Receiver
from monitor.storage.decide import DROPPED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from monitor.models import Alert, FeedEvent, Item, Notification
    from monitor.storage.memory_state import State


def add_events(state: State, found: Sequence[FeedEvent]) -> None:
    """Store events that no message has told yet."""
    for one in found:
        state.feed_events.setdefault(one.event_id, one)


def untold_events(state: State, limit: int) -> tuple[FeedEvent, ...]:
    """See `Storage.untold_feed_events`."""
    untold = [one for one in state.feed_events.values() if one.event_id not in state.told_at]
    return tuple(sorted(untold, key=lambda one: (one.at, one.event_id))[:limit])


def tell_events(state: State, event_ids: Sequence[str], now: datetime) -> None:
    """Mark events as told."""
    for event_id in event_ids:
        if event_id in state.feed_events:
            state.told_at.setdefault(event_id, now)


def list_events(state: State, feed_id: str | None, limit: int) -> tuple[FeedEvent, ...]:
    """See `Storage.feed_events`."""
    wanted = [one for one in state.feed_events.values() if feed_id in {None, one.feed_id}]
    wanted.sort(key=lambda one: one.event_id)
    return tuple(sorted(wanted, key=lambda one: one.at, reverse=True)[:limit])


def prune_events(state: State, told_until: datetime) -> int:
    """Remove events told by then; return how many."""
    gone = [event_id for event_id, told_at in state.told_at.items() if told_at <= told_until]
    for event_id in gone:
        del state.feed_events[event_id], state.told_at[event_id]
    return len(gone)


def note_corrections(state: State, changed: Sequence[Item], now: datetime) -> None:
    """Remember which of the changed items have hits: a flush looks at them."""
    if not changed:
        return
    hit = {item_id for _, item_id in state.hits}
    for item in changed:
        if item.item_id in hit:
            state.corrections[item.item_id] = (now, item.revision)


def pending_corrections(state: State, limit: int) -> tuple[PendingCorrection, ...]:
    """See `Storage.pending_corrections`."""
    waiting = sorted(state.corrections, key=lambda item_id: (state.corrections[item_id][0], item_id))
    return tuple(
        PendingCorrection(
            state.items[item_id],
            tuple(
                state.alerts[alert_id]
                for alert_id in sorted(state.alerts)
                if any(source.item_id == item_id for source in state.alerts[alert_id].sources)
            ),
        )
        for item_id in waiting[:limit]
    )


def end_corrections(state: State, looked_at: Sequence[tuple[str, int]]) -> None:
    """Forget changes that a flush has looked at; one that was changed again since then stays."""
    for item_id, number in looked_at:
        if item_id in state.corrections and state.corrections[item_id][1] <= number:
            del state.corrections[item_id]


def open_alerts_of(state: State, rule_ids: set[str]) -> tuple[Alert, ...]:
    """See `Storage.open_alerts_of`."""
    found = (alert for alert in state.alerts.values() if alert.state is AlertState.OPEN)
    wanted = [alert for alert in found if alert.rule.rule_id in rule_ids]
    return tuple(sorted(wanted, key=lambda alert: alert.alert_id))


def last_hit_at(state: State, without: str) -> datetime | None:
    """See `Storage.last_hit_at`."""
    rules = (alert for alert in state.alerts.values() if not alert.rule.rule_id.startswith(without))
    return max((alert.last_hit_at for alert in rules), default=None)


def alerts_in_message(state: State, prefix: str) -> tuple[Alert, ...]:
    """See `Storage.alerts_in_message`."""
    told = {
        one.alert_id
        for one in state.decisions.values()
        if any(notification_id.startswith(prefix) for notification_id in one.notification_ids)
    }
    return tuple(state.alerts[alert_id] for alert_id in sorted(told))


def receivers(state: State, since: datetime) -> tuple[Receiver, ...]:
    """See `Storage.receivers`."""
    found: dict[tuple[str, str], Receiver] = {}
    for held in state.outbox.values():
        row = held.notification
        if row.created_at < since:
            continue
        one = found.setdefault((row.recipient_id, row.channel), Receiver(row.recipient_id, row.channel))
        if row.sent_at is not None:
            one = replace(one, sent_at=max(row.sent_at, one.sent_at or row.sent_at))
        elif (failed := _failed_at(row)) is not None:
            newest = one.failed_at is None or failed >= one.failed_at
            one = replace(
                one,
                failed_at=failed if newest else one.failed_at,
                error=row.last_error if newest else one.error,
                tries=one.tries + row.attempts,
                given_up=one.given_up or row.state is NotificationState.DEAD,
            )
        found[row.recipient_id, row.channel] = one
    return tuple(found[place] for place in sorted(found))


def _failed_at(row: Notification) -> datetime | None:
    dead = row.state is NotificationState.DEAD and row.last_error != DROPPED
    tried = row.state is NotificationState.PENDING and row.attempts > 0
    return row.last_attempt_at or row.created_at if dead or tried else None
