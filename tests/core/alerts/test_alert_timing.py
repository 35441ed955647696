"""The default timing, row by row, and what a route changes in it."""

from datetime import timedelta

import pytest

from monitor.alerts.timing import DEFAULTS, pace
from monitor.models import Reason, Severity, Timing
from tests.core.alerts.alert_values import hours, minutes, route

URGENT = {
    Reason.NEW,
    Reason.REOPENED,
    Reason.CORROBORATED,
    Reason.ESCALATED,
    Reason.OFFICIAL,
    Reason.CORRECTED,
}
PLAIN = {Reason.NEW, Reason.REOPENED, Reason.CORROBORATED, Reason.CORRECTED}

ROWS = [
    ("critical", "now", timedelta(seconds=30), minutes(10), URGENT, hours(12)),
    ("high", "now", minutes(2), minutes(30), URGENT, hours(12)),
    ("medium", "now", minutes(5), hours(2), PLAIN, hours(6)),
    # Not pushed by themselves; a route that says `as: now` gets medium's waits.
    ("low", "digest", minutes(5), hours(2), PLAIN, hours(6)),
    ("info", "log", minutes(5), hours(2), PLAIN, hours(6)),
]


@pytest.mark.parametrize(("severity", "delivery", "wait", "interval", "at_once", "too_old"), ROWS)
def test_defaults(severity, delivery, wait, interval, at_once, too_old):
    row = pace(Severity(severity))
    assert (row.delivery, row.group_wait, row.update_interval) == (delivery, wait, interval)
    assert (row.at_once, row.too_old) == (at_once, too_old)


def test_every_severity_has_a_row():
    assert set(DEFAULTS) == set(Severity)


def test_a_route_changes_only_what_it_says():
    row = DEFAULTS[Severity.HIGH]
    assert pace(Severity.HIGH, route("desk")) == row
    changed = pace(Severity.HIGH, route("desk", delivery="digest", timing=Timing(update_interval=minutes(1))))
    assert (changed.delivery, changed.update_interval) == ("digest", minutes(1))
    assert (changed.group_wait, changed.at_once, changed.too_old) == (
        row.group_wait,
        row.at_once,
        row.too_old,
    )
