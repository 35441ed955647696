"""Show why a report matched: the passages around the evidence, with the matches marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.alerts.excerpt import ELLIPSIS, windows
from monitor.alerts.view import PassageView, SpanView
from monitor.alerts.wording import shown
from monitor.models import FIELDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.models import Evidence, Source

MOST_PASSAGES: Final = 3  # of one field: a long article that repeats a name would fill the message
_SHORT_FIELDS: Final = frozenset({"title", "author", "url"})  # shown whole


def passages(source: Source) -> tuple[PassageView, ...]:
    """Return the passages of all fields, title first; the joined spans of each are its text."""
    found: list[PassageView] = []
    for name in FIELDS:
        evidence = [e for e in source.evidence if e.field == name]
        if evidence:
            text = shown(str(getattr(source, name)))
            found += [PassageView(name, spans) for spans in _cut(name, text, evidence)]
    return tuple(found)


def _cut(name: str, text: str, evidence: Sequence[Evidence]) -> list[tuple[SpanView, ...]]:
    marks = merged(evidence, len(text))
    if not marks:
        return []
    if name in _SHORT_FIELDS:
        return [_spans(text, 0, len(text), marks)]
    places = windows(text, [(start, end) for start, end, _ in marks])[:MOST_PASSAGES]
    return [_spans(text, start, end, marks) for start, end in places]


def merged(evidence: Sequence[Evidence], length: int) -> list[tuple[int, int, str]]:
    """Return (start, end, entries) of the matched parts of a text, overlapping ones as one, in order."""
    parts: list[tuple[int, int, list[str]]] = []
    for found in sorted(evidence, key=lambda e: (e.start, -e.end, e.entry)):
        start, end = max(0, found.start), min(found.end, length)
        if start >= end:
            continue
        if parts and start < parts[-1][1]:
            before = parts[-1]
            parts[-1] = (before[0], max(before[1], end), [*before[2], found.entry])
        else:
            parts.append((start, end, [found.entry]))
    return [(start, end, "; ".join(dict.fromkeys(filter(None, names)))) for start, end, names in parts]


def _spans(text: str, start: int, end: int, marks: Sequence[tuple[int, int, str]]) -> tuple[SpanView, ...]:
    inside = [mark for mark in marks if start <= mark[0] and mark[1] <= end]
    spans: list[SpanView] = []
    place = start
    lead = f"{ELLIPSIS} " if start else ""
    for low, high, entry in inside:
        plain = lead + text[place:low]
        spans += [SpanView(plain, hit=False)] if plain else []
        spans.append(SpanView(text[low:high], hit=True, entry=entry))
        lead, place = "", high
    tail = text[place:end] + (f" {ELLIPSIS}" if end < len(text) else "")
    return (*spans, SpanView(tail, hit=False)) if tail else tuple(spans)
