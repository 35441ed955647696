"""How fast the outbox drains: run as `python tests/benchmarks/bench_deliver.py [--quick]`.

Real SMTP and HTTP sinks answer on loopback from a process of their own, after a pause as mail relays
and chat services need it to look at a message. Beside the deliverer stands what a first version of
such a program does, in the same run on the same store and sinks: one message after the other, each
committed on its own. The last part drains 50,000 notifications and watches the process's memory.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import resource
import sys
import tempfile
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from monitor.addresses import AddressGuard
from monitor.alerts.attempts import after_attempt
from monitor.channels import samples
from monitor.channels.email import Email, EmailSettings
from monitor.channels.render import Renderer
from monitor.channels.template_files import load_templates
from monitor.channels.webhook import Webhook
from monitor.http import HttpClient
from monitor.loops.deliver import DeliverLoop
from monitor.models import EmailTarget, Notification, Recipient, Routing, WebhookTarget, stable_id
from monitor.shipped import shipped
from monitor.storage.base import Delivered
from monitor.storage.sql import SqlStorage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from monitor.channels.base import Channel

HOST = "127.0.0.1"
PAUSE = 0.1  # seconds that a sink takes for one message
CONNECTIONS = (8, 16)  # to the mail server: the default, and the most there may be
RECIPIENTS = 40  # half by mail, half by webhook
SECRET = "whsec_dGhlIHNpZ25pbmcgc2VjcmV0IG9mIHRoZSBiZW5jaG1hcms="
LEASE = timedelta(minutes=5)
PAGE = resource.getpagesize()


# --- sinks ---------------------------------------------------------------------------------------


async def smtp_session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pause: float) -> None:
    """Speak as much SMTP as a client needs; after the final dot, wait."""
    writer.write(b"220 sink\r\n")
    in_data = False
    try:
        while line := await reader.readline():
            if in_data:
                if line != b".\r\n":
                    continue
                in_data = False
                await asyncio.sleep(pause)
                writer.write(b"250 2.0.0 OK\r\n")
                continue
            word = line[:4].upper()
            if word == b"DATA":
                in_data = True
                writer.write(b"354 go on\r\n")
            elif word == b"QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 OK\r\n")
    except ConnectionError:
        pass
    finally:
        writer.close()


async def sinks(pause: float, ports: multiprocessing.Queue[tuple[int, int]]) -> None:
    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await smtp_session(reader, writer, pause)

    async def hook(request: web.Request) -> web.Response:
        await request.read()
        await asyncio.sleep(pause)
        return web.Response(status=204)

    application = web.Application()
    application.router.add_post("/{path:.*}", hook)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    server = await asyncio.start_server(session, HOST, 0)
    ports.put((server.sockets[0].getsockname()[1], runner.addresses[0][1]))
    await asyncio.Event().wait()


def run_sinks(pause: float, ports: multiprocessing.Queue[tuple[int, int]]) -> None:
    asyncio.run(sinks(pause, ports))


@asynccontextmanager
async def running_sinks(pause: float) -> AsyncIterator[tuple[int, int]]:
    """Run both sinks in a process of their own; yield their ports."""
    context = multiprocessing.get_context("spawn")
    ports = context.Queue()
    process = context.Process(target=run_sinks, args=(pause, ports), daemon=True)
    process.start()
    try:
        yield await asyncio.to_thread(ports.get, timeout=60)
    finally:
        process.terminate()
        process.join(10)


# --- the outbox ----------------------------------------------------------------------------------


@dataclass
class World:
    """A store with messages in it, and the channels that send them."""

    storage: SqlStorage
    channels: dict[str, Channel]
    routing: Routing
    message: dict[str, object]  # rendered once, by channel

    def rows(self, start: int, count: int, channels: tuple[str, ...]) -> list[Notification]:
        """Return `count` messages, in turn to every recipient of these channels."""
        who = [r for r in self.routing.recipients if set(r.channels()) & set(channels)]
        now = datetime.now(UTC)
        made = []
        for number in range(start, start + count):
            recipient = who[number % len(who)]
            (channel,) = recipient.channels()
            made.append(
                Notification(
                    stable_id("bench", str(number)), recipient.recipient_id, channel, f"alert-{number}",
                    f"{recipient.recipient_id}/{number}", 1, self.message[channel],  # type: ignore[arg-type]
                    created_at=now, due_at=now, expires_at=now + timedelta(days=1),
                )
            )  # fmt: skip
        return made

    def loop(self) -> DeliverLoop:
        return DeliverLoop(
            self.storage, self.channels, lambda: self.routing, lambda: datetime.now(UTC), concurrency=20,
            attempt_bound=timedelta(seconds=45), told=lambda _: None, fallback=lambda _row, _now: (),
        )  # fmt: skip

    async def drain_one_by_one(self) -> int:
        """What a first version does: claim one, send it, commit it."""
        sent = 0
        while rows := await self.storage.claim_notifications(
            datetime.now(UTC), limit=1, per_recipient=1, lease=LEASE
        ):
            (row,) = rows
            recipient = self.routing.recipient(row.recipient_id)
            assert recipient is not None
            now = datetime.now(UTC)
            await self.channels[row.channel].send(row, recipient, now)
            await self.storage.commit_delivery([Delivered(after_attempt(row, None, now))], now)
            sent += 1
        return sent


@asynccontextmanager
async def world(
    directory: str, ports: tuple[int, int], *, mails_a_connection: int = 100, connections: int = 16
) -> AsyncIterator[World]:
    smtp, http = ports
    half = RECIPIENTS // 2
    recipients = (
        *(Recipient(f"mail-{n}", "UTC", email=EmailTarget((f"m{n}@example.org",))) for n in range(half)),
        *(
            Recipient(f"hook-{n}", "UTC", webhook=WebhookTarget(f"http://{HOST}:{http}/{n}", secret_env="S"))
            for n in range(half)
        ),
    )
    renderer = Renderer(load_templates(shipped("templates")))
    message = {
        "email": renderer.render_email(samples.CONFIRMED),
        "webhook": renderer.render_webhook(samples.CONFIRMED),
    }
    settings = EmailSettings(
        host=HOST, port=smtp, security="none", sender="m@example.org", max_connections=connections,
        max_messages=mails_a_connection,
    )  # fmt: skip
    storage = SqlStorage(f"sqlite:///{directory}/bench-{mails_a_connection}-{connections}.db")
    await storage.open()
    email = Email(settings)
    async with HttpClient(AddressGuard(("127.0.0.0/8",)), "bench/1") as client:
        channels: dict[str, Channel] = {
            "email": email,
            "webhook": Webhook(client.post, {"S": SECRET}.get),
        }
        try:
            yield World(storage, channels, Routing(recipients=recipients), message)
        finally:
            await email.close()
            await storage.close()


# --- figures -------------------------------------------------------------------------------------


async def rate(place: World, count: int, channels: tuple[str, ...], *, concurrent: bool) -> float:
    """Return notifications a second for `count` of them."""
    await place.storage.add_notifications(place.rows(time.time_ns(), count, channels))
    started = time.perf_counter()
    sent = (await place.loop().run_due())["delivered"] if concurrent else await place.drain_one_by_one()
    assert sent == count, f"{sent} of {count} were sent"
    return count / (time.perf_counter() - started)


def memory() -> float:
    """Return this process's resident memory in MB."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * PAGE / 1e6


