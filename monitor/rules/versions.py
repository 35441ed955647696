"""Versions of rules: a hash of the rule and of every list and macro that it uses.

What cannot change a match (tests, descriptions, links) is not part of it, nor are positions in files:
moving a rule changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from monitor.models import stable_id
from monitor.rules.walk import references, rule_clauses

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from monitor.rules.schema import Rule, RuleTree


class RuleVersions(Mapping[str, str]):
    """The version of each rule by its id: 32 hexadecimal digits, worked out when it is first asked for."""

    def __init__(self, tree: RuleTree) -> None:
        """Look at nothing yet: of thousands of rules, a few fire."""
        self._rules = {rule.rule_id: rule for rule in tree.rules}
        self._tree = tree
        self._known: dict[str, str] = {}
        self._hashes: dict[str, str] = {}  # of lists and macros, by name

    def __getitem__(self, rule_id: str) -> str:
        """Return the version of one rule."""
        known = self._known.get(rule_id)
        if known is None:
            known = self._known[rule_id] = self._version(self._rules[rule_id])
        return known

    def __iter__(self) -> Iterator[str]:
        """Go through the rules' ids."""
        return iter(self._rules)

    def __len__(self) -> int:
        """Return the number of rules."""
        return len(self._rules)

    def _version(self, rule: Rule) -> str:
        direct = (found.name for clause in rule_clauses(rule) for found in references(clause))
        used = sorted(_closure(direct, self._uses))
        return stable_id("rule", repr(_wording(rule)), *(self._hash(name) for name in used))

    @cached_property
    def _uses(self) -> dict[str, tuple[str, ...]]:
        """The names that each list and macro uses."""
        uses: dict[str, tuple[str, ...]] = {}
        for listed in self._tree.lists.values():
            masks = (one.name for entry in listed.entries for term in entry.terms for one in references(term))
            uses[listed.name] = (*listed.include, *masks)
        for macro in self._tree.macros.values():
            uses[macro.name] = tuple(found.name for found in references(macro.clause))
        return uses

    def _hash(self, name: str) -> str:
        if name not in self._hashes:
            listed = self._tree.lists.get(name)
            wording = (
                ("macro", repr(self._tree.macros[name]))
                if listed is None
                else ("list", repr(replace(listed, description="")))
            )
            self._hashes[name] = stable_id(*wording)
        return self._hashes[name]


def _wording(rule: Rule) -> Rule:
    """Return `rule` without what cannot change which items it matches or how they are alerted."""
    return replace(
        rule, must_match=(), must_not_match=(), timeline=(), references=(), known_issues=(), description=""
    )


def _closure(names: Iterable[str], uses: Mapping[str, tuple[str, ...]]) -> set[str]:
    pending, seen = list(names), set[str]()
    while pending:
        name = pending.pop()
        if name not in seen:
            seen.add(name)
            pending.extend(uses[name])
    return seen
