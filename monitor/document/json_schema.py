"""Parts of JSON Schemas that say what the getters of `Reader` accept, for the editors that read them.

Each function here stands beside one getter: `text` for `Reader.text`, `duration` for `Reader.duration`.
A schema cannot say everything that `monitor check` finds, but it never refuses what the program reads.
Dialect: JSON Schema 2020-12 (https://json-schema.org/draft/2020-12). `defaultSnippets` is an annotation
that editors with the YAML language server offer as a completion; validators pass it over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Schema: TypeAlias = dict[str, Any]  # a JSON value

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_PARTS: Final = r"(\d{1,5}w)?(\d{1,5}d)?(\d{1,6}h)?(\d{1,7}m)?(\d{1,8}s)?"
_ZERO_DURATION: Final = rf"^(?=.){_PARTS}$"
_DURATION: Final = rf"^(?=.*[1-9]){_PARTS}$"


def text(
    description: str = "", *, pattern: str = "", filled: bool = False, examples: Iterable[str] = ()
) -> Schema:
    """Describe text; `filled` asks for at least one character."""
    schema: Schema = {"type": "string"}
    if description:
        schema["description"] = description
    if pattern:
        schema["pattern"] = pattern
    if filled:
        schema["minLength"] = 1
    if examples:
        schema["examples"] = list(examples)
    return schema


def one_of(choices: Iterable[str], description: str = "", *, default: str = "") -> Schema:
    """Describe one of a few texts."""
    schema: Schema = {"type": "string", "enum": list(choices)}
    if description:
        schema["description"] = description
    if default:
        schema["default"] = default
    return schema


def duration(description: str, *, zero: bool = False) -> Schema:
    """Describe a span of time such as 90s, 30m, 6h, 2d, 1w or 1h30m."""
    pattern = _ZERO_DURATION if zero else _DURATION
    told = f"{description} A duration such as 90s, 30m, 6h, 2d, 1w or 1h30m."
    return text(told, pattern=pattern, examples=("30m", "6h", "2d"))


def date(description: str) -> Schema:
    """Describe a date such as 2025-01-20."""
    return text(description, pattern=r"^\d{4}-\d{2}-\d{2}$")


def boolean(description: str, *, default: bool = False) -> Schema:
    """Describe true or false."""
    return {"type": "boolean", "description": description, "default": default}


def integer(description: str, *, minimum: int | None = None, maximum: int | None = None) -> Schema:
    """Describe a whole number inside the bounds, both inclusive."""
    schema: Schema = {"type": "integer", "description": description}
    if minimum is not None:
        schema["minimum"] = minimum
    if maximum is not None:
        schema["maximum"] = maximum
    return schema


def version() -> Schema:
    """Describe the `version` of a file."""
    return {
        "type": "integer",
        "const": 1,
        "default": 1,
        "description": "The version of the file's language: 1.",
    }


def sequence(items: Schema, description: str = "", *, fewest: int = 0, most: int = 0) -> Schema:
    """Describe a list; `most` of 0 sets no upper bound."""
    schema: Schema = {"type": "array", "items": items}
    if description:
        schema["description"] = description
    if fewest:
        schema["minItems"] = fewest
    if most:
        schema["maxItems"] = most
    return schema


def one_or_many(item: Schema, description: str = "", *, fewest: int = 0) -> Schema:
    """Describe one value or a list of such."""
    bare = {key: value for key, value in item.items() if key != "description"}
    told = description or item.get("description", "")
    schema: Schema = {"anyOf": [bare, sequence(bare, fewest=fewest)]}
    return {"description": told, **schema} if told else schema


def mapping(
    title: str,
    keys: Iterable[str],
    values: Mapping[str, Schema],
    *,
    required: Iterable[str] = (),
    description: str = "",
    **more: Any,  # noqa: ANN401 - further keywords of a schema
) -> Schema:
    """Describe a mapping that has no other keys.

    Args:
        title: what it is: "a rule".
        keys: the program's own table of keys.
        values: a schema for each; a key without one takes any value, which a test refuses.
        required: keys that have to be there.
        description: for the editor's hover.
        more: further keywords.
    """
    schema: Schema = {
        "title": title,
        "type": "object",
        "properties": {key: values.get(key, {}) for key in keys},
        "additionalProperties": False,
    }
    if description:
        schema["description"] = description
    needed = list(required)
    if needed:
        schema["required"] = needed
    return {**schema, **more}


def any_key_of(*keys: str) -> list[Schema]:
    """Return the alternatives for `anyOf` or `oneOf`: one of `keys` is there."""
    return [{"required": [key]} for key in keys]


def snippet(label: str, description: str, body: Any) -> list[Schema]:  # noqa: ANN401 - any JSON value
    """Return what an editor offers to fill in; `${1:x}` is a field with the text x in it."""
    return [{"label": label, "description": description, "body": body}]
