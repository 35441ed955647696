"""An alert's life: what opens, updates, reopens and closes it, and which steps people may hear about.

Times are compared in UTC. Nothing here asks who is told or when; see `decide.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from monitor.alerts.material import by_id, confirmed, further, material, named, related, sentence, span
from monitor.alerts.sources import arrival_order, mark_copies
from monitor.alerts.system_rules import closes_by_itself
from monitor.alerts.wording import counted, one_line
from monitor.models import Alert, AlertRevision, AlertState, Reason, Severity, stable_id
from monitor.rules.corroboration import corroborate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from monitor.models import Item, Labels, RuleInfo, Source
    from monitor.rules.corroboration import Verdict
    from monitor.rules.schema import Corroborate

QUIET_FOR: Final = timedelta(hours=24)  # an alert without a hit for this long closes
REOPEN_WITHIN: Final = timedelta(hours=72)  # of closing; later hits open a new alert
ENOUGH_ITEMS: Final = 3  # immaterial items that together make an update

# The most important reason of a step names its revision; the note tells all of them.
IMPORTANCE: Final = (
    Reason.RECOVERED,
    Reason.NEW,
    Reason.REOPENED,
    Reason.CORROBORATED,
    Reason.ESCALATED,
    Reason.CORRECTED,
    Reason.OFFICIAL,
    Reason.UPDATE,
    Reason.REMINDER,
    Reason.EXPIRED,
    Reason.CLOSED,
)

# After these an acknowledgement no longer says that its reader knows enough.
CLEARS_ACK: Final = frozenset(
    {Reason.CORROBORATED, Reason.ESCALATED, Reason.OFFICIAL, Reason.CORRECTED, Reason.REOPENED}
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


@dataclass(frozen=True, slots=True)
class Standard:
    """What a rule asks of an alert, beside its labels."""

    corroborate: Corroborate | None = None
    why: str = ""  # why a rule that remembers fired: such arrivals are always told, in these words


PLAIN: Final = Standard()


def transition(
    alert: Alert | None,
    rule: RuleInfo,
    key: str,
    arrivals: Sequence[Source],
    now: datetime,
    story_id: str = "",
    standard: Standard = PLAIN,
) -> Transition:
    """Return what `arrivals` make of an alert.

    1. Items that are already sources, and repeats among the arrivals, are dropped; with nothing left,
       nothing changes.
    2. No alert: it opens, or is held until it is corroborated. Closed (or overdue to be) for 72 h and
       more: its next generation opens.
    3. Closed for less: it reopens; one that was overdue to close gets its CLOSED revision first.
    4. Held, also in vain so far: it opens once there are enough independent sources in one window.
    5. Open: what is material makes one revision, named by its most important reason; the rest is
       attached silently and told by the next revision.

    Args:
        alert: the newest generation for (rule, key), or None.
        rule: the rule as it is now.
        key: from `group_key`.
        arrivals: reports in any order; the result does not depend on it.
        now: when this is decided.
        story_id: the story of the arrivals.
        standard: what else the rule asks.

    Returns:
        The new alert and its new revisions, without gaps.

    Raises:
        ValueError: there is neither an alert nor an arrival.
    """
    known = {source.item_id for source in alert.sources} if alert and not alert.merged_into else set()
    fresh = {source.item_id: source for source in sorted(arrivals, key=arrival_order, reverse=True)}
    added = tuple(source for item_id, source in reversed(fresh.items()) if item_id not in known)
    if alert is None:
        if not added:
            raise ValueError("an alert needs at least one report to open")
        return _open(rule, key, 1, added, now, story_id, standard)
    return _go_on(alert, rule, added, now, story_id, standard) if added else Transition(alert)


def _go_on(
    alert: Alert, rule: RuleInfo, added: Sequence[Source], now: datetime, story_id: str, standard: Standard
) -> Transition:
    """Return what reports that are new to it make of an alert: steps 2 to 5 of `transition`."""
    if alert.merged_into:
        return _back(alert, rule, added, now, standard)
    settled = close_quiet(alert, now)
    closed_at = settled.alert.closed_at
    if closed_at is not None and now - closed_at >= REOPEN_WITHIN:
        return _open(rule, alert.group_key, alert.generation + 1, added, now, story_id, standard)
    if settled.alert.state in _HELD:
        return _hold_on(settled.alert, rule, added, now, story_id, standard)
    if closed_at is not None:
        return _reopen(settled, rule, added, now, story_id, standard)
    return _advance(alert, rule, added, now, story_id, standard)


_HELD: Final = frozenset({AlertState.PENDING, AlertState.EXPIRED})


def close_quiet(alert: Alert, now: datetime) -> Transition:
    """Return the alert closed if it is open and had no hit for 24 h, else unchanged.

    It counts as closed from the moment those 24 h were over, whenever that is noticed. The CLOSED
    revision is for the record: nobody is sent a message about it. One about the monitor itself that lasts
    until it is mended does not close so.
    """
    closes_at = alert.last_hit_at + QUIET_FOR
    if alert.state is not AlertState.OPEN or now < closes_at or not closes_by_itself(alert):
        return Transition(alert)
    note = f"No further report for {QUIET_FOR // timedelta(hours=1)} h."
    return _ended(replace(alert, state=AlertState.CLOSED, closed_at=closes_at), Reason.CLOSED, now, note)


def close_by_hand(alert: Alert, author: str, now: datetime) -> Transition:
    """Return an open or held alert closed by a person, else unchanged; a later report reopens it."""
    if alert.state not in {AlertState.OPEN, AlertState.PENDING}:
        return Transition(alert)
    closed = replace(alert, state=AlertState.CLOSED, closed_at=now)
    return _ended(closed, Reason.CLOSED, now, f"Closed by {author}.")


def expire_held(alert: Alert, now: datetime) -> Transition:
    """Return a held alert expired if no other source can count any more, else unchanged."""
    until = alert.hold_until
    if alert.state is not AlertState.PENDING or until is None or now <= until:
        return Transition(alert)
    note = f"Not confirmed in time: {named(alert.sources)}."
    expired = replace(alert, state=AlertState.EXPIRED, closed_at=until)
    return _ended(expired, Reason.EXPIRED, now, note)


def _ended(alert: Alert, reason: Reason, now: datetime, note: str) -> Transition:
    ended = replace(alert, revision=alert.revision + 1, unreported=(), remind_at=None)
    told = by_id(alert, alert.unreported)
    return Transition(ended, (_revision(ended, reason, now, note, told),))


def moved_away(alert: Alert, item_ids: frozenset[str], title: str, now: datetime) -> Transition:
    """Return the alert without reports that a person moved to another story, whose own alert tells them.

    Who heard of them here is told by a CORRECTED revision. An alert that keeps no report is closed, with
    its reports, for the record.

    Args:
        alert: any.
        item_ids: the items that moved; without one of its sources nothing changes.
        title: headline of the first of them.
        now: when this is decided.
    """
    kept = [source for source in alert.sources if source.item_id not in item_ids]
    count = len(alert.sources) - len(kept)
    if not count or (not kept and alert.state is AlertState.CLOSED):
        return Transition(alert)
    number = alert.revision + 1
    note = f"{counted(count, 'report')} moved to a story of their own: “{one_line(title)}”."
    if not kept:
        closed = replace(alert, state=AlertState.CLOSED, closed_at=now, revision=number, remind_at=None)
        return Transition(closed, (AlertRevision(alert.alert_id, number, Reason.CLOSED, now, note, ()),))
    less = replace(
        awaiting(alert, now),
        revision=number,
        sources=mark_copies(replace(source, copy_of="") for source in kept),
        unreported=tuple(item_id for item_id in alert.unreported if item_id not in item_ids),
    )
    return Transition(less, (_revision(less, Reason.CORRECTED, now, note, ()),))


def _open(
    rule: RuleInfo,
    key: str,
    generation: int,
    added: Sequence[Source],
    now: datetime,
    story_id: str,
    standard: Standard,
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
    verdict = _verdict(alert, now, standard)
    if verdict and verdict.held:
        return Transition(_held(replace(alert, revision=0), verdict))
    alert = awaiting(_judged(alert, verdict), now)
    first = f"First {'report' if len(sources) == 1 else 'reports'}: {named(sources)}."
    note = standard.why or " ".join(filter(None, (first, confirmed(verdict), related(sources))))
    return Transition(alert, (_revision(alert, Reason.NEW, now, note, sources),))


def _hold_on(
    before: Alert, rule: RuleInfo, added: Sequence[Source], now: datetime, story_id: str, standard: Standard
) -> Transition:
    """Judge a held alert again: an expired one, too, because a late report can lie inside the window."""
    alert = replace(_attach(before, rule, added, now, story_id), closed_at=None)
    verdict = _verdict(alert, now, standard)
    if verdict and verdict.held:
        return Transition(_held(alert, verdict))
    opened = replace(alert, state=AlertState.OPEN, hold_until=None, unreported=(), opened_at=now)
    opened = awaiting(_judged(replace(opened, revision=before.revision + 1), verdict), now)
    # Whoever was told in a digest that it expired has heard of it: for them it is not new.
    reason = Reason.CORROBORATED if before.revision else Reason.NEW
    note = f"{confirmed(verdict)}" or f"Reports: {named(alert.sources)}."
    return Transition(opened, (_revision(opened, reason, now, note, opened.sources),))


def _held(alert: Alert, verdict: Verdict) -> Alert:
    waiting = tuple(source.item_id for source in alert.sources)
    until = verdict.until or alert.hold_until
    if until is None:  # the window was over on arrival: it expires at once
        until = max(source.event_at for source in alert.sources)
    return replace(alert, state=AlertState.PENDING, corroborated=False, hold_until=until, unreported=waiting)


def _verdict(alert: Alert, now: datetime, standard: Standard) -> Verdict | None:
    if standard.corroborate is None:
        return None
    counted_ = [source for source in alert.sources if not source.withdrawn]
    return corroborate(standard.corroborate, counted_, now)


def _judged(alert: Alert, verdict: Verdict | None) -> Alert:
    """Return the alert with what a verdict says of it; confirmation and its severity are not taken back."""
    if verdict is None:
        return replace(alert, corroborated=None)
    met = verdict.met or alert.corroborated is True
    raised = verdict.severity if verdict.met and not alert.corroborated else None
    severity = max(alert.severity, raised, key=_rank) if raised else alert.severity
    return replace(alert, corroborated=met, severity=severity)


def _reopen(
    settled: Transition,
    rule: RuleInfo,
    added: Sequence[Source],
    now: datetime,
    story_id: str,
    standard: Standard,
) -> Transition:
    before = settled.alert
    alert = _attach(before, rule, added, now, story_id)
    verdict = _verdict(alert, now, standard)
    alert = _judged(alert, verdict)
    alert = replace(alert, state=AlertState.OPEN, closed_at=None, unreported=())
    alert = replace(awaiting(alert, now), revision=before.revision + 1)
    step = material(before, alert, {source.item_id for source in added}, verdict)
    first = f"new {'report' if len(added) == 1 else 'reports'} after {span(now - before.last_hit_at)}"
    worse = step.parts if step.reason in {Reason.ESCALATED, Reason.CORROBORATED} else ()
    parts = (f"{first} of quiet: {named(added)}", *worse)
    told = (*before.unreported, *(source.item_id for source in added))
    revision = _revision(alert, Reason.REOPENED, now, sentence(parts), by_id(alert, told))
    return Transition(alert, (*settled.revisions, revision))


def _back(
    before: Alert, rule: RuleInfo, added: Sequence[Source], now: datetime, standard: Standard
) -> Transition:
    """Return an alert that had ended with a merge of stories, with the reports that were split off again."""
    alert = replace(
        before, rule=rule, severity=max(before.severity, rule.severity, key=_rank),
        sources=mark_copies(added), last_hit_at=now, closed_at=None, merged_into="",
    )  # fmt: skip
    verdict = _verdict(alert, now, standard)
    if verdict and verdict.held:
        return Transition(_held(alert, verdict))
    alert = _judged(replace(alert, state=AlertState.OPEN), verdict)
    note = f"Split again from the story into which it had been merged: {named(alert.sources)}."
    return revised(alert, Reason.REOPENED, now, note, alert.sources)


def _advance(
    before: Alert, rule: RuleInfo, added: Sequence[Source], now: datetime, story_id: str, standard: Standard
) -> Transition:
    attached = _attach(before, rule, added, now, story_id)
    verdict = _verdict(attached, now, standard)
    after = _judged(attached, verdict)
    step = material(before, after, {source.item_id for source in added}, verdict)
    if standard.why:
        step.add(Reason.UPDATE, standard.why.rstrip("."))
    waiting = (*before.unreported, *(source.item_id for source in added))
    if step.reason is None and len(waiting) < ENOUGH_ITEMS:
        return Transition(replace(after, unreported=waiting))
    told = by_id(after, waiting)
    parts = step.parts or (further(told),)
    return revised(after, step.reason or Reason.UPDATE, now, sentence(parts), told)


def revised(alert: Alert, reason: Reason, now: datetime, note: str, told: Sequence[Source]) -> Transition:
    """Return the next revision of an alert; what matters enough clears its acknowledgement."""
    revised = replace(alert, revision=alert.revision + 1, unreported=())
    if reason in CLEARS_ACK:
        revised = awaiting(revised, now)
    return Transition(revised, (_revision(revised, reason, now, note, told),))


def awaiting(alert: Alert, now: datetime) -> Alert:
    """Return the alert not acknowledged: from now on people are asked to, and reminders begin anew."""
    return replace(alert, acked_by="", acked_at=None, remind_since=now, remind_at=None)


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


def _revision(
    alert: Alert, reason: Reason, now: datetime, note: str, told: Iterable[Source]
) -> AlertRevision:
    item_ids = tuple(source.item_id for source in told)
    return AlertRevision(alert.alert_id, alert.revision, reason, now, note, item_ids)


def _rank(severity: Severity) -> int:
    return severity.rank
