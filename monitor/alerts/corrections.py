"""What it means for an alert that an outlet changed its report; pure.

One headline in ten is edited after publication, mostly for style: that is taken over in silence. People
hear of it when the report no longer says what the rule asks for, or when the outlet itself calls it a
correction.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from monitor.alerts.lifecycle import REOPEN_WITHIN, Transition, awaiting
from monitor.alerts.wording import shown
from monitor.models import AlertRevision, AlertState, Reason

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.models import Alert, Source

_LONGEST: Final = 120  # characters of a headline in a note
# At the beginning or end of a headline, or in brackets: as agencies mark what they correct or withdraw.
_WORDS: Final = (
    "correction|corrected|correcting|corrects|clarification|retraction|retracted|kill notice|withdrawn|"
    "rectification|rectificatif|correctif|berichtigung|korrektur|richtigstellung|corrección|rectificación|"
    "rettifica|correzione|исправление|исправлено|опровержение|виправлення|виправлено|спростування|"
    "تصحيح|تصويب|اصلاحیه|更正|更正启事|訂正"
)
_MARKER: Final = re.compile(
    rf"(?:^|[(\[])\s*(?:{_WORDS})\s*(?:[:)\]\-\u2013\u2014\uff1a]|$)|[\-\u2013\u2014|:]\s*(?:{_WORDS})\s*$",
    re.IGNORECASE,
)


def correct(alert: Alert, report: Source, *, matched: bool, now: datetime) -> Transition:
    """Return the alert after one of its reports was changed.

    1. The report reads as it does now; whether it still matches is noted.
    2. It newly lacks what the rule asks for, or is newly marked as corrected: a CORRECTED revision. Not
       for an alert that is held, or closed for so long that a new report would open another one.

    Args:
        alert: one that has the report as a source.
        report: the source as it reads now; of one that no longer matches, the evidence is what is left.
        matched: whether the rule still matches it.
        now: when this is decided.
    """
    before = next(source for source in alert.sources if source.item_id == report.item_id)
    after = replace(report, copy_of=before.copy_of, withdrawn=not matched)
    sources = tuple(after if source is before else source for source in alert.sources)
    changed = replace(alert, sources=sources)
    note = _note(before, after, changed)
    forgotten = alert.closed_at is not None and now - alert.closed_at >= REOPEN_WITHIN
    untold = alert.state in {AlertState.PENDING, AlertState.EXPIRED}
    if not note or forgotten or untold:
        return Transition(changed)
    number = alert.revision + 1
    revision = AlertRevision(alert.alert_id, number, Reason.CORRECTED, now, note, (report.item_id,))
    told = replace(changed, revision=number)
    return Transition(awaiting(told, now) if told.state is AlertState.OPEN else told, (revision,))


def is_marked(title: str) -> bool:
    """Whether a headline calls itself a correction."""
    return bool(_MARKER.search(title))


def _note(before: Source, after: Source, alert: Alert) -> str:
    """Return what is told; "" for a change of style."""
    if after.withdrawn and not before.withdrawn:
        what = f"{before.outlet} changed its report, which no longer says what the rule asks for"
    elif is_marked(after.title) and not is_marked(before.title):
        what = f"{before.outlet} corrected its report"
    else:
        return ""
    if after.title != before.title:
        what += f': "{_short(before.title)}" now reads "{_short(after.title)}"'
    if all(source.withdrawn for source in alert.sources):
        what += ". No report says so any more" if len(alert.sources) > 1 else ""
    return f"{what}."


def _short(title: str) -> str:
    text = shown(title)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3].rstrip()}..."
