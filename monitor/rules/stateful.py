"""Rules that remember: sequence, together and volume, evaluated signal by signal. Pure: `now` is given.

A signal is the first hit of an alert of a named rule. Signals that share a key (`same`) are looked at
together, on event time. Each complete set fires once, and what it holds up to its last signal is used up:
of "a, b, b" within the window the second b fires nothing, "a, b, a, b" fires twice.

What is promised:

* Signals in order of events give exactly what `firings` gives for all of them at once.
* In any other order each key fires equally often, and each firing names a complete set. Which signals it
  names can differ: nothing that fired is taken back when a late one would have made an earlier set.
* For `volume` with `times` this holds once the usual number is known: it is worked out when a signal
  arrives, from what is known then, and not again.
* A signal whose event lies more than `LATENESS` before its arrival is passed over, with that reason.
* A signal that comes again changes nothing.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from monitor.models import Labels, stable_id
from monitor.rules import reasons
from monitor.rules.windows import Kept, Order, Scan, Signal, combinations, order, sequences, story_of, volumes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from monitor.rules.schema import Rule

# An event is at most 72 h older than the first sight of its item (`Item.event_at`); one more day is for
# hits that wait for grouping after downtime.
LATENESS: Final = timedelta(hours=96)
LEAST_STORIES: Final = 2  # under `times`: one story is no volume, however quiet the baseline was
_WITHOUT_KEY: Final = ""  # `same: none` and volumes: all signals share it


@dataclass(frozen=True, slots=True)
class Firing:
    """A rule that remembers has fired."""

    rule_id: str
    keys: tuple[str, ...]  # what the signals share, such as ("ukraine-ceasefire",); ("",) for none
    signals: tuple[Signal, ...]  # the complete set, in order of events
    reason: str  # one sentence for people

    @property
    def firing_id(self) -> str:
        """Return an id made of the rule and the set: the same after every restart."""
        return stable_id("firing", self.rule_id, *(signal.signal_id for signal in self.signals))

    @property
    def event_at(self) -> datetime:
        """Return when it was complete: the event time of its last signal."""
        return self.signals[-1].event_at


@dataclass(frozen=True, slots=True)
class Settled:
    """Where the last set of a key ended that no late signal can change any more."""

    key: str
    event_at: datetime
    first_seen_at: datetime
    item_id: str

    def order(self) -> Order:
        """Return the place in the order of events."""
        return self.event_at, self.first_seen_at, self.item_id


@dataclass(frozen=True, slots=True)
class State:
    """What is remembered for one rule; bounded by the window, the baseline and the lateness."""

    since: datetime  # from here on every signal is known: a baseline begins here
    now: datetime  # of the last step; the clock of a rule never goes back
    kept: tuple[Kept, ...] = ()  # in order of events
    settled: tuple[Settled, ...] = ()  # by key


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one signal."""

    state: State
    firings: tuple[Firing, ...]
    reason: str  # why it fired, or why not yet: one sentence for people


def begin(now: datetime) -> State:
    """Return the memory of a rule that starts at `now`."""
    return State(since=now, now=now)


def step(rule: Rule, state: State, signal: Signal, now: datetime, lateness: timedelta = LATENESS) -> Step:
    """Take one signal in.

    1. What is too old to matter is forgotten. 2. A signal that does not count is passed over, with the
    reason. 3. It is put in its place in the order of events. 4. A key under which there is now one
    complete set more fires that set.

    Args:
        rule: with `sequence` (in order or together) or `volume`.
        state: from `begin` or the step before; of this rule.
        signal: any signal.
        now: when it is processed.
        lateness: how much older than `now` an event may be.
    """
    state = forget(rule, replace(state, now=max(now, state.now)), lateness)
    obstacle = _obstacle(rule, state, signal, lateness)
    if obstacle:
        return Step(state, (), obstacle)
    before = state.kept
    kept = list(before)
    insort(kept, Kept(signal, _needed(rule, state, signal)), key=_place)
    state = replace(state, kept=tuple(kept))
    complete: dict[tuple[Signal, ...], list[str]] = {}
    for key in keys(rule, signal):
        former, found = _scan(rule, state, key, before), _scan(rule, state, key, kept)
        if len(found.sets) > len(former.sets):
            chosen = next(one for one in found.sets if signal in one)
            complete.setdefault(chosen, []).append(key)
    fired = _firings(rule, complete)
    return Step(state, fired, " ".join(one.reason for one in fired) or _waiting(rule, state, signal))


