"""Feeds polled per second, end to end: cold, with nothing new, and with two new items in each feed.

    python tests/benchmarks/bench_poll.py [--feeds 1000] [--items 40]

A server in a process of its own serves the feeds on loopback. The program polls them as the daemon does:
SQLite on disk, parser processes, rules, commits. The baseline in the same run is the plainest reader one
could write: aiohttp and feedparser in a loop with the same number of requests in flight, keeping nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import io
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import aiohttp
import feedparser
import psutil
from aiohttp import web

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

WORDS = (
    "talks", "border", "minister", "harvest", "bridge", "council", "election", "storm",
    "museum", "rail", "budget", "envoy", "school", "port",
)  # fmt: skip
IN_FLIGHT = 32


def document(feed: int, version: int, items: int) -> bytes:
    """A feed of `items` items; each version has two newer ones at the top."""
    entries = []
    for number in range(2 * version + items, 2 * version, -1):
        seed = hashlib.sha256(f"{feed} {number}".encode()).digest()
        words = [WORDS[byte % len(WORDS)] for byte in seed]
        date = format_datetime(datetime(2026, 3, 12, tzinfo=UTC) + timedelta(minutes=number))
        entries.append(
            f"<item><title>{' '.join(words[:8])} {number}</title><link>https://outlet{feed}.example/{number}</link>"
            f'<guid isPermaLink="false">outlet{feed}-{number}</guid><pubDate>{date}</pubDate>'
            f"<description>&lt;p&gt;{' '.join(words * 2)} in report {number}.&lt;/p&gt;</description></item>"
        )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel><title>Outlet {feed}</title>'
        f"<link>https://outlet{feed}.example/</link><description>News</description>{''.join(entries)}</channel></rss>"
    ).encode()


def serve(feeds: int, items: int, version: Any, port: Any, ready: Event, stop: Event) -> None:
    """Serve the feeds until told to stop, for ten minutes at most."""
    made = {(feed, number): document(feed, number, items) for feed in range(feeds) for number in (0, 1)}

    def body(feed: int, number: int) -> bytes:
        if (feed, number) not in made:
            made[feed, number] = document(feed, number, items)
        return made[feed, number]

    serve_versions(lambda _: int(version.value), body, port, ready, stop, seconds=600)


def serve_versions(
    version_of: Callable[[int], int],
    body_of: Callable[[int, int], bytes],
    port: Any,
    ready: Event,
    stop: Event,
    *,
    seconds: float,
) -> None:
    """Serve numbered feeds on loopback, each in its present version, until told to stop; so long at most."""

    async def answer(request: web.Request) -> web.Response:
        feed = int(request.match_info["feed"])
        version = version_of(feed)
        etag = f'"{version}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag})
        body = body_of(feed, version)
        return web.Response(body=body, content_type="application/rss+xml", headers={"ETag": etag})

    async def main() -> None:
        application = web.Application()
        application.router.add_get("/{feed}", answer)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port.value = runner.addresses[0][1]
        ready.set()
        await asyncio.to_thread(stop.wait, seconds)
        await runner.cleanup()

    asyncio.run(main())


async def plain(port: int, feeds: int) -> int:
    """The baseline: fetch and parse everything, remember nothing."""
    places, found = asyncio.Semaphore(IN_FLIGHT), 0
    async with aiohttp.ClientSession() as session:

        async def one(feed: int) -> None:
            nonlocal found
            async with places, session.get(f"http://127.0.0.1:{port}/{feed}") as response:
                found += len(feedparser.parse(io.BytesIO(await response.read())).entries)

        await asyncio.gather(*(one(feed) for feed in range(feeds)))
    return found


def cpu(server: int) -> float:
    """CPU seconds of this process and of those below it that run, without the feed server's."""
    running = [psutil.Process(), *psutil.Process().children(recursive=True)]
    times = [process.cpu_times() for process in running if process.pid != server]
    return sum(one.user + one.system for one in times)


async def measure(arguments: argparse.Namespace, port: int, version: Any, server: int) -> None:
    # Not above: the processes that are started load this file, too, and would load the program with it.
    from monitor.app import assemble
    from monitor.clock import Clock, machine_time
    from monitor.directory import find
    from monitor.settings import load
    from tests.installation import make

    feeds = arguments.feeds
    print(f"{feeds} feeds of {arguments.items} items, {IN_FLIGHT} requests in flight")
    print(f"{'':34}{'wall s':>8}{'CPU s':>8}{'feeds/s':>9}{'new items':>11}{'wall':>8}{'CPU':>8}")

    started, used = time.perf_counter(), cpu(server)
    await plain(port, feeds)
    base, base_cpu = time.perf_counter() - started, cpu(server) - used
    plainly = "plain loop: aiohttp + feedparser"
    print(f"{plainly:34}{base:8.2f}{base_cpu:8.2f}{feeds / base:9.0f}{'-':>11}{'1.0x':>8}{'1.0x':>8}")

    jump = timedelta()
    with tempfile.TemporaryDirectory() as folder:
        place = make(
            Path(folder), {f"outlet-{n}": f"http://127.0.0.1:{port}/{n}" for n in range(feeds)}, smtp_port="9"
        )
        place.settings["TEST_HOOK_URL"] = "http://127.0.0.1:9/"
        settings, secrets = load(
            Path(folder),
            allow_networks="127.0.0.0/8",
            poll_concurrency=IN_FLIGHT,
            http_bind="",
            poll_floor_seconds=1,
        )
        async with assemble(
            find(Path(folder)), settings, secrets, clock=Clock(lambda: machine_time() + jump)
        ) as monitor:
            counted = {"new": 0, "polled": 0, "failed": 0}

            def count(report: Any) -> None:
                counted["new"] += report.new
                counted["polled"] += 1
                counted["failed"] += report.failed

            monitor.listen(count)
            for name, step in (("first poll", 0), ("nothing new (304)", 0), ("two new items a feed", 1)):
                version.value = step
                counted.update(new=0, polled=0, failed=0)
                started, used = time.perf_counter(), cpu(server)
                await monitor.poll.run_due()
                wall, busy = time.perf_counter() - started, cpu(server) - used
                assert counted["polled"] == feeds, counted
                assert not counted["failed"], counted
                print(
                    f"{name:34}{wall:8.2f}{busy:8.2f}{feeds / wall:9.0f}{counted['new']:11,}"
                    f"{base / wall:7.1f}x{base_cpu / busy:7.1f}x"
                )
                jump += timedelta(hours=1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of the main process: {peak:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--feeds", type=int, default=1000)
    parser.add_argument("--items", type=int, default=40)
    arguments = parser.parse_args()
    from monitor.logs import configure

    configure("console", "error")
    context = multiprocessing.get_context("spawn")
    version, port = context.Value("i", 0), context.Value("i", 0)
    ready, stop = context.Event(), context.Event()
    server = context.Process(
        target=serve, args=(arguments.feeds, arguments.items, version, port, ready, stop)
    )
    server.start()
    try:
        if not ready.wait(60):
            raise SystemExit("the feed server did not start")
        asyncio.run(measure(arguments, port.value, version, server.pid or 0))
    finally:
        stop.set()
        server.join(10)


if __name__ == "__main__":
    main()
