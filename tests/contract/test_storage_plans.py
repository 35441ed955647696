"""SQLite's query plans: nothing that runs often reads a table from end to end."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event

from monitor.models import FeedEvent, FeedEventKind, NotificationState, Outcome
from monitor.storage.base import Delivered, FlushCommit, PollCommit, Retention
from monitor.storage.base_stories import ItemMark, Learned, StoryQuery, TermCounts
from monitor.storage.sql import SqlStorage
from monitor.storage.tables import metadata
from tests.factories import (
    T0,
    make_alert,
    make_decision,
    make_hit,
    make_item,
    make_member,
    make_notification,
    make_revision,
    make_seed,
)

LEASE = timedelta(minutes=1)
TABLES = "|".join(metadata.tables)


async def work(store):
    """Everything that the three loops do over and over."""
    (claim,) = await store.claim_hosts(T0, limit=9, per_host=9, lease=LEASE)
    item = make_item()
    await store.known_items("gazette", [item.key])
    await store.commit_poll(claim, PollCommit(claim.feeds[0], (item,), (item.item_id,), (make_hit(),)), T0)
    await store.commit_poll(claim, PollCommit(claim.feeds[0], (), ("other",)), T0)
    await store.commit_poll(claim, PollCommit(claim.feeds[0], (), (item.item_id,)), T0)
    revised = replace(item, revision=2)
    event = FeedEvent("event", "gazette", FeedEventKind.FAILING, T0, "It fails.")
    await store.commit_poll(claim, PollCommit(claim.feeds[0], (revised,), (item.item_id,), (), (event,)), T0)
    await store.release_host(claim, free_at=T0)
    await store.untold_feed_events(limit=9)
    await store.open_alerts_of(["system.a"])
    await store.last_hit_at(without="system.")
    await store.alerts_in_message("00000000")
    await store.receivers(since=T0)
    await store.feed_events(limit=9)
    await store.feed_events(feed_id="gazette", limit=9)

    held = await store.claim_flush(T0, lease=LEASE)
    await store.pending_hits(limit=9)
    await store.pending_corrections(limit=9)
    await store.story_of([item.item_id])
    await store.story_candidates([StoryQuery(T0, T0, ("u",), ("t",), ("p", "q"))])
    await store.story_members(["story"])
    await store.hit_members(["ministers-meet"], since=T0, until=T0)
    await store.term_counts({"en": ["term"]})
    await store.unlearned_items(limit=9)
    await store.item_hits([item.item_id])
    await store.find_alerts("ministers-meet", ["story:talks"])
    await store.due_decisions(T0, limit=9)
    await store.due_reminders(T0, limit=9)
    await store.quiet_alerts(last_hit_before=T0, limit=9)
    alert, row = make_alert(), make_notification()
    decision = make_decision(alert, outcome=Outcome.HELD, notification_ids=(row.notification_id,))
    commit = FlushCommit(
        (make_hit().hit_id,), (make_member(),), (alert,), (make_revision(),), (decision,), (row,),
        ((item.item_id, 2),),
    )  # fmt: skip
    await store.commit_flush(held, commit, T0)
    learned = Learned({"en": TermCounts(1, {"term": 1})}, ItemMark(T0, item.item_id))
    await store.commit_flush(held, FlushCommit(moved=(make_member(),), learned=learned), T0)
    await store.unlearned_items(limit=9)
    await store.alerts([alert.alert_id])
    await store.revisions([alert.alert_id])
    await store.decisions([alert.alert_id])
    await store.release_flush(held)

    (sent,) = await store.claim_notifications(T0, limit=9, per_recipient=9, lease=LEASE, without=["x"])
    await store.commit_delivery([Delivered(replace(sent, state=NotificationState.SENT))], T0)
    await store.items(limit=9)
    await store.items(feed_id="gazette", limit=9)
    await store.list_alerts(state="open", limit=9)
    await store.notifications(limit=9)
    await store.notifications(recipient_id="desk", limit=9)
    await store.prune(T0, Retention(LEASE, LEASE, LEASE))


@pytest.fixture
async def plans(tmp_path):
    """Each statement of `work` with its plan, as SQLite explains it."""
    storage = SqlStorage(f"sqlite:///{tmp_path}/monitor.db")
    await storage.open()
    await storage.sync_feeds([make_seed()], T0)
    seen = {}

    def note(_connection, _cursor, statement, parameters, _context, _many):
        if not statement.startswith(("PRAGMA", "BEGIN")):
            seen[statement] = parameters[0] if isinstance(parameters, list) else parameters

    engine = storage._engine.connections.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    await work(storage)
    event.remove(engine, "before_cursor_execute", note)

    def explain(connection):
        return {
            statement: [
                row.detail
                for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            ]
            for statement, parameters in seen.items()
        }

    found = await storage._engine.read(explain)
    await storage.close()
    return found


async def test_nothing_that_runs_often_reads_a_whole_table(plans):
    whole = re.compile(rf"^SCAN (\w+ )?({TABLES})( |$)(?!USING (COVERING )?INDEX ix_\w+)")
    assert len(plans) > 40
    assert {
        statement: plan for statement, plan in plans.items() if any(whole.match(step) for step in plan)
    } == {}


async def test_claims_read_pending_rows_by_the_partial_indexes(plans):
    """With ten thousand waiting messages, one wrong choice here makes a claim a thousand times slower."""
    (claim,) = [
        plan for statement, plan in plans.items() if statement.startswith("WITH RECURSIVE recipients")
    ]
    searches = [step for step in claim if re.match(r"(SEARCH|SCAN) (pending|notifications|own|other) ", step)]
    assert sorted(searches) == [
        "SEARCH notifications USING INDEX ix_notifications_due (recipient_id>?)",
        "SEARCH notifications USING INDEX sqlite_autoindex_notifications_1 (notification_id=?)",
        "SEARCH other USING INDEX ix_notifications_order (order_key=?)",
        "SEARCH own USING INDEX ix_notifications_due (recipient_id=? AND due_at<?)",
        "SEARCH pending USING INDEX ix_notifications_due",
    ]
