"""Compiled clauses: each answers whether it holds in an item, where, and with what evidence.

Nodes are shared between rules that say the same thing, and remember their answer for the item at hand
under their number. Evidence is only collected for rules that fire.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from monitor.rules.intervals import Label, Occurrence, merged, near, without_masked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    import re2

    from monitor.models import FieldName
    from monitor.rules.context import ItemContext
    from monitor.rules.schema import Within

    EvidencePart = tuple[FieldName, tuple[int, int, Label]]  # characters of the field, what matched there


class Node(Protocol):
    """A compiled clause.

    `holds`, `spans` and `evidence` are pure functions of the context. `spans` needs a field in which
    the clause is searched; `all`, `none` and conditions have no spans and answer [].
    """

    number: int  # distinct for each node of an engine

    def holds(self, context: ItemContext) -> bool:
        """Tell whether the clause is true of the item."""

    def spans(self, context: ItemContext, name: FieldName) -> list[Occurrence]:
        """Return where it occurs in one field, in text order."""

    def evidence(self, context: ItemContext) -> Iterable[EvidencePart]:
        """Return what made it true; only asked when it holds."""

    def missing(self, context: ItemContext) -> str:
        """Say for people why it does not hold; only asked when it does not."""


@dataclass(frozen=True, slots=True, eq=False)
class Use:
    """One term in one leaf: what it is called there, and when it counts. Equal ones are one object."""

    term_id: int
    label: Label
    mask: Node | None = None  # occurrences inside these do not count
    valid_from: date | None = None
    valid_until: date | None = None

    @property
    def unconditional(self) -> bool:
        """Tell whether every occurrence counts on every day."""
        return self.mask is None and self.valid_from is None and self.valid_until is None

    def valid(self, day: date | None) -> bool:
        """Tell whether the entry is used for an item of `day`; without a day all are."""
        if day is None:
            return True
        after_start = self.valid_from is None or self.valid_from <= day
        return after_start and (self.valid_until is None or day <= self.valid_until)


class _Placed(ABC):
    """What nodes with places have in common: the answers follow from `_find`."""

    __slots__ = ("fields", "name", "number")

    def __init__(self, number: int, fields: tuple[FieldName, ...], name: str) -> None:
        self.number = number
        self.fields = fields
        self.name = name  # for people: "$moscow", '"land"'

    def holds(self, context: ItemContext) -> bool:
        """Tell whether it occurs in any searched field."""
        known = context.truths.get(self.number)
        if known is None:
            known = any(self.spans(context, name) for name in self.fields)
            context.truths[self.number] = known
        return known

    def spans(self, context: ItemContext, name: FieldName) -> list[Occurrence]:
        """Return the occurrences in one field, remembered."""
        if name not in self.fields or name not in context.tokens:
            return []
        key = (self.number, name)
        known = context.places.get(key)
        if known is None:
            known = context.places[key] = self._find(context, name)
        return known

    def evidence(self, context: ItemContext) -> Iterable[EvidencePart]:
        """Return every occurrence in every searched field."""
        for name in self.fields:
            for found in self.spans(context, name):
                for part in context.parts(name, found):
                    yield name, part

    def missing(self, context: ItemContext) -> str:  # noqa: ARG002 - the protocol's signature
        """Say what was not found, and where it was looked for."""
        return f"{self.name} is not in {', '.join(self.fields)}"

    def may_occur(self, context: ItemContext, name: FieldName) -> bool:  # noqa: ARG002 - a leaf asks
        """Tell cheaply whether it is worth looking for in one field."""
        return True

    @abstractmethod
    def _find(self, context: ItemContext, name: FieldName) -> list[Occurrence]:
        """Return the occurrences in one field."""


class LeafNode(_Placed):
    """A term or a list: any of its terms."""

    __slots__ = ("_plain", "lengths", "terms", "uses")

    def __init__(
        self,
        number: int,
        fields: tuple[FieldName, ...],
        name: str,
        uses: Mapping[int, tuple[Use, ...]],
        lengths: Mapping[int, int],
    ) -> None:
        """Keep the uses by term id, and the terms' lengths in words."""
        super().__init__(number, fields, name)
        self.uses = uses
        self.terms = uses.keys()
        self.lengths = lengths
        # Without masks and dates, a term that was found counts: no position is needed to know that.
        self._plain = all(use.unconditional for found in uses.values() for use in found)

    def holds(self, context: ItemContext) -> bool:
        """Tell whether any term occurs in a searched field."""
        present = context.present
        terms = self.terms
        for name in self.fields:
            here = present.get(name)
            if here is not None and not terms.isdisjoint(here):
                return self._plain or super().holds(context)
        return False

    def may_occur(self, context: ItemContext, name: FieldName) -> bool:
        """Tell whether any term occurs, perhaps where it does not count."""
        present = context.present.get(name)
        return present is not None and not self.terms.isdisjoint(present)

    def _find(self, context: ItemContext, name: FieldName) -> list[Occurrence]:
        present = context.present.get(name)
        if not present:
            return []
        here: list[Occurrence] = []
        wanted = self.terms & present
        if not wanted:
            return here
        starts = context.starts(name, wanted)
        for term_id in wanted:
            for use in self.uses[term_id]:
                if use.unconditional or use.valid(context.day):
                    here += self._occurrences(context, name, use, starts[term_id])
        return here if len(here) < 2 else merged(here)  # noqa: PLR2004 - one is in order

    def _occurrences(
        self, context: ItemContext, name: FieldName, use: Use, starts: list[int]
    ) -> list[Occurrence]:
        last, label = self.lengths[use.term_id] - 1, use.label
        found = [Occurrence(start, start + last, ((start, start + last, label, ()),)) for start in starts]
        return found if use.mask is None else without_masked(found, use.mask.spans(context, name))


