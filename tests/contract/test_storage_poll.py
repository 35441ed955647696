"""The contract of polling: schedule, host leases, known items, and one poll's transaction."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from monitor.errors import LeaseLostError, StorageError
from monitor.models import KnownItem
from monitor.storage.base import PollCommit, PollReceipt, Retention
from tests.factories import T0, after, item_id_of, make_hit, make_item, make_seed

LEASE = timedelta(minutes=1)


async def claim(store, now=T0, *, limit=10, per_host=10):
    return await store.claim_hosts(now, limit=limit, per_host=per_host, lease=LEASE)


async def claim_one(store, name="gazette", now=T0):
    """Configure one feed and claim its host."""
    await store.sync_feeds([make_seed(name)], now)
    (one,) = await claim(store, now)
    return one


async def poll(store, held, *items, now=T0, seen=None, hits=(), **state):
    """Commit a poll of the claim's first feed whose body holds `items`."""
    ids = tuple(item.item_id for item in items) if seen is None else seen
    new_state = replace(held.feeds[0], **state)
    return await store.commit_poll(held, PollCommit(new_state, items, ids, tuple(hits)), now)


# --- the schedule ---


async def test_a_new_feed_is_due_at_once(store):
    await store.sync_feeds([make_seed("b"), make_seed("a")], T0)
    states = await store.feed_states()
    assert [(s.feed_id, s.url, s.host, s.next_poll_at) for s in states] == [
        ("a", "https://a.example/feed.xml", "a.example", T0),
        ("b", "https://b.example/feed.xml", "b.example", T0),
    ]


async def test_the_same_feeds_again_change_nothing(store):
    held = await claim_one(store)
    await poll(store, held, next_poll_at=after(hours=1), etag='"1"', polls=1)
    before = await store.feed_states()
    await store.sync_feeds([make_seed()], after(minutes=5))
    assert await store.feed_states() == before


async def test_another_url_loses_validators_and_baseline_but_no_items(store):
    held = await claim_one(store)
    await poll(
        store,
        held,
        make_item(),
        next_poll_at=after(hours=1),
        etag='"1"',
        baselined_at=T0,
        polls=1,
        failures=2,
    )
    await store.sync_feeds([make_seed(url="https://gazette.example/new.xml")], after(minutes=5))
    (state,) = await store.feed_states()
    assert (state.url, state.etag, state.baselined_at, state.failures, state.next_poll_at) == (
        "https://gazette.example/new.xml", "", None, 0, after(minutes=5),
    )  # fmt: skip
    assert await store.known_items("gazette", ["guid:talks"])


async def test_a_removed_feed_is_not_polled_and_remembered(store):
    held = await claim_one(store)
    await poll(store, held, make_item(), next_poll_at=after(minutes=1), etag='"1"')
    await store.release_host(held, free_at=T0)
    await store.sync_feeds([], T0)
    assert await store.feed_states() == ()
    assert await claim(store, after(hours=1)) == ()
    assert (await store.counts(T0)).feeds == 0
    assert await store.known_items("gazette", ["guid:talks"])
    await store.sync_feeds([make_seed()], after(hours=2))
    (state,) = await store.feed_states()
    assert (state.etag, state.next_poll_at) == ('"1"', after(minutes=1))
    assert [c.host for c in await claim(store, after(hours=2))] == ["gazette.example"]


async def test_another_host_takes_the_feed_with_it(store):
    await store.sync_feeds([make_seed("a", host="old.example"), make_seed("b", host="old.example")], T0)
    await store.sync_feeds([make_seed("a", host="new.example"), make_seed("b", host="old.example")], T0)
    claims = await claim(store)
    assert [(c.host, [f.feed_id for f in c.feeds]) for c in claims] == [
        ("new.example", ["a"]),
        ("old.example", ["b"]),
    ]
    assert claims[0].feeds[0].host == "new.example"


async def test_many_feeds_are_configured_at_once(store):
    """More than fit into one statement's variables on SQLite (32,766)."""
    seeds = [make_seed(f"feed-{n:05}", host=f"h{n % 700}.example") for n in range(7000)]
    await store.sync_feeds(seeds, T0)
    await store.sync_feeds(seeds[1:], T0)
    assert (await store.counts(T0)).feeds == 6999


# --- claims ---


