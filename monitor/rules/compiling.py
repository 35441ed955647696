"""Turn clauses into nodes: terms into a shared vocabulary, equal clauses into one node.

It also works out what a rule needs: for each rule one leaf, or a set of leaves, of which at least one
term has to occur if the rule is to fire. The engine only evaluates rules whose need is met.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.models import FIELDS
from monitor.rules.clauses import compiled_regex
from monitor.rules.intervals import Label
from monitor.rules.nodes import AllNode, AnyNode, LeafNode, NearNode, Node, NoneNode, PatternNode, Use
from monitor.rules.schema import DEFAULT_FIELDS, Group, Kind, MatchMode, Near, Pattern, Reference, Term
from monitor.rules.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from monitor.models import FieldName
    from monitor.rules.schema import Clause, Entry, ListDef, RuleTree

# How often a term is expected, for choosing what a rule is looked up by: names are rare, words are not,
# phrases are rarer than words.
_WORD_WEIGHT: Final = 1.0
_NAME_WEIGHT: Final = 0.3


class Compiler:
    """Compiles the clauses of one rule tree; `vocabulary`, `lengths` and `fields` grow with each."""

    def __init__(self, tree: RuleTree) -> None:
        """Compile against the lists and macros of `tree`."""
        self._tree = tree
        self.vocabulary = Vocabulary()
        self.fields: set[FieldName] = set(DEFAULT_FIELDS)  # every field that some clause searches
        self._lengths: dict[int, int] = {}
        self._weights: dict[int, float] = {}  # of each term
        self._count = 0
        self._nodes: dict[tuple[Clause, tuple[FieldName, ...]], Node] = {}

    def compile(self, clause: Clause, fields: tuple[FieldName, ...] = DEFAULT_FIELDS) -> Node:
        """Return the node of `clause`, searched in `fields` unless it says `in` itself."""
        own = () if isinstance(clause, Reference) else clause.fields
        fields = own or fields
        key = (clause, fields)
        known = self._nodes.get(key)
        if known is None:
            self.fields.update(fields)
            known = self._nodes[key] = self._make(clause, fields)
        return known

    def needs(self, node: Node) -> frozenset[LeafNode] | None:
        """Return leaves of which at least one has to occur if `node` is to hold; None = none known."""
        if isinstance(node, LeafNode):
            return frozenset((node,))
        if isinstance(node, AnyNode):
            needs = [self.needs(child) for child in node.children]
            known = [need for need in needs if need is not None]
            return frozenset().union(*known) if len(known) == len(needs) else None
        if isinstance(node, AllNode | NearNode):
            children = node.children if isinstance(node, AllNode) else node.operands
            found = [need for need in map(self.needs, children) if need is not None]
            return min(found, key=self._expected, default=None)
        return None

    def _expected(self, leaves: frozenset[LeafNode]) -> tuple[float, int]:
        """Return how often one of `leaves` is expected to occur; ties by age, so that builds repeat."""
        weight = sum(self._weights[term_id] for leaf in leaves for term_id in leaf.uses)
        return weight, min(leaf.number for leaf in leaves)

    def _number(self) -> int:
        self._count += 1
        return self._count

    def _make(self, clause: Clause, fields: tuple[FieldName, ...]) -> Node:
        if isinstance(clause, Term):
            label = Label(clause.text)
            return self._leaf(fields, f'"{clause.text}"', self._uses(clause, label, _WORD_WEIGHT))
        if isinstance(clause, Reference):
            return self._reference(clause, fields)
        if isinstance(clause, Pattern):
            return PatternNode(self._number(), fields, clause.regex, compiled_regex(clause.regex))
        if isinstance(clause, Near):
            operands = tuple(self.compile(operand, fields) for operand in clause.operands)
            # An operand with `in` narrows the combination: near lies in one field.
            return NearNode(self._number(), fields, operands, clause.within, ordered=clause.ordered)
        return self._group(clause, fields)

    def _group(self, group: Group, fields: tuple[FieldName, ...]) -> Node:
        if group.operator == "any":
            return self._any(group, fields)
        children = tuple(self.compile(child, fields) for child in group.clauses)
        made = AllNode if group.operator == "all" else NoneNode
        return made(self._number(), children)

    def _any(self, group: Group, fields: tuple[FieldName, ...]) -> Node:
        """Make one leaf of all plain words, so that asking for twenty costs what asking for one does."""
        words = [clause for clause in group.clauses if isinstance(clause, Term) and not clause.fields]
        others = [clause for clause in group.clauses if not isinstance(clause, Term) or clause.fields]
        children = [self.compile(other, fields) for other in others]
        if words:
            uses = (use for term in words for use in self._uses(term, Label(term.text), _WORD_WEIGHT))
            names = [f'"{term.text}"' for term in words]
            children.insert(0, self._leaf(fields, _listing(names), uses))
        if len(children) == 1 and isinstance(children[0], LeafNode):
            return children[0]
        searched = {name for child in children for name in getattr(child, "fields", FIELDS)}
        name = _listing([getattr(child, "name", "a condition") for child in children])
        return AnyNode(self._number(), tuple(f for f in FIELDS if f in searched), tuple(children), name)

    def _reference(self, reference: Reference, fields: tuple[FieldName, ...]) -> Node:
        listed = self._tree.lists.get(reference.name)
        if listed is None:
            return self.compile(self._tree.macros[reference.name].clause, fields)
        weight = _WORD_WEIGHT if listed.kind is Kind.VOCABULARY else _NAME_WEIGHT
        uses: list[Use] = []
        for owner, entry in entries_of(self._tree.lists, listed):
            label = _label(reference.name, owner, entry)
            for term in entry.terms:
                uses += self._uses(term, label, weight, entry)
        return self._leaf(fields, f"${reference.name}", uses)

    def _leaf(self, fields: tuple[FieldName, ...], name: str, uses: Iterable[Use]) -> LeafNode:
        by_term: dict[int, list[Use]] = {}
        for use in uses:
            by_term.setdefault(use.term_id, []).append(use)
        frozen = {term_id: tuple(dict.fromkeys(found)) for term_id, found in by_term.items()}
        return LeafNode(self._number(), fields, name, frozen, self._lengths)

    def _uses(self, term: Term, label: Label, weight: float, entry: Entry | None = None) -> Iterator[Use]:
        term_id = self.vocabulary.add(term)
        if term_id is None:
            return
        words = self._lengths[term_id] = self.vocabulary.length(term_id)
        weight = min(weight, _NAME_WEIGHT if term.exact else weight) / words
        if term.match is MatchMode.PREFIX:
            weight *= 4
        self._weights[term_id] = max(weight, self._weights.get(term_id, 0.0))
        mask = self._mask(term.masks) if term.masks else None
        valid = (entry.valid_from, entry.valid_until) if entry else (None, None)
        yield Use(term_id, label, mask, *valid)

    def _mask(self, masks: tuple[Clause, ...]) -> Node:
        """Compile what excepts a term: looked for in the term's own field, whichever that is."""
        searched = set(self.fields)
        node = self.compile(Group("any", masks), FIELDS)
        self.fields = searched  # a mask alone is no reason to read authors and addresses
        return node


def entries_of(lists: Mapping[str, ListDef], listed: ListDef) -> Iterator[tuple[ListDef, Entry]]:
    """Go through the entries of a list and of those it includes, each list once."""
    pending, seen = [listed], {listed.name}
    while pending:
        one = pending.pop(0)
        for entry in one.entries:
            yield one, entry
        for name in one.include:
            if name not in seen:
                seen.add(name)
                pending.append(lists[name])


def _listing(names: list[str]) -> str:
    """Join names for people, cutting long lists."""
    shown = 6
    return ", ".join(names[:shown]) + (" and others" if len(names) > shown else "")


def _label(referred: str, owner: ListDef, entry: Entry) -> Label:
    """Name an entry by the list it stands in; as an entity it counts for the list asked for, too."""
    if owner.kind is Kind.VOCABULARY:
        return Label(f"{owner.name}: {entry.name}")
    entities = sorted({(owner.name, entry.name), (referred, entry.name)})
    return Label(f"{owner.name}: {entry.name}", tuple(entities))
