"""The contract of flushing: the one lease, stories, alerts, decisions, and one flush's transaction."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from monitor.errors import LeaseLostError, StorageError
from monitor.models import AlertState, NotificationState, Outcome, Reason
from monitor.storage.base import Delivered, FlushCommit, PollCommit, Retention
from monitor.storage.base_stories import StoryQuery
from tests.factories import (
    T0,
    after,
    item_id_of,
    make_alert,
    make_decision,
    make_hit,
    make_item,
    make_member,
    make_notification,
    make_revision,
    make_rule,
    make_seed,
    make_source,
)

LEASE = timedelta(minutes=1)


async def have_items(store, *items, hits=()):
    """Store items as one poll of the feed `gazette` would."""
    await store.sync_feeds([make_seed()], T0)
    (held,) = await store.claim_hosts(T0, limit=1, per_host=1, lease=LEASE)
    commit = PollCommit(held.feeds[0], items, tuple(item.item_id for item in items), tuple(hits))
    await store.commit_poll(held, commit, T0)
    await store.release_host(held, free_at=T0)


async def flush(store, now=T0, **commit):
    """Commit a flush under a claim of its own."""
    held = await store.claim_flush(now, lease=LEASE)
    await store.commit_flush(held, FlushCommit(**commit), now)
    await store.release_flush(held)


def decisions_about(alert, *, count=1, recipient="desk", **fields):
    return tuple(
        make_decision(alert, revision=n, recipient_id=recipient, **fields) for n in range(1, count + 1)
    )


# --- the lease ---


async def test_one_worker_flushes_at_a_time(store, other):
    held = await store.claim_flush(T0, lease=LEASE)
    assert held.lease_until == T0 + LEASE
    assert await other.claim_flush(T0 + LEASE - timedelta(microseconds=1), lease=LEASE) is None
    assert await other.claim_flush(T0 + LEASE, lease=LEASE) is not None


async def test_a_released_flush_may_be_claimed_at_once(store, other):
    held = await store.claim_flush(T0, lease=LEASE)
    await store.release_flush(held)
    assert await other.claim_flush(T0, lease=LEASE) is not None


async def test_releasing_a_lost_lease_is_ignored(store, other):
    lost = await store.claim_flush(T0, lease=LEASE)
    held = await other.claim_flush(T0 + LEASE, lease=LEASE)
    await store.release_flush(lost)
    assert await store.claim_flush(T0 + LEASE, lease=LEASE) is None
    await other.commit_flush(held, FlushCommit(), T0 + LEASE)


async def test_claimers_at_the_same_time_get_one_claim(store, other):
    claims = await asyncio.gather(*(w.claim_flush(T0, lease=LEASE) for _ in range(8) for w in (store, other)))
    assert sum(claim is not None for claim in claims) == 1


# --- one flush's transaction ---


async def test_a_flush_is_stored_whole(store):
    await have_items(store, make_item(), hits=[make_hit()])
    alert = make_alert()
    message = make_notification(alert_id=alert.alert_id)
    decision = make_decision(alert, notification_ids=(message.notification_id,))
    await flush(
        store,
        handled=(make_hit().hit_id,),
        members=(make_member(),),
        alerts=(alert,),
        revisions=(make_revision(alert),),
        decisions=(decision,),
        notifications=(message,),
    )
    assert await store.pending_hits(limit=9) == ()
    assert await store.story_of([item_id_of("talks"), "unknown"]) == {item_id_of("talks"): make_member()}
    assert await store.alerts([alert.alert_id, "unknown"]) == {alert.alert_id: alert}
    assert await store.revisions([alert.alert_id]) == (make_revision(alert),)
    assert await store.decisions([alert.alert_id]) == (decision,)
    assert await store.notifications() == (message,)


async def test_a_repeated_commit_changes_nothing(store):
    await have_items(store, make_item(), hits=[make_hit()])
    alert = make_alert()
    message = make_notification(alert_id=alert.alert_id)
    held = await store.claim_flush(T0, lease=LEASE)
    commit = FlushCommit(
        handled=(make_hit().hit_id,),
        members=(make_member(),),
        alerts=(alert,),
        revisions=(make_revision(alert),),
        decisions=(make_decision(alert, notification_ids=(message.notification_id,)),),
        notifications=(message,),
    )
    await store.commit_flush(held, commit, T0)
    (claimed,) = await store.claim_notifications(T0, limit=9, per_recipient=9, lease=LEASE)
    await store.commit_delivery([Delivered(replace(claimed, state=NotificationState.SENT, sent_at=T0))], T0)
    before = (await store.counts(T0), await store.decisions([alert.alert_id]), await store.notifications())
    await store.commit_flush(held, commit, after(seconds=5))
    after_it = (await store.counts(T0), await store.decisions([alert.alert_id]), await store.notifications())
    assert after_it == before
    assert [d.outcome for d in before[1]] == [Outcome.SENT]


async def test_a_lost_lease_changes_nothing(store, other):
    await have_items(store, make_item(), hits=[make_hit()])
    lost = await store.claim_flush(T0, lease=LEASE)
    await other.claim_flush(T0 + LEASE, lease=LEASE)
    alert = make_alert()
    commit = FlushCommit(
        handled=(make_hit().hit_id,),
        members=(make_member(),),
        alerts=(alert,),
        notifications=(make_notification(),),
    )
    with pytest.raises(LeaseLostError):
        await store.commit_flush(lost, commit, T0 + LEASE)
    assert len(await store.pending_hits(limit=9)) == 1
    assert await store.story_of([item_id_of("talks")]) == {}
    assert await store.list_alerts() == ()
    assert await store.notifications() == ()


@pytest.mark.parametrize(
    "orphan",
    [
        {"members": (make_member("talks"), make_member("nowhere"))},
        {"revisions": (make_revision(make_alert("nowhere")),)},
        {"decisions": (make_decision(make_alert("nowhere")),)},
    ],
    ids=["member", "revision", "decision"],
)
async def test_a_reference_to_nothing_is_refused_and_nothing_is_stored(store, orphan):
    await have_items(store, make_item(), hits=[make_hit()])
    with pytest.raises(StorageError, match="not stored"):
        await flush(
            store,
            handled=(make_hit().hit_id,),
            alerts=(make_alert(),),
            notifications=(make_notification(),),
            **orphan,
        )
    assert len(await store.pending_hits(limit=9)) == 1
    assert await store.story_of([item_id_of("talks")]) == {}
    assert await store.list_alerts() == ()
    assert await store.notifications() == ()


@pytest.mark.parametrize(
    "spoiled",
    [
        {"alerts": (make_alert(last_hit_at=datetime(2026, 3, 12)),)},
        {"notifications": (make_notification(due_at=datetime(2026, 3, 12)),)},
        {"alerts": (make_alert(),), "decisions": (make_decision(due_at=datetime(2026, 3, 12)),)},
    ],
    ids=["alert", "notification", "decision"],
)
async def test_a_naive_time_is_refused_and_nothing_is_stored(store, spoiled):
    with pytest.raises(ValueError, match="naive"):
        await flush(store, **spoiled)
    assert await store.list_alerts() == ()
    assert await store.notifications() == ()


async def test_an_item_keeps_its_story(store):
    await have_items(store, make_item())
    first, second = make_member(story="one"), make_member(story="two")
    await flush(store, members=(first, second))
    await flush(store, members=(second,))
    assert await store.story_of([item_id_of("talks")]) == {item_id_of("talks"): first}


async def test_a_flush_without_anything(store):
    await flush(store)
    assert await store.list_alerts() == ()


# --- story candidates ---


def member(name, *, hours=1, url="", title="", postings=()):
    return make_member(
        name, event_at=after(hours=hours), url_key=url, title_key=title, postings=tuple(postings)
    )


async def have_members(store, *members):
    """Store members of stories; return their items' names by id."""
    known = {item_id_of(name): name for name in "abcdefghij"}
    names = {one.item_id: known[one.item_id] for one in members}
    await have_items(store, *(make_item(name) for name in names.values()))
    await flush(store, members=members)
    return names


