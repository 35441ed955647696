"""The deliver loop on virtual time: breakers, probes, receivers that are gone, paused channels, order."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from monitor.errors import DeliveryError
from monitor.loops.deliver import DeliverLoop
from monitor.loops.gate import GONE_VALUE
from monitor.models import EmailTarget, NotificationState, Recipient, Routing, WebhookTarget
from monitor.notices import fallback_notices
from monitor.storage.memory import MemoryStorage
from tests.factories import T0, make_message, make_notification

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
DEAD, PENDING, SENT = NotificationState.DEAD, NotificationState.PENDING, NotificationState.SENT

ROUTING = Routing(
    recipients=(
        Recipient("hook", "UTC", webhook=WebhookTarget(url="https://hook.example/1"), fallback="phone"),
        Recipient("other", "UTC", webhook=WebhookTarget(url="https://hook.example/2")),
        Recipient("phone", "UTC", email=EmailTarget(("phone@example.org",))),
        Recipient("keeper", "UTC", email=EmailTarget(("keeper@example.org",))),
    )
)


@dataclass
class Scripted:
    """A channel that fails as told: `down` by recipient, and counts what it is asked."""

    name: str
    down: dict[str, DeliveryError] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    taken: list[tuple[str, str]] = field(default_factory=list)
    url: str = "1"
    at_once: Counter = field(default_factory=Counter)
    most: Counter = field(default_factory=Counter)
    gate: asyncio.Event | None = None
    forty: asyncio.Event = field(default_factory=asyncio.Event)  # messages to "other" were taken

    async def send(self, notification, recipient, now):
        who = recipient.recipient_id
        self.asked.append((who, notification.notification_id))
        self.at_once[who] += 1
        self.most[who] = max(self.most[who], self.at_once[who])
        try:
            if self.gate is not None and who == "hook":
                await self.gate.wait()
            if error := self.down.get(who) or self.down.get(""):
                raise error
        finally:
            self.at_once[who] -= 1
        self.taken.append((who, notification.notification_id))
        if sum(name == "other" for name, _ in self.taken) == 40:
            self.forty.set()
        return "taken"

    def target(self, recipient):
        return f"{recipient.recipient_id}-{self.url}" if recipient.webhook else ""

    async def close(self):
        """Nothing is open."""


class World:
    """A store, two channels and a deliverer on a clock that only the test moves."""

    def __init__(self) -> None:
        self.store = MemoryStorage()
        self.at = T0
        self.hook, self.mail = Scripted("webhook"), Scripted("email")
        self.troubles: list = []
        self.restart()

    def restart(self) -> None:
        self.loop = DeliverLoop(
            self.store, {"webhook": self.hook, "email": self.mail}, lambda: ROUTING, self.clock,
            concurrency=20, attempt_bound=MINUTE, told=lambda _: None, fallback=self.fallback,
            trouble=self.trouble,
        )  # fmt: skip

    def clock(self) -> datetime:
        return self.at

    def render(self, view, recipient, channel):
        return make_message(kind=view.kind, subject=view.subject, text="\n".join((view.intro, *view.lines)))

    def fallback(self, failed, now):
        return fallback_notices(failed, ROUTING, self.render, now, "test")

    def trouble(self, trouble, now):
        self.troubles.append((trouble.kind, trouble.recipient_id, trouble.channel))
        return ()

    async def put(self, *names, recipient="hook", channel="webhook", **fields):
        await self.store.add_notifications(
            [
                make_notification(
                    name, notification_id=name, recipient_id=recipient, channel=channel,
                    order_key=f"{recipient}/{fields.get('alert', name)}", sequence=index,
                    expires_at=T0 + 100 * HOUR,
                )
                for index, name in enumerate(names, 1)
            ]
        )  # fmt: skip

    async def run(self, duration, step=10 * SECOND):
        end = self.at + duration
        while self.at < end:
            self.at += step
            await self.loop.run_due()

    async def rows(self, recipient="hook"):
        return {
            r.notification_id: r for r in await self.store.notifications(recipient_id=recipient, limit=999)
        }


@pytest.fixture
def world():
    return World()


DOWN = DeliveryError("HTTP 503 from hook.example; it is tried again later", permanent=False)
GONE = DeliveryError("HTTP 410 from hook.example", permanent=True, gone=True)
LOGIN = DeliveryError("535 the login is refused", permanent=True, pause_channel=True)
SILENT = DeliveryError("mail.example:587 does not answer", permanent=False, unreachable=True)


async def test_a_receiver_that_fails_is_left_alone_and_probed_by_one_message(world):
    world.hook.down["hook"] = DOWN
    await world.put(*(f"n{i}" for i in range(50)))
    await world.put("m1", "m2", recipient="other")
    await world.run(2 * HOUR)
    asked = [who for who, _ in world.hook.asked]
    assert asked.count("other") == 2, "nobody else waits"
    # Four at once before the breaker is known, then one probe at 1, 2, 4... 30 min.
    assert 4 <= asked.count("hook") <= 14
    rows = await world.rows()
    assert {row.state for row in rows.values()} == {PENDING}
    assert world.troubles == [("failing", "hook", "webhook")]


async def test_when_it_is_back_all_that_waits_leaves_at_once(world):
    world.hook.down["hook"] = DOWN
    await world.put(*(f"n{i}" for i in range(50)))
    await world.run(6 * HOUR)
    world.hook.down.clear()
    before = world.at
    await world.run(34 * MINUTE)
    rows = await world.rows()
    assert {row.state for row in rows.values()} == {SENT}
    assert max(row.sent_at for row in rows.values()) - min(row.sent_at for row in rows.values()) <= MINUTE
    assert min(row.sent_at for row in rows.values()) - before <= 33 * MINUTE


async def test_after_a_restart_the_first_message_taken_frees_those_that_wait_for_hours(world):
    world.hook.down["hook"] = DOWN
    await world.put("old")
    await world.run(40 * MINUTE)
    world.hook.down.clear()
    world.restart()
    await world.put("new")
    await world.run(20 * SECOND)
    assert {row.state for row in (await world.rows()).values()} == {SENT}


async def test_what_is_held_back_goes_to_the_fallback_without_being_tried(world):
    world.hook.down["hook"] = DOWN
    await world.put("n1", "n2", "n3")
    await world.run(MINUTE)
    world.mail.taken.clear()
    tried = len(world.hook.asked)
    await world.put("late")
    world.at += SECOND
    await world.loop.run_due()
    assert len(world.hook.asked) == tried
    assert [who for who, _ in world.mail.taken] == ["phone"]
    late = (await world.rows())["late"]
    assert late.attempts == 0
    assert late.last_error.startswith("not tried: the receiver failed 3 times in a row")
    (told,) = [r for r in await world.store.notifications(recipient_id="phone") if r.created_at == world.at]
    assert "hook cannot be reached by webhook at present" in told.message.text


async def test_what_waits_for_hours_goes_to_the_fallback_when_the_breaker_opens(world):
    world.hook.down["hook"] = DOWN
    await world.put("old")
    await world.run(20 * SECOND)  # two attempts: the third is 5 min away
    assert (await world.rows())["old"].attempts == 2
    await world.put("new")
    await world.run(20 * SECOND)
    assert len([1 for who, _ in world.mail.taken if who == "phone"]) == 2


async def test_a_message_held_back_for_all_its_life_is_given_up(world):
    world.hook.down["hook"] = DOWN
    await world.put(*(f"n{i}" for i in range(5)))
    await world.run(101 * HOUR, 5 * MINUTE)
    rows = await world.rows()
    assert {row.state for row in rows.values()} == {DEAD}
    assert any("the receiver did not come back before" in row.last_error for row in rows.values())


async def test_a_receiver_that_is_gone_is_never_called_again_until_its_url_changes(world):
    world.hook.down["hook"] = GONE
    await world.put("n1")
    await world.run(10 * SECOND)
    assert world.troubles == [("gone", "hook", "webhook")]
    assert "hook/webhook" in await world.store.get_value(GONE_VALUE)
    world.hook.down.clear()
    world.restart()  # it is remembered
    await world.put("n2")
    await world.run(10 * SECOND)
    assert world.hook.asked == [("hook", "n1")]
    rows = await world.rows()
    assert {name: (row.state, row.attempts) for name, row in rows.items()} == {
        "n1": (DEAD, 1),
        "n2": (DEAD, 0),
    }
    assert "answered HTTP 410" in rows["n2"].last_error
    assert len([1 for who, _ in world.mail.taken if who == "phone"]) == 2, "the fallback hears of both"
    world.hook.url = "2"
    await world.put("n3")
    await world.run(10 * SECOND)
    assert (await world.rows())["n3"].state is SENT


async def test_a_refused_login_pauses_the_channel_and_is_told_once(world):
    world.mail.down[""] = LOGIN
    await world.put(*(f"n{i}" for i in range(30)), recipient="keeper", channel="email")
    await world.run(4 * MINUTE)
    assert len(world.mail.asked) <= 4, "more attempts could lock the account"
    assert world.troubles == [("paused", "", "email")]
    world.mail.down.clear()
    await world.run(8 * MINUTE)
    assert {row.state for row in (await world.rows("keeper")).values()} == {SENT}


async def test_a_mail_server_that_does_not_answer_is_one_trouble_and_not_one_for_each_recipient(world):
    world.mail.down[""] = SILENT
    for who in ("phone", "keeper"):
        await world.put(*(f"{who}{i}" for i in range(30)), recipient=who, channel="email")
    await world.run(HOUR)
    assert world.troubles == [("failing", "", "email")]
    assert len(world.mail.asked) <= 20
    world.mail.down.clear()
    await world.run(33 * MINUTE)
    for who in ("phone", "keeper"):
        assert {row.state for row in (await world.rows(who)).values()} == {SENT}


async def test_a_receiver_that_asks_for_a_pause_gets_it(world):
    asked = DeliveryError("HTTP 429", permanent=False, retry_after=HOUR)
    world.hook.down["hook"] = asked
    await world.put(*(f"n{i}" for i in range(10)))
    await world.run(59 * MINUTE)
    assert len(world.hook.asked) <= 4
    world.hook.down.clear()
    await world.run(3 * MINUTE)
    assert {row.state for row in (await world.rows()).values()} == {SENT}


async def test_a_slow_recipient_delays_no_other(world):
    world.hook.gate = asyncio.Event()
    await world.put(*(f"slow{i}" for i in range(40)))
    await world.put(*(f"fast{i}" for i in range(40)), recipient="other")
    running = asyncio.create_task(world.loop.run_due())
    async with asyncio.timeout(5):
        await world.hook.forty.wait()
    assert world.hook.most["hook"] == 4
    world.hook.gate.set()
    await running
    assert {row.state for row in (await world.rows()).values()} == {SENT}


class Stalled:
    """A channel that holds every message until told, and knows how many it holds."""

    name = "webhook"

    def __init__(self) -> None:
        self.held: list[str] = []
        self.release = asyncio.Event()
        self.full = asyncio.Event()  # twenty messages are held: as many as there are places

    async def send(self, notification, recipient, now):
        self.held.append(notification.notification_id)
        if len(self.held) == 20:
            self.full.set()
        await self.release.wait()
        return "taken"

    def target(self, recipient):
        return ""

    async def close(self):
        """Nothing is open."""


MANY = Routing(
    recipients=tuple(
        Recipient(f"hook{n}", "UTC", webhook=WebhookTarget(url="https://h.example")) for n in range(10)
    )
)


async def crowded(places=20):
    """Forty messages to ten recipients, of which twenty have a place and twenty wait for one."""
    store, stalled = MemoryStorage(), Stalled()
    at = [T0]
    await store.add_notifications(
        [
            make_notification(
                f"n{i}", notification_id=f"n{i:02}", recipient_id=f"hook{i % 10}", channel="webhook",
                order_key=f"{i}", expires_at=T0 + 100 * HOUR,
            )
            for i in range(40)
        ]
    )  # fmt: skip
    loop = DeliverLoop(
        store, {"webhook": stalled}, lambda: MANY, lambda: at[0], concurrency=places,
        attempt_bound=MINUTE, told=lambda _: None, fallback=lambda _row, _now: (),
    )  # fmt: skip
    running = asyncio.create_task(loop.run_due())
    async with asyncio.timeout(5):
        await stalled.full.wait()
    return store, stalled, at, loop, running


async def test_a_place_that_becomes_free_is_taken_without_waiting_for_the_store():
    store, stalled, _, _, running = await crowded()
    stalled.release.set()
    outcomes = await running
    assert outcomes == {"delivered": 40}
    assert len(set(stalled.held)) == 40


async def test_told_to_stop_it_gives_back_what_waits_for_a_place():
    store, stalled, at, loop, running = await crowded()
    loop.stop()
    stalled.release.set()
    await running
    rows = {row.notification_id: row for row in await store.notifications(limit=99)}
    assert {row.state for row in rows.values()} == {SENT, PENDING}
    assert {name for name, row in rows.items() if row.state is SENT} == set(stalled.held)
    again = await store.claim_notifications(at[0], limit=99, per_recipient=9, lease=MINUTE)
    assert {row.notification_id for row in again} == set(rows) - set(stalled.held), "nobody waits for a lease"
    assert {row.attempts for row in again} == {0}


async def test_what_waited_long_for_a_place_goes_back_since_its_lease_might_end_too_early():
    store, stalled, at, loop, running = await crowded()
    at[0] += 31 * SECOND
    stalled.release.set()
    outcomes = await running
    assert outcomes["pending"] == 20, "they went back, and were claimed anew"
    assert outcomes["delivered"] == 40


async def test_abandoning_keeps_what_has_ended_and_leaves_the_rest_to_its_lease():
    store, stalled, at, loop, running = await crowded()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    loop.stop()
    stalled.release.set()
    while len(stalled.held) > sum(task.done() for task in loop._running):  # noqa: ASYNC110 - a few turns of the loop
        await asyncio.sleep(0)
    stalled.release.clear()
    await loop.abandon()
    rows = {row.notification_id: row for row in await store.notifications(limit=99)}
    assert {name for name, row in rows.items() if row.state is SENT} == set(stalled.held)


async def test_abandoning_cancels_what_hangs_and_it_is_tried_again_under_the_same_id():
    store, stalled, at, loop, running = await crowded()
    loop.stop()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await loop.abandon()
    rows = await store.notifications(limit=99)
    assert {row.state for row in rows} == {PENDING}
    assert not await store.claim_notifications(at[0], limit=99, per_recipient=9, lease=MINUTE)
    later = at[0] + 2 * MINUTE + SECOND
    again = await store.claim_notifications(later, limit=99, per_recipient=9, lease=MINUTE)
    assert {row.notification_id for row in again} == {row.notification_id for row in rows}


async def test_messages_about_one_alert_leave_in_order_whatever_fails(world):
    await world.put(*(f"r{i}" for i in range(6)), alert="one")
    for minute in range(60):
        if minute % 3:
            world.hook.down["hook"] = DOWN
        else:
            world.hook.down.pop("hook", None)
        await world.run(2 * MINUTE)
    assert [name for who, name in world.hook.taken if who == "hook"] == [f"r{i}" for i in range(6)]
