"""Silences: what they cover, and what becomes of what they hold back."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal, cast

from monitor.alerts.decide import holds, is_waiting
from monitor.alerts.moments import wall_time
from monitor.errors import ConfigurationError
from monitor.models import Matcher, Outcome, Severity, Silence, Tier, stable_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from monitor.models import Alert, Decision

LONGEST: Final = timedelta(days=30)
SILENCE_SLOT: Final = "silence "
LABELS: Final = ("severity", "topic", "owner", "rule", "tag", "tier", "country")
_MATCHER: Final = re.compile(r"\s*([a-z]+)\s*(>=|<=|=)\s*(.+?)\s*\Z")


def make_silence(
    match: Sequence[str], starts_at: datetime, ends_at: datetime, author: str, comment: str
) -> Silence:
    """Return a silence, checked.

    Args:
        match: such as "topic=ukraine-ceasefire", "severity<=medium", "rule=one|two"; all have to hold.
        starts_at: from when on.
        ends_at: 30 days after the start at the latest.
        author: who answers for it.
        comment: why.

    Raises:
        ConfigurationError: something is missing or wrong, with what to write instead.
    """
    matchers = tuple(read_matcher(one) for one in match)
    if not matchers:
        raise ConfigurationError("a silence needs at least one --match, such as --match topic=sanctions")
    if not author.strip() or not comment.strip():
        raise ConfigurationError("a silence needs --author and --comment: others will ask who and why")
    check_span(starts_at, ends_at)
    name = stable_id("silence", repr(matchers), starts_at.isoformat(), ends_at.isoformat(), author, comment)
    return Silence(name[:8], matchers, starts_at, ends_at, author.strip(), comment.strip())


def check_span(starts_at: datetime, ends_at: datetime) -> None:
    """Refuse a span that is empty or too long.

    Raises:
        ConfigurationError: it is.
    """
    if ends_at <= starts_at:
        raise ConfigurationError("a silence has to end after it starts")
    if ends_at - starts_at > LONGEST:
        raise ConfigurationError(
            f"a silence lasts {LONGEST.days} days at most; a rule for ever: status: draft"
        )


def read_matcher(text: str) -> Matcher:
    """Read "label=value", "label=one|two", or "severity>=high".

    Raises:
        ConfigurationError: it is something else.
    """
    found = _MATCHER.match(text)
    if not found or found[1] not in LABELS:
        raise ConfigurationError(
            f'"{text}" matches nothing: write label=value with one of {", ".join(LABELS)}, '
            'such as topic=sanctions, "severity<=medium" or rule=one|two'
        )
    label, operator = found[1], cast("Literal['=', '>=', '<=']", found[2])
    values = tuple(filter(None, (value.strip() for value in found[3].split("|"))))
    kinds = {"severity": [one.value for one in Severity], "tier": [one.value for one in Tier]}
    known = kinds.get(label, [])
    wrong = [value for value in values if known and value not in known]
    if wrong:
        raise ConfigurationError(f'"{wrong[0]}" is no {label}: one of {", ".join(known)}')
    if operator != "=" and label != "severity":
        raise ConfigurationError(f"only severity can be compared; write {label}={found[3]}")
    if label == "country":
        values = tuple(value.upper() for value in values)
    return Matcher(label, operator, values)


def described_matchers(silence: Silence) -> str:
    """Return "topic = sanctions, severity <= medium"."""
    return ", ".join(f"{one.label} {one.operator} {' or '.join(one.values)}" for one in silence.match)


def covers(silence: Silence, alert: Alert) -> bool:
    """Return whether all matchers hold for an alert."""
    return all(holds(matcher, alert) for matcher in silence.match)


def running(silence: Silence, now: datetime) -> bool:
    """Return whether a silence has begun and not ended; at its end it is over."""
    return silence.starts_at <= now < silence.ends_at


def hushed(
    decisions: Iterable[Decision], alert: Alert, silences: Iterable[Silence], now: datetime
) -> tuple[Decision, ...]:
    """Return decisions about one alert, with those that a running silence covers held until its end.

    Of several silences the one that ends last counts. What leaves after its end anyway is left as it is;
    what another silence holds until an earlier time is held on.
    """
    mine = [one for one in silences if running(one, now) and covers(one, alert)]
    silence = max(mine, key=lambda one: (one.ends_at, one.silence_id), default=None)
    return tuple(_hushed(decision, silence, now) if silence else decision for decision in decisions)


def _hushed(decision: Decision, silence: Silence, now: datetime) -> Decision:
    sooner = decision.due_at is not None and decision.due_at < silence.ends_at
    if not is_waiting(decision) or not sooner:
        return decision
    until = wall_time(silence.ends_at, "UTC")
    why = f'Silence {silence.silence_id} by {silence.author} until {until}: "{silence.comment}".'
    return replace(
        decision,
        outcome=Outcome.SILENCED,
        reason=f"{decision.reason} {why}",
        decided_at=now,
        due_at=silence.ends_at,
        slot=f"{SILENCE_SLOT}{silence.silence_id}",
    )


def moved_end(decisions: Iterable[Decision], silence: Silence) -> tuple[Decision, ...]:
    """Return the decisions that a silence holds, due at its present end."""
    slot = f"{SILENCE_SLOT}{silence.silence_id}"
    return tuple(
        replace(decision, due_at=silence.ends_at)
        for decision in decisions
        if decision.outcome is Outcome.SILENCED and decision.slot == slot and is_waiting(decision)
    )
