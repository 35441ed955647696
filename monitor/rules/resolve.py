"""Check what rules, lists and macros say about each other: names, cycles, kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.document import closest
from monitor.rules.schema import Group, Near, Reference, Status
from monitor.rules.walk import references, rule_clauses, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from monitor.document import Place, Reader
    from monitor.rules.listing import Names
    from monitor.rules.schema import Clause, ListDef, Rule

MOST_LEVELS: Final = 2  # of sequence, together and volume above plain rules


class Resolver:
    """Reports references that lead nowhere; definitions with errors become `Names.broken`."""

    def __init__(self, reader: Reader, names: Names) -> None:
        """Report into `reader`, look up in `names`."""
        self._reader = reader
        self._names = names

    def names(self) -> None:
        """Check lists and macros; those with errors, and those that use them, are taken out."""
        for listed in tuple(self._names.lists.values()):
            if not self._list_is_good(listed):
                self._break(listed.name)
        for macro in tuple(self._names.macros.values()):
            if not self._clauses_are_good((macro.clause,), f"macro {macro.name}"):
                self._break(macro.name)
        self._refuse_cycles()
        self._spread_breakage()

    def rule(self, rule: Rule) -> bool:
        """Tell whether the names in a rule can be used; report those that cannot."""
        before = self._reader.errors
        self._clauses_are_good(rule_clauses(rule), f"rule {rule.rule_id}")
        if rule.alert_per.startswith("entity."):
            name = rule.alert_per.removeprefix("entity.")
            if name not in self._names.lists:
                self._unknown(name, rule.place, self._names.lists, 'for "alert_per"')
        return self._reader.errors == before

    def _list_is_good(self, listed: ListDef) -> bool:
        before = self._reader.errors
        for name in listed.include:
            other = self._names.lists.get(name)
            if other is None and name not in self._names.broken:
                self._unknown(name, listed.place, self._names.lists, f'in "include" of {listed.name}')
            elif other is not None and other.kind is not listed.kind:
                wrong = f"{listed.name} is a list of kind {listed.kind}, {name} one of kind {other.kind}"
                self._reader.error(listed.place, "mixed-kinds", wrong, "a macro with any: can join them")
        for entry in listed.entries:
            for term in entry.terms:
                self._clauses_are_good(term.masks, f"list {listed.name}")
        return self._reader.errors == before

    def _clauses_are_good(self, clauses: Iterable[Clause], where: str) -> bool:
        before = self._reader.errors
        for top in clauses:
            for clause in walk(top):
                if isinstance(clause, Reference):
                    self._reference(clause, where)
                elif isinstance(clause, Near):
                    for operand in clause.operands:
                        self._operand(operand, operand.place, set())
        return self._reader.errors == before

    def _reference(self, reference: Reference, where: str) -> None:
        name = reference.name
        if name in self._names.broken:
            wrong = f"{where} uses ${name}, which has errors (see {self._names.broken[name]})"
            self._reader.error(reference.place, "broken-reference", wrong)
        elif name not in self._names.lists and name not in self._names.macros:
            self._unknown(name, reference.place, self._names.all(), "", "$")

    def _operand(self, clause: Clause, place: Place, seen: set[str]) -> None:
        """Refuse what has no place in a text: all and none, also behind a macro's name."""
        if isinstance(clause, Group):
            if clause.operator != "any":
                wrong = f'"{clause.operator}" has no place in the text and cannot be near anything'
                self._reader.error(place, "near-operands", wrong, "use any, near, words and lists")
            else:
                for child in clause.clauses:
                    self._operand(child, place, seen)
        elif isinstance(clause, Reference) and clause.name in self._names.macros and clause.name not in seen:
            seen.add(clause.name)
            self._operand(self._names.macros[clause.name].clause, place, seen)

    def _unknown(self, name: str, place: Place, known: Iterable[str], context: str, sign: str = "") -> None:
        hint = closest(name, known)
        wrong = " ".join(filter(None, (f"there is no list or macro {sign}{name}", context)))
        self._reader.error(place, "unknown-name", wrong, hint)

    def _break(self, name: str) -> None:
        defined = self._names.lists.pop(name, None) or self._names.macros.pop(name, None)
        if defined is not None:
            self._names.broken[name] = defined.place

    def _uses(self) -> dict[str, tuple[str, ...]]:
        uses: dict[str, tuple[str, ...]] = {}
        for listed in self._names.lists.values():
            masks = (
                found.name for entry in listed.entries for term in entry.terms for found in references(term)
            )
            uses[listed.name] = (*listed.include, *masks)
        for macro in self._names.macros.values():
            uses[macro.name] = tuple(found.name for found in references(macro.clause))
        return uses

    def _refuse_cycles(self) -> None:
        for cycle in cycles(self._uses()):
            first = cycle[0]
            place = self._names.place_of(first)
            if place is not None:
                wrong = f"{first} contains itself: {' > '.join((*cycle, first))}"
                self._reader.error(
                    place, "cycle", wrong, f"take ${cycle[-1 if len(cycle) == 1 else 1]} out of it"
                )
            for name in cycle:
                self._break(name)

    def _spread_breakage(self) -> None:
        """Take out what uses something that was taken out, until nothing more changes."""
        uses = self._uses()
        while True:
            hit = [name for name, used in uses.items() if any(other in self._names.broken for other in used)]
            if not hit:
                return
            for name in hit:
                self._break(name)
                del uses[name]


