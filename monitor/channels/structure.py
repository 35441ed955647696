"""JSON templates: a structure whose string leaves are templates, filled leaf by leaf.

Because values are put into a structure that is serialized afterwards, no quote or brace in a feed's
text can change the shape of the result. Objects whose keys start with `$` are instructions:

    {"$value": "alert.independent"}                    the value: number, true, null, text, list
    {"$for": "source in alert.sources", "$each": X}    one X for each; spliced when it stands in a list
    {"$if": "alert.owner", "$then": X, "$else": Y}     X or Y; without $else the key or element is left out
    {"$include": "webhook/standard.json"}              another template, filled with the same variables
    {"$lines": [X...], "$most": 3000}                  one text of lines that fits (see `lines.py`)
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from monitor.channels.lines import WAYS, Budget, joined
from monitor.errors import RenderError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_FOR = re.compile(r"(?P<name>[a-z_][a-z0-9_]*)\s+in\s+(?P<values>.+)", re.DOTALL)
_INSTRUCTIONS = {
    "$value": {"$value"},
    "$for": {"$for", "$each"},
    "$if": {"$if", "$then", "$else"},
    "$include": {"$include"},
    "$lines": {"$lines", "$with", "$more", "$end", *WAYS},
}


class Leaves(Protocol):
    """What the structure needs of the template engine; all raise RenderError with `where` in it."""

    def text(self, source: str, variables: Mapping[str, Any], where: str) -> str:
        """Render a string leaf."""

    def value(self, expression: str, variables: Mapping[str, Any], where: str) -> Any:  # noqa: ANN401
        """Evaluate an expression to a value."""

    def document(self, name: str, where: str) -> Json:
        """Return the parsed JSON template called `name`."""


def fill(template: Json, variables: Mapping[str, Any], leaves: Leaves, where: str) -> Json:
    """Return `template` with every leaf rendered.

    Args:
        template: the parsed JSON file.
        variables: what expressions may name.
        leaves: renders one leaf.
        where: path of `template` in the file, for errors: "alerts[0].rule".

    Raises:
        RenderError: an instruction or a leaf cannot be used.
    """
    made = list(_expand(template, variables, leaves, where))
    if len(made) != 1:
        raise RenderError(f"{where}: nothing is left of the document; give `$else` a value")
    return made[0]


def _expand(template: Json, variables: Mapping[str, Any], leaves: Leaves, where: str) -> Iterable[Json]:
    """Yield what `template` turns into: one value, none, or several to be spliced into a list."""
    if isinstance(template, str):
        yield leaves.text(template, variables, where)
    elif isinstance(template, list):
        yield [
            made
            for index, element in enumerate(template)
            for made in _element(element, variables, leaves, f"{where}[{index}]")
        ]
    elif isinstance(template, dict):
        if any(key.startswith("$") for key in template):
            yield from _instruction(template, variables, leaves, where)
        else:
            yield _object(template, variables, leaves, where)
    else:
        yield template


def _element(template: Json, variables: Mapping[str, Any], leaves: Leaves, where: str) -> Iterable[Json]:
    """Yield the elements that one element of a list becomes: `$for` is spliced."""
    if isinstance(template, dict) and "$for" in template:
        yield from _repeat(template, variables, leaves, where)
    else:
        yield from _expand(template, variables, leaves, where)


def _object(
    template: dict[str, Json], variables: Mapping[str, Any], leaves: Leaves, where: str
) -> dict[str, Json]:
    made: dict[str, Json] = {}
    for key, member in template.items():
        for value in _expand(member, variables, leaves, f"{where}.{key}" if where else key):
            made[key] = value
    return made


def _instruction(
    template: dict[str, Json], variables: Mapping[str, Any], leaves: Leaves, where: str
) -> Iterable[Json]:
    name = next((name for name in _INSTRUCTIONS if name in template), "")
    if not name or template.keys() - _INSTRUCTIONS[name]:
        known = "; ".join(" ".join(sorted(keys)) for keys in _INSTRUCTIONS.values())
        raise RenderError(f"{where}: {' '.join(template)} is no instruction; known are: {known}")
    if name == "$for":
        yield list(_repeat(template, variables, leaves, where))
    elif name == "$include":
        included = _expression(template, name, where)
        yield from _expand(leaves.document(included, where), variables, leaves, f"{where} > {included}")
    elif name == "$lines":
        yield _lines(template, variables, leaves, where)
    elif name == "$value":
        yield _plain(leaves.value(_expression(template, name, where), variables, where), where)
    else:
        true = bool(leaves.value(_expression(template, name, where), variables, where))
        branch = "$then" if true else "$else"
        if branch in template:
            yield from _expand(template[branch], variables, leaves, where)
        elif branch == "$then":
            raise RenderError(f'{where}: "$if" has no "$then"; write what the condition gives')


def _repeat(
    template: dict[str, Json], variables: Mapping[str, Any], leaves: Leaves, where: str
) -> Iterable[Json]:
    found = _FOR.fullmatch(_expression(template, "$for", where).strip())
    if not found or template.keys() != _INSTRUCTIONS["$for"]:
        raise RenderError(f'{where}: write {{"$for": "name in list", "$each": ...}}')
    for value in leaves.value(found["values"], variables, where):
        inner = {**variables, found["name"]: value}
        yield from _element(template["$each"], inner, leaves, f"{where}.$each")


def _lines(template: dict[str, Json], variables: Mapping[str, Any], leaves: Leaves, where: str) -> str:
    """Return the text of a `$lines` instruction; see `lines.joined`."""
    ways = {name: template[name] for name in WAYS if name in template}
    most = next(iter(ways.values()), None)
    if len(ways) != 1 or not isinstance(most, int) or isinstance(most, bool) or most < 1:
        raise RenderError(f'{where}: "$lines" needs one of {" and ".join(WAYS)}, each with a number above 0')

    def texts(name: str) -> list[str]:
        return list(_texts(_expand(template.get(name, []), variables, leaves, f"{where}.{name}"), where))

    separator = template.get("$with", "\n")
    if not isinstance(separator, str):
        raise RenderError(f'{where}: "$with" is a text')
    budget = Budget(most, in_bytes="$bytes" in ways)
    return joined(texts("$lines"), texts("$more"), texts("$end"), separator, budget)


def _texts(made: Iterable[Json], where: str) -> Iterable[str]:
    """Yield the texts of lists inside lists: `$if` may give several lines."""
    for value in made:
        if isinstance(value, list):
            yield from _texts(value, where)
        elif isinstance(value, str):
            yield value
        else:
            raise RenderError(f'{where}: "$lines" is made of texts; write "{{{{ value }}}}"')


def _expression(template: dict[str, Json], name: str, where: str) -> str:
    expression = template[name]
    if not isinstance(expression, str):
        raise RenderError(f'{where}: "{name}" takes an expression in quotation marks')
    return expression


def _plain(value: object, where: str) -> Json:
    """Return `value` as JSON; only scalars and lists of them: an object is spelt out by the template."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list | tuple):
        return [_plain(element, where) for element in value]
    raise RenderError(
        f"{where}: a {type(value).__name__} cannot be written as JSON; write an object with its fields"
    )
