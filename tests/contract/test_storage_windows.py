"""The contract of what a poll remembers of its document: the window, and presence told in parts."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.errors import LeaseLostError
from monitor.storage.base import PollCommit, Retention
from tests.factories import T0, after, item_id_of, make_item, make_seed

LEASE = timedelta(minutes=1)
KEEP = Retention(items=timedelta(days=90), alerts=timedelta(days=90), notifications=timedelta(days=90))


async def claim_all(store, *names, now=T0):
    """Configure feeds of one host and claim them; return the claim and the states by feed id."""
    await store.sync_feeds([make_seed(name, host="x.example") for name in names], now)
    (held,) = await store.claim_hosts(now, limit=1, per_host=99, lease=LEASE)
    return held, {state.feed_id: state for state in held.feeds}


# --- the window ---


async def test_a_feed_without_a_poll_has_no_window(store):
    await claim_all(store, "a")
    assert await store.feed_window("a") == ""
    assert await store.feed_window("never heard of") == ""


async def test_a_window_is_stored_with_its_poll_and_stays_until_the_next_one(store):
    held, feeds = await claim_all(store, "a", "b")
    await store.commit_poll(held, PollCommit(feeds["a"], window="first"), T0)
    assert await store.feed_window("a") == "first"
    await store.commit_poll(held, PollCommit(feeds["a"]), T0)  # not modified, or failed
    assert await store.feed_window("a") == "first"
    await store.commit_poll(held, PollCommit(feeds["a"], window="second"), T0)
    assert await store.feed_window("a") == "second"
    await store.commit_poll(held, PollCommit(feeds["a"], window=""), T0)
    assert await store.feed_window("a") == ""
    assert await store.feed_window("b") == ""


async def test_a_poll_that_lost_its_lease_leaves_the_window(store, other):
    held, feeds = await claim_all(store, "a")
    await store.commit_poll(held, PollCommit(feeds["a"], window="mine"), T0)
    await other.claim_hosts(after(minutes=2), limit=1, per_host=9, lease=LEASE)
    late = PollCommit(feeds["a"], (make_item(feed_id="a"),), window="too late")
    with pytest.raises(LeaseLostError):
        await store.commit_poll(held, late, after(minutes=2))
    assert await store.feed_window("a") == "mine"
    assert await store.items() == ()


@pytest.mark.parametrize("text", ["\U0001f6f0 спутник قمر", 'quotes " and \\ and \n lines', "x" * 300_000])
async def test_a_window_may_be_any_text_and_long(store, text):
    held, feeds = await claim_all(store, "a")
    await store.commit_poll(held, PollCommit(feeds["a"], window=text), T0)
    assert await store.feed_window("a") == text


async def test_windows_asked_for_at_the_same_time_are_each_feeds_own(store, other):
    """Calls that arrive together share a transaction: no answer may go to the wrong caller."""
    names = [f"f{number}" for number in range(70)]
    held, feeds = await claim_all(store, *names)
    polls = [PollCommit(feeds[name], window=f"window of {name}") for name in names]
    await asyncio.gather(*(store.commit_poll(held, one, T0) for one in polls))
    for reader in (store, other):
        found = await asyncio.gather(*(reader.feed_window(name) for name in [*names, *names]))
        assert found == [f"window of {name}" for name in [*names, *names]]


# --- presence in parts ---


async def commit(store, held, state, shown, now, *, parts=None):
    """Commit a poll that shows the items with these names; `parts` = (back, gone) as names."""
    items = tuple(make_item(name, feed_id=state.feed_id) for name in sorted(shown))
    ids = tuple(item.item_id for item in items)
    told = [None, None] if parts is None else [ids_of(state.feed_id, names) for names in parts]
    await store.commit_poll(held, PollCommit(state, items, ids, back=told[0], gone=told[1]), now)


def ids_of(feed_id, names):
    return tuple(item_id_of(name, feed_id) for name in sorted(names))


async def left(store, feed_id):
    return {item.title.rpartition(" ")[2] for item in await store.items(limit=999) if item.feed_id == feed_id}


@pytest.mark.parametrize("seed", range(3))
async def test_presence_told_in_parts_is_presence_told_whole(store, seed):
    """Two feeds show the same; one poll says what changed. They forget the same items at the same time."""
    dice = random.Random(seed)
    held, feeds = await claim_all(store, "whole", "parts")
    names, before = [f"n{number}" for number in range(8)], set[str]()
    for day in range(12):
        shown = set(dice.sample(names, dice.randrange(1, 8)))
        now = after(days=10 * day)
        await commit(store, held, feeds["whole"], shown, now)
        await commit(store, held, feeds["parts"], shown, now, parts=(shown - before, before - shown))
        await store.prune(now, KEEP)
        assert await left(store, "parts") == await left(store, "whole"), f"day {day}"
        before = shown
    await store.prune(after(days=120 + 91), KEEP)
    assert await left(store, "parts") == await left(store, "whole") == before


async def test_an_item_named_both_gone_and_shown_is_there(store):
    held, feeds = await claim_all(store, "a")
    await commit(store, held, feeds["a"], {"x", "y"}, T0)
    await commit(store, held, feeds["a"], {"x"}, after(days=1), parts=(set(), {"x", "y"}))
    await store.prune(after(days=200), KEEP)
    assert await left(store, "a") == {"x"}


async def test_absence_counts_from_its_beginning_however_often_it_is_told(store):
    held, feeds = await claim_all(store, "a")
    await commit(store, held, feeds["a"], {"x", "y"}, T0)
    for day in (1, 50):
        await commit(store, held, feeds["a"], {"x"}, after(days=day), parts=(set(), {"y"}))
    await store.prune(after(days=91) - timedelta(microseconds=1), KEEP)
    assert await left(store, "a") == {"x", "y"}
    await store.prune(after(days=91), KEEP)
    assert await left(store, "a") == {"x"}


async def test_what_came_back_is_kept_and_may_leave_again(store):
    held, feeds = await claim_all(store, "a")
    await commit(store, held, feeds["a"], {"x", "y"}, T0)
    await commit(store, held, feeds["a"], {"x"}, after(days=1), parts=(set(), {"y"}))
    state = replace(feeds["a"])
    shown = ids_of("a", {"x", "y"})  # known items, told by their ids alone
    back = PollCommit(state, seen=shown, back=ids_of("a", {"y"}), gone=())
    await store.commit_poll(held, back, after(days=80))
    await store.prune(after(days=160), KEEP)
    assert await left(store, "a") == {"x", "y"}
    await commit(store, held, feeds["a"], {"x"}, after(days=161), parts=(set(), {"y"}))
    await store.prune(after(days=161 + 91), KEEP)
    assert await left(store, "a") == {"x"}


async def test_a_poll_with_a_document_of_nothing_new_touches_no_item(store):
    """Empty parts: all that was shown is shown still."""
    held, feeds = await claim_all(store, "a")
    await commit(store, held, feeds["a"], {"x", "y"}, T0)
    same = PollCommit(feeds["a"], seen=ids_of("a", {"x", "y"}), back=(), gone=())
    await store.commit_poll(held, same, after(days=1))
    await store.prune(after(days=400), KEEP)
    assert await left(store, "a") == {"x", "y"}
