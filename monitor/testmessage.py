"""The message of `monitor send-test`: it says what it is, and tells no alert."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.alerts.moments import moment
from monitor.alerts.view import NotificationView
from monitor.models import stable_id

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.models import Recipient

PRODUCT = "Diplomatic Monitor"


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
