"""Stories made one by hand over the real loops: guarantee 19."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from monitor.errors import StorageError
from monitor.loops.administer import administered, close
from monitor.loops.merging import merge_stories
from monitor.loops.splitting import split_story
from monitor.models import AlertState, Outcome, Reason, StoryLayer
from monitor.rulebook import read_book
from tests.integration.test_loops import FILES, MINUTE, World

TALKS = "The envoy lands in Vienna for talks with the minister"
MOON = "An envoy lands on the far moon to count the craters"

THIRD = "Envoy Halvorsen lands in the harbour of Sarnovo"


@pytest.fixture
def world():
    return World()


async def told_of_two(world):
    """Two stories whose alerts the desk has in its inbox; night is past its quiet hours."""
    world.at += timedelta(hours=2)
    await world.publish("one", TALKS)
    await world.run(3 * MINUTE)
    await world.publish("two", MOON)
    await world.run(3 * MINUTE)
    assert sorted(recipient for recipient, *_ in world.channel.sent) == ["desk", "desk", "night", "night"]
    return await alerts_by_title(world)


async def alerts_by_title(world):
    return {alert.sources[0].title: alert for alert in await world.store.list_alerts()}


async def merge(world, book=None):
    alerts = await world.store.list_alerts()
    ids = sorted({one.story_id for one in alerts})
    return await merge_stories(world.store, book or world.book, (ids[0], ids[1]), world.at)


async def test_a_merge_keeps_all_sources_and_sends_one_message(world):
    """Guarantee 19."""
    before = await told_of_two(world)
    old, young = before[TALKS], before[MOON]
    done = await merge(world)
    assert done.story_id == old.story_id, "the older id survives"
    await world.run(timedelta(minutes=40), MINUTE)
    sent = Counter(recipient for recipient, *_ in world.channel.sent[4:])
    assert sent == {"desk": 1, "night": 1}
    after = await world.store.alerts([old.alert_id, young.alert_id])
    assert {one.title for one in after[old.alert_id].sources} == {TALKS, MOON}
    assert after[young.alert_id].merged_into == old.alert_id
    assert after[young.alert_id].state is AlertState.CLOSED
    newest = (await world.store.revisions([old.alert_id]))[-1]
    assert newest.reason is Reason.UPDATE
    assert f"; merged by hand with the story of “{MOON}”: 1 report." in newest.note
    # A later report of either goes to the one that is left.
    await world.publish("one", MOON)
    await world.run(MINUTE)
    (kept,) = (await world.store.alerts([old.alert_id])).values()
    assert len(kept.sources) == 3
    assert len(await world.store.list_alerts()) == 2


async def test_a_merge_done_again_changes_nothing(world):
    before = await told_of_two(world)
    ids = before[TALKS].story_id, before[MOON].story_id
    first = await merge_stories(world.store, world.book, ids, world.at)
    state = await world.store.list_alerts(), await world.store.story_members(ids)
    for again in (ids, ids[::-1], (ids[0], ids[0])):
        done = await merge_stories(world.store, world.book, again, world.at)
        assert (done.story_id, done.moved) == (first.story_id, ())
    assert (await world.store.list_alerts(), await world.store.story_members(ids)) == state


async def test_a_split_undoes_a_merge(world):
    before = await told_of_two(world)
    old, young = before[TALKS], before[MOON]
    await merge(world)
    await world.run(timedelta(minutes=40), MINUTE)
    opener = young.sources[0].item_id
    await split_story(world.store, world.book.routing, opener, world.at)
    await world.run(timedelta(minutes=40), MINUTE)
    after = await world.store.alerts([old.alert_id, young.alert_id])
    assert {one.title for one in after[old.alert_id].sources} == {TALKS}
    back = after[young.alert_id]
    assert ({one.title for one in back.sources}, back.state) == ({MOON}, AlertState.OPEN)
    assert back.merged_into == ""
    (member,) = (await world.store.story_members([young.story_id]))[young.story_id]
    assert member[0].layer is StoryLayer.SPLIT
    reasons = [one.reason for one in await world.store.revisions([young.alert_id])]
    assert reasons == [Reason.NEW, Reason.CLOSED, Reason.REOPENED]
    # And once more, there and back.
    await merge(world)
    assert (await world.store.alerts([young.alert_id]))[young.alert_id].merged_into == old.alert_id


async def test_what_still_waited_is_told_once_with_the_other_story(world):
    """Nobody has heard of either: one message about both leaves, and nothing is lost."""
    world.at += timedelta(hours=2)
    await world.publish("one", TALKS)
    await world.turn()
    await world.publish("two", MOON)
    await world.turn()
    assert world.channel.sent == []
    await merge(world)
    await world.run(timedelta(minutes=40), MINUTE)
    assert Counter(recipient for recipient, *_ in world.channel.sent) == {"desk": 1, "night": 1}
    message = (await world.store.notifications())[0].message
    assert TALKS in message.text
    assert MOON in message.text


async def test_of_two_rules_one_tells_of_the_merge():
    """Both rules have alerts about both stories; who heard of all four gets one message more, not two."""
    other = FILES["talks/talks.yaml"].replace(b"envoy-lands", b"lands").replace(b"[envoy, lands]", b"[lands]")
    world = World(read_book({**FILES, "talks/more.yaml": other}, prefix="rules/"))
    assert len(world.book.rules) == 2
    world.at += timedelta(hours=2)
    await world.publish("one", TALKS, MOON)
    await world.run(5 * MINUTE)
    before = Counter(recipient for recipient, *_ in world.channel.sent)
    assert before == {"desk": 4, "night": 4}
    await merge(world)
    await world.run(timedelta(minutes=40), MINUTE)
    after = Counter(recipient for recipient, *_ in world.channel.sent)
    assert after == {"desk": 5, "night": 5}
    decisions = await world.store.decisions([one.alert_id for one in await world.store.list_alerts()])
    assert sum(one.outcome is Outcome.SUPERSEDED for one in decisions) == 2


async def closed(world, alert):
    await administered(
        world.store, world.clock, lambda now: close(world.store, world.book.routing, alert, "J. Roe", now)
    )
    return (await world.store.alerts([alert.alert_id]))[alert.alert_id]


async def test_reports_of_alerts_that_had_ended_are_under_one_alert(world):
    """Both were closed: nobody is told, and the next report reopens the one that has all reports."""
    before = await told_of_two(world)
    old, young = [await closed(world, before[title]) for title in (TALKS, MOON)]
    await merge(world)
    after = await world.store.alerts([old.alert_id, young.alert_id])
    assert {one.title for one in after[old.alert_id].sources} == {TALKS, MOON}
    assert after[young.alert_id].merged_into == old.alert_id
    assert [one.revision for one in after.values()] == [old.revision, young.revision]
    await world.publish("one", MOON)
    await world.run(40 * MINUTE, MINUTE)
    after = await world.store.alerts([old.alert_id, young.alert_id])
    assert after[old.alert_id].state is AlertState.OPEN
    assert after[young.alert_id].state is AlertState.CLOSED


async def test_what_an_earlier_merge_ended_takes_no_reports(world):
    """Split off again, and merged with a third story before its reports were grouped: none is lost."""
    before = await told_of_two(world)
    old, young = before[TALKS], before[MOON]
    await merge(world)
    await world.publish("two", THIRD)
    await world.run(5 * MINUTE)
    third = await closed(world, (await alerts_by_title(world))[THIRD])
    await split_story(world.store, world.book.routing, young.sources[0].item_id, world.at)
    await merge_stories(world.store, world.book, (young.story_id, third.story_id), world.at)
    alerts = [one for one in await world.store.list_alerts() if not one.merged_into]
    assert {s.title for one in alerts for s in one.sources} >= {TALKS, THIRD}
    await world.run(40 * MINUTE, MINUTE)
    alerts = [one for one in await world.store.list_alerts() if not one.merged_into]
    assert {s.title for one in alerts for s in one.sources} == {TALKS, MOON, THIRD}
    assert old.alert_id in {one.alert_id for one in alerts}


async def test_a_correction_is_told_by_the_alert_that_has_the_report(world):
    """The record of the alert that ended holds the report, too, and says nothing of it."""
    before = await told_of_two(world)
    old, young = before[TALKS], before[MOON]
    await merge(world)
    await world.run(40 * MINUTE, MINUTE)
    revisions = len(await world.store.revisions([young.alert_id]))
    sent = len(world.channel.sent)
    await world.revise(young.sources[0].item_id, "Correction: An envoy lands on the near moon")
    await world.run(40 * MINUTE, MINUTE)
    assert [one.reason for one in await world.store.revisions([old.alert_id])][-1] is Reason.CORRECTED
    assert len(await world.store.revisions([young.alert_id])) == revisions
    assert Counter(recipient for recipient, *_ in world.channel.sent[sent:]) == {"desk": 1, "night": 1}


async def test_a_merge_while_hits_are_grouped_changes_nothing(world):
    before = await told_of_two(world)
    claim = await world.store.claim_flush(world.at, lease=MINUTE)
    with pytest.raises(StorageError, match="nothing was changed: try again"):
        await merge(world)
    await world.store.release_flush(claim)
    assert await alerts_by_title(world) == before
