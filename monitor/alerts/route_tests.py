"""Check routes against rules: run the file's own tests, and find routes that no rule can reach."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from monitor.alerts.decide import decide, severity_holds
from monitor.alerts.system_rules import SYSTEM_RULES
from monitor.document import Diagnostic, Place, closest
from monitor.models import (
    Alert,
    AlertRevision,
    AlertState,
    Outcome,
    Reason,
    RuleInfo,
    Severity,
    Source,
    Tier,
    stable_id,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from monitor.models import Decision, Matcher, Route, RouteTest, Routing

_EXPECTATION: Final[Mapping[Outcome, str]] = {
    Outcome.QUEUED: "now",
    Outcome.HELD: "held",
    Outcome.DIGEST: "digest",
    Outcome.LOGGED: "log",
}
_NONE: Final = "none"


@dataclass(frozen=True, slots=True)
class RouteTestResult:
    """One expectation of one test: what a recipient should have got, and what it gets."""

    where: str  # file:line of the test
    recipient_id: str  # "" when the test itself cannot be run
    expected: str
    got: str
    reason: str  # the decision's sentence, or what is wrong with the test

    @property
    def passed(self) -> bool:
        """Return whether the recipient gets what is expected."""
        return self.expected == self.got


def run_route_tests(routing: Routing, rules: Iterable[RuleInfo]) -> tuple[RouteTestResult, ...]:
    """Run `tests:` of the routes file: each opens an alert at its time and asks who is told, and when.

    An alert takes its labels from its rule; what the test states goes before. Without either it is of
    medium severity. A rule in shadow is tested as if it were live.
    """
    by_id = {row.info.rule_id: row.info for row in SYSTEM_RULES.values()}
    by_id |= {name: rule for rule in rules for name in (*rule.formerly, rule.rule_id)}
    return tuple(result for test in routing.tests for result in _run(routing, test, by_id))


def _run(routing: Routing, test: RouteTest, rules: Mapping[str, RuleInfo]) -> list[RouteTestResult]:
    labels = dict(test.alert)
    rule_id = labels.get("rule", "")
    if rule_id and rule_id not in rules:
        hint = closest(rule_id, rules)
        what = f'there is no rule "{rule_id}"' + (f" ({hint})" if hint else "")
        return [RouteTestResult(test.where, "", "a rule", "none", what)]
    alert, revision = alert_under_test(test, rules.get(rule_id))
    decisions = {d.recipient_id: d for d in decide(alert, revision, routing, (), test.at)}
    return [_compare(test, name, outcome, decisions.get(name)) for name, outcome in test.expect]


def _compare(test: RouteTest, name: str, expected: str, decision: Decision | None) -> RouteTestResult:
    if decision is None:
        return RouteTestResult(test.where, name, expected, _NONE, "No route takes this alert to them.")
    return RouteTestResult(test.where, name, expected, _EXPECTATION[decision.outcome], decision.reason)


def alert_under_test(test: RouteTest, rule: RuleInfo | None) -> tuple[Alert, AlertRevision]:
    """Return the alert that a test describes, newly opened."""
    labels = dict(test.alert)
    base = rule or RuleInfo(rule_id="", title="an alert under test", severity=Severity.MEDIUM)
    severity = Severity(labels.get("severity", base.severity))
    tags = tuple(value for label, value in test.alert if label == "tag")
    under_test = replace(
        base,
        severity=severity,
        topic=labels.get("topic", base.topic),
        owner=labels.get("owner", base.owner),
        tags=tags or base.tags,
        shadow=False,
    )
    source = Source(
        item_id="under-test",
        hit_id="",
        feed_id="",
        outlet="",
        owner=under_test.owner,
        tier=Tier(labels.get("tier", Tier.NATIONAL)),
        country=labels.get("country", ""),
        language="",
        title="",
        summary="",
        url="",
        published_at=None,
        first_seen_at=test.at,
        event_at=test.at,
        evidence=(),
    )
    alert = Alert(
        alert_id=stable_id("alert", under_test.rule_id, "under-test", "1"),
        rule=under_test,
        group_key="under-test",
        generation=1,
        state=AlertState.OPEN,
        severity=severity,
        revision=1,
        opened_at=test.at,
        last_hit_at=test.at,
        closed_at=None,
        sources=(source,),
    )
    return alert, AlertRevision(alert.alert_id, 1, Reason.NEW, test.at, "", (source.item_id,))


# Labels that a rule fixes; an alert's tiers and countries come with its sources.
_FIXED: Final = ("rule", "topic", "owner", "tag")


def check_reach(routing: Routing, rules: Sequence[RuleInfo]) -> tuple[Diagnostic, ...]:
    """Find routes that no alert of these rules can take, and live rules that only a default route takes.

    Both are warnings: the files work, but somebody will wonder why nothing comes.
    """
    every = (*rules, *(row.info for row in SYSTEM_RULES.values()))
    findings = [
        finding for route in routing.routes if not route.default for finding in _unreachable(route, every)
    ]
    specific = [rule for rule in rules if not rule.shadow and _only_default(routing, rule)]
    default = next((route for route in routing.routes if route.default), None)
    if default is not None and len(routing.routes) > 1:
        for rule in specific:
            what = f'rule "{rule.rule_id}" reaches only the default route'
            findings.append(Diagnostic(_place(default), "warning", "only-default", what))
    return tuple(findings)


def _unreachable(route: Route, rules: Sequence[RuleInfo]) -> list[Diagnostic]:
    fixed = [matcher for matcher in route.match if matcher.label in _FIXED]
    for matcher in fixed:
        known = {value for rule in rules for value in _values(rule, matcher.label)}
        missing = [value for value in matcher.values if value not in known]
        if missing:
            what = f'no rule has the {matcher.label} "{missing[0]}"'
            hint = closest(missing[0], known)
            return [Diagnostic(_place(route), "warning", "unreachable-route", what, hint)]
    if any(all(set(m.values) & set(_values(rule, m.label)) for m in fixed) for rule in rules):
        return []
    what = "no rule has all of these together, so this route never applies"
    return [Diagnostic(_place(route), "warning", "unreachable-route", what)]


def _values(rule: RuleInfo, label: str) -> tuple[str, ...]:
    return {
        "rule": (rule.rule_id, *rule.formerly),
        "topic": (rule.topic,),
        "owner": (rule.owner,),
        "tag": rule.tags,
    }[label]


def _only_default(routing: Routing, rule: RuleInfo) -> bool:
    """Return whether no other route can take an alert of the rule, whatever its sources."""
    return not any(
        all(_possible(matcher, rule) for matcher in route.match)
        for route in routing.routes
        if not route.default
    )


def _possible(matcher: Matcher, rule: RuleInfo) -> bool:
    if matcher.label in _FIXED:
        return bool(set(matcher.values) & set(_values(rule, matcher.label)))
    return matcher.label != "severity" or severity_holds(matcher, rule.severity)


def _place(route: Route) -> Place:
    file, _, line = route.where.rpartition(":")
    return Place(file, int(line) if line.isdecimal() else 1, 1)
