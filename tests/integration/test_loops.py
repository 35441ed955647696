"""The loops over the in-memory store with a virtual clock: timing, order, and a crash at every step."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitor.channels.render import Renderer
from monitor.channels.template_files import load_templates
from monitor.errors import DeliveryError
from monitor.intake import make_hit
from monitor.loops.deliver import DeliverLoop
from monitor.loops.flush import FlushLoop
from monitor.models import FeedState, Item, NotificationState, Outcome, stable_id
from monitor.notices import fallback_notices
from monitor.rulebook import RuleBook, read_book
from monitor.shipped import shipped
from monitor.storage.base import FeedSeed, PollCommit
from monitor.storage.memory import MemoryStorage
from monitor.stories.linking import JOINING

START = datetime(2026, 3, 12, 13, 0, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)

FILES = {
    "feeds.yaml": b"""feeds:
  - {id: one, url: 'https://one.example/feed', owner: one}
  - {id: two, url: 'https://two.example/feed', owner: two}
""",
    "routes.yaml": b"""recipients:
  - {id: desk, email: {to: [desk@example.org]}, timezone: UTC}
  - id: night
    email: {to: [night@example.org]}
    timezone: UTC
    quiet: ["12:00-14:00"]
    bypass: critical
    fallback: chief
  - {id: chief, email: {to: [chief@example.org]}, timezone: UTC, fallback: night}
routes:
  - {match: {severity: ">=high"}, to: [desk, night]}
  - {default: true, to: [desk]}
""",
    "talks/talks.yaml": b"""version: 1
defaults: {owner: desk, topic: talks}
rules:
  - id: envoy-lands
    title: An envoy lands
    severity: high
    when: {all: [envoy, lands]}
    must_match: ["The envoy lands in Vienna"]
    must_not_match: ["The minister stays at home"]
