"""The flood guard and the catch-up message: how many messages a recipient gets one by one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from monitor.alerts.decide import pace_for
from monitor.alerts.wording import counted, duration
from monitor.models import Outcome, Routing, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from monitor.alerts.bundle import Bundle
    from monitor.alerts.timing import Pace
    from monitor.models import Alert, Decision, Notification

CRITICAL: Final = Severity.CRITICAL
HOUR: Final = timedelta(hours=1)
FLOOD_SLOT: Final = "flood "
MOST_AT_ONCE: Final = 10  # messages for one recipient; more are a backlog, told as one
CATCH_UP_SLOT: Final = "catch-up "
_NOBODY: Final = Routing()


def messages_by_rule(
    sent: Iterable[Notification], alerts: Mapping[str, Alert], now: datetime
) -> Counter[tuple[str, str]]:
    """Return how many messages about single alerts each (recipient, rule) got in the last hour.

    One message over two channels counts once; what only joined a summary or digest does not count.
    """
    told = {
        (row.recipient_id, row.alert_id, row.sequence)
        for row in sent
        if row.alert_id in alerts and now - row.created_at < HOUR
    }
    return Counter((recipient, alerts[alert_id].rule.rule_id) for recipient, alert_id, _ in told)


def guard(
    bundles: Sequence[Bundle],
    alerts: Mapping[str, Alert],
    told: Counter[tuple[str, str]],
    now: datetime,
    routing: Routing = _NOBODY,
) -> tuple[tuple[Bundle, ...], tuple[Decision, ...]]:
    """Return the messages that may leave, and the decisions that go into a summary instead.

    Args:
        bundles: messages about to be written, oldest alert first.
        alerts: those that they are about.
        told: from `messages_by_rule`, for all recipients of the bundles.
        now: when they would leave.
        routing: whose routes may say how many leave, and how often the rest is summarised.
    """
    count = Counter(told)
    passed: list[Bundle] = []
    limited: list[Decision] = []
    for made in bundles:
        if made.kind != "alert":
            passed.append(made)
            continue
        alert = alerts[made.alert_id]
        place = made.recipient_id, alert.rule.rule_id
        timing = pace_for(alert, made.recipient_id, routing)
        if count[place] < timing.max_per_hour:
            count[place] += 1
            passed.append(made)
        else:
            limited += [_limited(decision, timing, now) for decision in made.decisions]
    return tuple(passed), tuple(limited)


def catch_up(
    bundles: Sequence[Bundle], alerts: Mapping[str, Alert], now: datetime
) -> tuple[tuple[Bundle, ...], tuple[Decision, ...]]:
    """Return the messages that leave as they are, and the decisions of a backlog, to be told as one.

    More than ten at once come after downtime. Critical alerts are never collected.
    """
    own = {
        id(made) for made in bundles if made.kind == "alert" and alerts[made.alert_id].severity != CRITICAL
    }
    count = Counter(made.recipient_id for made in bundles if id(made) in own)
    late = [made for made in bundles if id(made) in own and count[made.recipient_id] > MOST_AT_ONCE]
    kept = tuple(made for made in bundles if made not in late)
    return kept, tuple(_collected(decision, now) for made in late for decision in made.decisions)


def _collected(decision: Decision, now: datetime) -> Decision:
    why = f"More than {MOST_AT_ONCE} messages were due at once: told in one."
    slot = f"{CATCH_UP_SLOT}{now.isoformat()}"
    reason = f"{decision.reason} {why}"
    return replace(decision, outcome=Outcome.DIGEST, reason=reason, decided_at=now, due_at=now, slot=slot)


def _limited(decision: Decision, timing: Pace, now: datetime) -> Decision:
    at = next_summary(now, timing.summary_every)
    why = (
        f"Flood guard: {counted(timing.max_per_hour, 'message')} about this rule within an hour; "
        f"the rest is summarised every {duration(timing.summary_every)}."
    )
    return replace(
        decision,
        outcome=Outcome.RATE_LIMITED,
        reason=decision.reason if "Flood guard:" in decision.reason else f"{decision.reason} {why}",
        decided_at=now,
        due_at=at,
        slot=f"{FLOOD_SLOT}{at.isoformat()}",
    )


def next_summary(now: datetime, every: timedelta) -> datetime:
    """Return the next whole `every` after `now`, UTC: with half an hour, the next half hour."""
    begin = datetime(2000, 1, 1, tzinfo=UTC)
    return begin + ((now - begin) // every + 1) * every
