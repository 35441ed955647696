"""The JSON Schema of `rules/routes.yaml`, made from the readers' tables of keys, for editors."""

from __future__ import annotations

from typing import Final
from zoneinfo import available_timezones

# The reader's own tables, so that a schema never offers what it refuses.
from monitor.alerts.recipients_file import _APPRISE_KEYS, _EMAIL_KEYS, _NEVER, RECIPIENT_KEYS
from monitor.alerts.routes_file import DELIVERIES, EXPECTATIONS, FILE_KEYS, LABELS, ROUTE_KEYS, TEST_KEYS
from monitor.alerts.timing_file import AT_ONCE, MOST_AN_HOUR, MOST_REMINDERS
from monitor.alerts.webhook_target import WEBHOOK_FORMATS, WEBHOOK_KEYS
from monitor.document.json_schema import (
    DIALECT,
    Schema,
    any_key_of,
    boolean,
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

_ID: Final = r"^[a-z0-9]+(-[a-z0-9]+)*$"
_VARIABLE: Final = r"^[A-Za-z_][A-Za-z0-9_]*$"
_CLOCK: Final = r"([01]?\d|2[0-3]):[0-5]\d"
_DAY: Final = r"([A-Za-z]{3}|[A-Za-z]+day)"
_SPAN: Final = rf"^\s*({_DAY}|({_DAY}\s+)?{_CLOCK}\s*[-\u2013]\s*(24:00|{_CLOCK}))\s*$"
_SEVERITIES: Final = [severity.value for severity in Severity]


def routes_schema() -> Schema:
    """Return the schema of the file of routes."""
    keys = {
        "version": version(),
        "recipients": sequence(_recipient(), "People and systems that are told."),
        "routes": sequence(
            _route(), "Who hears of which alert. Every matching route applies; one has to be the default."
        ),
        "tests": sequence(_test(), "Alerts and what each recipient must get; `monitor test` runs them."),
    }
    required = ("recipients", "routes")
    described = "Who is told, over which channel, and when."
    return {
        "$schema": DIALECT,
        **mapping("a file of routes", FILE_KEYS, keys, required=required, description=described),
    }


# --- recipients ------------------------------------------------------------------------------------


def _recipient() -> Schema:
    values = {
        "id": text("A name of small letters, digits and hyphens; routes name it.", pattern=_ID),
        "email": _email(),
        "webhook": _webhook(),
        "apprise": _apprise(),
        "timezone": one_of(
            sorted(available_timezones()),
            "The IANA name of the recipient's wall clock; quiet hours and digests follow it.",
        ),
        "quiet": one_or_many(
            text(pattern=_SPAN, examples=("22:00-07:00", "sat", "fri 18:00-24:00")),
            "Spans in which only `bypass` and above is delivered; what is held leaves when the span ends.",
        ),
        "bypass": one_of(
            [*_SEVERITIES, _NEVER],
            "The severity that does not wait for the end of quiet hours.",
            default=Severity.CRITICAL.value,
        ),
        "digest": one_or_many(
            text(pattern=rf"^\s*{_CLOCK}\s*$", examples=("07:30", "17:30")),
            "When the collected messages of lower severity leave.",
            fewest=1,
        ),
        "fallback": text("Another recipient's id, told when this one cannot be reached.", pattern=_ID),
    }
    body = {"id": "${1:desk}", "email": {"to": ["${2:desk@example.org}"]}, "timezone": "${3:Europe/Brussels}"}
    return mapping(
        "a recipient",
        RECIPIENT_KEYS,
        values,
        required=("id", "timezone"),
        anyOf=any_key_of("email", "webhook", "apprise"),
        defaultSnippets=snippet("recipient", "somebody who is told by e-mail", body),
    )


def _email() -> Schema:
    address = text(pattern=r"^[^@\s<>]+@[^@\s<>]+$")
    keys = {"to": one_or_many(address, "Addresses alone, without names or brackets.", fewest=1)}
    described = "Told by e-mail: {to: [desk@example.org]}."
    return mapping("an e-mail target", _EMAIL_KEYS, keys, required=("to",), description=described)


def _webhook() -> Schema:
    keys = {
        "url": text(
            "The address; better in a variable, see url_env.", pattern=r"^[Hh][Tt][Tt][Pp][Ss]?://\S+$"
        ),
        "url_env": text("The name of the variable or secret that holds the address.", pattern=_VARIABLE),
        "secret_env": text(
            "The name of the variable or secret that holds the signing key.", pattern=_VARIABLE
        ),
        "format": one_of(tuple(WEBHOOK_FORMATS), "The form of the message.", default="standard"),
        "to": text("The place inside the service: the topic of ntfy, the chat of Telegram.", pattern=r"\S"),
        "to_env": text(
            "The name of the variable or secret that holds the place: PagerDuty's routing key.",
            pattern=_VARIABLE,
        ),
        "token_env": text(
            "The name of the variable or secret that holds a token, sent as Authorization: Bearer.",
            pattern=_VARIABLE,
        ),
        "headers_env": {
            "type": "object",
            "description": "Further request headers; the value of each is in the variable named here.",
            "propertyNames": {"pattern": r"^[A-Za-z0-9][!#$%&'*+.^_`|~0-9A-Za-z-]*$"},
            "additionalProperties": text(pattern=_VARIABLE),
        },
    }
    return mapping(
        "a webhook target",
        WEBHOOK_KEYS,
        keys,
        oneOf=any_key_of("url", "url_env"),
        description="Told by a signed HTTP request: {url_env: NAME, secret_env: NAME}.",
    )


def _apprise() -> Schema:
    keys = {
        "url_env": text("The name of the variable or secret that holds the Apprise URL.", pattern=_VARIABLE)
    }
    described = "Told by one of the services that Apprise knows: {url_env: NAME}; an extra to be installed."
    return mapping("an Apprise target", _APPRISE_KEYS, keys, required=("url_env",), description=described)


# --- routes ----------------------------------------------------------------------------------------


def _route() -> Schema:
    recipient = text(pattern=_ID)
    values = {
        "match": _match(),
        "to": one_or_many(recipient, "Ids of recipients.", fewest=1),
        "as": one_of(
            DELIVERIES,
            "Without it the severity decides: medium and above now, low in the digest, info in the log.",
        ),
        **_timing(),
        "default": boolean("true: this route takes what no other takes, so it has no match."),
    }
    is_default: Schema = {"properties": {"default": {"const": True}}, "required": ["default"]}
    body = {"match": {"severity": ">=${1:high}"}, "to": ["${2:desk}"]}
    route = mapping(
        "a route",
        ROUTE_KEYS,
        values,
        required=("to",),
        defaultSnippets=snippet("route", "who hears of what", body),
    )
    return {
        **route,
        "if": is_default,
        "then": {"properties": {"match": False}},
        "else": {"required": ["match"]},
    }


def _timing() -> dict[str, Schema]:
    """Return what a route may change in the default timing; without a key the severity's figure holds."""
    return {
        "group_wait": duration("How long to collect before the first message.", zero=True),
        "update_interval": duration("The least time between updates of one alert.", zero=True),
        "at_once": one_or_many(one_of(AT_ONCE), "Reasons that do not wait for update_interval."),
        "older_than": duration("News older than this waits for the digest."),
        "max_per_hour": integer(
            "The most messages an hour about one rule; the rest is summarised.",
            minimum=1,
            maximum=MOST_AN_HOUR,
        ),
        "summary_every": duration("How often what max_per_hour holds back is summarised."),
        "remind_every": duration(
            "How often a recipient is reminded while nobody acknowledges the alert; 0s = never.", zero=True
        ),
        "remind_times": integer(
            "How many reminders there are before the recipient's fallback is told.",
            minimum=1,
            maximum=MOST_REMINDERS,
        ),
    }


def _label_values() -> dict[str, Schema]:
    """Return what the labels of an alert may be, one value each."""
    return {
        "topic": text("The rule's topic."),
        "severity": one_of(_SEVERITIES, "The alert's severity."),
        "owner": text("The rule's owner."),
        "rule": text("The rule's id, or an older one."),
        "tag": text("One of the rule's tags."),
        "tier": one_of([tier.value for tier in Tier], "The kind of a publisher that reports it."),
        "country": text("The country of a publisher, two letters.", pattern="^[A-Za-z]{2}$"),
    }


def _match() -> Schema:
    compared = text(
        pattern=rf"^\s*((>=|<=)\s*)?({'|'.join(_SEVERITIES)})\s*$", examples=(">=high", "<=medium")
    )
    severity: Schema = {
        "description": 'A severity, or ">=high" and "<=medium".',
        "anyOf": [one_of(_SEVERITIES), compared],
    }
    values = {label: one_or_many(value, fewest=1) for label, value in _label_values().items()}
    values["severity"] = one_or_many(severity, fewest=1)
    return mapping(
        "a match",
        LABELS,
        values,
        minProperties=1,
        description="Labels of the alert, all of which must hold; a list is one of these.",
    )


def _test() -> Schema:
    moment = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?(Z|[+-]\d{2}(:?\d{2}(:?\d{2})?)?)$"
    values: dict[str, Schema] = {
        "alert": mapping(
            "an alert under test", LABELS, _label_values(), description="Its labels, or its rule."
        ),
        "at": text("When it opens, with the offset from UTC: 2025-03-12T23:30+01:00.", pattern=moment),
        "expect": {
            "type": "object",
            "description": "What each recipient must get.",
            "propertyNames": {"pattern": _ID},
            "additionalProperties": one_of(EXPECTATIONS),
        },
    }
    return mapping("a route test", TEST_KEYS, values, required=TEST_KEYS)
