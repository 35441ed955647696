"""The contract of the outbox: claims that keep order, outcomes, what decisions become, and retention."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from monitor.models import AlertState, NotificationState, Outcome
from monitor.storage.base import Delivered, FlushCommit, Retention
from tests.factories import T0, after, make_alert, make_decision, make_message, make_notification

LEASE = timedelta(minutes=1)
SENT, DEAD, PENDING = NotificationState.SENT, NotificationState.DEAD, NotificationState.PENDING


def note(name, **fields):
    """Return a notification whose id is its name."""
    return make_notification(name, notification_id=name, **fields)


async def claim(store, now=T0, *, limit=99, per_recipient=99, without=()):
    return await store.claim_notifications(
        now, limit=limit, per_recipient=per_recipient, lease=LEASE, without=without
    )


def ids(notifications):
    return [one.notification_id for one in notifications]


def result(claimed, state=SENT, now=T0, **fields):
    """Return what an attempt led to."""
    sent_at = now if state is SENT else None
    row = replace(claimed, state=state, attempts=claimed.attempts + 1, last_attempt_at=now, sent_at=sent_at)
    return Delivered(replace(row, **fields))


async def flush(store, now=T0, **commit):
    held = await store.claim_flush(now, lease=LEASE)
    await store.commit_flush(held, FlushCommit(**commit), now)
    await store.release_flush(held)


# --- putting messages in ---


async def test_messages_are_added_once(store):
    assert await store.add_notifications([note("a"), note("b"), note("a")]) == 2
    assert await store.add_notifications([note("b", message=make_message(text="Other.")), note("c")]) == 1
    assert await store.add_notifications([]) == 0
    assert set(await store.notifications()) == {note("a"), note("b"), note("c")}


async def test_outbox_rows_are_listed_newest_first(store):
    rows = [
        note("a", created_at=after(hours=1)),
        note("b", created_at=after(hours=2), recipient_id="other"),
        note("d", created_at=after(hours=2)),
        note("c", created_at=after(hours=2), state=SENT, sent_at=after(hours=3)),
    ]
    await store.add_notifications(rows)
    assert ids(await store.notifications()) == ["b", "c", "d", "a"]
    assert ids(await store.notifications(limit=2)) == ["b", "c"]
    assert ids(await store.notifications(state="pending")) == ["b", "d", "a"]
    assert ids(await store.notifications(recipient_id="desk")) == ["c", "d", "a"]
    assert ids(await store.notifications(state="sent", recipient_id="desk")) == ["c"]
    assert ids(await store.notifications(state="dead")) == []


async def test_a_message_comes_back_as_it_was_stored(store):
    message = make_message(
        text="Lavrov \x00 \ud800 会议", html="<p>é</p>", headers=(("X-Tag", "a"), ("X-Tag", "b")), body="{}"
    )
    row = note("a", message=message, last_error="550 \x00 no")
    await store.add_notifications([row])
    (stored,) = await store.notifications()
    assert stored.message == message
    assert stored.last_error in ("550 \x00 no", "550 \ufffd no")


# --- claims ---


async def test_due_messages_are_claimed_longest_due_first(store):
    await store.add_notifications(
        [
            note("a", due_at=after(minutes=-1)),
            note("b", due_at=after(minutes=-3)),
            note("c", due_at=after(minutes=-2)),
        ]
    )
    claimed = await claim(store)
    assert ids(claimed) == ["b", "c", "a"]
    assert all(one.token for one in claimed)
    assert [replace(one, token="") for one in claimed] == [
        note("b", due_at=after(minutes=-3)),
        note("c", due_at=after(minutes=-2)),
        note("a", due_at=after(minutes=-1)),
    ]


@pytest.mark.parametrize(
    ("fields", "claimed"),
    [
        ({}, True),
        ({"due_at": T0 + timedelta(microseconds=1)}, False),  # not yet due
        ({"state": SENT}, False),
        ({"state": DEAD}, False),
        ({"expires_at": T0}, True),  # giving up is the deliverer's decision
        ({"channel": "webhook"}, False),  # the test leaves this channel out
    ],
)
async def test_what_is_claimed(store, fields, claimed):
    await store.add_notifications([note("a", **fields)])
    assert bool(await claim(store, without=["webhook", "pager"])) is claimed


async def test_no_more_than_asked_for(store):
    await store.add_notifications([note(f"{n:02}") for n in range(9)])
    assert ids(await claim(store, limit=4)) == ["00", "01", "02", "03"]
    assert ids(await claim(store, limit=4)) == ["04", "05", "06", "07"]
    assert ids(await claim(store, limit=4)) == ["08"]
    assert await claim(store, limit=4) == ()
    assert await claim(store, limit=0) == ()


async def test_a_lease_that_ended_may_be_claimed_by_anyone(store, other):
    await store.add_notifications([note("a")])
    (first,) = await claim(store)
    assert await claim(other, T0 + LEASE - timedelta(microseconds=1)) == ()
    (second,) = await claim(other, T0 + LEASE)
    assert second.token != first.token


async def test_a_recipient_has_so_many_running_claims_at_most(store):
    await store.add_notifications(
        [note(f"a{n}", recipient_id="a", due_at=after(minutes=-9)) for n in range(5)]
    )
    await store.add_notifications([note(f"b{n}", recipient_id="b") for n in range(2)])
    first = await claim(store, per_recipient=3)
    assert ids(first) == ["a0", "a1", "a2", "b0", "b1"]  # a long backlog of one hides no other
    assert await claim(store, per_recipient=3) == ()
    await store.commit_delivery([result(first[1])], T0)
    assert ids(await claim(store, per_recipient=3)) == ["a3"]
    assert ids(await claim(store, T0 + LEASE, per_recipient=3)) == ["a0", "a2", "a3", "b0", "b1"]


async def test_one_order_key_leaves_in_order_of_its_sequence(store):
    rows = [note(f"r{n}", order_key="desk/alert", sequence=n, due_at=after(minutes=-n)) for n in (1, 2, 10)]
    await store.add_notifications(rows)
    for name in ("r1", "r2", "r10"):
        claimed = await claim(store)
        assert ids(claimed) == [name]
        assert await claim(store) == ()
        await store.commit_delivery([result(claimed[0])], T0)


async def test_a_lower_sequence_that_waits_holds_the_higher_ones(store):
    await store.add_notifications(
        [note("r1", order_key="k", sequence=1), note("r2", order_key="k", sequence=2), note("z")]
    )
    first, _ = await claim(store)
    await store.commit_delivery([result(first, PENDING, due_at=after(minutes=5))], T0)
    assert ids(await claim(store, after(minutes=2), without=())) == ["z"]  # its lease ended
    assert ids(await claim(store, after(minutes=5))) == ["z", "r1"]


async def test_a_lower_sequence_over_a_paused_channel_holds_the_higher_ones(store):
    await store.add_notifications(
        [note("r1", order_key="k", sequence=1), note("r2", order_key="k", sequence=2, channel="webhook")]
    )
    assert await claim(store, without=["email"]) == ()


async def test_a_dead_message_holds_nothing(store):
    await store.add_notifications(
        [note("r1", order_key="k", sequence=1), note("r2", order_key="k", sequence=2)]
    )
    (first,) = await claim(store)
    await store.commit_delivery([result(first, DEAD)], T0)
    assert ids(await claim(store)) == ["r2"]


async def test_two_of_one_sequence_leave_one_after_the_other(store):
    await store.add_notifications(
        [
            note("mail", order_key="k"),
            note("hook", order_key="k", channel="webhook", due_at=after(minutes=-1)),
        ]
    )
    (first,) = await claim(store)
    assert first.notification_id == "hook"
    assert await claim(store) == ()
    await store.commit_delivery([result(first)], T0)
    assert ids(await claim(store)) == ["mail"]


async def test_a_paused_twin_holds_nothing(store):
    await store.add_notifications(
        [
            note("mail", order_key="k"),
            note("hook", order_key="k", channel="webhook", due_at=after(minutes=-1)),
        ]
    )
    assert ids(await claim(store, without=["webhook"])) == ["mail"]


async def test_claimers_at_the_same_time_never_share_a_message(store, other):
    """Sixty order keys of three messages each, six recipients, two workers, ten tasks each."""
    rows = [
        note(f"{key:02}-{n}", recipient_id=f"r{key % 6}", order_key=f"r{key % 6}/{key}", sequence=n)
        for key in range(60)
        for n in (1, 2, 3)
    ]
    await store.add_notifications(rows)
    running = await asyncio.gather(
        *(claim(worker, limit=5, per_recipient=9) for _ in range(10) for worker in (store, other))
    )
    claimed = [one for claims in running for one in claims]
    assert len(ids(claimed)) == len(set(ids(claimed))) == 54
    assert len({one.order_key for one in claimed}) == 54
    assert {one.sequence for one in claimed} == {1}
    per_recipient = [sum(one.recipient_id == f"r{n}" for one in claimed) for n in range(6)]
    assert per_recipient == [9] * 6


# --- outcomes ---


async def test_a_sent_message_is_done(store):
    await store.add_notifications([note("a")])
    (claimed,) = await claim(store)
    assert await store.commit_delivery([result(claimed, now=after(seconds=3))], after(seconds=3)) == 1
    (row,) = await store.notifications()
    assert row == replace(
        note("a"), state=SENT, attempts=1, last_attempt_at=after(seconds=3), sent_at=after(seconds=3)
    )
    assert await claim(store, after(days=1)) == ()


async def test_a_failed_attempt_is_tried_again_when_due(store):
    await store.add_notifications([note("a")])
    (claimed,) = await claim(store)
    await store.commit_delivery(
        [result(claimed, PENDING, due_at=after(minutes=1), last_error="451 busy")], T0
    )
    assert await claim(store, after(seconds=59)) == ()
    (again,) = await claim(store, after(minutes=1))
    assert (again.attempts, again.last_error, again.message) == (1, "451 busy", claimed.message)


async def test_the_message_stays_as_first_stored(store):
    await store.add_notifications([note("a")])
    (claimed,) = await claim(store)
    changed = replace(
        claimed, message=make_message(text="Other."), sequence=9, order_key="x", created_at=after(days=1)
    )
    await store.commit_delivery([result(changed)], T0)
    (row,) = await store.notifications()
    assert (row.message, row.sequence, row.order_key, row.created_at) == (
        claimed.message, 1, claimed.order_key, T0,
    )  # fmt: skip


async def test_each_result_is_fenced_on_its_own(store, other):
    await store.add_notifications([note("a"), note("b")])
    lost_a, lost_b = await claim(store)
    taken = list(await claim(other, T0 + LEASE, limit=1))
    assert ids(taken) == ["a"]
    assert await store.commit_delivery([result(lost_a), result(lost_b)], T0 + LEASE) == 1
    states = {one.notification_id: one.state for one in await store.notifications()}
    assert states == {"a": PENDING, "b": SENT}
    assert await other.commit_delivery([result(taken[0], DEAD)], T0 + LEASE) == 1


async def test_an_expired_lease_that_nobody_took_still_commits(store):
    await store.add_notifications([note("a")])
    (claimed,) = await claim(store)
    assert await store.commit_delivery([result(claimed)], T0 + 5 * LEASE) == 1


async def test_a_repeated_or_unclaimed_result_is_skipped(store):
    await store.add_notifications([note("a"), note("b", due_at=after(hours=1))])
    (claimed,) = await claim(store)
    done = result(claimed)
    assert await store.commit_delivery([done, done], T0) == 1
    assert await store.commit_delivery([done], T0) == 0
    assert await store.commit_delivery([result(note("b")), result(note("unknown", token="x"))], T0) == 0
    assert await store.commit_delivery([], T0) == 0
    assert (await store.notifications(state="sent"))[0].attempts == 1


async def test_a_naive_time_is_refused_and_nothing_is_stored(store):
    await store.add_notifications([note("a"), note("b")])
    first, second = await claim(store)
    with pytest.raises(ValueError, match="naive"):
        await store.commit_delivery(
            [result(first), result(second, PENDING, due_at=datetime(2026, 3, 12))], T0
        )
    assert ids(await store.notifications(state="sent")) == []


# --- decisions ---


@pytest.mark.parametrize(
    ("ends", "outcome"),
    [
        ([SENT], Outcome.SENT),
        ([DEAD], Outcome.FAILED),
        ([PENDING], Outcome.HELD),
        ([SENT, DEAD], Outcome.SENT),  # one channel was enough
        ([DEAD, SENT], Outcome.SENT),
        ([DEAD, PENDING], Outcome.HELD),  # the other may still arrive
        ([SENT, PENDING], Outcome.SENT),
        ([DEAD, DEAD], Outcome.FAILED),  # every attempt was in vain
    ],
)
@pytest.mark.parametrize("together", [True, False])
async def test_what_a_decision_becomes(store, ends, outcome, together):
    alert = make_alert()
    rows = [note(f"n{n}", alert_id=alert.alert_id) for n in range(len(ends))]
    decision = make_decision(alert, outcome=Outcome.HELD, notification_ids=tuple(ids(rows)))
    unrelated = make_decision(alert, recipient_id="other", outcome=Outcome.HELD, due_at=after(days=1))
    await flush(store, alerts=(alert,), decisions=(decision, unrelated), notifications=tuple(rows))
    claimed = {one.notification_id: one for one in await claim(store)}
    results = [result(claimed[f"n{n}"], end, due_at=after(hours=1)) for n, end in enumerate(ends)]
    for batch in [results] if together else [[one] for one in results]:
        await store.commit_delivery(batch, T0)
    assert await store.decisions([alert.alert_id]) == (replace(decision, outcome=outcome), unrelated)


async def test_one_digest_settles_all_its_decisions(store):
    alerts = [make_alert(str(n)) for n in range(3)]
    decisions = [
        make_decision(alert, revision=n, outcome=Outcome.DIGEST, notification_ids=("digest",))
        for alert in alerts
        for n in (1, 2)
    ]
    await flush(store, alerts=tuple(alerts), decisions=tuple(decisions), notifications=(note("digest"),))
    (claimed,) = await claim(store)
    await store.commit_delivery([result(claimed)], T0)
    outcomes = [d.outcome for d in await store.decisions([alert.alert_id for alert in alerts])]
    assert outcomes == [Outcome.SENT] * 6


async def test_a_decision_about_an_ended_message_is_settled_at_once(store):
    """The message was stored and sent before; a crash lost what was decided."""
    await store.add_notifications([note("n")])
    (claimed,) = await claim(store)
    await store.commit_delivery([result(claimed)], T0)
    alert = make_alert()
    await flush(
        store,
        alerts=(alert,),
        decisions=(make_decision(alert, notification_ids=("n",)),),
        notifications=(note("n"),),
    )
    assert [d.outcome for d in await store.decisions([alert.alert_id])] == [Outcome.SENT]


async def test_a_sent_decision_stays_sent(store):
    alert = make_alert()
    decision = make_decision(alert, notification_ids=("a", "b"))
    await flush(store, alerts=(alert,), decisions=(decision,), notifications=(note("a"), note("b")))
    first, second = await claim(store)
    await store.commit_delivery([result(first)], T0)
    keep = Retention(items=timedelta(1), alerts=timedelta(1), notifications=timedelta(0))
    assert (await store.prune(T0, keep)).notifications == 1
    await store.commit_delivery([result(second, DEAD)], T0)
    assert [d.outcome for d in await store.decisions([alert.alert_id])] == [Outcome.SENT]


# --- dead messages ---


async def test_dead_messages_are_sent_again_once_repaired(store):
    alert = make_alert()
    decision = make_decision(alert, notification_ids=("a",))
    await flush(store, alerts=(alert,), decisions=(decision,), notifications=(note("a"), note("b")))
    first, second = await claim(store)
    await store.commit_delivery([result(first, DEAD, last_error="535 no"), result(second)], T0)
    assert (
        await store.revive_notifications(["a", "b", "unknown"], after(days=2), expires_at=after(days=3)) == 1
    )
    assert [d.outcome for d in await store.decisions([alert.alert_id])] == [Outcome.QUEUED]
    (again,) = await claim(store, after(days=2))
    assert (again.notification_id, again.attempts, again.due_at, again.expires_at, again.last_error) == (
        "a", 0, after(days=2), after(days=3), "535 no",
    )  # fmt: skip
    await store.commit_delivery([result(again)], after(days=2))
    assert [d.outcome for d in await store.decisions([alert.alert_id])] == [Outcome.SENT]
    assert await store.revive_notifications([], T0, expires_at=T0) == 0


async def test_what_waits_for_a_receiver_that_is_back_is_due_at_once(store):
    later = after(hours=5)
    await store.add_notifications(
        [
            note("own", recipient_id="x", due_at=later),
            note("due", recipient_id="x", due_at=after(minutes=-1)),
            note("hook", recipient_id="x", channel="webhook", due_at=later),
            note("other", recipient_id="y", due_at=later),
            note("dead", recipient_id="x", due_at=later, state=DEAD),
        ]
    )
    assert await store.hasten_notifications(T0, channel="email", recipient_id="x") == 1
    due = {row.notification_id: row.due_at for row in await store.notifications()}
    assert due == {"own": T0, "due": after(minutes=-1), "hook": later, "other": later, "dead": later}
    assert await store.hasten_notifications(T0, channel="email") == 1
    assert sorted(ids(await claim(store))) == ["due", "other", "own"]
    assert await store.hasten_notifications(after(seconds=-1), channel="email") == 0, "they are under way"


async def test_dropping_gives_up_what_waits_and_removes_what_was_given_up(store):
    alert = make_alert()
    decision = make_decision(alert, notification_ids=("waits",))
    await flush(store, alerts=(alert,), notifications=(note("waits"),), decisions=(decision,))
    await store.add_notifications([note("dead", state=DEAD), note("sent", state=SENT), note("runs")])
    await claim(store, T0, limit=99)
    assert await store.drop_notifications(["waits", "runs"], T0) == 0, "an attempt is under way"
    now = T0 + LEASE
    assert await store.drop_notifications(["waits", "dead", "sent", "unknown"], now) == 2
    left = {row.notification_id: (row.state, row.last_error) for row in await store.notifications()}
    assert left == {"waits": (DEAD, "dropped by the operator"), "sent": (SENT, ""), "runs": (PENDING, "")}
    assert [d.outcome for d in await store.decisions([alert.alert_id])] == [Outcome.FAILED]
    assert await store.drop_notifications(["waits"], now) == 1
    assert await store.drop_notifications([], now) == 0


# --- counts and retention ---


async def test_counts(store):
    await store.add_notifications(
        [
            note("a", recipient_id="x", due_at=after(minutes=-5)),
            note("b", recipient_id="x", due_at=after(minutes=-9)),
            note("c", recipient_id="y", due_at=after(minutes=5)),
            note("d", recipient_id="y", state=SENT),
            note("e", recipient_id="y", state=DEAD),
        ]
    )
    closed = make_alert("b", state=AlertState.CLOSED, closed_at=T0)
    await flush(store, alerts=(make_alert("a"), closed))
    counts = await store.counts(T0)
    assert (counts.notifications_pending, counts.notifications_sent, counts.notifications_dead) == (3, 1, 1)
    assert counts.oldest_pending_at == after(minutes=-9)
    assert counts.by_recipient == {"x": {"pending": 2}, "y": {"pending": 1, "sent": 1, "dead": 1}}
    assert (counts.alerts, counts.alerts_open) == (2, 1)


async def test_counts_of_nothing(store):
    counts = await store.counts(T0)
    assert (counts.feeds, counts.items, counts.hits, counts.alerts, counts.notifications_pending) == (0,) * 5
    assert counts.oldest_pending_at is None
    assert counts.by_recipient == {}


async def test_nothing_is_overdue_before_its_time(store):
    await store.add_notifications([note("a", due_at=after(seconds=1))])
    assert (await store.counts(T0)).oldest_pending_at is None


async def test_ended_messages_are_pruned_by_when_they_ended(store):
    await store.add_notifications([note("sent"), note("dead"), note("waiting", due_at=after(days=900))])
    dead, sent = await claim(store)
    await store.commit_delivery([result(sent)], after(days=1))
    await store.commit_delivery([result(dead, DEAD)], after(days=2))
    keep = Retention(items=timedelta(1), alerts=timedelta(1), notifications=timedelta(days=30))
    assert (await store.prune(after(days=31) - timedelta(microseconds=1), keep)).notifications == 0
    assert (await store.prune(after(days=31), keep)).notifications == 1
    assert set(ids(await store.notifications())) == {"dead", "waiting"}
    assert (await store.prune(after(days=999), keep)).notifications == 1
    assert ids(await store.notifications()) == ["waiting"]


# --- small values and life ---


async def test_small_values(store, other):
    assert await store.get_value("clock") is None
    await store.set_value("clock", "1")
    await store.set_value("clock", "zwei \x00 \ud800 会")
    await store.set_value("other", "")
    assert await other.get_value("clock") == "zwei \x00 \ud800 会"
    assert await other.get_value("other") == ""


async def test_a_store_may_be_closed_twice(place):
    storage = place.storage()
    await storage.open()
    await storage.close()
    await storage.close()


async def test_a_sign_of_life(store):
    clock = await store.ping()
    assert clock is None or clock.utcoffset() == timedelta(0)


async def test_many_tasks_at_once(store):
    """More than there are connections: they wait for one another."""
    await asyncio.gather(*(store.set_value(f"v{n}", str(n)) for n in range(60)))
    assert await asyncio.gather(*(store.get_value(f"v{n}") for n in range(60))) == [str(n) for n in range(60)]


async def test_a_cancelled_commit_leaves_the_store_usable(store):
    rows = [note(f"{n}", message=make_message(text="x" * 1000)) for n in range(300)]
    for turns in range(1, 30):
        task = asyncio.ensure_future(store.add_notifications(rows))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert len(await store.notifications(limit=999)) in (0, 300)
    await store.add_notifications(rows)
    assert len(await store.notifications(limit=999)) == 300
