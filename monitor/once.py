"""One round of everything, for `monitor once`; one message to try a recipient, for `monitor send-test`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitor import __version__
from monitor.errors import ConfigurationError, DeliveryError
from monitor.models import Notification
from monitor.notices import test_view

if TYPE_CHECKING:
    from monitor.loops.poll import PollReport
    from monitor.program import Monitor


@dataclass(slots=True)
class Summary:
    """What `monitor once` did."""

    feeds_polled: int = 0
    feeds_not_modified: int = 0
    feeds_failed: int = 0
    items_seen: int = 0
    items_new: int = 0
    hits: int = 0
    alerts: int = 0
    delivered: int = 0
    pending: int = 0
    failed: int = 0
    failures: tuple[tuple[str, str], ...] = ()  # (feed id, message)

    def add(self, report: PollReport) -> None:
        """Count one poll."""
        self.feeds_polled += 1
        self.feeds_not_modified += report.outcome == "not_modified"
        self.feeds_failed += report.failed
        self.items_seen += report.seen
        self.items_new += report.new
        self.hits += report.new_hits
        if report.failed:
            self.failures += ((report.feed_id, report.message),)

    def as_dict(self) -> dict[str, Any]:
        """Return the summary in the form that scripts rely on."""
        return {
            "feeds": {
                "polled": self.feeds_polled,
                "not_modified": self.feeds_not_modified,
                "failed": self.feeds_failed,
            },
            "items": {"seen": self.items_seen, "new": self.items_new},
            "hits": self.hits,
            "alerts": self.alerts,
            "notifications": {"delivered": self.delivered, "pending": self.pending, "failed": self.failed},
        }


async def run_once(monitor: Monitor, *, no_wait: bool = False) -> Summary:
    """Poll what is due, group, deliver what is due, and tell what was done."""
    summary = Summary()
    monitor.listen(summary.add)
    await monitor.poll.run_due()
    flushed = await monitor.flush.run_once(no_wait=no_wait)
    if await monitor.watch.run_once(no_wait=True):  # what it found is told in this round, too
        await monitor.flush.run_once(no_wait=no_wait)
    outcomes = await monitor.deliver.run_due()
    summary.alerts = len({revision.alert_id for revision in flushed.revisions})
    summary.delivered, summary.failed = outcomes["delivered"], outcomes["failed"]
    counts = await monitor.storage.counts(monitor.clock())
    summary.pending = counts.notifications_pending + counts.decisions_waiting
    return summary


async def send_test(monitor: Monitor, recipient_id: str) -> list[tuple[str, str, bool]]:
    """Send one test message over each channel of a recipient; return (channel, what happened, accepted).

    Raises:
        ConfigurationError: there is no such recipient.
    """
    recipient = monitor.book.routing.recipient(recipient_id)
    if recipient is None:
        known = ", ".join(r.recipient_id for r in monitor.book.routing.recipients)
        raise ConfigurationError(f'there is no recipient "{recipient_id}" in routes.yaml; known are: {known}')
    results: list[tuple[str, str, bool]] = []
    now = monitor.clock()
    for channel in recipient.channels():
        view = test_view(recipient, channel, now, __version__)
        message = monitor.templates.message(view, recipient, channel)
        notification = Notification(
            view.notification_id, recipient_id, channel, "", f"test/{recipient_id}/{channel}", 1, message,
            created_at=now, due_at=now, expires_at=now,
        )  # fmt: skip
        try:
            answer = await monitor.channels[channel].send(notification, recipient, now)
        except DeliveryError as error:
            results.append((channel, str(error), False))
        else:
            results.append((channel, answer, True))
    return results
