"""kill -9 at random moments: every hit's notifications arrive, and a repeat bears the same id."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
from collections import Counter

import pytest

from monitor.models import stable_id
from tests import fakes, installation
from tests.receivers import http_receiver, smtp_receiver

pytestmark = pytest.mark.acceptance

KILLS = int(os.environ.get("KILLS", "30"))
STORIES_A_LIFE = 3  # new items that each life of the daemon finds
STARTING = 60.0  # seconds within which a life must ask for the feed
BOUND = 90.0  # seconds in which the last, healthy life must have delivered everything


MOST_STORIES = 200


class Newsroom:
    """A feed to which items are added while the daemon lives and dies."""

    def __init__(self) -> None:
        self.titles: list[str] = []

    def publish(self, count: int) -> None:
        for _ in range(count):
            number = len(self.titles) + 1
            # Words of its own in every headline: these are as many stories, not one.
            words = " ".join(stable_id(str(number), str(part))[:9] for part in range(5))
            self.titles.append(f"Envoy {number:04} lands in {words}")

    def answer(self) -> fakes.Answer:
        return fakes.Answer.rss(*reversed(self.titles))


async def test_every_notification_survives_kills(tmp_path):
    """Thirty lives, each killed at a random moment after its start, then one that is left alone."""
    dice = random.Random(20260312)
    newsroom = Newsroom()
    async with fakes.WebServer() as feeds, smtp_receiver() as smtp, http_receiver() as hook:
        asked = asyncio.Event()

        async def feed(_request):
            asked.set()
            return await _respond(newsroom.answer())

        feeds.on("/feed", feed)
        place = installation.make(
            tmp_path,
            {"newsroom": feeds.url("/feed")},
            rule=installation.many_rules(MOST_STORIES),
            smtp_port=str(smtp.port),
            poll_concurrency="4",
            fetch_timeout_seconds="2",
            parse_deadline_seconds="8",
        )
        place.settings["TEST_HOOK_URL"] = hook.url("/hook")
        assert place.run("status", str(tmp_path)).returncode == 0

        for life in range(KILLS):
            newsroom.publish(STORIES_A_LIFE)
            asked.clear()
            process = await place.start("run", str(tmp_path))
            # Most lives end at some moment of polling, grouping and sending; every sixth while it starts.
            if life % 6:
                await asyncio.wait_for(asked.wait(), STARTING)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), dice.uniform(0.0, 2.0))
            assert process.returncode is None, (await process.stderr.read()).decode()
            process.kill()
            await process.wait()

        expected = len(newsroom.titles)
        process = await place.start("run", str(tmp_path))
        try:
            async with asyncio.timeout(BOUND):
                while len(_mails(smtp)) < expected or len(_hooks(hook)) < expected:
                    assert process.returncode is None, (await process.stderr.read()).decode()
                    await asyncio.sleep(0.2)
        except TimeoutError:
            status = place.run("status", str(tmp_path)).stdout
            pytest.fail(f"{len(_mails(smtp))} mails and {len(_hooks(hook))} webhooks of {expected}\n{status}")
        finally:
            process.terminate()
            await asyncio.wait_for(process.wait(), 40)
        assert process.returncode == 0

        mails, hooks = _mails(smtp), _hooks(hook)
        assert set(mails) == set(hooks) == {f"{n:04}" for n in range(1, expected + 1)}
        for arrived in (mails, hooks):
            ids = [next(iter(found)) for found in arrived.values() if len(found) == 1]
            assert len(ids) == expected, "a repeat bears another id"
            assert len(set(ids)) == expected, "two stories share an id"
        repeats = sum(sum(found.values()) - 1 for arrived in (mails, hooks) for found in arrived.values())
        print(f"{KILLS} kills, {expected} stories, {2 * expected} notifications, 0 lost, {repeats} repeats")


def _mails(smtp) -> dict[str, Counter[str]]:
    """Story number: Message-ID and how often it came."""
    found: dict[str, Counter[str]] = {}
    for mail in smtp.messages:
        number = re.search(r"Envoy (\d{4})", mail.parsed["Subject"])[1]
        found.setdefault(number, Counter())[mail.parsed["Message-ID"]] += 1
    return found


def _hooks(hook) -> dict[str, Counter[str]]:
    """Story number: webhook-id and how often it came."""
    found: dict[str, Counter[str]] = {}
    for request in hook.requests:
        number = re.search(rb"Envoy (\d{4})", request.body)[1].decode()
        found.setdefault(number, Counter())[request.headers["webhook-id"]] += 1
    return found


async def _respond(answer: fakes.Answer):
    from aiohttp import web

    return web.Response(body=answer.body, headers=dict(answer.headers))
