"""Flushing in memory: the one lease, pending hits, stories, alerts, and one flush's commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.errors import LeaseLostError
from monitor.models import AlertState, NotificationState
from monitor.storage.base import FlushClaim, PendingHit
from monitor.storage.codec import EPOCH
from monitor.storage.decide import batch_of, is_fixed, is_waiting
from monitor.storage.memory_deliver import add_notifications, settle
from monitor.storage.memory_poll import add_hits
from monitor.storage.memory_stories import learn
from monitor.storage.memory_watch import end_corrections, tell_events

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from monitor.models import Alert, Decision
    from monitor.storage.base import FlushCommit
    from monitor.storage.memory_state import State


def claim_flush(state: State, now: datetime, lease: timedelta) -> FlushClaim | None:
    """See `Storage.claim_flush`."""
    if state.flush.until > now:
        return None
    state.flush.token, state.flush.until = state.token(), now + lease
    return FlushClaim(state.flush.token, state.flush.until)


def release_flush(state: State, claim: FlushClaim) -> None:
    """See `Storage.release_flush`."""
    if state.flush.token == claim.token:
        state.flush.token, state.flush.until = "", EPOCH


def pending_hits(state: State, limit: int) -> tuple[PendingHit, ...]:
    """See `Storage.pending_hits`."""
    ordered = sorted(
        state.pending_hits.values(), key=lambda hit: (hit.event_at, hit.hit_at, hit.item_id, hit.rule_id)
    )
    return tuple(PendingHit(hit, state.items[hit.item_id]) for hit in ordered[:limit])


def find_alerts(state: State, rule_id: str, group_keys: set[str]) -> Mapping[str, Alert]:
    """See `Storage.find_alerts`."""
    newest: dict[str, Alert] = {}
    for alert in state.alerts.values():
        if alert.rule.rule_id == rule_id and alert.group_key in group_keys:
            known = newest.get(alert.group_key)
            if known is None or alert.generation > known.generation:
                newest[alert.group_key] = alert
    return newest


def quiet_alerts(state: State, last_hit_before: datetime, limit: int) -> tuple[Alert, ...]:
    """See `Storage.quiet_alerts`."""
    quiet = [
        alert
        for alert in state.alerts.values()
        if alert.state is AlertState.OPEN and alert.last_hit_at < last_hit_before
    ]
    return tuple(sorted(quiet, key=lambda alert: (alert.last_hit_at, alert.alert_id))[:limit])


def due_reminders(state: State, now: datetime, limit: int) -> tuple[Alert, ...]:
    """See `Storage.due_reminders`."""
    due = [(alert.remind_at, alert.alert_id) for alert in state.alerts.values() if alert.remind_at]
    return tuple(state.alerts[alert_id] for at, alert_id in sorted(due)[:limit] if at <= now)


def list_alerts(state: State, alert_state: str | None, limit: int) -> tuple[Alert, ...]:
    """See `Storage.list_alerts`."""
    wanted = [alert for alert in state.alerts.values() if alert_state in (None, alert.state)]
    wanted.sort(key=lambda alert: alert.alert_id)
    return tuple(sorted(wanted, key=lambda alert: alert.last_hit_at, reverse=True)[:limit])


def due_decisions(state: State, now: datetime, limit: int) -> tuple[Decision, ...]:
    """See `Storage.due_decisions`."""
    groups: dict[tuple[str, str], list[tuple[datetime, str, int, Decision]]] = {}
    for one in state.decisions.values():
        if is_waiting(one) and one.due_at is not None and one.due_at <= now:
            group = groups.setdefault((one.recipient_id, batch_of(one)), [])
            group.append((one.due_at, one.alert_id, one.revision, one))
    for group in groups.values():
        group.sort(key=lambda entry: entry[:3])
    due: list[Decision] = []
    for key in sorted(groups, key=lambda key: (groups[key][0][0], key)):
        if limit <= 0 or (due and len(due) + len(groups[key]) > limit):
            break
        due += [entry[-1] for entry in groups[key]]
    return tuple(due)


def commit_flush(state: State, claim: FlushClaim, commit: FlushCommit, now: datetime) -> None:
    """See `Storage.commit_flush`."""
    if state.flush.token != claim.token:
        raise LeaseLostError("another worker groups hits now; this flush was not stored")
    alerts = {*state.alerts, *(alert.alert_id for alert in commit.alerts)}
    state.require("item", (member.item_id for member in (*commit.members, *commit.moved)), state.items)
    state.require("item", (hit.item_id for hit in commit.hits), state.items)
    state.require("alert", (revision.alert_id for revision in commit.revisions), alerts)
    state.require("alert", (decision.alert_id for decision in commit.decisions), alerts)
    for member in commit.members:
        state.members.setdefault(member.item_id, member)
    state.members |= {member.item_id: member for member in commit.moved}
    state.alerts |= {alert.alert_id: alert for alert in commit.alerts}
    for revision in commit.revisions:
        state.revisions.setdefault((revision.alert_id, revision.revision), revision)
    add_notifications(state, commit.notifications)
    settle(state, _store_decisions(state, commit.decisions))
    add_hits(state, commit.hits)
    for hit_id in (*commit.handled, *(hit.hit_id for hit in commit.hits)):
        state.pending_hits.pop(hit_id, None)
    reopened = set(commit.reopened)
    state.pending_hits |= {hit.hit_id: hit for hit in state.hits.values() if hit.hit_id in reopened}
    if commit.learned is not None:
        learn(state, commit.learned)
    end_corrections(state, commit.corrected)
    state.values |= dict(commit.values)
    tell_events(state, commit.told_events, now)


def _store_decisions(state: State, found: Sequence[Decision]) -> set[str]:
    """Store decisions but for those that may no longer change; return the notifications they went into."""
    newest = {(one.alert_id, one.revision, one.recipient_id): one for one in found}
    changed = {
        key: one
        for key, one in newest.items()
        if key not in state.decisions or not is_fixed(state.decisions[key])
    }
    state.decisions |= changed
    return {notification_id for one in changed.values() for notification_id in one.notification_ids}


def prune_alerts(state: State, closed_until: datetime) -> int:
    """Remove alerts closed by then from which nothing is still to leave; return how many."""
    pending = {
        key for key, row in state.outbox.items() if row.notification.state is NotificationState.PENDING
    }
    busy = {state.outbox[key].notification.alert_id for key in pending}
    busy |= {
        one.alert_id
        for one in state.decisions.values()
        if is_waiting(one) or not pending.isdisjoint(one.notification_ids)
    }
    gone = {
        alert.alert_id
        for alert in state.alerts.values()
        if alert.state in {AlertState.CLOSED, AlertState.EXPIRED}
        and alert.closed_at is not None
        and alert.closed_at <= closed_until
        and alert.alert_id not in busy
    }
    state.alerts = {key: one for key, one in state.alerts.items() if key not in gone}
    state.revisions = {key: one for key, one in state.revisions.items() if key[0] not in gone}
    state.decisions = {key: one for key, one in state.decisions.items() if key[0] not in gone}
    state.outbox = {key: row for key, row in state.outbox.items() if row.notification.alert_id not in gone}
    return len(gone)