async def throughput(directory: str, ports: tuple[int, int], *, few: int, many: int) -> float:
    """Print the table; return the ratio of the mixed outbox."""
    both = ("email", "webhook")
    print(f"notifications a second; sinks answer after {PAUSE * 1000:.0f} ms; SQLite, full durability")
    print(f"  {'':<34}{'deliverer':>12}{'one by one':>12}{'ratio':>8}")
    async with AsyncExitStack() as stack:
        default, most = [
            await stack.enter_async_context(world(directory, ports, connections=n)) for n in CONNECTIONS
        ]
        naive = await stack.enter_async_context(world(directory, ports, mails_a_connection=1))
        rows = (
            (f"mail, {CONNECTIONS[0]} connections", default, default, ("email",)),
            (f"mail, {CONNECTIONS[1]} connections", most, default, ("email",)),
            ("  beside a connection for each mail", most, naive, ("email",)),
            ("webhooks", most, most, ("webhook",)),
            (f"both, {CONNECTIONS[0]} connections", default, default, both),
            (f"both, {CONNECTIONS[1]} connections", most, most, both),
        )
        for name, place, baseline, channels in rows:
            ours = await rate(place, many, channels, concurrent=True)
            apart = await rate(baseline, few, channels, concurrent=False)
            print(f"  {name:<34}{ours:>12.0f}{apart:>12.1f}{ours / apart:>8.1f}", flush=True)
    return ours / apart


async def steady(directory: str, ports: tuple[int, int], total: int) -> float:
    """Drain `total` notifications in batches; print memory on the way; return its growth in MB."""
    batch = total // 10
    marks: list[float] = []
    async with world(directory, ports, mails_a_connection=500) as place:
        loop = place.loop()
        cpu = time.process_time()
        for number in range(10):
            for start in range(number * batch, (number + 1) * batch, 500):
                await place.storage.add_notifications(place.rows(start, 500, ("email", "webhook")))
            sent = await loop.run_due()  # a whole backlog at once
            assert sent["delivered"] == batch
            marks.append(memory())
        cpu = time.process_time() - cpu
    told = ", ".join(f"{(n + 1) * batch:,}: {mark:.0f}" for n, mark in enumerate(marks))
    print(f"memory after so many notifications, in backlogs of {batch:,}, MB: {told}")
    print(f"  CPU of this process: {cpu / total * 1000:.2f} ms a notification")
    return marks[-1] - marks[1]


async def main(*, quick: bool) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))  # errors only
    with tempfile.TemporaryDirectory(prefix="monitor-bench-") as directory:
        async with running_sinks(PAUSE) as ports:
            ratio = await throughput(directory, ports, few=20 if quick else 60, many=400 if quick else 1200)
        async with running_sinks(0.0) as ports:
            grown = await steady(directory, ports, 5_000 if quick else 50_000)
    print(f"mail and webhooks together: {ratio:.1f} times one by one; memory grew by {grown:.1f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    asyncio.run(main(quick=parser.parse_args().quick))
