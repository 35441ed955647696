"""Tables of every key that an analyst may write, made from the JSON Schemas that editors use.

The schemas are made from the tables that the readers themselves use, so that what the documentation lists
is what the program reads. `deploy/write_reference.py` puts the tables into `rules/README.md`, and a test
says so when they are not up to date.
"""

from __future__ import annotations

import re
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from monitor.alerts.json_schema import routes_schema
from monitor.alerts.timing import DEFAULTS
from monitor.alerts.timing_file import AT_ONCE, TIMING_KEYS
from monitor.alerts.wording import duration
from monitor.models import Severity
from monitor.rules.json_schema import lists_schema, rules_schema
from monitor.rules.schema import CLAUSE_KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from monitor.document.json_schema import Schema

_BLOCK: Final = re.compile(
    r"(<!-- table: (?P<name>[a-z-]+), written by deploy/write_reference\.py -->\n).*?(<!-- end of table -->)",
    re.DOTALL,
)


_MOST_CHOICES: Final = 30  # there are 600 time zones


def with_tables(text: str) -> str:
    """Return a Markdown text with the tables between its markers written anew.

    Raises:
        KeyError: a marker names no table.
    """
    return _BLOCK.sub(lambda found: f"{found[1]}\n{TABLES[found['name']]()}\n{found[3]}", text)


def _operators() -> str:
    word, *kinds = rules_schema()["$defs"]["clause"]["anyOf"]
    told = {key: value for kind in kinds for key, value in kind["properties"].items()}
    rows = [("`word or phrase`, `$name`", word["description"])]
    rows += [(f"`{kind}:`", told[kind]["description"]) for kind in CLAUSE_KINDS]
    return _table(("clause", "meaning"), rows)


def _options() -> str:
    kinds = rules_schema()["$defs"]["clause"]["anyOf"][1:]
    told = {key: value for kind in kinds for key, value in kind["properties"].items()}
    rows = []
    for key in (key for key in told if key not in CLAUSE_KINDS):
        beside = [
            name
            for kind in kinds
            if key in kind["properties"]
            for name in CLAUSE_KINDS
            if name in kind["properties"]
        ]
        where = (
            "every clause" if len(beside) == len(CLAUSE_KINDS) else ", ".join(f"`{name}`" for name in beside)
        )
        rows.append((f"`{key}`", where, _meaning(told[key]), _default(told[key])))
    return _table(("option", "beside", "meaning", "if it is not there"), rows)


def _keys(schema: Schema, *path: str) -> str:
    for step in path:
        schema = schema[step]
    needed = set(schema.get("required", ()))
    rows = (
        (f"`{key}`", _meaning(value), "has to be there" if key in needed else _default(value))
        for key, value in schema["properties"].items()
    )
    return _table(("key", "meaning", "if it is not there"), rows)


def _of_rules(*path: str) -> Callable[[], str]:
    return lambda: _keys(rules_schema()["$defs"], *path)


def _of_lists(*path: str) -> Callable[[], str]:
    return lambda: _keys(lists_schema()["$defs"], *path)


def _route_keys() -> str:
    return _keys(routes_schema(), "properties", "routes", "items")


def _recipient_keys() -> str:
    return _keys(routes_schema(), "properties", "recipients", "items")


def _timing() -> str:
    """Return the default timing: a column for each severity, a row for each key of a route."""
    severities = sorted(Severity, key=lambda severity: -severity.rank)
    rows = [("`as`", *(DEFAULTS[one].delivery for one in severities))]
    for key in TIMING_KEYS:
        name = "too_old" if key == "older_than" else key
        figures = ((DEFAULTS[one].delivery, getattr(DEFAULTS[one], name)) for one in severities)
        rows.append((f"`{key}`", *(_figure(figure) if said == "now" else "" for said, figure in figures)))
    return _table(("", *(one.value for one in severities)), rows)


def _figure(value: object) -> str:
    """Return a figure as it is written in a route."""
    if isinstance(value, timedelta):
        return "".join(duration(value).replace("min", "m").split())
    if isinstance(value, frozenset):
        return ", ".join(reason for reason in AT_ONCE if reason in value)
    return "" if value is None else str(value)


def _items() -> str:
    return _keys(next(one for one in rules_schema()["$defs"]["item"]["anyOf"] if "properties" in one))


def _entries() -> str:
    return _keys(
        next(one for one in lists_schema()["$defs"]["entry"]["anyOf"] if "name" in one.get("properties", ()))
    )


TABLES: Final[Mapping[str, Callable[[], str]]] = MappingProxyType(
    {
        "operators": _operators,
        "options": _options,
        "rule-keys": _of_rules("rule"),
        "where-keys": _of_rules("rule", "properties", "where"),
        "corroborate-keys": _of_rules("rule", "properties", "corroborate"),
        "volume-keys": _of_rules("rule", "properties", "volume"),
        "item-keys": _items,
        "list-keys": _of_lists("list"),
        "entry-keys": _entries,
        "route-keys": _route_keys,
        "recipient-keys": _recipient_keys,
        "timing": _timing,
    }
)


def _meaning(value: Schema) -> str:
    told = str(value.get("description", ""))
    choices = [str(choice) for choice in _choices(value)]
    untold = [choice for choice in choices if not re.search(rf"\b{re.escape(choice)}\b", told)]
    listed = untold and len(choices) <= _MOST_CHOICES
    return f"{told} One of {', '.join(choices)}.".strip() if listed else told


def _choices(value: Schema) -> Iterator[object]:
    yield from value.get("enum", ())
    items = value.get("items", {})
    yield from items.get("enum", ()) if isinstance(items, dict) else ()
    for one in value.get("anyOf", ()):
        yield from one.get("enum", ())


def _default(value: Schema) -> str:
    default = value.get("default")
    return "" if default is None else f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
