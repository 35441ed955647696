"""Read `recipients:` of `rules/routes.yaml`: who hears, over which channels, and when not."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final
from zoneinfo import available_timezones

from monitor.alerts.calendar import DEFAULT_DIGEST, is_always_quiet, slot_is_always_quiet
from monitor.alerts.webhook_target import read_webhook, variable
from monitor.document import ScalarNode, SequenceNode, closest
from monitor.models import AppriseTarget, EmailTarget, QuietSpan, Recipient, Severity

if TYPE_CHECKING:
    from monitor.document import Fields, Node, Reader

RECIPIENT_KEYS: Final = (
    "id", "email", "webhook", "apprise", "timezone", "quiet", "bypass", "digest", "fallback",
)  # fmt: skip
_EMAIL_KEYS: Final = ("to",)
_APPRISE_KEYS: Final = ("url_env",)
_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NEVER: Final = "never"
_ID: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")
_CLOCK: Final = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)\Z", re.ASCII)
_SPAN: Final = re.compile(r"(?:(?P<day>[a-z]+)\s+)?(?P<start>\S+?)\s*[-\u2013]\s*(?P<end>\S+)\Z", re.ASCII)
# RFC 5322 addr-spec without comments and quoted strings, which nobody's mailbox needs here.
_ADDRESS: Final = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?=.{1,255}\Z)[^\W_](?:[\w-]*[^\W_])?(?:\.[^\W_](?:[\w-]*[^\W_])?)*\Z"
)
_ADDRESS_HINT: Final = "write it as desk@example.org, without a name or brackets"
_MIDNIGHT: Final = 24 * 60


def read_recipients(reader: Reader, node: Node | None) -> dict[str, tuple[Recipient, Node]]:
    """Read the list; recipients with errors are reported and left out.

    Returns:
        Each recipient with the node where it stands, by id, in file order.
    """
    found: dict[str, tuple[Recipient, Node]] = {}
    for entry in reader.sequence(node, "a list of recipients"):
        fields = reader.mapping(entry, RECIPIENT_KEYS, "a recipient")
        if fields is None:
            continue
        before = reader.errors
        recipient = _recipient(reader, fields)
        if recipient and recipient.recipient_id in found:
            line = found[recipient.recipient_id][1].place.line
            what = f'recipient "{recipient.recipient_id}" is here twice (first in line {line})'
            reader.error(fields.key_place("id"), "duplicate-recipient", what, "give each its own id")
        elif recipient and reader.errors == before:
            found[recipient.recipient_id] = (recipient, entry)
    _check_fallbacks(reader, found)
    return found


def _recipient(reader: Reader, fields: Fields) -> Recipient | None:
    recipient_id = identifier(reader, reader.required(fields, "id"))
    timezone = _timezone(reader, reader.required(fields, "timezone"))
    email, webhook = _email(reader, fields.get("email")), read_webhook(reader, fields.get("webhook"))
    apprise = _apprise(reader, fields.get("apprise"))
    if not any(channel in fields for channel in ("email", "webhook", "apprise")):
        what = "a recipient needs a channel: email, webhook or apprise"
        reader.error(fields.place, "no-channel", what, "email: {to: [desk@example.org]}")
    quiet = _quiet(reader, fields.get("quiet"))
    bypass = _bypass(reader, fields.get("bypass"))
    digest = _digest(reader, fields.get("digest"))
    fallback = reader.text(fields.get("fallback")) or ""
    if recipient_id is None or timezone is None:
        return None
    recipient = Recipient(
        recipient_id, timezone, email, webhook, quiet, bypass, digest, fallback, apprise=apprise
    )
    _check_quiet(reader, fields, recipient)
    return recipient


def identifier(reader: Reader, node: Node | None) -> str | None:
    """Read an id: small letters, digits and single hyphens."""
    text = reader.text(node)
    if text is None or node is None or _ID.match(text):
        return text
    hint = re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")
    what = f'"{text}" cannot be an id: use small letters, digits and hyphens'
    reader.error(node, "bad-id", what, f'for example "{hint}"' if hint else "")
    return None


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _timezone(reader: Reader, node: Node | None) -> str | None:
    name = reader.text(node)
    if name is None or node is None or name in _zones():
        return name
    cities = {zone.rpartition("/")[2].casefold(): zone for zone in sorted(_zones()) if "/" in zone}
    city = cities.get(name.casefold().replace(" ", "_"))
    hint = f'did you mean "{city}"?' if city else closest(name, sorted(_zones()))
    what = f'"{name}" is not an IANA time zone'
    reader.error(node, "unknown-timezone", what, hint or "such as Europe/Brussels or UTC")
    return None


def _email(reader: Reader, node: Node | None) -> EmailTarget | None:
    fields = reader.mapping(node, _EMAIL_KEYS, "an e-mail target")
    if fields is None:
        return None
    to = reader.required(fields, "to")
    addresses: list[str] = []
    for entry in (to,) if isinstance(to, ScalarNode) else reader.sequence(to, "a list of addresses"):
        text = reader.text(entry)
        if text is not None and not _ADDRESS.match(text):
            reader.error(entry, "bad-address", f'"{text}" is not an e-mail address', _ADDRESS_HINT)
        elif text is not None:
            addresses.append(text)
    if isinstance(to, SequenceNode) and not to.items:
        reader.error(to, "no-address", "an e-mail target needs at least one address")
    return EmailTarget(tuple(dict.fromkeys(addresses))) if addresses else None


def _apprise(reader: Reader, node: Node | None) -> AppriseTarget | None:
    fields = reader.mapping(node, _APPRISE_KEYS, "an Apprise target")
    if fields is None:
        return None
    reader.required(fields, "url_env")
    return AppriseTarget(variable(reader, fields.get("url_env")))


def _quiet(reader: Reader, node: Node | None) -> tuple[QuietSpan, ...]:
    spans = []
    for entry in (node,) if isinstance(node, ScalarNode) else reader.sequence(node, "a list of spans"):
        text = reader.text(entry)
        if text is None:
            continue
        span = _span(text.strip().casefold())
        if span is None:
            what = f'"{text}" is not a quiet time'
            reader.error(entry, "bad-quiet", what, 'write "22:00-07:00", sat, or "fri 18:00-24:00"')
        else:
            spans.append(span)
    return tuple(dict.fromkeys(spans))


def _span(text: str) -> QuietSpan | None:
    if (weekday := _weekday(text)) is not None:
        return QuietSpan(weekday=weekday)
    found = _SPAN.match(text)
    start, end = (_minute(found["start"]), _minute(found["end"])) if found else (None, None)
    if not found or start is None or end is None or start in (end, _MIDNIGHT):
        return None
    weekday = _weekday(found["day"]) if found["day"] else None
    return None if found["day"] and weekday is None else QuietSpan(start, end, weekday)


def _weekday(text: str) -> int | None:
    """Return 0 for "mon" or "monday", and so on."""
    full = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    names = full if text in full else _WEEKDAYS
    return names.index(text) if text in names else None


def _minute(text: str) -> int | None:
    found = _CLOCK.match(text)
    minute = int(found[1]) * 60 + int(found[2]) if found else _MIDNIGHT + 1
    return minute if minute <= _MIDNIGHT else None


def _bypass(reader: Reader, node: Node | None) -> Severity | None:
    # Without the key the default timing holds: critical alerts come through.
    if node is None:
        return Severity.CRITICAL
    text = reader.one_of(node, [*(severity.value for severity in Severity), _NEVER], "bypass")
    return Severity(text) if text and text != _NEVER else None


def _digest(reader: Reader, node: Node | None) -> tuple[int, ...]:
    if node is None:
        return DEFAULT_DIGEST
    minutes = set()
    entries = (node,) if isinstance(node, ScalarNode) else reader.sequence(node, "a list of times")
    for entry in entries:
        minute = _digest_time(reader, entry)
        if minute is not None:
            minutes.add(minute)
    if isinstance(node, SequenceNode) and not node.items:
        reader.error(node, "no-digest", "a digest needs at least one time", 'such as ["07:30", "17:30"]')
    return tuple(sorted(minutes))


def _digest_time(reader: Reader, node: Node) -> int | None:
    if isinstance(node, ScalarNode) and not node.quoted and re.match(r"\d", node.text):
        # Other programs that read this file take 17:30 for the number 1050.
        reader.error(node, "not-text", f"expected text, got {node.text}; put it in quotes", f'"{node.text}"')
        return None
    text = reader.text(node)
    minute = None if text is None else _minute(text.strip())
    if text is not None and minute in (None, _MIDNIGHT):
        reader.error(node, "bad-time", f'"{text}" is not a time of day', 'write it as "07:30"')
        return None
    return minute


def _check_quiet(reader: Reader, fields: Fields, recipient: Recipient) -> None:
    if is_always_quiet(recipient):
        what = f'recipient "{recipient.recipient_id}" is quiet at all times and would hear nothing'
        reader.error(fields.key_place("quiet"), "always-quiet", what, "leave some hours of the week free")
        return
    for minute in recipient.digest if recipient.quiet else ():
        if slot_is_always_quiet(recipient, minute):
            what = f"the digest at {minute // 60:02d}:{minute % 60:02d} always falls into quiet hours"
            place = fields.key_place("digest" if "digest" in fields else "quiet")
            reader.warning(place, "quiet-digest", what, "it waits for another slot; move it")


def _check_fallbacks(reader: Reader, found: dict[str, tuple[Recipient, Node]]) -> None:
    for recipient, node in found.values():
        if recipient.fallback and recipient.fallback not in found:
            what = (
                f'fallback "{recipient.fallback}" of recipient "{recipient.recipient_id}" is not a recipient'
            )
            reader.error(node, "unknown-recipient", what, closest(recipient.fallback, found))
    reported: set[str] = set()
    for recipient_id, (_, node) in found.items():
        trail = [recipient_id]
        while (following := found[trail[-1]][0].fallback) in found and following not in trail:
            trail.append(following)
        if following in trail and following not in reported:
            loop = trail[trail.index(following) :]
            reported.update(loop)
            what = f"these fallbacks go in a circle: {' -> '.join((*loop, following))}"
            reader.error(node, "fallback-loop", what, "let the last one have no fallback")
