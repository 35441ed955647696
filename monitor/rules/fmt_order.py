"""In which order the keys of each mapping stand in standard form: the order of the reference."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from monitor.alerts import recipients_file, routes_file
from monitor.feeds import catalog
from monitor.rules import schema

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Role:
    """What a mapping or list is, which decides the order of its keys and what its values are."""

    keys: tuple[str, ...] = ()  # in order; () keeps the order that is there
    values: Mapping[str, str] = field(default_factory=dict)  # roles of values by key; "*" for all others
    items: str = ""  # the role of a list's items
    others: str = ""  # keys that are not in `keys` stand before this one; "" = last
    apart: bool = False  # a blank line between items

    def rank(self, key: str) -> float:
        """Return where `key` stands."""
        if key in self.keys:
            return self.keys.index(key)
        return self.keys.index(self.others) - 0.5 if self.others else len(self.keys)

    def value(self, key: str) -> str:
        """Return the role of the value of `key`."""
        return self.values.get(key, self.values.get("*", ""))


_CLAUSES: Final = dict.fromkeys(("near", "all", "any", "none", "except"), "clauses")
_CLAUSE_KEYS: Final = (
    *("text", "case", "match", "language"),
    *("near", "within", "ordered"),
    "regex",
    *("all", "any", "none"),
    *("except", "in"),
    *schema.EXCEPTION_KEYS,
)

# What is inside what; a role that is not here keeps its keys as they are.
ROLES: Final[Mapping[str, Role]] = {
    "": Role(),
    # --- rules, lists and macros
    "rules file": Role(
        (
            "version",
            "defaults",
        ),  # the rest as written: words may stand above or below the rules that use them
        {
            "defaults": "defaults",
            "rules": "rules",
            "lists": "lists",
            "macros": "macros",
            "extend": "extensions",
            "add": "addition",
        },
    ),
    "defaults": Role(schema.DEFAULT_KEYS),
    "rules": Role(items="rule", apart=True),
    "rule": Role(
        schema.RULE_KEYS,
        {
            "when": "clause",
            "where": "where",
            "except": "clauses",
            "corroborate": "corroborate",
            "volume": "volume",
            "must_match": "examples",
            "must_not_match": "examples",
            "timeline": "timeline",
        },
    ),
    "clause": Role(_CLAUSE_KEYS, _CLAUSES),
    # A list among clauses holds the alternatives of an operand.
    "clauses": Role(items="clause"),
    "where": Role(schema.WHERE_KEYS),
    "corroborate": Role(schema.CORROBORATE_KEYS),
    "volume": Role(schema.VOLUME_KEYS),
    "examples": Role(items="example"),
    "example": Role(schema.EXAMPLE_KEYS),
    "timeline": Role(items="timeline step"),
    "timeline step": Role(schema.TIMELINE_KEYS),
    "lists": Role(values={"*": "list"}),
    "list": Role(
        schema.LIST_KEYS, {"entries": "entries", "except": "clauses", "*": "clauses"}, others="include"
    ),
    "entries": Role(items="entry"),
    "entry": Role(
        schema.ENTRY_KEYS, {"match": "clauses", "forms": "forms", "valid": "valid", "except": "clauses"}
    ),
    "forms": Role(values={"*": "clauses"}),
    "valid": Role(("from", "until")),
    "macros": Role(values={"*": "clause"}),
    "extensions": Role(values={"*": "extension"}),
    "extension": Role(("add", "remove"), {"add": "addition"}),
    "addition": Role(("entries",), {"entries": "entries", "*": "clauses"}, items="entry"),
    # --- feeds
    "feeds file": Role(catalog.TOP, {"feeds": "feeds"}),
    "feeds": Role(items="feed"),
    "feed": Role(catalog.KEYS),
    # --- routes
    "routes file": Role(
        routes_file.FILE_KEYS, {"recipients": "recipients", "routes": "routes", "tests": "route tests"}
    ),
    "recipients": Role(items="recipient"),
    "recipient": Role(recipients_file.RECIPIENT_KEYS, {"webhook": "webhook"}),
    "webhook": Role(("url", "url_env", "secret_env", "format")),
    "routes": Role(items="route"),
    "route": Role(routes_file.ROUTE_KEYS),
    "route tests": Role(items="route test"),
    "route test": Role(routes_file.TEST_KEYS),
}
