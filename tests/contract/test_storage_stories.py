"""The contract of stories: members, moves, and what is learned of terms."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.errors import StorageError
from monitor.storage.base import FlushCommit, PollCommit
from monitor.storage.base_stories import ItemMark, Learned, StoryQuery, TermCounts
from monitor.storage.decide import FORGET_AT
from tests.factories import T0, after, item_id_of, make_hit, make_item, make_member, make_seed

LEASE = timedelta(minutes=1)


async def have_items(store, *items, hits=()):
    await store.sync_feeds([make_seed()], T0)
    (held,) = await store.claim_hosts(T0, limit=1, per_host=1, lease=LEASE)
    commit = PollCommit(held.feeds[0], items, tuple(item.item_id for item in items), tuple(hits))
    await store.commit_poll(held, commit, T0)
    await store.release_host(held, free_at=T0)


async def flush(store, **commit):
    held = await store.claim_flush(T0, lease=LEASE)
    await store.commit_flush(held, FlushCommit(**commit), T0)
    await store.release_flush(held)


async def have_members(store, *members):
    names = {item_id_of(name): name for name in "abcdef"}
    await have_items(store, *(make_item(names[one.item_id]) for one in members))
    await flush(store, members=members)
    return names


async def test_members_of_stories_come_in_order_of_events_the_newest_of_a_long_one(store):
    names = await have_members(
        store,
        make_member("a", story="one", event_at=after(hours=3)),
        make_member("b", story="one", event_at=after(hours=1)),
        make_member("c", story="one", event_at=after(hours=2)),
        make_member("d", story="two"),
    )
    one, two = make_member("a", story="one").story_id, make_member("d", story="two").story_id
    found = await store.story_members([one, two, "unknown"])
    assert {key: "".join(names[m.item_id] for m, _ in pairs) for key, pairs in found.items()} == {
        one: "bca",
        two: "d",
    }
    assert all(member.item_id == item.item_id for pairs in found.values() for member, item in pairs)
    newest = await store.story_members([one], limit=2)
    assert "".join(names[member.item_id] for member, _ in newest[one]) == "ca"
    assert await store.story_members([]) == {}


async def test_hits_of_rules_come_in_order_of_events_the_newest_of_many(store):
    hours = {"a": 3, "b": 1, "c": 2, "d": 9}
    items = [make_item(name) for name in "abcdef"]
    hits = [make_hit(name, event_at=after(hours=hours[name])) for name in hours]
    other = make_hit("e", rule_id="other", event_at=after(hours=1))
    both = make_hit("a", rule_id="other", event_at=after(hours=3))
    unplaced = make_hit("f", event_at=after(hours=2))
    await have_items(store, *items, hits=(*hits, other, both, unplaced))
    members = {
        name: make_member(name, story=name, event_at=after(hours=hours.get(name, 1))) for name in "abcde"
    }
    await flush(store, members=tuple(members.values()))
    rule_id, end = hits[0].rule_id, after(hours=3)

    async def found(*rules, limit=9, since=T0, until=end):
        pairs = await store.hit_members(rules, since=since, until=until, limit=limit)
        assert all(member.item_id == item.item_id for member, item in pairs)
        return [member for member, _ in pairs]

    assert await found(rule_id) == [members["b"], members["c"], members["a"]]  # f is in no story yet
    assert await found(rule_id, limit=1) == [members["a"]]
    assert await found(rule_id, since=after(hours=2), until=after(hours=2)) == [members["c"]]
    assert {one.item_id for one in await found(rule_id, "other", rule_id)} == {
        members[name].item_id for name in "abce"
    }
    assert len(await found(rule_id, "other")) == 4  # a once
    assert await found("unknown") == await found() == []


async def test_a_moved_member_is_found_in_its_new_story_by_its_new_keys(store):
    await have_members(
        store, make_member("a", story="one", postings=("p", "q")), make_member("b", story="one")
    )
    moved = make_member("a", story="own", postings=("r", "s"), event_at=after(hours=1))
    await flush(store, moved=(moved,))
    assert await store.story_of([moved.item_id]) == {moved.item_id: moved}
    assert [m.item_id for m, _ in (await store.story_members([moved.story_id]))[moved.story_id]] == [
        moved.item_id
    ]
    old, new = await store.story_candidates(
        [StoryQuery(T0, after(hours=2), postings=pair) for pair in (("p", "q"), ("r", "s"))]
    )
    assert old == ()
    assert [member for member, _ in new] == [moved]
    with pytest.raises(StorageError):
        await flush(store, moved=(make_member("nowhere"),))


async def test_reopened_hits_are_pending_again(store):
    hit, other = make_hit("a"), make_hit("a", rule_id="other")
    await have_items(store, make_item("a"), hits=(hit, other))
    await flush(store, handled=(hit.hit_id, other.hit_id))
    assert await store.pending_hits(limit=9) == ()
    assert await store.item_hits([item_id_of("a"), "unknown"]) == tuple(
        sorted((hit, other), key=lambda one: one.rule_id)
    )
    await flush(store, reopened=(hit.hit_id, "unknown"))
    assert [found.hit for found in await store.pending_hits(limit=9)] == [hit]
    assert await store.item_hits([]) == ()


async def test_items_are_learned_from_once_in_order_of_first_sight(store):
    items = [make_item(name, first_seen_at=after(minutes=n)) for name, n in (("a", 2), ("b", 1), ("c", 1))]
    await have_items(store, *items)
    first, second, last = await store.unlearned_items(limit=9)
    assert (first.first_seen_at, last.item_id) == (after(minutes=1), item_id_of("a"))
    assert first.item_id < second.item_id
    assert await store.unlearned_items(limit=1) == (first,)
    await flush(store, learned=Learned({}, ItemMark(first.first_seen_at, first.item_id)))
    assert await store.unlearned_items(limit=9) == (second, last)
    await flush(store, learned=Learned({}, ItemMark(last.first_seen_at, last.item_id)))
    assert await store.unlearned_items(limit=9) == ()


async def test_what_is_learned_adds_up_by_language(store):
    mark = ItemMark(T0, "x")
    await flush(store, learned=Learned({"en": TermCounts(2, {"envoy": 2, "talks": 1})}, mark))
    await flush(
        store, learned=Learned({"en": TermCounts(1, {"talks": 1}), "ru": TermCounts(1, {"envoy": 1})}, mark)
    )
    assert await store.term_counts({"en": ["envoy", "talks", "new"], "ru": ["talks"], "fr": ["envoy"]}) == {
        "en": TermCounts(3, {"envoy": 2, "talks": 2}),
        "ru": TermCounts(1, {}),
        "fr": TermCounts(0, {}),
    }
    assert await store.term_counts({}) == {}


async def test_what_is_learned_fades(store):
    mark = ItemMark(T0, "x")
    counts = {"common": FORGET_AT - 1, "once": 1}
    await flush(store, learned=Learned({"en": TermCounts(FORGET_AT - 1, counts)}, mark))
    assert (await store.term_counts({"en": ["once"]}))["en"] == TermCounts(FORGET_AT - 1, {"once": 1})
    await flush(store, learned=Learned({"en": TermCounts(1, {})}, mark))
    assert (await store.term_counts({"en": ["common", "once"]}))["en"] == TermCounts(
        FORGET_AT // 2, {"common": (FORGET_AT - 1) // 2}
    )
