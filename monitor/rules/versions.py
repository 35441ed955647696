"""Versions of rules: a hash of the rule and of every list and macro that it uses.

What cannot change a match (tests, descriptions, links) is not part of it, nor are positions in files:
moving a rule changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from monitor.models import stable_id
from monitor.rules.walk import references, rule_clauses

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from monitor.rules.schema import Rule, RuleTree


def rule_versions(tree: RuleTree) -> Mapping[str, str]:
    """Return the version of each rule by its id: 32 hexadecimal digits."""
    uses: dict[str, tuple[str, ...]] = {}
    hashes: dict[str, str] = {}
    for listed in tree.lists.values():
        masks = (found.name for entry in listed.entries for term in entry.terms for found in references(term))
        uses[listed.name] = (*listed.include, *masks)
        hashes[listed.name] = stable_id("list", repr(replace(listed, description="")))
    for macro in tree.macros.values():
        uses[macro.name] = tuple(found.name for found in references(macro.clause))
        hashes[macro.name] = stable_id("macro", repr(macro))
    versions = {}
    for rule in tree.rules:
        direct = (found.name for clause in rule_clauses(rule) for found in references(clause))
        used = sorted(_closure(direct, uses))
        versions[rule.rule_id] = stable_id("rule", repr(_wording(rule)), *(hashes[name] for name in used))
    return MappingProxyType(versions)


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
