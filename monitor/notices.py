"""Messages that tell no alert: the test of `monitor send-test`, and what a fallback is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.alerts.attempts import policy_of
from monitor.alerts.moments import moment
from monitor.alerts.view import NotificationView
from monitor.alerts.wording import FALLBACK
from monitor.models import Notification, stable_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from typing import TypeAlias

    from monitor.models import Message, Recipient, Routing

    Render: TypeAlias = Callable[[NotificationView, Recipient, str], Message]

PRODUCT = "Diplomatic Monitor"
MOST_LINES = 60  # of one notice


def test_view(recipient: Recipient, channel: str, now: datetime, version: str) -> NotificationView:
    """Return a test message for one channel of `recipient`."""
    return NotificationView(
        kind="test",
        notification_id=stable_id("test", recipient.recipient_id, channel, now.isoformat()),
        subject=f"[TEST] {PRODUCT} reaches {recipient.recipient_id}",
        recipient_id=recipient.recipient_id,
        timezone=recipient.timezone,
        created=moment(now, recipient.timezone, now),
        alerts=(),
        intro="This is a test. If you can read it, alerts will reach you, too.",
        product=PRODUCT,
        version=version,
    )


def notice(
    recipient: Recipient,
    notification_id: str,
    subject: str,
    intro: str,
    lines: Sequence[str],
    now: datetime,
    version: str,
) -> NotificationView:
    """Return a message that tells no alert: a subject, a paragraph, and lines."""
    return NotificationView(
        kind="notice",
        notification_id=notification_id,
        subject=subject,
        recipient_id=recipient.recipient_id,
        timezone=recipient.timezone,
        created=moment(now, recipient.timezone, now),
        alerts=(),
        intro=intro,
        product=PRODUCT,
        version=version,
        lines=tuple(lines[:MOST_LINES]),
    )


def outbox_row_of(view: NotificationView, channel: str, message: Message, now: datetime) -> Notification:
    """Return the outbox row of a message that tells no alert."""
    return Notification(
        notification_id=view.notification_id,
        recipient_id=view.recipient_id,
        channel=channel,
        alert_id="",
        order_key=f"{view.notification_id}/{channel}",  # notices wait for nothing and hold nothing back
        sequence=1,
        message=message,
        created_at=now,
        due_at=now,
        expires_at=now + policy_of(channel).lifetime,
    )


def operators(routing: Routing) -> tuple[Recipient, ...]:
    """Return the recipients of the default route: they keep the installation running."""
    names = dict.fromkeys(name for route in routing.routes if route.default for name in route.to)
    return tuple(filter(None, map(routing.recipient, names)))


def fallback_notices(
    failed: Notification, routing: Routing, render: Render, now: datetime, version: str
) -> tuple[Notification, ...]:
    """Return the messages to the fallback of a recipient who cannot be reached; none without a fallback.

    They tell what could not be delivered and why; the same failed message gives the same ids. What was
    itself a fallback goes no further: two recipients that name each other would never end.
    """
    recipient = routing.recipient(failed.recipient_id)
    other = routing.recipient(recipient.fallback) if recipient and recipient.fallback else None
    if other is None or failed.message.subject.startswith(FALLBACK):
        return ()
    subject = f"{FALLBACK} {failed.recipient_id}] {failed.message.subject}".rstrip()
    tries = f"{failed.attempts} {'attempt' if failed.attempts == 1 else 'attempts'}"
    reached = (
        f"could not be reached by {failed.channel} after {tries}"
        if failed.attempts
        else f"cannot be reached by {failed.channel} at present"
    )
    intro = f"{failed.recipient_id} {reached}: {failed.last_error}. You are their fallback. The message was:"
    lines = [line for line in failed.message.text.splitlines() if line.strip()]
    rows: list[Notification] = []
    for channel in other.channels():
        notice_id = stable_id("fallback", failed.notification_id, other.recipient_id, channel)
        view = notice(other, notice_id, subject, intro, lines or [failed.message.subject], now, version)
        rows.append(outbox_row_of(view, channel, render(view, other, channel), now))
    return tuple(rows)
