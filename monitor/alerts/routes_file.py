"""Read and check `rules/routes.yaml`: recipients, routes and their tests.

What is wrong is reported with its place and left out; the rest can be used. What the codes mean stands in
`monitor/codes/feeds_routes.py`.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Final, Literal, cast

from monitor.alerts.recipients_file import read_recipients
from monitor.alerts.timing_file import TIMING_KEYS, read_timing
from monitor.document import Diagnostic, MappingNode, Place, Reader, ScalarNode, SequenceNode, closest, parse
from monitor.models import Matcher, Route, RouteTest, Routing, Severity, Tier

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from monitor.document import Fields, Node
    from monitor.models import Recipient

FILE_KEYS: Final = ("version", "recipients", "routes", "tests")
ROUTE_KEYS: Final = ("match", "to", "as", *TIMING_KEYS, "default")
LABELS: Final = ("topic", "severity", "owner", "rule", "tag", "tier", "country")
DELIVERIES: Final = ("now", "digest", "log")
TEST_KEYS: Final = ("alert", "at", "expect")
EXPECTATIONS: Final = ("now", "held", "digest", "log", "none")
_COUNTRY_LETTERS: Final = 2


def read_routes(file: str, data: bytes) -> tuple[Routing | None, tuple[Diagnostic, ...]]:
    """Read the file.

    Args:
        file: the path to show in diagnostics.
        data: its bytes.

    Returns:
        The routing, without what has errors, or None when nothing could be read; and all findings.
        No bytes whatever make this raise.
    """
    root, diagnostics = parse(file, data)
    reader = Reader(diagnostics)
    if root is None:
        if not reader.errors:
            what = "the file is empty: nobody would be told"
            reader.error(Place(file, 1, 1), "no-recipients", what, "it needs recipients and routes")
        return None, tuple(reader.diagnostics)
    top = reader.mapping(root, FILE_KEYS, "a file of routes")
    if top is None:
        return None, tuple(reader.diagnostics)
    reader.integer(top.get("version"), minimum=1, maximum=1)
    found = read_recipients(reader, reader.required(top, "recipients"))
    recipients = tuple(recipient for recipient, _ in found.values())
    known = {*found, *_declared(top.get("recipients"))}
    routes = _routes(reader, reader.required(top, "routes"), found, known)
    if not reader.errors:
        _warn_unused(reader, found, routes)
    tests = _tests(reader, top.get("tests"), known)
    ordered = sorted(reader.diagnostics, key=lambda finding: finding.place)
    return Routing(recipients, routes, tests), tuple(ordered)


def _declared(node: Node | None) -> tuple[str, ...]:
    """Return the ids of all recipients, those with errors too: naming them is no further error."""
    entries = node.items if isinstance(node, SequenceNode) else ()
    return tuple(
        value.text
        for entry in entries
        if isinstance(entry, MappingNode)
        for key, value in entry.entries
        if key.text == "id" and isinstance(value, ScalarNode)
    )


def _warn_unused(
    reader: Reader, found: Mapping[str, tuple[Recipient, Node]], routes: Sequence[Route]
) -> None:
    named = {recipient_id for route in routes for recipient_id in route.to}
    named |= {recipient.fallback for recipient, _ in found.values()}
    for recipient_id, (_, node) in found.items():
        if recipient_id not in named:
            what = f'no route names recipient "{recipient_id}"'
            reader.warning(node, "unused-recipient", what, "it hears of nothing")


def _routes(
    reader: Reader, node: Node | None, usable: Collection[str], known: Collection[str]
) -> tuple[Route, ...]:
    routes: list[Route] = []
    has_default = False
    for entry in reader.sequence(node, "a list of routes"):
        fields = reader.mapping(entry, ROUTE_KEYS, "a route")
        if fields is None:
            continue
        has_default |= reader.boolean(fields.get("default")) is True
        before = reader.errors
        route = _route(reader, fields, usable, known)
        if reader.errors == before and route.to:
            if any(other.match == route.match and other.to == route.to for other in routes):
                reader.warning(fields.place, "duplicate-route", "an earlier route has the same match and to")
            routes.append(route)
    if node is not None and not has_default:
        what = "no default route: alerts that no route takes would reach nobody"
        reader.error(node, "no-default-route", what, "add {default: true, to: [...]}")
    return tuple(routes)


def _route(reader: Reader, fields: Fields, usable: Collection[str], known: Collection[str]) -> Route:
    default = reader.boolean(fields.get("default")) or False
    if default and "match" in fields:
        what = "a default route takes what no other route takes, so it has no match"
        reader.error(fields.key_place("match"), "default-with-match", what, "remove match or default")
    if not default and "match" not in fields:
        what = "a route needs the key match"
        reader.error(fields.place, "missing-key", what, "or default: true for what no other route takes")
    to = _to(reader, reader.required(fields, "to"), known)
    delivery = reader.one_of(fields.get("as"), DELIVERIES, "as") or "auto"
    return Route(
        to=tuple(recipient_id for recipient_id in to if recipient_id in usable),
        match=_match(reader, fields.get("match")),
        default=default,
        delivery=cast("Literal['auto', 'now', 'digest', 'log']", delivery),
        timing=read_timing(reader, fields),
        where=f"{fields.place.file}:{fields.place.line}",
    )


def _to(reader: Reader, node: Node | None, known: Collection[str]) -> tuple[str, ...]:
    entries = (node,) if isinstance(node, ScalarNode) else reader.sequence(node, "a list of recipient ids")
    if node is not None and not entries and isinstance(node, SequenceNode):
        reader.error(node, "no-recipients", "a route needs at least one recipient")
    named = [name for name in (_recipient_id(reader, entry, known) for entry in entries) if name]
    return tuple(dict.fromkeys(named))


def _recipient_id(reader: Reader, node: Node, known: Collection[str]) -> str | None:
    name = reader.text(node)
    if name is None or name in known:
        return name
    what = f'"{name}" is not a recipient'
    reader.error(node, "unknown-recipient", what, closest(name, known) or "add it under recipients")
    return None


def _match(reader: Reader, node: Node | None) -> tuple[Matcher, ...]:
    fields = reader.mapping(node, LABELS, "a match")
    if fields is None:
        return ()
    if not tuple(fields) and not fields.node.entries:
        what = "an empty match would take every alert"
        reader.error(fields.place, "empty-match", what, "name a label, or write default: true")
    read = [_matcher(reader, label, value) for label in fields if (value := fields.get(label)) is not None]
    return tuple(matcher for matcher in read if matcher is not None)


def _matcher(reader: Reader, label: str, node: Node) -> Matcher | None:
    if isinstance(node, SequenceNode) and not node.items:
        what = f"{label} is one of no values: this route can never apply"
        reader.error(node, "unreachable-route", what, "name a value, or remove the key")
        return None
    if label == "severity":
        return _severity(reader, node)
    values = []
    for entry in _each(node):
        value = _value(reader, label, entry)
        if value is not None:
            values.append(value)
    return Matcher(label, "=", tuple(dict.fromkeys(values))) if values else None


def _each(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, SequenceNode) else (node,)


def _value(reader: Reader, label: str, node: Node) -> str | None:
    if label == "tier":
        return reader.choice(node, Tier, "tier")
    text = reader.text(node)
    if label != "country" or text is None:
        return text
    if len(text) != _COUNTRY_LETTERS or not (text.isascii() and text.isalpha()):
        what = f'"{text}" is not a country code'
        reader.error(node, "bad-country", what, "two letters, ISO 3166-1: UA, RU, GB")
        return None
    return text.upper()


def _severity(reader: Reader, node: Node) -> Matcher | None:
    """Read "high", ">= high", "<= medium", or a list of such, of which one has to hold."""
    read = [_comparison(reader, entry) for entry in _each(node)]
    parts = [part for part in read if part is not None]
    if not parts:
        return None
    if len(parts) == 1:
        operator, severity = parts[0]
        return Matcher("severity", operator, (severity.value,))
    held = [s for s in Severity if any(_compares(s, operator, bound) for operator, bound in parts)]
    return Matcher("severity", "=", tuple(severity.value for severity in held))


def _comparison(reader: Reader, node: Node) -> tuple[Literal["=", ">=", "<="], Severity] | None:
    text = reader.text(node)
    if text is None:
        return None
    stripped = text.strip()
    operator: Literal["=", ">=", "<="] = "="
    if stripped[:2] in (">=", "<="):
        operator = cast("Literal['>=', '<=']", stripped[:2])
    name = stripped[2:].strip() if operator != "=" else stripped
    if name in set(Severity):
        return operator, Severity(name)
    names = [severity.value for severity in Severity]
    what = f'severity "{text}" is not one of {", ".join(names)}'
    hint = closest(name.strip("<>= "), names) or 'or ">= high", "<= medium"'
    if name[:1] in ("<", ">"):
        hint = 'only ">=" and "<=" compare'
    reader.error(node, "unknown-value", what, hint)
    return None


def _compares(severity: Severity, operator: str, bound: Severity) -> bool:
    if operator == "=":
        return severity is bound
    return severity.rank >= bound.rank if operator == ">=" else severity.rank <= bound.rank


def _tests(reader: Reader, node: Node | None, known: Collection[str]) -> tuple[RouteTest, ...]:
    tests = []
    for entry in reader.sequence(node, "a list of tests"):
        fields = reader.mapping(entry, TEST_KEYS, "a route test")
        if fields is None:
            continue
        before = reader.errors
        test = _test(reader, fields, known)
        if test is not None and reader.errors == before:
            tests.append(test)
    return tuple(tests)


def _test(reader: Reader, fields: Fields, known: Collection[str]) -> RouteTest | None:
    labels = reader.mapping(reader.required(fields, "alert"), LABELS, "an alert under test")
    at = reader.moment(reader.required(fields, "at"))
    expect: list[tuple[str, str]] = []
    for key, value in reader.entries(reader.required(fields, "expect"), "expectations"):
        name = _recipient_id(reader, key, known)
        outcome = reader.one_of(value, EXPECTATIONS, "expectation")
        if name and outcome:
            expect.append((name, outcome))
    if labels is None or at is None:
        return None
    alert = [(label, _label_value(reader, label, labels.get(label))) for label in labels]
    where = f"{fields.place.file}:{fields.place.line}"
    return RouteTest(tuple((k, v) for k, v in alert if v), at.astimezone(UTC), tuple(expect), where)


def _label_value(reader: Reader, label: str, node: Node | None) -> str | None:
    if node is None:
        return None
    if label == "severity":
        return reader.choice(node, Severity, "severity")
    return _value(reader, label, node)
