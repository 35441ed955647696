"""Which leaves of clauses look for a term: what tells at a glance that a clause cannot hold in an item."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.rules.nodes import LeafNode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.rules.nodes import Node


class LeavesOf(dict[int, tuple[int, ...]]):
    """By term, the numbers of the leaves that look for it: of nodes that were added."""

    def __init__(self, nodes: Iterable[Node] = ()) -> None:
        """Add the leaves of `nodes`."""
        self._known: set[int] = set()
        for node in nodes:
            self.add(node)

    def __missing__(self, term_id: int) -> tuple[int, ...]:
        """Return none: no leaf that was added looks for it."""
        return ()

    def add(self, node: Node) -> None:
        """Add the leaves below a node."""
        if node.number in self._known:
            return
        self._known.add(node.number)
        if isinstance(node, LeafNode):
            for mask in {use.mask for uses in node.uses.values() for use in uses if use.mask is not None}:
                self.add(mask)
            alone = (node.number,)
            for term_id in node.terms:
                others = self.setdefault(term_id, alone)
                if others is not alone:
                    self[term_id] = others + alone
        for below in getattr(node, "operands", getattr(node, "children", ())):
            self.add(below)
