"""Reminders: who is reminded of what nobody acknowledged, when, and who is told instead of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.decide import decide, rendered
from monitor.alerts.lifecycle import revised
from monitor.alerts.reminders import first_look, remind, upcoming
from monitor.models import AlertState, Outcome, QuietSpan, Reason, Timing
from tests.core.alerts.alert_values import NOW, hours, minutes, opened, recipient, route, routing

PEOPLE = (recipient("desk", fallback="chief"), recipient("chief", fallback="desk"))
ROUTES = (route("desk", severity=">=high"), route("chief", default=True))


class Case:
    """One alert whose messages leave the moment that they are due."""

    def __init__(self, severity="critical", people=PEOPLE, routes=ROUTES):
        self.routing = routing(*routes, recipients=people)
        alert, revision = opened("first-daily", severity=severity)
        self.alert = first_look(alert, self.routing)
        self.decisions = ()
        self.said = []  # (minute, recipient, number, stands_for)
        self.keep(decide(self.alert, revision, self.routing, (), NOW, no_wait=True), NOW)

    def keep(self, made, now):
        for one in made:
            sent = one.outcome is Outcome.QUEUED and one.due_at <= now
            self.decisions += (rendered(one, ("n",), now) if sent else one,)

    def run(self, until, *, step=1):
        """Look whenever the alert's timer says so, as the loop does."""
        for minute in range(0, until + 1, step):
            now = NOW + minutes(minute)
            if self.alert.remind_at is None or self.alert.remind_at > now:
                continue
            made = remind(self.alert, self.decisions, self.routing, now)
            self.alert = made.alert
            assert self.alert.remind_at is None or self.alert.remind_at > now
            self.keep(made.decisions, now)
            for one in made.decisions:
                if one.outcome is not Outcome.LOGGED:
                    self.said.append((minute, one.recipient_id, one.reminder, one.stands_for))
        return self.said


def test_three_reminders_and_then_the_fallback_once():
    case = Case()
    assert case.run(300) == [
        (15, "desk", 1, ()),
        (30, "desk", 2, ()),
        (45, "desk", 3, ()),
        (60, "chief", 0, ("desk",)),
    ]
    assert case.alert.remind_at is None
    keys = [(d.revision, d.recipient_id) for d in case.decisions]
    assert len(keys) == len(set(keys))
    told = {d.revision: d.reason for d in case.decisions if d.recipient_id == "desk"}
    assert "reminder 2 of 3" in told[3]
    assert "after 3 reminders in vain chief is told" in told[5]
    assert "Fallback of desk, who did not acknowledge after 3 reminders" in case.decisions[-1].reason


@pytest.mark.parametrize("severity", ["high", "medium", "low"])
def test_what_is_not_critical_is_not_reminded(severity):
    case = Case(severity)
    assert case.alert.remind_at is None
    assert case.run(300) == []


@pytest.mark.parametrize(
    ("timing", "expected"),
    [
        (Timing(remind_every=minutes(0)), []),
        (Timing(remind_every=minutes(5), remind_times=1), [(5, "desk"), (10, "chief")]),
        (Timing(remind_times=2), [(15, "desk"), (30, "desk"), (45, "chief")]),
    ],
)
def test_a_route_says_how_often(timing, expected):
    case = Case(routes=(route("desk", severity=">=high", timing=timing), ROUTES[1]))
    assert [(minute, name) for minute, name, *_ in case.run(300)] == expected


def test_high_is_reminded_where_a_route_says_so():
    case = Case("high", routes=(route("desk", severity="high", timing=Timing(remind_every=hours(1))),))
    assert [minute for minute, *_ in case.run(500)] == [60, 120, 180, 240]


def test_who_has_no_fallback_hears_three_reminders_and_no_more():
    case = Case(people=(recipient("desk"), recipient("chief")))
    assert [name for _, name, *_ in case.run(300)] == ["desk"] * 3