class PatternNode(_Placed):
    """A regular expression."""

    __slots__ = ("_compiled", "_label", "regex")

    def __init__(
        self, number: int, fields: tuple[FieldName, ...], regex: str, compiled: re2._Regexp[str]
    ) -> None:
        """Keep the compiled expression."""
        super().__init__(number, fields, f"the expression {regex}")
        self.regex = regex
        self._compiled = compiled
        self._label = Label(regex)

    def _find(self, context: ItemContext, name: FieldName) -> list[Occurrence]:
        tokens = context.tokens[name]
        here: list[Occurrence] = []
        token = 0
        for found in self._compiled.finditer(context.item.text(name)):
            start, end = found.span()
            if start == end:
                continue
            while token < len(tokens) and tokens.ends[token] <= start:
                token += 1
            last = token
            while last + 1 < len(tokens) and tokens.starts[last + 1] < end:
                last += 1
            here.append(Occurrence(token, last, ((token, last, self._label, (start, end)),)))
        return here


class AnyNode(_Placed):
    """At least one of its children; its places are theirs."""

    __slots__ = ("children",)

    def __init__(
        self, number: int, fields: tuple[FieldName, ...], children: tuple[Node, ...], name: str
    ) -> None:
        """Keep the alternatives."""
        super().__init__(number, fields, name)
        self.children = children

    def holds(self, context: ItemContext) -> bool:
        """Tell whether any alternative holds: also those without a place in the text."""
        known = context.truths.get(self.number)
        if known is None:
            known = context.truths[self.number] = any(child.holds(context) for child in self.children)
        return known

    def evidence(self, context: ItemContext) -> Iterable[EvidencePart]:
        """Return the evidence of every alternative that holds."""
        for child in self.children:
            if child.holds(context):
                yield from child.evidence(context)

    def missing(self, context: ItemContext) -> str:
        """Say that no alternative holds."""
        if len(self.children) == 1:
            return self.children[0].missing(context)
        return f"none of {self.name} is in {', '.join(self.fields)}"

    def _find(self, context: ItemContext, name: FieldName) -> list[Occurrence]:
        return merged(found for child in self.children for found in child.spans(context, name))


