"""Two versions of the rules: what differs between them, and which hits that gains and loses; pure."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from monitor.backtest.run import Hit, in_time, spread
from monitor.rules.schema import Rule
from monitor.rules.versions import RuleVersions
from monitor.rules.walk import references, rule_clauses

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from monitor.backtest.run import Found
    from monitor.rulebook import RuleBook
    from monitor.rules.schema import RuleTree

Change: TypeAlias = Literal["added", "removed", "changed"]

_KEYS: Final = {"rule_id": "id", "exceptions": "except"}  # fields that are called otherwise in the files
_IMMATERIAL: Final = frozenset(
    ("place", "description", "references", "known_issues", "must_match", "must_not_match", "timeline")
)


@dataclass(frozen=True, slots=True)
class RuleChange:
    """One rule that is not what it was."""

    rule_id: str
    change: Change
    what: tuple[str, ...] = ()  # keys of the rule, and "$name" of lists and macros that it uses


@dataclass(frozen=True, slots=True)
class RuleDifference:
    """What a change to one rule does."""

    rule_id: str
    change: RuleChange | None  # None: the rule is the same, its feeds are not
    before: int  # hits
    now: int
    gained: int
    lost: int
    samples_gained: tuple[Hit, ...]
    samples_lost: tuple[Hit, ...]


def changed_rules(before: RuleBook, now: RuleBook) -> tuple[RuleChange, ...]:
    """Return the rules that differ, in order of their ids; moving a rule changes nothing.

    A rule that carries on an older one's id (`formerly`) is that rule, changed.
    """
    heirs = heirs_in(now)
    old = {heirs.get(rule.rule_id, rule.rule_id): rule for rule in before.tree.rules}
    new = {rule.rule_id: rule for rule in now.tree.rules}
    versions_before, versions_now = RuleVersions(before.tree), RuleVersions(now.tree)
    names = _changed_names(before.tree, now.tree)
    found: list[RuleChange] = []
    for rule_id in sorted({*old, *new}):
        if rule_id not in old:
            found.append(RuleChange(rule_id, "added"))
        elif rule_id not in new:
            why = ("it has errors now",) if rule_id in now.tree.left_out else ()
            found.append(RuleChange(rule_id, "removed", why))
        elif versions_before[old[rule_id].rule_id] != versions_now[rule_id]:
            what = (*_keys(old[rule_id], new[rule_id]), *sorted(names & _used(new[rule_id], now.tree)))
            found.append(RuleChange(rule_id, "changed", what))
    return tuple(found)


def to_evaluate(before: RuleBook, now: RuleBook) -> tuple[Rule, ...]:
    """Return the earlier rules whose hits may differ from those of the present ones."""
    if dict(before.feeds) != dict(now.feeds):
        return before.tree.rules
    changed = {change.rule_id for change in changed_rules(before, now)}
    heirs = heirs_in(now)
    return tuple(rule for rule in before.tree.rules if heirs.get(rule.rule_id, rule.rule_id) in changed)


def heirs_in(book: RuleBook) -> dict[str, str]:
    """Return for each older id of a rule its present one."""
    ids = {rule.rule_id for rule in book.tree.rules}
    return {old: rule.rule_id for rule in book.tree.rules for old in rule.formerly if old not in ids}


def hits_of(found: Iterable[Found]) -> tuple[Hit, ...]:
    """Return the hits of the first tree."""
    return tuple(Hit(one.item, match) for one in found for match in one.matches[0])


def earlier_hits(found: Sequence[Found], before: RuleBook, evaluated: Iterable[Rule]) -> tuple[Hit, ...]:
    """Return the hits of the earlier rules.

    Args:
        found: of both trees; of the second only the `evaluated` rules.
        before: the earlier rules.
        evaluated: what `to_evaluate` returned; all others hit what they hit now.
    """
    asked = {rule.rule_id for rule in evaluated}
    same = {rule.rule_id for rule in before.tree.rules} - asked
    return tuple(
        Hit(one.item, match)
        for one in found
        for match in (*one.matches[1], *(m for m in one.matches[0] if m.rule_id in same))
    )


def differences(
    before: Sequence[Hit], now: Sequence[Hit], books: tuple[RuleBook, RuleBook], samples: int
) -> tuple[RuleDifference, ...]:
    """Return what was gained and lost by each rule that changed or whose hits did, by rule id.

    A rule that carries on an older one's id (`formerly`) is compared with it.

    Args:
        before: hits of the earlier rules.
        now: hits of the present ones.
        books: the earlier and the present rules.
        samples: how many gained and lost hits of each rule to show.
    """
    changes = {change.rule_id: change for change in changed_rules(*books)}
    old = _by_rule(before, heirs_in(books[1]))
    new = _by_rule(now, {})
    found = []
    for rule_id in sorted({*old, *new, *changes}):
        was, is_ = old.get(rule_id, {}), new.get(rule_id, {})
        gained = sorted((hit for item_id, hit in is_.items() if item_id not in was), key=in_time)
        lost = sorted((hit for item_id, hit in was.items() if item_id not in is_), key=in_time)
        if gained or lost or rule_id in changes:
            found.append(
                RuleDifference(
                    rule_id=rule_id,
                    change=changes.get(rule_id),
                    before=len(was),
                    now=len(is_),
                    gained=len(gained),
                    lost=len(lost),
                    samples_gained=spread(gained, samples, {}),
                    samples_lost=spread(lost, samples, {}),
                )
            )
    return tuple(found)


def _by_rule(hits: Iterable[Hit], heirs: Mapping[str, str]) -> dict[str, dict[str, Hit]]:
    found: dict[str, dict[str, Hit]] = {}
    for hit in hits:
        rule_id = heirs.get(hit.match.rule_id, hit.match.rule_id)
        found.setdefault(rule_id, {})[hit.item.item_id] = hit
    return found


def _keys(old: Rule, new: Rule) -> tuple[str, ...]:
    return tuple(
        _KEYS.get(one.name, one.name)
        for one in fields(Rule)
        if one.name not in _IMMATERIAL and getattr(old, one.name) != getattr(new, one.name)
    )


def _changed_names(before: RuleTree, now: RuleTree) -> set[str]:
    """Return "$name" of the lists and macros that differ or are new."""
    lists = {f"${name}" for name, one in now.lists.items() if before.lists.get(name) != one}
    return lists | {f"${name}" for name, one in now.macros.items() if before.macros.get(name) != one}


def _used(rule: Rule, tree: RuleTree) -> set[str]:
    """Return "$name" of every list and macro that a rule uses, directly or through another."""
    pending = [found.name for clause in rule_clauses(rule) for found in references(clause)]
    seen: set[str] = set()
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in tree.macros:
            pending += (found.name for found in references(tree.macros[name].clause))
        elif name in tree.lists:
            listed = tree.lists[name]
            pending += listed.include
            pending += (f.name for e in listed.entries for term in e.terms for f in references(term))
    return {f"${name}" for name in seen}