def firings(rule: Rule, signals: Iterable[Signal], since: datetime | None = None) -> tuple[Firing, ...]:
    """Return every firing of a rule over signals that are all known: the meaning of `step`.

    Args:
        rule: with `sequence` or `volume`.
        signals: in any order; repeats count once.
        since: from when on the signals are complete; None = from the first one.
    """
    known = {(one.rule_id, one.item_id): one for one in signals if one.rule_id in input_ids(rule)}
    ordered = sorted(known.values(), key=_signal_place)
    if not ordered:
        return ()
    start = since or ordered[0].event_at
    state = State(since=start, now=start)
    kept: list[Kept] = []
    for signal in ordered:
        state = replace(state, kept=tuple(kept)) if rule.volume and rule.volume.times else state
        kept.append(Kept(signal, _needed(rule, state, signal)))
    complete: dict[tuple[Signal, ...], list[str]] = {}
    for key in sorted({key for signal in ordered for key in keys(rule, signal)}):
        for one in _scan(rule, state, key, kept).sets:
            complete.setdefault(one, []).append(key)
    return _firings(rule, complete)


def forget(rule: Rule, state: State, lateness: timedelta = LATENESS) -> State:
    """Return the state without what can no longer be part of a set, as of `state.now`.

    Signals are settled once no accepted signal can come before them. Sets that ended among the settled
    ones stay as they are, so only their end is remembered.
    """
    settles_at = _minus(state.now, lateness)
    oldest = _minus(settles_at, _memory(rule))
    if not state.kept or state.kept[0].signal.event_at >= oldest:
        return state
    ends = {one.key: one for one in state.settled}
    for key in sorted({key for one in state.kept for key in keys(rule, one.signal)}):
        for found in _scan(rule, state, key, state.kept).sets:
            last = found[-1]
            if last.event_at < settles_at:
                ends[key] = Settled(key, *order(last))
    return replace(
        state,
        kept=tuple(one for one in state.kept if one.signal.event_at >= oldest),
        settled=tuple(one for _, one in sorted(ends.items()) if one.event_at >= oldest),
    )


def signal_of(rule: Rule, firing: Firing, alert_id: str = "") -> Signal:
    """Return the signal of a rule that fired, for rules that stand on it.

    It happened with its last signal, whose item, story and country it has; its entities are all of them.
    """
    last = firing.signals[-1]
    entities: set[tuple[str, str]] = {one for signal in firing.signals for one in signal.entities}
    made: Labels = tuple(sorted(entities))
    return replace(last, rule_id=rule.rule_id, topic=rule.topic, entities=made, alert_id=alert_id)


def input_ids(rule: Rule) -> tuple[str, ...]:
    """Return the ids of the rules whose signals count; () for a rule that items fire."""
    if rule.sequence is not None:
        return rule.sequence.rule_ids
    return () if rule.volume is None else (rule.volume.of,)


def keys(rule: Rule, signal: Signal) -> tuple[str, ...]:
    """Return what `signal` can share with others under the rule's `same`; () when it is missing."""
    same = rule.sequence.same if rule.sequence else "none"
    if same == "none":
        return (_WITHOUT_KEY,)
    if same.startswith("entity."):
        wanted = same.removeprefix("entity.")
        return tuple(sorted({name for listed, name in signal.entities if listed == wanted}))
    value = {"topic": signal.topic, "story": signal.story_id, "country": signal.country}[same]
    return (value,) if value else ()


