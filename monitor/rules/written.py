"""A rule as YAML again, with its file's defaults applied: what `monitor show` prints."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from monitor.alerts.wording import counted
from monitor.document.parse import resolve_plain
from monitor.rules.compiling import entries_of
from monitor.rules.schema import EXAMPLE_KEYS, Group, MatchMode, Near, Pattern, Reference, Term, Where

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from monitor.rules.schema import Clause, Example, Exemption, Rule, RuleTree

WIDTH: Final = 100  # characters of a line of words
LONGEST_WORD: Final = 40  # characters of a word in a list in brackets; longer ones stand one a line
_PLAIN: Final = re.compile(r"[^\W_][\w .+/-]*(?<! )|\$[a-z][a-z0-9_-]*")
_UNITS: Final = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
_GROUPS: Final = ("all", "any", "none")


def written(tree: RuleTree, rule: Rule) -> str:
    """Return the rule as an entry under `rules:`, each list and macro with a comment on its size.

    Reading it beside the same lists gives an equal rule.
    """
    lines = list(_mapping(_rule(rule), tree))
    return "\n".join(f"  {'- ' if number == 0 else '  '}{line}" for number, line in enumerate(lines)) + "\n"


# --- from values to plain YAML data --------------------------------------------------------------


def _rule(rule: Rule) -> dict[str, Any]:
    return _given(
        id=rule.rule_id,
        title=rule.title,
        description=rule.description,
        severity=rule.severity,
        status=rule.status,
        owner=rule.owner,
        topic=rule.topic,
        tags=rule.tags,
        expires=rule.expires,
        references=rule.references,
        known_issues=rule.known_issues,
        where=_given(**{key: getattr(rule.where, key) for key in Where.__slots__}),
        when=_clause(rule.when) if rule.when is not None else None,
        **_combined(rule),
        **{"except": [_exception(one) for one in rule.exceptions]},
        corroborate=_fields(
            rule.corroborate, "sources", "distinct", "within", "not_tier", "until_then", "raise_to"
        ),
        alert_per=rule.alert_per,
        grouping=rule.grouping,
        formerly=rule.formerly,
        supersedes=rule.supersedes,
        must_match=[_example(one) for one in rule.must_match],
        must_not_match=[_example(one) for one in rule.must_not_match],
        timeline=[
            {"at": step.at, **_given(expect=step.expect), **_example_keys(step.item)}
            for step in rule.timeline
        ],
    )


def _combined(rule: Rule) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if rule.sequence is not None:
        one = rule.sequence
        key = "sequence" if one.ordered else "together"
        made = {key: list(one.rule_ids), "within": one.within, "same": one.same}
    if rule.volume is not None:
        made["volume"] = _fields(rule.volume, "of", "within", "stories", "times", "baseline")
    return made


def _exception(one: Exemption) -> dict[str, Any]:
    clause = _clause(one.clause)
    if not isinstance(clause, dict):
        clause = {"any": [clause]}
    return {**clause, **_given(reason=one.reason, expires=one.expires)}


def _clause(clause: Clause) -> str | dict[str, Any]:
    if isinstance(clause, Reference):
        return f"${clause.name}"
    if isinstance(clause, Term):
        return _term(clause)
    if isinstance(clause, Pattern):
        return _given(regex=clause.regex, **{"in": clause.fields})
    if isinstance(clause, Near):
        operands = [_operand(one) for one in clause.operands]
        return {
            "near": operands,
            "within": clause.within,
            **_given(ordered=clause.ordered or None, **{"in": clause.fields}),
        }
    return _group(clause)


def _operand(clause: Clause) -> Any:  # noqa: ANN401 - any YAML value
    if isinstance(clause, Group) and clause.operator == "any" and not clause.fields:
        return [_clause(one) for one in clause.clauses]
    return _clause(clause)


def _group(group: Group) -> dict[str, Any]:
    inner = [one for one in group.clauses if isinstance(one, Group)]
    ranks = [_GROUPS.index(one.operator) for one in inner]
    beside = (
        group.operator == "all" and not group.fields and len(inner) == len(group.clauses) > 1
        and ranks == sorted(set(ranks)) and len({one.fields for one in inner}) == 1
    )  # fmt: skip
    parts = inner if beside else [group]
    made: dict[str, Any] = {one.operator: [_clause(child) for child in one.clauses] for one in parts}
    return {**made, **_given(**{"in": parts[0].fields})}


def _term(term: Term) -> str | dict[str, Any]:
    default = MatchMode.WORD if term.exact else MatchMode.STEM
    more = _given(
        case="exact" if term.exact else None,
        match=term.match if term.match is not default else None,
        language=term.language,
        **{"except": [_clause(mask) for mask in term.masks], "in": term.fields},
    )
    return {"text": term.text, **more} if more else term.text


def _example(example: Example) -> str | dict[str, Any]:
    keys = _example_keys(example)
    return example.title if set(keys) == {"title"} else keys


def _example_keys(example: Example) -> dict[str, Any]:
    return _given(**{key: getattr(example, key) for key in EXAMPLE_KEYS})


def _fields(value: object, *names: str) -> dict[str, Any]:
    return _given(**{name: getattr(value, name) for name in names}) if value is not None else {}


def _given(**values: Any) -> dict[str, Any]:  # noqa: ANN401 - any YAML value
    """Return the values that say something."""
    return {key: value for key, value in values.items() if value not in (None, "", (), [], {})}


# --- from data to text ---------------------------------------------------------------------------


def _mapping(value: Mapping[str, Any], tree: RuleTree) -> Iterator[str]:
    for key, one in value.items():
        yield from _entry(f"{key}:", one, tree)


def _entry(lead: str, value: Any, tree: RuleTree) -> Iterator[str]:  # noqa: ANN401 - any YAML value
    """Go through the lines of a value after its key or dash."""
    if isinstance(value, dict):
        lines = list(_mapping(value, tree))
        if lead == "-":
            yield f"- {lines[0]}"
            yield from (f"  {line}" for line in lines[1:])
            return
        yield lead
        yield from (f"  {line}" for line in lines)
    elif isinstance(value, list | tuple):
        flow = _flow(value, len(lead) + 1)
        if flow:
            yield f"{lead} {flow[0]}"
            yield from (f"{' ' * (len(lead) + 2)}{line}" for line in flow[1:])
            return
        if lead == "-":
            # Alternatives with names or clauses in them, as an operand: one level deeper.
            first, *rest = [line for one in value for line in _entry("-", one, tree)]
            yield f"- {first}"
            yield from (f"  {line}" for line in rest)
            return
        yield lead
        for one in value:
            yield from (f"  {line}" for line in _entry("-", one, tree))
    else:
        yield f"{lead} {_scalar(value)}{_comment(value, tree)}"


def _flow(values: list[Any] | tuple[Any, ...], indent: int) -> list[str]:
    """Return the lines of a list of short words in brackets, [] for anything else."""
    if any(isinstance(one, dict | list | tuple) or str(one).startswith("$") for one in values):
        return []
    words = [_scalar(one) for one in values]
    if max(map(len, words)) > LONGEST_WORD:
        return []
    lines = [""]
    for word in words:
        if lines[-1] and indent + len(lines[-1]) + len(word) > WIDTH:
            lines[-1] = lines[-1].rstrip()
            lines.append("")
        lines[-1] += f"{word}, "
    lines[0] = f"[{lines[0]}"
    lines[-1] = f"{lines[-1].removesuffix(', ')}]"
    return lines


def _scalar(value: Any) -> str:  # noqa: ANN401 - any YAML value
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, timedelta):
        seconds = int(value.total_seconds())
        unit, size = next((unit, size) for unit, size in _UNITS if seconds % size == 0)
        return f"{seconds // size}{unit}"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, int | date):
        return str(value)
    return _text(str(value))


def _text(text: str) -> str:
    """Return a text as YAML reads it back: bare if that is safe, else in quotes."""
    if _PLAIN.fullmatch(text) and isinstance(resolve_plain(text), str):
        return text
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'" if "\\" in text or '"' in text else f'"{text}"'
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(one if one.isprintable() else _escaped(one) for one in quoted)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\U{code:08x}" if code > 0xFFFF else f"\\u{code:04x}"  # noqa: PLR2004 - the plane of four digits


def _comment(value: Any, tree: RuleTree) -> str:  # noqa: ANN401 - any YAML value
    if not isinstance(value, str) or not value.startswith("$"):
        return ""
    listed = tree.lists.get(value[1:])
    if listed is None:
        return "  # macro" if value[1:] in tree.macros else ""
    entries = [entry for _, entry in entries_of(tree.lists, listed)]
    words = sum(len(entry.terms) for entry in entries)
    many = "1 entry" if len(entries) == 1 else f"{len(entries)} entries"
    return f"  # {listed.kind} list: {many}, {counted(words, 'form')}"
