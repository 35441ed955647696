"""Statements about feed events, which operators are told, and about corrected reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, delete, or_, select, update

from monitor.models import FeedEvent
from monitor.storage.base import PendingCorrection
from monitor.storage.codec import dumps, loads
from monitor.storage.columns import among
from monitor.storage.rows import read_alert, read_item
from monitor.storage.sql_deliver import add_notifications
from monitor.storage.statements import insert_new, upsert
from monitor.storage.tables import alert_items, alerts, corrections, feed_events, hits, items

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from monitor.models import Item, Notification


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


def tell_events(
    connection: Connection, event_ids: Sequence[str], messages: Sequence[Notification], now: datetime
) -> int:
    """See `Storage.tell_feed_events`."""
    connection.execute(
        update(feed_events)
        .where(among(feed_events.c.event_id, event_ids), feed_events.c.told_at.is_(None))
        .values(told_at=now)
    )
    return add_notifications(connection, messages)


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
