"""The contract of feed events and corrected reports."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.models import FeedEvent, FeedEventKind, stable_id
from monitor.storage.base import FlushCommit, PollCommit, Retention
from tests.contract.test_storage_poll import claim_one, poll
from tests.factories import T0, after, item_id_of, make_alert, make_hit, make_item, make_notification

LEASE = timedelta(minutes=1)


def event(name="a", at=T0, **fields):
    first = FeedEvent(stable_id("feed-event", name), "gazette", FeedEventKind.FAILING, at, f"{name} fails.")
    return replace(first, **fields)


async def commit_events(store, held, *events):
    await store.commit_poll(held, PollCommit(held.feeds[0], events=events), T0)


async def test_events_are_told_once_with_their_messages(store):
    held = await claim_one(store)
    late, early = event("late", after(minutes=5)), event("early")
    await commit_events(store, held, late, early)
    await commit_events(store, held, replace(late, text="other words, same event"))
    assert await store.untold_feed_events(limit=9) == (early, late)
    assert await store.untold_feed_events(limit=1) == (early,)
    row = make_notification("told")
    assert await store.tell_feed_events([early.event_id], [row], T0) == 1
    assert await store.tell_feed_events([early.event_id], [row], T0) == 0, "a repeat adds nothing"
    assert await store.untold_feed_events(limit=9) == (late,)
    assert [one.notification_id for one in await store.notifications()] == [row.notification_id]


async def test_events_are_listed_newest_first_and_by_feed(store):
    held = await claim_one(store)
    one, two = event("one"), event("two", after(minutes=1), feed_id="herald")
    await commit_events(store, held, one, two)
    assert await store.feed_events() == (two, one)
    assert await store.feed_events(feed_id="gazette") == (one,)
    assert await store.feed_events(limit=1) == (two,)


async def test_only_told_events_are_pruned(store):
    held = await claim_one(store)
    old, untold = event("old"), event("untold")
    await commit_events(store, held, old, untold)
    await store.tell_feed_events([old.event_id], [], T0)
    day = timedelta(days=1)
    await store.prune(T0 + 2 * day, Retention(items=day, alerts=day, notifications=day))
    assert await store.feed_events() == (untold,)


async def flush(store, **fields):
    held = await store.claim_flush(T0, lease=LEASE)
    await store.commit_flush(held, FlushCommit(**fields), T0)
    await store.release_flush(held)


async def test_a_change_of_a_report_with_a_hit_waits_for_a_flush(store):
    held = await claim_one(store)
    await poll(store, held, make_item(), make_item("other"), hits=[make_hit()])
    assert await store.pending_corrections(limit=9) == (), "a first text corrects nothing"
    alert = make_alert()
    await flush(store, alerts=(alert,), handled=(make_hit().hit_id,))
    changed = make_item(title="Ministers do not meet", revision=2)
    await poll(store, held, changed, make_item("other", title="Also changed", revision=2))
    (found,) = await store.pending_corrections(limit=9)
    assert (found.item, found.alerts) == (changed, (alert,))
    await poll(store, held, make_item(title="Ministers meet after all", revision=3))
    await flush(store, corrected=((changed.item_id, 2),))
    (again,) = await store.pending_corrections(limit=9)
    assert again.item.revision == 3, "it was changed once more while the flush looked at it"
    await flush(store, corrected=((changed.item_id, 3),))
    assert await store.pending_corrections(limit=9) == ()


async def test_a_change_without_an_alert_comes_without_one(store):
    held = await claim_one(store)
    await poll(store, held, make_item(), hits=[make_hit()])
    await poll(store, held, make_item(title="Changed", revision=2))
    assert [one.alerts for one in await store.pending_corrections(limit=9)] == [()]


@pytest.mark.parametrize("hit_first", [True, False])
async def test_what_a_changed_text_is_hit_for_the_first_time_by_corrects_nothing(store, hit_first):
    held = await claim_one(store)
    await poll(store, held, make_item(), hits=[make_hit()] if hit_first else [])
    await poll(store, held, make_item(title="Changed", revision=2), hits=[make_hit(rule_id="another")])
    waiting = await store.pending_corrections(limit=9)
    assert [one.item.item_id for one in waiting] == ([item_id_of("talks")] if hit_first else [])
