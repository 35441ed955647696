"""Backfill: what a new rule finds in stored items is told once, in one digest."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.alerts.backfill import Backfill
from monitor.errors import ConfigurationError
from monitor.loops.backfilling import GROUPED_AT_ONCE, backfill, find_hits, unknown_hits
from monitor.models import Outcome
from monitor.rulebook import read_book
from monitor.stories.linking import JOINING
from tests.integration.test_loops import BOOK, FILES, MINUTE, CrashError, Dying, World

RULES = b"""version: 1
defaults: {owner: desk, topic: talks, severity: critical}
rules:
  - id: envoy-lands
    title: An envoy lands
    when: {all: [envoy, lands]}
    must_match: ["The envoy lands in Vienna"]
    must_not_match: ["The minister stays at home"]
  - id: blockade
    title: A blockade
    when: {all: [blockade]}
    must_match: ["A blockade of the ports"]
    must_not_match: ["The minister stays at home"]
  - id: blockade-after-visit
    title: A blockade after a visit
    sequence: [envoy-lands, blockade]
    within: 6h
"""
NEW_BOOK = read_book({**FILES, "talks/talks.yaml": RULES}, prefix="rules/")
PAST = (
    "Navy chief threatens a blockade of island ports",
    "Rebels lift their blockade around the northern town",
    "Minister calls a grain blockade an act of piracy",
)


async def world_with_a_past() -> World:
    """Three reports that no rule wanted, of the last hours."""
    world = World(BOOK)
    for title in PAST:
        await world.publish("one", title)
        await world.run(MINUTE * 40, 20 * MINUTE)
    assert await world.store.list_alerts() == ()
    world.book = NEW_BOOK
    return world


async def run(world, store=None, since=timedelta(hours=24)):
    store = store or world.store
    items = await store.items(since=world.at - since, limit=1000)
    found = find_hits(world.book, "blockade", items, world.at)
    return await backfill(store, world.book, Backfill("blockade", world.at), found, world.clock, JOINING)


async def test_one_digest_and_no_push():
    world = await world_with_a_past()
    done = await run(world)
    assert (done.hits, done.alerts) == (3, 3)
    await world.run(timedelta(hours=3), MINUTE)
    rows = await world.store.notifications()
    assert {row.recipient_id: row.message.kind for row in rows} == {"desk": "digest", "night": "digest"}
    assert len(rows) == 2, "one message for each, and no reminder follows of what is critical"
    (desk,) = [row for row in rows if row.recipient_id == "desk"]
    assert desk.message.subject.startswith("[BACKFILL] 3 alerts (3 critical): ")
    assert all(title in " ".join(desk.message.text.split()) for title in PAST)
    alerts = await world.store.list_alerts()
    decisions = await world.store.decisions([alert.alert_id for alert in alerts])
    assert {d.outcome for d in decisions} == {Outcome.SENT}
    assert all("backfill of blockade: told in one digest" in d.reason for d in decisions)


async def test_a_second_run_tells_nothing():
    world = await world_with_a_past()
    await run(world)
    await world.run(timedelta(hours=2), 10 * MINUTE)
    before = await world.store.notifications(), await world.store.list_alerts()
    done = await run(world)
    assert (done.hits, done.alerts) == (0, 0)
    await world.run(timedelta(minutes=30), 10 * MINUTE)
    assert (await world.store.notifications(), await world.store.list_alerts()) == before


async def test_only_what_lies_in_the_span_is_told():
    world = await world_with_a_past()
    done = await run(world, since=timedelta(minutes=70))
    assert done.hits == 1


async def test_news_after_it_is_pushed_as_always():
    world = await world_with_a_past()
    await run(world)
    await world.run(10 * MINUTE, MINUTE)
    before = len(await world.store.notifications(recipient_id="desk"))
    await world.publish("two", "A blockade closes the strait to all tankers")
    await world.run(2 * MINUTE, MINUTE)
    rows = await world.store.notifications(recipient_id="desk")
    assert len(rows) == before + 1
    assert rows[0].message.kind == "alert"


async def test_what_it_sets_off_in_rules_that_remember_is_no_push_either():
    world = await world_with_a_past()
    await world.publish("two", "The envoy lands in Vienna for talks with the minister")
    await world.run(5 * MINUTE, MINUTE)
    sent = len(world.channel.sent)
    assert sent
    await run(world)
    await world.run(5 * MINUTE, MINUTE)
    kinds = [row.message.kind for row in await world.store.notifications(recipient_id="desk")]
    assert kinds.count("digest") == 1
    assert kinds.count("alert") == 1, "the visit was told before, by itself"


@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
async def test_a_crash_anywhere_loses_and_repeats_nothing(after):
    for call in range(200):
        world = await world_with_a_past()
        dying = Dying(world.store, call, after=after)
        try:
            await run(world, dying)
            survived = True
        except CrashError:
            survived = False
        await world.store.end_leases()
        await run(world)
        await world.run(10 * MINUTE, MINUTE)
        rows = await world.store.notifications(recipient_id="desk")
        assert [row.message.subject[:21] for row in rows] == ["[BACKFILL] 3 alerts ("], f"call {call}"
        if survived:
            break
    assert 5 < call < 199


async def test_more_than_one_batch_is_still_one_digest():
    world = World(BOOK)
    titles = [f"Blockade number {n} begins near harbour {n * 7919}" for n in range(GROUPED_AT_ONCE + 20)]
    await world.publish("one", *titles)
    world.book = NEW_BOOK
    done = await run(world)
    assert done.hits == len(titles)
    await world.run(5 * MINUTE, MINUTE)
    rows = await world.store.notifications(recipient_id="desk")
    assert {row.message.kind for row in rows} == {"digest"}
    assert len(rows) <= 2, "parts of one digest, which is long"


async def test_hits_that_are_stored_are_no_news():
    world = await world_with_a_past()
    items = await world.store.items(limit=10)
    found = find_hits(NEW_BOOK, "blockade", items, world.at)
    assert len(await unknown_hits(world.store, found)) == 3
    await world.store.add_hits([found[0].hit])
    assert [one.hit for one in await unknown_hits(world.store, found)] == [one.hit for one in found[1:]]


@pytest.mark.parametrize(
    ("rule_id", "why"),
    [("blokade", 'there is no rule "blokade"'), ("blockade-after-visit", "waits for alerts of other rules")],
)
def test_what_cannot_be_tried_on_items_is_said(rule_id, why):
    with pytest.raises(ConfigurationError, match=why):
        find_hits(NEW_BOOK, rule_id, [], None)