class NearNode(_Placed):
    """All operands close together in one field."""

    __slots__ = ("_distance", "_placed", "operands", "ordered", "within")

    def __init__(
        self,
        number: int,
        fields: tuple[FieldName, ...],
        operands: tuple[Node, ...],
        within: Within,
        *,
        ordered: bool,
    ) -> None:
        """Keep the operands and the distance."""
        self._distance = f"within {within} words" if isinstance(within, int) else f"in one {within}"
        named = " + ".join(getattr(operand, "name", "a condition") for operand in operands)
        super().__init__(number, fields, f"({named}) {self._distance}")
        self.operands = operands
        self._placed = tuple(operand for operand in operands if isinstance(operand, _Placed))
        self.within = within
        self.ordered = ordered

    def may_occur(self, context: ItemContext, name: FieldName) -> bool:
        """Tell whether each operand may: one that is missing saves the search for the others."""
        return all(operand.may_occur(context, name) for operand in self._placed)

    def missing(self, context: ItemContext) -> str:
        """Name the operand that does not occur, or say that they are too far apart."""
        for operand in self.operands:
            if not operand.holds(context):
                return operand.missing(context)
        order = " in this order" if self.ordered else ""
        return f"everything near asks for occurs, but not {self._distance}{order}"

    def _find(self, context: ItemContext, name: FieldName) -> list[Occurrence]:
        if not self.may_occur(context, name):
            return []
        operands = []
        for operand in self.operands:
            spans = operand.spans(context, name)
            if not spans:
                return []
            operands.append(spans)
        if isinstance(self.within, int):
            return near(operands, limit=self.within, ordered=self.ordered)
        return [
            found
            for segment in _by_segment(operands, context.segments(name, self.within))
            for found in near(segment, ordered=self.ordered)
        ]


def _by_segment(operands: list[list[Occurrence]], starts: list[int]) -> list[list[list[Occurrence]]]:
    """Return the occurrences sentence by sentence, leaving out what crosses a sentence's end.

    Args:
        operands: of each operand, its occurrences.
        starts: the tokens with which sentences begin, rising.
    """
    segments: dict[int, list[list[Occurrence]]] = {}
    for number, spans in enumerate(operands):
        for found in spans:
            segment = bisect_right(starts, found.start)
            if segment == bisect_right(starts, found.end):
                segments.setdefault(segment, [[] for _ in operands])[number].append(found)
    return [segments[segment] for segment in sorted(segments) if all(segments[segment])]


class AllNode:
    """Each of its children; it has no place of its own."""

    __slots__ = ("_cheapest_first", "children", "number")

    def __init__(self, number: int, children: tuple[Node, ...]) -> None:
        """Keep the children."""
        self.number = number
        self.children = children
        self._cheapest_first = tuple(sorted(children, key=_cost))

    def holds(self, context: ItemContext) -> bool:
        """Tell whether each child holds."""
        known = context.truths.get(self.number)
        if known is None:
            known = context.truths[self.number] = all(child.holds(context) for child in self._cheapest_first)
        return known

    def spans(self, context: ItemContext, name: FieldName) -> list[Occurrence]:  # noqa: ARG002 - the protocol
        """Return []."""
        return []

    def evidence(self, context: ItemContext) -> Iterable[EvidencePart]:
        """Return the evidence of each child."""
        for child in self.children:
            yield from child.evidence(context)

    def missing(self, context: ItemContext) -> str:
        """Say why the first child that does not hold does not."""
        return next(child.missing(context) for child in self.children if not child.holds(context))


def _cost(node: Node) -> int:
    """Return the order in which nodes are asked: what a glance at the terms tells comes first."""
    if isinstance(node, LeafNode):
        return 0
    if isinstance(node, NearNode):
        return 2
    if isinstance(node, PatternNode):
        return 3
    return max((1, *map(_cost, getattr(node, "children", ()))))


class NoneNode:
    """None of its children."""

    __slots__ = ("children", "number")

    def __init__(self, number: int, children: tuple[Node, ...]) -> None:
        """Keep the children."""
        self.number = number
        self.children = children

    def holds(self, context: ItemContext) -> bool:
        """Tell whether no child holds."""
        return not any(child.holds(context) for child in self.children)

    def spans(self, context: ItemContext, name: FieldName) -> list[Occurrence]:  # noqa: ARG002 - the protocol
        """Return []."""
        return []

    def evidence(self, context: ItemContext) -> Iterable[EvidencePart]:  # noqa: ARG002 - the protocol
        """Return nothing: absence has no place."""
        return ()

    def missing(self, context: ItemContext) -> str:
        """Quote what is there and should not be."""
        child = next(child for child in self.children if child.holds(context))
        return f"excluded: {quoted(context, child)}"


def quoted(context: ItemContext, node: Node) -> str:
    """Quote the first few words that make a node true."""
    words = [context.item.text(name)[start:end] for name, (start, end, _) in node.evidence(context)]
    return ", ".join(f'"{word}"' for word in dict.fromkeys(words[:5])) or "a condition that holds"
