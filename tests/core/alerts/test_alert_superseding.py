"""Rules that replace other rules' notifications: whom they reach, and what they withdraw."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.alerts.superseding import replaces, superseded, told_by
from monitor.models import (
    Alert,
    AlertState,
    Decision,
    EmailTarget,
    Matcher,
    Outcome,
    Recipient,
    Route,
    Routing,
    RuleInfo,
    Severity,
)

NOW = datetime(2026, 3, 12, 13, 0, tzinfo=UTC)
GENERAL = RuleInfo("envoy-arrives", "Envoy arrives", Severity.MEDIUM, topic="talks")
SPECIAL = RuleInfo(
    "us-envoy-moscow", "US envoy in Moscow", Severity.HIGH, topic="ukraine", supersedes=("envoy-arrives",)
)


def alert(rule: RuleInfo) -> Alert:
    return Alert(
        f"alert-{rule.rule_id}",
        rule,
        "story:s",
        1,
        AlertState.OPEN,
        rule.severity,
        1,
        NOW,
        NOW,
        None,
        (),
        "s",
    )


def routing(*routes: Route) -> Routing:
    people = tuple(
        Recipient(name, "UTC", email=EmailTarget((f"{name}@example.org",))) for name in ("desk", "chief")
    )
    return Routing(people, routes)


EVERYTHING = Route(("desk",), default=True, delivery="now")
ONLY_UKRAINE = Route(("chief",), (Matcher("topic", "=", ("ukraine",)),), delivery="now")
ONLY_TALKS = Route(("chief",), (Matcher("topic", "=", ("talks",)),), delivery="now")
ALL_NOW = Route(("desk",), (Matcher("severity", ">=", ("info",)),), delivery="now")
UKRAINE_DIGEST = Route(("desk",), (Matcher("topic", "=", ("ukraine",)),), delivery="digest")
TALKS_NOW = Route(("desk",), (Matcher("topic", "=", ("talks",)),), delivery="now")


@pytest.mark.parametrize(
    ("rule", "other", "expected"),
    [
        (SPECIAL, GENERAL, True),
        (GENERAL, SPECIAL, False),
        (replace(SPECIAL, shadow=True), GENERAL, False),  # a shadow sends nothing: it must not silence others
        (SPECIAL, replace(GENERAL, rule_id="renamed", formerly=("envoy-arrives",)), True),
    ],
)
def test_which_rule_replaces_which(rule, other, expected):
    assert replaces(rule, other) is expected


@pytest.mark.parametrize(
    ("routes", "told"),
    [
        # The desk gets both: the special one is enough.
        ((ALL_NOW,), {"desk": "us-envoy-moscow"}),
        # The chief hears of the special one only, the desk of both.
        ((ALL_NOW, ONLY_UKRAINE), {"desk": "us-envoy-moscow"}),
        # The chief hears of general talks only: nothing is taken away.
        ((ALL_NOW, ONLY_TALKS), {"desk": "us-envoy-moscow"}),
        # A digest tomorrow is no substitute for a message now.
        ((UKRAINE_DIGEST, TALKS_NOW), {}),
    ],
)
def test_only_who_hears_of_it_as_soon_is_spared(routes, told):
    assert told_by(alert(GENERAL), [alert(SPECIAL)], routing(*routes, EVERYTHING)) == told


def test_nobody_is_spared_without_a_rival():
    assert told_by(alert(GENERAL), [], routing(EVERYTHING)) == {}
    assert told_by(alert(SPECIAL), [alert(GENERAL)], routing(ALL_NOW, EVERYTHING)) == {}


def test_what_waits_is_withdrawn_and_what_was_sent_stays():
    def decision(revision: int, outcome: Outcome, **more) -> Decision:
        return Decision(
            "a", revision, "desk", outcome, "Route.", NOW, due_at=NOW + timedelta(minutes=2), **more
        )

    waiting = decision(2, Outcome.QUEUED)
    withdrawn = superseded(
        [decision(1, Outcome.SENT, notification_ids=("n",)), waiting, decision(3, Outcome.HELD)],
        {"desk": "us-envoy-moscow"},
        NOW,
    )
    assert [(d.revision, d.outcome, d.due_at) for d in withdrawn] == [
        (2, Outcome.SUPERSEDED, None),
        (3, Outcome.SUPERSEDED, None),
    ]
    assert "us-envoy-moscow" in withdrawn[0].reason
    assert superseded([waiting], {"chief": "us-envoy-moscow"}, NOW) == ()
