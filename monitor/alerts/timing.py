"""When messages leave by default: one row for each severity, and what a route may change in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from monitor.models import Reason, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.models import Route

Delivery: TypeAlias = Literal["now", "digest", "log"]


@dataclass(frozen=True, slots=True)
class Pace:
    """How messages about alerts of one severity are timed."""

    delivery: Delivery  # pushed, collected for the digest slot, or only recorded
    group_wait: timedelta  # from the alert's opening to a recipient's first message: collects reports
    update_interval: (
        timedelta  # at least this between a recipient's messages, unless the reason is in at_once
    )
    at_once: frozenset[Reason]  # reasons that do not wait for the update interval
    too_old: timedelta | None  # news older than this goes to the digest; None = no bound
    max_per_hour: int  # messages about one rule; what is beyond is summarised
    summary_every: timedelta = timedelta(minutes=30)
    remind_every: timedelta | None = None  # while the alert is not acknowledged; None = never
    remind_times: int = 3  # then the recipient's fallback is told, once


# What people can be told that does not have to wait: a route's `at_once` names some of these.
TOLD_AT_ONCE: Final = (
    Reason.NEW,
    Reason.REOPENED,
    Reason.CORROBORATED,
    Reason.ESCALATED,
    Reason.OFFICIAL,
    Reason.CORRECTED,
    Reason.UPDATE,
)
_URGENT: Final = frozenset(TOLD_AT_ONCE) - {Reason.UPDATE}
_PLAIN: Final = _URGENT - {Reason.ESCALATED, Reason.OFFICIAL}
_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)

# Low and info leave neither at once nor with a wait; a route that says `as: now` for them gets the
# waits of medium, which is why their rows hold these too.
_MEDIUM: Final = Pace("now", 5 * _MINUTE, 2 * _HOUR, _PLAIN, 6 * _HOUR, max_per_hour=4)
DEFAULTS: Final[Mapping[Severity, Pace]] = {
    Severity.CRITICAL: Pace(
        "now", timedelta(seconds=30), 10 * _MINUTE, _URGENT, 12 * _HOUR, 12, remind_every=15 * _MINUTE
    ),
    Severity.HIGH: Pace("now", 2 * _MINUTE, 30 * _MINUTE, _URGENT, 12 * _HOUR, max_per_hour=6),
    Severity.MEDIUM: _MEDIUM,
    Severity.LOW: replace(_MEDIUM, delivery="digest"),
    Severity.INFO: replace(_MEDIUM, delivery="log"),
}


def pace(severity: Severity, route: Route | None = None) -> Pace:
    """Return the timing for alerts of `severity` that leave by `route`.

    What the route says goes before the table; what it leaves open is the table's.
    """
    row = DEFAULTS[severity]
    if route is None:
        return row
    said = route.timing
    return replace(
        row,
        delivery=row.delivery if route.delivery == "auto" else route.delivery,
        group_wait=row.group_wait if said.group_wait is None else said.group_wait,
        update_interval=row.update_interval if said.update_interval is None else said.update_interval,
        at_once=row.at_once if said.at_once is None else frozenset(said.at_once),
        too_old=row.too_old if said.older_than is None else said.older_than,
        max_per_hour=said.max_per_hour or row.max_per_hour,
        summary_every=said.summary_every or row.summary_every,
        remind_every=(row.remind_every if said.remind_every is None else said.remind_every) or None,
        remind_times=said.remind_times or row.remind_times,
    )
