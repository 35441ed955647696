"""Sentences that say why a rule that remembers has fired, or why not yet."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from monitor.alerts.wording import duration, series

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from monitor.rules.schema import Combination, Rule
    from monitor.rules.windows import Signal

_SHOWN_HOURS: Final = timedelta(hours=96)  # up to here whole hours read better than days


def span(value: timedelta) -> str:
    """Return "48 h" for whole hours up to 96 h, else the two largest units ("14 d", "5 min")."""
    hours, rest = divmod(value, timedelta(hours=1))
    return f"{hours} h" if hours and not rest and value <= _SHOWN_HOURS else duration(value)


def nth(number: int) -> str:
    """Return "1st", "2nd", "3rd", "4th" and so on, up to "20th"."""
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number, 'th') }"


def moment(at: datetime) -> str:
    """Return "2026-03-12 09:00 UTC"."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def fired(rule: Rule, signals: Sequence[Signal], keys: Sequence[str]) -> str:
    """Say what made a rule fire."""
    if rule.volume is not None:
        what = f"{len(signals)} stories of {rule.volume.of}"
        return f"{what} within {span(rule.volume.within)}: {_times(signals)}."
    names = [signal.rule_id for signal in signals]
    ordered = rule.sequence is not None and rule.sequence.ordered
    what = ", then ".join(names) if ordered else series(names)
    apart = signals[-1].event_at - signals[0].event_at
    when = f"{span(apart)} apart" if apart else "at the same time"
    return f"{what}: {', '.join(filter(None, (when, _shared(rule, keys))))}."


def used_up(rule: Rule, end: Signal) -> str:
    """Say that a signal lies in a span that has fired."""
    return f"{rule.rule_id} has fired for the time up to {moment(end.event_at)}; a complete set fires once."


def outside(rule: Rule, signals: Sequence[Signal]) -> str:
    """Say that all are there, but too far apart."""
    assert rule.sequence is not None, "only sets of several rules can be too far apart"
    apart = signals[-1].event_at - signals[0].event_at
    names = series([f"{one.rule_id} ({moment(one.event_at)})" for one in signals])
    return f"Outside {span(rule.sequence.within)}: {names} are {span(apart)} apart."


def set_waits(rule: Rule, there: Sequence[Signal], end: Signal | None = None) -> str:
    """Say which rule's signal is waited for, and how long.

    Args:
        rule: with `sequence` or `together`.
        there: the signals that wait.
        end: the last signal of the newest set that fired; its signals count no more.
    """
    condition = rule.sequence
    assert condition is not None, "only sequence and together wait for other rules"
    until = f", until {moment(there[0].event_at + condition.within)}" if there else ""
    again = (
        f" It fired with what happened up to {moment(end.event_at)}; a complete set fires once."
        if end
        else ""
    )
    count = len(condition.rule_ids)
    if condition.ordered:
        place = len(there)
        return f"Waiting for the {nth(place + 1)} of {count}: {condition.rule_ids[place]}{until}.{again}"
    missing = series(_missing(condition, there))
    return f"Waiting for {missing} ({len(there)} of {count} there){until}.{again}"


def volume_waits(
    rule: Rule, there: Sequence[Signal], needed: int, mean: float | None, since: datetime
) -> str:
    """Say how many stories there are and how many are needed."""
    volume = rule.volume
    assert volume is not None, "only volume counts stories"
    if not needed and volume.baseline is not None:
        span_needed = max(1, volume.baseline // volume.within) * volume.within + volume.within
        return (
            f"Warming up: the baseline of {span(volume.baseline)} is whole at {moment(since + span_needed)}."
        )
    there_are = f"Waiting: {len(there)} of {needed} stories of {volume.of} within {span(volume.within)}"
    return f"{there_are}." if mean is None else f"{there_are}; {mean:.2g} are usual."


def too_late(age: timedelta, lateness: timedelta) -> str:
    """Say that an event was processed too long after it happened."""
    return f"Too late: the event is {span(age)} old, and only {span(lateness)} are waited for."


def without_key(rule: Rule, signal: Signal) -> str:
    """Say that a signal lacks what the rule's signals have to share."""
    same = rule.sequence.same if rule.sequence else "none"
    what = f"entry of the list {same.removeprefix('entity.')}" if same.startswith("entity.") else same
    return f"The hit of {signal.rule_id} has no {what}, so it is the same as no other (same: {same})."


def _missing(condition: Combination, there: Sequence[Signal]) -> list[str]:
    rest = Counter(condition.rule_ids) - Counter(signal.rule_id for signal in there)
    return [rule_id if number == 1 else f"{number} of {rule_id}" for rule_id, number in rest.items()]


def _shared(rule: Rule, keys: Sequence[str]) -> str:
    same = rule.sequence.same if rule.sequence else "none"
    if same in {"none", "story"}:  # the id of a story tells people nothing
        return "in one story" if same == "story" else ""
    return f"same {same.removeprefix('entity.').replace('_', ' ')} ({series(list(keys))})"


def _times(signals: Sequence[Signal]) -> str:
    return f"{moment(signals[0].event_at)} to {moment(signals[-1].event_at)}"
