"""Messages that tell no alert: the test of `monitor send-test`, and notices about the monitor itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.alerts.attempts import policy_of
from monitor.alerts.moments import moment
from monitor.alerts.view import NotificationView
from monitor.models import Notification, stable_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from monitor.models import Message, Recipient
    from monitor.rulebook import RuleBook

PRODUCT = "Diplomatic Monitor"
MOST_FINDINGS = 50  # of one notice


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


def _rules_notice(
    recipient: Recipient,
    channel: str,
    findings: Sequence[str],
    kept: int,
    digest: str,
    now: datetime,
    version: str,
) -> NotificationView:
    """Return the notice that changed rules have errors; the same files give the same id.

    Args:
        recipient: whose zone it is written for.
        channel: "email", "webhook"...: part of the id.
        findings: the errors, as `monitor check` prints them.
        kept: how many rules go on in their last good version.
        digest: of the files.
        now: when it is written.
        version: the program's.
    """
    count = "1 mistake" if len(findings) == 1 else f"{len(findings)} mistakes"
    force = "One rule stays" if kept == 1 else f"{kept} rules stay"
    return NotificationView(
        kind="notice",
        notification_id=stable_id("rules-notice", digest, recipient.recipient_id, channel),
        subject=f"[NOTICE] {count} in the rules",
        recipient_id=recipient.recipient_id,
        timezone=recipient.timezone,
        created=moment(now, recipient.timezone, now),
        alerts=(),
        intro=f"The rules were changed, and {count} keep part of them from being used."
        f" {force} in force as they last were; everything else is up to date."
        " `monitor check` shows the same after the next change.",
        product=PRODUCT,
        version=version,
        lines=tuple(findings[:MOST_FINDINGS]),
    )


def rules_notices(
    book: RuleBook,
    findings: Sequence[str],
    render: Callable[[NotificationView, Recipient, str], Message],
    now: datetime,
    version: str,
) -> tuple[Notification, ...]:
    """Return the notices to the recipients of the default route, who keep the installation running."""
    names = dict.fromkeys(name for route in book.routing.routes if route.default for name in route.to)
    rows: list[Notification] = []
    for recipient in filter(None, map(book.routing.recipient, names)):
        for channel in recipient.channels():
            view = _rules_notice(recipient, channel, findings, len(book.kept), book.digest, now, version)
            rows.append(
                Notification(
                    notification_id=view.notification_id,
                    recipient_id=recipient.recipient_id,
                    channel=channel,
                    alert_id="",
                    order_key=f"{recipient.recipient_id}/notices/{channel}",
                    sequence=1,
                    message=render(view, recipient, channel),
                    created_at=now,
                    due_at=now,
                    expires_at=now + policy_of(channel).lifetime,
                )
            )
    return tuple(rows)
