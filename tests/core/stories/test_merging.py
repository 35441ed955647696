"""Two stories made one by hand, and apart again: members, and what becomes of a rule's two alerts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.lifecycle import Standard, transition
from monitor.alerts.merging import merged
from monitor.models import AlertState, Item, Reason, StoryLayer, StoryMember, stable_id
from monitor.rules.schema import Corroborate
from monitor.stories.merging import merge, older_first, was_merged
from monitor.stories.splitting import split
from tests.core.alerts.alert_values import NOW, hours, rule, source

TITLES = "“Envoy lands”", "“Envoy arrives”"


def story(opener, *joined, at=NOW, layer=StoryLayer.NEW):
    """A story of items a minute apart; each that joined names the one it was matched with."""
    story_id = stable_id("story", opener)
    rows = [(opener, "", layer), *((name, matched, StoryLayer.STORY) for name, matched in joined)]
    made = []
    for number, (name, matched, how) in enumerate(rows):
        seen = at + timedelta(minutes=number)
        item = Item(item_id=name, feed_id="f", key=name, title=f"Report {name}", first_seen_at=seen)
        made.append((StoryMember(name, story_id, how, matched, 1.0, "Why.", seen, "", ""), item))
    return made


def with_members(story_, members):
    """The story of `members`, whichever of its items they are."""
    items = {item.item_id: item for _, item in story_}
    return [(member, items[member.item_id]) for member in members]


def test_the_older_story_survives_and_a_split_gives_the_other_back():
    older = story("a", ("b", "a"))
    younger = story("c", ("d", "c"), ("e", "d"), at=NOW + hours(2))
    assert older_first(younger, older) == older_first(older, younger) == (older, younger)
    moved = merge(older, younger)
    assert {member.story_id for member in moved} == {stable_id("story", "a")}
    first = moved[0]
    assert (first.item_id, first.layer, first.matched_item_id) == ("c", StoryLayer.MERGED, "a")
    assert first.reason == (
        "Merged by hand with the story of “Report a”; before, it opened a story of its own."
    )
    assert [member.reason for member in moved[1:]] == ["Why.", "Why."]
    whole = [*older, *with_members(younger, moved)]
    assert was_merged(whole, stable_id("story", "c"))
    assert not was_merged(older, stable_id("story", "c"))
    back = split(whole, "c")
    assert [member.item_id for member in back] == ["c", "d", "e"]
    assert {member.story_id for member in back} == {stable_id("story", "c")}


def test_what_hangs_on_an_item_that_is_gone_comes_along_and_goes_back():
    younger = story("c", ("d", "c"), ("e", "x"), at=NOW + hours(1))[1:]  # the opener and x were pruned
    older = story("a")
    moved = merge(older, younger)
    assert {member.item_id: member.matched_item_id for member in moved} == {"d": "a", "e": "d"}
    whole = [*older, *with_members(younger, moved)]
    assert {member.item_id for member in split(whole, "d")} == {"d", "e"}


def alert(*names, key="story:young", state=AlertState.OPEN, **changes):
    given_ = [source(name) for name in names]
    made = transition(None, rule(), key, given_, NOW, key.removeprefix("story:")).alert
    closed = NOW if state is AlertState.CLOSED else None
    return replace(made, state=state, closed_at=closed, **changes)


def joined(kept, gone, at=NOW, **options):
    return merged(kept, gone, rule(), ("story:old", "old"), at, titles=TITLES, **options)


OPEN, CLOSED = AlertState.OPEN, AlertState.CLOSED

# state of the surviving story's alert (None: it has none), of the other one; what people may hear,
# state of the survivor, whether the other one ends
CASES = [
    (OPEN, OPEN, [Reason.UPDATE], OPEN, True),
    (CLOSED, OPEN, [Reason.REOPENED], OPEN, True),
    (None, OPEN, [Reason.NEW], OPEN, True),
    (OPEN, CLOSED, [Reason.UPDATE], OPEN, False),
    (CLOSED, CLOSED, [], CLOSED, False),  # both are over: nobody is told
    (None, CLOSED, None, None, False),
]


@pytest.mark.parametrize(("old", "young", "told", "state", "ends"), CASES)
def test_alerts_of_both_stories(old, young, told, state, ends):
    kept = alert("a", "b", key="story:old", state=old) if old else None
    gone = alert("c", "d", state=young)
    step = joined(kept, gone, NOW + hours(1))
    if told is None:
        assert step.kept is None
    else:
        assert [one.reason for one in step.kept.revisions] == told
        assert step.kept.alert.state is state
        assert {one.item_id for one in step.kept.alert.sources} == ({"a", "b"} if old else set()) | {"c", "d"}
        assert step.kept.alert.group_key == "story:old"
        for one in step.kept.revisions:
            assert "erged by hand with the story of “Envoy arrives”: 2 reports" in one.note
    assert [one.reason for one in step.gone.revisions] == ([Reason.CLOSED] if ends else [])
    led_on = step.gone.alert.merged_into
    assert led_on == ("" if step.kept is None else step.kept.alert.alert_id), "its reports are told there"
    assert {one.item_id for one in step.gone.alert.sources} == {"c", "d"}, "for the record"


def test_sources_that_were_missing_confirm_a_held_alert():
    asks = Corroborate(sources=2, within=hours(6), until_then="hold")
    kept, gone = (
        transition(None, rule(), f"story:{key}", [source(key)], NOW, key, Standard(asks)).alert
        for key in ("old", "young")
    )
    assert kept.state is gone.state is AlertState.PENDING
    step = joined(kept, gone, corroboration=asks)
    assert step.kept.alert.state is OPEN
    assert [one.reason for one in step.kept.revisions] == [Reason.NEW]
    assert step.gone.alert.state is CLOSED


def test_a_split_reopens_the_alert_that_a_merge_ended():
    kept, gone = alert("a", key="story:old"), alert("c", "d")
    ended = joined(kept, gone).gone.alert
    back = transition(ended, rule(), "story:young", gone.sources, NOW + hours(2), "young")
    assert [one.reason for one in back.revisions] == [Reason.REOPENED]
    assert (back.alert.state, back.alert.merged_into) == (OPEN, "")
    assert {one.item_id for one in back.alert.sources} == {"c", "d"}


names = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=5, unique=True)
states = st.sampled_from([OPEN, CLOSED])


@given(names, names, states, states, st.integers(0, 200))
def test_no_source_is_lost_and_at_most_one_revision_is_told(mine, theirs, old, young, later):
    kept, gone = alert(*mine, key="story:old", state=old), alert(*theirs, state=young)
    step = joined(kept, gone, NOW + hours(later))
    told = [one for one in step.kept.revisions if one.reason is not Reason.CLOSED]
    assert len(told) <= 1
    stored = {one.item_id for made in (step.kept.alert, step.gone.alert, kept) for one in made.sources}
    assert stored == {*mine, *theirs}
    numbers = [one.revision for one in step.kept.revisions]
    first = kept.revision + 1 if step.kept.alert.alert_id == kept.alert_id else 1
    assert numbers == list(range(first, first + len(numbers)))
