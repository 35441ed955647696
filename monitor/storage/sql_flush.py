"""Statements of flushing: the one lease, pending hits, alerts, and one flush's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select, tuple_, update

from monitor.errors import LeaseLostError
from monitor.models import Outcome
from monitor.storage.base import FlushClaim, PendingHit
from monitor.storage.codec import EPOCH
from monitor.storage.columns import among
from monitor.storage.rows import (
    alert_row,
    decision_row,
    link_rows,
    member_row,
    notification_row,
    posting_rows,
    read_alert,
    read_decision,
    read_hit,
    read_item,
    read_revision,
    revision_row,
)
from monitor.storage.sql_commit import add_hits
from monitor.storage.sql_deliver import settle
from monitor.storage.sql_house import set_value
from monitor.storage.sql_stories import learn, move_members
from monitor.storage.sql_watch import end_corrections, tell_events
from monitor.storage.statements import insert_new, upsert
from monitor.storage.tables import (
    alert_items,
    alerts,
    decision_notifications,
    decisions,
    hits,
    items,
    leases,
    members,
    notifications,
    postings,
    revisions,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy import Connection

    from monitor.models import Alert, AlertRevision, Decision, StoryMember
    from monitor.storage.base import FlushCommit

FLUSH = "flush"  # the lease's name


def claim_flush(connection: Connection, now: datetime, token: str, lease: timedelta) -> FlushClaim | None:
    """See `Storage.claim_flush`."""
    insert_new(connection, leases, [{"name": FLUSH, "token": "", "lease_until": EPOCH}])
    free = (
        select(leases.c.name)
        .where(leases.c.name == FLUSH, leases.c.lease_until <= now)
        .with_for_update(skip_locked=True)
    )
    if connection.scalar(free) is None:
        return None
    until = now + lease
    connection.execute(update(leases).where(leases.c.name == FLUSH).values(token=token, lease_until=until))
    return FlushClaim(token, until)


def release_flush(connection: Connection, claim: FlushClaim) -> None:
    """See `Storage.release_flush`."""
    connection.execute(
        update(leases)
        .where(leases.c.name == FLUSH, leases.c.token == claim.token)
        .values(token="", lease_until=EPOCH)
    )


def pending_hits(connection: Connection, limit: int) -> tuple[PendingHit, ...]:
    """See `Storage.pending_hits`."""
    rows = connection.execute(
        select(hits.c.document.label("hit"), items.c.document.label("item"))
        .join(items, items.c.item_id == hits.c.item_id)
        .where(hits.c.handled_at.is_(None))
        .order_by(hits.c.event_at, hits.c.hit_at, hits.c.item_id, hits.c.rule_id)
        .limit(limit)
    )
    return tuple(PendingHit(read_hit(row.hit), read_item(row.item)) for row in rows)


def find_alerts(connection: Connection, rule_id: str, group_keys: Sequence[str]) -> Mapping[str, Alert]:
    """See `Storage.find_alerts`."""
    place = func.row_number().over(partition_by=alerts.c.group_key, order_by=alerts.c.generation.desc())
    ranked = (
        select(alerts.c.document, place.label("place"))
        .where(alerts.c.rule_id == rule_id, among(alerts.c.group_key, group_keys))
        .subquery()
    )
    found = map(read_alert, connection.scalars(select(ranked.c.document).where(ranked.c.place == 1)))
    return {alert.group_key: alert for alert in found}


def alerts_of(connection: Connection, alert_ids: Sequence[str]) -> Mapping[str, Alert]:
    """See `Storage.alerts`."""
    documents = connection.scalars(select(alerts.c.document).where(among(alerts.c.alert_id, alert_ids)))
    return {alert.alert_id: alert for alert in map(read_alert, documents)}


def quiet_alerts(connection: Connection, last_hit_before: datetime, limit: int) -> tuple[Alert, ...]:
    """See `Storage.quiet_alerts`."""
    documents = connection.scalars(
        select(alerts.c.document)
        .where(alerts.c.state == "open", alerts.c.last_hit_at < last_hit_before)
        .order_by(alerts.c.last_hit_at, alerts.c.alert_id)
        .limit(limit)
    )
    return tuple(map(read_alert, documents))


def due_reminders(connection: Connection, now: datetime, limit: int) -> tuple[Alert, ...]:
    """See `Storage.due_reminders`."""
    documents = connection.scalars(
        select(alerts.c.document)
        .where(alerts.c.remind_at <= now)
        .order_by(alerts.c.remind_at, alerts.c.alert_id)
        .limit(limit)
    )
    return tuple(map(read_alert, documents))


def revisions_of(connection: Connection, alert_ids: Sequence[str]) -> tuple[AlertRevision, ...]:
    """See `Storage.revisions`."""
    documents = connection.scalars(
        select(revisions.c.document)
        .where(among(revisions.c.alert_id, alert_ids))
        .order_by(revisions.c.alert_id, revisions.c.revision)
    )
    return tuple(map(read_revision, documents))


def decisions_of(connection: Connection, alert_ids: Sequence[str]) -> tuple[Decision, ...]:
    """See `Storage.decisions`."""
    rows = connection.execute(
        select(decisions.c.document, decisions.c.outcome)
        .where(among(decisions.c.alert_id, alert_ids))
        .order_by(decisions.c.alert_id, decisions.c.revision, decisions.c.recipient_id)
    )
    return tuple(map(read_decision, rows))


def due_decisions(connection: Connection, now: datetime, limit: int) -> tuple[Decision, ...]:
    """See `Storage.due_decisions`.

    The running count includes a group's peers (SQL's default frame is RANGE), so it is the number of
    rows up to the end of the group: a group fits if that number does.
    """
    group = (decisions.c.recipient_id, decisions.c.batch)
    due = (
        select(
            decisions,
            func.min(decisions.c.due_at).over(partition_by=group).label("group_due_at"),
        )
        .where(decisions.c.due_at <= now)
        .subquery()
    )
    order = (due.c.group_due_at, due.c.recipient_id, due.c.batch)
    counted = select(
        due,
        func.count().over(order_by=order).label("up_to_here"),
        func.dense_rank().over(order_by=order).label("place"),
    ).subquery()
    rows = connection.execute(
        select(counted.c.document, counted.c.outcome)
        .where((counted.c.up_to_here <= limit) | (counted.c.place == 1))
        .order_by(counted.c.place, counted.c.due_at, counted.c.alert_id, counted.c.revision)
    )
    return tuple(map(read_decision, rows)) if limit > 0 else ()


def commit_flush(connection: Connection, claim: FlushClaim, commit: FlushCommit, now: datetime) -> None:
    """See `Storage.commit_flush`.

    1. Fence: the lease's row is locked and its token compared.
    2. Store members, alerts, revisions, notifications, then the decisions that refer to them.
    3. Settle decisions whose notifications have ended before; mark the hits as handled, or as pending again.
    4. Add what was learned of terms.
    """
    token = connection.scalar(select(leases.c.token).where(leases.c.name == FLUSH).with_for_update())
    if token != claim.token:
        raise LeaseLostError("another worker groups hits now; this flush was not stored")
    _store_members(connection, commit.members)
    move_members(connection, commit.moved)
    _store_alerts(connection, commit.alerts)
    insert_new(connection, revisions, [revision_row(revision) for revision in commit.revisions])
    insert_new(
        connection,
        notifications,
        sorted(map(notification_row, commit.notifications), key=lambda row: str(row["notification_id"])),
    )
    settle(connection, _store_decisions(connection, commit.decisions))
    add_hits(connection, commit.hits)
    handled = {*commit.handled, *(hit.hit_id for hit in commit.hits)}
    connection.execute(
        update(hits).where(among(hits.c.hit_id, handled), hits.c.handled_at.is_(None)).values(handled_at=now)
    )
    connection.execute(update(hits).where(among(hits.c.hit_id, commit.reopened)).values(handled_at=None))
    if commit.learned is not None:
        learn(connection, commit.learned)
    end_corrections(connection, commit.corrected)
    tell_events(connection, commit.told_events, now)
    for name, value in commit.values:
        set_value(connection, name, value)


def _store_members(connection: Connection, found: Sequence[StoryMember]) -> None:
    stored = set(
        connection.scalars(
            select(members.c.item_id).where(among(members.c.item_id, {one.item_id for one in found}))
        )
    )
    new: dict[str, StoryMember] = {}
    for member in found:
        if member.item_id not in stored:
            new.setdefault(member.item_id, member)
    insert_new(connection, members, [member_row(member) for member in new.values()])
    insert_new(connection, postings, [row for member in new.values() for row in posting_rows(member)])


def _store_alerts(connection: Connection, changed: Sequence[Alert]) -> None:
    if not changed:
        return
    newest = {alert.alert_id: alert for alert in changed}
    upsert(connection, alerts, [alert_row(newest[alert_id]) for alert_id in sorted(newest)])
    stored = {
        (row.alert_id, row.item_id)
        for row in connection.execute(select(alert_items).where(among(alert_items.c.alert_id, newest)))
    }
    wanted = {(alert.alert_id, source.item_id) for alert in newest.values() for source in alert.sources}
    insert_new(
        connection,
        alert_items,
        [{"alert_id": alert_id, "item_id": item_id} for alert_id, item_id in sorted(wanted - stored)],
    )
    if gone := sorted(stored - wanted):
        connection.execute(
            delete(alert_items).where(tuple_(alert_items.c.alert_id, alert_items.c.item_id).in_(gone))
        )


def _store_decisions(connection: Connection, found: Sequence[Decision]) -> list[str]:
    """Store decisions but for those that may no longer change; return the notifications they went into."""
    newest = {(one.alert_id, one.revision, one.recipient_id): one for one in found}
    fixed = {
        (row.alert_id, row.revision, row.recipient_id)
        for row in connection.execute(
            select(decisions.c.alert_id, decisions.c.revision, decisions.c.recipient_id).where(
                among(decisions.c.alert_id, {one.alert_id for one in found}),
                decisions.c.rendered | decisions.c.outcome.in_([Outcome.SENT.value, Outcome.FAILED.value]),
            )
        )
    }
    storable = [newest[key] for key in sorted(newest) if key not in fixed]
    upsert(connection, decisions, [decision_row(decision) for decision in storable])
    links = [row for decision in storable for row in link_rows(decision)]
    insert_new(connection, decision_notifications, links)
    return [str(link["notification_id"]) for link in links]
