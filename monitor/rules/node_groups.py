"""Compiled clauses that combine others: any, all, none, and near."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from monitor.rules.intervals import Occurrence, merged, near
from monitor.rules.nodes import LeafNode, PatternNode, Placed, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from monitor.models import FieldName
    from monitor.rules.context import ItemContext
    from monitor.rules.nodes import Asks, EvidencePart, Node
    from monitor.rules.schema import Within


class AnyNode(Placed):
    """At least one of its children; its places are theirs."""

    __slots__ = ("children",)

    def __init__(
        self, number: int, fields: tuple[FieldName, ...], children: tuple[Node, ...], name: str
    ) -> None:
        """Keep the alternatives."""
        asked = [min(child.asks, key=len, default=None) for child in children]
        known = [one for one in asked if one is not None]
        asks = (frozenset().union(*known),) if len(known) == len(asked) else ()
        super().__init__(number, fields, name, asks)
        self.children = children

    def holds(self, context: ItemContext) -> bool:
        """Tell whether any alternative holds: also those without a place in the text."""
        known = context.truths.get(self.number)
        if known is None:
            possible = _possible(self.children, context.leaves())
            known = context.truths[self.number] = any(child.holds(context) for child in possible)
        return known

    def evidence(self, context: ItemContext) -> Iterable[EvidencePart]:
        """Return the evidence of every alternative that holds."""
        for child in _possible(self.children, context.leaves()):
            if child.holds(context):
                yield from child.evidence(context)

    def missing(self, context: ItemContext) -> str:
        """Say that no alternative holds."""
        if len(self.children) == 1:
            return self.children[0].missing(context)
        return f"none of {self.name} is in {', '.join(self.fields)}"

    def _find(self, context: ItemContext, name: FieldName) -> list[Occurrence]:
        possible = _possible(self.children, context.leaves(name))
        return merged(found for child in possible for found in child.spans(context, name))


def _possible(nodes: Iterable[Node], leaves: AbstractSet[int]) -> Iterator[Node]:
    """Go through the nodes that have what they ask for."""
    for node in nodes:
        for asked in node.asks:
            if asked.isdisjoint(leaves):
                break
        else:
            yield node


class NearNode(Placed):
    """All operands close together in one field."""

    __slots__ = ("_distance", "operands", "ordered", "within")

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
        super().__init__(number, fields, f"({named}) {self._distance}", _all_asks(operands))
        self.operands = operands
        self.within = within
        self.ordered = ordered

    def missing(self, context: ItemContext) -> str:
        """Name the operand that does not occur, or say that they are too far apart."""
        for operand in self.operands:
            if not operand.holds(context):
                return operand.missing(context)
        order = " in this order" if self.ordered else ""
        return f"everything near asks for occurs, but not {self._distance}{order}"

    def _find(self, context: ItemContext, name: FieldName) -> list[Occurrence]:
        leaves = context.leaves(name)
        for asked in self.asks:  # one operand that is missing saves the search for the others
            if asked.isdisjoint(leaves):
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

    __slots__ = ("_cheapest_first", "asks", "children", "number")

    def __init__(self, number: int, children: tuple[Node, ...]) -> None:
        """Keep the children."""
        self.number = number
        self.asks = _all_asks(children)
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


def _all_asks(nodes: Iterable[Node]) -> Asks:
    """Return what all of some nodes ask for together, what is seldom met first."""
    return tuple(sorted({asked for node in nodes for asked in node.asks}, key=len))


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

    __slots__ = ("asks", "children", "number")

    def __init__(self, number: int, children: tuple[Node, ...]) -> None:
        """Keep the children."""
        self.number = number
        self.asks: Asks = ()  # absence asks for nothing
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
