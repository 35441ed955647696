"""JSON Schemas of files of rules and files of lists, made from the tables in `schema.py`, for editors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.document.json_schema import (
    DIALECT,
    any_key_of,
    date,
    duration,
    integer,
    mapping,
    one_of,
    one_or_many,
    sequence,
    snippet,
    text,
    version,
)
from monitor.models import Severity, Tier
from monitor.rules.clauses import MOST_OPERANDS
from monitor.rules.json_schema_clauses import CLAUSE, LANGUAGE, clause_objects, definitions
from monitor.rules.json_schema_lists import extend, list_definitions, named

# The choices of the reader itself, so that a schema never offers what it refuses.
from monitor.rules.ruling import _ALERT_PER, _CONDITIONS, _EXPECTED, _SAME
from monitor.rules.schema import (
    CORROBORATE_KEYS,
    DEFAULT_KEYS,
    EXAMPLE_KEYS,
    EXCEPTION_KEYS,
    FILE_KEYS,
    GROUPINGS,
    RULE_KEYS,
    TAG_NAMESPACES,
    TIMELINE_KEYS,
    VOLUME_KEYS,
    WHERE_KEYS,
    Status,
)

if TYPE_CHECKING:
    from monitor.document.json_schema import Schema

_ID: Final = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
_RULE_ONLY: Final = ("defaults", "rules")  # keys that a file of lists has no use for


def rules_schema() -> Schema:
    """Return the schema of a file of rules, which may hold lists and macros, too."""
    return {
        "$schema": DIALECT,
        **mapping(
            "a file of rules",
            FILE_KEYS,
            _file_values(),
            description="Rules, and the lists and macros that only they use.",
            dependentRequired={"add": ["extend"], "remove": ["extend"]},
        ),
        # A severity that all rules of the file share may stand in `defaults`.
        "if": {"properties": {"defaults": {"required": ["severity"]}}, "required": ["defaults"]},
        "else": {"properties": {"rules": {"items": {"required": ["severity"]}}}},
        "$defs": _definitions(),
    }


def lists_schema() -> Schema:
    """Return the schema of a file of lists and macros."""
    return {
        "$schema": DIALECT,
        **mapping(
            "a file of lists",
            [key for key in FILE_KEYS if key not in _RULE_ONLY],
            _file_values(),
            description="Lists and macros, which rules name as $name.",
            dependentRequired={"add": ["extend"], "remove": ["extend"]},
        ),
        "$defs": {name: part for name, part in _definitions().items() if name not in {"rule", "item"}},
    }


def _file_values() -> dict[str, Schema]:
    return {
        "version": version(),
        "defaults": mapping(
            "defaults", DEFAULT_KEYS, _rule_values(), description="What every rule of this file has."
        ),
        "rules": sequence({"$ref": "#/$defs/rule"}, "The rules of this file."),
        "lists": named({"$ref": "#/$defs/list"}, "Named lists, used as $name."),
        "macros": named(CLAUSE, "Named conditions, used as $name."),
        "extend": extend(),
        "add": {"$ref": "#/$defs/added"},
        "remove": {"$ref": "#/$defs/removed"},
    }


# --- rules -----------------------------------------------------------------------------------------


def _definitions() -> dict[str, Schema]:
    return {**definitions(), "rule": _rule(), "item": _item(), **list_definitions()}


def _rule() -> Schema:
    body = {
        "id": "${1:what-happens}",
        "title": "${2:What happens}",
        "severity": "${3:medium}",
        "status": "${4:draft}",
        "when": {"all": ["${5:\\$name}"]},
        "must_match": ["${6:A headline that has to ring}"],
        "must_not_match": ["${7:A headline that must not}"],
    }
    return mapping(
        "a rule",
        RULE_KEYS,
        _rule_values(),
        required=("id", "title"),
        oneOf=any_key_of(*_CONDITIONS),
        dependentRequired={"sequence": ["within"], "together": ["within"]},
        dependentSchemas={
            **{key: {"anyOf": any_key_of("sequence", "together")} for key in ("within", "same")},
            "grouping": {"anyOf": any_key_of("when")},
        },
        defaultSnippets=snippet("rule", "a new rule with its tests", body),
    )


def _rule_values() -> dict[str, Schema]:
    texts = one_or_many(text())
    rule_ids = sequence(text(pattern=_ID), fewest=2, most=MOST_OPERANDS)
    return {
        "id": text("A stable name, a-z, 0-9 and hyphens: alerts hang on it. Never used again.", pattern=_ID),
        "title": text("What happened, in a few words: the subject of messages.", filled=True),
        "description": text("For the reader of a message: why it matters, what often follows."),
        "severity": one_of(
            [severity.value for severity in Severity],
            "How much it matters. critical passes quiet hours, low waits for the digest, info is only logged,"
            " unless a route says otherwise.",
        ),
        "status": one_of(
            [status.value for status in Status],
            "draft: only its tests run; shadow: evaluated and recorded, nothing is sent; live; retired: kept"
            " so that its id is not used again.",
            default="live",
        ),
        "owner": text("The desk that answers for the rule; routes may ask for it."),
        "topic": text("What the alerts are about; digests are arranged by it and routes may ask for it."),
        "tags": one_or_many(
            text(pattern=r"^[a-z]+\.[A-Za-z0-9_.-]+$", examples=[f"{name}." for name in TAG_NAMESPACES]),
            f"Labels such as plover.consult.visit, in the namespaces {', '.join(TAG_NAMESPACES)}.",
        ),
        "expires": date("From this day on the rule is silent."),
        "references": {**texts, "description": "Links to what the rule is about."},
        "known_issues": {**texts, "description": "False alarms that are known and accepted."},
        "when": {**CLAUSE, "description": "The condition. all, any and none may stand side by side."},
        "where": _where(),
        "except": _exceptions(),
        "corroborate": _corroborate(),
        "sequence": {**rule_ids, "description": "Rules that have to fire in this order, within a time."},
        "together": {**rule_ids, "description": "Rules that have to fire in any order, within a time."},
        "within": duration("The time in which sequence or together has to be complete."),
        "same": _grouping(_SAME, "What the hits have to have in common.", "topic"),
        "volume": _volume(),
        "alert_per": _grouping(_ALERT_PER, "What makes one alert.", "story"),
        "grouping": one_of(
            GROUPINGS,
            "How readily reports of one rule join a story: safe keeps doubtful ones apart; balanced joins"
            " more, looks back 24 h instead of 36, and joins across languages where a model compares them."
            " Without it, as the setting MONITOR_STORY_GROUPING says.",
        ),
        "formerly": one_or_many(
            text(pattern=_ID), "Older ids of this rule: their alerts go on under this one."
        ),
        "supersedes": {
            **texts,
            "description": "Ids of rules whose messages this one replaces in the same story.",
        },
        "must_match": _items("Headlines or items on which the rule has to fire: its tests."),
        "must_not_match": _items(
            "Headlines or items on which it must not fire: former false alarms, above all."
        ),
        "timeline": _timeline(),
    }


def _grouping(choices: tuple[str, ...], description: str, default: str) -> Schema:
    told = (
        f"{description} One of {', '.join(choices)}, or entity.<list>: the entry of that list that matched."
    )
    entity = text(pattern=r"^entity\.[a-z][a-z0-9_-]*$")
    return {"description": told, "default": default, "anyOf": [one_of(choices), entity]}


def _where() -> Schema:
    feeds = one_or_many(text())
    tiers = one_or_many(one_of([tier.value for tier in Tier]))
    values = {
        "language": one_or_many(
            text(pattern=LANGUAGE), "Languages of items, two letters; und is an unknown one."
        ),
        "feed": {**feeds, "description": "Ids of feeds."},
        "not_feed": {**feeds, "description": "Ids of feeds that do not count."},
        "tier": {**tiers, "description": "Kinds of publishers."},
        "not_tier": {**tiers, "description": "Kinds of publishers that do not count."},
        "country": one_or_many(text(pattern="^[A-Z]{2}$"), "Countries of feeds, ISO 3166-1, two letters."),
        "category": one_or_many(text(), "Categories of the feed or the item."),
    }
    return mapping(
        "where", WHERE_KEYS, values, description="Conditions on the feed and the item, not on the text."
    )


def _exceptions() -> Schema:
    values = {
        "reason": text("Why such items are none of the rule's business.", filled=True),
        "expires": date("From this day on the exception is not used."),
    }
    extra: dict[str, Schema] = {key: values.get(key, {}) for key in EXCEPTION_KEYS}
    described = "Conditions under which an item is none of the rule's business, each with its reason."
    return sequence({"title": "an exception", "anyOf": clause_objects(extra, ("reason",))}, described)


def _corroborate() -> Schema:
    values = {
        "sources": integer("How many independent sources have to report it.", minimum=2, maximum=20),
        "within": duration("The time in which they have to."),
        "distinct": one_of(
            ("owner", "country", "alignment"), "What makes two sources independent.", default="owner"
        ),
        "not_tier": one_or_many(
            one_of([tier.value for tier in Tier]), "Kinds of publishers that do not count as sources."
        ),
        "until_then": one_of(
            ("notify", "hold"),
            "notify: tell it at once as unconfirmed; hold: wait for the sources.",
            default="notify",
        ),
        "raise_to": one_of([severity.value for severity in Severity], "The severity once it is confirmed."),
    }
    return mapping(
        "corroborate",
        CORROBORATE_KEYS,
        values,
        required=("sources", "within"),
        description="How many independent sources turn a report into a confirmed one.",
    )


def _volume() -> Schema:
    values = {
        "of": text("The id of the rule whose stories are counted.", pattern=_ID),
        "within": duration("The time in which they are counted."),
        "stories": integer("At least so many stories.", minimum=2),
        "times": {
            "type": "number",
            "exclusiveMinimum": 1,
            "maximum": 1000,
            "description": "Or so many times as usual.",
        },
        "baseline": duration("The time over which the usual number is taken."),
    }
    either = [
        {"required": ["stories"], "not": {"anyOf": any_key_of("times", "baseline")}},
        {"required": ["times", "baseline"], "not": {"required": ["stories"]}},
    ]
    return mapping(
        "volume",
        VOLUME_KEYS,
        values,
        required=("of", "within"),
        oneOf=either,
        description="An unusual number of stories under another rule.",
    )


# --- items -----------------------------------------------------------------------------------------


def _items(description: str) -> Schema:
    return one_or_many({"$ref": "#/$defs/item"}, description)


def _item_values() -> dict[str, Schema]:
    return {
        "title": text("The headline."),
        "summary": text("The text below it."),
        "content": text("The whole text."),
        "author": text("The byline."),
        "url": text("The address."),
        "language": text("Two letters; else it is recognised."),
        "feed": text("The id of the feed that it came from."),
        "tier": one_of([tier.value for tier in Tier], "The kind of its publisher."),
        "country": text("The country of its feed."),
        "category": text("The category of its feed or its own."),
        "published": date("The day it was published: lists with dates of validity look at it."),
        "at": duration("When it comes, since the first one.", zero=True),
        "expect": one_of(_EXPECTED, "What has to happen then: alert, nothing, or a reason for an alert."),
    }


def _item() -> Schema:
    whole = mapping("an item", EXAMPLE_KEYS, _item_values(), anyOf=any_key_of("title", "summary", "content"))
    return {"description": "A headline, or an item with its parts.", "anyOf": [text(), whole]}


def _timeline() -> Schema:
    step = mapping(
        "a timed item",
        TIMELINE_KEYS,
        _item_values(),
        required=("at",),
        anyOf=any_key_of("title", "summary", "content"),
    )
    return sequence(step, "Timed items, for rules that remember what came before.")
