"""Documents of one endless line: each costs bounded time and memory, at the fetcher and at the parser.

A server that sends 500 MB of one line is in test_hostile_servers.py. The parser gets no more than
MONITOR_FETCH_MAX_BYTES, 10 MB unless the operator allows more; what it does with 500 MB all the same is
tried by `make soak`.
"""

from __future__ import annotations

import asyncio
import os
import time
import tracemalloc
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from monitor.errors import ErrorKind, FetchError, ParseError
from monitor.feeds.fetch import Fetcher
from monitor.feeds.results import Fetched
from monitor.feeds.worker import ParserPool
from monitor.models import Feed, FeedState

NOW = datetime(2026, 3, 12, 13, 0, tzinfo=UTC)
SOAK = bool(os.environ.get("MONITOR_SOAK"))
LARGEST = 10_000_000  # bytes: the default of MONITOR_FETCH_MAX_BYTES
DEADLINE = timedelta(seconds=2)
SLACK = 10.0  # seconds for handing the bytes over and killing a worker, on a busy machine
GOOD = b"<rss version='2.0'><channel><item><title>A</title><link>/a</link></item></channel></rss>"
HEAD, TAIL = b"<rss version='2.0'><channel><item><title>", b"</title><link>/a</link></item></channel></rss>"
# What one line is made of, and whether it is a feed; None = it may also run into the deadline.
LINES = {
    "no feed": (b"", b"a", b"", False),
    "one headline": (HEAD, b"a", TAIL, True),
    "one headline of entities": (HEAD, b"&amp;", TAIL, None),
    "one headline without end": (HEAD, b"a", b"", None),
    "tags that never close": (HEAD, b"<b>", TAIL, None),
    "angle brackets": (HEAD, b"<", TAIL, None),
}


def line(name, size):
    head, piece, tail, _ = LINES[name]
    return head + piece * (size // len(piece)) + tail


def fetched(body):
    url = "https://outlet.example/rss"
    return Fetched("outlet", 200, url, url, body, "", NOW)


def memory():
    """Resident bytes of this process and of those below it."""
    here = psutil.Process()
    total = here.memory_info().rss
    for child in here.children(recursive=True):
        try:
            total += child.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


async def parsed(pool, body):
    """Parse; return what came of it, the seconds it took, and the most memory meanwhile."""
    started, most = time.monotonic(), memory()
    running = asyncio.create_task(pool.parse(fetched(body)))
    while not running.done():
        await asyncio.wait({running}, timeout=0.1)
        most = max(most, memory())
    return (await asyncio.gather(running, return_exceptions=True))[0], time.monotonic() - started, most


async def test_a_file_of_500_mb_is_not_read(tmp_path):
    """A hole takes no disk, and every reader sees 500 MB without a line break."""
    path = tmp_path / "feed.xml"
    with path.open("wb") as file:
        file.truncate(500_000_000)
    feed = Feed("outlet", path.as_uri())
    fetcher = Fetcher(None, max_bytes=LARGEST, file_roots=(tmp_path,))
    tracemalloc.start()
    try:
        with pytest.raises(FetchError) as caught:
            await fetcher.fetch(feed, FeedState("outlet", feed.url, "", NOW), NOW)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.kind is ErrorKind.TOO_LARGE
    assert peak < 3 * LARGEST


async def test_one_line_of_the_largest_size_at_the_parser():
    """One worker, one line after the other; a good document comes through in between."""
    async with ParserPool(1, DEADLINE) as pool:
        await pool.parse(fetched(GOOD))
        before = memory()
        for name, (*_, is_feed) in LINES.items():
            found, seconds, most = await parsed(pool, line(name, LARGEST))
            assert seconds < DEADLINE.total_seconds() + SLACK, name
            assert most - before < 400_000_000, name
            if isinstance(found, BaseException):
                assert isinstance(found, ParseError), name
                assert not is_feed or "within" in str(found), name  # a busy machine may be too slow
                assert len(str(found)) < 400
            else:
                assert is_feed is not False, name
                assert max(len(entry.title) for entry in found.entries) <= 1_000_000
            assert len((await pool.parse(fetched(GOOD))).entries) == 1


@pytest.mark.soak
@pytest.mark.skipif(not SOAK, reason="the long form: make soak")
@pytest.mark.parametrize("name", LINES)
async def test_500_mb_of_one_line_at_the_parser(name):
    async with ParserPool(1, timedelta(seconds=20)) as pool:
        await pool.parse(fetched(GOOD))
        found, seconds, most = await parsed(pool, line(name, 500_000_000))
        outcome = found if isinstance(found, ParseError) else "read"
        print(f"{name}: {seconds:.1f} s, {most / 1e6:.0f} MB, {outcome}")
        assert seconds < 20 + 40, "handing 500 MB to a worker takes its time, too"
        assert most < 5_000_000_000
        assert isinstance(found, ParseError) or found.entries
        assert len((await pool.parse(fetched(GOOD))).entries) == 1
