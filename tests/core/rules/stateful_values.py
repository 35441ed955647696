"""Rules that remember and signals, as the tests of them write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from monitor.models import Severity
from monitor.rules.schema import Combination, Rule, Volume
from monitor.rules.stateful import LATENESS, begin, step
from monitor.rules.windows import Signal

T0 = datetime(2026, 3, 12, tzinfo=UTC)
H = timedelta(hours=1)


def sequence(*rule_ids: str, within: float = 48, same: str = "topic", ordered: bool = True) -> Rule:
    return Rule(
        "r", "R", Severity.HIGH, sequence=Combination(rule_ids, within * H, ordered, same), topic="talks"
    )


def volume(stories: int | None = None, within: float = 1, **rest) -> Rule:
    return Rule("r", "R", Severity.HIGH, volume=Volume("a", within * H, stories, **rest), topic="talks")


def signal(rule_id: str, hour: float, item: str = "", *, seen: float | None = None, **rest) -> Signal:
    item_id = item or f"{rule_id}{hour}"
    at = T0 + hour * H
    fields = {"topic": "talks", "story_id": f"story {item_id}", **rest}
    return Signal(rule_id, item_id, at, T0 + seen * H if seen is not None else at, **fields)


def signals(text: str) -> list[Signal]:
    """Read "a0 b5 b6": rules and hours, in order of arrival."""
    return [signal(word[0], float(word[1:])) for word in text.split()]


def feed(rule: Rule, arrivals: list[Signal], lateness: timedelta = LATENESS):
    """Step through signals that arrive as soon as they are seen, or at once after the one before."""
    state, steps = begin(T0 - 1000 * H), []
    for one in arrivals:
        taken = step(rule, state, one, one.first_seen_at, lateness)
        state = taken.state
        steps.append(taken)
    return steps


def fired(steps) -> list[str]:
    return [" ".join(one.item_id for one in firing.signals) for taken in steps for firing in taken.firings]