async def test_hosts_and_their_feeds_come_longest_overdue_first(store):
    configured = []
    for minutes, (name, host) in {10: "by", 20: "cx", 30: "ax", 40: "ez", 41: "dz"}.items():
        configured.append(make_seed(name, host=f"{host}.example"))
        await store.sync_feeds(configured, after(minutes=minutes))
    claims = await claim(store, after(hours=2))
    assert [(c.host, [f.feed_id for f in c.feeds]) for c in claims] == [
        ("y.example", ["b"]),
        ("x.example", ["c", "a"]),
        ("z.example", ["e", "d"]),
    ]


async def test_a_claim_holds_no_more_feeds_than_asked_for(store):
    await store.sync_feeds([make_seed(n, host="x.example") for n in "abcd"], T0)
    (one,) = await claim(store, per_host=3)
    assert [f.feed_id for f in one.feeds] == ["a", "b", "c"]
    assert one.lease_until == T0 + LEASE


async def test_no_more_hosts_than_asked_for(store):
    await store.sync_feeds([make_seed(n) for n in "abcd"], T0)
    assert [c.host for c in await claim(store, limit=3)] == ["a.example", "b.example", "c.example"]
    assert [c.host for c in await claim(store, limit=3)] == ["d.example"]
    assert await claim(store, limit=3) == ()


async def test_what_is_not_due_is_not_claimed(store):
    await store.sync_feeds([make_seed()], after(seconds=1))
    assert await claim(store, T0) == ()
    assert len(await claim(store, after(seconds=1))) == 1


async def test_only_due_feeds_of_a_host_are_claimed(store):
    await store.sync_feeds([make_seed("a", host="x.example")], T0)
    await store.sync_feeds(
        [make_seed("a", host="x.example"), make_seed("b", host="x.example")], after(hours=1)
    )
    (one,) = await claim(store, T0)
    assert [f.feed_id for f in one.feeds] == ["a"]


@pytest.mark.parametrize(
    ("later", "claimed"),
    [
        (LEASE - timedelta(microseconds=1), False),  # the lease runs
        (LEASE, True),  # it ended just now
    ],
)
async def test_a_lease_that_ended_may_be_claimed_by_anyone(store, other, later, claimed):
    await claim_one(store)
    assert bool(await claim(other, T0 + later)) is claimed


async def test_a_released_host_waits_until_it_is_free(store):
    held = await claim_one(store)
    await store.release_host(held, free_at=after(minutes=10))
    assert await claim(store, after(minutes=9)) == ()
    assert len(await claim(store, after(minutes=10))) == 1


async def test_releasing_a_lost_lease_is_ignored(store, other):
    lost = await claim_one(store)
    (held,) = await claim(other, T0 + LEASE)
    await store.release_host(lost, free_at=T0)
    assert await claim(store, T0 + LEASE) == ()
    await poll(other, held, make_item())


async def test_polled_feeds_are_due_when_their_state_says_so(store):
    await store.sync_feeds([make_seed("a", host="x.example"), make_seed("b", host="x.example")], T0)
    (held,) = await claim(store)
    for feed in held.feeds:
        await store.commit_poll(held, PollCommit(replace(feed, next_poll_at=after(hours=1))), T0)
    await store.release_host(held, free_at=T0)
    assert await claim(store, after(minutes=59)) == ()
    (held,) = await claim(store, after(hours=1))
    assert [f.feed_id for f in held.feeds] == ["a", "b"]


async def test_claimers_at_the_same_time_never_share_a_host(store, other):
    await store.sync_feeds([make_seed(f"f{n:02}") for n in range(40)], T0)
    rounds = [claim(worker, limit=3) for _ in range(10) for worker in (store, other)]
    hosts = [c.host for claims in await asyncio.gather(*rounds) for c in claims]
    hosts += [c.host for c in await claim(store, limit=100)]
    assert len(hosts) == len(set(hosts)) == 40


async def test_nothing_is_claimed_when_nothing_is_asked_for(store):
    await store.sync_feeds([make_seed()], T0)
    assert await claim(store, limit=0) == ()


# --- one poll's transaction ---


async def test_a_poll_is_stored_whole(store):
    held = await claim_one(store)
    items = (make_item("a"), make_item("b", title="Ministre: réunion 会议 \U0001f54a"))
    receipt = await poll(
        store, held, *items, hits=[make_hit("a"), make_hit("b")], next_poll_at=after(hours=1), etag='"2"'
    )
    assert receipt == PollReceipt(new_items=2, new_hits=2)
    assert set(await store.items()) == set(items)
    (state,) = await store.feed_states()
    assert state == replace(held.feeds[0], next_poll_at=after(hours=1), etag='"2"')
    assert [p.hit for p in await store.pending_hits(limit=9)] == sorted(
        (make_hit("a"), make_hit("b")), key=lambda h: h.item_id
    )