async def ask(store, names, **question):
    limit = question.pop("limit", 50)
    asked = StoryQuery(**{"since": T0, "until": after(hours=48), **question})
    found, nothing = await store.story_candidates([asked, StoryQuery(T0, after(hours=48))], limit=limit)
    assert nothing == ()
    assert all(one.item_id == item.item_id for one, item in found)
    return "".join(names[one.item_id] for one, _ in found)


async def test_candidates_come_by_url_then_title_then_shared_postings_then_time(store):
    names = await have_members(
        store,
        member("a", url="u", hours=9),
        member("b", url="u", title="t", hours=9),
        member("c", url="u", postings="xyz", hours=9),
        member("d", title="t", hours=9),
        member("e", title="t", postings="x", hours=9),
        member("f", postings="xyz", hours=2),
        member("g", postings="xyz", hours=1),
        member("h", postings="xy", hours=0),
        member("i", postings="x", hours=0),  # one posting is not enough
        member("j", url="v", title="s", postings="w", hours=0),
    )
    question = {"url_keys": ["u"], "title_keys": ["t"], "postings": list("xyzq")}
    assert await ask(store, names, **question) == "bcaedgfh"
    assert await ask(store, names, **question, limit=3) == "bca"
    assert await ask(store, names, **question, since=after(hours=2)) == "bcaedf"
    assert await ask(store, names, **question, until=after(hours=2)) == "gfh"
    assert await ask(store, names, postings=["x", "x", "x"]) == ""  # the same posting counts once
    assert await ask(store, names, url_keys=["v", "u"], title_keys=["s"]) == "j" + by_id("abc", names)
    assert await ask(store, names) == ""


