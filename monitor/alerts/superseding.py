"""Rules that replace other rules' notifications inside one story: whom they reach, and what they withdraw.

A situation's own rule says more than a general one that fires on the same report. A recipient who hears
of the story through the former does not need the latter; one who would not hear of it keeps it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from monitor.alerts.decide import is_waiting, routes_by_recipient, urgency
from monitor.models import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from monitor.models import Alert, Decision, Routing, RuleInfo


def replaces(rule: RuleInfo, other: RuleInfo) -> bool:
    """Return whether `rule` supersedes `other`, under its present or an older id."""
    return not rule.shadow and not {other.rule_id, *other.formerly}.isdisjoint(rule.supersedes)


def told_by(alert: Alert, rivals: Iterable[Alert], routing: Routing) -> dict[str, str]:
    """Return who hears of the story through another alert: rule id by recipient id.

    Only recipients who get the superseding alert at least as soon (now before digest before log).

    Args:
        alert: the one that may be superseded.
        rivals: other alerts of the same story.
        routing: recipients and routes.
    """
    mine = routes_by_recipient(routing, alert)
    told: dict[str, str] = {}
    for rival in rivals:
        if not replaces(rival.rule, alert.rule):
            continue
        theirs = routes_by_recipient(routing, rival)
        for recipient_id, route in mine.items():
            other = theirs.get(recipient_id)
            if other is not None and urgency(rival, other) <= urgency(alert, route):
                told.setdefault(recipient_id, rival.rule.rule_id)
    return told


def superseded(decisions: Sequence[Decision], told: Mapping[str, str], now: datetime) -> tuple[Decision, ...]:
    """Return those of `decisions` that still wait for a recipient in `told`, as superseded."""
    return tuple(
        replace(
            decision,
            outcome=Outcome.SUPERSEDED,
            reason=f'Superseded: the rule "{told[decision.recipient_id]}" tells the same story.',
            decided_at=now,
            due_at=None,
            slot="",
        )
        for decision in decisions
        if is_waiting(decision) and decision.recipient_id in told
    )
