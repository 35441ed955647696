"""Rules that remember and held alerts in the running loops, with a virtual clock."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.loops.administer import acknowledge, administered, unacknowledge
from monitor.loops.remember import memory_name
from monitor.models import AlertState, Outcome
from monitor.rulebook import read_book
from tests.integration.test_loops import ACCOUNTS, FILES, MINUTE, START, World

RULES = b"""version: 1
defaults: {owner: desk, topic: talks, severity: high}
rules:
  - id: envoy-lands
    title: An envoy lands
    when: {all: [envoy, lands]}
    must_match: ["The envoy lands in Vienna"]
    must_not_match: ["The minister stays at home"]
  - id: threat
    title: A threat
    when: {all: [threatens]}
    must_match: ["The minister threatens war"]
    must_not_match: ["The minister stays at home"]
  - id: threat-after-visit
    title: A threat after a visit
    sequence: [envoy-lands, threat]
    within: 6h
  - id: visit-and-threat
    title: A visit and a threat
    together: [envoy-lands, threat]
    within: 6h
  - id: many-threats
    title: Many threats
    volume: {of: threat, within: 6h, stories: 2}
  - id: rumour
    title: A rumour
    when: {all: [resigns]}
    corroborate: {sources: 2, within: 2h, until_then: hold}
    must_match: ["The minister resigns"]
    must_not_match: ["The minister stays at home"]
"""
BOOK = read_book({**FILES, "talks/talks.yaml": RULES}, prefix="rules/")
VISIT = "The envoy lands in Vienna for talks with the minister"
THREAT = "General threatens to close the border crossings at midnight"


@pytest.fixture
def world():
    return World(BOOK)


async def alerts_of(world, rule_id):
    return [one for one in await world.store.list_alerts() if one.rule.rule_id == rule_id]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (["visit", "threat"], {"threat-after-visit": 1, "visit-and-threat": 1}),
        (["threat", "visit"], {"threat-after-visit": 0, "visit-and-threat": 1}),
        (["threat", "other"], {"threat-after-visit": 0, "many-threats": 1}),
        (["threat"], {"visit-and-threat": 0, "many-threats": 0}),
    ],
)
async def test_rules_that_remember_fire_once(world, steps, expected):
    texts = {"visit": VISIT, "threat": THREAT, "other": "Navy chief threatens a blockade of island ports"}
    for number, name in enumerate(steps):
        world.at += 5 * MINUTE
        await world.publish(("one", "two")[number % 2], texts[name])
        await world.turn()
    for rule_id, count in expected.items():
        found = await alerts_of(world, rule_id)
        assert len(found) == count, rule_id
        for alert in found:
            assert {source.title for source in alert.sources} == {texts[name] for name in steps}
            (revision,) = await world.store.revisions([alert.alert_id])
            assert revision.reason == "new"
            assert revision.note
    before = {one.alert_id: one for one in await world.store.list_alerts()}
    await world.turn()
    assert {one.alert_id: one for one in await world.store.list_alerts()} == before


async def test_both_events_of_a_sequence_may_come_in_one_batch(world):
    await world.publish("one", VISIT)
    world.at += MINUTE
    await world.publish("two", THREAT)
    await world.turn()
    assert len(await alerts_of(world, "threat-after-visit")) == 1


def test_a_memory_belongs_to_a_condition():
    rules = {rule.rule_id: rule for rule in BOOK.tree.rules}
    names = {memory_name(rule) for rule in rules.values() if rule.when is None}
    assert len(names) == 3


async def test_a_held_alert_is_told_when_confirmed(world):
    await world.publish("one", "The foreign minister resigns over the leaked memo")
    await world.run(30 * MINUTE, 5 * MINUTE)
    assert world.channel.sent == []
    assert [one.state for one in await alerts_of(world, "rumour")] == [AlertState.PENDING]
    await world.publish("two", "The foreign minister resigns over the leaked memo")
    await world.run(30 * MINUTE, 5 * MINUTE)
    (alert,) = await alerts_of(world, "rumour")
    assert (alert.state, alert.corroborated) == (AlertState.OPEN, True)
    assert {recipient for recipient, *_ in world.channel.sent} == {"desk", "night"}


async def test_a_held_alert_that_nobody_confirms_is_in_the_digest(world):
    await world.publish("one", "The foreign minister resigns over the leaked memo")
    await world.run(timedelta(hours=5), 30 * MINUTE)
    (alert,) = await alerts_of(world, "rumour")
    assert alert.state is AlertState.EXPIRED
    (row,) = await world.store.notifications(recipient_id="desk")
    assert row.message.kind == "digest"
    assert "UNCONFIRMED" in row.message.text
    assert ACCOUNTS["one"][:20] in row.message.text


GRAVE = b"""version: 1
defaults: {owner: desk, topic: talks, severity: critical}
rules:
  - id: envoy-lands
    title: An envoy lands
    when: {all: [envoy, lands]}
    must_match: ["The envoy lands in Vienna"]
    must_not_match: ["The minister stays at home"]
