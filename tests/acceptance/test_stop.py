"""Told to stop, the daemon ends within its bound whatever hangs: receivers, its log, its database."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import re
import signal
import sqlite3
import time

import pytest

from tests import fakes, installation
from tests.receivers import Answer, http_receiver, smtp_receiver

pytestmark = pytest.mark.acceptance

DRAIN = 3  # MONITOR_DRAIN_SECONDS of these tests
CLOSING = 10  # what the daemon adds for closing its files; see `monitor/cli/run.py`
SLACK = 5  # for a busy machine
HELD = 5  # seconds that a lock is held before the signal: a loop that ticks every second waits for it then


@contextlib.asynccontextmanager
async def running(
    tmp_path, items=("The envoy lands in Vienna",), stderr=asyncio.subprocess.DEVNULL, **settings
):
    """Yield (process, mail server, webhook, installation) once the feed was asked for."""
    asked = asyncio.Event()
    async with fakes.WebServer() as feeds, smtp_receiver() as smtp, http_receiver() as hook:

        async def feed(_request):
            asked.set()
            answer = fakes.Answer.rss(*items)
            from aiohttp import web

            return web.Response(body=answer.body, headers=dict(answer.headers))

        feeds.on("/feed", feed)
        place = installation.make(
            tmp_path,
            {"outlet": feeds.url("/feed")},
            smtp_port=str(smtp.port),
            drain_seconds=str(DRAIN),
            **settings,
        )
        place.settings["TEST_HOOK_URL"] = hook.url("/hook")
        process = await asyncio.create_subprocess_exec(
            *place.command("run", str(tmp_path)), env=place.environment, cwd=tmp_path,
            stdout=asyncio.subprocess.DEVNULL, stderr=stderr,
        )  # fmt: skip
        try:
            await until(lambda: asked.is_set() or process.returncode is not None)
            assert process.returncode is None, "it ended by itself"
            yield process, smtp, hook, place
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def until(condition, seconds=60):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for is in another process
            await asyncio.sleep(0.05)


async def stopped(process) -> float:
    """Send SIGTERM; return the seconds until the process has ended."""
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    await asyncio.wait_for(process.wait(), 60)
    return time.monotonic() - started


async def test_receivers_that_never_answer(tmp_path):
    """They would hold their attempts for 60 s; what was cut off stays in the outbox."""
    settings = {"smtp_timeout_seconds": "60", "webhook_timeout_seconds": "60"}
    async with running(tmp_path, stderr=asyncio.subprocess.PIPE, **settings) as (process, smtp, hook, place):
        smtp.stall_on, hook.default = "DATA", Answer(trickle=True)
        await until(lambda: "DATA" in smtp.commands and hook.requests)
        assert await stopped(process) < DRAIN + SLACK
        assert process.returncode == 0
        assert b"stopped before all work was finished" in await process.stderr.read()
        waiting = place.run("outbox", "list", str(tmp_path)).stdout
        assert len(re.findall(r"pending|waiting", waiting)) >= 2, waiting


async def test_a_log_that_nobody_reads(tmp_path):
    """Its pipe is full after a few lines; everything is sent all the same, and the end is in order."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    items = [f"The envoy lands in Vienna {number:04}" for number in range(60)]
    rule = installation.many_rules(60)
    try:
        async with running(tmp_path, items, writing, rule=rule, log_level="debug") as (
            process,
            smtp,
            hook,
            _,
        ):
            await until(lambda: len(smtp.messages) >= 20 and len(hook.accepted) >= 20)
            assert await stopped(process) < DRAIN + SLACK
            assert process.returncode == 0
            fcntl.fcntl(reading, fcntl.F_SETFL, os.O_NONBLOCK)
            # A line is written whole or waits: up to one line's length stays free in a full pipe.
            assert len(os.read(reading, 65536)) > 2000, "the pipe was not full: nothing was tried"
    finally:
        os.close(reading)
        os.close(writing)


async def test_a_database_that_somebody_else_has_locked(tmp_path):
    """Storing would wait for half a minute, again and again: the last resort ends it."""
    async with running(tmp_path, stderr=asyncio.subprocess.PIPE) as (process, smtp, hook, _):
        await until(lambda: smtp.messages and hook.accepted)
        with contextlib.closing(
            sqlite3.connect(tmp_path / "var" / "monitor.db", isolation_level=None)
        ) as other:
            other.execute("PRAGMA busy_timeout = 30000")
            other.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(HELD)
            assert await stopped(process) < DRAIN + CLOSING + SLACK
        assert process.returncode == 1
        assert b"is done again after the next start" in await process.stderr.read()


async def test_a_second_signal_ends_it_at_once(tmp_path):
    settings = {"smtp_timeout_seconds": "60"}
    async with running(tmp_path, stderr=asyncio.subprocess.PIPE, **settings) as (process, smtp, hook, _):
        smtp.stall_on = "DATA"
        await until(lambda: "DATA" in smtp.commands)
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        await asyncio.sleep(0.2)
        process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.wait(), 60)
        assert time.monotonic() - started < DRAIN
        assert b"a second signal came" in await process.stderr.read()
