"""Reminders: who has not acknowledged an alert, when they hear of it again, and who hears instead of them.

An alert asks for an acknowledgement from its opening on, and again after all that clears one. Where the
timing has reminders, a recipient who was told is reminded so often, and then their fallback is told, once.
All of it follows from stored decisions; `Alert.remind_at` only says when to look again.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from monitor.alerts.calendar import quiet_until
from monitor.alerts.decide import bypasses_quiet, described_route, is_waiting, routes_by_recipient, was_told
from monitor.alerts.guard import CATCH_UP_SLOT, FLOOD_SLOT
from monitor.alerts.moments import wall_time
from monitor.alerts.silences import SILENCE_SLOT
from monitor.alerts.timing import pace
from monitor.alerts.wording import counted, duration, series
from monitor.models import AlertRevision, AlertState, Decision, Outcome, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime, timedelta

    from monitor.alerts.timing import Pace
    from monitor.models import Alert, Recipient, Route, Routing


@dataclass(frozen=True, slots=True)
class Due:
    """The next reminder of one recipient."""

    recipient_id: str
    route: Route
    number: int  # from 1; `times` + 1 is the fallback's turn
    times: int
    at: datetime  # when it is due
    waits: bool  # for a message that is still to leave, so that `at` may change

    @property
    def for_fallback(self) -> bool:
        """Return whether their reminders are over, and their fallback's turn has come."""
        return self.number > self.times


@dataclass(frozen=True, slots=True)
class Reminding:
    """What a look at one alert leads to."""

    alert: Alert  # with the time of the next look; unlike the old one in nothing else without a revision
    revision: AlertRevision | None = None
    decisions: tuple[Decision, ...] = ()


def first_look(alert: Alert, routing: Routing) -> Alert:
    """Return the alert with the earliest time at which somebody might have to be reminded of it."""
    awaited = _is_awaited(alert)
    paces = (pace(alert.severity, route) for route in routes_by_recipient(routing, alert).values())
    waits = [one.remind_every for one in paces if awaited and _reminds(one) and one.remind_every]
    at = alert.remind_since + min(waits) if alert.remind_since and waits else None
    return replace(alert, remind_at=at)


def remind(alert: Alert, decisions: Sequence[Decision], routing: Routing, now: datetime) -> Reminding:
    """Return the reminders of one alert that are due, as one revision, and when to look again.

    A recipient whose own reminder is not due gets the decision that nothing is sent, so that there is
    one for everybody.

    Args:
        alert: any.
        decisions: all decisions about it.
        routing: recipients and routes.
        now: when this is decided.
    """
    due = [one for one in upcoming(alert, decisions, routing) if one.at <= now]
    if not due:
        return Reminding(_next_look(alert, decisions, routing, now))
    number = alert.revision + 1
    revision = AlertRevision(
        alert.alert_id, number, Reason.REMINDER, now, _note(alert, due, routing, now), ()
    )
    reminded = replace(alert, revision=number)
    made = tuple(_decisions(reminded, due, routing, now))
    return Reminding(_next_look(reminded, (*decisions, *made), routing, now), revision, made)


def upcoming(alert: Alert, decisions: Sequence[Decision], routing: Routing) -> tuple[Due, ...]:
    """Return everybody's next reminder, if nobody acknowledges the alert; nobody's if somebody has."""
    since = alert.remind_since
    if since is None or not _is_awaited(alert):
        return ()
    found = (
        _upcoming(recipient_id, route, pace(alert.severity, route), decisions, since)
        for recipient_id, route in routes_by_recipient(routing, alert).items()
    )
    return tuple(
        one for one in found if one and (not one.for_fallback or _fallback(one.recipient_id, routing))
    )


def _is_awaited(alert: Alert) -> bool:
    return alert.state is AlertState.OPEN and alert.acked_at is None and alert.remind_since is not None


def _reminds(timing: Pace) -> bool:
    return timing.delivery == "now" and timing.remind_every is not None


def _upcoming(
    recipient_id: str, route: Route, timing: Pace, decisions: Iterable[Decision], since: datetime
) -> Due | None:
    if timing.remind_every is None or not _reminds(timing):
        return None
    mine = [d for d in decisions if d.recipient_id == recipient_id]
    lately = [d for d in mine if d.decided_at >= since]
    last = max((d for d in lately if d.reminder), key=lambda d: d.reminder, default=None)
    # Reminders follow each other; the first one follows the message that it reminds of, once that leaves.
    pushed = [d for d in lately if not d.reminder and _is_push(d) and (was_told(d) or is_waiting(d))]
    after = last or min(pushed, key=_leaves_at, default=None)
    if after is None:
        told_before = any(was_told(d) and _is_push(d) for d in mine)
        if lately or not told_before:  # it was decided that they are told nothing, or they never were
            return None
    begin = since if after is None else _leaves_at(after)
    number = (last.reminder if last else 0) + 1
    if number > timing.remind_times + 1:
        return None
    waits = after is not None and is_waiting(after)
    return Due(recipient_id, route, number, timing.remind_times, begin + timing.remind_every, waits)


