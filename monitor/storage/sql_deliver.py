"""Statements of the outbox: claims that keep order, outcomes, and what decisions become by them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, func, literal_column, select, true, update

from monitor.models import Notification, NotificationState, Outcome
from monitor.storage.columns import among
from monitor.storage.decide import DROPPED, ENDED, PROGRESS, pick_claims, settled
from monitor.storage.rows import notification_row, progress, read_notification
from monitor.storage.statements import OUTBOX, insert_new, is_postgresql, one_at_a_time
from monitor.storage.tables import decision_notifications, decisions, notifications

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy import ColumnElement, Connection, FromClause, Select

    from monitor.storage.base import Delivered

# Spelled out: with a bound value no partial index is used.
PENDING: ColumnElement[str] = literal_column("'pending'")
COLUMNS = (notifications.c.document, *(notifications.c[name] for name in PROGRESS))
Key = tuple[str, int, str]  # of a decision: alert, revision, recipient


def claim_notifications(
    connection: Connection,
    now: datetime,
    token: str,
    *,
    limit: int,
    per_recipient: int,
    lease: timedelta,
    without: Sequence[str],
) -> tuple[Notification, ...]:
    """See `Storage.claim_notifications`.

    The cap and the order span several rows, so claimers take turns; rows that a commit just locks
    are skipped, and what was locked in between is looked at again.
    """
    one_at_a_time(connection, OUTBOX)
    running = Counter(
        connection.scalars(
            select(notifications.c.recipient_id).where(
                notifications.c.lease_until > now
            )  # ends with the attempt
        )
    )
    candidates = connection.execute(_candidates(connection, now, per_recipient, without))
    picked = pick_claims(candidates, running, limit=limit, per_recipient=per_recipient)
    rows = connection.execute(_still_free([one.notification_id for one in picked], now))
    claimed = {row.notification_id: replace(read_notification(row), token=token) for row in rows}
    if claimed:
        connection.execute(
            update(notifications)
            .where(among(notifications.c.notification_id, claimed))
            .values(token=token, lease_until=now + lease)
        )
    return tuple(claimed[one.notification_id] for one in picked if one.notification_id in claimed)


def _candidates(
    connection: Connection, now: datetime, per_recipient: int, without: Sequence[str]
) -> Select[Any]:
    """Return the first `per_recipient` claimable rows of each recipient, longest due first.

    Recipients are found by leaping through the index of pending rows, so that the cost follows the
    number of recipients and not the backlog, and a long backlog of one hides no other.
    """
    pending = notifications.alias("pending")
    first = select(func.min(pending.c.recipient_id).label("recipient_id")).where(pending.c.state == PENDING)
    leap = first.cte("recipients", recursive=True)
    following = (
        select(func.min(notifications.c.recipient_id))
        .where(notifications.c.state == PENDING, notifications.c.recipient_id > leap.c.recipient_id)
        .correlate(leap)
        .scalar_subquery()
    )
    recipients = leap.union_all(select(following).where(leap.c.recipient_id.is_not(None)))
    own = notifications.alias("own")
    heads = (
        select(own.c.notification_id)
        .where(own.c.recipient_id == recipients.c.recipient_id, *_claimable(own, now, without))
        .order_by(own.c.due_at, own.c.notification_id)
        .limit(per_recipient)
        .correlate(recipients)
    )
    order = (notifications.c.due_at, notifications.c.notification_id)
    if is_postgresql(connection):  # LATERAL is not SQLite's, and PostgreSQL would scan all rows for the IN
        chosen = heads.lateral("chosen")
        joined = recipients.join(chosen, true()).join(
            notifications, notifications.c.notification_id == chosen.c.notification_id
        )
    else:
        joined = recipients.join(notifications, notifications.c.notification_id.in_(heads))
    columns = (notifications.c.notification_id, notifications.c.order_key, notifications.c.recipient_id)
    return select(*columns).select_from(joined).order_by(*order)


def _claimable(own: FromClause, now: datetime, without: Sequence[str]) -> Iterable[ColumnElement[bool]]:
    """Yield what makes a row claimable: it is free and due, and the first of its order key."""
    other = notifications.alias("other")
    earlier = (other.c.due_at < own.c.due_at) | (
        (other.c.due_at == own.c.due_at) & (other.c.notification_id < own.c.notification_id)
    )
    twin = (other.c.sequence == own.c.sequence) & earlier & ~among(other.c.channel, without)
    yield own.c.state == PENDING
    yield own.c.due_at <= now
    yield _is_free(own, now)
    yield ~among(own.c.channel, without)
    yield ~(
        select(literal_column("1"))
        .select_from(other)
        .where(
            other.c.order_key == own.c.order_key,
            other.c.state == PENDING,
            (other.c.sequence < own.c.sequence) | (other.c.lease_until > now) | twin,
        )
        .correlate(own)
        .exists()
    )


def _is_free(table: FromClause, now: datetime) -> ColumnElement[bool]:
    free: ColumnElement[bool] = table.c.lease_until.is_(None) | (table.c.lease_until <= now)
    return free


def _still_free(ids: Iterable[str], now: datetime) -> Select[*tuple[Any, ...]]:
    return (
        select(notifications.c.notification_id, *COLUMNS)
        .where(
            among(notifications.c.notification_id, ids),
            notifications.c.state == NotificationState.PENDING.value,
            notifications.c.due_at <= now,
            _is_free(notifications, now),
        )
        .with_for_update(skip_locked=True)
    )


def commit_delivery(connection: Connection, results: Sequence[Delivered], now: datetime) -> int:
    """See `Storage.commit_delivery`."""
    news = {result.notification.notification_id: result.notification for result in reversed(results)}
    held = {
        row.notification_id: row.token
        for row in connection.execute(
            select(notifications.c.notification_id, notifications.c.token)
            .where(
                among(notifications.c.notification_id, news),
                notifications.c.state == NotificationState.PENDING.value,
            )
            .order_by(notifications.c.notification_id)
            .with_for_update()
        )
    }
    accepted = [new for key, new in sorted(news.items()) if new.token and held.get(key) == new.token]
    if not accepted:
        return 0
    connection.execute(
        update(notifications).where(notifications.c.notification_id == bindparam("own_id")),
        [
            {
                "own_id": new.notification_id,
                "lease_until": None,
                "ended_at": now if new.state in ENDED else None,
                **progress(new),
            }
            for new in accepted
        ],
    )
    settle(connection, [new.notification_id for new in accepted if new.state in ENDED])
    return len(accepted)


def settle(connection: Connection, notification_ids: Sequence[str]) -> None:
    """Move the decisions behind these notifications to SENT or FAILED where that is certain now."""
    if not notification_ids:
        return
    link, sibling = decision_notifications.alias("link"), decision_notifications.alias("sibling")
    rows = connection.execute(
        select(decisions.c.alert_id, decisions.c.revision, decisions.c.recipient_id, notifications.c.state)
        .select_from(link)
        .join(decisions, _same_decision(decisions, link))
        .join(sibling, _same_decision(sibling, link))
        .join(notifications, notifications.c.notification_id == sibling.c.notification_id)
        .where(among(link.c.notification_id, notification_ids), decisions.c.outcome != Outcome.SENT.value)
    )
    states: dict[Key, list[NotificationState]] = {}
    for row in rows:
        key = (row.alert_id, row.revision, row.recipient_id)
        states.setdefault(key, []).append(NotificationState(row.state))
    _set_outcomes(
        connection, {key: outcome for key, found in states.items() if (outcome := settled(found)) is not None}
    )


def _same_decision(left: FromClause, right: FromClause) -> ColumnElement[bool]:
    same: ColumnElement[bool] = (
        (left.c.alert_id == right.c.alert_id)
        & (left.c.revision == right.c.revision)
        & (left.c.recipient_id == right.c.recipient_id)
    )
    return same


def _set_outcomes(connection: Connection, outcomes: dict[Key, Outcome]) -> None:
    if not outcomes:
        return
    connection.execute(
        update(decisions).where(
            decisions.c.alert_id == bindparam("own_alert"),
            decisions.c.revision == bindparam("own_revision"),
            decisions.c.recipient_id == bindparam("own_recipient"),
        ),
        [
            {
                "own_alert": alert,
                "own_revision": revision,
                "own_recipient": recipient,
                "outcome": outcome.value,
            }
            for (alert, revision, recipient), outcome in sorted(outcomes.items())
        ],
    )


def hasten_notifications(
    connection: Connection, now: datetime, channel: str, recipient_id: str | None
) -> int:
    """See `Storage.hasten_notifications`."""
    one_at_a_time(connection, OUTBOX)
    own = () if recipient_id is None else (notifications.c.recipient_id == recipient_id,)
    done = connection.execute(
        update(notifications)
        .where(
            notifications.c.state == PENDING,
            notifications.c.channel == channel,
            notifications.c.due_at > now,
            _is_free(notifications, now),
            *own,
        )
        .values(due_at=now)
    )
    return done.rowcount


def drop_notifications(connection: Connection, notification_ids: Sequence[str], now: datetime) -> int:
    """See `Storage.drop_notifications`."""
    one_at_a_time(connection, OUTBOX)
    rows = list(
        connection.execute(
            select(notifications.c.notification_id, notifications.c.state)
            .where(
                among(notifications.c.notification_id, notification_ids),
                (notifications.c.state == NotificationState.DEAD.value)
                | ((notifications.c.state == PENDING) & _is_free(notifications, now)),
            )
            .order_by(notifications.c.notification_id)
            .with_for_update()
        )
    )
    dead = [row.notification_id for row in rows if row.state == NotificationState.DEAD.value]
    waiting = [row.notification_id for row in rows if row.state != NotificationState.DEAD.value]
    link = decision_notifications
    connection.execute(delete(link).where(among(link.c.notification_id, dead)))
    connection.execute(delete(notifications).where(among(notifications.c.notification_id, dead)))
    connection.execute(
        update(notifications)
        .where(among(notifications.c.notification_id, waiting))
        .values(
            state=NotificationState.DEAD.value, last_error=DROPPED, token="", lease_until=None, ended_at=now
        )
    )
    settle(connection, waiting)
    return len(rows)


def revive_notifications(
    connection: Connection, notification_ids: Sequence[str], now: datetime, expires_at: datetime
) -> int:
    """See `Storage.revive_notifications`."""
    one_at_a_time(connection, OUTBOX)
    dead = list(
        connection.scalars(
            select(notifications.c.notification_id)
            .where(
                among(notifications.c.notification_id, notification_ids),
                notifications.c.state == NotificationState.DEAD.value,
            )
            .order_by(notifications.c.notification_id)
            .with_for_update()
        )
    )
    connection.execute(
        update(notifications)
        .where(among(notifications.c.notification_id, dead))
        .values(
            state=NotificationState.PENDING.value,
            due_at=now,
            expires_at=expires_at,
            attempts=0,
            token="",
            lease_until=None,
            ended_at=None,
        )
    )
    link = decision_notifications
    rows = connection.execute(
        select(link.c.alert_id, link.c.revision, link.c.recipient_id)
        .join(decisions, _same_decision(decisions, link))
        .where(among(link.c.notification_id, dead), decisions.c.outcome == Outcome.FAILED.value)
    )
    _set_outcomes(
        connection, {(row.alert_id, row.revision, row.recipient_id): Outcome.QUEUED for row in rows}
    )
    return len(dead)


def list_notifications(
    connection: Connection, *, state: str | None, recipient_id: str | None, limit: int
) -> tuple[Notification, ...]:
    """See `Storage.notifications`."""
    wanted = select(*COLUMNS).order_by(notifications.c.created_at.desc(), notifications.c.notification_id)
    if state is not None:
        wanted = wanted.where(notifications.c.state == state)
    if recipient_id is not None:
        wanted = wanted.where(notifications.c.recipient_id == recipient_id)
    return tuple(map(read_notification, connection.execute(wanted.limit(limit))))


def add_notifications(connection: Connection, added: Sequence[Notification]) -> int:
    """See `Storage.add_notifications`."""
    new = {one.notification_id: one for one in reversed(added)}
    stored = set(
        connection.scalars(
            select(notifications.c.notification_id).where(among(notifications.c.notification_id, new))
        )
    )
    rows = [notification_row(new[key]) for key in sorted(new) if key not in stored]
    insert_new(connection, notifications, rows)
    return len(rows)
