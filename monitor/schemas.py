"""The JSON Schemas of all files that people edit, and the comment that shows an editor the right one."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from monitor.alerts.json_schema import routes_schema
from monitor.feeds.json_schema import feeds_schema
from monitor.rulebook import FEEDS_FILE, ROUTES_FILE
from monitor.rules.json_schema import lists_schema, rules_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from monitor.document.json_schema import Schema

DIRECTORY: Final = ".schema"  # beside rules/, so that no reader of rules looks into it
LISTS: Final = "lists/"

SCHEMAS: Final[Mapping[str, Callable[[], Schema]]] = MappingProxyType(
    {"rules": rules_schema, "lists": lists_schema, "feeds": feeds_schema, "routes": routes_schema}
)


def schema_text(kind: str) -> str:
    """Return the schema of one kind of file as JSON, ready to be written to a file."""
    return json.dumps(SCHEMAS[kind](), ensure_ascii=False, indent=2) + "\n"


def kind_of(path: str) -> str:
    """Return which schema is for a file, given its path relative to the rules directory."""
    if path in {FEEDS_FILE, ROUTES_FILE}:
        return path.removesuffix(".yaml")
    return "lists" if path.startswith(LISTS) else "rules"


def editor_comment(path: str) -> str:
    """Return the first line for a file that is relative to the rules directory: where its schema is.

    Editors with the YAML language server read it
    (https://github.com/redhat-developer/yaml-language-server#using-inlined-schema).
    """
    up = "../" * (path.count("/") + 1)
    return f"# yaml-language-server: $schema={up}{DIRECTORY}/{kind_of(path)}.json"
