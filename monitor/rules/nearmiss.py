"""Say why a word, a list or a near is not in an item, and how close it came."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from rapidfuzz import process
from rapidfuzz.distance import OSA

from monitor.rules.compiling import entries_of
from monitor.rules.intervals import near
from monitor.rules.nodes import LeafNode, quoted
from monitor.rules.schema import Kind, MatchMode, Pattern, Reference, Term
from monitor.text.fold import fold
from monitor.text.tokens import tokenize

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from monitor.models import FieldName
    from monitor.rules.context import ItemContext
    from monitor.rules.intervals import Occurrence
    from monitor.rules.node_groups import NearNode
    from monitor.rules.nodes import Node, Use
    from monitor.rules.schema import Clause, RuleTree

SHOWN_WORDS: Final = 6  # words named of a longer choice
_LONG: Final = 8  # letters from which two slips count as a misspelling, below it one
_SHORTEST: Final = 5  # letters: a slip in a shorter word makes another word
_SHORTEST_COMMON: Final = 6  # likewise for words that are no names
_MOST_READ: Final = 400  # distinct words of an item that are compared


@dataclass(frozen=True, slots=True)
class Leaf:
    """Words, one list or one expression, with what is needed to say why it is absent."""

    tree: RuleTree
    clauses: tuple[Clause, ...]  # terms, or one reference to a list, or one expression
    searched: tuple[FieldName, ...]
    everywhere: Node | None  # the same, searched in every field; None when that is no news
    folded: Node | None  # the terms with `case: exact`, in any case
    _spellings: dict[str, str] = field(default_factory=dict)  # folded word: as listed; filled on demand

    def name(self, most: int = SHOWN_WORDS) -> str:
        """Return the leaf as the rule says it, with at most so many words: `$moscow`, `"land" or "go"`."""
        first = self.clauses[0]
        if isinstance(first, Reference):
            return f"${first.name}"
        if isinstance(first, Pattern):
            return f"/{first.regex}/"
        return alternatives([f'"{clause.text}"' for clause in self.clauses if isinstance(clause, Term)], most)

    def terms(self) -> Iterator[tuple[Term, str]]:
        """Go through the terms with what people call them."""
        for clause in self.clauses:
            if isinstance(clause, Term):
                yield clause, clause.text
            elif isinstance(clause, Reference) and clause.name in self.tree.lists:
                for owner, entry in entries_of(self.tree.lists, self.tree.lists[clause.name]):
                    yield from ((term, f"{owner.name}: {entry.name}") for term in entry.terms)

    def spellings(self) -> Mapping[str, str]:
        """Return the single words that are long enough to be recognised when misspelt."""
        if not self._spellings:
            names = isinstance(self.clauses[0], Reference) and self._kind() is not Kind.VOCABULARY
            shortest = _SHORTEST if names else _SHORTEST_COMMON
            for term, called in self.terms():
                words = tokenize(term.text).words
                if len(words) == 1 and len(words[0]) >= shortest and term.match is not MatchMode.PREFIX:
                    stands_for = f" ({called})" if called != words[0] else ""
                    self._spellings.setdefault(fold(words[0]), f'"{words[0]}"{stands_for}')
        return self._spellings

    def _kind(self) -> Kind | None:
        first = self.clauses[0]
        listed = self.tree.lists.get(first.name) if isinstance(first, Reference) else None
        return listed.kind if listed else None


@dataclass(frozen=True, slots=True)
class Absence:
    """Why a leaf does not hold; as text, one line."""

    absent: str  # "none of 12 entries of $us_envoys"; "" when `nearest` says it all
    nearest: str = ""  # what is there instead

    def __str__(self) -> str:
        """Return both."""
        return "; ".join(filter(None, (self.absent, self.nearest)))


def alternatives(names: Sequence[str], most: int = SHOWN_WORDS) -> str:
    """Return "a, b or c", of a long choice only the first `most`."""
    if len(names) > most + 1:
        return f"{', '.join(names[:most])} or {len(names) - most} more"
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


# --- leaves --------------------------------------------------------------------------------------


def why_absent(leaf: Leaf, node: Node, context: ItemContext) -> Absence:
    """Say that a leaf does not occur, and the nearest thing that does.

    In this order: a term that does not count (excepted, or outside its dates), the same in a field that
    is not searched, in another case, its words apart, a similar word.
    """
    discounted = _not_counting(node, context)
    if discounted:
        return Absence("", discounted)
    return Absence(_absent(leaf, context), _elsewhere(leaf, context) or _similar(leaf, context))


def _absent(leaf: Leaf, context: ItemContext) -> str:
    if not any(name in context.tokens for name in leaf.searched):
        return f"the item has no {alternatives(leaf.searched)}"
    first = leaf.clauses[0]
    if isinstance(first, Reference):
        listed = leaf.tree.lists[first.name]
        count = sum(1 for _ in entries_of(leaf.tree.lists, listed))
        return (
            f"the one entry of {leaf.name()} does not occur"
            if count == 1
            else f"none of {count} entries of {leaf.name()}"
        )
    if len(leaf.clauses) > 1:
        return f"none of these {len(leaf.clauses)} words and phrases occurs"
    return "not in the " + alternatives(leaf.searched)


def _not_counting(node: Node, context: ItemContext) -> str:
    """Say that a term occurs, but is excepted there, or not used at the item's time."""
    if not isinstance(node, LeafNode):
        return ""
    for name in node.fields:
        here = node.terms & context.present.get(name, set())
        starts = context.starts(name, here)
        for term_id in sorted(here, key=lambda term_id: (starts[term_id], term_id)):
            for use in node.uses[term_id]:
                text = _text(context, name, node, term_id, starts[term_id][0])
                if not use.valid(context.day):
                    return f'"{text}" ({use.label.entry}) counts {_dates(use)}; the item is of {context.day}'
                if use.mask is not None:
                    return f'"{text}" stands only inside the excepted {quoted(context, use.mask)}'
    return ""


