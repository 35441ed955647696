"""Alerts of rules with `corroborate`: unconfirmed, held, confirmed, expired, acknowledged."""

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.decide import decide
from monitor.alerts.lifecycle import Standard, close_by_hand, expire_held, transition
from monitor.models import AlertState, Outcome, Reason, Severity, Tier
from monitor.rules.schema import Corroborate
from tests.core.alerts.alert_values import NOW, hours, minutes, opened, routing, rule, source

MARK = Standard(Corroborate(2, hours(6), not_tier=(Tier.SOCIAL,), raise_to=Severity.CRITICAL))
HOLD = Standard(Corroborate(2, hours(6), until_then="hold"))


def run(standard, *steps):
    """Let (minutes, source) arrive one by one; return the last alert and the reasons so far."""
    alert, reasons = None, []
    for after, report in steps:
        step = transition(alert, rule(), "story:s", [report], NOW + minutes(after), "s", standard)
        alert = step.alert
        reasons += [revision.reason.value for revision in step.revisions]
    return alert, reasons


def at(name, after, **changes):
    return after, source(name, at=NOW + minutes(after), **changes)


# What arrives, the reasons told, and whether it counts as confirmed in the end.
@pytest.mark.parametrize(
    ("steps", "reasons", "confirmed"),
    [
        ([at("a", 0)], ["new"], False),
        ([at("a", 0), at("b", 60)], ["new", "corroborated"], True),
        # Two feeds of one owner are one source.
        ([at("a", 0, owner="x"), at("b", 60, owner="x")], ["new"], False),
        # A copy never counts, whoever prints it.
        ([at("a", 0, title="Envoy lands in Kyiv"), at("b", 60, title="Envoy lands in Kyiv")], ["new"], False),
        # A tier that the rule passes over does not count.
        ([at("a", 0), at("b", 60, tier="social")], ["new", "update"], False),
        # Outside the window it is another source, and no confirmation.
        ([at("a", 0), at("b", 7 * 60)], ["new", "update"], False),
        # The window slides: the third report confirms the second.
        ([at("a", 0), at("b", 7 * 60), at("c", 8 * 60)], ["new", "update", "corroborated"], True),
        # It is told once.
        ([at("a", 0), at("b", 60), at("c", 90)], ["new", "corroborated", "update"], True),
    ],
)
def test_unconfirmed_until_corroborated(steps, reasons, confirmed):
    alert, told = run(MARK, *steps)
    assert (told, alert.corroborated) == (reasons, confirmed)
    assert alert.severity is (Severity.CRITICAL if confirmed else Severity.HIGH)


def test_the_note_names_the_sources_and_the_new_severity():
    alert, _ = run(MARK, at("a", 0))
    step = transition(alert, rule(), "story:s", [source("b")], NOW, "s", MARK)
    assert step.revisions[0].note.startswith("Corroborated by 2 independent sources within 6")
    assert "severity raised from high to critical" in step.revisions[0].note


def test_held_alerts_tell_nobody_until_they_are_confirmed():
    alert, reasons = run(HOLD, at("a", 0), at("b", 30, owner="a"))
    assert (alert.state, alert.revision, reasons) == (AlertState.PENDING, 0, [])
    alert, reasons = run(HOLD, at("a", 0), at("b", 60))
    assert (alert.state, alert.revision, reasons) == (AlertState.OPEN, 1, ["new"])
    assert alert.opened_at == NOW + minutes(60)


def test_held_alerts_expire_into_the_digest():
    alert, _ = run(HOLD, at("a", 0))
    assert expire_held(alert, NOW + hours(6)).revisions == ()
    step = expire_held(alert, NOW + hours(6) + minutes(1))
    (revision,) = step.revisions
    assert (step.alert.state, revision.reason, revision.item_ids) == (
        AlertState.EXPIRED, Reason.EXPIRED, ("a",),
    )  # fmt: skip
    (decision,) = decide(step.alert, revision, routing(), (), NOW + hours(7))
    assert decision.outcome is Outcome.DIGEST
    assert "not confirmed in time" in decision.reason
    # A report that comes late, but happened inside the window, confirms after all.
    late = source("b", at=NOW + hours(5))
    step = transition(step.alert, rule(), "story:s", [late], NOW + hours(8), "s", HOLD)
    assert (step.alert.state, step.alert.revision) == (AlertState.OPEN, 2)
    assert step.revisions[0].reason is Reason.CORROBORATED


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.sampled_from("abc"), st.integers(0, 12)),
        min_size=1, max_size=5, unique_by=lambda one: one[0],
    )
)  # fmt: skip
def test_corroborated_if_and_only_if_the_window_holds_enough_owners(reports):
    """Guarantee 11, against a plain count, in every order of arrival."""
    given_ = [source(name, owner=owner, at=NOW + hours(after)) for name, owner, after in reports]
    expected = any(
        one.owner != other.owner and abs(one.event_at - other.event_at) <= hours(6)
        for one in given_
        for other in given_
    )
    for order in list(permutations(given_))[:24]:
        alert, _ = run(MARK, *((0, one) for one in order))
        assert alert.corroborated is expected
        alert, reasons = run(HOLD, *((0, one) for one in order))
        assert (alert.state is AlertState.OPEN) is expected
        assert reasons.count("new") == expected


@pytest.mark.parametrize("reason", ["corroborated", "official", "reopened"])
def test_important_news_clears_an_acknowledgement(reason):
    alert, _ = run(MARK, at("a", 0))
    alert = replace(alert, acked_by="J. Roe", acked_at=NOW)
    later, report = {
        "corroborated": (60, source("b", at=NOW + minutes(60))),
        "official": (60, source("b", owner="a", tier="official", at=NOW + minutes(60))),
        "reopened": (26 * 60, source("b", owner="a", at=NOW + hours(26))),
    }[reason]
    step = transition(alert, rule(), "story:s", [report], NOW + minutes(later), "s", MARK)
    assert step.revisions[-1].reason == reason
    assert (step.alert.acked_by, step.alert.acked_at) == ("", None)


def test_an_update_keeps_the_acknowledgement():
    alert, _ = opened("a")
    alert = replace(alert, acked_by="J. Roe", acked_at=NOW)
    step = transition(alert, rule(), "story:s", [source("b")], NOW + minutes(5), "s")
    assert (step.revisions[0].reason, step.alert.acked_by) == (Reason.UPDATE, "J. Roe")


def test_closing_by_hand():
    alert, _ = opened("a")
    step = close_by_hand(alert, "J. Roe", NOW + minutes(5))
    assert (step.alert.state, step.revisions[0].note) == (AlertState.CLOSED, "Closed by J. Roe.")
    assert close_by_hand(step.alert, "J. Roe", NOW).revisions == ()
