"""The only file that opens HTTP connections: one guarded client for feeds and webhooks.

What the client never does: follow a redirect by itself, keep a cookie, read a proxy or credentials from
the environment, decompress without a bound, skip the check of a certificate, or talk to an address that
`AddressGuard` refuses.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from monitor.addresses import AddressGuard
from monitor.decoding import ACCEPT_ENCODING, Decoder, DecodingError
from monitor.errors import AddressRefusedError, ErrorKind, FetchError

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Mapping

    from aiohttp.abc import AbstractResolver

__all__ = ["AddressGuard", "HttpClient", "Response"]


@dataclass(frozen=True, slots=True)
class Response:
    """One answer, decompressed; redirects are answers like any other."""

    status: int
    headers: Mapping[str, str]  # names in lower case, repeated fields joined by ", "
    body: bytes
    url: str  # the URL that was asked
    truncated: bool = False  # the body was longer than the limit


@dataclass(slots=True)
class _Attempt:
    """What the socket factory learns of, and tells to, the request that runs in its context."""

    proxied: bool  # the operator named this proxy: its own address is not checked
    refusals: list[AddressRefusedError]


_attempt: ContextVar[_Attempt | None] = ContextVar("_attempt", default=None)


class HttpClient:
    """One guarded session; use it as an async context manager.

    Requests may run concurrently. Every failure below HTTP (and every breach of a limit) is a
    `FetchError` whose message names the host only: paths and queries of webhooks are secrets.
    """

    def __init__(
        self,
        guard: AddressGuard,
        user_agent: str,
        *,
        connect_timeout: timedelta = timedelta(seconds=10),
        read_timeout: timedelta = timedelta(seconds=20),
        total_timeout: timedelta = timedelta(seconds=60),
        max_connections: int = 100,
        tls: ssl.SSLContext | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        """Keep the limits; nothing is opened yet.

        Args:
            guard: asked at connect time about the very address that is connected to.
            user_agent: sent unless a request brings its own.
            connect_timeout: for TCP and TLS together.
            read_timeout: longest silence while an answer is read.
            total_timeout: from the start to the last byte, waiting for a free connection included.
            max_connections: open at the same time, over all hosts.
            tls: a context with the operator's own authorities; None = the system's.
            resolver: answers for DNS; None = the system's.
        """
        self._guard = guard
        self._user_agent = user_agent
        self._connect = connect_timeout
        self._read = read_timeout
        self._total = total_timeout
        self._max_connections = max_connections
        self._tls = tls
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the session."""
        connector = aiohttp.TCPConnector(
            limit=self._max_connections,
            socket_factory=self._open_socket,
            resolver=self._resolver,
            ssl=self._tls if self._tls is not None else True,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            # Long Set-Cookie and Content-Security-Policy fields are common on news sites.
            max_field_size=64 * 1024,
            headers={"User-Agent": self._user_agent, "Accept-Encoding": ACCEPT_ENCODING},
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the session and all its connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open_socket(self, info: tuple[Any, ...]) -> socket.socket:
        """Make the socket for one vetted address: DNS has been asked already, so no rebinding is possible."""
        family, kind, protocol, _, address = info
        attempt = _attempt.get()
        if attempt is None or not attempt.proxied:
            try:
                self._guard.check(str(address[0]))
            except AddressRefusedError as error:
                if attempt is not None:
                    attempt.refusals.append(error)
                # aiohappyeyeballs goes on to the host's next address after an OSError, and only then.
                raise OSError(str(error)) from error
        return socket.socket(family, kind, protocol)

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        limit: int = 10 * 1024 * 1024,
        error_limit: int = 64 * 1024,
        timeout: timedelta | None = None,  # noqa: ASYNC109 - the deadline also covers our own reading
        proxy: str = "",
    ) -> Response:
        """Ask for `url` once.

        Args:
            url: http or https.
            headers: request header fields; they replace those of the session.
            limit: most bytes of a 2xx body, on the wire and again after decompression.
            error_limit: bodies of other answers are cut here and never refused.
            timeout: instead of the client's total.
            proxy: URL of an HTTP proxy.

        Raises:
            AddressRefusedError: the guard said no.
            FetchError: no answer, or a body over `limit` (TOO_LARGE).
        """
        async with self._exchange("GET", url, headers, None, timeout, proxy) as answer:
            if answer.status in {204, 304} or 300 <= answer.status < 400:  # noqa: PLR2004 - HTTP's own classes
                answer.close()
                return Response(answer.status, _headers(answer), b"", url)
            strict = 200 <= answer.status < 300  # noqa: PLR2004
            body, truncated = await _read_body(answer, limit if strict else error_limit, strict=strict)
            return Response(answer.status, _headers(answer), body, url, truncated)

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        timeout: timedelta | None = None,  # noqa: ASYNC109 - the deadline also covers our own reading
        method: str = "POST",
    ) -> Response:
        """Send `body` to a webhook once, by POST or PUT; the answer's body is cut at 64 KB.

        Raises:
            AddressRefusedError: the guard said no.
            FetchError: no answer.
        """
        async with self._exchange(method, url, headers, body, timeout, "") as answer:
            text, truncated = await _read_body(answer, 64 * 1024, strict=False)
            return Response(answer.status, _headers(answer), text, url, truncated)

    @asynccontextmanager
    async def _exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        body: bytes | None,
        timeout: timedelta | None,  # noqa: ASYNC109 - handed to aiohttp, which covers the reading too
        proxy: str,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Yield the answer with all of aiohttp's errors, also those while reading, turned into ours."""
        assert self._session is not None, "HttpClient is used inside `async with`"
        target, host = _target(url)
        self._guard.check_host(host)
        total = timeout or self._total
        attempt = _Attempt(proxied=bool(proxy), refusals=[])
        token = _attempt.set(attempt)
        try:
            async with self._session.request(
                method,
                target,
                headers=dict(headers or {}),
                data=body,
                allow_redirects=False,
                proxy=_proxy(proxy),
                timeout=aiohttp.ClientTimeout(
                    total=total.total_seconds(),
                    sock_connect=self._connect.total_seconds(),
                    sock_read=self._read.total_seconds(),
                ),
            ) as answer:
                yield answer
        except (aiohttp.ClientError, TimeoutError, asyncio.LimitOverrunError, OSError, ValueError) as error:
            if attempt.refusals:
                raise AddressRefusedError(f"{host}: {attempt.refusals[0]}") from error
            raise _explain(error, host, total, proxied=bool(proxy)) from error
        finally:
            _attempt.reset(token)


