"""Compiled clauses: each answers whether it holds in an item, where, and with what evidence.

Nodes are shared between rules that say the same thing, and remember their answer for the item at hand
under their number. Evidence is only collected for rules that fire.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from monitor.rules.intervals import Label, Occurrence, merged, near, without_masked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet
    from datetime import date

    import re2

    from monitor.models import FieldName
    from monitor.rules.context import ItemContext
    from monitor.rules.schema import Within

    EvidencePart = tuple[FieldName, tuple[int, int, Label]]  # characters of the field, what matched there
    # Numbers of leaves: of each set one has to occur, or the node neither holds nor has places. Asking that
    # costs a fraction of asking the node, and most nodes of most rules need not be asked.
    Asks = tuple[frozenset[int], ...]


class Node(Protocol):
    """A compiled clause.

    `holds`, `spans` and `evidence` are pure functions of the context. `spans` needs a field in which
    the clause is searched; `all`, `none` and conditions have no spans and answer [].
    """

    number: int  # distinct for each node of an engine
    asks: Asks

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

    __slots__ = ("asks", "fields", "name", "number")

    def __init__(self, number: int, fields: tuple[FieldName, ...], name: str, asks: Asks = ()) -> None:
        self.number = number
        self.asks = asks
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
        super().__init__(number, fields, name, (frozenset((number,)),))
        self.uses = uses
        self.terms = uses.keys()
        self.lengths = lengths
        self._plain: bool | None = None  # not asked yet

    def holds(self, context: ItemContext) -> bool:
        """Tell whether any term occurs in a searched field."""
        present = context.present
        terms = self.terms
        for name in self.fields:
            here = present.get(name)
            if here is not None and not terms.isdisjoint(here):
                # Without masks and dates, a term that was found counts: no position is needed to know that.
                if self._plain is None:
                    self._plain = all(use.unconditional for found in self.uses.values() for use in found)
                return self._plain or super().holds(context)
        return False

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
        spans = [found.span() for found in self._compiled.finditer(context.item.text(name)) if found.end()]
        if not spans:
            return []
        starts, ends = context.tokens[name].starts, context.tokens[name].ends
        here: list[Occurrence] = []
        for start, end in spans:
            if start < end:
                first = bisect_right(ends, start)
                last = max(first, bisect_left(starts, end) - 1)
                here.append(Occurrence(first, last, ((first, last, self._label, (start, end)),)))
        return here


class AnyNode(_Placed):
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


class NearNode(_Placed):
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


def quoted(context: ItemContext, node: Node) -> str:
    """Quote the first few words that make a node true."""
    words = [context.item.text(name)[start:end] for name, (start, end, _) in node.evidence(context)]
    return ", ".join(f'"{word}"' for word in dict.fromkeys(words[:5])) or "a condition that holds"
