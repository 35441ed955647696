"""Invented messages: for `monitor send-test`, and to try templates on."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from monitor.alerts.bundle import Bundle
from monitor.alerts.compose import compose
from monitor.alerts.lifecycle import transition
from monitor.alerts.moments import moment
from monitor.alerts.view import NotificationView
from monitor.models import (
    Decision,
    EmailTarget,
    Evidence,
    Outcome,
    Recipient,
    Routing,
    RuleInfo,
    Severity,
    Source,
    Tier,
    stable_id,
)

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.models import Alert, AlertRevision

PRODUCT = "Diplomatic Monitor"

_RULE = RuleInfo(
    rule_id="sample-envoy-arrives",
    title="Envoy arrives for talks",
    severity=Severity.HIGH,
    description="An envoy reaches a capital for talks.",
    owner="sample-desk",
    topic="sample-talks",
    tags=("plover.consult.visit", "cameo.042"),
)
_HEADLINE = "Special envoy lands in Vienna for talks on a truce"
_READER = Recipient("sample-reader", "Europe/Brussels", email=EmailTarget(("reader@example.org",)))


def test_view(recipient: Recipient, channel: str, now: datetime, version: str) -> NotificationView:
    """Return a test message: it says what it is, and tells no alert."""
    return NotificationView(
        kind="test",
        notification_id=stable_id("test", recipient.recipient_id, channel, now.isoformat()),
        subject=f"[TEST] {PRODUCT} reaches {recipient.recipient_id}",
        recipient_id=recipient.recipient_id,
        timezone=recipient.timezone,
        created=moment(now, recipient.timezone, now),
        alerts=(),
        intro="This is a test. If you can read it, alerts will reach you, too.",
        product=PRODUCT,
        version=version,
    )


def sample_views(now: datetime, version: str) -> tuple[NotificationView, ...]:
    """Return one view of each kind of message, with invented content: to try templates on."""
    step = transition(None, _RULE, "story:sample", (_source(now, 1), _source(now, 2)), now, "sample")
    routing = Routing((_READER,))
    views = [test_view(_READER, "email", now, version)]
    for kind, slot in (("alert", ""), ("digest", "2026-03-12T17:30 Europe/Brussels")):
        decisions = tuple(_decision(revision, now, slot) for revision in step.revisions)
        made = Bundle(
            "digest" if slot else "alert",
            _READER.recipient_id,
            "" if slot else step.alert.alert_id,
            slot,
            decisions,
        )
        views.append(_compose(made, step.alert, step.revisions, decisions, routing, now, version))
        assert views[-1].kind == kind
    return tuple(views)


def _compose(
    made: Bundle,
    alert: Alert,
    revisions: tuple[AlertRevision, ...],
    decisions: tuple[Decision, ...],
    routing: Routing,
    now: datetime,
    version: str,
) -> NotificationView:
    return compose(made, "email", {alert.alert_id: alert}, revisions, decisions, routing, now, version)


def _decision(revision: AlertRevision, now: datetime, slot: str) -> Decision:
    outcome = Outcome.DIGEST if slot else Outcome.QUEUED
    return Decision(
        revision.alert_id,
        revision.revision,
        _READER.recipient_id,
        outcome,
        "A sample.",
        now,
        due_at=now,
        slot=slot,
    )


def _source(now: datetime, number: int) -> Source:
    return Source(
        item_id=f"sample-{number}",
        hit_id=f"sample-hit-{number}",
        feed_id=f"sample-feed-{number}",
        outlet=f"Sample Outlet {number}",
        owner=f"sample-owner-{number}",
        tier=Tier.WIRE if number == 1 else Tier.NATIONAL,
        country="AT",
        language="en",
        title=_HEADLINE if number == 1 else "Talks in Vienna begin as the envoy arrives",
        summary="The envoy arrived on Thursday morning, officials said.",
        url=f"https://outlet-{number}.example/story",
        published_at=now - timedelta(minutes=10 * number),
        first_seen_at=now - timedelta(minutes=10 * number - 2),
        event_at=now - timedelta(minutes=10 * number),
        evidence=(Evidence("title", 0, 13, "Special envoy", "envoys: envoy"),) if number == 1 else (),
        entities=(("envoys", "envoy"),),
    )
