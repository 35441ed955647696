"""The webhook channel: signed requests after Standard Webhooks 1.0 (standardwebhooks.com).

A receiver recognises a repeat by `webhook-id`, which is the notification's id, and proves the sender by
`webhook-signature`. URLs and secrets come from variables at every attempt, so a rotated secret counts
at once, and no message of this module repeats them: the path of a webhook's URL often is its password.
What a service wants beside the URL (a token, a topic, a routing key) is put in when a message is sent
and never stored with it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from monitor.channels.formats import WebhookFormat, webhook_format
from monitor.errors import AddressRefusedError, ConfigurationError, DeliveryError, ErrorKind, FetchError
from monitor.models import stable_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from monitor.models import Message, Notification, Recipient, WebhookTarget

_SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix that the specification gives to secrets
_SECRET_BYTES = range(24, 65)  # Standard Webhooks, "Signature scheme": 192 to 512 bits
_RETRY_AFTER = re.compile(r"\d{1,9}")
_LONGEST_WAIT = timedelta(hours=24)  # nobody is asked to wait longer than a notification lives
_SHORTEST_SECRET = 8  # parts of a URL from this length on are taken for secrets in answers that repeat them
_HEADER_VALUE = re.compile(r"[\x20-\x7e]+")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f]")
# Worth another attempt although 4xx: request timeout, too early, and rate limits.
_TRANSIENT = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


class Response(Protocol):
    """What the channel reads of an answer; `monitor.http.Response` is one."""

    @property
    def status(self) -> int:
        """Return the HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Return the header fields."""

    @property
    def body(self) -> bytes:
        """Return the first kilobytes of the body."""


class Post(Protocol):
    """Sends one request without following redirects; `monitor.http.HttpClient.post` is one."""

    async def __call__(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        timeout: timedelta,  # noqa: ASYNC109 - the client covers its own reading
        method: str = "POST",
    ) -> Response:
        """Return the answer, or raise FetchError when there is none."""


class Webhook:
    """Sends notifications by webhook; see `base.Channel` for the contract."""

    name = "webhook"

    def __init__(
        self,
        post: Post,
        secrets: Callable[[str], str | None],
        timeout: timedelta = timedelta(seconds=20),
        user_agent: str = "",
    ) -> None:
        """Keep what an attempt needs.

        Args:
            post: the guarded HTTP client.
            secrets: gives the value of a variable or secret by its name.
            timeout: bound of one attempt; Standard Webhooks recommends 15 to 30 s.
            user_agent: "" = the HTTP client's own.
        """
        self._post = post
        self._secrets = secrets
        self._timeout = timeout
        self._user_agent = user_agent

    async def send(self, notification: Notification, recipient: Recipient, now: datetime) -> str:
        """Send once.

        Returns:
            "HTTP 204 from hooks.example.org".

        Raises:
            DeliveryError: 410 is `gone`; 408, 425, 429, 5xx and no answer are transient, with the
                receiver's Retry-After; redirects and the other 4xx are permanent.
        """
        target = recipient.webhook
        if target is None:
            raise _permanent(f"recipient '{recipient.recipient_id}' has no webhook; add it in routes.yaml")
        url, host = self._url(target, recipient.recipient_id)
        row = webhook_format(target.format) or WebhookFormat(target.format, "")
        if row.id_in_path:
            url = f"{url.rstrip('/')}/{notification.notification_id}"
        body = self._body(notification.message, target, row)
        headers = {
            **_content(notification.message, self._user_agent),
            **self._authorized(target),
            **self._signed(notification.notification_id, now, body, target.secret_env),
        }
        try:
            answer = await self._post(url, body, headers, self._timeout, row.method)
        except AddressRefusedError as error:
            raise _permanent(f"{error}; if it is right, add the network to MONITOR_ALLOW_NETWORKS") from None
        except FetchError as error:
            permanent = error.kind in {ErrorKind.PERMANENT, ErrorKind.REFUSED}
            raise DeliveryError(str(error), permanent=permanent, retry_after=error.retry_after) from None
        if 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's own class
            return f"HTTP {answer.status} from {host}"
        said = _first_line(answer.body, url, self._used(target))
        raise _failure(answer, host, now, _setting(target), said)

    def target(self, recipient: Recipient) -> str:
        """Return a hash of the URL, "" when there is none."""
        if recipient.webhook is None:
            return ""
        try:
            return stable_id("target", self._url(recipient.webhook, recipient.recipient_id)[0])
        except DeliveryError:
            return ""

    async def close(self) -> None:
        """Do nothing: the HTTP client belongs to whoever made it."""

    def _url(self, target: WebhookTarget, recipient_id: str) -> tuple[str, str]:
        """Return the URL and its host.

        Raises:
            DeliveryError: a variable is missing, or its value is no URL.
        """
        url = self._secret(target.url_env) if target.url_env else target.url
        if not url:
            raise _permanent(
                f"recipient '{recipient_id}' has a webhook without a URL; add url_env in routes.yaml"
            )
        try:
            parts = urlsplit(url.strip())
            host = parts.hostname
        except ValueError:
            host = None
        if not host or parts.scheme not in {"http", "https"}:
            raise _permanent(f"{_setting(target)} holds no http or https URL; correct it")
        return url.strip(), host

    def _body(self, message: Message, target: WebhookTarget, row: WebhookFormat) -> bytes:
        """Return the body with the place inside the service, where the format has one.

        Raises:
            DeliveryError: the variable is missing, or the body was written for another format.
        """
        if not row.to:
            return message.body.encode("utf-8")
        try:
            document = json.loads(message.body)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise _permanent(f"the message was not written for format {row.name}")
        place = self._secret(target.to_env) if target.to_env else target.to
        return json.dumps({row.to: place, **document}, ensure_ascii=False, separators=(",", ":")).encode()

    def _authorized(self, target: WebhookTarget) -> dict[str, str]:
        """Return the header fields that open the receiver's door.

        Raises:
            DeliveryError: a variable is missing, or its value cannot stand in a header.
        """
        fields = [(name, variable, "") for name, variable in target.headers]
        if target.token_env:
            fields.append(("Authorization", target.token_env, "Bearer "))
        made: dict[str, str] = {}
        for name, variable, prefix in fields:
            value = self._secret(variable).strip()
            if not _HEADER_VALUE.fullmatch(value):
                raise _permanent(f"the variable {variable} cannot be sent as {name}: one line of ASCII is")
            made[name] = prefix + value
        return made

    def _used(self, target: WebhookTarget) -> tuple[str, ...]:
        """Return the secrets that the last request carried, for a receiver that repeats them."""
        names = (target.to_env, target.token_env, *(variable for _, variable in target.headers))
        return tuple(self._secret(name).strip() for name in names if name)

    def _secret(self, name: str) -> str:
        try:
            value = self._secrets(name)
        except ConfigurationError as error:
            raise _permanent(str(error)) from None
        if not value:
            raise _permanent(f"the variable {name} is not set; set it in the environment or in monitor.env")
        return value

    def _signed(self, notification_id: str, now: datetime, body: bytes, secret_env: str) -> dict[str, str]:
        """Return the three headers of Standard Webhooks; unsigned when no secret is configured."""
        timestamp = str(int(now.timestamp()))
        headers = {"webhook-id": notification_id, "webhook-timestamp": timestamp}
        if secret_env:
            keys = signing_keys(self._secret(secret_env), secret_env)
            headers["webhook-signature"] = " ".join(
                signature(key, notification_id, timestamp, body) for key in keys
            )
        return headers


def signing_keys(value: str, name: str) -> tuple[bytes, ...]:
    """Return the keys in `value`: one `whsec_` secret, or several separated by blanks while rotating.

    Raises:
        DeliveryError: one is no secret; the message has the variable's `name`, never its value.
    """
    keys: list[bytes] = []
    for text in value.split():
        encoded = text.removeprefix(_SECRET_PREFIX)
        try:
            key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not text.startswith(_SECRET_PREFIX) or len(key) not in _SECRET_BYTES:
            raise _permanent(
                f"the variable {name} holds no signing secret: it is whsec_ followed by 24 to 64 random "
                "bytes in base64, for example the output of: echo whsec_$(openssl rand -base64 32)"
            )
        keys.append(key)
    if not keys:
        raise _permanent(f"the variable {name} is blank; set it to a signing secret")
    return tuple(keys)


def signature(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """Return "v1," and the base64 HMAC-SHA256 of "id.timestamp.body" (Standard Webhooks 1.0)."""
    content = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode("ascii")


def retry_after(value: str, now: datetime) -> timedelta | None:
    """Read a Retry-After field (RFC 9110, 10.2.3): seconds or a date; None when unreadable or past."""
    value = value.strip()
    if _RETRY_AFTER.fullmatch(value):
        wait = timedelta(seconds=int(value))
    else:
        try:
            until = parsedate_to_datetime(value)
        except (ValueError, IndexError, OverflowError):
            return None
        wait = (until if until.tzinfo else until.replace(tzinfo=UTC)) - now
    return min(wait, _LONGEST_WAIT) if wait > timedelta() else None


def _asked_in_body(body: bytes) -> timedelta | None:
    """Read the pause that Telegram (`parameters.retry_after`) and Matrix (`retry_after_ms`) write there."""
    try:
        document = json.loads(body[:4000])
        asked = document.get("parameters", document)
        seconds = float(asked.get("retry_after") or asked["retry_after_ms"] / 1000)
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return None
    return min(timedelta(seconds=seconds), _LONGEST_WAIT) if 0 < seconds < 10**9 else None


def _content(message: Message, user_agent: str) -> dict[str, str]:
    headers = {"Content-Type": message.content_type or "application/json"}
    return headers | ({"User-Agent": user_agent} if user_agent else {})


def _failure(answer: Response, host: str, now: datetime, setting: str, first_line: str) -> DeliveryError:
    """Return the error for an answer that is not 2xx; see the table in the tests."""
    status = answer.status
    said = f"HTTP {status} from {host}"
    detail = f": {first_line}" if first_line else ""
    if status == HTTPStatus.GONE:
        return DeliveryError(
            f"{said}: the receiver is gone and must not be called again; remove it from routes.yaml, "
            f"or set {setting} to its new URL",
            permanent=True,
            gone=True,
        )
    if 300 <= status < 400:  # noqa: PLR2004 - HTTP's own class
        return _permanent(
            f"{said}: no redirects are followed: set {setting} to the URL it redirects to"
            f"{_redirect_host(answer)}"
        )
    if status in _TRANSIENT or status >= 500:  # noqa: PLR2004 - HTTP's own class
        fields = {name.lower(): value for name, value in answer.headers.items()}
        wait = retry_after(fields.get("retry-after", ""), now) or _asked_in_body(answer.body)
        return DeliveryError(f"{said}{detail}; it is tried again later", permanent=False, retry_after=wait)
    return _permanent(f"{said}{detail}")


def _redirect_host(answer: Response) -> str:
    """Return " (at host)" for a redirect: the host alone, since the path may be a secret."""
    fields = {name.lower(): value for name, value in answer.headers.items()}
    try:
        host = urlsplit(fields.get("location", "")).hostname
    except ValueError:
        host = None
    return f" (at {host})" if host and re.fullmatch(r"[A-Za-z0-9.:-]{1,100}", host) else ""


def _first_line(body: bytes, url: str, used: tuple[str, ...]) -> str:
    """Return the first line of an answer that says something: printable, short, without secrets.

    Secrets are the URL, its parts, and what was sent to open the door.
    """
    text = body[:2000].decode("utf-8", "replace")
    parts = urlsplit(url)
    secrets = {url, parts.path, parts.query, *parts.path.split("/"), *re.split("[&=]", parts.query), *used}
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "***")
    lines = (" ".join(_UNPRINTABLE.sub(" ", line).split()) for line in text.splitlines())
    return next((line[:200] for line in lines if line), "")


def _setting(target: WebhookTarget) -> str:
    return f"the variable {target.url_env}" if target.url_env else "webhook.url in routes.yaml"


def _permanent(message: str) -> DeliveryError:
    return DeliveryError(message, permanent=True)
