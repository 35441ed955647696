"""Silences and the flood guard: what is held back, until when, and that nothing is dropped."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.bundle import bundle
from monitor.alerts.decide import decide, matching_routes
from monitor.alerts.guard import catch_up, guard, messages_by_rule, next_summary
from monitor.alerts.silences import covers, hushed, make_silence, moved_end, read_matcher
from monitor.errors import ConfigurationError
from monitor.models import Outcome, QuietSpan, Severity
from tests.core.alerts.alert_values import NOW, hours, minutes, opened, recipient, route, routing, source
from tests.factories import make_notification

IN_TWO_HOURS = NOW + hours(2)


def silence(*match, start=NOW, end=IN_TWO_HOURS):
    return make_silence(match or ("topic=talks",), start, end, "J. Roe", "known already")


@pytest.mark.parametrize(
    ("match", "covered"),
    [
        (("topic=talks",), True),
        (("topic=trade|talks",), True),
        (("topic=trade",), False),
        (("severity<=medium",), False),
        (("severity>=high", "topic=talks"), True),
        (("severity>=high", "topic=trade"), False),  # all have to hold
        (("rule=envoy-arrives",), True),
        (("tier=national",), True),
        (("country=ua",), False),
    ],
)
def test_matchers(match, covered):
    alert, _ = opened("a")
    assert covers(silence(*match), alert) is covered


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("talks", "write label=value"),
        ("colour=red", "write label=value"),
        ("severity=huge", '"huge" is no severity: one of info, low, medium, high, critical'),
        ("topic>=talks", "write topic=talks"),
        ("tier=blog", '"blog" is no tier'),
    ],
)
def test_mistakes_in_matchers_say_what_to_write(text, says):
    with pytest.raises(ConfigurationError, match=says):
        read_matcher(text)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (((), NOW, NOW + hours(1), "a", "b"), "at least one --match"),
        ((("topic=x",), NOW, NOW + hours(1), " ", "b"), "--author and --comment"),
        ((("topic=x",), NOW, NOW, "a", "b"), "end after it starts"),
        ((("topic=x",), NOW, NOW + timedelta(days=31), "a", "b"), "30 days at most"),
    ],
)
def test_a_silence_needs_all_its_parts(arguments, says):
    with pytest.raises(ConfigurationError, match=says):
        make_silence(*arguments)


@given(
    at=st.integers(-180, 300), begin=st.integers(-60, 60), length=st.integers(1, 180),
    topic=st.sampled_from(["talks", "trade"]),
)  # fmt: skip
def test_a_silence_removes_only_what_it_covers(at, begin, length, topic):
    """Guarantee 10: outside its interval or its matchers, decisions stay as they are."""
    now = NOW + minutes(at)
    alert, revision = opened(source("a", at=now), now=now)
    made = decide(alert, revision, routing(), (), now)
    one = silence(f"topic={topic}", start=NOW + minutes(begin), end=NOW + minutes(begin + length))
    after = hushed(made, alert, [one], now)
    held = one.starts_at <= now < one.ends_at and topic == "talks"
    leaves = made[0].due_at < one.ends_at
    assert (after != made) is (held and leaves)
    for decision in after if held and leaves else ():
        assert (decision.outcome, decision.due_at) == (Outcome.SILENCED, one.ends_at)
        assert one.comment in decision.reason
    assert hushed(after, alert, [one], now) == after, "twice changes nothing more"


def test_what_was_held_goes_out_as_one_summary_at_the_end():
    one, two = opened("a"), opened("b", rule_id="other-rule")
    quiet = silence()
    held = [d for a, r in (one, two) for d in hushed(decide(a, r, routing(), (), NOW), a, [quiet], NOW)]
    alerts = {a.alert_id: a for a, _ in (one, two)}
    assert bundle(held, alerts, held, routing(), quiet.ends_at).bundles[0].alert_ids == tuple(sorted(alerts))
    sooner = replace(quiet, ends_at=NOW + minutes(5))
    assert {d.due_at for d in moved_end(held, sooner)} == {NOW + minutes(5)}
    assert moved_end(held, silence("topic=trade")) == ()


def test_a_route_and_a_silence_read_the_same_matchers():
    alert, _ = opened("a")
    for text in ("severity>=high", "topic=talks"):
        label, _, value = text.partition("=")
        operator = ">=" if label.endswith(">") else ""
        chosen = routing(route("desk", **{label.strip(">"): operator + value}))
        assert bool(matching_routes(chosen, alert)) is covers(silence(text), alert) is True


@given(
    st.lists(st.integers(0, 150), min_size=1, max_size=40), st.sampled_from(["critical", "high", "medium"])
)
def test_the_guard_passes_so_many_an_hour_and_drops_nothing(moments, severity):
    """Guarantee 13, with one alert a moment, all of one rule."""
    most = {"critical": 12, "high": 6, "medium": 4}[severity]
    sent, limited = [], []
    people = routing(recipients=(recipient(),))
    for number, after in enumerate(sorted(moments)):
        now = NOW + minutes(after)
        alert, revision = opened(source(f"s{number}", at=now), now=now, severity=severity)
        alert = replace(alert, alert_id=f"{number:032}")
        revision = replace(revision, alert_id=alert.alert_id)
        made = decide(alert, revision, people, (), now, no_wait=True)
        alerts = dict.fromkeys([alert.alert_id], alert) | {a: alert for _, a, _ in sent}
        rows = [
            make_notification(f"n{a}", alert_id=a, recipient_id="desk", created_at=at, sequence=1)
            for at, a, _ in sent
        ]
        told = messages_by_rule(rows, alerts, now)
        passed, put_off = guard(bundle(made, alerts, made, people, now).bundles, alerts, told, now)
        sent += [(now, one.alert_id, 1) for one in passed]
        limited += put_off
        for decision in put_off:
            assert (decision.outcome, decision.due_at) == (
                Outcome.RATE_LIMITED,
                next_summary(now, minutes(30)),
            )
            assert timedelta(0) < decision.due_at - now <= minutes(30)
    assert len(sent) + len(limited) == len(moments)
    for at, *_ in sent:
        assert sum(at <= other < at + hours(1) for other, *_ in sent) <= most
    assert not limited or max(Counter(at // hours(1) for at in [s[0] - NOW for s in sent]).values()) >= 1


def test_limited_alerts_of_a_half_hour_are_one_summary():
    made = [opened(source(name)) for name in "abcdefgh"]
    made = [
        (replace(a, alert_id=f"{n:032}"), replace(r, alert_id=f"{n:032}")) for n, (a, r) in enumerate(made)
    ]
    alerts = {a.alert_id: a for a, _ in made}
    decisions = [d for a, r in made for d in decide(a, r, routing(), (), NOW, no_wait=True)]
    bundles = bundle(decisions, alerts, decisions, routing(), NOW).bundles
    passed, limited = guard(bundles, alerts, Counter(), NOW)
    assert (len(passed), len(limited)) == (6, 2)
    (summary,) = bundle(limited, alerts, limited, routing(), next_summary(NOW, minutes(30))).bundles
    assert (summary.kind, len(summary.alert_ids)) == ("digest", 2)
    assert alerts[limited[0].alert_id].severity is Severity.HIGH


def test_a_backlog_is_one_message_but_for_what_is_critical():
    made = [opened(source(f"s{n}"), rule_id=f"rule-{n}") for n in range(12)]
    alerts = {a.alert_id: a for a, _ in made}
    worst, grave = opened(source("grave"), severity="critical", rule_id="worst")
    decisions = [
        d for a, r in (*made, (worst, grave)) for d in decide(a, r, routing(), (), NOW, no_wait=True)
    ]
    alerts[worst.alert_id] = worst
    now = NOW + minutes(1)
    passed, backlog = catch_up(bundle(decisions, alerts, decisions, routing(), now).bundles, alerts, now)
    assert [one.alert_id for one in passed] == [worst.alert_id]
    (together,) = bundle(backlog, alerts, backlog, routing(), now).bundles
    assert len(together.alert_ids) == 12
    passed, backlog = catch_up(
        bundle(decisions[:10], alerts, decisions[:10], routing(), now).bundles, alerts, now
    )
    assert (len(passed), backlog) == (10, ()), "ten are told one by one"


def test_a_summary_of_critical_alerts_comes_through_quiet_hours():
    night = recipient(quiet=(QuietSpan(0, 24 * 60 - 1),), bypass=Severity.CRITICAL)
    people = routing(recipients=(night,))
    for severity, outcomes in (("critical", 1), ("high", 0)):
        alert, revision = opened(source("a"), severity=severity)
        (decision,) = decide(alert, revision, people, (), NOW, no_wait=True)
        limited = replace(decision, outcome=Outcome.RATE_LIMITED, due_at=NOW, slot="flood x")
        assert len(bundle([limited], {alert.alert_id: alert}, [limited], people, NOW).bundles) == outcomes
