"""The bars of a digest's chart: equal steps, every report once, labels in wall time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.volume import MOST_BARS, volume
from tests.factories import T0, after

ZONES = ["UTC", "Europe/Brussels", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]


def shown(times, since, now, zone="Europe/Brussels"):
    return [(bar.label, bar.count, bar.share) for bar in volume(times, since, now, zone)]


def test_hours_of_a_working_day():
    times = [after(minutes=5), after(minutes=20), after(hours=2)]
    assert shown(times, after(minutes=-30), after(hours=2, minutes=30)) == [
        ("09:00", 0, 0), ("10:00", 2, 100), ("11:00", 0, 0), ("12:00", 1, 50),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("hours", "labels"),
    [
        (14, ["10:00", "12:00", "14:00", "16:00", "18:00", "20:00", "22:00"]),
        (30, ["10:00", "13:00", "16:00", "19:00", "22:00", "01:00", "04:00", "07:00", "10:00", "13:00"]),
        (24 * 8, ["Thu 12", "Fri 13", "Sat 14", "Sun 15", "Mon 16", "Tue 17", "Wed 18", "Thu 19", "Fri 20"]),
    ],
)
def test_longer_periods_have_longer_steps(hours, labels):
    assert [label for label, _, _ in shown([T0], T0, after(hours=hours))] == labels


def test_nothing_is_drawn_of_nothing_or_of_one_bar():
    assert shown([], T0, after(hours=9)) == []
    assert shown([T0], T0, after(minutes=30)) == []


@given(
    st.sampled_from(ZONES),
    st.timedeltas(timedelta(0), timedelta(days=400)),
    st.timedeltas(timedelta(minutes=1), timedelta(days=160)),
    st.lists(st.floats(0, 1), min_size=1, max_size=20),
)
def test_every_report_of_the_period_is_counted_once(zone, offset, length, places):
    since = T0 + offset
    bars = volume([since + length * place for place in places], since, since + length, zone)
    assert len(bars) <= MOST_BARS
    if bars:
        assert sum(bar.count for bar in bars) == len(places)
        assert max(bar.share for bar in bars) == 100
