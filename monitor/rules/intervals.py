"""`near`: choose one occurrence of each operand, pairwise disjoint, close enough together.

The search is exact, not greedy: it goes once through the occurrences in text order and keeps, for
every set of operands seen so far, the best chain of disjoint occurrences that covers it. So it is
linear in the occurrences (times two to the number of operands, at most eight), widening a limit never
loses a match, and what matches in order matches in any order.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# First and last token, what matched there, and the character span where that is not the tokens' own.
Part: TypeAlias = tuple[int, int, "Label", tuple[()] | tuple[int, int]]


class Label(NamedTuple):
    """What a piece of evidence is called."""

    entry: str  # list entry ("us_envoys: Steve Witkoff") or the phrase as written in the rule
    entities: tuple[tuple[str, str], ...] = ()  # (list, entry name)


class Occurrence(NamedTuple):
    """Something found in one field, by token indices."""

    start: int  # first token
    end: int  # last token, inclusive
    parts: tuple[Part, ...]  # evidence


class _Chain(NamedTuple):
    """Occurrences of some operands, in text order."""

    gap: int  # words between them that belong to none
    start: int
    end: int
    previous: _Chain | None
    occurrence: Occurrence


def near(
    operands: Sequence[Sequence[Occurrence]], *, limit: int | None = None, ordered: bool = False
) -> list[Occurrence]:
    """Return the places where all operands occur together.

    Args:
        operands: the occurrences of each operand in one field, in any order.
        limit: at most so many words inside the span that belong to no operand; None = no limit.
        ordered: the occurrences come in the order of the operands.

    Returns:
        For each token at which such a group ends, the closest group that ends there: with a limit
        the one with the fewest words between, else the shortest. In order of their ends.
    """
    if not all(operands):
        return []
    full = (1 << len(operands)) - 1
    # What could continue: for each set of operands, the best chain whose end lies before the present.
    best: dict[int, _Chain] = {}
    pending: list[tuple[int, int, int, _Chain]] = []  # (end, serial, set, chain), not yet before it
    complete: dict[int, _Chain] = {}
    serial = 0
    for occurrence, number in _in_text_order(operands):
        while pending and pending[0][0] < occurrence.start:
            _, _, covered, chain = heapq.heappop(pending)
            if covered not in best or _better(chain, best[covered], limit):
                best[covered] = chain
        for covered, chain in _continued(best, occurrence, number, ordered=ordered):
            if limit is not None and chain.gap > limit:
                continue
            if covered == full:
                end = chain.end
                if end not in complete or _better(chain, complete[end], limit):
                    complete[end] = chain
            else:
                serial += 1
                heapq.heappush(pending, (chain.end, serial, covered, chain))
    return [_joined(complete[end]) for end in sorted(complete)]


def _in_text_order(operands: Sequence[Sequence[Occurrence]]) -> Iterable[tuple[Occurrence, int]]:
    events = ((found.start, found.end, number, found) for number, one in enumerate(operands) for found in one)
    return ((found, number) for _, _, number, found in sorted(events, key=lambda event: event[:3]))


def _continued(
    best: dict[int, _Chain], occurrence: Occurrence, number: int, *, ordered: bool
) -> list[tuple[int, _Chain]]:
    """Return every chain that `occurrence` of operand `number` starts or continues, with its set."""
    bit = 1 << number
    chains: list[tuple[int, _Chain]] = []
    if not ordered or number == 0:
        chains.append((bit, _Chain(0, occurrence.start, occurrence.end, None, occurrence)))
    # In order, an occurrence of operand 2 continues only what covers operands 0 and 1.
    for covered in (bit - 1,) if ordered else [covered for covered in best if not covered & bit]:
        chain = best.get(covered)
        if chain is not None:
            gap = chain.gap + occurrence.start - chain.end - 1
            chains.append((covered | bit, _Chain(gap, chain.start, occurrence.end, chain, occurrence)))
    return chains


def _better(chain: _Chain, other: _Chain, limit: int | None) -> bool:
    """Tell whether `chain` continues better than `other`, which covers the same operands."""
    if limit is None:
        return (chain.start, chain.end) > (other.start, other.end)
    # The gap grows by the same words for both from here on: compare as if they ended together.
    return (chain.gap - chain.end, -chain.start) < (other.gap - other.end, -other.start)


def _joined(chain: _Chain) -> Occurrence:
    parts: list[Part] = []
    link: _Chain | None = chain
    while link is not None:
        parts.extend(link.occurrence.parts)
        link = link.previous
    return Occurrence(chain.start, chain.end, tuple(sorted(parts)))


def without_masked(occurrences: list[Occurrence], masks: list[Occurrence]) -> list[Occurrence]:
    """Return the occurrences that lie inside none of `masks`; linear after sorting."""
    if not masks or not occurrences:
        return occurrences
    # For each start, the mask that reaches furthest among those that begin at or before it.
    starts = sorted((mask.start, mask.end) for mask in masks)
    kept: list[Occurrence] = []
    reach, position = -1, 0
    for found in sorted(occurrences, key=lambda one: (one.start, one.end)):
        while position < len(starts) and starts[position][0] <= found.start:
            reach = max(reach, starts[position][1])
            position += 1
        if found.end > reach:
            kept.append(found)
    return kept


def merged(occurrences: Iterable[Occurrence]) -> list[Occurrence]:
    """Return occurrences in text order, those of one span joined into one with all their labels."""
    spans: dict[tuple[int, int], tuple[Part, ...]] = {}
    for found in occurrences:
        key = (found.start, found.end)
        known = spans.get(key)
        spans[key] = found.parts if known is None else tuple(dict.fromkeys((*known, *found.parts)))
    return [Occurrence(*key, spans[key]) for key in sorted(spans)]
