"""Who is told, and when."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from monitor.alerts.decide import decide, matching_routes, rendered, routes_by_recipient, was_told
from monitor.models import AlertRevision, Outcome, QuietSpan, Reason, Severity, Timing
from tests.core.alerts.alert_values import (
    NOW,
    hours,
    minutes,
    opened,
    recipient,
    route,
    routing,
    rule,
    source,
)

NIGHT = QuietSpan(22 * 60, 7 * 60)
EVENING = datetime.fromisoformat("2026-03-12T23:00+00:00")
MORNING = datetime.fromisoformat("2026-03-13T07:00+00:00")


def step(alert, number, reason, at, *item_ids):
    return AlertRevision(alert.alert_id, number, reason, at, "", item_ids)


def only(decisions):
    (decision,) = decisions
    return decision


# route's match; whether an alert of rule envoy-arrives (high, topic talks, owner east-desk) takes it
MATCHES = [
    ({"topic": "talks"}, True),
    ({"topic": "trade"}, False),
    ({"topic": "trade|talks"}, True),
    ({"severity": ">=high"}, True),
    ({"severity": ">=critical"}, False),
    ({"severity": "<=high"}, True),
    ({"severity": "<=medium"}, False),
    ({"severity": "high|low"}, True),
    ({"severity": "medium"}, False),
    ({"owner": "east-desk"}, True),
    ({"rule": "envoy-arrives"}, True),
    # A route that names a rule by its older id keeps working after a rename.
    ({"rule": "envoy-lands"}, True),
    ({"rule": "envoy"}, False),
    ({"tag": "claim.unverified"}, True),
    ({"tag": "claim"}, False),
    # Tiers and countries are those of any of the sources.
    ({"tier": "wire"}, True),
    ({"tier": "official"}, False),
    ({"country": "UA"}, True),
    ({"country": "RU"}, False),
    # All conditions have to hold.
    ({"topic": "talks", "severity": ">=critical"}, False),
]


@pytest.mark.parametrize(("match", "takes"), MATCHES)
def test_matching_routes(match, takes):
    given = [source("first-daily"), source("meridian", tier="wire", country="UA")]
    alert, _ = opened(*given, formerly=("envoy-lands",), tags=("claim.unverified",))
    asked = route("desk", **match)
    default = route("desk", default=True)
    assert matching_routes(routing(default, asked), alert) == ((asked,) if takes else (default,))


def test_every_matching_route_applies_and_the_default_only_without_one():
    alert, _ = opened()
    one, two = route("desk", topic="talks"), route("hook", severity=">=low")
    people = (recipient(), recipient("hook"))
    assert matching_routes(routing(one, route("desk", default=True), two, recipients=people), alert) == (
        one,
        two,
    )


def test_of_a_recipients_routes_the_soonest_counts():
    alert, _ = opened()
    slow = route("desk", topic="talks", delivery="digest", where="a")
    waits = route("desk", topic="talks", timing=Timing(group_wait=minutes(30)), where="b")
    usual = route("desk", severity=">=high", where="c")
    assert routes_by_recipient(routing(slow, waits, usual), alert)["desk"] is usual


# severity, how the route delivers; outcome, minutes until due (None = never), end of the reason
FIRST = [
    ("critical", "auto", Outcome.QUEUED, 0.5, "waits 30 s to collect further reports."),
    ("high", "auto", Outcome.QUEUED, 2, "waits 2 min to collect further reports."),
    ("medium", "auto", Outcome.QUEUED, 5, "waits 5 min to collect further reports."),
    ("low", "auto", Outcome.DIGEST, 270, "severity low is collected for the digest of 2026-03-12T17:30 UTC."),
    ("info", "auto", Outcome.LOGGED, None, "severity info is only recorded."),
    # A route's `as:` goes before the severity's default.
    ("low", "now", Outcome.QUEUED, 5, "waits 5 min to collect further reports."),
    (
        "high",
        "digest",
        Outcome.DIGEST,
        270,
        "by this route it is collected for the digest of 2026-03-12T17:30 UTC.",
    ),
    ("critical", "log", Outcome.LOGGED, None, "by this route it is only recorded."),
]


@pytest.mark.parametrize(("severity", "delivery", "outcome", "wait", "reason"), FIRST)
def test_a_new_alert(severity, delivery, outcome, wait, reason):
    alert, new = opened(severity=severity)
    decision = only(decide(alert, new, routing(route("desk", severity=severity, delivery=delivery)), (), NOW))
    assert decision.outcome is outcome
    assert decision.due_at == (None if wait is None else NOW + timedelta(minutes=wait))
    assert decision.reason == f"Route routes.yaml:21 (severity = {severity}); {reason}"
    assert decision.slot == ("2026-03-12T17:30 UTC" if outcome is Outcome.DIGEST else "")


def test_a_routes_own_waits_go_before_the_table():
    alert, new = opened()
    timing = Timing(group_wait=timedelta(0), update_interval=minutes(1))
    routes = routing(route("desk", topic="talks", timing=timing))
    first = only(decide(alert, new, routes, (), NOW))
    assert first.due_at == NOW
    update = step(alert, 2, Reason.UPDATE, NOW)
    assert only(decide(alert, update, routes, [rendered(first, ["n"], NOW)], NOW)).due_at == NOW + minutes(1)


def test_a_rule_in_shadow_is_logged_for_nobody():
    alert, new = opened(shadow=True)
    decision = only(decide(alert, new, routing(), (), NOW))
    assert (decision.outcome, decision.recipient_id, decision.due_at) == (Outcome.LOGGED, "", None)


def test_an_alert_without_a_route_is_said_to_have_none():
    alert, new = opened()
    decision = only(decide(alert, new, routing(route("desk", topic="trade")), (), NOW))
    assert (decision.outcome, decision.recipient_id) == (Outcome.NO_ROUTE, "")


# severity, reason; minutes until due when the last message left 1 min ago
UPDATES = [
    ("critical", Reason.UPDATE, 9),
    ("high", Reason.UPDATE, 29),
    ("medium", Reason.UPDATE, 119),
    ("high", Reason.ESCALATED, 0),
    ("high", Reason.OFFICIAL, 0),
    ("high", Reason.CORROBORATED, 0),
    ("high", Reason.CORRECTED, 0),
    ("high", Reason.REOPENED, 0),
    # At medium, only what changes the picture does not wait.
    ("medium", Reason.CORROBORATED, 0),
    ("medium", Reason.CORRECTED, 0),
    ("medium", Reason.OFFICIAL, 119),
    ("medium", Reason.ESCALATED, 119),
]


@pytest.mark.parametrize(("severity", "reason", "wait"), UPDATES)
def test_later_revisions(severity, reason, wait):
    alert, new = opened(severity=severity)
    told = rendered(only(decide(alert, new, routing(), (), NOW)), ["n1"], NOW + minutes(5))
    at = NOW + minutes(6)
    decision = only(decide(alert, step(alert, 2, reason, at), routing(), [told], at))
    assert (decision.outcome, decision.due_at) == (Outcome.QUEUED, at + minutes(wait))


def test_an_update_long_after_the_last_message_does_not_wait():
    alert, new = opened()
    told = rendered(only(decide(alert, new, routing(), (), NOW)), ["n1"], NOW + minutes(2))
    at = NOW + minutes(40)
    assert only(decide(alert, step(alert, 2, Reason.UPDATE, at), routing(), [told], at)).due_at == at


def test_an_update_during_the_group_wait_leaves_with_the_first_message():
    alert, new = opened()
    first = only(decide(alert, new, routing(), (), NOW))
    at = NOW + minutes(1)
    second = only(decide(alert, step(alert, 2, Reason.UPDATE, at), routing(), [first], at))
    assert second.due_at == first.due_at == NOW + minutes(2)


def test_an_urgent_reason_does_not_skip_the_wait_before_first_contact():
    alert, new = opened()
    first = only(decide(alert, new, routing(), (), NOW))
    at = NOW + minutes(1)
    official = only(decide(alert, step(alert, 2, Reason.OFFICIAL, at), routing(), [first], at))
    assert official.due_at == NOW + minutes(2)


def test_a_revision_joins_one_that_is_waiting():
    alert, new = opened()
    told = rendered(only(decide(alert, new, routing(), (), NOW)), ["n1"], NOW + minutes(2))
    at = NOW + minutes(10)
    waiting = only(decide(alert, step(alert, 2, Reason.UPDATE, at), routing(), [told], at))
    assert waiting.due_at == NOW + minutes(32)
    at = NOW + minutes(20)
    joined = only(decide(alert, step(alert, 3, Reason.UPDATE, at), routing(), [told, waiting], at))
    assert joined.due_at == waiting.due_at
    # An urgent one leaves at once; `bundle` takes the waiting one along.
    urgent = only(decide(alert, step(alert, 3, Reason.OFFICIAL, at), routing(), [told, waiting], at))
    assert urgent.due_at == at


def test_a_revision_that_would_wait_longer_leaves_with_the_one_before():
    """The rule was toned down meanwhile: medium's two hours do not part it from what waits 30 minutes."""
    alert, new = opened()
    told = rendered(only(decide(alert, new, routing(), (), NOW)), ["n1"], NOW)
    waiting = only(decide(alert, step(alert, 2, Reason.UPDATE, NOW), routing(), [told], NOW))
    calmer = replace(alert, severity=Severity.MEDIUM)
    joined = only(decide(calmer, step(alert, 3, Reason.UPDATE, NOW), routing(), [told, waiting], NOW))
    assert joined.due_at == waiting.due_at == NOW + minutes(30)
    assert joined.reason.endswith("leaves together with revision 2, which is still waiting.")
    # Nothing is ever due in the past, even if the one that waits should have left already.
    late = NOW + minutes(31)
    joined = only(decide(calmer, step(alert, 3, Reason.UPDATE, late), routing(), [told, waiting], late))
    assert joined.due_at == late


