"""What becomes of messages that wait when routes, timing or quiet hours are edited."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from monitor.alerts.calendar import DEFAULT_DIGEST, next_digest
from monitor.alerts.decide import pace_for, push_due, routes_by_recipient, was_told
from monitor.models import Outcome, stable_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from monitor.models import Alert, AlertRevision, Decision, Recipient, Routing

_SLOT: Final = re.compile(r"\d{4}-\d\d-\d\dT(\d\d):(\d\d) (\S+)")  # the label of `calendar.next_digest`
_WHY: Final = "Planned again, because the routes were edited"


def mark(routing: Routing) -> str:
    """Return what changes with whatever in the routes may move a message, and with nothing else."""
    calendars = [(r.recipient_id, r.timezone, r.quiet, r.bypass, r.digest) for r in routing.recipients]
    return stable_id("plan", repr(calendars), repr([replace(route, where="") for route in routing.routes]))


def planned_again(
    waiting: Iterable[Decision],
    alerts: Mapping[str, Alert],
    revisions: Iterable[AlertRevision],
    decisions: Sequence[Decision],
    routing: Routing,
    now: datetime,
) -> tuple[Decision, ...]:
    """Return the waiting decisions that are due at another time by the routes and calendars of today.

    A push waits as if it had been decided when it was, and leaves in no quiet hours; a digest entry waits
    for a slot that there still is. What a silence or the flood guard holds stays, and so does what no
    route sends any more: that was promised. A push stays a push, a digest entry one.

    Args:
        waiting: decisions that wait.
        alerts: those that they are about, by id, as they are now.
        revisions: of these alerts.
        decisions: all about these alerts.
        routing: recipients and routes as they are now.
        now: when this is asked.
    """
    known = {(one.alert_id, one.revision): one for one in revisions}
    found = []
    for one in waiting:
        alert, revision = alerts.get(one.alert_id), known.get((one.alert_id, one.revision))
        if alert is None or revision is None:
            continue
        place = one.alert_id, one.recipient_id
        told = [d for d in decisions if (d.alert_id, d.recipient_id) == place and was_told(d)]
        found.append((one, _again(one, (alert, revision), told, routing, now)))
    return tuple(made for one, made in found if made != one)


def _again(
    decision: Decision,
    about: tuple[Alert, AlertRevision],
    told: Sequence[Decision],
    routing: Routing,
    now: datetime,
) -> Decision:
    recipient = routing.recipient(decision.recipient_id)
    route = routes_by_recipient(routing, about[0]).get(decision.recipient_id)
    if recipient is None or route is None or decision.reminder or decision.stands_for:
        return decision
    if decision.outcome is Outcome.DIGEST:
        return _in_a_slot(decision, recipient, now)
    pushed = pace_for(about[0], recipient.recipient_id, routing).delivery == "now"
    if decision.outcome not in {Outcome.QUEUED, Outcome.HELD} or not pushed:
        return decision
    made = push_due(about, (recipient, route), told, decision.decided_at, now)
    late = decision.due_at is not None and decision.due_at <= now and made.due_at == now
    if late or (made.outcome, made.due_at) == (decision.outcome, decision.due_at):
        return decision
    return replace(made, reason=f"{made.reason} {_WHY}.")


def _in_a_slot(decision: Decision, recipient: Recipient, now: datetime) -> Decision:
    """Return a digest entry, moved when the recipient has no digest at the time it waits for any more."""
    found = _SLOT.fullmatch(decision.slot)
    if found is None:
        return decision  # a digest of another kind: a backfill, a catch-up
    minute = 60 * int(found[1]) + int(found[2])
    if found[3] == recipient.timezone and minute in (recipient.digest or DEFAULT_DIGEST):
        return decision
    due_at, slot = next_digest(recipient, now)
    why = f"{decision.reason} {_WHY}: in the digest of {slot}."
    return replace(decision, due_at=due_at, slot=slot, reason=why)
