"""Real servers on loopback with scripted answers, for tests that need the other end of a connection.

Every server listens on 127.0.0.1 with a port that the system picks, and stops with its `async with` block.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Self, TypeAlias
from urllib.parse import quote

from aiohttp import web

LOOPBACK = ("127.0.0.0/8", "::1/128")  # what tests allow the address guard


@dataclass(frozen=True, slots=True)
class Answer:
    """One scripted HTTP answer."""

    body: bytes = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def rss(cls, *titles: str, status: int = 200, **headers: str) -> Answer:
        """Return a small RSS document with one item for each title; `etag="x"` becomes a header."""
        items = "".join(
            f"<item><title>{title}</title><link>https://news.example/{quote(title)}</link>"
            f"<guid isPermaLink='false'>{title}</guid></item>"
            for title in titles
        )
        fields = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        body = f"<rss version='2.0'><channel><title>Outlet</title>{items}</channel></rss>".encode()
        return cls(body, status, (("Content-Type", "application/rss+xml"), *fields))

    @classmethod
    def redirect(cls, target: str, status: int = 302) -> Answer:
        """Return a redirect to `target`."""
        return cls(b"", status, (("Location", target),))

    def gzipped(self) -> Answer:
        """Return the same answer with a gzip body."""
        return Answer(gzip.compress(self.body), self.status, (*self.headers, ("Content-Encoding", "gzip")))


@dataclass(frozen=True, slots=True)
class Received:
    """One request as the server got it."""

    method: str
    path: str  # with the query, as sent
    headers: dict[str, str]  # names in lower case
    body: bytes


Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
Script: TypeAlias = Answer | Handler


@dataclass(slots=True)
class WebServer:
    """A scripted HTTP server.

        async with WebServer() as server:
            server.on("/feed", Answer.rss("one"), Answer(status=304))   # the last answer repeats
            ... server.url("/feed") ...
            assert server.received[0].headers["user-agent"] == ...

    A path without a script answers 404. A script may also be a coroutine function of aiohttp's request;
    `stopping` is set when the block ends, so that a handler that keeps a client waiting can wait for it.
    """

    received: list[Received] = field(default_factory=list)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    _scripts: dict[str, list[Script]] = field(default_factory=dict)
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        """Listen."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(application, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop, also the handlers that still answer."""
        self.stopping.set()
        if self._runner is not None:
            await self._runner.cleanup()

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        """Return the URL of `path` on this server."""
        return f"http://{host}:{self.port}{path}"

    def on(self, path: str, *scripts: Script) -> None:
        """Answer requests for `path` (without a query) with `scripts` in turn; the last one repeats."""
        self._scripts[path] = list(scripts)

    def on_all(self, answers: Iterable[tuple[str, Script]]) -> None:
        """Answer many paths with one script each."""
        for path, script in answers:
            self.on(path, script)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append(Received(request.method, request.path_qs, headers, body))
        scripts = self._scripts.get(request.path, [])
        if not scripts:
            return web.Response(status=404)
        script = scripts.pop(0) if len(scripts) > 1 else scripts[0]
        if isinstance(script, Answer):
            return web.Response(body=script.body, status=script.status, headers=list(script.headers))
        return await script(request)

    async def hang(self, request: web.Request) -> web.StreamResponse:
        """Script: accept the request and never answer."""
        await self.stopping.wait()
        return web.Response()

    async def drip(self, request: web.Request) -> web.StreamResponse:
        """Script: one byte every 20 ms, without end."""
        response = web.StreamResponse()
        await response.prepare(request)
        while not self.stopping.is_set():
            await response.write(b" ")
            try:
                await asyncio.wait_for(self.stopping.wait(), 0.02)
            except TimeoutError:
                continue
        return response

    async def endless(self, request: web.Request) -> web.StreamResponse:
        """Script: a body without end, as fast as the client reads."""
        response = web.StreamResponse()
        await response.prepare(request)
        while not self.stopping.is_set():
            await response.write(b"<!-- -->" * 8192)
        return response

    async def disconnect(self, request: web.Request) -> web.StreamResponse:
        """Script: drop the connection without an answer."""
        assert request.transport is not None
        request.transport.abort()
        return web.Response()
