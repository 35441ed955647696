"""Values for tests of alerts: short to write, with everything a test does not say filled in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from monitor.alerts.lifecycle import transition
from monitor.models import (
    EmailTarget,
    Evidence,
    Feed,
    Hit,
    Item,
    Matcher,
    Recipient,
    Route,
    Routing,
    RuleInfo,
    Severity,
    Source,
    Tier,
    stable_id,
)

NOW = datetime(2026, 3, 12, 13, 0, tzinfo=UTC)  # a Thursday, 14:00 in Brussels
TEXTS = (
    "Envoy lands in the capital for a second day of talks",
    "Talks resume as the special envoy returns to the capital",
    "Delegations meet behind closed doors, ministry confirms agenda",
    "Foreign minister plays down hopes for an early agreement",
    "Security council asks both sides to report within ten days",
    "Border crossing reopens after three weeks of negotiation",
    "Parliament speaker invites observers to the signing ceremony",
    "Neighbouring states offer to host the next round in autumn",
)


def minutes(number):
    return timedelta(minutes=number)


def hours(number):
    return timedelta(hours=number)


def rule(severity="high", **changes):
    values = {"rule_id": "envoy-arrives", "title": "Envoy arrives", "severity": Severity(severity)}
    return RuleInfo(**{**values, "topic": "talks", "owner": "east-desk", **changes})


def source(name, *, at=NOW, owner="", tier="national", title="", outlet="", **changes):
    """A report called `name`; unlike names have unlike texts, so that none is a copy by accident."""
    number = int(stable_id(name)[:8], 16)
    values = {
        "item_id": name,
        "hit_id": stable_id("hit", name),
        "feed_id": owner or name,
        "outlet": outlet or (owner or name).replace("-", " ").title(),
        "owner": owner or name,
        "tier": Tier(tier),
        "country": "",
        "language": "en",
        "title": title or f"{name} {stable_id(name)} {TEXTS[number % len(TEXTS)]}",
        "summary": "",
        "url": f"https://{owner or name}.example/{name}",
        "published_at": at,
        "first_seen_at": at,
        "event_at": at,
        "evidence": (),
    }
    return Source(**{**values, **changes})


def opened(*names, now=NOW, severity="high", **changes):
    """An alert that `names` (or sources) opened, with its first revision."""
    given = [source(one, at=now) if isinstance(one, str) else one for one in names or ("first-daily",)]
    step = transition(None, rule(severity, **changes), "story:s", given, now, "s")
    return step.alert, step.revisions[0]


def recipient(name="desk", timezone="UTC", **changes):
    return Recipient(name, timezone, **{"email": EmailTarget((f"{name}@example.org",)), **changes})


def routing(*routes, recipients=()):
    """A routing of `routes` (by default one default route to the desk)."""
    people = recipients or (recipient(),)
    default = Route(to=tuple(p.recipient_id for p in people), default=True, where="routes.yaml:9")
    return Routing(tuple(people), tuple(routes) or (default,))


def route(*to, where="routes.yaml:21", **match):
    """A route for labels such as severity=">=high" or topic="talks"."""
    settings = {key: match.pop(key) for key in ("delivery", "timing", "default") if key in match}
    matchers = []
    for label, value in match.items():
        operator = value[:2] if value[:2] in (">=", "<=") else "="
        matchers.append(Matcher(label, operator, tuple(value.removeprefix(operator).split("|"))))
    return Route(to=to, match=tuple(matchers), where=where, **settings)


def feed(name="meridian", **changes):
    return Feed(name, f"https://{name}.example/rss", **{"title": name.title(), "owner": name, **changes})


def item(name="one", **changes):
    values = {"item_id": name, "feed_id": "meridian", "key": f"guid:{name}", "first_seen_at": NOW}
    return Item(**{**values, **changes})


def hit(of, *evidence, **changes):
    values = {
        "hit_id": stable_id("hit", "envoy-arrives", of.item_id),
        "rule_id": "envoy-arrives",
        "item_id": of.item_id,
        "rule_version": "1",
        "severity": Severity.HIGH,
        "evidence": evidence,
        "entities": (),
        "hit_at": NOW,
        "event_at": of.event_at(),
    }
    return Hit(**{**values, **changes})


def evidence_of(of, field, text, entry=""):
    """The first place of `text` in a field."""
    start = of.text(field).index(text)
    return Evidence(field, start, start + len(text), text, entry)
