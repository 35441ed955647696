"""Parsing in processes that can be killed: one document's trouble stays its own."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from monitor.errors import ErrorKind, ParseError
from monitor.feeds.results import Fetched
from monitor.feeds.worker import ParserPool

NOW = datetime(2025, 3, 30, 12, tzinfo=UTC)
GOOD = b"<rss version='2.0'><channel><item><title>A</title><link>/a</link></item></channel></rss>"
# Broken XML from the start, so that the scan sees no author to cut; feedparser needs 20 s for it.
HANGS = b"<rss version='2.0'><channel>& <item><author>" + b"x" * 65_536 + b"</author></item></channel></rss>"


def fetched(body):
    url = "https://outlet.example/rss"
    return Fetched("outlet", 200, url, url, body, "", NOW)


def workers():
    """Return the processes below this one that run parsers."""
    return {
        child.pid
        for child in psutil.Process().children(recursive=True)
        if child.status() != psutil.STATUS_ZOMBIE
    }


async def test_a_document_is_parsed_in_another_process():
    async with ParserPool(1, timedelta(seconds=20)) as pool:
        parsed = await pool.parse(fetched(GOOD))
    assert [(entry.title, entry.link) for entry in parsed.entries] == [("A", "https://outlet.example/a")]


async def test_a_document_that_hangs_is_killed_and_the_others_go_on():
    async with ParserPool(2, timedelta(seconds=1)) as pool:
        await pool.parse(fetched(GOOD))  # the workers are up
        started = time.perf_counter()
        outcomes = await asyncio.gather(
            *(pool.parse(fetched(body)) for body in (HANGS, GOOD, GOOD, GOOD)), return_exceptions=True
        )
        assert time.perf_counter() - started < 8
        assert isinstance(outcomes[0], ParseError)
        assert outcomes[0].kind is ErrorKind.BROKEN
        assert "within 1 s" in str(outcomes[0])
        assert [len(parsed.entries) for parsed in outcomes[1:]] == [1, 1, 1]
        assert len((await pool.parse(fetched(GOOD))).entries) == 1


def titled(number):
    return GOOD.replace(b"<title>A", b"<title>%d" % number)


async def test_documents_that_wait_are_answered_each_with_its_own():
    bodies = [b"" if number == 20 else titled(number) for number in range(60)]
    async with ParserPool(2, timedelta(seconds=20)) as pool:
        outcomes = await asyncio.gather(
            *(pool.parse(fetched(body)) for body in bodies), return_exceptions=True
        )
    assert isinstance(outcomes.pop(20), ParseError)
    assert [int(parsed.entries[0].title) for parsed in outcomes] == [n for n in range(60) if n != 20]


async def test_a_document_that_crashes_its_worker_takes_no_other_with_it():
    async with ParserPool(1, timedelta(seconds=20)) as pool:
        await pool.parse(fetched(GOOD))
        before = workers()
        hanging = asyncio.create_task(pool.parse(fetched(HANGS)))
        others = [asyncio.create_task(pool.parse(fetched(titled(number)))) for number in range(5)]
        for _ in range(400):  # until a worker is at work on the one that hangs
            await asyncio.sleep(0)
            if any(psutil.Process(pid).cpu_percent(0.05) > 50 for pid in workers() & before):
                break
        for pid in workers() & before:
            process = psutil.Process(pid)
            if not process.children() and "resource_tracker" not in " ".join(process.cmdline()):
                process.kill()
        assert [int((await other).entries[0].title) for other in others] == [0, 1, 2, 3, 4]
        hanging.cancel()


async def test_cancelling_one_of_several_leaves_the_others():
    async with ParserPool(1, timedelta(seconds=20)) as pool:
        running = [asyncio.create_task(pool.parse(fetched(titled(number)))) for number in range(6)]
        await asyncio.sleep(0)
        running[3].cancel()
        outcomes = await asyncio.gather(*running, return_exceptions=True)
    assert isinstance(outcomes.pop(3), asyncio.CancelledError)
    assert [int(parsed.entries[0].title) for parsed in outcomes] == [0, 1, 2, 4, 5]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", ErrorKind.EMPTY),
        (b"<html></html>", ErrorKind.NOT_A_FEED),
        (b"<rss><channel><title>", ErrorKind.BROKEN),
    ],
)
async def test_errors_come_back_with_their_kind(body, kind):
    async with ParserPool(1, timedelta(seconds=20)) as pool:
        with pytest.raises(ParseError) as caught:
            await pool.parse(fetched(body))
    assert caught.value.kind is kind


async def test_workers_are_replaced_after_their_tasks():
    async with ParserPool(1, timedelta(seconds=20), max_tasks=2) as pool:
        for _ in range(5):
            assert (await pool.parse(fetched(GOOD))).entries


async def test_cancelling_stops_the_parse():
    async with ParserPool(1, timedelta(seconds=30)) as pool:
        await pool.parse(fetched(GOOD))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pool.parse(fetched(HANGS)), 0.5)
        started = time.perf_counter()
        await pool.parse(fetched(GOOD))
        assert time.perf_counter() - started < 8


async def test_closing_leaves_no_worker_behind():
    async with ParserPool(2, timedelta(seconds=20)) as first:
        await first.parse(fetched(GOOD))
    before = workers()  # the fork server and its tracker stay until this process ends
    pool = ParserPool(3, timedelta(seconds=30))
    await asyncio.gather(*(pool.parse(fetched(GOOD)) for _ in range(6)))
    hanging = asyncio.create_task(pool.parse(fetched(HANGS)))
    await asyncio.sleep(0)
    await pool.close()
    await pool.close()  # twice is harmless
    assert isinstance((await asyncio.gather(hanging, return_exceptions=True))[0], BaseException)
    assert workers() <= before


async def test_a_pool_that_was_never_used_closes():
    await ParserPool(2, timedelta(seconds=1)).close()


async def test_a_pool_whose_processes_somebody_ended_starts_again():
    async with ParserPool(2, timedelta(seconds=20)) as pool:
        before = workers()
        await pool.parse(fetched(GOOD))
        for pid in workers() - before:
            process = psutil.Process(pid)
            if process.children() or "resource_tracker" not in " ".join(process.cmdline()):
                process.kill()
        assert (await pool.parse(fetched(GOOD))).entries
        assert (await pool.parse(fetched(GOOD))).entries
