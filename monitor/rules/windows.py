"""Sliding windows on event time: which signals complete a sequence, a set in any order, or a volume.

A scan goes through the signals of one key in order of events and takes the set that is complete first;
the next one begins after its end. So the sets are as many as can stand side by side without overlapping
(earliest end first: Kleinberg and Tardos, Algorithm Design, 4.1). That number never falls when a signal is
added, it rises by one at most, and then the added signal belongs to one of the sets. `stateful.py` rests
on this: how often a rule fires does not depend on the order in which signals arrive.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, TypeAlias

from monitor.models import Labels, Tier, stable_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Order: TypeAlias = tuple[datetime, datetime, str]


@dataclass(frozen=True, slots=True)
class Signal:
    """The first hit of an alert: what rules that remember are fed with."""

    rule_id: str  # whose alert it is
    item_id: str
    event_at: datetime  # Item.event_at()
    first_seen_at: datetime
    story_id: str = ""
    topic: str = ""  # of the rule
    country: str = ""  # of the feed, ISO 3166-1 alpha-2
    entities: Labels = ()  # (list, entry name), sorted
    owner: str = ""  # the unit of independence
    tier: Tier | None = None
    alert_id: str = ""  # the alert that it opened

    @property
    def signal_id(self) -> str:
        """Return what makes it the same signal: its rule and item."""
        return stable_id("signal", self.rule_id, self.item_id)


@dataclass(frozen=True, slots=True)
class Kept:
    """A signal in memory."""

    signal: Signal
    needed: int = 0  # volume: stories that its window needs; 0 = warming up, it completes nothing


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan found."""

    sets: tuple[tuple[Signal, ...], ...]  # complete ones, each and all in order of events
    open: tuple[Signal, ...] = ()  # what waits to be completed, at the time of the last signal


def order(signal: Signal) -> Order:
    """Return the order of events: event time, ties by first sight, then by item id.

    Two rules' signals of one item are equal in this order: neither came before the other.
    """
    return signal.event_at, signal.first_seen_at, signal.item_id


def sequences(rule_ids: Sequence[str], signals: Iterable[Signal], within: timedelta) -> Scan:
    """Return the sets in which the rules' signals rise in order, last minus first at most `within`.

    Args:
        rule_ids: in the order asked for; one id may stand several times, for several alerts.
        signals: of one key, in `order`.
        within: inclusive.
    """
    sets: list[tuple[Signal, ...]] = []
    chains: dict[int, tuple[Signal, ...]] = {}  # by length: of those so long, the one that began last
    latest: datetime | None = None
    for at, group in groupby(signals, key=order):
        latest = at[0]
        # A chain grows from what stood before this moment, so signals of one item never follow each other.
        grown = dict(chains)
        for signal in group:
            for place, rule_id in enumerate(rule_ids):
                before = chains.get(place, ())
                fits = not place or (before and signal.event_at - before[0].event_at <= within)
                if rule_id == signal.rule_id and fits:
                    grown[place + 1] = (*before, signal)
        complete = grown.get(len(rule_ids))
        chains = {} if complete else grown
        if complete:
            sets.append(complete)
    alive = [chain for chain in chains.values() if latest and latest - chain[0].event_at <= within]
    return Scan(tuple(sets), max(alive, key=len, default=()))


def combinations(rule_ids: Sequence[str], signals: Iterable[Signal], within: timedelta) -> Scan:
    """Return the sets with a signal for each of the rules in any order, last minus first at most `within`.

    Arguments as for `sequences`. One item may bring the signals of several rules.
    """
    needed = Counter(rule_ids)
    sets: list[tuple[Signal, ...]] = []
    newest: dict[str, deque[Signal]] = {rule_id: deque(maxlen=count) for rule_id, count in needed.items()}
    end: Order | None = None
    window: tuple[Signal, ...] = ()
    for signal in signals:
        if signal.rule_id not in newest or (end is not None and order(signal) <= end):
            continue
        newest[signal.rule_id].append(signal)
        kept = (one for queue in newest.values() for one in queue)
        window = tuple(sorted((one for one in kept if signal.event_at - one.event_at <= within), key=order))
        if len(window) == len(rule_ids):
            sets.append(window)
            end, window = order(signal), ()
            for queue in newest.values():
                queue.clear()
    return Scan(tuple(sets), window)


def volumes(kept: Iterable[Kept], within: timedelta) -> Scan:
    """Return the sets with as many stories as their last signal needs, last minus first at most `within`.

    A story counts once, by its latest signal; a signal without a story is a story of its own.

    Args:
        kept: of one rule, in `order`.
        within: inclusive.
    """
    sets: list[tuple[Signal, ...]] = []
    window: dict[str, Signal] = {}  # by story, in order of its latest signal
    for one in kept:
        signal = one.signal
        window.pop(story_of(signal), None)
        window[story_of(signal)] = signal
        while signal.event_at - next(iter(window.values())).event_at > within:
            del window[next(iter(window))]
        if 0 < one.needed <= len(window):
            sets.append(tuple(window.values()))
            window = {}
    return Scan(tuple(sets), tuple(window.values()))


def story_of(signal: Signal) -> str:
    """Return the story as which a signal is counted."""
    return f"story:{signal.story_id}" if signal.story_id else f"item:{signal.item_id}"