""",
}
ACCOUNTS = {  # each outlet's own words: the same words would be a copy, and no second source
    "one": "Officials at the airport said that the visitor went straight to the chancellery.",
    "two": "Our correspondent watched a motorcade leave the runway under heavy rain at noon.",
}
BOOK = read_book(FILES, prefix="rules/")


class CrashError(Exception):
    """The process dies here."""


class Dying:
    """A store that dies at its n-th call, before or after the call took effect."""

    def __init__(self, store: MemoryStorage, at: int, *, after: bool) -> None:
        self._store, self._left, self._after = store, at, after
        self.died = False

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        async def call(*arguments: Any, **options: Any) -> Any:
            if self.died:
                raise CrashError
            self._left -= 1
            if self._left < 0 and not self._after:
                self.died = True
                raise CrashError
            result = await method(*arguments, **options)
            if self._left < 0:
                self.died = True
                raise CrashError
            return result

        return call


@dataclass
class Recording:
    """A channel that keeps what it was given; `failures` are raised first, in turn."""

    name: str = "email"
    sent: list[tuple[str, str, int]] = field(default_factory=list)  # (recipient, notification id, sequence)
    failures: list[DeliveryError] = field(default_factory=list)
    failures_for: dict[str, list[DeliveryError]] = field(default_factory=dict)  # by recipient

    async def send(self, notification, recipient, now):
        if self.failures_for.get(recipient.recipient_id):
            raise self.failures_for[recipient.recipient_id].pop(0)
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append((recipient.recipient_id, notification.notification_id, notification.sequence))
        return "250 kept"

    def target(self, recipient):
        return ""

    async def close(self):
        """Nothing is open."""


class World:
    """One installation with virtual time."""

    def __init__(self, book: RuleBook = BOOK) -> None:
        self.book = book
        self.store = MemoryStorage()
        self.at = START
        self.channel = Recording()
        self.renderer = Renderer(load_templates(shipped("templates")))
        self.joining = JOINING

    def clock(self) -> datetime:
        return self.at

    def message(self, view, recipient, channel):
        return self.renderer.render_email(view)

    async def publish(self, feed_id: str, *titles: str, language: str = "en") -> None:
        """Store new items of a feed, with the hits that the rules find in them."""
        urls = [FeedSeed(f.feed_id, f.url, f.owner) for f in self.book.feeds.values()]
        await self.store.sync_feeds(urls, self.at)
        claims = await self.store.claim_hosts(self.at, limit=10, per_host=10, lease=MINUTE)
        claim = next(c for c in claims if c.host == feed_id)
        items = tuple(
            Item(
                item_id=stable_id(feed_id, title), feed_id=feed_id, key=f"guid:{title}", title=title,
                summary=ACCOUNTS[feed_id],
                first_seen_at=self.at, published_at=self.at, content_hash=stable_id(title), language=language,
            )
            for title in titles
        )  # fmt: skip
        hits = tuple(
            make_hit(item, match, self.at) for item in items for match in self.book.engine.match(item)
        )
        state = FeedState(feed_id, self.book.feeds[feed_id].url, feed_id, self.at, baselined_at=self.at)
        await self.store.commit_poll(
            claim, PollCommit(state, items, tuple(i.item_id for i in items), hits), self.at
        )
        for held in claims:
            await self.store.release_host(held, free_at=self.at)

    async def revise(self, item_id: str, title: str) -> None:
        """Let an outlet change a report that it has published."""
        (item,) = (one for one in await self.store.items(limit=1000) if one.item_id == item_id)
        changed = replace(item, title=title, revision=item.revision + 1, content_hash=stable_id(title))
        claims = await self.store.claim_hosts(self.at, limit=10, per_host=10, lease=MINUTE)
        claim = next(c for c in claims if c.host == item.feed_id)
        hits = tuple(make_hit(changed, match, self.at) for match in self.book.engine.match(changed))
        state = FeedState(item.feed_id, self.book.feeds[item.feed_id].url, item.feed_id, self.at)
        await self.store.commit_poll(claim, PollCommit(state, (changed,), (), hits), self.at)
        for held in claims:
            await self.store.release_host(held, free_at=self.at)

    def fallback(self, failed, now):
        return fallback_notices(failed, self.book.routing, self.message, now, "0")

    def loops(self, store=None):
        store = store or self.store
        flush = FlushLoop(
            store, lambda: self.book, self, self.clock, "0", lambda _: None, joining=self.joining
        )
        deliver = DeliverLoop(
            store, {"email": self.channel}, lambda: self.book.routing, self.clock,
            concurrency=8, attempt_bound=MINUTE, told=lambda _: None, fallback=self.fallback,
        )  # fmt: skip
        return flush, deliver

    async def turn(self, store=None) -> None:
        """One tick of flush and deliver."""
        flush, deliver = self.loops(store)
        await flush.run_once()
        await deliver.run_due()

    async def run(self, duration: timedelta, step: timedelta = 10 * SECOND) -> None:
        end = self.at + duration
        while self.at < end:
            self.at += step
            await self.turn()


@pytest.fixture
def world():
    return World()


async def test_a_message_waits_to_collect_further_reports(world):
    """High severity waits two minutes; a second report in that time is in the first message."""
    await world.publish("one", "The envoy lands in Vienna for talks with the minister")
    await world.run(MINUTE)
    assert world.channel.sent == []
    await world.publish("two", "The envoy lands in Vienna for talks with the minister")
    await world.run(2 * MINUTE)
    assert [(recipient, sequence) for recipient, _, sequence in world.channel.sent] == [("desk", 2)]


async def test_quiet_hours_hold_and_let_go(world):
    """It is 13:00; the night desk is quiet until 14:00 and high does not bypass."""
    await world.publish("one", "The envoy lands in Vienna for talks with the minister")
    await world.run(10 * MINUTE)
    assert {recipient for recipient, *_ in world.channel.sent} == {"desk"}
    await world.run(51 * MINUTE, MINUTE)
    assert {recipient for recipient, *_ in world.channel.sent} == {"desk", "night"}
    assert world.at == START + 61 * MINUTE


async def test_a_transient_failure_is_tried_again_with_the_same_id(world):
    world.channel.failures = [DeliveryError("452 later", permanent=False)]
    await world.publish("one", "The envoy lands in Vienna for talks with the minister")
    await world.run(3 * MINUTE)
    first = await world.store.notifications()
    assert {row.recipient_id: row.attempts for row in first}["desk"] == 2
    assert [recipient for recipient, *_ in world.channel.sent] == ["desk"]


async def test_a_permanent_failure_is_given_up_and_its_decision_says_so(world):
    world.channel.failures = [DeliveryError("550 no such mailbox", permanent=True)]
    await world.publish("one", "The envoy lands in Vienna for talks with the minister")
    await world.run(3 * MINUTE)
    dead = await world.store.notifications(state="dead")
    assert [row.last_error for row in dead] == ["550 no such mailbox"]
    decisions = await world.store.decisions([dead[0].alert_id])
    assert {d.recipient_id: d.outcome for d in decisions}["desk"] is Outcome.FAILED


@pytest.mark.parametrize(
    ("failures", "attempts"),
    [
        ([DeliveryError("550 no such mailbox", permanent=True)], 1),  # given up at once
        ([DeliveryError("452 later", permanent=False)] * 3, 3),  # still tried, but somebody should know
    ],
    ids=["given up", "third failure"],
)
async def test_who_cannot_be_reached_has_a_fallback(world, failures, attempts):
    """It is past 14:00: the night desk is to be told at once, and its mailbox fails."""
    world.at = START + timedelta(hours=2)
    await world.publish("one", "The envoy lands in Vienna for talks with the minister")
    world.channel.failures_for = {"night": list(failures)}
    await world.run(timedelta(minutes=12))
    rows = {row.recipient_id: row for row in await world.store.notifications()}
    assert rows["night"].attempts >= attempts
    notice = rows["chief"].message
    assert notice.subject.startswith("[FALLBACK for night] [HIGH new] An envoy lands")
    assert failures[0].args[0] in notice.text
    assert "The envoy lands in Vienna" in notice.text
    assert [r for r, *_ in world.channel.sent].count("chief") == 1
    assert len(rows) == len(await world.store.notifications()), "a fallback has no fallback, and is sent once"


async def test_a_quiet_alert_closes(world):
    await world.publish("one", "The envoy lands in Vienna for talks with the minister")
    await world.run(3 * MINUTE)
    world.at += timedelta(hours=25)
    await world.turn()
    (alert,) = await world.store.list_alerts()
    assert alert.state == "closed"
    assert [r.reason for r in await world.store.revisions([alert.alert_id])] == ["new", "closed"]


async def scenario(world: World, dying: Dying | None = None) -> bool:
    """Two stories, one of them with a second report; return whether the process survived."""
    store = dying or world.store
    try:
        for _ in range(4):
            world.at += MINUTE
            await world.turn(store)
    except CrashError:
        return False
    return True


async def published() -> World:
    world = World()
    await world.publish(
        "one", "The envoy lands in Vienna for talks with the minister", "An envoy lands on the far moon"
    )
    await world.publish("two", "The envoy lands in Vienna for talks with the minister")
    return world


@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
def test_a_crash_at_any_call_loses_nothing_and_repeats_with_the_same_id(after):
    """Every storage call of the scenario is the last one of its process, once."""

    async def undisturbed() -> list[tuple[str, str, int]]:
        world = await published()
        assert await scenario(world)
        return sorted(world.channel.sent)

    async def disturbed(call: int) -> tuple[bool, World]:
        world = await published()
        survived = await scenario(world, Dying(world.store, call, after=after))
        await world.store.end_leases()  # as the next process does
        world.at = START  # the same moments again: a restart takes no virtual time
        await scenario(world)
        return survived, world

    expected = asyncio.run(undisturbed())
    assert len(expected) == 2, expected
    crashes = 0
    for call in range(500):
        survived, world = asyncio.run(disturbed(call))
        if survived:
            break
        crashes += 1
        assert set(world.channel.sent) == set(expected), f"call {call}"
        rows = asyncio.run(world.store.notifications(state=NotificationState.PENDING.value))
        assert {row.recipient_id for row in rows} <= {"night"}
    assert crashes > 20
