"""Memory of ten thousand feeds: resident memory after each of many polls, of all processes together.

    python tests/benchmarks/bench_poll_memory.py [--feeds 10000] [--polls 20] [--items 3]

The feeds of `bench_poll.py` on loopback: SQLite on disk, parser processes, one rule. Each poll finds two
new items in a fiftieth of the feeds; the others answer "not modified", as most feeds do most of the time.
The figure to look at is the last column: growth since the tenth poll.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import multiprocessing
import sys
import tempfile
import time
from datetime import timedelta
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from bench_poll import document, serve_versions

IN_FLIGHT = 32
SHARE = 50  # one feed in so many has news at each poll
WARM = 10  # polls after which nothing should grow any more


def version_of(feed: int, polls: int) -> int:
    """How often `feed` has had news after `polls` polls."""
    return (polls + feed) // SHARE


def serve(items: int, polls: Any, port: Any, ready: Event, stop: Event) -> None:
    """Serve any number of feeds, made when they are asked for, until told to stop; an hour at most."""
    serve_versions(
        lambda feed: version_of(feed, polls.value),
        lambda feed, version: document(feed, version, items),
        port,
        ready,
        stop,
        seconds=3600,
    )


def memory(server: int) -> tuple[float, float]:
    """Resident MB of this process, and of those below it without the feed server's."""
    here = psutil.Process()
    below = [process for process in here.children(recursive=True) if process.pid != server]
    return here.memory_info().rss / 1e6, sum(process.memory_info().rss for process in below) / 1e6


async def measure(arguments: argparse.Namespace, port: int, polls: Any, server: int) -> float:
    # Not above: the processes that are started load this file, too, and would load the program with it.
    from monitor.app import assemble
    from monitor.clock import Clock, machine_time
    from monitor.directory import find
    from monitor.settings import load
    from tests.installation import make

    jump, names = timedelta(), range(arguments.feeds)
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), {f"outlet-{n}": f"http://127.0.0.1:{port}/{n}" for n in names}, smtp_port="9")
        settings, secrets = load(
            Path(folder), allow_networks="127.0.0.0/8", poll_concurrency=IN_FLIGHT, http_bind="",
            poll_floor_seconds=1,
        )  # fmt: skip
        async with assemble(
            find(Path(folder)), settings, lambda name: secrets(name) or "http://127.0.0.1:9/",
            clock=Clock(lambda: machine_time() + jump),
        ) as monitor:  # fmt: skip
            seen = {"new": 0, "polled": 0}

            def count(report: Any) -> None:
                seen["new"] += report.new
                seen["polled"] += 1

            monitor.listen(count)
            gc.collect()
            empty, _ = memory(server)
            print(f"{arguments.feeds:,} feeds are configured: the daemon has {empty:.0f} MB")
            head = ("seconds", "feeds", "new items", "daemon MB", "parsers MB", "growth")
            print("  poll" + "".join(f"{name:>12}" for name in head))
            marks: list[float] = []
            for number in range(arguments.polls):
                polls.value = number
                seen.update(new=0, polled=0)
                started = time.perf_counter()
                await monitor.poll.run_due()
                jump += timedelta(hours=1)
                own, below = memory(server)
                marks.append(own)
                growth = own - marks[WARM - 1] if number >= WARM else 0.0
                if number < 3 or number % 5 == 4:
                    took = time.perf_counter() - started
                    print(
                        f"{number + 1:6}{took:12.1f}{seen['polled']:12,}{seen['new']:12,}"
                        f"{own:12.0f}{below:12.0f}{growth:12.1f}",
                        flush=True,
                    )
    return max(marks)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--feeds", type=int, default=10_000)
    parser.add_argument("--polls", type=int, default=20)
    parser.add_argument("--items", type=int, default=3)
    arguments = parser.parse_args()
    from monitor.heap import hold_together
    from monitor.logs import configure

    hold_together()  # as `monitor run` does
    configure("console", "error")
    context = multiprocessing.get_context("spawn")
    polls, port = context.Value("i", 0), context.Value("i", 0)
    ready, stop = context.Event(), context.Event()
    server = context.Process(target=serve, args=(arguments.items, polls, port, ready, stop))
    server.start()
    try:
        if not ready.wait(60):
            raise SystemExit("the feed server did not start")
        most = asyncio.run(measure(arguments, port.value, polls, server.pid or 0))
        print(f"most memory of the daemon: {most:.0f} MB")
    finally:
        stop.set()
        server.join(10)


if __name__ == "__main__":
    main()
