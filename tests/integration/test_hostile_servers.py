"""Servers that mean harm: each costs bounded time and memory, and is told in one clear line.

Names that lead to private addresses, also after a look-up that led elsewhere (DNS rebinding), are refused
at connect time: see test_http_client.py. Documents that hurt the parser: see test_hostile.py.
"""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
import zlib
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from monitor.errors import ErrorKind, FetchError, ParseError
from monitor.feeds.fetch import MAX_REDIRECTS, Fetcher
from monitor.feeds.parse import parse
from monitor.http import AddressGuard, HttpClient
from monitor.models import Feed, FeedState
from tests.fakes import LOOPBACK, Answer, WebServer

NOW = datetime(2026, 3, 12, 13, 0, tzinfo=UTC)
LIMIT = 1_000_000  # bytes of a document
MEMORY = 16 * LIMIT  # the server's own buffers are in this process, too
PATIENCE = timedelta(seconds=3)
ZEROS = b"\0" * 100_000_000


def packed(encoding: str) -> Answer:
    """Return a hundred megabytes in a few hundred kilobytes, or fewer."""
    if encoding == "gzip, gzip":
        body = gzip.compress(gzip.compress(ZEROS, 1), 9)
    elif encoding == "gzip":
        body = gzip.compress(ZEROS, 9)
    else:
        raw = zlib.compressobj(9, zlib.DEFLATED, -15 if encoding == "raw" else 15)
        body = raw.compress(ZEROS) + raw.flush()
        encoding = "deflate"
    return Answer(body, headers=(("Content-Encoding", encoding), ("Content-Type", "application/rss+xml")))


async def one_line(request: web.Request) -> web.StreamResponse:
    """500 MB without a line break."""
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(8_000):
        await response.write(b"a" * 65_536)
    return response


async def corridor(request: web.Request) -> web.StreamResponse:
    """One of a thousand redirects."""
    last = request.path.rpartition("/")[2]
    number = int(last) if last.isdigit() else 0
    raise web.HTTPFound(f"/corridor/{number + 1}")


async def endless_fields(request: web.Request) -> web.StreamResponse:
    """Header fields without end."""
    assert request.transport is not None
    request.transport.write(b"HTTP/1.1 200 OK\r\n" + b"X-Filler: " + b"a" * 2_000_000)
    await asyncio.sleep(0)
    request.transport.close()
    return web.Response()


def page(text: str, **headers: str) -> Answer:
    return Answer(text.encode(), 200, (("Content-Type", "text/html"), *headers.items()))


CASES = {
    "gzip bomb": (packed("gzip"), ErrorKind.TOO_LARGE, "sent more than 976 KB"),
    "gzip in gzip": (packed("gzip, gzip"), None, ""),  # refused or cut, whichever comes first
    "deflate bomb": (packed("deflate"), ErrorKind.TOO_LARGE, "sent more than 976 KB"),
    "raw deflate bomb": (packed("raw"), ErrorKind.TOO_LARGE, "sent more than 976 KB"),
    "endless body": ("endless", ErrorKind.TOO_LARGE, "sent more than 976 KB"),
    "500 MB of one line": (one_line, ErrorKind.TOO_LARGE, "sent more than 976 KB"),
    "slow drip": ("drip", ErrorKind.TRANSIENT, "did not finish within 3 s"),
    "no answer": ("hang", ErrorKind.TRANSIENT, "did not finish within 3 s"),
    "1,000 redirects": (corridor, ErrorKind.REFUSED, f"redirects more than {MAX_REDIRECTS} times"),
    "endless header fields": (endless_fields, None, "127.0.0.1"),
    "redirect to a file": (Answer.redirect("file:///etc/passwd"), ErrorKind.REFUSED, "no web address"),
    "redirect to this network": (Answer.redirect("http://10.1.2.3/"), ErrorKind.REFUSED, "private address"),
    "redirect to cloud metadata": (
        Answer.redirect("http://169.254.169.254/latest/meta-data/"),
        ErrorKind.REFUSED,
        "link-local",
    ),
    "redirect to a mapped address": (
        Answer.redirect("http://[::ffff:10.0.0.1]/"),
        ErrorKind.REFUSED,
        "private address",
    ),
    "a page with 200": (
        page("<!doctype html><title>Welcome</title>"),
        ErrorKind.NOT_A_FEED,
        "titled 'Welcome'",
    ),
    "a challenge with 200": (
        page("<!doctype html><title>Just a moment...</title>"),
        ErrorKind.NOT_A_FEED,
        "keeps programs out",
    ),
    "nothing with 200": (Answer(b""), ErrorKind.EMPTY, "without a document"),
    "blanks with 200": (Answer(b"\n \n"), ErrorKind.EMPTY, "without a document"),
}


@pytest.fixture
async def server():
    async with WebServer() as running:
        yield running


async def read(fetcher, feed, state):
    fetched = await fetcher.fetch(feed, state, NOW)
    return parse(fetched.body, fetched.headers, fetched.url)


@pytest.mark.parametrize("name", CASES)
async def test_bounded_and_told(server, name):
    script, kind, words = CASES[name]
    for path in ("/rss", *(f"/corridor/{number}" for number in range(MAX_REDIRECTS + 3))):
        server.on(path, getattr(server, script) if isinstance(script, str) else script)
    feed = Feed("outlet", server.url("/rss"))
    state = FeedState("outlet", feed.url, "127.0.0.1", NOW)
    async with HttpClient(AddressGuard(LOOPBACK), "monitor-test/1") as http:
        fetcher = Fetcher(http, timeout=PATIENCE, max_bytes=LIMIT)
        tracemalloc.start()
        try:
            with pytest.raises((FetchError, ParseError)) as caught:
                await asyncio.wait_for(read(fetcher, feed, state), 30)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    message = str(caught.value)
    assert kind in {None, caught.value.kind}, caught.value.kind
    assert words in message
    assert "\n" not in message
    assert len(message) < 400
    assert peak < MEMORY
    assert len(server.received) <= MAX_REDIRECTS + 1
