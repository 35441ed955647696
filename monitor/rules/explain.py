"""Explain a rule on an item: the tree of its conditions, which of them hold, where, and why others do not.

The tree is made of the same compiled clauses that the engine asks, so the two agree; it is evaluated to
the last leaf, where the engine stops at the first answer.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from monitor.alerts.excerpt import windows
from monitor.models import FIELDS
from monitor.rules.compiling import Compiler
from monitor.rules.context import ItemContext
from monitor.rules.engine import collected, is_expired, where_obstacles
from monitor.rules.leaves import LeavesOf
from monitor.rules.nearmiss import Leaf, alternatives, why_absent, why_apart
from monitor.rules.node_groups import NearNode
from monitor.rules.nodes import LeafNode, PatternNode, quoted
from monitor.rules.schema import DEFAULT_FIELDS, Group, Near, Pattern, Reference, Status, Term, Where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.models import Evidence, Feed, FieldName, Item
    from monitor.rules.nodes import Node
    from monitor.rules.schema import Clause, Exemption, Rule, RuleTree

AROUND: Final = 40  # characters shown before and after a span
MOST_SPOTS: Final = 32  # kept of one leaf

StepKind: TypeAlias = Literal[
    "rule", "where", "expires", "all", "any", "none", "near", "words", "list", "regex", "except"
]
LEAVES: Final[frozenset[StepKind]] = frozenset(("words", "list", "regex", "where", "expires"))
_SAYS: Final = {"all": "all of these", "any": "at least one of these", "none": "none of these"}


@dataclass(frozen=True, slots=True)
class Spot:
    """One place in the item's text that makes a leaf true."""

    field: FieldName
    start: int  # character offset in the item's field, inclusive
    end: int  # exclusive
    text: str  # item.text(field)[start:end]
    entry: str  # list entry ("us_envoys: Steve Witkoff") or the phrase as written in the rule
    before: str  # the words before it, with an ellipsis where the text was cut
    after: str  # likewise after it