def check_rule_links(reader: Reader, rules: Mapping[str, Rule], known: Iterable[str]) -> set[str]:
    """Check the rule ids in sequence, together, volume and supersedes; return the ids with errors.

    Args:
        reader: where to report.
        rules: the rules without errors so far, by id.
        known: every id that was read, also those of rules that were left out.
    """
    known = set(known)
    wrong: set[str] = set()
    for rule in rules.values():
        for other in (*inputs(rule), *rule.supersedes):
            if other == rule.rule_id:
                wrong.add(rule.rule_id)
                reader.error(rule.place, "cycle", f'the rule "{other}" names itself')
            elif other not in known:
                wrong.add(rule.rule_id)
                reader.error(rule.place, "unknown-rule", f'there is no rule "{other}"', closest(other, known))
            elif other in inputs(rule) and other in rules and rules[other].status is Status.RETIRED:
                reader.warning(rule.place, "retired-input", f'the rule "{other}" is retired and never fires')
    uses = {rule.rule_id: inputs(rule) for rule in rules.values()}
    for cycle in cycles(uses):
        wrong.update(cycle)
        reader.error(
            rules[cycle[0]].place, "cycle", f"rules wait for each other: {' > '.join((*cycle, cycle[0]))}"
        )
    for rule in rules.values():
        if rule.rule_id not in wrong and _levels(rule.rule_id, uses, wrong) > MOST_LEVELS:
            wrong.add(rule.rule_id)
            said = f"sequence, together and volume may stand on each other {MOST_LEVELS} levels deep"
            reader.error(rule.place, "too-deep", said)
    return wrong


def inputs(rule: Rule) -> tuple[str, ...]:
    """Return the ids of the rules whose hits `rule` waits for."""
    if rule.sequence is not None:
        return rule.sequence.rule_ids
    return () if rule.volume is None else (rule.volume.of,)


def _levels(rule_id: str, uses: Mapping[str, tuple[str, ...]], without: set[str]) -> int:
    below = [_levels(other, uses, without) for other in uses.get(rule_id, ()) if other not in without]
    return 1 + max(below) if below else int(bool(uses.get(rule_id)))


def cycles(uses: Mapping[str, tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return one cycle through each knot of names that use each other, without recursion."""
    found: list[tuple[str, ...]] = []
    done: set[str] = set()
    for start in uses:
        path: list[str] = []
        on_path: set[str] = set()
        pending: list[tuple[str, bool]] = [(start, False)]
        while pending:
            name, leaving = pending.pop()
            if leaving:
                path.pop()
                on_path.discard(name)
                done.add(name)
            elif name in on_path:
                found.append(tuple(path[path.index(name) :]))
            elif name not in done and name in uses:
                path.append(name)
                on_path.add(name)
                pending.append((name, True))
                pending.extend((other, False) for other in uses[name])
    return found