def test_an_acknowledgement_ends_them_and_what_clears_it_begins_them_anew():
    case = Case()
    case.run(20)
    case.alert = replace(case.alert, acked_by="J. Roe", acked_at=NOW + minutes(20))
    assert upcoming(case.alert, case.decisions, case.routing) == ()
    at = NOW + minutes(100)
    step = revised(case.alert, Reason.CORROBORATED, at, "Corroborated.", ())
    assert (step.alert.acked_at, step.alert.remind_since) == (None, at)
    case.alert = first_look(step.alert, case.routing)
    case.keep(decide(case.alert, step.revisions[0], case.routing, case.decisions, at), at)
    case.said.clear()
    assert [(minute, name, number) for minute, name, number, _ in case.run(300)] == [
        (115, "desk", 1),
        (130, "desk", 2),
        (145, "desk", 3),
        (160, "chief", 0),
    ]


def test_an_update_neither_stops_nor_delays_them():
    case = Case()
    at = NOW + minutes(10)
    step = revised(case.alert, Reason.UPDATE, at, "More.", ())
    assert step.alert.remind_since == NOW
    case.alert = step.alert
    case.keep(decide(case.alert, step.revisions[0], case.routing, case.decisions, at), at)
    assert [minute for minute, *_ in case.run(300)] == [15, 30, 45, 60]


def test_nobody_is_reminded_of_what_is_still_to_leave():
    """The desk's quiet hours hold even what is critical; no reminder comes before the message."""
    people = (recipient("desk", quiet=(QuietSpan(12 * 60, 20 * 60),), bypass=None), recipient("chief"))
    case = Case(people=people)
    assert [d.outcome for d in case.decisions] == [Outcome.HELD]
    assert case.run(7 * 60 - 1) == []
    assert case.alert.remind_at is not None
    until = NOW + hours(7)
    case.decisions = (rendered(case.decisions[0], ("n",), until),)
    assert [minute for minute, *_ in case.run(9 * 60)] == [7 * 60 + n for n in (15, 30, 45)]


@pytest.mark.parametrize("outcome", [Outcome.SUPERSEDED, Outcome.LOGGED, Outcome.FAILED])
def test_who_was_not_told_is_not_reminded(outcome):
    case = Case()
    case.decisions = tuple(replace(d, outcome=outcome, notification_ids=()) for d in case.decisions)
    assert case.run(300) == []
    assert case.alert.remind_at is None


def test_what_was_told_in_the_digest_is_not_reminded():
    """News of yesterday, however critical, is no reason to call anybody."""
    case = Case()
    slot = "2026-03-12T17:30 UTC"
    case.decisions = tuple(replace(d, outcome=Outcome.SENT, slot=slot) for d in case.decisions)
    assert case.run(300) == []


def test_one_message_when_the_fallback_is_reminded_as_well():
    case = Case(routes=(route("desk", "chief", severity=">=high"),))
    assert case.run(300)[-2:] == [(60, "desk", 4, ("chief",)), (60, "chief", 4, ("desk",))]
    assert len(case.said) == 8


@pytest.mark.parametrize("state", [AlertState.CLOSED, AlertState.PENDING, AlertState.EXPIRED])
def test_only_open_alerts_are_reminded_of(state):
    case = Case()
    case.alert = replace(case.alert, state=state)
    assert case.run(300) == []


@given(
    every=st.integers(1, 90),
    times=st.integers(1, 5),
    step=st.integers(1, 40),
    fallback=st.booleans(),
)
def test_never_more_than_asked_and_never_sooner(every, times, step, fallback):
    """Whenever the timer is looked at: at least the interval between two, and at most as many as asked."""
    people = (recipient("desk", fallback="chief" if fallback else ""), recipient("chief"))
    timing = Timing(remind_every=minutes(every), remind_times=times)
    case = Case(people=people, routes=(route("desk", severity=">=high", timing=timing), ROUTES[1]))
    said = case.run((every + step) * (times + 2), step=step)
    assert [name for _, name, *_ in said] == ["desk"] * times + ["chief"] * fallback
    moments = [0, *(minute for minute, *_ in said)]
    assert all(later - earlier >= every for earlier, later in pairwise(moments))
