"""The default timing, row by row, and what a route changes in it."""

from dataclasses import replace
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


@pytest.mark.parametrize(
    ("severity", "most", "reminded"),
    [("critical", 12, minutes(15)), ("high", 6, None), ("medium", 4, None), ("low", 4, None)],
)
def test_defaults_of_guard_and_reminders(severity, most, reminded):
    row = pace(Severity(severity))
    assert (row.max_per_hour, row.summary_every) == (most, minutes(30))
    assert (row.remind_every, row.remind_times) == (reminded, 3)


def test_every_severity_has_a_row():
    assert set(DEFAULTS) == set(Severity)


def test_a_route_changes_only_what_it_says():
    row = DEFAULTS[Severity.HIGH]
    assert pace(Severity.HIGH, route("desk")) == row
    changed = pace(Severity.HIGH, route("desk", delivery="digest", timing=Timing(update_interval=minutes(1))))
    assert (changed.delivery, changed.update_interval) == ("digest", minutes(1))
    assert changed == replace(row, delivery="digest", update_interval=minutes(1))
    assert (changed.group_wait, changed.at_once, changed.too_old) == (
        row.group_wait,
        row.at_once,
        row.too_old,
    )


@pytest.mark.parametrize(
    ("timing", "changed"),
    [
        (Timing(group_wait=timedelta(0)), {"group_wait": timedelta(0)}),
        (Timing(at_once=()), {"at_once": frozenset()}),
        (Timing(at_once=(Reason.UPDATE,)), {"at_once": frozenset({Reason.UPDATE})}),
        (Timing(older_than=hours(2)), {"too_old": hours(2)}),
        (Timing(max_per_hour=30), {"max_per_hour": 30}),
        (Timing(summary_every=hours(1)), {"summary_every": hours(1)}),
        (Timing(remind_every=minutes(5)), {"remind_every": minutes(5)}),
        (Timing(remind_every=timedelta(0)), {"remind_every": None}),
        (Timing(remind_times=1), {"remind_times": 1}),
    ],
)
def test_each_figure_can_be_changed_by_a_route(timing, changed):
    assert pace(Severity.CRITICAL, route("desk", timing=timing)) == replace(
        DEFAULTS[Severity.CRITICAL], **changed
    )