@dataclass(frozen=True, slots=True)
class Step:
    """One node of the tree."""

    kind: StepKind
    what: str  # the clause as the rule says it: "$us_envoy", "within 15 words"
    holds: bool  # whether the clause is true of the item
    wanted: bool = True  # False inside `none` and `except`: there it should not hold
    reason: str = ""  # why it does not pass; for `near` that holds, the passage
    spots: tuple[Spot, ...] = ()  # where a true leaf or near occurs
    children: tuple[Step, ...] = ()
    place: str = ""  # file:line:column of the clause
    close: bool = False  # a leaf that nearly holds: misspelt, excepted, in another field or case

    @property
    def passed(self) -> bool:
        """Tell whether the step is as the rule wants it."""
        return self.holds == self.wanted

    def as_dict(self) -> dict[str, Any]:
        """Return the step and those below it for JSON."""
        return {
            "kind": self.kind,
            "what": self.what,
            "passed": self.passed,
            "holds": self.holds,
            "wanted": self.wanted,
            "reason": self.reason,
            "place": self.place,
            "spans": [{one.name: getattr(spot, one.name) for one in fields(Spot)} for spot in self.spots],
            "children": [child.as_dict() for child in self.children],
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a rule fires on an item, or why not."""

    rule_id: str
    title: str
    item: Item
    fires: bool
    evidence: tuple[Evidence, ...]  # what `Engine.match` would return; () if it does not fire
    tree: Step
    notes: tuple[str, ...] = ()  # what else there is to know: the rule is a draft

    @property
    def decisive(self) -> tuple[Step, ...]:
        """Return the path from the top to the first leaf that keeps the rule from firing.

        Of several alternatives that do not hold, the one that came closest. Empty if the rule fires.
        """
        return () if self.fires else tuple(_path(self.tree))

    def as_dict(self) -> dict[str, Any]:
        """Return everything for JSON."""
        return {
            "rule": self.rule_id,
            "title": self.title,
            "item": {name: self.item.text(name) for name in FIELDS if self.item.text(name)},
            "fires": self.fires,
            "notes": list(self.notes),
            "decisive": [{"what": step.what, "reason": step.reason} for step in self.decisive[1:]],
            "evidence": [
                {"field": one.field, "start": one.start, "end": one.end, "text": one.text, "entry": one.entry}
                for one in self.evidence
            ],
            "tree": self.tree.as_dict(),
        }


def _path(step: Step) -> Iterator[Step]:
    yield step
    failing = [child for child in step.children if not child.passed]
    if step.kind == "near" and not failing:
        return  # every operand occurs: the distance is what fails
    if failing:
        closest = max(failing, key=_closeness) if step.kind == "any" else failing[0]
        yield from _path(closest)


def _closeness(step: Step) -> float:
    """Return how much of a step is as wanted, 0 to 1."""
    if step.passed:
        return 1.0
    if not step.children:
        return 0.5 if step.close else 0.0
    parts = [_closeness(child) for child in step.children]
    if step.kind == "any":
        return max(parts)
    # All operands of a failing near may pass: it is closer than any leaf, and still not there.
    return 0.95 * (sum(parts) / len(parts))


@dataclass(frozen=True, slots=True)
class _Part:
    """One clause, compiled, with the parts below it."""

    kind: StepKind
    what: str
    name: str  # what other steps call it in their reasons: "$us_envoy", "$russia or $ukraine"
    node: Node
    children: tuple[_Part, ...] = ()
    place: str = ""
    leaf: Leaf | None = None  # what is needed to say why it is absent


class Explainer:
    """One rule, ready to be explained on any number of items."""

    def __init__(self, tree: RuleTree, rule: Rule) -> None:
        """Compile the conditions of `rule`, which is one of `tree` or uses its lists and macros."""
        self._rule = rule
        self._tree = tree
        self._compiler = Compiler(tree)
        self._when = self._part(rule.when, DEFAULT_FIELDS) if rule.when is not None else None
        self._exceptions = tuple(
            (one, self._part(one.clause, DEFAULT_FIELDS)) for one in rule.exceptions if self._when
        )
        self._fields = tuple(name for name in FIELDS if name in self._compiler.fields)
        excepted = (part.node for _, part in self._exceptions)
        self._leaves_of = LeavesOf((self._when.node, *excepted) if self._when else ())

    def explain(self, item: Item, feed: Feed | None = None) -> Explanation:
        """Evaluate the whole tree on `item`.

        Args:
            item: the item; its texts are visible text.
            feed: where it came from, as in `Engine.match`.
        """
        rule = self._rule
        context = ItemContext(item, self._compiler.vocabulary, self._fields, self._leaves_of)
        steps = [*_where_steps(rule.where, item, feed), *self._expiry(context)]
        if self._when is None:
            steps.append(_combined(rule))
        else:
            steps.append(_step(self._when, context, wanted=True))
            steps += (self._exception(one, part, context) for one, part in self._exceptions)
        fires = all(step.passed for step in steps)
        evidence = collected(self._when.node, context)[0] if fires and self._when else ()
        root = Step("rule", rule.title, fires, children=tuple(steps), place=str(rule.place))
        return Explanation(rule.rule_id, rule.title, item, fires, evidence, root, _notes(rule))

    def _expiry(self, context: ItemContext) -> tuple[Step, ...]:
        day = self._rule.expires
        if day is None:
            return ()
        ended = is_expired(day, context.day)
        reason = f"the rule expired on {day}, the item is of {context.day}" if ended else ""
        return (Step("expires", f"before {day}", not ended, reason=reason),)

    def _exception(self, one: Exemption, part: _Part, context: ItemContext) -> Step:
        """Return an exception's step: it should not hold."""
        inner = _step(part, context, wanted=False)
        what = f"unless: {one.reason}"
        if is_expired(one.expires, context.day):
            reason = f"no longer used since {one.expires}"
            return Step("except", what, holds=False, wanted=False, reason=reason, place=str(one.place))
        reason = f"excepted: {quoted(context, part.node)}" if inner.holds else ""
        return Step(
            "except",
            what,
            inner.holds,
            wanted=False,
            reason=reason,
            children=(inner,),
            place=str(one.place),
        )

    # --- from clauses to parts, in the compiler's own order ---

    def _part(self, clause: Clause, around: tuple[FieldName, ...]) -> _Part:
        searched = (() if isinstance(clause, Reference) else clause.fields) or around
        node = self._compiler.compile(clause, searched)
        place = str(clause.place)
        if isinstance(clause, Near):
            operands = tuple(self._part(operand, searched) for operand in clause.operands)
            name = " near ".join(operand.name for operand in operands)
            return _Part("near", _distance(clause), f"({name})", node, operands, place)
        if isinstance(clause, Reference) and clause.name in self._tree.macros:
            inner = self._part(self._tree.macros[clause.name].clause, searched)
            name = f"${clause.name}"
            return replace(inner, what=f"{name}: {inner.what}", name=name, place=place)
        if isinstance(clause, Group):
            return self._group(clause, node, searched)
        return self._leaf((clause,), node, searched, place)

    def _group(self, group: Group, node: Node, searched: tuple[FieldName, ...]) -> _Part:
        clauses, parts = group.clauses, []
        if group.operator == "any":
            # Plain words are one leaf, as for the engine: twenty words are no twenty lines to read.
            words = tuple(one for one in clauses if isinstance(one, Term) and not one.fields)
            clauses = tuple(one for one in clauses if not isinstance(one, Term) or one.fields)
            if words:
                joined = self._compiler.compile(Group("any", words), searched)
                parts.append(self._leaf(words, joined, searched, str(words[0].place)))
        for part in (self._part(clause, searched) for clause in clauses):
            # `all` beside `none` is an all of two groups: one level is enough to read.
            nested = group.operator == part.kind == "all" and part.what == _SAYS["all"]
            parts += part.children if nested else (part,)
        if len(parts) == 1 and group.operator == "any":
            return parts[0]
        name = alternatives([part.name for part in parts])
        if group.operator != "any":
            name = "a condition"
        return _Part(group.operator, _SAYS[group.operator], name, node, tuple(parts), str(group.place))

    def _leaf(
        self, clauses: tuple[Clause, ...], node: Node, searched: tuple[FieldName, ...], place: str
    ) -> _Part:
        """Make the part of words, a list or an expression; learn how it could have been missed."""
        bare = tuple(c if isinstance(c, Reference) else replace(c, fields=()) for c in clauses)
        # A rule that reads what a reader sees does not miss anything in authors and addresses.
        narrow = searched != DEFAULT_FIELDS
        everywhere = self._compiler.compile(Group("any", bare), FIELDS) if narrow else None
        loose = tuple(replace(c, exact=False) for c in bare if isinstance(c, Term) and c.exact)
        folded = self._compiler.compile(Group("any", loose), searched) if loose else None
        leaf = Leaf(self._tree, bare, searched, everywhere, folded)
        kind: StepKind = "list" if isinstance(clauses[0], Reference) else "words"
        if isinstance(clauses[0], Pattern):
            kind = "regex"
        where = "" if searched == DEFAULT_FIELDS else f" in {', '.join(searched)}"
        return _Part(kind, leaf.name() + where, leaf.name(2), node, (), place, leaf)


def explain(tree: RuleTree, rule_id: str, item: Item, feed: Feed | None = None) -> Explanation:
    """Explain one rule on one item.

    Raises:
        KeyError: the tree holds no such rule.
    """
    rule = next((rule for rule in tree.rules if rule.rule_id == rule_id), None)
    if rule is None:
        raise KeyError(rule_id)
    return Explainer(tree, rule).explain(item, feed)


def _step(part: _Part, context: ItemContext, *, wanted: bool) -> Step:
    """Evaluate a part and everything below it."""
    node = part.node
    holds = node.holds(context)
    below = wanted is not (part.kind == "none")
    placed = holds and isinstance(node, LeafNode | PatternNode | NearNode)
    step = Step(
        part.kind,
        part.what,
        holds,
        wanted,
        spots=_spots(node, context) if placed else (),
        children=tuple(_step(child, context, wanted=below) for child in part.children),
        place=part.place,
    )
    if part.leaf is not None and wanted and not holds:
        absence = why_absent(part.leaf, node, context)
        return replace(step, reason=str(absence), close=bool(absence.nearest))
    return replace(step, reason=_reason(part, context, step))


def _reason(part: _Part, context: ItemContext, step: Step) -> str:
    """Say why a step does not pass, or in which passage a near holds."""
    node = part.node
    if isinstance(node, NearNode) and step.holds:
        return _passage(node, context)
    if part.kind == "none":
        return "" if step.holds else node.missing(context)
    if step.passed or part.kind == "all":
        return ""
    if step.holds:
        return f"there is {quoted(context, node)}"
    names = [child.name for child in part.children]
    if isinstance(node, NearNode):
        return why_apart(node, names, context)
    return f"none of {', '.join(names)}"


def _passage(node: NearNode, context: ItemContext) -> str:
    """Quote the first passage in which all operands of a near stand together."""
    for name in node.fields:
        for found in node.spans(context, name):
            parts = context.parts(name, found)
            start, end = parts[0][0], max(part[1] for part in parts)
            return f'{name}: "{" ".join(context.item.text(name)[start:end].split())}"'
    return ""


def _spots(node: Node, context: ItemContext) -> tuple[Spot, ...]:
    found = dict.fromkeys((name, *part) for name, part in node.evidence(context))
    ordered = sorted(found, key=lambda one: (FIELDS.index(one[0]), *one[1:]))
    return tuple(_spot(context.item, *one[:3], one[3].entry) for one in ordered[:MOST_SPOTS])


def _spot(item: Item, name: FieldName, start: int, end: int, entry: str) -> Spot:
    text = item.text(name)
    low, high = windows(text, ((start, end),), AROUND)[0]
    before = ("…" if low else "") + text[low:start]
    after = text[end:high] + ("…" if high < len(text) else "")
    return Spot(name, start, end, text[start:end], entry, before, after)


def _where_steps(where: Where, item: Item, feed: Feed | None) -> tuple[Step, ...]:
    """Return one step with a leaf for each key that the rule's `where` gives, or nothing."""
    asked = [(one.name, getattr(where, one.name)) for one in fields(Where) if getattr(where, one.name)]
    if not asked:
        return ()
    leaves = []
    for key, values in asked:
        obstacles = tuple(where_obstacles(replace(Where(), **{key: values}), item, feed))
        what = f"{key}: {', '.join(values)}"
        leaves.append(Step("where", what, not obstacles, reason="; ".join(obstacles)))
    holds = all(leaf.holds for leaf in leaves)
    return (Step("where", "where the item comes from", holds, children=tuple(leaves)),)


def _combined(rule: Rule) -> Step:
    """Return the step of a rule that other rules' alerts fire: no item fulfils it."""
    if rule.sequence is not None:
        kind = "sequence" if rule.sequence.ordered else "together"
        what = f"{kind}: {', '.join(rule.sequence.rule_ids)}"
    else:
        what = f"volume: {rule.volume.of}" if rule.volume is not None else "no condition"
    reason = "other rules' alerts fire it, no single item does; explain those rules instead"
    return Step("rule", what, holds=False, reason=reason, place=str(rule.place))


def _notes(rule: Rule) -> tuple[str, ...]:
    said = {
        Status.DRAFT: "The rule is a draft: the daemon does not evaluate it.",
        Status.SHADOW: "The rule is in shadow: what it finds is recorded and not sent.",
        Status.RETIRED: "The rule is retired: the daemon does not evaluate it.",
    }
    return (said[rule.status],) if rule.status in said else ()


def _distance(near: Near) -> str:
    order = ", in this order" if near.ordered else ""
    if isinstance(near.within, int):
        return f"near: within {near.within} {'word' if near.within == 1 else 'words'}{order}"
    return f"near: in one {near.within}{order}"
