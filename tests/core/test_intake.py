"""What one document brings: new, revised and known items, and which of them rules look at."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.intake import MAX_REVISIONS, lookup_keys, make_hit, take_in
from monitor.models import Feed, FeedState, FirstPoll, Item, KnownItem, Match, Severity, stable_id

NOW = datetime(2026, 3, 12, 13, 0, tzinfo=UTC)
FEED = Feed("outlet", "https://outlet.example/feed")
KNOWN_FEED = FeedState("outlet", FEED.url, "outlet.example", NOW, baselined_at=NOW - timedelta(days=1))
NEW_FEED = replace(KNOWN_FEED, baselined_at=None)
TWO_HOURS = timedelta(hours=2)


def item(name: str, text: str = "as it was", **fields) -> Item:
    return Item(
        item_id=stable_id("outlet", name), feed_id="outlet", key=f"guid:{name}", title=text,
        content_hash=stable_id(text), first_seen_at=NOW, **fields,
    )  # fmt: skip


def known(name: str, text: str = "as it was", revision: int = 1) -> KnownItem:
    return KnownItem(stable_id("outlet", name), f"guid:{name}", stable_id(text), revision)


def take(items, stored=(), feed=FEED, state=KNOWN_FEED):
    return take_in(feed, state, items, {one.key: one for one in stored}, now=NOW, catch_up=TWO_HOURS)


def test_newness_is_a_matter_of_identity_and_not_of_dates():
    """An unknown item counts as new however old its date; a known one never does however young."""
    old = item("a", published_at=NOW - timedelta(days=400))
    young = item("b", published_at=NOW)
    intake = take([old, young], [known("b")])
    assert intake.new == (old,)
    assert intake.to_match == (old,)
    assert intake.revised == ()
    assert intake.overlap == 0.5


def test_changed_text_is_a_revision_of_the_same_item_and_matched_again():
    changed = item("a", "as it is now")
    intake = take([changed], [known("a", revision=3)])
    assert intake.new == ()
    assert intake.revised == (replace(changed, revision=4),)
    assert intake.to_match == intake.revised


def test_an_item_that_changes_all_day_is_stored_but_not_matched_for_ever():
    intake = take([item("a", "again")], [known("a", revision=MAX_REVISIONS)])
    assert [one.revision for one in intake.revised] == [MAX_REVISIONS + 1]
    assert intake.to_match == ()


def test_an_alias_recognises_an_item_whose_guid_changed():
    renamed = item("new-guid", aliases=("alias:outlet.example/story",))
    stored = known("old-guid")
    intake = take_in(
        FEED, KNOWN_FEED, [renamed], {"alias:outlet.example/story": stored}, now=NOW, catch_up=TWO_HOURS
    )
    assert intake.new == intake.revised == intake.to_match == ()
    assert intake.seen == (stored.item_id,)
    (learned,) = intake.renamed
    assert (learned.item_id, learned.key, learned.revision) == (stored.item_id, stored.key, 1)
    assert learned.aliases == ("guid:new-guid", "alias:outlet.example/story")
    assert lookup_keys([renamed]) == ("guid:new-guid", "alias:outlet.example/story")


@pytest.mark.parametrize(
    ("first_poll", "age", "matched"),
    [
        (FirstPoll.BASELINE, timedelta(hours=1), True),  # young enough to be news
        (FirstPoll.BASELINE, timedelta(hours=3), False),  # the feed's past is not news
        (FirstPoll.BASELINE, None, False),  # undated: cannot be told from the past
        (FirstPoll.ALL, timedelta(days=30), True),  # replays and tests
        (FirstPoll.ALL, None, True),
    ],
)
def test_the_first_poll_is_quiet(first_poll, age, matched):
    one = item("a", published_at=NOW - age if age is not None else None)
    intake = take([one], feed=replace(FEED, first_poll=first_poll), state=NEW_FEED)
    assert intake.new == (one,)
    assert bool(intake.to_match) is matched


def test_a_live_page_publishes_new_items_under_one_link():
    """Another guid and another text under a known link is news, not a revision of the first entry."""
    second = item("post-2", "something else happened", aliases=("alias:outlet.example/live",))
    intake = take_in(
        FEED,
        KNOWN_FEED,
        [second],
        {"alias:outlet.example/live": known("post-1")},
        now=NOW,
        catch_up=TWO_HOURS,
    )
    assert intake.new == intake.to_match == (second,)


def test_an_empty_document_has_no_overlap():
    assert take([]).overlap is None


names = st.sampled_from("abcdef")
texts = st.sampled_from(["as it was", "changed", "changed again"])


@given(st.lists(st.tuples(names, texts), max_size=12), st.dictionaries(names, texts, max_size=6))
def test_every_item_is_new_or_revised_or_known_and_only_once(document, stored):
    intake = take([item(*pair) for pair in document], [known(*pair) for pair in stored.items()])
    new, revised = [{one.item_id for one in part} for part in (intake.new, intake.revised)]
    assert not new & revised
    assert len(intake.new) == len(new)
    assert len(intake.seen) == len(set(intake.seen))
    assert set(intake.seen) == {stable_id("outlet", name) for name, _ in document}
    assert new | revised <= set(intake.seen)
    assert new == {stable_id("outlet", name) for name, _ in document} - {
        stable_id("outlet", name) for name in stored
    }


def test_a_hit_is_named_by_rule_and_item_alone():
    """Rules are edited and items revised: neither makes a second hit."""
    first = make_hit(item("a"), Match("rule", "v1", Severity.HIGH, ()), NOW)
    later = make_hit(item("a", "changed"), Match("rule", "v2", Severity.LOW, ()), NOW + timedelta(hours=1))
    assert first.hit_id == later.hit_id
