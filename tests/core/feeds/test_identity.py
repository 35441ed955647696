"""Names of entries: the ladder, its two bends, and what happens when a publisher changes its guids."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.feeds.identity import Degradation, degrade, document_mode, names
from monitor.feeds.normalize import normalize
from monitor.feeds.results import ParsedFeed
from monitor.models import Entry, Feed, FeedState, IdentityMode, KnownItem

NOW = datetime(2025, 3, 30, 12, tzinfo=UTC)
FEED = Feed("outlet", "https://outlet.example/rss", language="en")
STATE = FeedState("outlet", FEED.url, "outlet.example", NOW, baselined_at=NOW)
GUID, GUID_LINK, LINK, HASH = IdentityMode


def keys(*entries, mode=GUID):
    texts = [(entry.title, entry.summary) for entry in entries]
    return [found.key for found in names(entries, texts, document_mode(entries, mode))]


def items(*entries, mode=GUID):
    return normalize(FEED, ParsedFeed("rss20", entries, url=FEED.url), mode, NOW)


def known(found, *more):
    """Return what the store would answer about `found` after storing `more`."""
    stored = {key: item for item in more for key in (item.key, *item.aliases)}
    asked = {key for item in found for key in (item.key, *item.aliases)}
    return {
        key: KnownItem(item.item_id, item.key, item.content_hash, 1)
        for key, item in stored.items()
        if key in asked
    }


def recognised(found, stored):
    """Return the titles in `found` that the store knows."""
    answer = known(found, *stored)
    return [item.title for item in found if any(key in answer for key in (item.key, *item.aliases))]


A = Entry(guid="1", link="https://outlet.example/a", title="A")
B = Entry(guid="2", link="https://outlet.example/b", title="B")


def test_the_ladder():
    assert keys(A) == ["guid:1"]
    assert keys(replace(A, guid="")) == ["link:outlet.example/a"]
    assert keys(replace(A, guid="", link=""))[0].startswith("hash:")
    assert keys(replace(A, guid=""), mode=HASH)[0].startswith("hash:")


def test_title_and_date_are_no_part_of_a_name():
    edited = replace(A, title="A, corrected", published="Sun, 30 Mar 2025 14:05:00 GMT")
    assert keys(A) == keys(edited)
    assert keys(replace(A, guid="")) == keys(replace(edited, guid=""))


def test_a_very_long_guid_is_hashed():
    (key,) = keys(replace(A, guid="x" * 10_000))
    assert len(key) < 100


def test_one_guid_for_several_links():
    entries = (A, replace(B, guid="1"))
    assert document_mode(entries, GUID) is GUID_LINK
    assert keys(*entries) == ["guid+link:1 outlet.example/a", "guid+link:1 outlet.example/b"]


def test_one_guid_for_several_headlines_without_links_loses_none():
    entries = [Entry(guid="https://outlet.example/", title=title) for title in "ABC"]
    assert len(set(keys(*entries))) == 3


def test_a_true_repeat_is_one_entry():
    assert [item.title for item in items(A, A)] == ["A"]


def test_a_shared_link_names_nothing():
    live = [Entry(link="https://outlet.example/live", title=title) for title in ("10:00 x", "10:05 y")]
    assert len(set(keys(*live))) == 2
    assert not any("link:outlet.example/live" in item.aliases for item in items(*live))


def test_the_front_page_names_nothing():
    front = [Entry(link="https://outlet.example/", title=title) for title in ("x", "y")]
    assert len(set(keys(*front))) == 2
    assert all(item.key.startswith("link+hash:") for item in items(front[0]))


def test_a_shared_link_that_is_alone_tomorrow_is_recognised():
    ten, five = (Entry(link="https://outlet.example/live", title=title) for title in ("10:00 x", "10:05 y"))
    assert recognised(items(ten), items(ten, five)) == ["10:00 x"]
    assert recognised(items(ten, five), items(ten)) == ["10:00 x"]


@pytest.mark.parametrize(
    "changed",
    [
        replace(A, guid="new-scheme-1"),
        replace(A, guid=""),
        replace(A, guid="new", link="http://www.outlet.example/a?utm_source=rss"),
    ],
    ids=["other guid", "guid gone", "other guid and http"],
)
def test_a_new_guid_scheme_alerts_nobody_again(changed):
    assert recognised(items(changed), items(A)) == ["A"]


def test_a_permalink_guid_may_move_to_https():
    before = Entry(guid="http://outlet.example/a", link="http://outlet.example/a", title="A")
    after = Entry(guid="https://outlet.example/a", link="https://outlet.example/a", title="A")
    assert recognised(items(after), items(before)) == ["A"]


def test_another_entry_is_not_recognised():
    assert recognised(items(B), items(A)) == []
    assert recognised(items(replace(B, guid="1"), A), items(A)) == ["A"]


# --- degrading ---


def poll(state, entries, stored):
    found = items(*entries, mode=state.identity)
    return degrade(state, entries, found, known(found, *stored))


def shifted(poll_number):
    return [replace(entry, guid=f"{entry.guid}-{poll_number}") for entry in (A, B)]


def test_guids_that_change_in_every_poll_give_way_to_the_link():
    state, stored = STATE, items(*shifted(0))
    modes = []
    for number in (1, 2, 3):
        found = poll(state, shifted(number), stored)
        modes.append((found.mode, bool(found.reason)))
        state = replace(state, identity=found.mode, unstable_guids=found.unstable_guids)
    assert modes == [(GUID, False), (GUID, False), (LINK, True)]
    assert keys(*shifted(4), mode=LINK) == ["link:outlet.example/a", "link:outlet.example/b"]
    assert recognised(items(*shifted(4), mode=LINK), stored) == ["A", "B"]


def test_one_migration_is_forgiven():
    state = replace(STATE, unstable_guids=2)
    found = poll(state, [A, B], items(A, B))
    assert (found.mode, found.unstable_guids) == (GUID, 0)


def test_news_alone_say_nothing_of_guids():
    state = replace(STATE, unstable_guids=2)
    found = poll(state, [A, B], [])
    assert (found.mode, found.unstable_guids) == (GUID, 2)


def test_one_guid_for_all_is_found_at_once_and_told():
    found = poll(STATE, [A, replace(B, guid="1")], [])
    assert found.mode is GUID_LINK
    assert "one guid (1)" in found.reason


def test_the_first_poll_decides_nothing():
    found = poll(replace(STATE, baselined_at=None), shifted(1), items(*shifted(0)))
    assert (found.mode, found.unstable_guids) == (GUID, 0)


def test_a_degraded_feed_stays_degraded():
    state = replace(STATE, identity=LINK, unstable_guids=3)
    assert degrade(state, [A], items(A, mode=LINK), {}) == Degradation(LINK, 3)


ENTRIES = st.lists(
    st.builds(
        Entry,
        guid=st.sampled_from(["", "1", "2", "3"]),
        link=st.sampled_from(["", "https://a.example/", "https://a.example/x", "https://a.example/y"]),
        title=st.sampled_from(["x", "y", "z"]),
    ),
    max_size=8,
    unique=True,
)


@given(ENTRIES, st.sampled_from(list(IdentityMode)))
def test_entries_that_differ_in_guid_link_and_title_never_become_one(entries, mode):
    """Two entries may share a name only if they share the guid, or the link, or have neither and one text."""
    texts = [(entry.title, entry.summary) for entry in entries]
    found = names(entries, texts, document_mode(entries, mode))
    for one, first in zip(entries, found, strict=True):
        for other, second in zip(entries, found, strict=True):
            if first.key == second.key and one is not other:
                assert one.title == other.title


@given(ENTRIES)
def test_the_same_document_is_wholly_recognised(entries):
    found = items(*entries)
    assert recognised(found, found) == [item.title for item in found]