def _target(url: str) -> tuple[URL, str]:
    """Return what aiohttp is given, and the host for messages.

    Raises:
        FetchError: no http or https URL with a host.
    """
    try:
        # Signed query strings must arrive as written: only a URL that cannot be sent as it is is quoted.
        clean = url.isascii() and url.isprintable() and not set(url) & set(' "<>\\^`{|}')
        target = URL(url, encoded=clean)
        scheme, host = target.scheme, target.raw_host or ""
        port = target.port
    except ValueError as error:
        raise FetchError("The URL cannot be read; correct it.", ErrorKind.REFUSED) from error
    if scheme not in {"http", "https"}:
        raise FetchError(
            f"Only http and https URLs are fetched, not '{scheme or 'a bare path'}'; correct the URL.",
            ErrorKind.REFUSED,
        )
    if not host or not port:
        raise FetchError("The URL names no host; correct it.", ErrorKind.REFUSED)
    return target, host


def _proxy(proxy: str) -> URL | None:
    if not proxy:
        return None
    if urlsplit(proxy).scheme not in {"http", "https"} or not urlsplit(proxy).hostname:
        raise FetchError(
            "The proxy must be written as http://host:port; correct the variable that `proxy_env` names.",
            ErrorKind.PERMANENT,
        )
    return URL(proxy)


