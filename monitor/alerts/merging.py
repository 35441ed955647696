"""What becomes of a rule's two alerts when a person makes their stories one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from monitor.alerts.decide import is_waiting, was_told
from monitor.alerts.lifecycle import Standard, Transition, transition
from monitor.alerts.sources import mark_copies
from monitor.alerts.wording import counted
from monitor.models import AlertRevision, AlertState, Outcome, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from monitor.models import Alert, Decision, RuleInfo, Source
    from monitor.rules.schema import Corroborate

_LIVE: Final = frozenset({AlertState.OPEN, AlertState.PENDING})


@dataclass(frozen=True, slots=True)
class Merge:
    """The steps of two alerts of one rule whose stories became one."""

    kept: Transition | None  # of the alert that has all reports now; None when no alert follows
    gone: Transition  # of the other one


def merged(
    kept: Alert | None,
    gone: Alert,
    rule: RuleInfo,
    place: tuple[str, str],
    now: datetime,
    *,
    titles: tuple[str, str],
    corroboration: Corroborate | None = None,
) -> Merge:
    """Return what becomes of two alerts; no report is lost, and there is at most one revision to tell.

    1. One that has ended stays ended. The alert of the surviving story takes its reports along and tells
       them with its next revision; without such an alert nothing changes.
    2. One that is open or held ends for the record, and its reports go on in the alert of the surviving
       story, which is updated, reopened or opened by them.

    Args:
        kept: the alert of the surviving story, if the rule has one.
        gone: the alert of the other story.
        rule: the rule as it is now.
        place: (group key, story id) of the surviving story.
        now: when this is decided.
        titles: headlines of the surviving story and of the other one, in quotation marks.
        corroboration: what the rule asks of sources.
    """
    standing = kept if kept and not kept.merged_into else None  # what an earlier merge ended holds no report
    known = {source.item_id for source in standing.sources} if standing else set()
    added = [replace(source, copy_of="") for source in gone.sources if source.item_id not in known]
    if gone.state not in _LIVE and (kept is None or kept.state not in _LIVE):
        if standing is None:
            return Merge(None, Transition(gone))
        return Merge(_attached(standing, added), _gone(gone, standing.alert_id, titles[0], now))
    # Beside other reasons it stands in the middle of a sentence.
    word = "merged" if kept else "Merged"
    why = f"{word} by hand with the story of {titles[1]}: {counted(len(gone.sources), 'report')}."
    step = transition(kept, rule, place[0], added, now, place[1], Standard(corroboration, why))
    return Merge(_explained(step, why), _gone(gone, step.alert.alert_id, titles[0], now))


def _attached(alert: Alert, added: Sequence[Source]) -> Transition:
    ids = tuple(source.item_id for source in added)
    waiting = alert.unreported + ids if alert.state is AlertState.OPEN else alert.unreported
    return Transition(replace(alert, sources=mark_copies(added, alert.sources), unreported=waiting))


def _explained(step: Transition, why: str) -> Transition:
    """Return the step with the reason in its last note, where it is not told yet."""
    if not step.revisions or why.rstrip(".").casefold() in step.revisions[-1].note.casefold():
        return step
    *earlier, last = step.revisions
    told = replace(last, note=f"{why[:1].upper()}{why[1:]} {last.note}")
    return replace(step, revisions=(*earlier, told))


def _gone(alert: Alert, into: str, title: str, now: datetime) -> Transition:
    if alert.state not in _LIVE:
        return Transition(replace(alert, merged_into=into))
    number = alert.revision + 1
    ended = replace(
        alert, state=AlertState.CLOSED, closed_at=now, revision=number, hold_until=None, unreported=(),
        remind_at=None, merged_into=into,
    )  # fmt: skip
    note = f"Merged by hand into the alert about {title}, which has its reports now."
    return Transition(ended, (AlertRevision(alert.alert_id, number, Reason.CLOSED, now, note, ()),))


def withdrawn(
    earlier: Iterable[Decision], made: Iterable[Decision], rule_id: str, now: datetime
) -> tuple[Decision, ...]:
    """Return what still waits of the ended alert for those who hear of its reports by the other one.

    Args:
        earlier: decisions about the ended alert.
        made: decisions about the step of the other one.
        rule_id: of both.
        now: when this is decided.
    """
    hears = {one.recipient_id for one in made if is_waiting(one)}
    told = f'Superseded: the stories were merged, and the other alert of "{rule_id}" tells its reports.'
    return tuple(_spared(one, told, now) for one in earlier if is_waiting(one) and one.recipient_id in hears)


def told_once(
    made: Sequence[tuple[Alert, Sequence[Decision], Sequence[Decision]]], now: datetime
) -> tuple[Decision, ...]:
    """Return the decisions about all steps of one merge, so that nobody hears of it twice.

    Several rules can have alerts about both stories. Who has heard of each of them is told of the merge
    by the most severe one alone; a message about an alert that a recipient has not heard of stays.

    Args:
        made: of each step, the alert, the decisions about it, and those about the alert that ended.
        now: when this is decided.
    """
    found: list[Decision] = []
    hears: set[str] = set()
    ranked = sorted(made, key=lambda one: (-one[0].severity.rank, one[0].alert_id))
    for _, decisions, earlier in ranked:
        heard = {one.recipient_id for one in earlier if was_told(one)}
        for one in decisions:
            again = is_waiting(one) and one.recipient_id in heard and one.recipient_id in hears
            told = "Superseded: another alert tells that the stories were merged."
            found.append(_spared(one, told, now) if again else one)
        hears |= {one.recipient_id for one in decisions if is_waiting(one)}
    return tuple(found)


def _spared(decision: Decision, reason: str, now: datetime) -> Decision:
    return replace(decision, outcome=Outcome.SUPERSEDED, reason=reason, decided_at=now, due_at=None, slot="")
