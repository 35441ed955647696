"""JSON Schemas of lists, their entries and what is added to them, made from the tables in `schema.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.document.json_schema import date, mapping, one_of, one_or_many, sequence, snippet, text
from monitor.rules.json_schema_clauses import CLAUSE, LANGUAGE, NAME, PLAIN_WORD, TERM
from monitor.rules.schema import ENTRY_KEYS, LIST_KEYS, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.document.json_schema import Schema

_REFERENCE: Final = r"^\$?[a-z][a-z0-9_-]*$"


def named(value: Schema, description: str) -> Schema:
    """Describe a mapping whose keys are names of lists or macros."""
    return {
        "type": "object",
        "description": description,
        "propertyNames": {"pattern": NAME},
        "additionalProperties": value,
    }


def list_definitions() -> dict[str, Schema]:
    """Return what goes into `$defs`: words, entry, list, and what is added and removed."""
    return {
        "words": sequence(TERM, "Words of this language."),
        "entry": _entry(),
        "list": _list(),
        "added": _added(),
        "removed": one_or_many(text(), "Names of entries or single spellings; each has to be there."),
    }


def _entry() -> Schema:
    values: Mapping[str, Schema] = {
        "name": text("The name under which it is shown and grouped.", filled=True),
        "match": one_or_many(TERM, "Its spellings in Latin letters; without it, the name."),
        "forms": {
            "type": "object",
            "description": "Its forms in other languages and scripts: {ru: [..], uk: [..]}.",
            "propertyNames": {"pattern": LANGUAGE},
            "additionalProperties": sequence(TERM),
        },
        "case": one_of(("exact", "any"), "exact: capitals and accents as written.", default="any"),
        "valid": mapping(
            "a time of validity",
            ("from", "until"),
            {"from": date("The first day, inclusive."), "until": date("The last day, inclusive.")},
            description="The time in which the entry counts, such as a time in office.",
        ),
        "except": sequence(CLAUSE, "Phrases inside which its words mean another thing."),
    }
    body = {"name": "${1:Name}", "match": ["${2:Spelling}"], "forms": {"ru": ["${3}"], "uk": ["${4}"]}}
    entry = mapping(
        "an entry",
        ENTRY_KEYS,
        values,
        required=("name",),
        defaultSnippets=snippet("entry", "a name with its forms", body),
    )
    return {"anyOf": [PLAIN_WORD, entry]}


def _list() -> Schema:
    values: Mapping[str, Schema] = {
        "kind": one_of(
            [kind.value for kind in Kind],
            "What the words are. vocabulary: any form of the word counts; person, place and organisation: "
            "only the spellings in the list.",
        ),
        "description": text("What belongs into the list, for those who extend it."),
        "checked": date(
            "The day when somebody last looked through it; `lists check` tells when it is long ago."
        ),
        "entries": sequence({"$ref": "#/$defs/entry"}, "Things with their names and forms."),
        "include": one_or_many(
            text(pattern=_REFERENCE), "Names of lists of the same kind that belong to this one."
        ),
        "except": sequence(CLAUSE, "Phrases inside which no word of this list counts."),
    }
    return mapping(
        "a list",
        LIST_KEYS,
        values,
        required=("kind",),
        patternProperties={LANGUAGE: {"$ref": "#/$defs/words"}},
        description="A named list: entries, or words by language (en: [..], ru: [..]).",
    )


def _added() -> Schema:
    by_language = mapping(
        "what is added",
        ("entries",),
        {"entries": sequence({"$ref": "#/$defs/entry"}, "Things with their names and forms.")},
        patternProperties={LANGUAGE: {"$ref": "#/$defs/words"}},
    )
    return {
        "description": "What is added: entries, or words by language.",
        "anyOf": [sequence({"$ref": "#/$defs/entry"}), by_language],
    }


def extend() -> Schema:
    """Describe `extend` of a file."""
    extension = mapping(
        "an extension",
        ("add", "remove"),
        {"add": {"$ref": "#/$defs/added"}, "remove": {"$ref": "#/$defs/removed"}},
    )
    return {
        "description": "A list of another file that this one adds to or removes from, or several by name.",
        "anyOf": [text(pattern=_REFERENCE), named(extension, "Lists by name.")],
    }