def usual(rule: Rule, state: State, signal: Signal) -> float | None:
    """Return the usual number of stories in a window before that of `signal`; None while warming up.

    It is the mean over the windows, side by side, that fill the baseline directly before the signal's
    own window.
    """
    volume = rule.volume
    if volume is None or volume.baseline is None:
        return None
    begins = _minus(signal.event_at, volume.within)
    count = max(1, volume.baseline // volume.within)
    if begins - state.since < count * volume.within:
        return None
    stories = set()
    for one in state.kept:
        before = begins - one.signal.event_at
        if timedelta(0) < before <= count * volume.within:
            # The windows are half open: what happened exactly at a border belongs to the earlier one.
            stories.add((math.ceil(before / volume.within), story_of(one.signal)))
    return len(stories) / count


def _needed(rule: Rule, state: State, signal: Signal) -> int:
    volume = rule.volume
    if volume is None or volume.stories is not None or volume.times is None:
        return volume.stories or 0 if volume else 0
    mean = usual(rule, state, signal)
    return 0 if mean is None else max(LEAST_STORIES, math.ceil(volume.times * mean))


def _scan(rule: Rule, state: State, key: str, kept: Sequence[Kept], within: timedelta | None = None) -> Scan:
    end = next((one.order() for one in state.settled if one.key == key), None)
    begin_at = 0 if end is None else bisect_right(kept, end, key=lambda one: order(one.signal))
    ours = [one for one in kept[begin_at:] if key in keys(rule, one.signal)]
    if rule.volume is not None:
        return volumes(ours, rule.volume.within)
    if rule.sequence is None:
        return Scan(())
    scan = sequences if rule.sequence.ordered else combinations
    signals = (one.signal for one in ours)
    return scan(rule.sequence.rule_ids, signals, rule.sequence.within if within is None else within)


def _obstacle(rule: Rule, state: State, signal: Signal, lateness: timedelta) -> str:
    if signal.rule_id not in input_ids(rule):
        return f"{rule.rule_id} does not wait for {signal.rule_id}."
    if any(
        one.signal.item_id == signal.item_id and one.signal.rule_id == signal.rule_id for one in state.kept
    ):
        return "It was counted before."
    if signal.event_at < _minus(state.now, lateness):
        return reasons.too_late(state.now - signal.event_at, lateness)
    if not keys(rule, signal):
        return reasons.without_key(rule, signal)
    return ""


def _waiting(rule: Rule, state: State, signal: Signal) -> str:
    """Say why a signal that was taken in completed nothing."""
    for key in keys(rule, signal):
        found = _scan(rule, state, key, state.kept)
        end = found.sets[-1][-1] if found.sets else None
        if end is not None and order(signal) <= order(end):
            return reasons.used_up(rule, end)
        if rule.volume is not None:
            needed = next(one.needed for one in state.kept if one.signal == signal)
            return reasons.volume_waits(rule, found.open, needed, usual(rule, state, signal), state.since)
        wide = _scan(rule, state, key, state.kept, within=timedelta.max)
        if len(wide.sets) > len(found.sets) and signal in wide.sets[-1]:
            return reasons.outside(rule, wide.sets[-1])
        return reasons.set_waits(rule, found.open, end)
    return ""


def _firings(rule: Rule, complete: dict[tuple[Signal, ...], list[str]]) -> tuple[Firing, ...]:
    made = (
        Firing(rule.rule_id, tuple(shared), signals, reasons.fired(rule, signals, shared))
        for signals, shared in complete.items()
    )
    return tuple(sorted(made, key=lambda one: (order(one.signals[-1]), one.keys)))


def _memory(rule: Rule) -> timedelta:
    """Return how far before its last signal a set, or what it is compared with, can begin."""
    if rule.sequence is not None:
        return rule.sequence.within
    if rule.volume is None:
        return timedelta(0)
    # Windows fill at most the baseline, or one window when the baseline is shorter.
    return rule.volume.within + max(rule.volume.baseline or timedelta(0), rule.volume.within)


def _place(kept: Kept) -> tuple[Order, str]:
    return _signal_place(kept.signal)


def _signal_place(signal: Signal) -> tuple[Order, str]:
    """Return the place in memory: the rule id orders signals of one item, so that runs are repeatable."""
    return order(signal), signal.rule_id


def _minus(at: datetime, span: timedelta) -> datetime:
    """Return `at - span`, or the earliest time there is."""
    earliest = datetime.min.replace(tzinfo=at.tzinfo)
    return at - span if at - earliest >= span else earliest
