"""Send what is in the outbox: claim, send concurrently, commit outcomes in batches."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from monitor.alerts.attempts import after_attempt
from monitor.errors import DeliveryError
from monitor.models import NotificationState
from monitor.storage.base import Delivered

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from monitor.channels.base import Channel
    from monitor.models import Notification, Routing
    from monitor.storage.base import Storage

log = structlog.get_logger("monitor.deliver")

LEASE_MARGIN = timedelta(seconds=60)  # beyond the bound of one attempt
CHANNEL_PAUSE = timedelta(minutes=5)  # after an authentication failure: more attempts could lock the account
LOOK_AGAIN = timedelta(seconds=1)  # while slow attempts run, new messages are still picked up
FAILURES_BEFORE_FALLBACK = 3
PER_RECIPIENT = 4  # running sends to one recipient: a slow one delays no other


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What one notification's attempt led to."""

    notification: Notification  # the new row
    error: DeliveryError | None
    seconds: float

    @property
    def outcome(self) -> str:
        """Return "delivered", "pending" (to be tried again) or "failed" (given up)."""
        return {
            NotificationState.SENT: "delivered",
            NotificationState.PENDING: "pending",
            NotificationState.DEAD: "failed",
        }[self.notification.state]


class DeliverLoop:
    """Drains the outbox in batches; polling never waits for it."""

    def __init__(
        self,
        storage: Storage,
        channels: Mapping[str, Channel],
        routing: Callable[[], Routing],
        clock: Callable[[], datetime],
        *,
        concurrency: int,
        attempt_bound: timedelta,
        told: Callable[[DeliveryReport], None],
        fallback: Callable[[Notification, datetime], Sequence[Notification]],
    ) -> None:
        """Keep the parts.

        Args:
            storage: the outbox.
            channels: by name, as in `Notification.channel`.
            routing: the present recipients.
            clock: answers `now`.
            concurrency: sends at the same time.
            attempt_bound: longest duration of one attempt; the lease outlives it.
            told: hears of every attempt (metrics).
            fallback: messages to others instead of one that fails.
        """
        self._storage = storage
        self._channels = channels
        self._routing = routing
        self._clock = clock
        self._concurrency = concurrency
        self._lease = attempt_bound + LEASE_MARGIN
        self._attempt_bound = attempt_bound
        self._told = told
        self._fallback = fallback
        self._paused: dict[str, datetime] = {}  # channel: until; a restart tries again, which does no harm
        self._running: set[asyncio.Task[DeliveryReport]] = set()
        self._finished: list[DeliveryReport] = []  # not committed yet: kept while the store fails
        self._stopping = False

    async def run_due(self) -> tuple[DeliveryReport, ...]:
        """Send until nothing is due and nothing runs.

        1. Claim as much as there is room for, leaving out channels that are paused.
        2. Wait until any attempt ends; a slow receiver holds one place, not the loop.
        3. Commit all that has ended as one batch; a row whose lease was lost is somebody else's.
        """
        reports: list[DeliveryReport] = []
        while True:
            reports += await self._commit()  # what an earlier run could not store
            await self._claim()
            if not self._running:
                return tuple(reports)
            done, self._running = await asyncio.wait(
                self._running, timeout=LOOK_AGAIN.total_seconds(), return_when=asyncio.FIRST_COMPLETED
            )
            self._finished += [task.result() for task in done]
            reports += await self._commit()

    def stop(self) -> None:
        """Claim nothing more; a running `run_due` ends with the attempts under way."""
        self._stopping = True

    async def _claim(self) -> None:
        room = self._concurrency - len(self._running)
        if self._stopping or room <= 0:
            return
        now = self._clock()
        paused = tuple(name for name, until in self._paused.items() if until > now)
        claimed = await self._storage.claim_notifications(
            now, limit=room, per_recipient=PER_RECIPIENT, lease=self._lease, without=paused
        )
        self._running |= {asyncio.create_task(self._attempt(notification)) for notification in claimed}

    async def _commit(self) -> list[DeliveryReport]:
        if not self._finished:
            return []
        reports = list(self._finished)
        now = self._clock()
        others = [
            other
            for report in reports
            if _is_trouble(report)
            for other in self._fallback(report.notification, now)
        ]
        if others:  # before the commit: a crash between them repeats, and a repeat adds nothing
            await self._storage.add_notifications(others)
        await self._storage.commit_delivery([Delivered(report.notification) for report in reports], now)
        del self._finished[: len(reports)]
        for report in reports:
            _note(report)
            self._told(report)
        return reports

    async def _attempt(self, notification: Notification) -> DeliveryReport:
        started = self._clock()
        error: DeliveryError | None = None
        try:
            async with asyncio.timeout(self._attempt_bound.total_seconds()):
                answer = await self._send(notification, started)
            log.debug("sent", notification=notification.notification_id, answer=answer)
        except DeliveryError as failure:
            error = failure
        except TimeoutError:
            error = DeliveryError(
                f"no answer within {self._attempt_bound.total_seconds():.0f} s", permanent=False
            )
        except Exception as failure:  # a defect in one channel must not lose the batch
            log.exception("channel failed", channel=notification.channel)
            error = DeliveryError(f"internal error in {notification.channel}: {failure}", permanent=False)
        now = self._clock()
        if error is not None and error.pause_channel:
            self._paused[notification.channel] = now + CHANNEL_PAUSE
        return DeliveryReport(after_attempt(notification, error, now), error, (now - started).total_seconds())

    async def _send(self, notification: Notification, now: datetime) -> str:
        recipient = self._routing().recipient(notification.recipient_id)
        channel = self._channels.get(notification.channel)
        if recipient is None:
            raise DeliveryError(
                f'recipient "{notification.recipient_id}" is no longer in routes.yaml: put it back, '
                "then the message can be sent again",
                permanent=True,
            )
        if channel is None:
            raise DeliveryError(f'there is no channel "{notification.channel}"', permanent=True)
        return await channel.send(notification, recipient, now)


def _is_trouble(report: DeliveryReport) -> bool:
    """Return whether it is time for the fallback: given up, or failed for the third time."""
    return report.error is not None and (
        report.outcome == "failed" or report.notification.attempts == FAILURES_BEFORE_FALLBACK
    )


def _note(report: DeliveryReport) -> None:
    row = report.notification
    facts = {
        "notification": row.notification_id,
        "recipient": row.recipient_id,
        "channel": row.channel,
        "attempt": row.attempts,
    }
    if report.outcome == "delivered":
        log.info("delivered", **facts)
    elif report.outcome == "pending":
        log.warning(
            "delivery will be tried again", error=row.last_error, due_at=row.due_at.isoformat(), **facts
        )
    else:
        log.error("delivery given up", error=row.last_error, hint="`monitor status` lists it", **facts)
