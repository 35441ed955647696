"""Between the frozen values and the rows that hold them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from monitor.models import (
    Alert,
    AlertRevision,
    Decision,
    FeedState,
    Hit,
    Item,
    Notification,
    NotificationState,
    Outcome,
    StoryMember,
    changed,
)
from monitor.storage.codec import dumps, dumps_text, loads
from monitor.storage.columns import key_hash
from monitor.storage.decide import ENDED, PROGRESS, batch_of, is_waiting

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Row

Values: TypeAlias = dict[str, Any]


def feed_row(state: FeedState, *, scheduled: bool = True) -> Values:
    """Return the row of a feed; one that is not scheduled is never due."""
    return {
        "feed_id": state.feed_id,
        "url": state.url,
        "host": state.host,
        "due_at": state.next_poll_at if scheduled else None,
        "failures": state.failures,
        "document": dumps(state),
    }


def feed_state(document: str) -> FeedState:
    """Return the state that a feed's document holds."""
    return loads(FeedState, document)


def item_row(item: Item, first_seen_at: datetime) -> Values:
    """Return the row of an item that is present in its feed."""
    if item.first_seen_at != first_seen_at:
        item = changed(item, first_seen_at=first_seen_at)
    return {
        "item_id": item.item_id,
        "feed_id": item.feed_id,
        "key": dumps_text(item.key),
        "revision": item.revision,
        "content_hash": item.content_hash,
        "first_seen_at": first_seen_at,
        "absent_at": None,
        "document": dumps(item),
    }


def read_item(document: str) -> Item:
    """Return the item that a document holds."""
    return loads(Item, document)


def hit_row(hit: Hit) -> Values:
    """Return the row of a hit that no flush has handled."""
    return {
        "hit_id": hit.hit_id,
        "rule_id": hit.rule_id,
        "item_id": hit.item_id,
        "event_at": hit.event_at,
        "hit_at": hit.hit_at,
        "handled_at": None,
        "document": dumps(hit),
    }


def read_hit(document: str) -> Hit:
    """Return the hit that a document holds."""
    return loads(Hit, document)


def member_row(member: StoryMember) -> Values:
    """Return the row of an item's place in a story."""
    return {
        "item_id": member.item_id,
        "story_id": member.story_id,
        "event_at": member.event_at,
        "url_hash": key_hash(member.url_key) if member.url_key else None,
        "title_hash": key_hash(member.title_key) if member.title_key else None,
        "document": dumps(member),
    }


def posting_rows(member: StoryMember) -> list[Values]:
    """Return a row for each sketch term of a member."""
    return [
        {"term": term, "event_at": member.event_at, "item_id": member.item_id}
        for term in sorted({key_hash(posting) for posting in member.postings})
    ]


def read_member(document: str) -> StoryMember:
    """Return the story membership that a document holds."""
    return loads(StoryMember, document)


def alert_row(alert: Alert) -> Values:
    """Return the row of an alert."""
    return {
        "alert_id": alert.alert_id,
        "rule_id": alert.rule.rule_id,
        "group_key": alert.group_key,
        "generation": alert.generation,
        "state": alert.state.value,
        "last_hit_at": alert.last_hit_at,
        "closed_at": alert.closed_at,
        "remind_at": alert.remind_at,
        "document": dumps(alert),
    }


def read_alert(document: str) -> Alert:
    """Return the alert that a document holds."""
    return loads(Alert, document)


def revision_row(revision: AlertRevision) -> Values:
    """Return the row of one step in an alert's life."""
    return {"alert_id": revision.alert_id, "revision": revision.revision, "document": dumps(revision)}


def read_revision(document: str) -> AlertRevision:
    """Return the revision that a document holds."""
    return loads(AlertRevision, document)


def decision_row(decision: Decision) -> Values:
    """Return the row of a decision."""
    return {
        "alert_id": decision.alert_id,
        "revision": decision.revision,
        "recipient_id": decision.recipient_id,
        "outcome": decision.outcome.value,
        "rendered": bool(decision.notification_ids),
        "batch": batch_of(decision),
        "due_at": decision.due_at if is_waiting(decision) else None,
        "document": dumps(decision),
    }


def link_rows(decision: Decision) -> list[Values]:
    """Return a row for each notification that `decision` went into."""
    return [
        {
            "notification_id": notification_id,
            "alert_id": decision.alert_id,
            "revision": decision.revision,
            "recipient_id": decision.recipient_id,
        }
        for notification_id in sorted(set(decision.notification_ids))
    ]


def read_decision(row: Row[*tuple[Any, ...]]) -> Decision:
    """Return the decision of a row with `document` and `outcome`: delivery changes the column alone."""
    decision, outcome = loads(Decision, row.document), Outcome(row.outcome)
    return decision if decision.outcome is outcome else replace(decision, outcome=outcome)


def notification_row(notification: Notification) -> Values:
    """Return the row of a message that is not claimed."""
    ended = notification.state in ENDED
    return {
        "notification_id": notification.notification_id,
        "recipient_id": notification.recipient_id,
        "channel": notification.channel,
        "alert_id": notification.alert_id,
        "order_key": notification.order_key,
        "sequence": notification.sequence,
        "created_at": notification.created_at,
        "lease_until": None,
        "ended_at": (notification.sent_at or notification.created_at) if ended else None,
        "document": dumps(notification),
        **progress(notification),
    }


def progress(notification: Notification) -> Values:
    """Return the columns that an attempt changes; the claim ends with it."""
    columns = {name: getattr(notification, name) for name in PROGRESS}
    return columns | {"state": notification.state.value, "token": ""}


def read_notification(row: Row[*tuple[Any, ...]]) -> Notification:
    """Return the notification of a row with `document` and all columns of `progress`."""
    stored = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    progressed = {name: stored[name] for name in PROGRESS}
    progressed["state"] = NotificationState(progressed["state"])
    return replace(loads(Notification, row.document), **progressed)
