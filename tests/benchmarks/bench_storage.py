"""How fast the stores are: run as `python tests/benchmarks/bench_storage.py [--quick]`.

Each figure stands beside a naive baseline, measured on the same engine in the same run: the same rows
by the same driver, one transaction for each row, as a first version of such a program would write them.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from typing import TYPE_CHECKING

from sqlalchemy import Connection, insert, select, update

from monitor.models import NotificationState
from monitor.storage import rows
from monitor.storage.base import Delivered, FlushCommit, PollCommit
from monitor.storage.sql import SqlStorage
from monitor.storage.tables import hits, hosts, items, notifications
from tests.contract.places import make_database, postgres_server
from tests.factories import (
    T0,
    make_alert,
    make_decision,
    make_hit,
    make_item,
    make_member,
    make_notification,
    make_revision,
    make_seed,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

LEASE = timedelta(minutes=5)
ITEMS = 40  # in one poll


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    name: str
    per_second: float
    baseline: float


async def rate(count: int, work: Callable[[], Awaitable[object]]) -> float:
    """Return how many of `count` were done a second."""
    started = time.perf_counter()
    await work()
    return count / (time.perf_counter() - started)


async def host_claims(store: SqlStorage, size: int) -> Figure:
    """Two workers claim batches of hosts until none is left."""
    await store.sync_feeds([make_seed(f"f{n:06}") for n in range(size)], T0)

    async def worker(limit: int, stop: int) -> None:
        done = 0
        while done < stop and (claims := await store.claim_hosts(T0, limit=limit, per_host=4, lease=LEASE)):
            done += len(claims)

    few = size // 10

    def one(connection: Connection, token: str) -> None:
        name = connection.scalar(select(hosts.c.host).where(hosts.c.token == "").limit(1))
        connection.execute(
            update(hosts).where(hosts.c.host == name).values(token=token, lease_until=T0 + LEASE)
        )

    async def naive() -> None:
        for n in range(few):
            await store._engine.write(one, f"naive-{n}")

    baseline = await rate(few, naive)

    async def both() -> None:
        await asyncio.gather(worker(50, size), worker(50, size))

    return Figure("host claims", await rate(size - few, both), baseline)


async def polls(store: SqlStorage, size: int) -> Figure:
    """Polls of forty new items with four hits each, by four hosts at once."""
    names = [f"poll-{n}" for n in range(4)]
    await store.sync_feeds([make_seed(name) for name in names], T0)
    claims = await store.claim_hosts(T0, limit=4, per_host=1, lease=LEASE)

    def body(feed: str, poll: int) -> tuple[list, list]:
        found = [make_item(f"{poll}-{n}", feed_id=feed) for n in range(ITEMS)]
        return found, [make_hit(item_id=one.item_id) for one in found[:4]]

    bodies = {name: [body(name, poll) for poll in range(size)] for name in names}

    async def host(claim) -> None:
        for found, matched in bodies[claim.feeds[0].feed_id]:
            ids = tuple(one.item_id for one in found)
            await store.known_items(claim.feeds[0].feed_id, [one.key for one in found])
            await store.commit_poll(claim, PollCommit(claim.feeds[0], tuple(found), ids, tuple(matched)), T0)

    async def all_hosts() -> None:
        await asyncio.gather(*(host(claim) for claim in claims))

    per_second = await rate(size * len(names), all_hosts)

    def one_row(connection: Connection, table, row) -> None:
        connection.execute(insert(table).values(row))

    few = max(1, size // 10)

    async def naive() -> None:
        for poll in range(few):
            found, matched = body("naive", poll)
            for item in found:
                await store._engine.write(one_row, items, rows.item_row(item, T0))
            for hit in matched:
                await store._engine.write(one_row, hits, rows.hit_row(hit))

    return Figure(f"polls of {ITEMS} new items", per_second, await rate(few, naive))


async def flushes(store: SqlStorage, size: int) -> Figure:
    """Hits grouped in batches of two hundred: story, alert, revision, decision and message for each."""
    pending = await store.pending_hits(limit=size)
    count = len(pending)

    def outcome(one) -> tuple:
        source = make_alert(one.hit.hit_id).sources[0]
        alert = make_alert(one.hit.hit_id, sources=(replace(source, item_id=one.item.item_id),))
        row = make_notification(
            one.hit.hit_id, alert_id=alert.alert_id, recipient_id=f"r{int(one.hit.hit_id, 16) % 20}"
        )
        decision = make_decision(
            alert, recipient_id=row.recipient_id, notification_ids=(row.notification_id,)
        )
        return make_member(item_id=one.item.item_id), alert, make_revision(alert), decision, row

    few = count // 10

    async def grouped(batch: int, total: int) -> None:
        done = 0
        while done < total and (found := await store.pending_hits(limit=batch)):
            held = await store.claim_flush(T0, lease=LEASE)
            assert held is not None
            columns = [tuple(column) for column in zip(*map(outcome, found), strict=True)]
            handled = tuple(one.hit.hit_id for one in found)
            await store.commit_flush(held, FlushCommit(handled, *columns), T0)
            await store.release_flush(held)
            done += len(found)

    baseline = await rate(few, lambda: grouped(1, few))
    return Figure("hits grouped", await rate(count - few, lambda: grouped(200, count)), baseline)


async def deliveries(store: SqlStorage, size: int) -> Figure:
    """Messages claimed and marked as sent, in batches of fifty, by two workers."""
    added = [make_notification(f"extra-{n}", recipient_id=f"r{n % 20}") for n in range(size)]
    await store.add_notifications(added)
    waiting = (await store.counts(T0)).notifications_pending

    async def worker() -> None:
        while claimed := await store.claim_notifications(T0, limit=50, per_recipient=10, lease=LEASE):
            sent = [replace(one, state=NotificationState.SENT, attempts=1, sent_at=T0) for one in claimed]
            await store.commit_delivery([Delivered(one) for one in sent], T0)

    few = waiting // 10

    def one(connection: Connection) -> None:
        key = connection.scalar(
            select(notifications.c.notification_id).where(notifications.c.state == "pending").limit(1)
        )
        connection.execute(
            update(notifications)
            .where(notifications.c.notification_id == key)
            .values(state="sent", attempts=1, sent_at=T0, ended_at=T0)
        )

    async def naive() -> None:
        for _ in range(few):
            await store._engine.write_durably(one)

    baseline = await rate(few, naive)

    async def both() -> None:
        await asyncio.gather(worker(), worker())

    return Figure("notifications claimed and sent", await rate(waiting - few, both), baseline)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[SqlStorage]:
    """Yield an open store."""
    store = SqlStorage(url)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def measure(url: str, scale: int) -> list[Figure]:
    """Return the figures of one engine."""
    async with opened(url) as store:
        figures = [await host_claims(store, 100 * scale), await polls(store, scale)]
        return [*figures, await flushes(store, 16 * scale), await deliveries(store, 50 * scale)]


def show(engine: str, figures: list[Figure]) -> None:
    for one in figures:
        print(
            f"{engine:<11} {one.name:<32} {one.per_second:>9,.0f}/s {one.baseline:>9,.0f}/s "
            f"{one.per_second / one.baseline:>6.1f}x"
        )


async def main(scale: int) -> None:
    print(f"{'engine':<11} {'what':<32} {'product':>11} {'naive':>11} {'ratio':>7}")
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="monitor-bench-"))
        show("SQLite", await measure(f"sqlite:///{directory}/monitor.db", scale))
        server = stack.enter_context(postgres_server())
        show("PostgreSQL", await measure(await make_database(server, "bench", fsync=True), scale))
    print("naive: one transaction for each row, and one at a time")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    asyncio.run(main(5 if parser.parse_args().quick else 50))
