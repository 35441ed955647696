"""An alert's life: what opens, updates, reopens and closes it, and which steps people may hear about.

Times are compared in UTC. Nothing here asks who is told or when; see `decide.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from monitor.alerts.sources import arrival_order, described, independent_owners, mark_copies, tier_rank
from monitor.alerts.wording import counted, ordinal, series
from monitor.models import Alert, AlertRevision, AlertState, Reason, Severity, Tier, stable_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from monitor.models import Item, Labels, RuleInfo, Source

QUIET_FOR: Final = timedelta(hours=24)  # an alert without a hit for this long closes
REOPEN_WITHIN: Final = timedelta(hours=72)  # of closing; later hits open a new alert
ENOUGH_ITEMS: Final = 3  # immaterial items that together make an update
_NAMED: Final = 3  # sources or entities that a note names before it counts the rest

# The most important reason of a step names its revision; the note tells all of them.
IMPORTANCE: Final = (
    Reason.NEW,
    Reason.REOPENED,
    Reason.ESCALATED,
    Reason.CORRECTED,
    Reason.OFFICIAL,
    Reason.CORROBORATED,
    Reason.UPDATE,
    Reason.REMINDER,
    Reason.CLOSED,
)


@dataclass(frozen=True, slots=True)
class Transition:
    """What a step made of an alert."""

    alert: Alert  # the new value; equal to the old one when nothing changed
    revisions: tuple[AlertRevision, ...] = ()  # what people may hear about, rising; often none


def group_key(rule: RuleInfo, story_id: str, item: Item, entities: Labels) -> str:
    """Return what makes hits of one rule one alert, by its `alert_per`.

    An item without an entity of the list asked for, or a rule without a topic, is grouped by story:
    things that merely lack the same label are never merged.
    """
    per = rule.alert_per
    if per == "item":
        return f"item:{item.item_id}"
    if per == "topic" and rule.topic:
        return f"topic:{rule.topic}"
    if per.startswith("entity."):
        names = sorted({name for list_name, name in entities if list_name == per.removeprefix("entity.")})
        if names:
            return f"{per}:{'; '.join(names)}"
    return f"story:{story_id}"


def transition(
    alert: Alert | None,
    rule: RuleInfo,
    key: str,
    arrivals: Sequence[Source],
    now: datetime,
    story_id: str = "",
) -> Transition:
    """Return what `arrivals` make of an alert.

    1. Items that are already sources, and repeats among the arrivals, are dropped; with nothing left,
       nothing changes.
    2. No alert: it opens. Closed (or overdue to be) for 72 h and more: its next generation opens.
    3. Closed for less: it reopens; one that was overdue to close gets its CLOSED revision first.
    4. Open: what is material makes one revision, named by its most important reason; the rest is
       attached silently and told by the next revision.

    Args:
        alert: the newest generation for (rule, key), or None.
        rule: the rule as it is now.
        key: from `group_key`.
        arrivals: reports in any order; the result does not depend on it.
        now: when this is decided.
        story_id: the story of the arrivals.

    Returns:
        The new alert and its new revisions, without gaps.

    Raises:
        ValueError: there is neither an alert nor an arrival.
    """
    known = {source.item_id for source in alert.sources} if alert else set()
    fresh = {source.item_id: source for source in sorted(arrivals, key=arrival_order, reverse=True)}
    added = tuple(source for item_id, source in reversed(fresh.items()) if item_id not in known)
    if alert is None:
        if not added:
            raise ValueError("an alert needs at least one report to open")
        return _open(rule, key, 1, added, now, story_id)
    if not added:
        return Transition(alert)
    settled = close_quiet(alert, now)
    if settled.alert.closed_at is None:
        return _advance(alert, rule, added, now, story_id)
    if now - settled.alert.closed_at >= REOPEN_WITHIN:
        return _open(rule, key, alert.generation + 1, added, now, story_id)
    return _reopen(settled, rule, added, now, story_id)


def close_quiet(alert: Alert, now: datetime) -> Transition:
    """Return the alert closed if it is open and had no hit for 24 h, else unchanged.

    It counts as closed from the moment those 24 h were over, whenever that is noticed. The CLOSED
    revision is for the record: nobody is sent a message about it.
    """
    closes_at = alert.last_hit_at + QUIET_FOR
    if alert.state is not AlertState.OPEN or now < closes_at:
        return Transition(alert)
    number = alert.revision + 1
    closed = replace(alert, state=AlertState.CLOSED, closed_at=closes_at, revision=number)
    note = f"No further report for {QUIET_FOR // timedelta(hours=1)} h."
    return Transition(closed, (AlertRevision(alert.alert_id, number, Reason.CLOSED, now, note, ()),))


def _open(
    rule: RuleInfo, key: str, generation: int, added: Sequence[Source], now: datetime, story_id: str
) -> Transition:
    sources = mark_copies(added)
    alert = Alert(
        alert_id=stable_id("alert", rule.rule_id, key, str(generation)),
        rule=rule,
        group_key=key,
        generation=generation,
        state=AlertState.OPEN,
        severity=rule.severity,
        revision=1,
        opened_at=now,
        last_hit_at=now,
        closed_at=None,
        sources=sources,
        story_id=story_id,
    )
    note = f"First {'report' if len(sources) == 1 else 'reports'}: {_named(sources)}."
    return Transition(alert, (_revision(alert, Reason.NEW, now, note, sources),))


def _reopen(
    settled: Transition, rule: RuleInfo, added: Sequence[Source], now: datetime, story_id: str
) -> Transition:
    before = settled.alert
    alert = _attach(before, rule, added, now, story_id)
    alert = replace(alert, state=AlertState.OPEN, closed_at=None, revision=before.revision + 1, unreported=())
    step = _material(before, alert, {source.item_id for source in added})
    first = f"new {'report' if len(added) == 1 else 'reports'} after {_span(now - before.last_hit_at)}"
    parts = (f"{first} of quiet: {_named(added)}", *(step.parts if step.reason is Reason.ESCALATED else ()))
    told = (*before.unreported, *(source.item_id for source in added))
    revision = _revision(alert, Reason.REOPENED, now, _sentence(parts), _by_id(alert, told))
    return Transition(alert, (*settled.revisions, revision))


def _advance(
    before: Alert, rule: RuleInfo, added: Sequence[Source], now: datetime, story_id: str
) -> Transition:
    after = _attach(before, rule, added, now, story_id)
    step = _material(before, after, {source.item_id for source in added})
    waiting = (*before.unreported, *(source.item_id for source in added))
    if step.reason is None and len(waiting) < ENOUGH_ITEMS:
        return Transition(replace(after, unreported=waiting))
    reason = step.reason or Reason.UPDATE
    told = _by_id(after, waiting)
    parts = step.parts or (_further(told),)
    alert = replace(after, revision=before.revision + 1, unreported=())
    return Transition(alert, (_revision(alert, reason, now, _sentence(parts), told),))


def _attach(alert: Alert, rule: RuleInfo, added: Sequence[Source], now: datetime, story_id: str) -> Alert:
    # A rule that was toned down takes its alerts along quietly, unless something else raised them.
    raised = alert.severity.rank > alert.rule.severity.rank
    severity = max(alert.severity, rule.severity, key=_rank) if raised else rule.severity
    return replace(
        alert,
        rule=rule,
        severity=severity,
        last_hit_at=max(alert.last_hit_at, now),
        sources=mark_copies(added, alert.sources),
        story_id=alert.story_id or story_id,
    )


@dataclass(slots=True)
class _Step:
    """What is material in a step, most important first."""

    reason: Reason | None = None
    parts: tuple[str, ...] = field(default=())

    def add(self, reason: Reason, part: str) -> None:
        """Take note of one thing; the first reason noted names the step."""
        self.reason = self.reason or reason
        self.parts = (*self.parts, part)


def _material(before: Alert, after: Alert, added: set[str]) -> _Step:
    """Compare two values of an alert; the checks stand in order of importance.

    `added` holds the ids of the step's own items: those attached silently before were judged then.
    """
    step = _Step()
    new = [source for source in after.sources if source.item_id in added]
    if after.severity.rank > before.severity.rank:
        step.add(Reason.ESCALATED, f"severity raised from {before.severity} to {after.severity}")
    officials = [source for source in new if source.tier is Tier.OFFICIAL]
    if officials and all(source.tier is not Tier.OFFICIAL for source in before.sources):
        step.add(Reason.OFFICIAL, f"first official source: {described(officials[0])}")
    owners, former = independent_owners(after.sources), set(independent_owners(before.sources))
    gained = [_first_of(new, owner) for owner in owners if owner not in former]
    others = [source for source in gained if source]
    if len(owners) > len(former) and others:
        step.add(Reason.UPDATE, _independent(len(owners), others))
    best = max(new, key=lambda source: tier_rank(source.tier))
    highest = max(tier_rank(source.tier) for source in before.sources)
    if tier_rank(best.tier) > highest and best not in others and best.tier is not Tier.OFFICIAL:
        step.add(Reason.UPDATE, f"first source of a higher tier: {described(best)}")
    mentions = _entities(after.sources) - _entities(before.sources)
    if mentions:
        step.add(Reason.UPDATE, f"first mention of {_limited(sorted(name for _, name in mentions))}")
    return step


def _independent(total: int, gained: Sequence[Source]) -> str:
    first = total - len(gained) + 1
    numbers = series([ordinal(number) for number in range(max(first, 1), total + 1)])
    noun = "source" if len(gained) == 1 else "sources"
    return f"{numbers} independent {noun}: {_named(gained)}"


def _further(told: Sequence[Source]) -> str:
    repeats = ", which repeat earlier ones" if all(source.copy_of for source in told) else ""
    return f"{counted(len(told), 'further report')}{repeats}: {_named(told)}"


def _first_of(sources: Iterable[Source], owner: str) -> Source | None:
    return next((source for source in sources if source.owner == owner and not source.copy_of), None)


def _entities(sources: Iterable[Source]) -> set[tuple[str, str]]:
    return {entity for source in sources for entity in source.entities}


def _by_id(alert: Alert, item_ids: Iterable[str]) -> tuple[Source, ...]:
    wanted = set(item_ids)
    return tuple(source for source in alert.sources if source.item_id in wanted)


def _revision(
    alert: Alert, reason: Reason, now: datetime, note: str, told: Iterable[Source]
) -> AlertRevision:
    item_ids = tuple(source.item_id for source in told)
    return AlertRevision(alert.alert_id, alert.revision, reason, now, note, item_ids)


def _named(sources: Sequence[Source]) -> str:
    return _limited(list(dict.fromkeys(described(source) for source in sources)))


def _limited(names: Sequence[str]) -> str:
    if len(names) <= _NAMED:
        return series(names)
    return series([*names[:_NAMED], f"{len(names) - _NAMED} more"])


def _sentence(parts: Sequence[str]) -> str:
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."


def _span(duration: timedelta) -> str:
    if duration < timedelta(days=2):
        return counted(max(1, round(duration / timedelta(hours=1))), "hour")
    return counted(round(duration / timedelta(days=1)), "day")


def _rank(severity: Severity) -> int:
    return severity.rank
