"""The outbox in memory: claims that keep order, outcomes, and what decisions become by them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from monitor.models import Notification, NotificationState, Outcome
from monitor.storage.decide import DROPPED, ENDED, PROGRESS, pick_claims, settled
from monitor.storage.memory_state import OutboxRow

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime, timedelta

    from monitor.storage.base import Delivered
    from monitor.storage.memory_state import State


def claim_notifications(
    state: State,
    now: datetime,
    *,
    limit: int,
    per_recipient: int,
    lease: timedelta,
    without: Sequence[str],
) -> tuple[Notification, ...]:
    """See `Storage.claim_notifications`."""
    pending = [row for row in state.outbox.values() if row.notification.state is NotificationState.PENDING]
    leased = [row.notification for row in pending if row.lease_until is not None and row.lease_until > now]
    busy = {one.order_key for one in leased}
    lowest: dict[str, int] = {}
    for row in pending:
        one = row.notification
        lowest[one.order_key] = min(one.sequence, lowest.get(one.order_key, one.sequence))
    candidates = sorted(
        (
            one
            for one in (row.notification for row in pending)
            if one.due_at <= now
            and one.channel not in without
            and one.order_key not in busy
            and one.sequence == lowest[one.order_key]
        ),
        key=lambda one: (one.due_at, one.notification_id),
    )
    running = Counter(one.recipient_id for one in leased)
    token = state.token()
    claimed = [
        replace(one, token=token)
        for one in pick_claims(candidates, running, limit=limit, per_recipient=per_recipient)
    ]
    for one in claimed:
        row = state.outbox[one.notification_id]
        row.notification, row.lease_until = one, now + lease
    return tuple(claimed)


def commit_delivery(state: State, results: Sequence[Delivered], now: datetime) -> int:
    """See `Storage.commit_delivery`."""
    accepted = 0
    ended = set()
    for new in (result.notification for result in results):
        row = state.outbox.get(new.notification_id)
        if row is None or not new.token or row.notification.token != new.token:
            continue
        accepted += 1
        changed = {name: getattr(new, name) for name in PROGRESS} | {"token": ""}
        row.notification, row.lease_until = replace(row.notification, **changed), None
        if new.state in ENDED:
            row.ended_at = now
            ended.add(new.notification_id)
    settle(state, ended)
    return accepted


def settle(state: State, notification_ids: Collection[str]) -> None:
    """Move the decisions behind these notifications to SENT or FAILED where that is certain now."""
    if not notification_ids:
        return
    for key, decision in state.decisions.items():
        if decision.outcome is Outcome.SENT or set(notification_ids).isdisjoint(decision.notification_ids):
            continue
        states = [
            state.outbox[one].notification.state for one in decision.notification_ids if one in state.outbox
        ]
        if (outcome := settled(states)) is not None:
            state.decisions[key] = replace(decision, outcome=outcome)


def hasten_notifications(state: State, now: datetime, channel: str, recipient_id: str | None) -> int:
    """See `Storage.hasten_notifications`."""
    hastened = 0
    for row in state.outbox.values():
        one = row.notification
        if (
            one.state is NotificationState.PENDING
            and one.channel == channel
            and one.due_at > now
            and recipient_id in {None, one.recipient_id}
            and (row.lease_until is None or row.lease_until <= now)
        ):
            row.notification = replace(one, due_at=now)
            hastened += 1
    return hastened


def drop_notifications(state: State, notification_ids: Collection[str], now: datetime) -> int:
    """See `Storage.drop_notifications`."""
    dropped = 0
    given_up = set()
    for notification_id in set(notification_ids) & state.outbox.keys():
        row = state.outbox[notification_id]
        if row.notification.state is NotificationState.DEAD:
            del state.outbox[notification_id]
            dropped += 1
        elif row.notification.state is NotificationState.PENDING and (
            row.lease_until is None or row.lease_until <= now
        ):
            row.notification = replace(
                row.notification, state=NotificationState.DEAD, last_error=DROPPED, token=""
            )
            row.lease_until, row.ended_at = None, now
            given_up.add(notification_id)
    settle(state, given_up)
    return dropped + len(given_up)


def revive_notifications(
    state: State, notification_ids: Collection[str], now: datetime, expires_at: datetime
) -> int:
    """See `Storage.revive_notifications`."""
    revived = set()
    for notification_id in notification_ids:
        row = state.outbox.get(notification_id)
        if row is None or row.notification.state is not NotificationState.DEAD:
            continue
        revived.add(notification_id)
        row.ended_at = None
        row.notification = replace(
            row.notification,
            state=NotificationState.PENDING,
            due_at=now,
            expires_at=expires_at,
            attempts=0,
            token="",
        )
    for key, decision in state.decisions.items():
        if decision.outcome is Outcome.FAILED and not revived.isdisjoint(decision.notification_ids):
            state.decisions[key] = replace(decision, outcome=Outcome.QUEUED)
    return len(revived)


def list_notifications(
    state: State, notification_state: str | None, recipient_id: str | None, limit: int
) -> tuple[Notification, ...]:
    """See `Storage.notifications`."""
    wanted = [
        one
        for one in (row.notification for row in state.outbox.values())
        if notification_state in (None, one.state) and recipient_id in (None, one.recipient_id)
    ]
    wanted.sort(key=lambda one: one.notification_id)
    return tuple(sorted(wanted, key=lambda one: one.created_at, reverse=True)[:limit])


def add_notifications(state: State, added: Sequence[Notification]) -> int:
    """See `Storage.add_notifications`."""
    before = len(state.outbox)
    for one in added:
        ended_at = (one.sent_at or one.created_at) if one.state in ENDED else None
        state.outbox.setdefault(one.notification_id, OutboxRow(replace(one, token=""), None, ended_at))
    return len(state.outbox) - before


def outbox_counts(state: State, now: datetime) -> tuple[Mapping[str, Mapping[str, int]], datetime | None]:
    """Return the rows by recipient and state, and the due time of the longest overdue pending one."""
    counted: dict[str, dict[str, int]] = {}
    overdue = []
    for one in (row.notification for row in state.outbox.values()):
        of_recipient = counted.setdefault(one.recipient_id, {})
        of_recipient[one.state.value] = of_recipient.get(one.state.value, 0) + 1
        if one.state is NotificationState.PENDING and one.due_at <= now:
            overdue.append(one.due_at)
    return counted, min(overdue, default=None)


def by_state(by_recipient: Mapping[str, Mapping[str, int]]) -> Mapping[str, int]:
    """Return the rows by state, 0 where there are none."""
    total: Counter[str] = Counter()
    for counted in by_recipient.values():
        total.update(counted)
    return total


def prune_notifications(state: State, ended_until: datetime) -> int:
    """Remove notifications that ended by then; return how many."""
    gone = [
        key for key, row in state.outbox.items() if row.ended_at is not None and row.ended_at <= ended_until
    ]
    for key in gone:
        del state.outbox[key]
    return len(gone)
