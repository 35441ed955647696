"""Messages on their way to recipients."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from monitor.models.values import Labels


class NotificationState(StrEnum):
    """Where an outbox row is."""

    PENDING = "pending"
    SENT = "sent"
    DEAD = "dead"  # given up: shown by `monitor status` until dropped


@dataclass(frozen=True, slots=True)
class Message:
    """A rendered message, stored as it will be sent: a retry sends the same words."""

    kind: str  # "alert", "digest", "test", "notice", "system"
    subject: str = ""  # e-mail only; one line
    text: str = ""  # e-mail text part
    html: str = ""  # e-mail HTML part
    body: str = ""  # webhook body
    content_type: str = ""  # webhook body's media type
    thread_id: str = ""  # alert id: updates of one alert thread together
    headers: Labels = ()  # e-mail only, beside those that the channel sets itself


@dataclass(frozen=True, slots=True)
class Notification:
    """One message for one recipient over one channel: the stored, retried unit (outbox row)."""

    notification_id: str  # stable_id("notification", alert, revisions, recipient, channel)
    recipient_id: str
    channel: str  # "email", "webhook", "console"
    alert_id: str  # "" for a digest or test
    order_key: str  # rows with one key leave in order of `sequence`: recipient/alert
    sequence: int  # highest revision inside
    message: Message
    created_at: datetime
    due_at: datetime
    expires_at: datetime  # after this, no more attempts
    state: NotificationState = NotificationState.PENDING
    attempts: int = 0
    last_error: str = ""
    last_attempt_at: datetime | None = None
    sent_at: datetime | None = None
    token: str = ""  # fencing token of the present claim