"""
ON_CALL = b"""recipients:
  - {id: desk, email: {to: [desk@example.org]}, timezone: UTC, fallback: chief}
  - {id: chief, email: {to: [chief@example.org]}, timezone: UTC}
routes:
  - {match: {severity: critical}, to: [desk]}
  - {default: true, to: [chief]}
"""
ON_CALL_BOOK = read_book({**FILES, "talks/talks.yaml": GRAVE, "routes.yaml": ON_CALL}, prefix="rules/")


async def test_a_critical_alert_that_nobody_acknowledges_reaches_the_fallback():
    world = World(ON_CALL_BOOK)
    await world.publish("one", VISIT)
    await world.run(timedelta(hours=2), MINUTE)
    rows = sorted(await world.store.notifications(), key=lambda row: row.created_at)
    told = [(row.recipient_id, (row.created_at - START) // MINUTE) for row in rows]
    assert told == [("desk", 2), ("desk", 17), ("desk", 32), ("desk", 47), ("chief", 62)]
    assert [row.message.subject.partition("]")[0] for row in rows] == [
        "[CRITICAL new",
        *["[CRITICAL reminder"] * 3,
        "[FALLBACK for desk",
    ]
    assert "reminder 2 of 3" in " ".join(rows[2].message.text.split())
    last = " ".join(rows[-1].message.text.split())
    assert "This is your first message about this alert" in last
    assert "You are the fallback of desk, who did not acknowledge." in last
    assert VISIT in last
    assert [name for name, *_ in world.channel.sent] == [name for name, _ in told]


async def test_an_acknowledgement_ends_reminders_and_its_withdrawal_begins_them_anew():
    world = World(ON_CALL_BOOK)
    await world.publish("one", VISIT)
    await world.run(20 * MINUTE, MINUTE)
    (alert,) = await world.store.list_alerts()
    await administered(world.store, world.clock, lambda now: acknowledge(world.store, alert, "J. Roe", now))
    before = len(world.channel.sent)
    await world.run(timedelta(hours=2), MINUTE)
    assert len(world.channel.sent) == before
    (alert,) = await world.store.list_alerts()
    begun = world.at
    await administered(world.store, world.clock, lambda now: unacknowledge(world.book.routing, alert, now))
    await world.run(timedelta(hours=2), MINUTE)
    rows = [row for row in await world.store.notifications() if row.created_at > begun]
    assert [(row.created_at - begun) // MINUTE for row in reversed(rows)] == [15, 30, 45, 60]


async def test_a_reminder_that_waits_is_withdrawn_by_an_acknowledgement():
    """The chief sleeps until six: the desk acknowledges before the chief would hear."""
    quiet = ON_CALL.replace(
        b"timezone: UTC}\nroutes", b'timezone: UTC, quiet: ["13:30-18:00"], bypass: never}\nroutes'
    )
    world = World(read_book({**FILES, "talks/talks.yaml": GRAVE, "routes.yaml": quiet}, prefix="rules/"))
    await world.publish("one", VISIT)
    await world.run(timedelta(hours=2), MINUTE)
    (alert,) = await world.store.list_alerts()
    held = [d for d in await world.store.decisions([alert.alert_id]) if d.recipient_id == "chief"]
    assert [(d.outcome, d.stands_for) for d in held] == [(Outcome.HELD, ("desk",))]
    await administered(world.store, world.clock, lambda now: acknowledge(world.store, alert, "J. Roe", now))
    await world.run(timedelta(hours=5), 10 * MINUTE)
    assert {name for name, *_ in world.channel.sent} == {"desk"}
