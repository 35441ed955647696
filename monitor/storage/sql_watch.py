"""Statements about feed events, corrected reports, and what the monitor asks about itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import and_, case, delete, func, or_, select, update

from monitor.models import AlertState, FeedEvent, NotificationState
from monitor.storage.base import PendingCorrection
from monitor.storage.base_system import Receiver
from monitor.storage.codec import dumps, loads
from monitor.storage.columns import among
from monitor.storage.decide import DROPPED
from monitor.storage.rows import read_alert, read_item
from monitor.storage.statements import insert_new, upsert
from monitor.storage.tables import (
    alert_items,
    alerts,
    corrections,
    decision_notifications,
    feed_events,
    hits,
    items,
    notifications,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from monitor.models import Alert, Item


def add_events(connection: Connection, found: Sequence[FeedEvent]) -> None:
    """Store events that no message has told yet."""
    rows = [
        {
            "event_id": one.event_id,
            "feed_id": one.feed_id,
            "at": one.at,
            "told_at": None,
            "document": dumps(one),
        }
        for one in found
    ]
    insert_new(connection, feed_events, rows)


def untold_events(connection: Connection, limit: int) -> tuple[FeedEvent, ...]:
    """See `Storage.untold_feed_events`."""
    documents = connection.scalars(
        select(feed_events.c.document)
        .where(feed_events.c.told_at.is_(None))
        .order_by(feed_events.c.at, feed_events.c.event_id)
        .limit(limit)
    )
    return tuple(loads(FeedEvent, document) for document in documents)


def tell_events(connection: Connection, event_ids: Sequence[str], now: datetime) -> None:
    """Mark events as told."""
    if event_ids:
        connection.execute(
            update(feed_events)
            .where(among(feed_events.c.event_id, event_ids), feed_events.c.told_at.is_(None))
            .values(told_at=now)
        )


def list_events(connection: Connection, feed_id: str | None, limit: int) -> tuple[FeedEvent, ...]:
    """See `Storage.feed_events`."""
    wanted = select(feed_events.c.document).order_by(feed_events.c.at.desc(), feed_events.c.event_id)
    if feed_id is not None:
        wanted = wanted.where(feed_events.c.feed_id == feed_id)
    return tuple(loads(FeedEvent, document) for document in connection.scalars(wanted.limit(limit)))


def prune_events(connection: Connection, told_until: datetime, limit: int) -> int:
    """Remove up to `limit` events told by then; return how many."""
    ids = list(
        connection.scalars(
            select(feed_events.c.event_id)
            .where(feed_events.c.told_at <= told_until)
            .order_by(feed_events.c.told_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
    )
    connection.execute(delete(feed_events).where(among(feed_events.c.event_id, ids)))
    return len(ids)


def note_corrections(connection: Connection, changed: Sequence[Item], now: datetime) -> None:
    """Remember which of the changed items have hits: a flush looks at them."""
    if not changed:
        return
    revisions = {item.item_id: item.revision for item in changed}
    hit = set(connection.scalars(select(hits.c.item_id).where(among(hits.c.item_id, revisions)).distinct()))
    upsert(
        connection,
        corrections,
        [{"item_id": item_id, "revision": revisions[item_id], "noted_at": now} for item_id in sorted(hit)],
    )


def pending_corrections(connection: Connection, limit: int) -> tuple[PendingCorrection, ...]:
    """See `Storage.pending_corrections`."""
    waiting = connection.execute(
        select(items.c.item_id, items.c.document)
        .join_from(corrections, items, items.c.item_id == corrections.c.item_id)
        .order_by(corrections.c.noted_at, corrections.c.item_id)
        .limit(limit)
    ).all()
    under: dict[str, list[str]] = {row.item_id: [] for row in waiting}
    for row in connection.execute(
        select(alert_items.c.item_id, alerts.c.document)
        .join_from(alert_items, alerts, alerts.c.alert_id == alert_items.c.alert_id)
        .where(among(alert_items.c.item_id, under))
        .order_by(alerts.c.alert_id)
    ):
        under[row.item_id].append(row.document)
    return tuple(
        PendingCorrection(read_item(row.document), tuple(map(read_alert, under[row.item_id])))
        for row in waiting
    )


def end_corrections(connection: Connection, looked_at: Sequence[tuple[str, int]]) -> None:
    """Forget changes that a flush has looked at; one that was changed again since then stays."""
    if looked_at:
        rows = corrections.c
        done = (and_(rows.item_id == item_id, rows.revision <= number) for item_id, number in looked_at)
        connection.execute(delete(corrections).where(or_(*done)))


def open_alerts_of(connection: Connection, rule_ids: Sequence[str]) -> tuple[Alert, ...]:
    """See `Storage.open_alerts_of`."""
    documents = connection.scalars(
        select(alerts.c.document)
        .where(among(alerts.c.rule_id, rule_ids), alerts.c.state == AlertState.OPEN.value)
        .order_by(alerts.c.alert_id)
    )
    return tuple(map(read_alert, documents))


def last_hit_at(connection: Connection, without: str) -> datetime | None:
    """See `Storage.last_hit_at`."""
    return connection.scalar(
        select(alerts.c.last_hit_at)
        .where(alerts.c.rule_id.not_like(f"{without}%"))
        .order_by(alerts.c.last_hit_at.desc())
        .limit(1)
    )


def alerts_in_message(connection: Connection, prefix: str) -> tuple[Alert, ...]:
    """See `Storage.alerts_in_message`."""
    link = decision_notifications.c
    # A range, unlike LIKE, is looked up in the key of any collation; ids are hexadecimal digits.
    told = select(link.alert_id).where(link.notification_id >= prefix, link.notification_id < f"{prefix}g")
    found = select(alerts.c.document).where(alerts.c.alert_id.in_(told)).order_by(alerts.c.alert_id)
    return tuple(map(read_alert, connection.scalars(found)))


def receivers(connection: Connection, since: datetime) -> tuple[Receiver, ...]:
    """See `Storage.receivers`."""
    rows, place = notifications.c, (notifications.c.recipient_id, notifications.c.channel)
    dead = and_(rows.state == NotificationState.DEAD.value, rows.last_error != DROPPED)
    in_vain = or_(dead, and_(rows.state == NotificationState.PENDING.value, rows.attempts > 0))
    failed_at = func.coalesce(rows.last_attempt_at, rows.created_at)
    found = [
        Receiver(
            row.recipient_id, row.channel, row.sent_at, row.failed_at, row.tries or 0, bool(row.given_up)
        )
        for row in connection.execute(
            select(
                *place,
                func.max(rows.sent_at).label("sent_at"),
                func.max(case((in_vain, failed_at))).label("failed_at"),
                func.sum(case((in_vain, rows.attempts))).label("tries"),
                func.count(case((dead, 1))).label("given_up"),
            )
            .where(rows.created_at >= since)
            .group_by(*place)
            .order_by(*place)
        )
    ]
    errors = (
        select(rows.last_error).where(rows.created_at >= since, in_vain).order_by(failed_at.desc()).limit(1)
    )
    return tuple(
        one
        if one.failed_at is None
        else replace(
            one,
            error=connection.scalar(
                errors.where(rows.recipient_id == one.recipient_id, rows.channel == one.channel)
            )
            or "",
        )
        for one in found
    )