def test_no_wait_lets_waits_pass_but_neither_quiet_hours_nor_digests():
    alert, new = opened()
    assert only(decide(alert, new, routing(), (), NOW, no_wait=True)).due_at == NOW
    night = routing(recipients=(recipient(quiet=(NIGHT,)),))
    alert, new = opened(now=EVENING)
    held = only(decide(alert, new, night, (), EVENING, no_wait=True))
    assert (held.outcome, held.due_at) == (Outcome.HELD, MORNING)
    alert, new = opened(severity="low")
    assert only(decide(alert, new, routing(), (), NOW, no_wait=True)).outcome is Outcome.DIGEST


def test_quiet_hours_hold_until_they_end_and_say_so():
    alert, new = opened(now=EVENING)
    night = routing(recipients=(recipient(quiet=(NIGHT,)),))
    held = only(decide(alert, new, night, (), EVENING))
    assert (held.outcome, held.due_at) == (Outcome.HELD, MORNING)
    assert held.reason == (
        "Default route routes.yaml:9; quiet hours: held until Fri 13 Mar 2026, 07:00 (UTC+00:00)."
    )


def test_a_wait_that_ends_in_quiet_hours_is_held_too():
    at = EVENING.replace(hour=21, minute=59)
    alert, new = opened(now=at)
    decision = only(decide(alert, new, routing(recipients=(recipient(quiet=(NIGHT,)),)), (), at))
    assert (decision.outcome, decision.due_at) == (Outcome.HELD, MORNING)