def _headers(answer: aiohttp.ClientResponse) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in answer.headers.items():
        key = name.lower()
        fields[key] = f"{fields[key]}, {value}" if key in fields else value
    return fields


async def _read_body(answer: aiohttp.ClientResponse, limit: int, *, strict: bool) -> tuple[bytes, bool]:
    """Return the decompressed body and whether it was cut at `limit`.

    Raises:
        FetchError: with `strict`, more than `limit` bytes came or the encoding cannot be undone.
    """
    host = answer.url.host or ""
    output = bytearray()
    try:
        decoder = Decoder(answer.headers.get("Content-Encoding", ""))
        wire = 0
        async for chunk in answer.content.iter_any():
            wire += len(chunk)
            for piece in decoder.pieces(chunk):
                output += piece
                if len(output) > limit:
                    break
            if max(wire, len(output)) > limit:
                answer.close()
                break
        else:
            decoder.finish()
            return bytes(output), False
    except DecodingError as error:
        answer.close()
        if strict:
            message = f"{host} sent a body that cannot be unpacked: {error}. It is tried again later."
            raise FetchError(message, ErrorKind.BROKEN) from error
    if strict:
        raise FetchError(
            f"{host} sent more than {limit // 1024} KB; the rest was not read. "
            "Check the URL, or ask the publisher for a shorter feed.",
            ErrorKind.TOO_LARGE,
        )
    return bytes(output[:limit]), True


def _explain(error: Exception, host: str, total: timedelta, *, proxied: bool) -> FetchError:
    """Return one line for people about a failure below HTTP."""
    where = f"{host} (through the proxy)" if proxied else host
    later = "It is tried again later."
    rows: tuple[tuple[type[Exception], str, ErrorKind], ...] = (
        (
            aiohttp.ClientConnectorCertificateError,
            f"The certificate of {where} is not valid; if the site is right, its operator must renew it.",
            ErrorKind.PERMANENT,
        ),
        (
            aiohttp.ClientSSLError,
            f"{where} does not speak TLS as it should; check the URL.",
            ErrorKind.PERMANENT,
        ),
        (
            aiohttp.ClientHttpProxyError,
            f"The proxy refused to reach {host}; check `proxy_env`.",
            ErrorKind.PERMANENT,
        ),
        (
            aiohttp.ClientConnectorDNSError,
            f"The name {host} cannot be resolved. {later}",
            ErrorKind.TRANSIENT,
        ),
        (
            aiohttp.ConnectionTimeoutError,
            f"{where} accepts no connection in time. {later}",
            ErrorKind.TRANSIENT,
        ),
        (aiohttp.SocketTimeoutError, f"{where} stopped sending. {later}", ErrorKind.TRANSIENT),
        (
            TimeoutError,
            f"{where} did not finish within {total.total_seconds():g} s. {later}",
            ErrorKind.TRANSIENT,
        ),
        (aiohttp.ClientConnectorError, f"{where} cannot be connected to. {later}", ErrorKind.TRANSIENT),
        (aiohttp.ServerDisconnectedError, f"{where} closed the connection. {later}", ErrorKind.TRANSIENT),
        (
            aiohttp.ClientPayloadError,
            f"{where} broke off in the middle of its answer. {later}",
            ErrorKind.TRANSIENT,
        ),
        (aiohttp.ClientResponseError, f"{where} does not answer in HTTP; check the URL.", ErrorKind.SERVER),
        (aiohttp.InvalidURL, "The URL cannot be read; correct it.", ErrorKind.REFUSED),
        (ValueError, f"The request to {where} cannot be written: check its headers.", ErrorKind.PERMANENT),
    )
    for kind, message, classed in rows:
        if isinstance(error, kind):
            return FetchError(message, classed)
    return FetchError(f"The connection to {where} failed. {later}", ErrorKind.TRANSIENT)