def _leaves_at(decision: Decision) -> datetime:
    return decision.due_at or decision.decided_at


def _is_push(decision: Decision) -> bool:
    """Return whether a decision is about a message at once, or about what collected such messages."""
    return not decision.slot or decision.slot.startswith((SILENCE_SLOT, FLOOD_SLOT, CATCH_UP_SLOT))


def _fallback(recipient_id: str, routing: Routing) -> Recipient | None:
    recipient = routing.recipient(recipient_id)
    return routing.recipient(recipient.fallback) if recipient and recipient.fallback else None


def _next_look(alert: Alert, decisions: Sequence[Decision], routing: Routing, now: datetime) -> Alert:
    times = [
        min(one.at, now + _every(alert, one.route)) if one.waits else one.at
        for one in upcoming(alert, decisions, routing)
    ]
    return replace(alert, remind_at=min(times, default=None))


def _every(alert: Alert, route: Route) -> timedelta:
    every = pace(alert.severity, route).remind_every
    assert every is not None, "only routes with reminders have upcoming ones"
    return every


def _note(alert: Alert, due: Sequence[Due], routing: Routing, now: datetime) -> str:
    assert alert.remind_since is not None, "nothing is due for an alert that asks for nothing"
    waited = f"Nobody has acknowledged this alert for {duration(now - alert.remind_since)}"
    numbers = {(one.number, one.times) for one in due if not one.for_fallback}
    parts = [f"reminder {number} of {times}" for number, times in sorted(numbers)]
    for one in due:
        other = _fallback(one.recipient_id, routing)
        if one.for_fallback and other:
            times = counted(one.times, "reminder")
            parts.append(f"{one.recipient_id} was sent {times}, so {other.recipient_id} is told")
    return f"{waited}: {'; '.join(parts)}."


def _decisions(alert: Alert, due: Sequence[Due], routing: Routing, now: datetime) -> Iterable[Decision]:
    by_recipient = {one.recipient_id: one for one in due}
    instead: dict[str, list[Due]] = defaultdict(list)
    for one in due:
        other = _fallback(one.recipient_id, routing)
        if one.for_fallback and other:
            instead[other.recipient_id].append(one)
    routes = routes_by_recipient(routing, alert)
    for recipient_id, route in routes.items():
        mine = by_recipient.get(recipient_id)
        yield _decision(alert, recipient_id, route, mine, instead.pop(recipient_id, ()), routing, now)
    for recipient_id, others in instead.items():
        yield _decision(alert, recipient_id, None, None, others, routing, now)


def _decision(
    alert: Alert,
    recipient_id: str,
    route: Route | None,
    mine: Due | None,
    instead: Sequence[Due],
    routing: Routing,
    now: datetime,
) -> Decision:
    """Return the one decision about a reminder for one recipient, who may be others' fallback, too."""
    what = _fallback_of(instead) if instead else f"{described_route(route)}; " if route else ""
    made = Decision(
        alert_id=alert.alert_id,
        revision=alert.revision,
        recipient_id=recipient_id,
        outcome=Outcome.LOGGED,
        reason=f"{what}no reminder is due for them.",
        decided_at=now,
        reminder=mine.number if mine else 0,
        stands_for=tuple(one.recipient_id for one in instead),
    )
    if mine and mine.for_fallback and not instead:
        other = _fallback(recipient_id, routing)
        told = other.recipient_id if other else "nobody"
        return replace(made, reason=f"{what}after {counted(mine.times, 'reminder')} in vain {told} is told.")
    if mine is None and not instead:
        return made
    said = f"reminder {mine.number} of {mine.times}" if mine and not mine.for_fallback else ""
    return _push(made, f"{what}{said or 'leaves at once'}", alert, routing, now)


def _fallback_of(instead: Sequence[Due]) -> str:
    names = series([one.recipient_id for one in instead])
    return f"Fallback of {names}, who did not acknowledge after {counted(instead[0].times, 'reminder')}; "


def _push(made: Decision, what: str, alert: Alert, routing: Routing, now: datetime) -> Decision:
    recipient = routing.recipient(made.recipient_id)
    if recipient and not bypasses_quiet(recipient, alert.severity):
        until = quiet_until(recipient, now)
        if until is not None:
            held = f"{what}; quiet hours: held until {wall_time(until, recipient.timezone)}."
            return replace(made, outcome=Outcome.HELD, due_at=until, reason=held)
    return replace(made, outcome=Outcome.QUEUED, due_at=now, reason=f"{what}.")


def by_alert(decisions: Iterable[Decision]) -> Mapping[str, Sequence[Decision]]:
    """Return decisions sorted by the alert that they are about."""
    found: dict[str, list[Decision]] = defaultdict(list)
    for decision in decisions:
        found[decision.alert_id].append(decision)
    return found
