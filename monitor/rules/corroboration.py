"""Corroboration: whether enough independent sources report the same within the window. Pure.

A source counts if it is no copy, its tier is not in `not_tier`, and what `distinct` asks for is known. So
many sources are independent as can be chosen with owners that all differ and, under `distinct: country` or
`alignment`, with countries or alignments that all differ as well. They have to lie in one window on event
time, last minus first at most `within`; the window slides, it does not begin with the first report.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from monitor.alerts.sources import TIER_WORDS, arrival_order, described
from monitor.alerts.wording import series
from monitor.rules.reasons import moment, nth, span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from monitor.models import Severity, Source
    from monitor.rules.schema import Corroborate

_NOBODY: Final[Mapping[str, str]] = MappingProxyType({})
_NAMED: Final = 3  # sources that a reason names before it counts the rest


class Standing(StrEnum):
    """How far an alert is corroborated."""

    WAITING = "waiting"  # another source can still come in time
    MET = "met"
    EXPIRED = "expired"  # the window of the latest source that counts is over


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an alert is corroborated, and why."""

    standing: Standing
    counted: tuple[Source, ...]  # independent of each other, in order of events; at most as many as needed
    reason: str  # one sentence for people
    held: bool = False  # nobody is told yet: `until_then: hold` and not met
    severity: Severity | None = None  # `raise_to`, when met
    until: datetime | None = None  # while waiting: the last event time at which another source counts

    @property
    def met(self) -> bool:
        """Return whether the alert is corroborated."""
        return self.standing is Standing.MET


def corroborate(
    condition: Corroborate,
    sources: Iterable[Source],
    now: datetime,
    alignments: Mapping[str, str] = _NOBODY,
) -> Verdict:
    """Judge the sources of one alert; the result does not depend on their order.

    Args:
        condition: the rule's `corroborate`.
        sources: of one alert, with copies marked (`alerts.sources.mark_copies`).
        now: decides between waiting and expired, nothing else.
        alignments: by owner, for `distinct: alignment`; an owner without one does not count.
    """
    everything = sorted(sources, key=arrival_order)
    passed_over = {one.item_id: _obstacle(condition, one, alignments) for one in everything}
    eligible = [one for one in everything if not passed_over[one.item_id]]
    best: tuple[Source, ...] = ()
    for number, last in enumerate(eligible):
        window = [one for one in eligible[: number + 1] if last.event_at - one.event_at <= condition.within]
        chosen = independent(condition, window, alignments)
        # Of equally many the latest: it is what another source can still join.
        if len(chosen) >= len(best):
            best = chosen
        if len(best) == condition.sources:
            return Verdict(Standing.MET, best, _met(condition, best), severity=condition.raise_to)
    until = eligible[-1].event_at + condition.within if eligible else None
    over = until is not None and now > until
    standing = Standing.EXPIRED if over else Standing.WAITING
    reason = _unmet(condition, best, until, over=over) + _not_counted(everything, eligible, best, passed_over)
    held = condition.until_then == "hold"
    return Verdict(standing, best, reason, held=held, until=None if over else until)


def independent(
    condition: Corroborate, sources: Sequence[Source], alignments: Mapping[str, str] = _NOBODY
) -> tuple[Source, ...]:
    """Return as many sources as are independent of each other, at most as many as are needed.

    Owners and countries are matched one to one (augmenting paths: Kuhn 1955, Berge 1957), so the order
    in which sources come never hides a choice that is large enough.

    Args:
        condition: how many, and distinct in what.
        sources: that count, in order of events; the earlier ones are preferred.
        alignments: by owner.
    """
    offers: dict[str, dict[str, Source]] = {}
    for one in sources:
        offers.setdefault(one.owner, {}).setdefault(_distinct(condition, one, alignments), one)
    taken: dict[str, str] = {}  # distinct value -> owner

    def place(owner: str, tried: set[str]) -> bool:
        for value in offers[owner]:
            if value not in tried:
                tried.add(value)
                if value not in taken or place(taken[value], tried):
                    taken[value] = owner
                    return True
        return False

    for owner in offers:
        place(owner, set())
        if len(taken) == condition.sources:
            break
    return tuple(sorted((offers[owner][value] for value, owner in taken.items()), key=arrival_order))


def _distinct(condition: Corroborate, source: Source, alignments: Mapping[str, str]) -> str:
    if condition.distinct == "country":
        return source.country.upper()
    return alignments.get(source.owner, "") if condition.distinct == "alignment" else source.owner


def _obstacle(condition: Corroborate, source: Source, alignments: Mapping[str, str]) -> str:
    """Return why a source does not count, "" if it does."""
    if source.copy_of:
        return "repeats an earlier report"
    if source.tier in condition.not_tier:
        return f"is {_article(TIER_WORDS[source.tier])}"
    if not _distinct(condition, source, alignments):
        return f"has no known {condition.distinct}"
    return ""


def _met(condition: Corroborate, chosen: Sequence[Source]) -> str:
    what = "" if condition.distinct == "owner" else f" of different {_plural(condition.distinct)}"
    names = _limited([described(one) for one in chosen])
    return f"{len(chosen)} independent sources{what} within {span(condition.within)}: {names}."


def _unmet(condition: Corroborate, best: Sequence[Source], until: datetime | None, *, over: bool) -> str:
    so_far = f"{nth(len(best) + 1)} of {condition.sources} independent sources"
    if until is None:
        return f"Waiting for the {so_far}."
    if over:
        return f"No {so_far} came until {moment(until)}."
    return f"Waiting for the {so_far}, until {moment(until)}."


def _not_counted(
    everything: Sequence[Source],
    eligible: Sequence[Source],
    best: Sequence[Source],
    passed_over: Mapping[str, str],
) -> str:
    """Say why the others do not count: what an analyst asks who sees three reports and "1 of 2"."""
    told: dict[str, None] = {}
    owners = {one.owner for one in best}
    for one in everything:
        if one in best:
            continue
        why = passed_over[one.item_id]
        if not why and one in eligible:
            why = "has an owner that is counted" if one.owner in owners else "lies outside the window"
        told[f"{one.outlet} {why}"] = None
    return f" Not counted: {_limited(list(told))}." if told else ""


def _limited(names: Sequence[str]) -> str:
    return series(names if len(names) <= _NAMED else [*names[:_NAMED], f"{len(names) - _NAMED} more"])


def _plural(word: str) -> str:
    return "countries" if word == "country" else f"{word}s"


def _article(words: str) -> str:
    """Return "an official source" or "a wire agency"; media are many and have no article."""
    if words.endswith(("media", "analysis")):
        return words
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"
