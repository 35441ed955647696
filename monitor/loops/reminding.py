"""Remind people of alerts that nobody has acknowledged: the timers are in the store."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from monitor.alerts.reminders import by_alert, first_look, remind
from monitor.alerts.silences import hushed
from monitor.loops.administer import read_silences
from monitor.storage.base import FlushCommit

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.models import Decision, Routing
    from monitor.storage.base import Storage

REMINDED_AT_ONCE: Final = 100


async def reminders(storage: Storage, routing: Routing, now: datetime) -> FlushCommit | None:
    """Return the reminders that are due, of a bounded number of alerts; None without any to look at."""
    due = await storage.due_reminders(now, limit=REMINDED_AT_ONCE)
    if not due:
        return None
    decisions = by_alert(await storage.decisions([alert.alert_id for alert in due]))
    silences = await read_silences(storage)
    found = [remind(alert, decisions.get(alert.alert_id, ()), routing, now) for alert in due]
    made: list[Decision] = []
    for one in found:
        made += hushed(one.decisions, one.alert, silences, now)
    return FlushCommit(
        alerts=tuple(one.alert for one in found),
        revisions=tuple(one.revision for one in found if one.revision),
        decisions=tuple(made),
    )


def with_timers(commit: FlushCommit, routing: Routing, now: datetime) -> FlushCommit:
    """Return a commit in which alerts that ask for an acknowledgement from `now` on have their timer."""
    alerts = tuple(
        first_look(alert, routing) if alert.remind_since == now else alert for alert in commit.alerts
    )
    return replace(commit, alerts=alerts)