async def test_a_repeated_commit_changes_nothing(store):
    held = await claim_one(store)
    commit = PollCommit(held.feeds[0], (make_item(),), (item_id_of("talks"),), (make_hit(),))
    assert await store.commit_poll(held, commit, T0) == PollReceipt(1, 1)
    before = (await store.counts(T0), await store.items(), await store.pending_hits(limit=9))
    assert await store.commit_poll(held, commit, after(seconds=5)) == PollReceipt(0, 0)
    assert (await store.counts(T0), await store.items(), await store.pending_hits(limit=9)) == before


async def test_a_lost_lease_changes_nothing(store, other):
    lost = await claim_one(store)
    await claim(other, T0 + LEASE)
    with pytest.raises(LeaseLostError, match=r"gazette\.example"):
        await poll(store, lost, make_item(), hits=[make_hit()], next_poll_at=after(hours=1), etag="x")
    assert await store.items() == ()
    assert await store.pending_hits(limit=9) == ()
    assert await store.feed_states() == lost.feeds


async def test_a_released_claim_commits_nothing(store):
    held = await claim_one(store)
    await store.release_host(held, free_at=T0)
    with pytest.raises(LeaseLostError):
        await poll(store, held, make_item())


async def test_an_expired_lease_that_nobody_took_still_commits(store):
    held = await claim_one(store)
    assert await poll(store, held, make_item(), now=T0 + 2 * LEASE) == PollReceipt(1, 0)


async def test_a_poll_of_a_url_that_changed_meanwhile_is_not_stored(store):
    held = await claim_one(store)
    await store.sync_feeds([make_seed(url="https://gazette.example/new.xml")], T0)
    with pytest.raises(LeaseLostError, match="URL"):
        await poll(store, held, make_item(), baselined_at=T0)
    (state,) = await store.feed_states()
    assert state.baselined_at is None
    assert await store.items() == ()


async def test_a_poll_may_change_the_url_itself(store):
    """A permanent redirect is adopted by the poll that decides it."""
    held = await claim_one(store)
    await poll(store, held, url="https://gazette.example/moved.xml")
    (state,) = await store.feed_states()
    assert state.url == "https://gazette.example/moved.xml"


async def test_a_hit_without_its_item_is_refused_and_nothing_is_stored(store):
    held = await claim_one(store)
    with pytest.raises(StorageError, match="not stored"):
        await poll(store, held, make_item("a"), hits=[make_hit("a"), make_hit("nowhere")], etag="x")
    assert await store.items() == ()
    assert await store.feed_states() == held.feeds


@pytest.mark.parametrize(
    "spoil",
    [
        lambda held: PollCommit(replace(held.feeds[0], next_poll_at=datetime(2026, 3, 12))),
        lambda held: PollCommit(held.feeds[0], (make_item(published_at=datetime(2026, 3, 12)),)),
        lambda held: PollCommit(
            held.feeds[0], (make_item(),), hits=(make_hit(hit_at=datetime(2026, 3, 12)),)
        ),
    ],
    ids=["state", "item", "hit"],
)
async def test_a_naive_time_is_refused_and_nothing_is_stored(store, spoil):
    held = await claim_one(store)
    with pytest.raises(ValueError, match="naive"):
        await store.commit_poll(held, spoil(held), T0)
    assert await store.items() == ()


@pytest.mark.parametrize("call", ["claim_hosts", "claim_flush", "sync_feeds", "counts"])
async def test_a_naive_now_is_refused(store, call):
    naive = datetime(2026, 3, 12)
    arguments = {
        "claim_hosts": lambda: claim(store, naive),
        "claim_flush": lambda: store.claim_flush(naive, lease=LEASE),
        "sync_feeds": lambda: store.sync_feeds([make_seed()], naive),
        "counts": lambda: store.counts(naive),
    }
    with pytest.raises(ValueError, match="naive"):
        await arguments[call]()


# --- items ---


async def test_a_higher_revision_replaces_and_keeps_when_it_was_first_seen(store):
    held = await claim_one(store)
    await poll(store, held, make_item())
    edited = make_item(title="Edited", revision=2, first_seen_at=after(hours=5))
    assert await poll(store, held, edited) == PollReceipt(0, 0)
    assert await store.items() == (replace(edited, first_seen_at=T0),)


