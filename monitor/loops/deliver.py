"""Send what is in the outbox: claim, send concurrently, commit outcomes in batches."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from monitor.alerts.attempts import after_attempt, held_back
from monitor.errors import DeliveryError
from monitor.loops.gate import GONE_VALUE, Gate
from monitor.models import NotificationState
from monitor.storage.base import Delivered

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from monitor.channels.base import Channel
    from monitor.loops.gate import Trouble
    from monitor.models import Notification, Routing
    from monitor.storage.base import Storage

log = structlog.get_logger("monitor.deliver")

LEASE_MARGIN = timedelta(seconds=60)  # beyond the bound of one attempt
LOOK_AGAIN = timedelta(seconds=1)  # while slow attempts run, new messages are still picked up
GATHER = timedelta(milliseconds=50)  # a commit waits so long for further attempts to end
LONGEST_WAIT = LEASE_MARGIN / 2  # for a place, once claimed: then the lease still outlives the attempt
FAILURES_BEFORE_FALLBACK = 3
PER_RECIPIENT = 4  # running sends to one recipient: a slow one delays no other


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What one notification's attempt led to."""

    notification: Notification  # the new row
    error: DeliveryError | None
    seconds: float
    held: bool = False  # not tried: its receiver is left alone
    trouble: Trouble | None = None  # what the operator should hear of it
    back: tuple[str, str] | None = None  # (recipient or "", channel) that takes messages again

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
        trouble: Callable[[Trouble, datetime], Sequence[Notification]] = lambda _trouble, _now: (),
        clean: Callable[[str], str] = str,
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
            trouble: notices to those who keep the installation running.
            clean: takes secrets out of what is stored: a receiver may repeat those of another one.
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
        self._trouble = trouble
        self._clean = clean
        self._gate = Gate()
        self._places = asyncio.Semaphore(concurrency)
        self._running: set[asyncio.Task[DeliveryReport]] = set()
        self._finished: list[DeliveryReport] = []  # not committed yet: kept while the store fails
        self._stopping = False

    async def run_due(self) -> Counter[str]:
        """Send until nothing is due and nothing runs; return how often each outcome came about.

        1. Claim twice as much as there are places, leaving out channels that are paused: a place that
           becomes free is taken at once, while the store is busy with the others.
        2. Wait until any attempt ends; a slow receiver holds one place, not the loop.
        3. Commit all that has ended as one batch; a row whose lease was lost is somebody else's.
        """
        outcomes = Counter[str]()
        self._gate.learn_gone(await self._storage.get_value(GONE_VALUE))
        while True:
            outcomes += await self._commit()  # what an earlier run could not store
            await self._claim()
            if not self._running:
                return outcomes
            await asyncio.wait(
                self._running, timeout=LOOK_AGAIN.total_seconds(), return_when=asyncio.FIRST_COMPLETED
            )
            # Those that end together are committed together.
            await asyncio.wait(self._running, timeout=GATHER.total_seconds())
            self._collect()
            outcomes += await self._commit()

    def stop(self) -> None:
        """Claim nothing more; a running `run_due` ends with the attempts under way."""
        self._stopping = True

    async def abandon(self) -> None:
        """Cancel the attempts under way, and store what those led to that have ended.

        Nobody knows whether a cancelled one arrived: it is tried again, under the same id, when its
        lease has ended. `stop` comes before, and no `run_due` may be under way.
        """
        for task in self._running:
            task.cancel()  # does nothing to those that have ended
        await asyncio.gather(*self._running, return_exceptions=True)
        self._collect()
        await self._commit()

    def _collect(self) -> None:
        """Take the outcomes of the attempts that have ended."""
        ended = {task for task in self._running if task.done()}
        self._running -= ended
        self._finished += [task.result() for task in ended if not task.cancelled()]

    async def _claim(self) -> None:
        if self._stopping or len(self._running) > self._concurrency:
            return
        now = self._clock()
        claimed = await self._storage.claim_notifications(
            now,
            limit=2 * self._concurrency - len(self._running),
            per_recipient=PER_RECIPIENT,
            lease=self._lease,
            without=self._gate.paused(now),
        )
        self._running |= {asyncio.create_task(self._in_turn(row, now)) for row in claimed}

    async def _in_turn(self, row: Notification, claimed_at: datetime) -> DeliveryReport:
        """Wait for a place, then send `row`, unless there is a reason to let it go back untried."""
        async with self._places:
            now = self._clock()
            if self._stopping or now - claimed_at > LONGEST_WAIT:
                return DeliveryReport(row, None, 0.0, held=True)
            hold = self._gate.hold(row, self._target(row), now)
            if hold is None:
                return await self._attempt(row)
            if hold.until is None:
                new = replace(after_attempt(row, hold.error, now), attempts=row.attempts)
            else:
                new = held_back(row, str(hold.error), hold.until)
            return DeliveryReport(new, hold.error, 0.0, held=True)

    def _target(self, row: Notification) -> str:
        """Return the fingerprint of where `row` goes; "" when that is not known."""
        recipient = self._routing().recipient(row.recipient_id)
        channel = self._channels.get(row.channel)
        return channel.target(recipient) if recipient is not None and channel is not None else ""

    async def _commit(self) -> Counter[str]:
        if not self._finished:
            return Counter()
        reports = list(self._finished)
        now = self._clock()
        others = [
            other
            for report in reports
            if _is_trouble(report)
            for other in self._fallback(report.notification, now)
        ]
        troubles = [report.trouble for report in reports if report.trouble is not None]
        others += [notice for trouble in troubles for notice in self._trouble(trouble, now)]
        if any(trouble.kind == "gone" for trouble in troubles):
            await self._storage.set_value(GONE_VALUE, self._gate.gone())
        if others:  # before the commit: a crash between them repeats, and a repeat adds nothing
            await self._storage.add_notifications(others)
        await self._storage.commit_delivery([Delivered(report.notification) for report in reports], now)
        # What waits for hours is looked at now: it leaves, or it is held back and the fallback hears of it.
        moved = {report.back for report in reports if report.back is not None}
        moved |= {(one.recipient_id, one.channel) for one in troubles if one.kind == "failing"}
        for recipient_id, channel in moved:
            await self._storage.hasten_notifications(now, channel=channel, recipient_id=recipient_id or None)
        del self._finished[: len(reports)]
        for report in reports:
            _note(report)
            if not report.held:
                self._told(report)
        return Counter(report.outcome for report in reports)

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
        if error is not None:
            error.args = (self._clean(str(error)),)
        return self._as_report(notification, error, started, self._clock())

    def _as_report(
        self, row: Notification, error: DeliveryError | None, started: datetime, now: datetime
    ) -> DeliveryReport:
        """Return what follows: while a receiver's breaker is open, its wait counts, not the message's."""
        probe = self._gate.is_probe(row)
        trouble, back = self._gate.after(row, self._target(row), error, now)
        new = after_attempt(row, error, now)
        until = self._gate.waits_until(row) if error is not None and not error.permanent else None
        if until is not None and error is not None and not error.gone:
            counted = row.attempts + (0 if probe else 1)
            tried = replace(row, attempts=counted, last_attempt_at=now)
            new = held_back(tried, str(error), until)
        return DeliveryReport(new, error, (now - started).total_seconds(), trouble=trouble, back=back)

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
    """Return whether it is time for the fallback: given up, failed for the third time, or not even tried."""
    return report.error is not None and (
        report.held or report.outcome == "failed" or report.notification.attempts == FAILURES_BEFORE_FALLBACK
    )


def _note(report: DeliveryReport) -> None:
    row = report.notification
    if report.held and report.outcome == "pending":
        log.debug("held back", notification=row.notification_id, due_at=row.due_at.isoformat())
        return
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
