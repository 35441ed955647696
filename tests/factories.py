"""Makers of valid values: every field has a sensible default, and can be given by name.

    make_item("ceasefire-1", title="Ceasefire announced", feed_id="gazette")

The first argument is a short name from which the ids are made, so that values belong together when
their names do: `make_hit("talks")` is a hit on `make_item("talks")`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.models import (
    Alert,
    AlertRevision,
    AlertState,
    Decision,
    EmailTarget,
    Evidence,
    Feed,
    FeedState,
    Hit,
    Item,
    Message,
    Notification,
    Outcome,
    Reason,
    Recipient,
    RuleInfo,
    Severity,
    Source,
    StoryLayer,
    StoryMember,
    Tier,
    stable_id,
)
from monitor.storage.base import FeedSeed

T0 = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)  # a Thursday: when things happen unless a test says otherwise


def after(**duration: float) -> datetime:
    """Return the time that long after `T0`: after(minutes=5)."""
    return T0 + timedelta(**duration)


def make_feed(name: str = "gazette", **fields: Any) -> Feed:
    """Return a configured feed."""
    feed = Feed(
        feed_id=name,
        url=f"https://{name}.example/feed.xml",
        title=name.replace("-", " ").title(),
        tier=Tier.NATIONAL,
        owner=name,
        country="BE",
        language="en",
    )
    return replace(feed, **fields)


def make_seed(name: str = "gazette", **fields: Any) -> FeedSeed:
    """Return what the store must know of `make_feed(name)`."""
    return replace(FeedSeed(name, f"https://{name}.example/feed.xml", f"{name}.example"), **fields)


def make_feed_state(name: str = "gazette", **fields: Any) -> FeedState:
    """Return the state of `make_feed(name)` before its first poll."""
    state = FeedState(
        feed_id=name, url=f"https://{name}.example/feed.xml", host=f"{name}.example", next_poll_at=T0
    )
    return replace(state, **fields)


def item_id_of(name: str, feed_id: str = "gazette") -> str:
    """Return the id of `make_item(name, feed_id=feed_id)`."""
    return stable_id(feed_id, f"guid:{name}")


def make_item(name: str = "talks", **fields: Any) -> Item:
    """Return an item of the feed `gazette`; its id follows from `feed_id` and `key`."""
    feed_id, key = fields.get("feed_id", "gazette"), fields.get("key", f"guid:{name}")
    title = fields.get("title", f"Ministers meet about {name}")
    item = Item(
        item_id=stable_id(feed_id, key),
        feed_id=feed_id,
        key=key,
        title=title,
        summary=f"A first account of {name}.",
        url=f"https://{feed_id}.example/{name}",
        aliases=(f"link:{feed_id}.example/{name}",),
        language="en",
        published_at=T0,
        first_seen_at=T0,
        content_hash=stable_id("content", title),
    )
    return replace(item, **fields)


def make_evidence(text: str = "Ministers", **fields: Any) -> Evidence:
    """Return evidence in the title, at its beginning."""
    return replace(Evidence("title", 0, len(text), text, f"officials: {text}"), **fields)


def make_hit(name: str = "talks", *, rule_id: str = "ministers-meet", **fields: Any) -> Hit:
    """Return a hit of the rule on `make_item(name)`, or on `item_id`."""
    item_id = fields.get("item_id", item_id_of(name))
    hit = Hit(
        hit_id=stable_id("hit", rule_id, item_id),
        rule_id=rule_id,
        item_id=item_id,
        rule_version="version-1",
        severity=Severity.HIGH,
        evidence=(make_evidence(),),
        entities=(("officials", "Ministers"),),
        hit_at=T0,
        event_at=T0,
    )
    return replace(hit, **fields)


def make_member(name: str = "talks", *, story: str = "story", **fields: Any) -> StoryMember:
    """Return the place of `make_item(name)` in a story."""
    member = StoryMember(
        item_id=item_id_of(name),
        story_id=stable_id("story", story),
        layer=StoryLayer.NEW,
        matched_item_id="",
        score=1.0,
        reason="Nothing like it was known.",
        event_at=T0,
        url_key=f"gazette.example/{name}",
        title_key=f"ministers meet about {name}",
        postings=(f"{name}-1", f"{name}-2", f"{name}-3"),
    )
    return replace(member, **fields)


def make_rule(name: str = "ministers-meet", **fields: Any) -> RuleInfo:
    """Return what alerts know of a rule."""
    rule = RuleInfo(
        rule_id=name, title=name.replace("-", " ").capitalize(), severity=Severity.HIGH, owner="desk"
    )
    return replace(rule, **fields)


def make_source(name: str = "talks", **fields: Any) -> Source:
    """Return `make_item(name)` as an alert shows it."""
    source = Source(
        item_id=item_id_of(name),
        hit_id=stable_id("hit", "ministers-meet", item_id_of(name)),
        feed_id="gazette",
        outlet="Gazette",
        owner="gazette",
        tier=Tier.NATIONAL,
        country="BE",
        language="en",
        title=f"Ministers meet about {name}",
        summary=f"A first account of {name}.",
        url=f"https://gazette.example/{name}",
        published_at=T0,
        first_seen_at=T0,
        event_at=T0,
        evidence=(make_evidence(),),
    )
    return replace(source, **fields)


def make_alert(name: str = "talks", **fields: Any) -> Alert:
    """Return an open alert about one story with `make_source(name)`; its id follows from rule and key."""
    rule = fields.get("rule", make_rule())
    group_key = fields.get("group_key", f"story:{name}")
    generation = fields.get("generation", 1)
    alert = Alert(
        alert_id=stable_id("alert", rule.rule_id, group_key, str(generation)),
        rule=rule,
        group_key=group_key,
        generation=generation,
        state=AlertState.OPEN,
        severity=rule.severity,
        revision=1,
        opened_at=T0,
        last_hit_at=T0,
        closed_at=None,
        sources=(make_source(name),),
        story_id=stable_id("story", name),
    )
    return replace(alert, **fields)


def make_revision(alert: Alert | None = None, **fields: Any) -> AlertRevision:
    """Return the alert's first revision."""
    alert = alert or make_alert()
    revision = AlertRevision(
        alert_id=alert.alert_id,
        revision=1,
        reason=Reason.NEW,
        at=T0,
        note="First report.",
        item_ids=tuple(source.item_id for source in alert.sources),
    )
    return replace(revision, **fields)