@pytest.mark.parametrize("revision", [1, 2])
async def test_the_same_or_a_lower_revision_replaces_nothing(store, revision):
    held = await claim_one(store)
    await poll(store, held, make_item(revision=2))
    await poll(store, held, make_item(title="Other", revision=revision))
    assert await store.items() == (make_item(revision=2),)


async def test_an_item_without_first_seen_gets_now(store):
    held = await claim_one(store)
    await poll(store, held, make_item(first_seen_at=None), now=after(seconds=7))
    assert [item.first_seen_at for item in await store.items()] == [after(seconds=7)]


async def test_items_are_known_by_key_and_alias_in_their_own_feed(store):
    held = await claim_one(store)
    item = make_item(content_hash="c0ffee")
    await poll(store, held, item)
    known = KnownItem(item.item_id, "guid:talks", "c0ffee", 1)
    asked = ["guid:talks", "link:gazette.example/talks", "guid:other"]
    assert await store.known_items("gazette", asked) == {asked[0]: known, asked[1]: known}
    assert await store.known_items("herald", asked) == {}
    assert await store.known_items("gazette", []) == {}


async def test_an_identity_key_wins_over_an_alias(store):
    held = await claim_one(store)
    first = make_item("a", aliases=("guid:b", "link:x"))
    second = make_item("b", aliases=("link:x",))
    await poll(store, held, first)
    assert (await store.known_items("gazette", ["guid:b"]))["guid:b"].item_id == first.item_id
    await poll(store, held, second)
    known = await store.known_items("gazette", ["guid:b", "link:x"])
    assert known["guid:b"].item_id == second.item_id
    assert known["link:x"].item_id == first.item_id


async def test_aliases_are_learned_at_any_revision(store):
    """The feed changed its guids: the item must still be known when it changes its links next."""
    held = await claim_one(store)
    await poll(store, held, make_item())
    await poll(store, held, make_item(aliases=("guid:new-scheme",)))
    known = await store.known_items("gazette", ["guid:new-scheme", "link:gazette.example/talks"])
    assert {one.item_id for one in known.values()} == {item_id_of("talks")}
    assert len(known) == 2


@pytest.mark.parametrize(
    "text",
    ["\x00", "a\x00b", "\ud800", "x\udfffy", "\ufeff", "\U0001f54a", "'; DROP TABLE items; --", "é" * 5000],
    ids=["nul", "inner-nul", "high", "low", "bom", "dove", "quote", "long"],
)
async def test_feeds_may_send_any_text(store, text):
    held = await claim_one(store)
    item = make_item(
        key=f"guid:{text}", title=text, summary=text, aliases=(f"link:{text}",), content_hash="c", url=text
    )
    await poll(store, held, item, error=text, etag=text)
    assert await store.items() == (item,)
    known = await store.known_items("gazette", [f"guid:{text}", f"link:{text}"])
    assert known == {
        key: KnownItem(item.item_id, f"guid:{text}", "c", 1) for key in (f"guid:{text}", f"link:{text}")
    }
    (state,) = await store.feed_states()
    assert (state.error, state.etag) == (text, text)


async def test_a_large_poll(store):
    held = await claim_one(store)
    items = [make_item(f"n{n}") for n in range(3000)]
    assert await poll(store, held, *items, hits=[make_hit(f"n{n}") for n in range(3000)]) == PollReceipt(
        3000, 3000
    )
    keys = [f"guid:n{n}" for n in range(40_000)]
    assert len(await store.known_items("gazette", keys)) == 3000


