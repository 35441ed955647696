"""Read `webhook:` of a recipient: where a system listens, in which format, and with which secrets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from monitor.models import WebhookTarget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.document import Fields, Node, Reader
    from monitor.models import Labels

WEBHOOK_KEYS: Final = (
    "url", "url_env", "format", "to", "to_env", "token_env", "secret_env", "headers_env",
)  # fmt: skip
# Each format, and what `to` names there; "" = the URL alone says where it goes. The channel has the
# same rows with their templates; a test keeps the two equal.
WEBHOOK_FORMATS: Final[Mapping[str, str]] = {
    "standard": "",
    "cloudevents": "",
    "alertmanager": "",
    "slack": "",
    "discord": "",
    "teams": "",
    "mattermost": "",
    "ntfy": "the topic",
    "pagerduty": "the routing key of the integration",
    "telegram": "the id of the chat",
    "matrix": "",
}
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_FIELD_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$%&'*+.^_`|~-]{0,99}\Z")  # RFC 9110, 5.1
# The channel sets these itself, or they would change how the request is framed.
_OWN_HEADERS: Final = frozenset({
    "connection", "content-encoding", "content-length", "content-type", "expect", "host", "te", "trailer",
    "transfer-encoding", "upgrade", "webhook-id", "webhook-signature", "webhook-timestamp",
})  # fmt: skip


def read_webhook(reader: Reader, node: Node | None) -> WebhookTarget | None:
    """Read one webhook target; mistakes are reported."""
    fields = reader.mapping(node, WEBHOOK_KEYS, "a webhook target")
    if fields is None:
        return None
    if ("url" in fields) == ("url_env" in fields):
        what = "a webhook needs either url, or url_env: the name of the variable that holds it"
        reader.error(fields.place, "webhook-url", what)
    url_node = fields.get("url")
    url = reader.text(url_node) or ""
    if url_node is not None and url and not re.match(r"https?://[^\s/]+\S*\Z", url, re.IGNORECASE):
        reader.error(url_node, "bad-url", f'"{url}" is not an http or https address')
    format_ = reader.one_of(fields.get("format"), tuple(WEBHOOK_FORMATS), "format") or "standard"
    _check_to(reader, fields, format_)
    return WebhookTarget(
        url=url,
        url_env=variable(reader, fields.get("url_env")),
        secret_env=variable(reader, fields.get("secret_env")),
        format=format_,
        to=reader.text(fields.get("to")) or "",
        to_env=variable(reader, fields.get("to_env")),
        token_env=variable(reader, fields.get("token_env")),
        headers=_headers(reader, fields.get("headers_env")),
    )


def variable(reader: Reader, node: Node | None) -> str:
    """Read the name of a variable or secret; "" when there is none."""
    name = reader.text(node) or ""
    if node is not None and name and not _VARIABLE.match(name):
        what = "expected the name of a variable or secret, not its value"
        reader.error(node, "bad-variable", what, "such as RISK_HOOK_URL")
    return name


def _check_to(reader: Reader, fields: Fields, format_: str) -> None:
    """Report a place that is missing, given twice, or given to a format that has none."""
    given = [key for key in ("to", "to_env") if key in fields]
    meaning = WEBHOOK_FORMATS[format_]
    if meaning and len(given) != 1:
        what = f"format {format_} needs either to or to_env: {meaning}"
        reader.error(fields.place, "webhook-to", what, f"to_env: {format_.upper()}_TO")
    elif given and not meaning:
        what = f"format {format_} has no {given[0]}: the URL says where the message goes"
        reader.error(fields.key_place(given[0]), "webhook-to", what, "delete it")


def _headers(reader: Reader, node: Node | None) -> Labels:
    """Read `headers_env`: {X-Api-Key: NAME_OF_VARIABLE}."""
    found: list[tuple[str, str]] = []
    for key, value in reader.entries(node, "header fields with names of variables"):
        name = key.text
        if not _FIELD_NAME.match(name) or name.lower() in _OWN_HEADERS:
            what = f'"{name}" is no header field that may be set here'
            reader.error(key, "bad-header", what, "such as X-Api-Key")
        elif names := variable(reader, value):
            found.append((name, names))
    return tuple(found)