@pytest.mark.parametrize(
    ("severity", "bypass", "outcome"),
    [
        ("critical", Severity.CRITICAL, Outcome.QUEUED),
        ("high", Severity.CRITICAL, Outcome.HELD),
        ("high", Severity.HIGH, Outcome.QUEUED),
        ("critical", None, Outcome.HELD),
    ],
)
def test_bypass(severity, bypass, outcome):
    alert, new = opened(now=EVENING, severity=severity)
    people = (recipient(quiet=(NIGHT,), bypass=bypass),)
    assert only(decide(alert, new, routing(recipients=people), (), EVENING)).outcome is outcome


# severity, hours since the newest report of the revision; goes to the digest
AGES = [
    ("critical", 11.9, False),
    ("critical", 12.1, True),
    ("high", 12.1, True),
    ("medium", 5.9, False),
    ("medium", 6, False),
    ("medium", 6.1, True),
]


@pytest.mark.parametrize(("severity", "age", "late"), AGES)
def test_what_is_too_old_waits_for_the_digest(severity, age, late):
    alert, new = opened(source("first-daily", at=NOW - hours(age)), severity=severity)
    decision = only(decide(alert, new, routing(), (), NOW))
    assert (decision.outcome is Outcome.DIGEST) is late


def test_the_newest_report_of_a_revision_gives_its_age():
    alert, new = opened(source("first-daily", at=NOW - hours(20)), source("two", at=NOW))
    assert only(decide(alert, new, routing(), (), NOW)).outcome is Outcome.QUEUED


def test_that_an_alert_went_quiet_is_recorded_only():
    alert, _ = opened()
    closed = step(alert, 2, Reason.CLOSED, NOW)
    decision = only(decide(alert, closed, routing(), (), NOW))
    assert (decision.outcome, decision.recipient_id) == (Outcome.LOGGED, "desk")


def test_a_recipient_who_joins_late_is_told_at_once():
    alert, new = opened(severity="medium")
    people = (recipient(), recipient("boss"))
    routes = routing(route("desk", severity=">=medium"), route("boss", severity=">=high"), recipients=people)
    told = [rendered(one, ["n"], NOW + minutes(5)) for one in decide(alert, new, routes, (), NOW)]
    raised = replace(alert, severity=Severity.HIGH, rule=rule("high"))
    at = NOW + hours(1)
    decisions = decide(raised, step(alert, 2, Reason.ESCALATED, at), routes, told, at)
    assert {one.recipient_id: one.due_at for one in decisions} == {"desk": at, "boss": at}
    assert "first message" in decisions[1].reason


@pytest.mark.parametrize(
    ("outcome", "ids", "told"),
    [
        (Outcome.QUEUED, (), False),
        (Outcome.QUEUED, ("n",), True),  # in the outbox: it may have left already
        (Outcome.SENT, ("n",), True),
        (Outcome.DIGEST, ("n",), True),
        (Outcome.LOGGED, (), False),
        # Given up, or never made: the next message is the first that can reach the recipient.
        (Outcome.FAILED, ("n",), False),
        (Outcome.FAILED, (), False),
    ],
)
def test_who_counts_as_told(outcome, ids, told):
    alert, new = opened()
    earlier = replace(only(decide(alert, new, routing(), (), NOW)), outcome=outcome, notification_ids=ids)
    assert was_told(earlier) is told


def test_a_pair_that_is_decided_is_not_decided_again():
    alert, new = opened()
    first = decide(alert, new, routing(), (), NOW)
    assert decide(alert, new, routing(), first, NOW + minutes(1)) == ()
    shadow, new = opened(shadow=True)
    assert decide(shadow, new, routing(), decide(shadow, new, routing(), (), NOW), NOW) == ()