def make_decision(alert: Alert | None = None, **fields: Any) -> Decision:
    """Return a decision that waits for its message from `T0` on."""
    alert = alert or make_alert()
    decision = Decision(
        alert_id=alert.alert_id,
        revision=1,
        recipient_id="desk",
        outcome=Outcome.QUEUED,
        reason="The route for severity high says so.",
        decided_at=T0,
        due_at=T0,
    )
    return replace(decision, **fields)


def make_message(**fields: Any) -> Message:
    """Return a rendered e-mail."""
    message = Message(
        kind="alert",
        subject="[HIGH new] Ministers meet",
        text="Ministers meet.",
        html="<p>Ministers meet.</p>",
        thread_id="alert-1",
    )
    return replace(message, **fields)


def make_notification(name: str = "n1", **fields: Any) -> Notification:
    """Return a pending message to the recipient `desk`, due at `T0`, alone under its order key."""
    notification = Notification(
        notification_id=stable_id("notification", name),
        recipient_id="desk",
        channel="email",
        alert_id="",
        order_key=f"{fields.get('recipient_id', 'desk')}/{name}",
        sequence=1,
        message=make_message(),
        created_at=T0,
        due_at=T0,
        expires_at=after(hours=24),
    )
    return replace(notification, **fields)


def make_recipient(name: str = "desk", **fields: Any) -> Recipient:
    """Return a recipient that is reached by e-mail."""
    recipient = Recipient(
        recipient_id=name, timezone="Europe/Brussels", email=EmailTarget((f"{name}@example.org",))
    )
    return replace(recipient, **fields)