def by_id(letters, names):
    """Return `letters` in the order of their items' ids, which is the last criterion."""
    ids = {name: item_id for item_id, name in names.items()}
    return "".join(sorted(letters, key=ids.__getitem__))


async def test_empty_keys_never_match(store):
    names = await have_members(store, member("a"), member("b"))
    assert await ask(store, names, url_keys=[""], title_keys=[""], postings=["", ""]) == ""


async def test_candidates_are_asked_for_with_many_postings(store):
    names = await have_members(store, member("a", postings=[f"p{n}" for n in range(500)]))
    assert await ask(store, names, postings=[f"p{n}" for n in range(40_000)]) == "a"


# --- alerts ---


async def test_an_alert_is_replaced_by_its_new_value(store):
    await flush(store, alerts=(make_alert(),))
    grown = make_alert(
        revision=2, last_hit_at=after(hours=1), sources=(make_source("talks"), make_source("more"))
    )
    await flush(store, alerts=(grown,))
    assert await store.list_alerts() == (grown,)


async def test_the_newest_generation_is_found(store):
    rule, other_rule = make_rule("one"), make_rule("two")
    alerts = [
        make_alert("x", rule=rule, generation=1, state=AlertState.CLOSED, closed_at=T0),
        make_alert("x", rule=rule, generation=10),
        make_alert("x", rule=rule, generation=9),
        make_alert("y", rule=rule),
        make_alert("x", rule=other_rule, generation=11),
    ]
    await flush(store, alerts=tuple(alerts))
    found = await store.find_alerts("one", ["story:x", "story:y", "story:z"])
    assert found == {"story:x": alerts[1], "story:y": alerts[3]}
    assert await store.find_alerts("one", []) == {}
    assert await store.find_alerts("three", ["story:x"]) == {}


