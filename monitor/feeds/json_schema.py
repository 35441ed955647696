"""The JSON Schema of `rules/feeds.yaml`, made from the catalogue's table of keys, for editors."""

from __future__ import annotations

from monitor.document.json_schema import (
    DIALECT,
    Schema,
    boolean,
    duration,
    mapping,
    one_of,
    sequence,
    snippet,
    text,
    version,
)
from monitor.feeds.catalog import KEYS, TOP
from monitor.models import FirstPoll, Tier

_VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]{0,99}$"
_LONGEST_LINE = 300


def feeds_schema() -> Schema:
    """Return the schema of a catalogue of feeds."""
    body = {
        "id": "${1:outlet-world}",
        "url": "https://${2:example.org/world.xml}",
        "tier": "${3:national}",
        "owner": "${4:outlet}",
        "country": "${5:GB}",
        "language": "${6:en}",
    }
    feed = mapping(
        "a feed",
        KEYS,
        _values(),
        required=("id", "url"),
        defaultSnippets=snippet("feed", "a new feed", body),
    )
    keys = {
        "version": version(),
        "categories": {
            "type": "object",
            "description": "false: its feeds are not polled, unless one says `enabled: true`.",
            "additionalProperties": boolean("Are its feeds polled?", default=True),
        },
        "feeds": sequence(feed, "The feeds that are polled."),
    }
    return {
        "$schema": DIALECT,
        **mapping(
            "a catalogue of feeds", TOP, keys, required=("feeds",), description="Which feeds are read."
        ),
    }


def _line(description: str) -> Schema:
    return {**text(description), "maxLength": _LONGEST_LINE}


def _values() -> dict[str, Schema]:
    return {
        "id": text(
            "A stable name, a-z, 0-9 and hyphens; what is stored about the feed hangs on it.",
            pattern=r"^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$",
        ),
        "url": text(
            "RSS, Atom or JSON Feed over https or http. Passwords do not belong here.",
            pattern=r"^\s*([Hh][Tt][Tt][Pp][Ss]?://(?![^/?#\s]*@)[^/?#\s]|[Ff][Ii][Ll][Ee]:)\S*\s*$",
        ),
        "title": _line("The outlet's name in messages; without it the id."),
        "tier": one_of(
            [tier.value for tier in Tier],
            "What kind of publisher it is: how far it is trusted. Rules and routes may ask for it.",
            default=Tier.NATIONAL.value,
        ),
        "owner": _line(
            "The unit of independence: feeds of one owner are one source. Without it the host's name."
        ),
        "country": text(
            "Two letters, ISO 3166-1; left out for organisations of several states.",
            pattern=r"^\s*([A-Za-z]{2})?\s*$",
        ),
        "language": text(
            "A language tag such as en; left out when the feed mixes languages.",
            pattern=r"^\s*([A-Za-z]{2,3}([-_][A-Za-z0-9_-]*)?)?\s*$",
        ),
        "category": _line(
            "A label that rules may ask for under where; `categories` switches its feeds together."
        ),
        "expect_every": duration("A longer silence is told to the operator."),
        "interval": duration("How often it is polled; without it the monitor adapts to the feed."),
        "first_poll": one_of(
            [choice.value for choice in FirstPoll],
            "baseline: what is already in the feed is only noted; all: it is matched, too.",
            default=FirstPoll.BASELINE.value,
        ),
        "user_agent": _line("Another User-Agent, for a publisher that asks for it."),
        "headers": {
            "type": "object",
            "description": "Further request headers; secrets do not belong here.",
            "propertyNames": {"pattern": r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"},
            "additionalProperties": text(pattern=r"^[ -~]*$"),
        },
        "username_env": text(
            "The name of the variable or secret that holds the user name.", pattern=_VARIABLE
        ),
        "password_env": text(
            "The name of the variable or secret that holds the password.", pattern=_VARIABLE
        ),
        "proxy_env": text(
            "The name of the variable or secret that holds the proxy's address.", pattern=_VARIABLE
        ),
        "enabled": boolean(
            "false: the feed is not polled, and nothing about it is forgotten. true: it is, even though its "
            "category is switched off.",
            default=True,
        ),
    }
