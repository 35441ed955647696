"""Turn clauses into nodes: terms into a shared vocabulary, equal clauses into one node.

It also works out what a rule needs: sets of terms of each of which at least one has to occur if the rule
is to fire. The engine only evaluates rules whose needs are met.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.models import FIELDS
from monitor.rules.clauses import compiled_regex
from monitor.rules.intervals import Label
from monitor.rules.node_groups import AllNode, AnyNode, NearNode, NoneNode
from monitor.rules.nodes import LeafNode, Node, PatternNode, Use
from monitor.rules.schema import DEFAULT_FIELDS, Group, Kind, MatchMode, Near, Pattern, Reference, Term
from monitor.rules.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from monitor.models import FieldName
    from monitor.rules.candidates import Need
    from monitor.rules.schema import Clause, Entry, ListDef, RuleTree

# How often a term is expected, for choosing what a rule is looked up by: names are rare, words are not,
# phrases are rarer than words.
_WORD_WEIGHT: Final = 1.0
_NAME_WEIGHT: Final = 0.3
_EXPRESSION_WEIGHT: Final = (
    1e6  # an expression is looked for in the whole text: only if nothing else is known
)


class _Expected:
    """How often one of some terms is expected to occur, when nothing is known of the news."""

    def __init__(self, weights: Mapping[int, float]) -> None:
        self._weight = weights.__getitem__

    def __call__(self, need: Need) -> float:
        return sum(map(self._weight, need))


class Compiler:
    """Compiles the clauses of one rule tree; `vocabulary`, `lengths` and `fields` grow with each."""

    def __init__(self, tree: RuleTree) -> None:
        """Compile against the lists and macros of `tree`."""
        self._tree = tree
        self.vocabulary = Vocabulary()
        self.fields: set[FieldName] = set(DEFAULT_FIELDS)  # every field that some clause searches
        self._lengths: dict[int, int] = {}
        self._weights: dict[int, float] = {}  # of each term and expression
        self._count = 0
        self.expected = _Expected(self._weights)
        self._nodes: dict[tuple[object, ...], Node] = {}
        self._expressions: dict[PatternNode, int] = {}
        # Words of rules by how they match, then by their text; and every use there is.
        self._plain: dict[tuple[object, ...], dict[str, tuple[Use, ...]]] = {}
        self._ids: dict[tuple[object, ...], int | None] = {}  # of terms of lists, by how they match
        self._masks: dict[int, tuple[Node, tuple[Clause, ...]]] = {}
        self._uses_made: dict[tuple[object, ...], tuple[Use, ...]] = {}

    def compile(self, clause: Clause, fields: tuple[FieldName, ...] = DEFAULT_FIELDS) -> Node:
        """Return the node of `clause`, searched in `fields` unless it says `in` itself.

        Clauses that say the same thing, in whatever rules, share one node.
        """
        own = () if isinstance(clause, Reference) else clause.fields
        fields = own or fields
        self.fields.update(fields)
        return self._make(clause, fields)

    def needs(self, node: Node) -> list[Need]:
        """Return everything that `node` cannot hold without; ids of expressions are negative."""
        if isinstance(node, LeafNode):
            return [node.terms]
        if isinstance(node, PatternNode):
            return [frozenset((self._expression(node),))]
        if isinstance(node, AnyNode):
            needs = [self.needs(child) for child in node.children]
            return (
                [frozenset().union(*(min(need, key=self.expected) for need in needs))] if all(needs) else []
            )
        if isinstance(node, AllNode | NearNode):
            children = node.children if isinstance(node, AllNode) else node.operands
            return [need for child in children for need in self.needs(child)]
        return []

    @property
    def expressions(self) -> tuple[PatternNode, ...]:
        """The expressions that needs name: -1 is the first one, -2 the second."""
        return tuple(self._expressions)

    def _expression(self, node: PatternNode) -> int:
        expression = -1 - self._expressions.setdefault(node, len(self._expressions))
        self._weights[expression] = _EXPRESSION_WEIGHT
        return expression

    def _number(self) -> int:
        self._count += 1
        return self._count

    def _shared(self, make: Callable[[int], Node], *key: object) -> Node:
        """Return the node with this key, made with the next number if there is none."""
        known = self._nodes.get(key)
        if known is None:
            known = self._nodes[key] = make(self._number())
        return known

    def _make(self, clause: Clause, fields: tuple[FieldName, ...]) -> Node:
        if isinstance(clause, Term):
            return self._leaf(fields, lambda: f'"{clause.text}"', self._words((clause,)))
        if isinstance(clause, Reference):
            return self._reference(clause, fields)
        if isinstance(clause, Pattern):
            regex = clause.regex
            return self._shared(
                lambda number: PatternNode(number, fields, regex, compiled_regex(regex)),
                "regex",
                regex,
                fields,
            )
        if isinstance(clause, Near):
            return self._near(clause, fields)
        return self._group(clause, fields)

    def _near(self, clause: Near, fields: tuple[FieldName, ...]) -> Node:
        operands = tuple(self.compile(operand, fields) for operand in clause.operands)
        # An operand with `in` narrows the combination: near lies in one field.
        return self._shared(
            lambda number: NearNode(number, fields, operands, clause.within, ordered=clause.ordered),
            *("near", clause.within, clause.ordered, fields),
            *(operand.number for operand in operands),
        )

    def _group(self, group: Group, fields: tuple[FieldName, ...]) -> Node:
        if group.operator == "any":
            return self._any(group, fields)
        children = tuple(self.compile(child, fields) for child in group.clauses)
        made = AllNode if group.operator == "all" else NoneNode
        numbers = (child.number for child in children)
        return self._shared(lambda number: made(number, children), group.operator, *numbers)

    def _any(self, group: Group, fields: tuple[FieldName, ...]) -> Node:
        """Make one leaf of all plain words, so that asking for twenty costs what asking for one does."""
        words = [clause for clause in group.clauses if isinstance(clause, Term) and not clause.fields]
        others = [clause for clause in group.clauses if not isinstance(clause, Term) or clause.fields]
        children = [self.compile(other, fields) for other in others]
        if words:
            children.insert(
                0, self._leaf(fields, lambda: _listing([f'"{t.text}"' for t in words]), self._words(words))
            )
        if len(children) == 1 and isinstance(children[0], LeafNode):
            return children[0]
        searched = {name for child in children for name in getattr(child, "fields", FIELDS)}
        where = tuple(name for name in FIELDS if name in searched)
        name = _listing([getattr(child, "name", "a condition") for child in children])
        numbers = (child.number for child in children)
        return self._shared(lambda number: AnyNode(number, where, tuple(children), name), "any", *numbers)

    def _reference(self, reference: Reference, fields: tuple[FieldName, ...]) -> Node:
        listed = self._tree.lists.get(reference.name)
        if listed is None:
            return self.compile(self._tree.macros[reference.name].clause, fields)
        key = ("list", reference.name, fields)
        if key not in self._nodes:
            weight = _WORD_WEIGHT if listed.kind is Kind.VOCABULARY else _NAME_WEIGHT
            uses: list[tuple[Use, ...]] = []
            for owner, entry in entries_of(self._tree.lists, listed):
                label = _label(reference.name, owner, entry)
                uses += (self._use(term, label, weight, entry) for term in entry.terms)
            self._nodes[key] = self._leaf(fields, lambda: f"${reference.name}", uses)
        return self._nodes[key]

    def _leaf(
        self, fields: tuple[FieldName, ...], name: Callable[[], str], uses: Iterable[tuple[Use, ...]]
    ) -> Node:
        """Make a leaf of uses, each alone in a tuple: most terms have one, and the tuple is kept for it."""
        found = [alone for alone in uses if alone]
        by_term = {alone[0].term_id: alone for alone in found}
        if len(by_term) < len(found):  # a term in two ways, or twice
            by_term = {}
            for alone in dict.fromkeys(found):
                term_id = alone[0].term_id
                by_term[term_id] = by_term.get(term_id, ()) + alone
        return self._shared(
            lambda number: LeafNode(number, fields, name(), by_term, self._lengths),
            *("leaf", fields, *by_term.values()),
        )

    def _words(self, terms: Iterable[Term]) -> Iterator[tuple[Use, ...]]:
        """Go through what the words of a rule stand for; those without exceptions are made once."""
        match, exact, language = None, False, ""
        known: dict[str, tuple[Use, ...]] = {}
        for term in terms:
            if term.masks:
                yield self._use(term, Label(term.text), _WORD_WEIGHT)
                continue
            if term.match is not match or term.exact is not exact or term.language != language:
                match, exact, language = term.match, term.exact, term.language
                known = self._plain.setdefault((match, exact, language), {})
            alone = known.get(term.text)
            if alone is None:
                alone = known[term.text] = self._use(term, Label(term.text), _WORD_WEIGHT)
            yield alone

    def _use(self, term: Term, label: Label, weight: float, entry: Entry | None = None) -> tuple[Use, ...]:
        """Return the use of a term, alone in a tuple; () for a term without words."""
        term_id = self.vocabulary.add(term) if entry is None else self._listed(term)
        if term_id is None:
            return ()
        words = self._lengths[term_id] = self.vocabulary.length(term_id)
        weight = min(weight, _NAME_WEIGHT if term.exact else weight) / words
        if term.match is MatchMode.PREFIX:
            weight *= 4
        self._weights[term_id] = max(weight, self._weights.get(term_id, 0.0))
        mask = self._mask(term.masks) if term.masks else None
        valid = (entry.valid_from, entry.valid_until) if entry else (None, None)
        key = (term_id, label, mask, *valid)
        known = self._uses_made.get(key)
        if known is None:
            known = self._uses_made[key] = (Use(term_id, label, mask, *valid),)
        return known

    def _listed(self, term: Term) -> int | None:
        """Add a term of a list: a name stands in several lists, and lists in several others."""
        how = (term.text, term.match, term.exact, term.language)
        if how not in self._ids:
            self._ids[how] = self.vocabulary.add(term)
        return self._ids[how]

    def _mask(self, masks: tuple[Clause, ...]) -> Node:
        """Compile what excepts a term: looked for in the term's own field, whichever that is."""
        # All terms of an entry, or of a list, share the object: told by its identity, while it is kept.
        known = self._masks.get(id(masks))
        if known is None:
            searched = set(self.fields)
            known = self._masks[id(masks)] = self.compile(Group("any", masks), FIELDS), masks
            self.fields = searched  # a mask alone is no reason to read authors and addresses
        return known[0]


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
