"""Fetches one feed's document: conditional requests, redirects hop by hop, limits, and errors in words."""

from __future__ import annotations

import asyncio
import hashlib
import stat
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit

from monitor.errors import ErrorKind, FetchError
from monitor.feeds.headers import cache_lifetime, retry_after
from monitor.feeds.politeness import UNNAMED_HOLD, host_of
from monitor.feeds.redirects import request_url
from monitor.feeds.results import Fetched, NotModified, Redirect
from monitor.feeds.sniff import Content, sniff

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from monitor.feeds.gate import Gate
    from monitor.http import Response
    from monitor.models import Feed, FeedState

MAX_REDIRECTS = 5
VALIDATORS_LIVE = timedelta(days=7)  # some servers answer 304 for ever once they know an ETag

_ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, */*;q=0.5"
)
_KEPT = ("content-type", "content-language", "link")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# What another host must not be told (RFC 9110, section 15.4).
_PRIVATE = frozenset({"authorization", "cookie", "proxy-authorization"})


class Getting(Protocol):
    """Asks for one URL, as `HttpClient.get` does."""

    async def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, limit: int = 0, proxy: str = ""
    ) -> Response:
        """Return the answer, redirects included, or raise `FetchError`."""


class Fetcher:
    """Gets feeds through the guarded client; calls may run concurrently."""

    def __init__(
        self,
        http: Getting,
        secrets: Callable[[str], str | None] = lambda _: None,
        *,
        timeout: timedelta = timedelta(seconds=30),
        max_bytes: int = 10_000_000,
        file_roots: tuple[Path, ...] = (),
        gate: Gate | None = None,
    ) -> None:
        """Keep the parts.

        Args:
            http: the open client (`HttpClient`).
            secrets: value of a variable or secret by its name, None when it is not set.
            timeout: of a whole fetch, redirects included.
            max_bytes: of a document, on the wire and again unpacked.
            gate: makes requests to one host wait for each other, wherever redirects lead; None = no waits.
            file_roots: directories below which `file:` URLs are read: for captures, tests and replays.
        """
        self._http = http
        self._secrets = secrets
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._gate = gate
        self._file_roots = tuple(root.resolve() for root in file_roots)

    async def fetch(self, feed: Feed, state: FeedState, now: datetime) -> Fetched | NotModified:
        """Fetch the feed once.

        Args:
            feed: its configuration.
            state: what is remembered of it: validators, body hash, adopted redirect.
            now: time of the poll.

        Raises:
            FetchError: no usable answer; the message is one line that says what, where and what to do.
        """
        if urlsplit(feed.url).scheme.lower() == "file":
            return await self._read_file(feed, state, now)
        url = request_url(feed, state)
        validators = _validators(feed, state, now)
        response, redirects = await self._answer(feed, url, validators, now)
        if response.status == 304 and validators:  # noqa: PLR2004 - Not Modified
            return _not_modified(feed, url, response, redirects, now)
        return _result(feed, state, url, response, redirects, now)

    async def fetch_page(self, feed: Feed, url: str, now: datetime) -> Fetched:
        """Fetch another document of the feed: an archive page (RFC 5005), or what a web page links to.

        Credentials and headers of the feed are sent only if the page is on the feed's own host.

        Raises:
            FetchError: no usable answer.
        """
        if not _same_site(feed.url, url):
            feed = replace(feed, headers=(), username_env="", password_env="")
        response, redirects = await self._answer(feed, url, {}, now)
        return _fetched(feed, url, response, redirects, now, body_hash(response.body))

    async def _answer(
        self, feed: Feed, url: str, validators: dict[str, str], now: datetime
    ) -> tuple[Response, tuple[Redirect, ...]]:
        """Return a successful answer, or 304 to a conditional request, with the redirects before it."""
        try:
            async with asyncio.timeout(self._timeout.total_seconds()) as deadline:
                response, redirects = await self._follow(feed, url, validators, deadline)
        except TimeoutError:
            raise FetchError(
                f"{place(url)} did not finish within {self._timeout.total_seconds():g} s. "
                "It is tried again later.",
                ErrorKind.TRANSIENT,
            ) from None
        if response.status != 304 or not validators:  # noqa: PLR2004 - Not Modified
            try:
                _require_success(response, now)
            except FetchError as error:
                if self._gate is not None and error.kind is ErrorKind.RATE_LIMITED:
                    self._gate.hold(error.host, error.retry_after or UNNAMED_HOLD)
                raise
        return response, redirects

    async def _follow(
        self, feed: Feed, url: str, validators: dict[str, str], deadline: asyncio.Timeout
    ) -> tuple[Response, tuple[Redirect, ...]]:
        """Return the last answer, and the redirects before it.

        Waiting for a host's turn is no fault of the server's: the deadline moves along.
        """
        fields = self._request_headers(feed)
        proxy = self._secret(feed.proxy_env, "proxy_env") if feed.proxy_env else ""
        redirects: list[Redirect] = []
        visited = [url]
        while True:
            headers = fields | validators
            if self._gate is not None:
                waited = await self._gate.turn(host_of(visited[-1]))
                if waited:
                    deadline.reschedule((deadline.when() or 0.0) + waited.total_seconds())
            response = await self._http.get(visited[-1], headers=headers, limit=self._max_bytes, proxy=proxy)
            location = response.headers.get("location", "")
            if response.status not in _REDIRECTS or not location:
                return response, tuple(redirects)
            target = _target(visited[-1], location)
            if target in visited:
                raise FetchError(
                    f"{place(url)} redirects in a circle. If a browser shows the feed, the site asks for "
                    "cookies: set `user_agent` or ask the publisher for another address.",
                    ErrorKind.REFUSED,
                )
            if len(redirects) == MAX_REDIRECTS:
                raise FetchError(
                    f"{place(url)} redirects more than {MAX_REDIRECTS} times. "
                    "Use the address at which a browser ends.",
                    ErrorKind.REFUSED,
                )
            if not _same_site(visited[-1], target):
                fields = {name: value for name, value in fields.items() if name.lower() not in _PRIVATE}
            redirects.append(Redirect(response.status, target))
            visited.append(target)

    def _request_headers(self, feed: Feed) -> dict[str, str]:
        fields = {"Accept": _ACCEPT}
        if feed.user_agent:
            fields["User-Agent"] = feed.user_agent
        replaced = {name.lower() for name, _ in feed.headers}
        fields = {name: value for name, value in fields.items() if name.lower() not in replaced}
        fields |= dict(feed.headers)
        if feed.username_env or feed.password_env:
            user = self._secret(feed.username_env, "username_env") if feed.username_env else ""
            password = self._secret(feed.password_env, "password_env") if feed.password_env else ""
            # RFC 7617: UTF-8 is the only encoding that a server can ask for.
            fields["Authorization"] = "Basic " + b64encode(f"{user}:{password}".encode()).decode()
        return fields

    def _secret(self, name: str, key: str) -> str:
        value = self._secrets(name)
        if value is None:
            raise FetchError(
                f"`{key}` names {name}, which is not set. Set the variable, or a secret of that name.",
                ErrorKind.PERMANENT,
            )
        return value

    async def _read_file(self, feed: Feed, state: FeedState, now: datetime) -> Fetched | NotModified:
        parts = urlsplit(feed.url)
        if parts.netloc not in {"", "localhost"}:
            raise FetchError("A file: URL needs three slashes: file:///path/to/feed.xml.", ErrorKind.REFUSED)
        path = Path(unquote(parts.path))
        try:
            body = await asyncio.to_thread(_read, path, self._max_bytes, self._file_roots)
        except OSError as error:
            why = error.strerror or "it is no regular file"
            raise FetchError(f"{path} cannot be read: {why}.", ErrorKind.PERMANENT) from error
        if len(body) > self._max_bytes:
            raise FetchError(f"{path} is longer than {self._max_bytes // 1024} KB.", ErrorKind.TOO_LARGE)
        digest = body_hash(body)
        if digest == state.body_hash:
            return NotModified(feed.feed_id, feed.url, feed.url, now, same_body=True)
        return Fetched(feed.feed_id, 200, feed.url, feed.url, body, digest, now)


def body_hash(body: bytes) -> str:
    """Return the hash by which an equal body is recognised."""
    return hashlib.sha256(body).hexdigest()[:32]


def place(url: str) -> str:
    """Return host and path of a URL for messages, without credentials and query."""
    parts = urlsplit(url)
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}"[:120]


def _validators(feed: Feed, state: FeedState, now: datetime) -> dict[str, str]:
    """Return the conditional fields, verbatim as the server gave them (RFC 9110, section 13.1)."""
    stale = state.validators_at is None or now - state.validators_at > VALIDATORS_LIVE
    if stale or not state.body_hash or state.url != feed.url:
        return {}
    fields = {"If-None-Match": state.etag, "If-Modified-Since": state.last_modified}
    return {name: value for name, value in fields.items() if value}


def _target(current: str, location: str) -> str:
    """Return the URL that a redirect leads to.

    Raises:
        FetchError: it is no http or https URL.
    """
    try:
        parts = urlsplit(urljoin(current, location.strip()))
        host = parts.netloc.rpartition("@")[2]  # credentials come from the operator only
    except ValueError:
        parts, host = SplitResult("", "", "", "", ""), ""
    if parts.scheme.lower() not in {"http", "https"} or not host:
        raise FetchError(
            f"{place(current)} redirects to something that is no web address. Check the URL in a browser.",
            ErrorKind.REFUSED,
        )
    return urlunsplit((parts.scheme, host, parts.path or "/", parts.query, ""))


def _same_site(first: str, second: str) -> bool:
    """Whether credentials for `first` may be sent to `second`: the same host, never from https to http."""
    one, two = urlsplit(first), urlsplit(second)
    if one.scheme == "https" and two.scheme == "http":
        return False
    upgraded = one.scheme == "http" and two.scheme == "https"
    return one.hostname == two.hostname and (upgraded or one.port == two.port)


def _require_success(response: Response, now: datetime) -> None:
    """Return if the answer is one of success with a body.

    Raises:
        FetchError: for every other status, classed for the back-off.
    """
    status = response.status
    if 200 <= status < 300 and status not in {204, 205}:  # noqa: PLR2004 - HTTP's class of success
        return
    where = place(response.url)
    wait = retry_after(response.headers, now)
    if status == 429 or (status == 503 and wait is not None):  # noqa: PLR2004 - Too Many Requests, Unavailable
        asked = f"for {_minutes(wait)}" if wait is not None else "for a while"
        raise FetchError(
            f"{where} asks to be left alone {asked} (status {status}); no feed of this host is asked before.",
            ErrorKind.RATE_LIMITED,
            retry_after=wait,
            host=host_of(response.url),
        )
    kind, words = _meaning(status)
    if kind is ErrorKind.PERMANENT and _is_challenge(response):
        words = (
            "keeps programs out with a challenge page. Ask the publisher to admit this monitor, or set "
            "`user_agent` or `proxy_env`"
        )
    raise FetchError(f"{where} {words} (status {status}).", kind)


_STATUS = {
    204: (ErrorKind.EMPTY, "answered without a document. It is tried again"),
    205: (ErrorKind.EMPTY, "answered without a document. It is tried again"),
    304: (ErrorKind.SERVER, "says 'not modified' though nothing was asked that way. It is tried again"),
    401: (ErrorKind.PERMANENT, "asks for a login. Set `username_env` and `password_env`, or correct them"),
    402: (ErrorKind.PERMANENT, "asks for payment. Look for another feed of this outlet"),
    403: (ErrorKind.PERMANENT, "refuses access. If the URL works in a browser, set `user_agent`"),
    404: (ErrorKind.PERMANENT, "does not exist. Look for the feed's new address"),
    407: (ErrorKind.PERMANENT, "cannot be reached: the proxy asks for a login. Correct `proxy_env`"),
    408: (ErrorKind.TRANSIENT, "did not wait for the request. It is tried again"),
    410: (ErrorKind.GONE, "is gone for good, says its server. Remove the feed, or look for its new address"),
    421: (ErrorKind.TRANSIENT, "was asked over the wrong connection. It is tried again"),
    425: (ErrorKind.TRANSIENT, "is not ready to answer. It is tried again"),
    451: (ErrorKind.PERMANENT, "is blocked for legal reasons. Set `proxy_env`, or look for another feed"),
}  # fmt: skip


def _meaning(status: int) -> tuple[ErrorKind, str]:
    if status in _STATUS:
        return _STATUS[status]
    if status >= 500:  # noqa: PLR2004 - HTTP's class of server errors
        return ErrorKind.SERVER, "has an error on its side. It is tried again"
    if status >= 400:  # noqa: PLR2004 - HTTP's class of client errors
        return ErrorKind.PERMANENT, "refuses the request. Check the URL in a browser"
    return ErrorKind.SERVER, "gave an answer that means nothing here. It is tried again"


def _is_challenge(response: Response) -> bool:
    text = response.body.decode("utf-8", "replace")
    return bool(text.strip()) and sniff(text, response.headers).content is Content.CHALLENGE


def _minutes(wait: timedelta) -> str:
    minutes = round(wait.total_seconds() / 60)
    return f"{minutes} min" if minutes else f"{wait.total_seconds():g} s"


def _not_modified(
    feed: Feed, url: str, response: Response, redirects: tuple[Redirect, ...], now: datetime
) -> NotModified:
    return NotModified(
        feed_id=feed.feed_id,
        requested=url,
        url=response.url,
        fetched_at=now,
        redirects=redirects,
        etag=response.headers.get("etag", ""),
        last_modified=response.headers.get("last-modified", ""),
        cache_for=cache_lifetime(response.headers, now),
    )


def _result(
    feed: Feed,
    state: FeedState,
    url: str,
    response: Response,
    redirects: tuple[Redirect, ...],
    now: datetime,
) -> Fetched | NotModified:
    """Return the document, or NotModified when its body equals the last one that was processed."""
    digest = body_hash(response.body)
    if digest == state.body_hash and state.url == feed.url:
        return replace(_not_modified(feed, url, response, redirects, now), same_body=True)
    return _fetched(feed, url, response, redirects, now, digest)


def _fetched(
    feed: Feed, url: str, response: Response, redirects: tuple[Redirect, ...], now: datetime, digest: str
) -> Fetched:
    return Fetched(
        feed_id=feed.feed_id,
        status=response.status,
        requested=url,
        url=response.url,
        body=response.body,
        body_hash=digest,
        fetched_at=now,
        headers={name: response.headers[name] for name in _KEPT if name in response.headers},
        redirects=redirects,
        etag=response.headers.get("etag", ""),
        last_modified=response.headers.get("last-modified", ""),
        cache_for=cache_lifetime(response.headers, now),
    )


def _read(path: Path, limit: int, roots: tuple[Path, ...]) -> bytes:
    """Read a regular file below one of `roots`, one byte more than `limit` at most."""
    if not any(path.resolve().is_relative_to(root) for root in roots):
        where = "lies outside the installation's directory: put it there, or set MONITOR_ALLOW_FILES=true."
        raise FetchError(f"{path} {where}", ErrorKind.REFUSED)
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError
    with path.open("rb") as file:
        return file.read(limit + 1)