async def test_items_are_listed_newest_first(store):
    held = await claim_one(store)
    items = [make_item(f"n{n}", first_seen_at=after(minutes=n // 2)) for n in range(6)]
    await poll(store, held, *items)
    listed = await store.items()
    assert list(listed) == sorted(items, key=lambda i: (-i.first_seen_at.timestamp(), i.item_id))
    assert await store.items(limit=2) == listed[:2]
    assert {i.first_seen_at for i in await store.items(since=after(minutes=1))} == {
        after(minutes=1),
        after(minutes=2),
    }
    assert await store.items(feed_id="herald") == ()
    assert await store.items(feed_id="gazette", since=after(minutes=2)) == listed[:2]


# --- hits ---


async def test_a_rule_hits_an_item_once_for_ever(store):
    held = await claim_one(store)
    first = make_hit(hit_at=T0)
    assert (await poll(store, held, make_item(), hits=[first, first])).new_hits == 1
    again = make_hit(hit_at=after(hours=1), rule_version="version-2")
    assert (await poll(store, held, make_item(title="E", revision=2), hits=[again])).new_hits == 0
    assert [p.hit for p in await store.pending_hits(limit=9)] == [first]


async def test_pending_hits_come_in_order_of_events_with_their_items(store):
    held = await claim_one(store)
    items = [make_item(name) for name in "abcd"]
    hits = [
        make_hit("a", event_at=after(hours=2)),
        make_hit("b", event_at=after(hours=1), hit_at=after(hours=4)),
        make_hit("c", event_at=after(hours=1), hit_at=after(hours=3)),
        make_hit("d", rule_id="z-rule", event_at=after(hours=1), hit_at=after(hours=4)),
        make_hit("d", rule_id="a-rule", event_at=after(hours=1), hit_at=after(hours=4)),
    ]
    await poll(store, held, *items, hits=hits)
    pending = await store.pending_hits(limit=9)
    assert [p.hit for p in pending] == sorted(
        hits, key=lambda h: (h.event_at, h.hit_at, h.item_id, h.rule_id)
    )
    assert all(p.item.item_id == p.hit.item_id for p in pending)
    assert await store.pending_hits(limit=2) == pending[:2]


async def test_hits_may_be_added_outside_a_poll(store):
    held = await claim_one(store)
    await poll(store, held, make_item("a"), make_item("b"), hits=[make_hit("a")])
    assert await store.add_hits([make_hit("a"), make_hit("b")]) == 1
    assert await store.add_hits([]) == 0
    assert (await store.counts(T0)).hits == 2
    with pytest.raises(StorageError):
        await store.add_hits([make_hit("nowhere")])


# --- presence and retention ---

KEEP = Retention(items=timedelta(days=90), alerts=timedelta(days=90), notifications=timedelta(days=90))


async def test_items_are_kept_while_their_feed_shows_them(store):
    """A poll without a body says nothing, however long: the feed may answer "not modified" for months."""
    held = await claim_one(store)
    await poll(store, held, make_item())
    await poll(store, held, now=after(days=50))
    assert (await store.prune(after(days=400), KEEP)).items == 0


async def test_items_are_pruned_when_they_were_absent_long_enough(store):
    held = await claim_one(store)
    await poll(store, held, make_item("a"), make_item("b"))
    await poll(store, held, make_item("b"), now=after(days=1))
    await poll(store, held, make_item("b"), now=after(days=2))  # absence counts from its beginning
    assert (await store.prune(after(days=91) - timedelta(microseconds=1), KEEP)).items == 0
    assert (await store.prune(after(days=91), KEEP)).items == 1
    assert await store.items() == (make_item("b"),)
    assert list(await store.known_items("gazette", ["guid:a", "link:gazette.example/a", "guid:b"])) == [
        "guid:b"
    ]


async def test_an_item_that_came_back_is_kept(store):
    held = await claim_one(store)
    await poll(store, held, make_item("a"), make_item("b"))
    await poll(store, held, make_item("b"), now=after(days=1))
    await poll(store, held, seen=(item_id_of("a"), item_id_of("b")), now=after(days=50))
    assert (await store.prune(after(days=400), KEEP)).items == 0


async def test_an_item_with_a_waiting_hit_is_kept(store):
    held = await claim_one(store)
    await poll(store, held, make_item("a"), hits=[make_hit("a")])
    await poll(store, held, make_item("b"))
    assert (await store.prune(after(days=400), KEEP)).items == 0


async def test_absence_in_one_feed_says_nothing_about_another(store):
    await store.sync_feeds([make_seed("a", host="x.example"), make_seed("b", host="x.example")], T0)
    (held,) = await claim(store)
    for feed in held.feeds:
        item = make_item(feed_id=feed.feed_id)
        await store.commit_poll(held, PollCommit(feed, (item,), (item.item_id,)), T0)
    await store.commit_poll(held, PollCommit(held.feeds[0], seen=("somewhere else",)), after(days=1))
    assert (await store.prune(after(days=400), KEEP)).items == 1
    assert [item.feed_id for item in await store.items()] == ["b"]


async def test_a_large_prune(store):
    held = await claim_one(store)
    await poll(store, held, *(make_item(f"n{n}") for n in range(1203)))
    await poll(store, held, make_item("last"))
    assert (await store.prune(after(days=90), KEEP)).items == 1203
    assert (await store.counts(T0)).items == 1
