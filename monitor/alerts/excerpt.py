"""Cut texts down to what people need to see: whole words, ellipses, evidence kept in view."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from monitor.models import Evidence

CONTEXT: Final = 120  # characters shown before and after what matched
ELLIPSIS: Final = "…"
GAP: Final = f" {ELLIPSIS} "  # between two passages of one text


def shorten(text: str, limit: int) -> str:
    """Return `text` on one line, cut at a word boundary to at most `limit` characters with an ellipsis."""
    text = " ".join(text.split())
    if len(text) <= limit:
        return text
    kept = text[: limit - 1]
    space = kept.rfind(" ")
    if space > limit // 2 and not text[limit - 1].isspace():
        kept = kept[:space]
    return kept.rstrip(" ,;:-–—") + ELLIPSIS


def windows(text: str, spans: Iterable[tuple[int, int]], context: int = CONTEXT) -> list[tuple[int, int]]:
    """Return the passages of `text` around `spans`: widened to whole words, merged when they touch.

    Args:
        text: the whole text.
        spans: (start, end) in characters; those outside the text are cut to it.
        context: characters before and after each span.

    Returns:
        Disjoint (start, end), in order; a passage that nearly reaches the text's edge reaches it.
    """
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        low = _word_start(text, max(0, min(start, len(text)) - context), start)
        high = _word_end(text, min(len(text), end + context), end)
        if found and low <= found[-1][1] + len(GAP):
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return found


def _word_start(text: str, low: int, start: int) -> int:
    """Return the first beginning of a word from `low` on, not beyond `start`."""
    if low <= len(GAP):
        return 0
    if text[low - 1].isspace():
        return low
    place = low
    while place < start and not text[place].isspace():
        place += 1
    # One very long word (a language without spaces): cut where asked.
    return place + 1 if place < start else low


def _word_end(text: str, high: int, end: int) -> int:
    """Return the last end of a word up to `high`, not before `end`."""
    if high >= len(text) - len(GAP):
        return len(text)
    place = high
    while place > end and not text[place].isspace():
        place -= 1
    return place if place > end else high


def excerpt(content: str, evidence: Sequence[Evidence]) -> tuple[str, tuple[Evidence, ...]]:
    """Return the passages of `content` around its evidence, and the evidence moved to them.

    Evidence in other fields is returned unchanged, in its place. Without evidence in the content the
    excerpt is empty.
    """
    inside = [(e.start, e.end) for e in evidence if e.field == "content"]
    pieces: list[str] = []
    offsets: list[tuple[int, int, int]] = []  # (start, end, shift) of each passage
    length = 0
    for start, end in windows(content, inside):
        lead = (f"{ELLIPSIS} " if start else "") if not pieces else GAP
        pieces.append(lead + content[start:end])
        offsets.append((start, end, length + len(lead) - start))
        length += len(pieces[-1])
    tail = f" {ELLIPSIS}" if offsets and offsets[-1][1] < len(content) else ""
    return "".join(pieces) + tail, tuple(_moved(found, offsets) for found in evidence)


def _moved(found: Evidence, offsets: Sequence[tuple[int, int, int]]) -> Evidence:
    if found.field != "content":
        return found
    shift = next(shift for start, end, shift in offsets if start <= found.start and found.end <= end)
    return replace(found, start=found.start + shift, end=found.end + shift)
