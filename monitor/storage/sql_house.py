"""Statements of reading and keeping house: lists, counts, removal, small values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import case, delete, func, select, update

from monitor.models import AlertState, NotificationState
from monitor.storage.base import Counts
from monitor.storage.codec import EPOCH, dumps_text, loads_text
from monitor.storage.columns import among
from monitor.storage.rows import read_alert, read_item
from monitor.storage.sql_deliver import PENDING
from monitor.storage.statements import upsert
from monitor.storage.tables import (
    alert_items,
    alerts,
    decision_notifications,
    decisions,
    feeds,
    hits,
    hosts,
    items,
    leases,
    notifications,
    values,
)

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from monitor.models import Alert, Item


def get_value(connection: Connection, name: str) -> str | None:
    """See `Storage.get_value`."""
    document = connection.scalar(select(values.c.value).where(values.c.name == name))
    return None if document is None else loads_text(document)


def set_value(connection: Connection, name: str, value: str) -> None:
    """See `Storage.set_value`."""
    upsert(connection, values, [{"name": name, "value": dumps_text(value)}])


def list_items(
    connection: Connection, *, since: datetime | None, feed_id: str | None, limit: int
) -> tuple[Item, ...]:
    """See `Storage.items`."""
    wanted = select(items.c.document).order_by(items.c.first_seen_at.desc(), items.c.item_id)
    if since is not None:
        wanted = wanted.where(items.c.first_seen_at >= since)
    if feed_id is not None:
        wanted = wanted.where(items.c.feed_id == feed_id)
    return tuple(map(read_item, connection.scalars(wanted.limit(limit))))


def list_alerts(connection: Connection, *, state: str | None, limit: int) -> tuple[Alert, ...]:
    """See `Storage.list_alerts`."""
    wanted = select(alerts.c.document).order_by(alerts.c.last_hit_at.desc(), alerts.c.alert_id)
    if state is not None:
        wanted = wanted.where(alerts.c.state == state)
    return tuple(map(read_alert, connection.scalars(wanted.limit(limit))))


def counts(connection: Connection, now: datetime) -> Counts:
    """See `Storage.counts`."""
    scheduled = connection.execute(
        select(func.count().label("all"), func.count(case((feeds.c.failures > 0, 1))).label("failing")).where(
            feeds.c.due_at.is_not(None)
        )
    ).one()
    by_state = {
        row.state: row.rows
        for row in connection.execute(
            select(alerts.c.state, func.count().label("rows")).group_by(alerts.c.state)
        )
    }
    by_recipient: dict[str, dict[str, int]] = {}
    for row in connection.execute(
        select(notifications.c.recipient_id, notifications.c.state, func.count().label("rows"))
        .group_by(notifications.c.recipient_id, notifications.c.state)
        .order_by(notifications.c.recipient_id, notifications.c.state)
    ):
        by_recipient.setdefault(row.recipient_id, {})[row.state] = row.rows
    total = {
        state: sum(found.get(state.value, 0) for found in by_recipient.values())
        for state in NotificationState
    }
    return Counts(
        feeds=scheduled.all,
        feeds_failing=scheduled.failing,
        items=connection.scalar(select(func.count()).select_from(items)) or 0,
        hits=connection.scalar(select(func.count()).select_from(hits)) or 0,
        hits_pending=connection.scalar(
            select(func.count()).select_from(hits).where(hits.c.handled_at.is_(None))
        )
        or 0,
        alerts_open=by_state.get(AlertState.OPEN.value, 0),
        alerts=sum(by_state.values()),
        notifications_pending=total[NotificationState.PENDING],
        notifications_sent=total[NotificationState.SENT],
        notifications_dead=total[NotificationState.DEAD],
        decisions_waiting=connection.scalar(
            select(func.count()).select_from(decisions).where(decisions.c.due_at.is_not(None))
        )
        or 0,
        oldest_pending_at=connection.scalar(
            select(func.min(notifications.c.due_at)).where(
                notifications.c.state == PENDING, notifications.c.due_at <= now
            )
        ),
        by_recipient=by_recipient,
    )


def end_leases(connection: Connection) -> int:
    """See `Storage.end_leases`."""
    ended = (
        update(hosts).where(hosts.c.token != "").values(token="", lease_until=EPOCH),
        update(leases).where(leases.c.token != "").values(token="", lease_until=EPOCH),
        update(notifications).where(notifications.c.token != "").values(token="", lease_until=None),
    )
    return sum(connection.execute(statement).rowcount for statement in ended)


def prune_notifications(connection: Connection, ended_until: datetime, limit: int) -> int:
    """Remove up to `limit` notifications that ended by then; return how many."""
    ids = list(
        connection.scalars(
            select(notifications.c.notification_id)
            .where(notifications.c.ended_at <= ended_until)
            .order_by(notifications.c.ended_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
    )
    connection.execute(
        delete(decision_notifications).where(among(decision_notifications.c.notification_id, ids))
    )
    connection.execute(delete(notifications).where(among(notifications.c.notification_id, ids)))
    return len(ids)


def prune_alerts(connection: Connection, closed_until: datetime, limit: int) -> int:
    """Remove up to `limit` alerts closed by then from which nothing is still to leave; return how many."""
    link = decision_notifications
    to_be_sent = (
        select(link.c.alert_id)
        .join(notifications, notifications.c.notification_id == link.c.notification_id)
        .where(link.c.alert_id == alerts.c.alert_id, notifications.c.state == PENDING)
        .exists()
    )
    own = (
        select(notifications.c.notification_id)
        .where(notifications.c.alert_id == alerts.c.alert_id, notifications.c.state == PENDING)
        .exists()
    )
    waiting = (
        select(decisions.c.alert_id)
        .where(decisions.c.alert_id == alerts.c.alert_id, decisions.c.due_at.is_not(None))
        .exists()
    )
    ids = list(
        connection.scalars(
            select(alerts.c.alert_id)
            .where(
                alerts.c.state.in_([AlertState.CLOSED.value, AlertState.EXPIRED.value]),
                alerts.c.closed_at <= closed_until,
                ~to_be_sent,
                ~own,
                ~waiting,
            )
            .order_by(alerts.c.closed_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
    )
    if ids:
        connection.execute(delete(notifications).where(among(notifications.c.alert_id, ids)))
        connection.execute(delete(alerts).where(among(alerts.c.alert_id, ids)))
    return len(ids)


def prune_items(connection: Connection, absent_until: datetime, limit: int) -> int:
    """Remove up to `limit` items absent since then, unless an alert or a waiting hit needs them."""
    needed = select(alert_items.c.item_id).where(alert_items.c.item_id == items.c.item_id).exists()
    pending = (
        select(hits.c.item_id).where(hits.c.item_id == items.c.item_id, hits.c.handled_at.is_(None)).exists()
    )
    ids = list(
        connection.scalars(
            select(items.c.item_id)
            .where(items.c.absent_at <= absent_until, ~needed, ~pending)
            .order_by(items.c.absent_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
    )
    connection.execute(delete(items).where(among(items.c.item_id, ids)))
    return len(ids)
