"""Who is told about a revision, and when: exactly one decision for each recipient."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from monitor.alerts.calendar import next_digest, quiet_until
from monitor.alerts.moments import wall_time
from monitor.alerts.system_rules import is_system
from monitor.alerts.timing import Pace, pace
from monitor.alerts.wording import duration
from monitor.models import Decision, Outcome, Reason, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from monitor.models import Alert, AlertRevision, Matcher, Recipient, Route, Routing

# Told together with others, in one message for each recipient and slot.
COLLECTED: Final = frozenset({Outcome.DIGEST, Outcome.SILENCED, Outcome.RATE_LIMITED})
WAITING: Final = COLLECTED | {Outcome.QUEUED, Outcome.HELD}
_STOPPED_BY_ACK: Final = frozenset({Reason.UPDATE, Reason.REMINDER})
PUSHES: Final = frozenset({Outcome.QUEUED, Outcome.HELD})
_NAMING: Final = frozenset({"topic", "tag", "rule"})
_FLAPS: Final = 6  # revisions about the monitor itself in 24 h; what comes and goes more often is collected
_URGENCY: Final[Mapping[str, int]] = {"now": 0, "digest": 1, "log": 2}


def matching_routes(routing: Routing, alert: Alert) -> tuple[Route, ...]:
    """Return the routes that apply to `alert`, in file order; the defaults if no other does.

    An alert about the monitor itself goes to the default routes, too, unless a route asks for such by
    topic, tag or rule; a route that asks for severity, tier or country alone does not mean it.
    """
    own = is_system(alert)
    matching = tuple(
        route
        for route in routing.routes
        if not route.default and all(holds(m, alert) for m in route.match) and (not own or _names(route))
    )
    instead = any(matcher.label in _NAMING for route in matching for matcher in route.match)
    if matching and not (own and not instead):
        return matching
    return (*matching, *(route for route in routing.routes if route.default))


def _names(route: Route) -> bool:
    return any(matcher.label in {*_NAMING, "owner"} for matcher in route.match)


def holds(matcher: Matcher, alert: Alert) -> bool:
    """Return whether a matcher of a route or silence holds for an alert."""
    if matcher.label == "severity":
        return severity_holds(matcher, alert.severity)
    return not _labels(alert, matcher.label).isdisjoint(matcher.values)


def severity_holds(matcher: Matcher, severity: Severity) -> bool:
    """Return whether a matcher on the label `severity` holds for one."""
    if matcher.operator == "=":
        return severity.value in matcher.values
    bounds = [Severity(value).rank for value in matcher.values]
    return severity.rank >= min(bounds) if matcher.operator == ">=" else severity.rank <= max(bounds)


def _labels(alert: Alert, label: str) -> frozenset[str]:
    """Return the values that an alert has for a route's label; countries and tiers are its sources'."""
    rule = alert.rule
    values = {
        "topic": (rule.topic,),
        "owner": (source.owner for source in alert.sources) if is_system(alert) else (rule.owner,),
        "rule": (rule.rule_id, *rule.formerly),  # an older id in a route keeps its meaning
        "tag": rule.tags,
        "tier": (source.tier.value for source in alert.sources),
        "country": (source.country for source in alert.sources),
    }
    return frozenset(values[label])


def routes_by_recipient(routing: Routing, alert: Alert) -> dict[str, Route]:
    """Return for each recipient the one route that counts: the soonest of those that name them."""
    best: dict[str, Route] = {}
    for route in matching_routes(routing, alert):
        for recipient_id in route.to:
            held = best.get(recipient_id)
            if held is None or _soonness(alert, route) < _soonness(alert, held):
                best[recipient_id] = route
    return best


def _soonness(alert: Alert, route: Route) -> tuple[int, timedelta, timedelta]:
    timing = pace(alert.severity, route)
    return _URGENCY[timing.delivery], timing.group_wait, timing.update_interval


def pace_for(alert: Alert, recipient_id: str, routing: Routing) -> Pace:
    """Return the timing of an alert's messages for one recipient; the table's when no route names them."""
    return pace(alert.severity, routes_by_recipient(routing, alert).get(recipient_id))


def urgency(alert: Alert, route: Route) -> int:
    """Return 0 for a push, 1 for a digest, 2 for the record only."""
    return _soonness(alert, route)[0]


def is_waiting(decision: Decision) -> bool:
    """Return whether a decision still has to be rendered."""
    return decision.outcome in WAITING and not decision.notification_ids


def was_told(decision: Decision) -> bool:
    """Return whether a message was made of a decision and may reach the recipient, or has.

    One whose every attempt was in vain told nobody: the next message is the recipient's first.
    """
    made = bool(decision.notification_ids) and decision.outcome is not Outcome.FAILED
    return made or decision.outcome is Outcome.SENT


def bypasses_quiet(recipient: Recipient, severity: Severity) -> bool:
    """Return whether alerts of `severity` reach the recipient in quiet hours, too."""
    return recipient.bypass is not None and severity.rank >= recipient.bypass.rank


def described_route(route: Route) -> str:
    """Return "Route rules/routes.yaml:21 (severity >= high, topic = x)" for explanations."""
    name = "Default route" if route.default else "Route"
    conditions = ", ".join(
        f"{matcher.label} {matcher.operator} {' or '.join(matcher.values)}" for matcher in route.match
    )
    where = f" {route.where}" if route.where else ""
    return f"{name}{where}{f' ({conditions})' if conditions else ''}"


@dataclass(frozen=True, slots=True)
class _Question:
    """One decision to be made."""

    alert: Alert
    revision: AlertRevision
    recipient: Recipient
    route: Route
    mine: tuple[Decision, ...]  # earlier decisions about this alert for this recipient
    now: datetime
    no_wait: bool

    @property
    def timing(self) -> Pace:
        return pace(self.alert.severity, self.route)

    def answer(self, outcome: Outcome, what: str, due_at: datetime | None = None, slot: str = "") -> Decision:
        reason = f"{described_route(self.route)}; {what}."
        return Decision(
            alert_id=self.alert.alert_id,
            revision=self.revision.revision,
            recipient_id=self.recipient.recipient_id,
            outcome=outcome,
            reason=reason,
            decided_at=self.now,
            due_at=due_at,
            slot=slot,
        )


def decide(
    alert: Alert,
    revision: AlertRevision,
    routing: Routing,
    earlier: Sequence[Decision],
    now: datetime,
    *,
    no_wait: bool = False,
) -> tuple[Decision, ...]:
    """Decide about one revision: exactly one answer for each recipient, or one for nobody.

    1. A rule in shadow is LOGGED; an alert that no route takes is NO_ROUTE; both without a recipient.
    2. Of a recipient's routes the soonest counts: now before digest before log, then the shorter waits.
    3. An update of an acknowledged alert is not sent. What is too old for a push, or goes by
       `as: digest`, waits for the digest slot.
    4. A first contact waits until `group_wait` after the alert opened; later an `update` waits until
       `update_interval` after the recipient's last message. Urgent reasons skip only the latter.
    5. A revision that is still waiting for the recipient takes this one along, or leaves with it.
    6. What would leave in quiet hours is HELD until they end, unless the recipient lets it bypass.

    Args:
        alert: as it is after the revision.
        revision: what the decision is about.
        routing: recipients and routes.
        earlier: all decisions about this alert so far; pairs decided there are not decided again.
        now: when this is decided.
        no_wait: let group waits and update intervals elapse at once (not quiet hours, not digests).
    """
    decided = {d.recipient_id for d in earlier if d.revision == revision.revision}
    routes = routes_by_recipient(routing, alert)
    nobody = _nobody(alert, revision, routes, now)
    if nobody is not None:
        return () if decided else (nobody,)
    decisions = []
    for recipient_id, route in routes.items():
        recipient = routing.recipient(recipient_id)
        if recipient is None or recipient_id in decided:
            continue  # the checker refuses routes to unknown recipients
        mine = tuple(d for d in earlier if d.recipient_id == recipient_id)
        decisions.append(_decide_one(_Question(alert, revision, recipient, route, mine, now, no_wait)))
    return tuple(decisions)


def _nobody(
    alert: Alert, revision: AlertRevision, routes: Mapping[str, Route], now: datetime
) -> Decision | None:
    if alert.rule.shadow:
        outcome, reason = Outcome.LOGGED, "The rule is in shadow: recorded, sent to nobody."
    elif not routes:
        outcome, reason = Outcome.NO_ROUTE, "No route takes this alert, and there is no default route."
    else:
        return None
    return Decision(alert.alert_id, revision.revision, "", outcome, reason, decided_at=now)


def _decide_one(asked: _Question) -> Decision:
    timing = asked.timing
    unsent = _unsent(asked)
    if unsent is not None:
        return unsent
    if asked.revision.reason is Reason.EXPIRED:
        return _digest(asked, "held back and not confirmed in time: listed in the digest")
    if timing.delivery == "log":
        return asked.answer(Outcome.LOGGED, f"{_why_delivery(asked)} only recorded")
    if timing.delivery == "digest":
        return _digest(asked, f"{_why_delivery(asked)} collected for the digest")
    later = _collected_because(asked)
    return _digest(asked, later) if later else _push(asked)


def _unsent(asked: _Question) -> Decision | None:
    """Return the decision about what is sent to nobody, whatever the timing."""
    if asked.revision.reason is Reason.CLOSED:
        return asked.answer(Outcome.LOGGED, "that an alert went quiet is not sent")
    if asked.alert.acked_at is not None and asked.revision.reason in _STOPPED_BY_ACK:
        return asked.answer(Outcome.ACKED, f"{asked.alert.acked_by} has acknowledged the alert: not sent")
    return None


def _why_delivery(asked: _Question) -> str:
    return f"severity {asked.alert.severity} is" if asked.route.delivery == "auto" else "by this route it is"


def _collected_because(asked: _Question) -> str:
    """Return why what would be pushed is collected for the digest instead; "" when it is pushed."""
    if is_system(asked.alert) and _flaps(asked):
        return f"it came and went {_FLAPS} times within 24 h: collected for the digest"
    age, bound = _age(asked), asked.timing.too_old
    if bound is not None and age > bound:
        return f"the news is {duration(age)} old, more than {duration(bound)}: in the digest"
    return ""


def _flaps(asked: _Question) -> bool:
    lately = [d for d in asked.mine if asked.now - d.decided_at < timedelta(hours=24)]
    return len([d for d in lately if d.outcome is not Outcome.LOGGED]) >= _FLAPS


def _age(asked: _Question) -> timedelta:
    """Return how long ago the newest report of the revision happened."""
    if is_system(asked.alert):
        return timedelta(0)  # it is so now, however long ago it began
    ids = set(asked.revision.item_ids)
    events = [source.event_at for source in asked.alert.sources if source.item_id in ids]
    return asked.now - max(events) if events else timedelta(0)


def _digest(asked: _Question, what: str) -> Decision:
    due_at, slot = next_digest(asked.recipient, asked.now)
    return asked.answer(Outcome.DIGEST, f"{what} of {slot}", due_at, slot)


def _push(asked: _Question) -> Decision:
    due_at, what = _wait(asked)
    waiting = [d for d in asked.mine if is_waiting(d) and d.outcome in PUSHES and d.due_at is not None]
    soonest = min(waiting, key=lambda d: d.due_at or asked.now, default=None)
    if soonest is not None and soonest.due_at is not None and soonest.due_at <= due_at:
        what = f"leaves together with revision {soonest.revision}, which is still waiting"
        due_at = max(soonest.due_at, asked.now)
    return _unless_quiet(asked, due_at, what)


def _unless_quiet(asked: _Question, due_at: datetime, what: str) -> Decision:
    if not bypasses_quiet(asked.recipient, asked.alert.severity):
        quiet_end = quiet_until(asked.recipient, due_at)
        if quiet_end is not None:
            return asked.answer(Outcome.HELD, f"quiet hours: held until {_wall(asked, quiet_end)}", quiet_end)
    return asked.answer(Outcome.QUEUED, what, due_at)


def _wait(asked: _Question) -> tuple[datetime, str]:
    """Return when a push may leave by its waits alone, and what it waits for."""
    told = [d for d in asked.mine if was_told(d)]
    if asked.no_wait:
        return asked.now, "leaves at once, waits are switched off"
    if not told:
        due_at = asked.alert.opened_at + asked.timing.group_wait
        if due_at > asked.now:
            return due_at, f"waits {duration(due_at - asked.now)} to collect further reports"
        return asked.now, "leaves at once, as the recipient's first message about this alert"
    if asked.revision.reason in {*asked.timing.at_once, Reason.RECOVERED}:
        return asked.now, f'leaves at once, because "{asked.revision.reason}" does not wait'
    last_at = max(d.due_at or d.decided_at for d in told)
    due_at = last_at + asked.timing.update_interval
    if due_at > asked.now:
        interval = duration(asked.timing.update_interval)
        return due_at, f"waits {duration(due_at - asked.now)}: at most one update in {interval}"
    return asked.now, "leaves at once, the last message is long enough ago"


def push_due(
    about: tuple[Alert, AlertRevision],
    by: tuple[Recipient, Route],
    told: Sequence[Decision],
    decided_at: datetime,
    now: datetime,
) -> Decision:
    """Return what would be decided now about a push that was decided at `decided_at` and has not left.

    Its waits run from when they began; what they let leave by now is due at once, but for quiet hours.
    """
    asked = _Question(*about, *by, tuple(told), decided_at, no_wait=False)
    due_at, what = _wait(asked)
    return _unless_quiet(replace(asked, now=now), max(due_at, now), what)


def _wall(asked: _Question, at: datetime) -> str:
    return wall_time(at, asked.recipient.timezone)


def rendered(decision: Decision, notification_ids: Sequence[str], now: datetime) -> Decision:
    """Return the decision after its message was put into the outbox.

    `due_at` becomes the moment it happened: the update interval runs from there.
    """
    return replace(decision, notification_ids=tuple(notification_ids), due_at=now)
