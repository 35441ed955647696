"""Group hits into alerts, decide who is told and when, and put messages into the outbox.

Two steps, each one transaction. `group` turns hits into stories, alerts, revisions and decisions: from
then on, who hears what and when is a stored fact. `write` turns decisions that are due into messages in
the outbox. A template that fails can so hold back its message, never the hit behind it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

import structlog

from monitor.alerts.attempts import outbox_row
from monitor.alerts.bundle import bundle
from monitor.alerts.compose import compose
from monitor.alerts.decide import rendered
from monitor.alerts.guard import HOUR, catch_up, guard, messages_by_rule
from monitor.alerts.lifecycle import QUIET_FOR, close_quiet, expire_held
from monitor.alerts.replanning import mark, planned_again
from monitor.alerts.silences import hushed
from monitor.errors import RenderError
from monitor.loops.administer import read_silences
from monitor.loops.correcting import corrections
from monitor.loops.grouping import Grouping, decide_all
from monitor.loops.reminding import reminders, with_timers
from monitor.loops.stories import learn
from monitor.models import AlertRevision, AlertState, Notification
from monitor.storage.base import FlushCommit
from monitor.stories.linking import JOINING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from monitor.alerts.bundle import Bundle
    from monitor.alerts.lifecycle import Transition
    from monitor.alerts.view import NotificationView
    from monitor.models import Alert, Decision, Message, Recipient, Routing
    from monitor.rulebook import RuleBook
    from monitor.storage.base import Storage
    from monitor.stories.linking import Joining

log = structlog.get_logger("monitor.flush")

LEASE = timedelta(seconds=20)  # many times what one batch takes: after a kill, nobody waits long
HITS_AT_ONCE = 200
LEARNED_BATCHES = 5
DECISIONS_AT_ONCE = 500
CLOSED_AT_ONCE = 200
CORRECTED_AT_ONCE = 100
LATELY_AT_FIRST = 40  # a recipient's newest messages: most get fewer in an hour
PLANNED = "flush.planned"  # the small value that holds the mark of the routes
LONG = timedelta(days=1000)  # nothing waits longer
HELD_AT_ONCE = 10_000  # looked at in each flush: alerts wait for hours, and few rules hold
RENDER_AGAIN = timedelta(minutes=1)  # after a template failed


class Rendering(Protocol):
    """Turns a view into the words that are sent."""

    def message(self, view: NotificationView, recipient: Recipient, channel: str) -> Message:
        """Render once, or raise `RenderError`."""


@dataclass(frozen=True, slots=True)
class FlushReport:
    """What one flush did."""

    hits: int = 0
    revisions: tuple[AlertRevision, ...] = ()
    notifications: tuple[Notification, ...] = ()
    closed: int = 0
    noisy: tuple[tuple[str, str], ...] = ()  # (rule, recipient) whose messages went over the flood guard


class FlushLoop:
    """Serialized by one lease in the whole installation."""

    def __init__(
        self,
        storage: Storage,
        book: Callable[[], RuleBook],
        rendering: Rendering,
        clock: Callable[[], datetime],
        version: str,
        told: Callable[[FlushReport], None],
        *,
        joining: Joining = JOINING,
        reminding: bool = True,
    ) -> None:
        """Keep the parts.

        `book` answers the present rules, `clock` the time, `told` hears of each flush; `joining` says how
        items join stories. Without `reminding` nobody is reminded: in a replay, where it is not known
        whether somebody would have acknowledged.
        """
        self._storage = storage
        self._book = book
        self._rendering = rendering
        self._clock = clock
        self._version = version
        self._told = told
        self._joining = joining
        self._reminding = reminding
        self._planned: Routing | None = None  # by which all that waits is planned
        self._noisy: dict[tuple[str, str], None] = {}

    async def run_once(self, *, no_wait: bool = False) -> FlushReport:
        """Do all that is to be done now; nothing while another process does it.

        1. Learn from new items how telling their terms are, so that the grouping knows; a bounded part.
        2. Group pending hits, batch by batch.
        3. Look at reports that were changed since they were put under alerts.
        4. Remind those who have not acknowledged what they should.
        5. If the routes were edited, plan again what waits.
        6. Write the messages that are due.
        7. Close alerts that went quiet, and end those that were held and not confirmed in time.

        Each batch has a claim of its own, so that a lease is short and the work may be long.

        Args:
            no_wait: let group waits and update intervals pass at once (quiet hours stay).
        """
        await self._learn_some()
        hits, revisions, notifications, closed = 0, list[AlertRevision](), list[Notification](), 0
        self._noisy.clear()
        while grouped := await self._claimed(self._group, no_wait=no_wait):
            hits += len(grouped.handled)
            revisions += grouped.revisions
        while corrected := await self._claimed(self._correct, no_wait=no_wait):
            revisions += corrected.revisions
        while self._reminding and (reminded := await self._claimed(self._remind)):
            revisions += reminded.revisions
        await self._plan_again()
        while written := await self._claimed(self._write):
            notifications += written.notifications
        while ended := await self._claimed(self._close):
            closed += len(ended.alerts)
            revisions += ended.revisions
        if expired := await self._claimed(self._expire):
            revisions += expired.revisions
        report = FlushReport(hits, tuple(revisions), tuple(notifications), closed, tuple(self._noisy))
        self._told(report)
        return report

    async def _claimed(
        self, step: Callable[..., Awaitable[FlushCommit | None]], **options: bool
    ) -> FlushCommit | None:
        """Run one step under a claim and commit it; None: nothing to do, or another holds the claim."""
        claim = await self._storage.claim_flush(self._clock(), lease=LEASE)
        if claim is None:
            return None
        try:
            now = self._clock()
            commit = await step(now, **options)
            if commit is not None:
                await self._storage.commit_flush(claim, commit, now)
        finally:
            await self._storage.release_flush(claim)
        return commit

    async def _learn_some(self) -> None:
        """Learn when there is something to group; a backlog of thousands of items takes several flushes."""
        for _ in range(LEARNED_BATCHES):
            if not await self._storage.pending_hits(limit=1) or not await self._claimed(self._learn):
                return

    async def _learn(self, _now: datetime) -> FlushCommit | None:
        learned = await learn(self._storage)
        return FlushCommit(learned=learned) if learned else None

    async def _group(self, now: datetime, *, no_wait: bool) -> FlushCommit | None:
        pending = await self._storage.pending_hits(limit=HITS_AT_ONCE)
        if not pending:
            return None
        grouping = Grouping(
            self._storage, self._book(), now, no_wait=no_wait, joining=self._joining,
            silences=await read_silences(self._storage),
        )  # fmt: skip
        commit = with_timers(await grouping.run(pending), self._book().routing, now)
        for revision in commit.revisions:
            log.info("alert", alert=revision.alert_id, reason=revision.reason.value, note=revision.note)
        return commit

    async def _correct(self, now: datetime, *, no_wait: bool) -> FlushCommit | None:
        pending = await self._storage.pending_corrections(limit=CORRECTED_AT_ONCE)
        if not pending:
            return None
        book = self._book()
        steps = corrections(pending, book, now)
        commit = FlushCommit(
            alerts=tuple(step.alert for step in steps),
            revisions=tuple(revision for step in steps for revision in step.revisions),
            decisions=tuple(
                [
                    decision
                    for step in steps
                    for decision in await decide_all(self._storage, book.routing, step, now, no_wait=no_wait)
                ]
            ),
            corrected=tuple((one.item.item_id, one.item.revision) for one in pending),
        )
        return with_timers(commit, book.routing, now)

    async def _remind(self, now: datetime) -> FlushCommit | None:
        return await reminders(self._storage, self._book().routing, now)

    async def _write(self, now: datetime) -> FlushCommit | None:
        due = await self._storage.due_decisions(now, limit=DECISIONS_AT_ONCE)
        return await self._messages(due, now) if due else None

    async def _expire(self, now: datetime) -> FlushCommit | None:
        held = await self._storage.list_alerts(state=AlertState.PENDING.value, limit=HELD_AT_ONCE)
        return await self._ended([expire_held(alert, now) for alert in held], now)

    async def _close(self, now: datetime) -> FlushCommit | None:
        quiet = await self._storage.quiet_alerts(last_hit_before=now - QUIET_FOR, limit=CLOSED_AT_ONCE)
        return await self._ended([close_quiet(alert, now) for alert in quiet], now)

    async def _ended(self, found: Sequence[Transition], now: datetime) -> FlushCommit | None:
        steps = [step for step in found if step.revisions]
        if not steps:
            return None
        routing = self._book().routing
        return FlushCommit(
            alerts=tuple(step.alert for step in steps),
            revisions=tuple(revision for step in steps for revision in step.revisions),
            decisions=tuple(
                [d for step in steps for d in await decide_all(self._storage, routing, step, now)]
            ),
        )

    async def _plan_again(self) -> None:
        """Let what waits follow edited routes, once; what they were last is remembered in the store."""
        routing = self._book().routing
        if routing is not self._planned and await self._claimed(self._replan) is not None:
            self._planned = routing

    async def _replan(self, now: datetime) -> FlushCommit:
        routing = self._book().routing
        before = await self._storage.get_value(PLANNED)
        if before is None or before == mark(routing):
            return FlushCommit(values=((PLANNED, mark(routing)),) if before is None else ())
        waiting = await self._storage.due_decisions(now + LONG, limit=HELD_AT_ONCE)
        ids = tuple(dict.fromkeys(one.alert_id for one in waiting))
        changed = planned_again(
            waiting, await self._storage.alerts(ids), await self._storage.revisions(ids),
            await self._storage.decisions(ids), routing, now,
        )  # fmt: skip
        if changed:
            log.info("what waits was planned again, because the routes were edited", messages=len(changed))
        return FlushCommit(decisions=changed, values=((PLANNED, mark(routing)),))

    async def _messages(self, due: Sequence[Decision], now: datetime) -> FlushCommit:
        ids = tuple(dict.fromkeys(decision.alert_id for decision in due))
        alerts = await self._storage.alerts(ids)
        told = await self._storage.decisions(ids)
        revisions = await self._storage.revisions(ids)
        routing = self._book().routing
        quiet = [d for d in await self._silenced(due, alerts, now) if d not in due]
        keys = {(d.alert_id, d.revision, d.recipient_id) for d in quiet}
        due = tuple(d for d in due if (d.alert_id, d.revision, d.recipient_id) not in keys)
        told = tuple(d for d in told if (d.alert_id, d.revision, d.recipient_id) not in keys)
        sorted_ = bundle(due, alerts, told, routing, now)
        ready, backlog = catch_up(sorted_.bundles, alerts, now)
        passed, limited = guard(ready, alerts, await self._told_lately(ready, now), now, routing)
        self._noisy |= {(alerts[d.alert_id].rule.rule_id, d.recipient_id): None for d in limited}
        decisions, notifications = [*quiet, *sorted_.changed, *backlog, *limited], list[Notification]()
        for made in passed:
            try:
                rows = [
                    self._render(made, channel, alerts, revisions, told, routing, now)
                    for channel in _channels(made, routing)
                ]
            except RenderError as error:
                log.error("a message cannot be rendered", recipient=made.recipient_id, error=str(error))  # noqa: TRY400 - one line for people
                decisions += [replace(d, due_at=now + RENDER_AGAIN) for d in made.decisions]
                continue
            notifications += rows
            row_ids = tuple(row.notification_id for row in rows)
            decisions += [rendered(decision, row_ids, now) for decision in made.decisions]
        return FlushCommit(decisions=tuple(decisions), notifications=tuple(notifications))

    async def _silenced(
        self, due: Sequence[Decision], alerts: Mapping[str, Alert], now: datetime
    ) -> list[Decision]:
        """Return the due decisions, with those that a silence has begun to cover held until its end."""
        silences = await read_silences(self._storage)
        found: list[Decision] = []
        for decision in due:
            alert = alerts.get(decision.alert_id)
            found += hushed([decision], alert, silences, now) if alert and silences else [decision]
        return found

    async def _told_lately(self, bundles: Sequence[Bundle], now: datetime) -> Counter[tuple[str, str]]:
        """Return what the recipients of these messages got in the last hour, by recipient and rule."""
        total: Counter[tuple[str, str]] = Counter()
        for recipient_id in sorted({made.recipient_id for made in bundles if made.kind == "alert"}):
            limit = LATELY_AT_FIRST
            while True:
                rows = await self._storage.notifications(recipient_id=recipient_id, limit=limit)
                if len(rows) < limit or now - rows[-1].created_at >= HOUR:
                    break
                limit *= 4
            alerts = await self._storage.alerts(tuple({row.alert_id for row in rows if row.alert_id}))
            total += messages_by_rule(rows, alerts, now)
        return total

    def _render(
        self,
        made: Bundle,
        channel: str,
        alerts: Mapping[str, Alert],
        revisions: Sequence[AlertRevision],
        told: Sequence[Decision],
        routing: Routing,
        now: datetime,
    ) -> Notification:
        view = compose(made, channel, alerts, revisions, told, routing, now, self._version)
        recipient = routing.recipient(made.recipient_id)
        assert recipient is not None, "`bundle` fails decisions whose recipient is gone"
        return outbox_row(made, channel, self._rendering.message(view, recipient, channel), now)


def _channels(made: Bundle, routing: Routing) -> tuple[str, ...]:
    recipient = routing.recipient(made.recipient_id)
    return recipient.channels() if recipient else ()
