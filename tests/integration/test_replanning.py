"""Edited routes and overlapping silences: what waits already follows them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.alerts.silences import make_silence
from monitor.loops.administer import administered, put_silence
from monitor.models import Outcome
from monitor.rulebook import read_book
from tests.integration.test_loops import FILES, MINUTE, World

HOUR = timedelta(hours=1)
TALKS = "The envoy lands in Vienna for talks with the minister"
ROUTES = """recipients:
  - {{id: desk, email: {{to: [desk@example.org]}}, timezone: UTC, {desk}}}
routes:
  - {{match: {{severity: ">=high"}}, to: [desk], {route}}}
  - {{default: true, to: [desk]}}
"""
PLAIN = 'digest: ["07:30", "17:30"]'  # it is 12:00 when the world begins
QUIET = 'quiet: ["11:00-16:00"], bypass: never'
NO_WAIT = "group_wait: 0s, update_interval: 30m"


def book(desk=PLAIN, route=NO_WAIT):
    made = read_book(
        {**FILES, "routes.yaml": ROUTES.format(desk=desk, route=route).encode()}, prefix="rules/"
    )
    assert not made.errors, [str(one) for one in made.errors]
    return made


# routes before and after the edit; minutes until the message leaves without the edit, and with it
EDITS = [
    ("quiet hours are lifted", book(QUIET), book(), 240, 0),
    ("quiet hours end sooner", book(QUIET), book('quiet: ["11:00-13:30"], bypass: never'), 240, 90),
    ("quiet hours let it bypass", book(QUIET), book('quiet: ["11:00-16:00"], bypass: high'), 240, 0),
    ("quiet hours begin", book(route="group_wait: 1h"), book(QUIET, "group_wait: 1h"), 60, 240),
    ("the wait is shorter", book(route="group_wait: 4h"), book(route="group_wait: 2h"), 240, 120),
    ("the wait is longer", book(route="group_wait: 1h"), book(route="group_wait: 3h"), 60, 180),
    ("the wait is over", book(route="group_wait: 2h"), book(route="group_wait: 1m"), 120, 0),
    ("the digest is sooner", book(route="as: digest"), book('digest: ["13:00"]', "as: digest"), 330, 60),
    ("the digest is later", book(route="as: digest"), book('digest: ["19:00"]', "as: digest"), 330, 420),
]


@pytest.mark.parametrize(
    ("before", "after", "old", "new"), [row[1:] for row in EDITS], ids=[r[0] for r in EDITS]
)
async def test_what_waits_follows_edited_routes(before, after, old, new):
    for edited, minutes in ((before, old), (after, new)):
        world = World(before)
        world.at = world.at.replace(hour=12, minute=0)
        start = world.at
        await world.publish("one", TALKS)
        await world.turn()
        assert world.channel.sent == []
        world.book = edited
        while not world.channel.sent and world.at < start + 12 * HOUR:
            await world.turn()
            world.at += 5 * MINUTE
        assert (world.at - start) / MINUTE - 5 == pytest.approx(minutes, abs=5)
        (decision,) = await world.store.decisions([(await world.store.list_alerts())[0].alert_id])
        assert ("Planned again, because the routes were edited" in decision.reason) is (edited is after)
        await world.run(12 * HOUR, 30 * MINUTE)
        assert len(world.channel.sent) == 1, "told once"


async def test_the_update_interval_is_taken_anew():
    world = World(book(route="group_wait: 0s, update_interval: 6h"))
    await world.publish("one", TALKS)
    await world.turn()
    assert len(world.channel.sent) == 1
    await world.publish("two", TALKS)
    await world.run(HOUR, 5 * MINUTE)
    assert len(world.channel.sent) == 1
    world.book = book(route="group_wait: 0s, update_interval: 90m")
    await world.run(25 * MINUTE, 5 * MINUTE)
    assert len(world.channel.sent) == 1
    await world.run(10 * MINUTE, 5 * MINUTE)
    assert len(world.channel.sent) == 2


async def test_a_restart_and_an_unchanged_tree_plan_nothing_again():
    world = World(book(QUIET))
    world.at = world.at.replace(hour=12)
    await world.publish("one", TALKS)
    await world.turn()
    (alert,) = await world.store.list_alerts()
    before = await world.store.decisions([alert.alert_id])
    assert before[0].outcome is Outcome.HELD
    world.book = book(QUIET)
    await world.turn()
    assert await world.store.decisions([alert.alert_id]) == before


async def silence(world, match, hours):
    made = make_silence([match], world.at, world.at + hours * HOUR, "J. Roe", f"known, {match}")
    await administered(world.store, world.clock, lambda now: put_silence(world.store, made, now))


@pytest.mark.parametrize("later", [0, 1], ids=["from the start", "while the other holds"])
async def test_a_report_is_held_while_any_silence_covers_it(later):
    """The first silence ends after two hours; the second, which begins with it or later, after five."""
    world = World(book())
    start = world.at
    await silence(world, "rule=envoy-lands", 2)
    if not later:
        await silence(world, "topic=talks", 5)
    await world.publish("one", TALKS)
    await world.run(later * HOUR, 5 * MINUTE)
    if later:
        await silence(world, "topic=talks", 5 - later)
    await world.run(start + 5 * HOUR - world.at - 10 * MINUTE, 10 * MINUTE)
    assert world.channel.sent == []
    (alert,) = await world.store.list_alerts()
    (decision,) = await world.store.decisions([alert.alert_id])
    assert (decision.outcome, decision.due_at) == (Outcome.SILENCED, start + 5 * HOUR)
    await world.run(20 * MINUTE, 5 * MINUTE)
    assert len(world.channel.sent) == 1


async def test_a_silence_that_covers_something_else_extends_nothing():
    world = World(book())
    await silence(world, "rule=envoy-lands", 2)
    await world.publish("one", TALKS)
    await silence(world, "topic=grain", 5)
    await world.run(2 * HOUR + 5 * MINUTE, 5 * MINUTE)
    assert len(world.channel.sent) == 1