async def test_quiet_alerts_come_longest_quiet_first(store):
    hours = {"a": 3, "b": 1, "c": 2}
    alerts = {name: make_alert(name, last_hit_at=after(hours=hours[name])) for name in hours}
    closed = make_alert("d", state=AlertState.CLOSED, closed_at=T0, last_hit_at=T0)
    await flush(store, alerts=(*alerts.values(), closed))
    quiet = await store.quiet_alerts(last_hit_before=after(hours=3), limit=9)
    assert quiet == (alerts["b"], alerts["c"])  # a hit at that very time is not quiet
    assert await store.quiet_alerts(last_hit_before=after(hours=9), limit=1) == (alerts["b"],)


async def test_alerts_are_listed_newest_hit_first(store):
    alerts = [make_alert(str(n), last_hit_at=after(hours=n // 2)) for n in range(4)]
    closed = make_alert("c", state=AlertState.CLOSED, closed_at=T0, last_hit_at=after(hours=9))
    await flush(store, alerts=(*alerts, closed))
    in_order = sorted(alerts, key=lambda a: (-a.last_hit_at.timestamp(), a.alert_id))
    assert list(await store.list_alerts()) == [closed, *in_order]
    assert list(await store.list_alerts(state="open", limit=2)) == in_order[:2]
    assert await store.list_alerts(state="closed") == (closed,)


async def test_a_revision_stays_as_first_stored(store):
    alert, second = make_alert(), make_alert("b")
    await flush(store, alerts=(alert, second), revisions=(make_revision(alert), make_revision(second)))
    update = make_revision(alert, revision=2, reason=Reason.UPDATE)
    await flush(store, revisions=(update, make_revision(alert, note="Something else.")))
    assert list(await store.revisions([second.alert_id, alert.alert_id])) == sorted(
        [make_revision(alert), update, make_revision(second)], key=lambda r: (r.alert_id, r.revision)
    )
    assert await store.revisions([]) == ()


# --- decisions ---


async def test_a_decision_is_replaced_until_it_is_rendered(store):
    alert = make_alert()
    first = make_decision(alert, outcome=Outcome.HELD, due_at=after(hours=9))
    moved = replace(first, outcome=Outcome.QUEUED, due_at=T0)
    rendered = replace(moved, notification_ids=("n1",))
    await flush(store, alerts=(alert,), decisions=(first,))
    await flush(store, decisions=(moved,))
    assert await store.decisions([alert.alert_id]) == (moved,)
    await flush(store, decisions=(rendered,))
    await flush(store, decisions=(moved,))
    assert await store.decisions([alert.alert_id]) == (rendered,)


async def test_decisions_come_by_alert_revision_and_recipient(store):
    alerts = make_alert("a"), make_alert("b")
    decisions = [
        make_decision(alert, revision=revision, recipient_id=recipient)
        for alert in alerts
        for revision in (2, 1, 10)
        for recipient in ("Z", "a", "B")
    ]
    await flush(store, alerts=alerts, decisions=tuple(decisions))
    assert list(await store.decisions([alert.alert_id for alert in alerts])) == sorted(
        decisions, key=lambda d: (d.alert_id, d.revision, d.recipient_id)
    )


@pytest.mark.parametrize(
    ("fields", "due"),
    [
        ({"outcome": Outcome.QUEUED}, True),
        ({"outcome": Outcome.HELD}, True),
        ({"outcome": Outcome.DIGEST, "slot": "2026-03-12T17:30 Europe/Brussels"}, True),
        ({"due_at": T0 + timedelta(microseconds=1)}, False),  # not yet
        ({"due_at": None}, False),
        ({"outcome": Outcome.LOGGED, "recipient_id": ""}, False),
        ({"outcome": Outcome.NO_ROUTE, "recipient_id": ""}, False),
        ({"outcome": Outcome.FAILED}, False),
        ({"outcome": Outcome.SENT}, False),
        ({"notification_ids": ("n1",)}, False),  # rendered
    ],
)
async def test_which_decisions_are_due(store, fields, due):
    alert = make_alert()
    decision = make_decision(alert, **fields)
    await flush(store, alerts=(alert,), decisions=(decision,))
    assert await store.due_decisions(T0, limit=9) == ((decision,) if due else ())


async def test_due_decisions_come_in_groups_longest_due_first(store):
    a, b = sorted((make_alert("a"), make_alert("b")), key=lambda alert: alert.alert_id)
    slot = {"outcome": Outcome.DIGEST, "slot": "2026-03-12T17:30 UTC"}
    late = [
        make_decision(a, revision=1, due_at=after(minutes=-1)),
        make_decision(a, revision=2, due_at=after(minutes=-9)),
    ]
    digest = [make_decision(alert, revision=3, due_at=after(minutes=-5), **slot) for alert in (a, b)]
    same = [make_decision(b, recipient_id="y"), make_decision(b, recipient_id="x")]
    await flush(store, alerts=(a, b), decisions=(*late, *digest, *same))
    everything = (late[1], late[0], *digest, same[1], same[0])
    assert await store.due_decisions(T0, limit=9) == everything
    assert await store.due_decisions(T0, limit=6) == everything
    assert await store.due_decisions(T0, limit=5) == everything[:5]
    assert await store.due_decisions(T0, limit=4) == everything[:4]
    assert await store.due_decisions(T0, limit=3) == everything[:2]  # the digest is not split
    assert await store.due_decisions(T0, limit=1) == everything[:2]  # the first group comes whole
    assert await store.due_decisions(T0, limit=0) == ()


async def test_another_slot_or_recipient_is_another_digest(store):
    alert = make_alert()
    digests = [
        make_decision(alert, revision=n, outcome=Outcome.DIGEST, slot=slot, recipient_id=recipient)
        for n, (slot, recipient) in enumerate((("s1", "x"), ("s1", "y"), ("s2", "x")), start=1)
    ]
    await flush(store, alerts=(alert,), decisions=tuple(digests))
    assert len(await store.due_decisions(T0, limit=1)) == 1
    assert len(await store.due_decisions(T0, limit=2)) == 2


# --- retention ---

KEEP = Retention(items=timedelta(days=90), alerts=timedelta(days=30), notifications=timedelta(days=400))
CLOSED = {"state": AlertState.CLOSED, "closed_at": T0}


async def test_a_closed_alert_goes_with_all_that_belongs_to_it(store):
    await have_items(store, make_item())
    alert, kept = make_alert(**CLOSED), make_alert("kept")
    message = make_notification(alert_id=alert.alert_id, state=NotificationState.SENT, sent_at=T0)
    digest = make_notification("digest", state=NotificationState.SENT, sent_at=T0)
    await flush(
        store,
        alerts=(alert, kept),
        revisions=(make_revision(alert), make_revision(kept)),
        decisions=(make_decision(alert, notification_ids=(message.notification_id, digest.notification_id)),),
        notifications=(message, digest),
    )
    assert (await store.prune(after(days=30) - timedelta(microseconds=1), KEEP)).alerts == 0
    assert (await store.prune(after(days=30), KEEP)).alerts == 1
    assert await store.list_alerts() == (kept,)
    assert await store.revisions([alert.alert_id, kept.alert_id]) == (make_revision(kept),)
    assert await store.decisions([alert.alert_id]) == ()
    assert await store.notifications() == (digest,)


@pytest.mark.parametrize(
    "reason",
    ["open", "reopened", "waiting decision", "pending message", "pending digest", "claimed message"],
)
async def test_an_alert_from_which_something_is_still_to_leave_is_kept(store, reason):
    fields = {"open": {}, "reopened": {"closed_at": T0}}.get(reason, CLOSED)
    alert = make_alert(**fields)
    decision = make_decision(alert, outcome=Outcome.LOGGED)
    messages = ()
    if reason == "waiting decision":
        decision = make_decision(alert, outcome=Outcome.DIGEST, due_at=after(days=900))
    if reason in ("pending message", "claimed message"):
        messages = (make_notification(alert_id=alert.alert_id),)
    if reason == "pending digest":
        messages = (make_notification(),)
        decision = make_decision(alert, notification_ids=(messages[0].notification_id,))
    await flush(store, alerts=(alert,), decisions=(decision,), notifications=messages)
    if reason == "claimed message":
        await store.claim_notifications(T0, limit=1, per_recipient=1, lease=LEASE)
    assert (await store.prune(after(days=500), KEEP)).alerts == 0
    assert await store.decisions([alert.alert_id]) == (decision,)


async def test_an_item_under_a_kept_alert_is_kept(store):
    await have_items(store, make_item("a"), make_item("b"), hits=[make_hit("a"), make_hit("b")])
    alert = make_alert("a", **CLOSED)
    await flush(
        store,
        handled=(make_hit("a").hit_id, make_hit("b").hit_id),
        members=(make_member("a"), make_member("b")),
        alerts=(alert,),
    )
    await have_items(store, make_item("c"))  # a and b are absent from now on
    long = replace(KEEP, alerts=timedelta(days=1000))
    assert (await store.prune(after(days=90), long)).items == 1
    assert await store.story_of([item_id_of("a"), item_id_of("b")]) == {item_id_of("a"): make_member("a")}
    assert (await store.counts(T0)).hits == 1
    assert (await store.prune(after(days=90), KEEP)).items == 1
    assert (await store.counts(T0)).hits == 0
    assert await store.story_candidates([StoryQuery(T0, T0, url_keys=("gazette.example/a",))]) == ((),)


async def test_an_item_that_left_its_alert_is_no_longer_kept_by_it(store):
    await have_items(store, make_item("a"))
    await flush(store, alerts=(make_alert("x", sources=(make_source("a"), make_source("b"))),))
    await flush(store, alerts=(make_alert("x", sources=(make_source("b"),)),))
    await have_items(store, make_item("c"))
    assert (await store.prune(after(days=90), KEEP)).items == 1


async def test_a_hit_that_was_handled_is_not_pending_again_after_its_alert_went(store):
    await have_items(store, make_item(), hits=[make_hit()])
    await flush(store, handled=(make_hit().hit_id,), alerts=(make_alert(**CLOSED),))
    assert (await store.prune(after(days=500), KEEP)).alerts == 1
    await store.add_hits([make_hit()])
    assert await store.pending_hits(limit=9) == ()


async def test_alerts_whose_reminders_are_due_come_longest_due_first(store):
    at = {"b": T0, "a": T0, "c": after(minutes=-1), "late": after(seconds=1), "none": None}
    alerts = {name: make_alert(name, remind_at=when) for name, when in at.items()}
    await flush(store, alerts=tuple(alerts.values()))
    due = await store.due_reminders(T0, limit=9)
    same = sorted((alerts["a"], alerts["b"]), key=lambda alert: alert.alert_id)
    assert due == (alerts["c"], *same)
    assert await store.due_reminders(T0, limit=1) == (alerts["c"],)
    await flush(store, alerts=(replace(alerts["c"], remind_at=None),))
    assert await store.due_reminders(T0, limit=9) == tuple(same)


async def test_hits_of_a_flush_are_stored_as_handled_once(store):
    await have_items(store, make_item())
    await flush(store, hits=(make_hit(),))
    assert await store.pending_hits(limit=9) == ()
    assert await store.item_hits([make_hit().item_id]) == (make_hit(),)
    assert await store.add_hits([make_hit()]) == 0, "a rule finds an item once"
    await flush(store, hits=(make_hit(),))
    assert await store.item_hits([make_hit().item_id]) == (make_hit(),)


async def test_a_hit_of_a_flush_needs_its_item(store):
    with pytest.raises(StorageError):
        await flush(store, hits=(make_hit(),))
    assert await store.item_hits([make_hit().item_id]) == ()
