"""A second evaluator, written for clarity alone: what a clause means, tried out on every possibility.

It knows no index, no memory and no cleverness: each term is compared with each word, and `near` tries every
choice of occurrences. Cost grows with the power of the operands. It shares the text pipeline (tokens,
folding, lemmas) with the engine, and nothing of what the engine is made of.
"""

from __future__ import annotations

from itertools import pairwise, product
from typing import TYPE_CHECKING

from monitor.models import FIELDS, Item
from monitor.rules.schema import DEFAULT_FIELDS, Group, Kind, MatchMode, Near, Pattern, Reference, Term
from monitor.text.fold import fold
from monitor.text.sentences import paragraph_starts, sentence_starts
from monitor.text.stems import LANGUAGES, is_arabic, languages_of, lemma, without_proclitics
from monitor.text.tokens import tokenize

if TYPE_CHECKING:
    from monitor.rules.schema import Clause, Rule, RuleTree

SHORT_NAME = 4  # an Arabic name shorter than this is not looked for behind a preposition

Span = tuple[int, int]  # first and last token


class Reference_:  # noqa: N801 - `Reference` is a clause
    """The meaning of clauses in one item."""

    def __init__(self, tree: RuleTree, item: Item) -> None:
        self.tree = tree
        self.item = item
        self.tokens = {name: tokenize(item.text(name)) for name in FIELDS}

    def fires(self, rule: Rule) -> bool:
        excepted = any(self.holds(one.clause, DEFAULT_FIELDS) for one in rule.exceptions)
        return self.holds(rule.when, DEFAULT_FIELDS) and not excepted

    def holds(self, clause: Clause, fields: tuple[str, ...]) -> bool:
        fields = getattr(clause, "fields", ()) or fields
        if isinstance(clause, Group):
            truths = [self.holds(one, fields) for one in clause.clauses]
            return {"all": all, "any": any, "none": lambda some: not any(some)}[clause.operator](truths)
        if isinstance(clause, Reference) and clause.name in self.tree.macros:
            return self.holds(self.tree.macros[clause.name].clause, fields)
        return any(self.spans(clause, name, fields) for name in FIELDS)

    def spans(self, clause: Clause, name: str, fields: tuple[str, ...]) -> set[Span]:  # noqa: PLR0911
        """Return where a clause occurs in the field `name`."""
        fields = getattr(clause, "fields", ()) or fields
        if isinstance(clause, Group):
            assert clause.operator == "any", "only alternatives have a place"
            return {span for one in clause.clauses for span in self.spans(one, name, fields)}
        if isinstance(clause, Reference) and clause.name in self.tree.macros:
            return self.spans(self.tree.macros[clause.name].clause, name, fields)
        if name not in fields:
            return set()
        if isinstance(clause, Term):
            return self.term(clause, name, stemmed=True)
        if isinstance(clause, Pattern):
            return self.pattern(clause, name)
        if isinstance(clause, Near):
            return self.near(clause, name, fields)
        return self.listed(clause.name, name)

    def listed(self, list_name: str, name: str) -> set[Span]:
        listed = self.tree.lists[list_name]
        day = self.item.event_at().date() if self.item.first_seen_at else None
        found = set()
        for entry in listed.entries:
            early = day and entry.valid_from and day < entry.valid_from
            late = day and entry.valid_until and day > entry.valid_until
            if not early and not late:
                stemmed = listed.kind is Kind.VOCABULARY
                found |= {span for term in entry.terms for span in self.term(term, name, stemmed=stemmed)}
        for included in listed.include:
            found |= self.listed(included, name)
        return found

    def term(self, term: Term, name: str, *, stemmed: bool) -> set[Span]:
        assert stemmed or term.match is not MatchMode.STEM, "lists of names are loaded with match: word"
        wanted, words = tokenize(term.text).words, self.tokens[name].words
        last = len(wanted) - 1
        found = {
            (at, at + last)
            for at in range(len(words) - last)
            if wanted
            and all(
                same_word(term, one, words[at + step], first=step == 0, last=step == last)
                for step, one in enumerate(wanted)
            )
        }
        masks = [span for mask in term.masks for span in self.spans(mask, name, FIELDS)]
        return {one for one in found if not any(mask[0] <= one[0] and one[1] <= mask[1] for mask in masks)}

    def pattern(self, pattern: Pattern, name: str) -> set[Span]:
        import re2

        tokens, found = self.tokens[name], set()
        for match in re2.finditer(pattern.regex, self.item.text(name)):
            touched = [
                n
                for n, (start, end) in enumerate(zip(tokens.starts, tokens.ends, strict=True))
                if start < match.end() and match.start() < end
            ]
            if touched:
                found.add((touched[0], touched[-1]))
        return found

    def near(self, near: Near, name: str, fields: tuple[str, ...]) -> set[Span]:
        """For each token at which some choice ends, the closest choice that ends there."""
        choices = product(*(self.spans(operand, name, fields) for operand in near.operands))
        text, tokens = self.item.text(name), self.tokens[name]
        best: dict[int, tuple[int, int]] = {}  # end: (what is smaller is better, start)
        for choice in choices:
            ordered = sorted(choice)
            if any(one[1] >= other[0] for one, other in pairwise(ordered)):
                continue  # they overlap
            if near.ordered and list(choice) != ordered:
                continue
            start, end = ordered[0][0], ordered[-1][1]
            between = end - start + 1 - sum(last - first + 1 for first, last in choice)
            if isinstance(near.within, int):
                if between > near.within:
                    continue
                score = between
            else:
                starts = sentence_starts(text) if near.within == "sentence" else paragraph_starts(text)
                if any(tokens.starts[start] < one <= tokens.starts[end] for one in starts):
                    continue
                score = 0
            if end not in best or (score, -start) < (best[end][0], -best[end][1]):
                best[end] = (score, start)
        return {(start, end) for end, (_, start) in best.items()}


def same_word(term: Term, wanted: str, word: str, *, first: bool, last: bool) -> bool:
    """Tell whether a word of a text is a word of a term."""
    if term.exact:
        return as_written(wanted) == as_written(word)
    one, other = fold(wanted).rstrip("."), fold(word).rstrip(".")
    if term.match is MatchMode.PREFIX and last:
        return other.startswith(one)
    if one == other:
        return True
    stemmed = term.match is MatchMode.STEM
    if first and is_arabic(one) and is_arabic(other) and (stemmed or len(one) >= SHORT_NAME):
        return one in without_proclitics(other)
    if not stemmed or script(one) != script(other):
        return False
    languages = [term.language] if term.language else languages_of(wanted)
    return any(
        lemma(wanted, language) == lemma(word, language) for language in languages if language in LANGUAGES
    )


def as_written(word: str) -> str:
    return word.rstrip(".").replace("’", "'").replace("ʼ", "'")


def script(word: str) -> str:
    return "cyrillic" if "\u0400" <= word[0] <= "\u052f" else "other"
