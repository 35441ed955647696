"""Which rules an item may fire: an index from the terms that occur to the rules that need them.

A rule cannot fire without some term of each list that it requires. It is kept under the terms of the list
that is rarest in the news, and looked at only if a term of a second list occurs, too. The answer is a
superset of the rules that fire: the engine asks each of them.

Regular expressions count as terms here, with negative ids, where a rule requires nothing else; one
`re2.Set` tells which of them occur.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import re2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

Need: TypeAlias = "AbstractSet[int]"  # ids of terms and expressions: at least one has to occur

# Rules that need nothing else, and rules by the terms of their second need.
_Pairs: TypeAlias = "tuple[tuple[int, ...], Mapping[int, tuple[int, ...]]]"

# Rules under one term beyond which pairs of terms are indexed: below, asking each rule for its second need
# costs less than the index (measured from 100 to 100,000 rules).
_MOST_UNDER_ONE: Final = 8
_SET_MEMORY: Final = 256 * 1024**2  # bytes that all expressions together may take; the default is 8 MB


class CandidateIndex:
    """Rules by what they need. Made anew when needs or frequencies change."""

    def __init__(self, needs: Sequence[Sequence[Need]], expected: Callable[[Need], float]) -> None:
        """Index rules by their place in `needs`.

        Args:
            needs: of each rule, what it needs; nothing: it is always a candidate.
            expected: how often a need is met, in any unit.
        """
        self.always: tuple[int, ...] = tuple(number for number, one in enumerate(needs) if not one)
        by_term: dict[int, list[tuple[int, Need | None]]] = {}
        for number, one in enumerate(needs):
            if not one:
                continue
            first, *others = sorted(one, key=lambda need: (expected(need), min(need, default=0)))
            second = next((other for other in others if other != first), None)
            for term in first:
                by_term.setdefault(term, []).append((number, second))
        self._few = {term: tuple(rules) for term, rules in by_term.items() if len(rules) <= _MOST_UNDER_ONE}
        self._many = {term: rules for term, rules in by_term.items() if term not in self._few}
        self._pairs: dict[int, _Pairs] = {}  # of terms that have occurred: most of them never do
        # Most pairs name one rule, and a rule has many pairs: equal tuples are stored once.
        self._stored: dict[tuple[int, ...], tuple[int, ...]] = {}

    def candidates(self, present: set[int]) -> list[int]:
        """Return the places of the rules whose needs may be met, rising.

        Args:
            present: ids of the terms and expressions that occur.
        """
        chosen = set(self.always)
        few = self._few
        for term in few.keys() & present:
            for number, second in few[term]:
                if second is None or not second.isdisjoint(present):
                    chosen.add(number)
        for term in self._many.keys() & present:
            alone, pairs = self._pairs.get(term) or self._paired(term)
            chosen.update(alone)
            for other in pairs.keys() & present:
                chosen.update(pairs[other])
        return sorted(chosen)

    def _paired(self, term: int) -> _Pairs:
        """Index the rules under one term by the terms that their second need names, for good."""
        rules, stored = self._many[term], self._stored
        by_second: dict[int, list[int]] = {}
        for number, second in rules:
            for other in second or ():
                by_second.setdefault(other, []).append(number)
        tuples = ((other, tuple(numbers)) for other, numbers in by_second.items())
        pairs = {other: stored.setdefault(numbers, numbers) for other, numbers in tuples}
        made = self._pairs[term] = tuple(number for number, second in rules if second is None), pairs
        return made


class ExpressionSet:
    """Tells in one pass which of many regular expressions occur in a text."""

    def __init__(self, regexes: Sequence[str]) -> None:
        """Compile them together; each has been compiled alone before, so none is wrong."""
        options = re2.Options()
        options.log_errors = False
        options.max_mem = _SET_MEMORY
        self._all = range(len(regexes))
        self._set = re2.Set.SearchSet(options)
        # The empty expression occurs in every text: if it is not told, the search ran out of memory.
        self._canary = self._set.Add("")
        for regex in regexes:
            self._set.Add(regex)
        self._set.Compile()

    def occurring(self, text: str) -> Iterable[int]:
        """Return the places of the expressions that occur; all of them when they are too many to tell."""
        found = self._set.Match(text)
        if self._canary not in found:
            return self._all
        return (number - 1 for number in found if number != self._canary)