def _text(context: ItemContext, name: FieldName, node: LeafNode, term_id: int, start: int) -> str:
    first, end = context.tokens[name].span(start, start + node.lengths[term_id] - 1)
    return context.item.text(name)[first:end]


def _dates(use: Use) -> str:
    since = f"from {use.valid_from} on" if use.valid_from else ""
    until = f"until {use.valid_until}" if use.valid_until else ""
    return " ".join(filter(None, (since, until)))


def _elsewhere(leaf: Leaf, context: ItemContext) -> str:
    if leaf.everywhere is not None and leaf.everywhere.holds(context):
        name, (start, end, _) = next(iter(leaf.everywhere.evidence(context)))
        found = context.item.text(name)[start:end]
        return f'"{found}" is in the {name}, but only {alternatives(leaf.searched)} is searched'
    if leaf.folded is not None and leaf.folded.holds(context):
        return f"the text has {quoted(context, leaf.folded)}, but case: exact is asked for"
    return ""


def _similar(leaf: Leaf, context: ItemContext) -> str:
    words = {
        fold(word): word
        for name in leaf.searched
        if name in context.tokens
        for word in context.tokens[name].words
    }
    apart = _apart(leaf, words)
    if apart:
        return apart
    known = leaf.spellings()
    if not known:
        return ""
    for folded in list(words)[:_MOST_READ]:
        if len(folded) < _SHORTEST:
            continue
        slips = 2 if len(folded) >= _LONG else 1
        found = process.extractOne(folded, known.keys(), scorer=OSA.distance, score_cutoff=slips)
        # Misspellings rarely change the first letter; other words often do.
        if found is not None and found[0][0] == folded[0]:
            return f'the text has "{words[folded]}": did you mean {known[found[0]]}?'
    return ""


def _apart(leaf: Leaf, words: Mapping[str, str]) -> str:
    """Say that all words of a phrase occur, only not as a phrase."""
    for term, _ in leaf.terms():
        if isinstance(leaf.clauses[0], Reference):
            return ""  # a list's phrases are many: words of one of them say nothing
        parts = tokenize(term.text).words
        if len(parts) > 1 and all(fold(part) in words for part in parts):
            return f'the words of "{term.text}" occur, but not next to each other'
    return ""


# --- near ----------------------------------------------------------------------------------------


def why_apart(node: NearNode, names: Sequence[str], context: ItemContext) -> str:
    """Return one line: what near misses, or how close its operands came.

    Args:
        node: the near, which does not hold.
        names: what people call its operands.
        context: the item.
    """
    missing = [name for name, one in zip(names, node.operands, strict=True) if not one.holds(context)]
    if missing:
        return f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
    places = {
        name: [one.spans(context, name) for one in node.operands]
        for name in node.fields
        if name in context.tokens
    }
    whole = {name: spans for name, spans in places.items() if all(spans)}
    if not whole:
        return f"not in one field: {_by_field(names, places)}"
    close = _closest(node, whole, context, ordered=node.ordered)
    if close is not None:
        return _too_far(node, *close, context)
    if node.ordered and _closest(node, whole, context, ordered=False) is not None:
        return "everything occurs, but in another order"
    return "the same words would have to serve for two operands at once"


def _closest(
    node: NearNode, places: Mapping[FieldName, list[list[Occurrence]]], context: ItemContext, *, ordered: bool
) -> tuple[int, FieldName, Occurrence] | None:
    """Return the fewest words between the operands, the field, and the passage; None if they overlap."""
    found = []
    for name, operands in places.items():
        most = len(context.tokens[name])
        # Widening the limit never loses a passage: search for the smallest that has one.
        limit = bisect_left(
            range(most), 1, key=lambda limit: min(1, len(near(operands, limit=limit, ordered=ordered)))
        )
        passages = near(operands, limit=limit, ordered=ordered)
        if passages:
            found.append((limit, node.fields.index(name), name, passages[0]))
    if not found:
        return None
    gap, _, name, passage = min(found, key=lambda one: one[:2])
    return gap, name, passage


def _too_far(node: NearNode, gap: int, name: FieldName, passage: Occurrence, context: ItemContext) -> str:
    text = context.item.text(name)
    parts = context.parts(name, passage)
    words = list(dict.fromkeys(" ".join(text[start:end].split()) for start, end, _ in parts))
    shown = f'"{" … ".join(words)}"'
    apart = f"{gap} {'word' if gap == 1 else 'words'} apart in the {name}"
    if isinstance(node.within, int):
        return f"{shown} are {apart}, at most {node.within} allowed"
    return f"{shown} are not in one {node.within} ({apart})"


def _by_field(names: Sequence[str], places: Mapping[FieldName, list[list[Occurrence]]]) -> str:
    said = []
    for number, name in enumerate(names):
        where = [one for one, spans in places.items() if spans[number]]
        said.append(f"{name} is in the {alternatives(where)}" if where else f"{name} has no place")
    return ", ".join(said)
