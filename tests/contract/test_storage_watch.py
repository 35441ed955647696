"""The contract of feed events and corrected reports."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.models import AlertState, FeedEvent, FeedEventKind, NotificationState, Outcome, stable_id
from monitor.storage.base import Delivered, FlushCommit, PollCommit, Retention
from monitor.storage.base_system import Receiver
from tests.contract.test_storage_poll import claim_one, poll
from tests.factories import (
    T0,
    after,
    item_id_of,
    make_alert,
    make_decision,
    make_hit,
    make_item,
    make_notification,
    make_rule,
)

LEASE = timedelta(minutes=1)
OWN = replace(make_rule(), rule_id="system.a")


def event(name="a", at=T0, **fields):
    first = FeedEvent(stable_id("feed-event", name), "gazette", FeedEventKind.FAILING, at, f"{name} fails.")
    return replace(first, **fields)


async def commit_events(store, held, *events):
    await store.commit_poll(held, PollCommit(held.feeds[0], events=events), T0)


async def test_events_are_told_once_with_their_alerts(store):
    held = await claim_one(store)
    late, early = event("late", after(minutes=5)), event("early")
    await commit_events(store, held, late, early)
    await commit_events(store, held, replace(late, text="other words, same event"))
    assert await store.untold_feed_events(limit=9) == (early, late)
    assert await store.untold_feed_events(limit=1) == (early,)
    await flush(store, told_events=(early.event_id,))
    await flush(store, told_events=(early.event_id, "unknown"))
    assert await store.untold_feed_events(limit=9) == (late,)


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
    await flush(store, told_events=(old.event_id,))
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


async def test_open_alerts_of_some_rules(store):
    mine, other = make_alert("mine", rule=OWN), make_alert("other")
    closed = replace(make_alert("closed", rule=OWN), state=AlertState.CLOSED, closed_at=T0)
    await flush(store, alerts=(mine, other, closed))
    assert await store.open_alerts_of(["system.a", "system.b"]) == (mine,)
    assert await store.open_alerts_of([]) == ()


async def test_the_last_hit_but_for_the_monitors_own(store):
    assert await store.last_hit_at(without="system.") is None
    news = replace(make_alert("news"), last_hit_at=after(hours=1))
    own = replace(make_alert("own", rule=OWN), last_hit_at=after(hours=5))
    await flush(store, alerts=(news, own))
    assert await store.last_hit_at(without="system.") == after(hours=1)


async def test_how_delivery_to_each_receiver_goes(store):
    """Each row: what became of the messages to one recipient; then what is known of it."""
    old = make_notification("old", recipient_id="forgotten")
    rows = [replace(make_notification(f"{who}-{n}", recipient_id=who), created_at=after(minutes=1))
            for who in ("well", "tried", "dead", "dropped", "untried") for n in (1, 2)]  # fmt: skip
    await store.add_notifications([old, *rows])
    claimed = await store.claim_notifications(after(minutes=2), limit=99, per_recipient=9, lease=LEASE)
    held = {row.notification_id: row for row in claimed}
    mine = {who: [held[row.notification_id] for row in rows if row.recipient_id == who] for who in
            ("well", "tried", "dead", "dropped", "untried")}  # fmt: skip

    def ended(row, state, minute, error="", attempts=2):
        at = after(minutes=minute)
        sent = at if state is NotificationState.SENT else None
        tried = replace(row, attempts=attempts, last_error=error, last_attempt_at=at)
        return Delivered(replace(tried, state=state, sent_at=sent))

    pending, sent, dead = NotificationState.PENDING, NotificationState.SENT, NotificationState.DEAD
    results = [
        ended(mine["well"][0], pending, 3, "HTTP 503"), ended(mine["well"][1], sent, 4),
        ended(mine["tried"][0], pending, 5, "HTTP 502"), ended(mine["tried"][1], pending, 6, "HTTP 503"),
        ended(mine["dead"][0], dead, 5, "HTTP 400"), ended(mine["dead"][1], sent, 4),
    ]  # fmt: skip
    assert await store.commit_delivery(results, after(minutes=7)) == len(results)
    await store.end_leases()
    await store.drop_notifications([row.notification_id for row in mine["dropped"]], after(minutes=8))
    found = {one.recipient_id: one for one in await store.receivers(since=after(minutes=1))}
    assert found == {
        "well": Receiver(
            "well", "email", after(minutes=4), after(minutes=3), 2, given_up=False, error="HTTP 503"
        ),
        "tried": Receiver("tried", "email", None, after(minutes=6), 4, error="HTTP 503"),
        "dead": Receiver(
            "dead", "email", after(minutes=4), after(minutes=5), 2, given_up=True, error="HTTP 400"
        ),
        "dropped": Receiver("dropped", "email"),
        "untried": Receiver("untried", "email"),
    }
    assert {who for who, one in found.items() if one.fails} == {"tried", "dead"}


async def test_the_alerts_that_a_message_tells(store):
    first, second = make_alert("first"), make_alert("second")
    rows = [make_notification("one"), make_notification("two")]
    pairs = ((first, rows[0]), (second, rows[0]), (second, rows[1]))
    decisions = tuple(
        make_decision(alert, revision=n, outcome=Outcome.DIGEST, notification_ids=(row.notification_id,))
        for n, (alert, row) in enumerate(pairs, 1)
    )
    await flush(store, alerts=(first, second), notifications=tuple(rows), decisions=decisions)
    both = tuple(sorted((first, second), key=lambda alert: alert.alert_id))
    assert await store.alerts_in_message(rows[0].notification_id[:8]) == both
    assert await store.alerts_in_message(rows[1].notification_id) == (second,)
    assert await store.alerts_in_message("0" * 8) == ()
