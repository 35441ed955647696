"""JSON Schemas of clauses and terms, made from the tables in `schema.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.document.json_schema import (
    any_key_of,
    boolean,
    mapping,
    one_of,
    one_or_many,
    sequence,
    snippet,
    text,
)
from monitor.models import FIELDS
from monitor.rules.clauses import LONGEST_REGEX, MOST_OPERANDS, MOST_WORDS_WITHIN
from monitor.rules.schema import CLAUSE_KEYS, CLAUSE_KINDS, CONDITION_KEYS, MatchMode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.document.json_schema import Schema

LANGUAGE: Final = r"^[a-z]{2,3}$"
NAME: Final = r"^[a-z][a-z0-9_-]*$"
CLAUSE: Final[Schema] = {"$ref": "#/$defs/clause"}
TERM: Final[Schema] = {"$ref": "#/$defs/term"}

_WORD: Final = {
    **text(
        "Words that stand next to each other in this order, in any form; or $name of a list or macro.",
        pattern=r"^(?!\$)[\s\S]|^\$[a-z][a-z0-9_-]*$",
    ),
    "title": "a word, a phrase or $name",
}
PLAIN_WORD: Final = {
    **text("A word or phrase.", pattern=r"^(?!\$)[\s\S]"),
    "title": "a word or phrase",
}
_CLAUSES: Final = sequence(CLAUSE, fewest=1)
IN: Final = {
    **one_or_many(
        one_of(FIELDS), "The fields that are searched; without it title, summary and content.", fewest=1
    )
}

_VALUES: Final[Mapping[str, Schema]] = {
    "text": text("The word or phrase.", filled=True),
    "case": one_of(
        ("exact", "any"), "exact: capitals and accents as written, so that US is not us.", default="any"
    ),
    "match": one_of(
        [mode.value for mode in MatchMode],
        "stem: any form of the word; word: exactly this one; prefix: words that begin so.",
    ),
    "language": text(
        "The language whose forms are meant, two letters; else by the script.", pattern=LANGUAGE
    ),
    "except": one_or_many(CLAUSE, "Phrases inside which the word is another thing and does not count."),
    "in": IN,
    "all": {**_CLAUSES, "description": "Each of these has to hold."},
    "any": {**_CLAUSES, "description": "At least one of these has to hold."},
    "none": {**_CLAUSES, "description": "None of these may occur anywhere in the searched fields."},
    "near": sequence(
        {"anyOf": [CLAUSE, {**_CLAUSES, "title": "alternatives", "description": "One of these."}]},
        "Things that occur close to each other in one field, without overlapping: clauses, or lists of"
        " alternatives.",
        fewest=2,
        most=MOST_OPERANDS,
    ),
    "within": {
        "description": "How close: in one sentence, in one paragraph, or with at most so many words between.",
        "default": "sentence",
        "anyOf": [
            one_of(("sentence", "paragraph")),
            {"type": "integer", "minimum": 0, "maximum": MOST_WORDS_WITHIN},
        ],
    },
    "ordered": boolean("true: in the order written here."),
    "regex": {
        **text(
            "A regular expression in RE2's syntax; \\p{L} is a letter, \\p{Nd} a digit.",
            pattern=r"^(?:[^\\]|\\[^bBwWdD])*$",
            filled=True,
        ),
        "maxLength": LONGEST_REGEX,
    },
}
_TITLES: Final[Mapping[str, str]] = {
    "text": "a word with options",
    "near": "things close to each other",
    "regex": "a regular expression",
}


def long_term() -> Schema:
    """Return the schema of `{text: ...}`."""
    return _kind("text", {})


def clause_objects(extra: Mapping[str, Schema] | None = None, required: tuple[str, ...] = ()) -> list[Schema]:
    """Return the schemas of all clauses that are mappings.

    Args:
        extra: keys that may stand beside the clause's own.
        required: those of them that have to.
    """
    extra = extra or {}
    kinds = [_kind(kind, extra, required) for kind in CLAUSE_KINDS if kind in CLAUSE_KEYS]
    groups = [kind for kind in CLAUSE_KINDS if kind not in CLAUSE_KEYS]
    condition = mapping(
        "a condition with all, any and none",
        (*CONDITION_KEYS, *extra),
        {**_VALUES, **extra},
        required=required,
        anyOf=any_key_of(*groups),
        description="What stands side by side here has to hold together.",
    )
    return [condition, *kinds]


def _kind(kind: str, extra: Mapping[str, Schema], required: tuple[str, ...] = ()) -> Schema:
    keys = (*CLAUSE_KEYS[kind], *extra)
    schema = mapping(_TITLES[kind], keys, {**_VALUES, **extra}, required=(kind, *required))
    if kind == "near":
        body = {"near": ["${1:\\$name}", "${2:word}"], "within": "${3:10}"}
        schema["defaultSnippets"] = snippet("near", "things close to each other", body)
    return schema


def definitions() -> dict[str, Schema]:
    """Return what goes into `$defs`: clause and term."""
    return {
        "clause": {
            "title": "a clause",
            "description": "A word, a phrase, $name of a list or macro, or a condition.",
            "anyOf": [_WORD, *clause_objects()],
        },
        "term": {
            "title": "a word or phrase",
            "description": "A word or phrase, or {text: ..} with options.",
            "anyOf": [PLAIN_WORD, long_term()],
        },
    }
