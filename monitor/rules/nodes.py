"""Compiled clauses: each answers whether it holds in an item, where, and with what evidence.

Here are those that look into the text; what combines others is in `node_groups.py`. Nodes are shared between
rules that say the same thing, and remember their answer for the item at hand under their number. Evidence
is only collected for rules that fire.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from monitor.rules.intervals import Label, Occurrence, merged, without_masked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    import re2

    from monitor.models import FieldName
    from monitor.rules.context import ItemContext

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


class Placed(ABC):
    """What nodes with places have in common: the answers follow from `_find`."""

    __slots__ = ("asks", "fields", "name", "number")

    def __init__(self, number: int, fields: tuple[FieldName, ...], name: str, asks: Asks = ()) -> None:
        """Keep what all have."""
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


class LeafNode(Placed):
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


class PatternNode(Placed):
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


def quoted(context: ItemContext, node: Node) -> str:
    """Quote the first few words that make a node true."""
    words = [context.item.text(name)[start:end] for name, (start, end, _) in node.evidence(context)]
    return ", ".join(f'"{word}"' for word in dict.fromkeys(words[:5])) or "a condition that holds"
