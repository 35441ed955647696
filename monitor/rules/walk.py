"""Go through clauses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.rules.schema import Group, Near, Reference, Term

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.rules.schema import Clause, Rule


def children(clause: Clause) -> tuple[Clause, ...]:
    """Return the clauses directly inside `clause`, masks included; references are not followed."""
    if isinstance(clause, Group):
        return clause.clauses
    if isinstance(clause, Near):
        return clause.operands
    return clause.masks if isinstance(clause, Term) else ()


def walk(clause: Clause | None) -> Iterator[Clause]:
    """Go through a clause and all clauses inside it, outermost first."""
    if clause is None:
        return
    yield clause
    for child in children(clause):
        yield from walk(child)


def references(clause: Clause | None) -> Iterator[Reference]:
    """Go through the references anywhere inside `clause`."""
    return (inner for inner in walk(clause) if isinstance(inner, Reference))


def rule_clauses(rule: Rule) -> tuple[Clause, ...]:
    """Return every top clause of a rule: its condition and its exceptions."""
    own = () if rule.when is None else (rule.when,)
    return (*own, *(exception.clause for exception in rule.exceptions))
