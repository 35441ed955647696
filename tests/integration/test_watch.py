"""The monitor watches itself: from what is wrong to the e-mail about it, and after a restart."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.alerts import conditions
from monitor.alerts.system_rules import DISK_LOW, RULE_ERROR, RULES_STALE
from monitor.app import open_storage
from monitor.channels.render import Renderer
from monitor.channels.template_files import load_templates
from monitor.clock import Clock
from monitor.heartbeat import Heartbeat
from monitor.http import AddressGuard, HttpClient
from monitor.loops.checks import Checks
from monitor.loops.flush import FlushLoop
from monitor.loops.watch import WatchLoop
from monitor.models import AlertState, Item, NotificationState
from monitor.rulebook import read_book
from monitor.shipped import shipped
from monitor.storage.base import Delivered
from tests import fakes
from tests.factories import T0
from tests.feed_world import ROUTES, RULES, FeedWorld, Post, VirtualClock, answer, rss

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
GIB = 2**30
FILES = {"feeds.yaml": b"feeds:\n  - {id: a, url: 'https://a.example/rss'}\n", "routes.yaml": ROUTES,
         "own/own.yaml": RULES}  # fmt: skip


class Installation:
    """Watch and flush over a real store, with a disk and rules that a test can spoil."""

    def __init__(self, storage, clock):
        self.storage, self.clock = storage, clock
        self.free = 50
        self.book = read_book(FILES, prefix="rules/")
        self.renderer = Renderer(load_templates(shipped("templates")))
        checks = Checks(storage, lambda: self.book, lambda: (int(self.free * GIB), 100 * GIB), 24 * HOUR)
        self.watch = WatchLoop(storage, lambda: self.book, clock, [checks])
        self.flush = FlushLoop(storage, lambda: self.book, self, clock, "0", lambda _: None)

    def message(self, view, recipient, channel):
        return self.renderer.render_email(view)

    async def run(self, duration=10 * MINUTE, step=MINUTE):
        end = self.clock.at + duration
        while self.clock.at < end:
            await self.watch.run_once()
            await self.flush.run_once()
            await self.deliver()
            self.clock.at += step

    async def deliver(self):
        """Let the mail server take everything."""
        now = self.clock()
        held = await self.storage.claim_notifications(now, limit=99, per_recipient=99, lease=MINUTE)
        sent = [Delivered(replace(row, state=NotificationState.SENT, sent_at=now)) for row in held]
        await self.storage.commit_delivery(sent, now)

    async def subjects(self):
        rows = await self.storage.notifications(limit=1000)
        return sorted((row.message.subject for row in rows), key=str)

    async def states(self):
        return {alert.rule.rule_id: alert.state for alert in await self.storage.list_alerts()}


@pytest.fixture
async def place(tmp_path):
    async with open_storage(f"sqlite:///{tmp_path}/monitor.db") as storage:
        yield Installation(storage, VirtualClock())


async def test_what_is_wrong_is_one_message_and_its_end_another_also_across_restarts(place):
    place.free = 3
    await place.run(HOUR)
    new = "[HIGH new] The disk is almost full: Less than 5.0 GiB of disk is free"
    assert await place.subjects() == [new]
    again = Installation(place.storage, place.clock)
    again.free = 3
    await again.run(3 * 24 * HOUR, HOUR)
    assert await again.subjects() == [new], "told once, whatever restarts, however long it lasts"
    assert (await again.states())[DISK_LOW] is AlertState.OPEN
    again.free = 50
    await again.run()
    assert await again.subjects() == [new, new.replace("new]", "recovered]")]
    (row,) = [row for row in await again.storage.notifications() if "recovered" in row.message.subject]
    assert "There is enough room again." in row.message.text
    assert (await again.states())[DISK_LOW] is AlertState.CLOSED


async def test_broken_rules_are_told_with_their_places_and_mended_at_once_with_silence(place):
    good = place.book
    place.book = read_book({**FILES, "own/own.yaml": RULES.replace(b"title:", b"titel:")}, prefix="rules/")
    await place.run(MINUTE)
    place.book = good
    await place.run()
    assert await place.subjects() == [], "it was mended within the group wait"
    assert (await place.states())[RULES_STALE] is AlertState.CLOSED
    place.book = read_book({**FILES, "own/own.yaml": RULES.replace(b"title:", b"titel:")}, prefix="rules/")
    await place.run()
    (row,) = await place.storage.notifications()
    assert row.message.subject.startswith(
        "[HIGH reopened] Part of the rules cannot be used: rules/own/own.yaml"
    )
    assert 'unknown key "titel"' in " ".join(row.message.text.split())


async def test_a_reported_defect_is_told_and_what_could_not_be_stored_is_told_later(place):
    info = place.book.rules["accord"]
    place.watch.report(conditions.rule_error(info, "ValueError: too long", place.clock()))
    claim = await place.storage.claim_flush(place.clock(), lease=MINUTE)
    assert await place.watch.run_once() == 0, "another process holds the lease"
    await place.storage.release_flush(claim)
    await place.run()
    assert (await place.states())[RULE_ERROR] is AlertState.OPEN
    (subject,) = await place.subjects()
    assert subject == '[HIGH new] A rule fails while it runs: Rule "accord" fails while it runs'


async def test_a_rule_with_a_defect_costs_no_other_rule_a_hit():
    """The engine is the product's; one rule's condition is made to raise, as a defect of ours would."""
    rules = RULES + RULES.partition(b"rules:\n")[2].replace(b"id: accord", b"id: second")
    world = FeedWorld("  - {id: outlet, url: 'https://outlet.example/rss', first_poll: all}\n", rules=rules)
    world.book = replace(world.book, engine=Defective(world.book.engine))
    await world.open()
    posts = [Post("1", "An accord is signed", "1", "https://outlet.example/1", world.clock.at)]
    world.web.sites["outlet.example"] = lambda request: answer(request, rss(posts))
    await world.turn()
    assert [alert.rule.rule_id for alert in await world.storage.list_alerts()] == ["second"]
    (errors,) = [report.rule_errors for report in world.reports if report.rule_errors]
    assert errors == (("accord", "ValueError: a defect (on “An accord is signed”)"),)


class Defective:
    """A compiled tree of which the rule `accord` raises."""

    def __init__(self, engine):
        self._engine = engine
        self.rule_infos = engine.rule_infos

    def match(self, item: Item, feed=None):
        raise ValueError("a defect")

    def match_each(self, item: Item, feed=None):
        found, failed = self._engine.match_each(item, feed)
        assert not failed
        return tuple(m for m in found if m.rule_id != "accord"), {"accord": ValueError("a defect")}


async def test_the_heartbeat_asks_its_address_through_the_guarded_client(capsys):
    async with fakes.WebServer() as server:
        server.on("/ping", fakes.Answer(b"OK"))
        url = server.url("/ping")
        async with HttpClient(AddressGuard(("127.0.0.0/8", "::1/128")), "test") as http:
            await Heartbeat(http.get, url).ping()
            assert [request.path for request in server.received] == ["/ping"]
            server.on("/ping", fakes.Answer(status=503))
            switch = Heartbeat(http.get, url)
            await switch.ping()
            await switch.ping()
        async with HttpClient(AddressGuard(()), "test") as http:
            await Heartbeat(http.get, url).ping()
        assert len(server.received) == 3, "an address inside is refused unless it is allowed"
    shown = capsys.readouterr().out
    assert shown.count("HTTP 503") == 1, "the same trouble is logged once"
    assert shown.count("heartbeat URL cannot be reached") == 2


def test_the_clock_notices_that_it_was_set():
    wall, steady = [T0], [100.0]
    clock = Clock(lambda: wall[0], lambda: steady[0])
    wall[0], steady[0] = T0 + 10 * MINUTE, 700.0
    assert clock.moved() == timedelta(0), "ten minutes passed on both"
    wall[0], steady[0] = T0 + 2 * HOUR, 760.0
    assert clock.moved() == 109 * MINUTE
    wall[0], steady[0] = T0, 760.0
    assert clock.moved() == -2 * HOUR
    assert clock() >= T0, "what it answers never goes back"
