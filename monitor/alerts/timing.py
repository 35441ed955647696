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


_URGENT: Final = frozenset(
    {Reason.NEW, Reason.REOPENED, Reason.CORROBORATED, Reason.ESCALATED, Reason.OFFICIAL, Reason.CORRECTED}
)
_PLAIN: Final = frozenset({Reason.NEW, Reason.REOPENED, Reason.CORROBORATED, Reason.CORRECTED})


def _pace(delivery: Delivery, wait: timedelta, interval: timedelta, too_old: timedelta, urgent: bool) -> Pace:
    return Pace(delivery, wait, interval, _URGENT if urgent else _PLAIN, too_old)


# Low and info leave neither at once nor with a wait; a route that says `as: now` for them gets the
# waits of medium, which is why their rows hold these too.
DEFAULTS: Final[Mapping[Severity, Pace]] = {
    Severity.CRITICAL: _pace(
        "now", timedelta(seconds=30), timedelta(minutes=10), timedelta(hours=12), urgent=True
    ),
    Severity.HIGH: _pace(
        "now", timedelta(minutes=2), timedelta(minutes=30), timedelta(hours=12), urgent=True
    ),
    Severity.MEDIUM: _pace("now", timedelta(minutes=5), timedelta(hours=2), timedelta(hours=6), urgent=False),
    Severity.LOW: _pace("digest", timedelta(minutes=5), timedelta(hours=2), timedelta(hours=6), urgent=False),
    Severity.INFO: _pace("log", timedelta(minutes=5), timedelta(hours=2), timedelta(hours=6), urgent=False),
}


def pace(severity: Severity, route: Route | None = None) -> Pace:
    """Return the timing for alerts of `severity` that leave by `route`.

    What the route says goes before the table; what it leaves open is the table's.
    """
    row = DEFAULTS[severity]
    if route is None:
        return row
    wait, interval = route.timing.group_wait, route.timing.update_interval
    return replace(
        row,
        delivery=row.delivery if route.delivery == "auto" else route.delivery,
        group_wait=row.group_wait if wait is None else wait,
        update_interval=row.update_interval if interval is None else interval,
    )
