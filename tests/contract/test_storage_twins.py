"""The in-memory twin and SQLite are driven with the same random operations and must not differ."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from monitor.errors import LeaseLostError, StorageError
from monitor.models import AlertState, NotificationState, Outcome, stable_id
from monitor.storage.base import Delivered, FlushCommit, PollCommit, Retention
from monitor.storage.base_stories import ItemMark, Learned, StoryQuery, TermCounts
from monitor.storage.decide import FORGET_AT
from monitor.storage.memory import MemoryStorage
from monitor.storage.sql import SqlStorage
from tests.factories import (
    T0,
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

# Few of everything, so that operations meet.
NAMES = ("a", "b", "c", "d", "e")
FEEDS = {"gazette": "x.example", "herald": "x.example", "courier": "y.example"}
RULES = ("one", "two")
RECIPIENTS = ("desk", "embassy")
RETENTION = Retention(items=timedelta(hours=2), alerts=timedelta(hours=1), notifications=timedelta(hours=1))
EVERYTHING = 999

name = st.sampled_from(NAMES)
names = st.lists(name, max_size=4)
minutes = st.integers(0, 90).map(lambda n: timedelta(minutes=n))
number = st.integers(1, 3)


class Twins(RuleBasedStateMachine):
    """Claims are held as pairs: tokens differ between the two, all else must be equal."""

    template: Path

    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()
        self.directory = tempfile.TemporaryDirectory()
        path = Path(self.directory.name) / "monitor.db"
        path.write_bytes(self.template.read_bytes())
        self.memory, self.sql = MemoryStorage(), SqlStorage(f"sqlite:///{path}", pool_size=1)
        self.now = T0
        self.hosts, self.flushes, self.claimed = [], [], []

    @initialize()
    def open(self):
        self.runner.run(self.sql.open())
        self.both("sync_feeds", [make_seed(feed, host=host) for feed, host in FEEDS.items()], self.now)

    def teardown(self):
        try:
            self.they_look_alike()
        finally:
            self.close()

    def close(self):
        self.runner.run(self.sql.close())
        self.runner.close()
        self.directory.cleanup()

    def both(self, method, *arguments, **options):
        """Call both; return both answers, which agree but for tokens."""
        pairs = ((arguments, options),) * 2
        return self.each(method, *pairs)

    def each(self, method, for_memory, for_sql):
        answers = [
            self.answer(store, method, *arguments, **options)
            for store, (arguments, options) in ((self.memory, for_memory), (self.sql, for_sql))
        ]
        assert plain(answers[0]) == plain(answers[1]), method
        return answers

    def answer(self, store, method, *arguments, **options):
        try:
            return self.runner.run(getattr(store, method)(*arguments, **options))
        except (LeaseLostError, StorageError) as error:
            return type(error)

    # --- time and schedule ---

    @rule(step=minutes)
    def time_passes(self, step):
        self.now += step

    @rule(feeds=st.sets(st.sampled_from(sorted(FEEDS))), moved=st.booleans())
    def configure(self, feeds, moved):
        seeds = [
            make_seed(feed, host=FEEDS[feed], url=f"https://{feed}.example/{'b' if moved else 'a'}.xml")
            for feed in sorted(feeds)
        ]
        self.both("sync_feeds", seeds, self.now)

    # --- poll ---

    @rule(limit=number, per_host=number, lease=minutes)
    def claim_hosts(self, limit, per_host, lease):
        claims = self.both("claim_hosts", self.now, limit=limit, per_host=per_host, lease=lease)
        self.hosts += zip(*claims, strict=True)

    @rule(data=st.data(), step=minutes)
    def poll(self, data, step):
        """Claim what is free, poll all of it, and release most of it."""
        self.now += step
        claims = self.both("claim_hosts", self.now, limit=9, per_host=9, lease=timedelta(minutes=5))
        for pair in zip(*claims, strict=True):
            for feed in pair[0].feeds:
                self.commit_poll(pair, data.draw(poll_commits(feed, self.now)))
            if data.draw(st.integers(0, 3)):
                self.each("release_host", *(((held,), {"free_at": self.now}) for held in pair))
        self.hosts += zip(*claims, strict=True)

    @rule(data=st.data())
    def poll_with_an_old_claim(self, data):
        pair = data.draw(st.sampled_from(self.hosts)) if self.hosts else None
        if pair and pair[0].feeds:
            feed = data.draw(st.sampled_from(pair[0].feeds))
            self.commit_poll(pair, data.draw(poll_commits(feed, self.now)))

    def commit_poll(self, pair, commit):
        self.each("commit_poll", *(((held, commit, self.now), {}) for held in pair))

    @rule(data=st.data(), wait=minutes)
    def release_an_old_claim(self, data, wait):
        if self.hosts:
            pair = data.draw(st.sampled_from(self.hosts))
            self.each("release_host", *(((held,), {"free_at": self.now + wait}) for held in pair))

    # --- flush ---

    @rule(data=st.data(), release=st.booleans())
    def flush(self, data, release):
        claims = self.both("claim_flush", self.now, lease=timedelta(minutes=5))
        if claims[0] is None:
            return
        self.flushes.append(claims)
        self.commit_flush(claims, data.draw(flush_commits(self.now)))
        if release:
            self.each("release_flush", *(((held,), {}) for held in claims))

    @rule(data=st.data(), release=st.booleans())
    def flush_with_an_old_claim(self, data, release):
        if self.flushes:
            pair = data.draw(st.sampled_from(self.flushes))
            self.commit_flush(pair, data.draw(flush_commits(self.now)))
            if release:
                self.each("release_flush", *(((held,), {}) for held in pair))

    def commit_flush(self, pair, commit):
        self.each("commit_flush", *(((held, commit, self.now), {}) for held in pair))

    @rule(wait=minutes, due=st.sampled_from(Outcome), data=st.data())
    def many_decisions(self, wait, due, data):
        """A dozen waiting decisions of few recipients and slots: groups of every size."""
        claims = self.both("claim_flush", self.now, lease=timedelta(minutes=5))
        if claims[0] is None:
            return
        alert = make_alert(data.draw(name), rule=make_rule("one"))
        decisions = tuple(
            make_decision(
                alert,
                revision=revision,
                recipient_id=data.draw(st.sampled_from(RECIPIENTS)),
                outcome=data.draw(st.sampled_from([Outcome.DIGEST, due])),
                due_at=self.now - data.draw(minutes),
                slot=data.draw(st.sampled_from(["s1", "s2"])),
            )
            for revision in range(1, 13)
        )
        self.commit_flush(claims, FlushCommit(alerts=(alert,), decisions=decisions))
        self.each("release_flush", *(((held,), {}) for held in claims))
        self.now += wait
        for limit in range(14):
            self.both("due_decisions", self.now, limit=limit)

    # --- deliver ---

    @rule(
        limit=number,
        cap=number,
        lease=minutes,
        without=st.sets(st.sampled_from(["email", "webhook"]), max_size=1),
    )
    def claim_notifications(self, limit, cap, lease, without):
        options = {"limit": limit, "per_recipient": cap, "lease": lease, "without": sorted(without)}
        claims = self.both("claim_notifications", self.now, **options)
        self.claimed += zip(*claims, strict=True)

    @rule(data=st.data(), wait=minutes)
    def deliver(self, data, wait):
        self.now += wait
        options = {"limit": data.draw(number), "per_recipient": 2, "lease": timedelta(minutes=5)}
        claims = self.both("claim_notifications", self.now, **options)
        self.claimed += zip(*claims, strict=True)
        if claims[0]:
            self.commit_delivery(
                list(zip(*claims, strict=True)),
                [data.draw(st.sampled_from(NotificationState)) for _ in claims[0]],
                wait,
            )

    @rule(data=st.data(), wait=minutes, count=number)
    def deliver_with_old_claims(self, data, wait, count):
        if self.claimed:
            pairs = [data.draw(st.sampled_from(self.claimed)) for _ in range(count)]
            self.commit_delivery(pairs, [data.draw(st.sampled_from(NotificationState)) for _ in pairs], wait)

    def commit_delivery(self, pairs, ends, wait):
        results = [
            [
                Delivered(replace(one, state=end, attempts=one.attempts + 1, due_at=self.now + wait))
                for one in both
            ]
            for both, end in zip(pairs, ends, strict=True)
        ]
        self.each("commit_delivery", *(((list(side), self.now), {}) for side in zip(*results, strict=True)))

    @rule(which=names)
    def revive(self, which):
        ids = [make_notification(f"{one}{n}").notification_id for one in which for n in (1, 2, 3)]
        self.both("revive_notifications", ids, self.now, expires_at=self.now + timedelta(days=1))

    @rule(which=names)
    def drop(self, which):
        ids = [make_notification(f"{one}{n}").notification_id for one in which for n in (1, 2, 3)]
        self.both("drop_notifications", ids, self.now)

    @rule(channel=st.sampled_from(["email", "webhook"]), who=st.sampled_from([None, "desk", "chief"]))
    def hasten(self, channel, who):
        self.both("hasten_notifications", self.now, channel=channel, recipient_id=who)

    @rule(data=st.data())
    def add_notifications(self, data):
        self.both("add_notifications", data.draw(st.lists(outbox_rows(self.now), max_size=3)))

    @rule(later=minutes)
    def prune(self, later):
        self.both("prune", self.now + 3 * later, RETENTION)

    # --- what can be seen ---

    @invariant()
    def they_count_alike(self):
        self.both("counts", self.now)

    @rule()
    def they_look_alike(self):
        alerts = [alert.alert_id for alert in self.both("list_alerts", limit=EVERYTHING)[0]]
        keys = [f"guid:{one}" for one in NAMES] + ["link:1", "link:2", "link:3"]
        ids = [item_id_of(one, feed) for one in NAMES for feed in FEEDS]
        self.both("feed_states")
        self.both("items", limit=EVERYTHING)
        self.both("pending_hits", limit=EVERYTHING)
        self.both("story_of", ids)
        self.both("revisions", alerts)
        self.both("decisions", alerts)
        self.both("notifications", limit=EVERYTHING)
        self.both("quiet_alerts", last_hit_before=self.now - timedelta(hours=1), limit=2)
        for feed in FEEDS:
            self.both("known_items", feed, keys)
        for one in RULES:
            self.both("find_alerts", one, [f"story:{key}" for key in NAMES])
        for limit in (1, 2, EVERYTHING):
            self.both("due_decisions", self.now, limit=limit)
        asked = StoryQuery(T0, self.now, ("u1", ""), ("t2",), ("p1", "p2", "p3"))
        self.both("story_candidates", [asked, StoryQuery(T0, self.now), asked], limit=4)
        self.both("story_members", [stable_id("story", name) for name in NAMES], limit=2)
        self.both("item_hits", ids)
        self.both("hit_members", RULES, since=T0, until=self.now, limit=2)
        self.both("unlearned_items", limit=3)
        self.both("term_counts", {"en": ["a", "b", "z"], "ru": ["a"], "xx": []})


def plain(answer):
    """Return an answer without tokens, which are each store's own."""
    if isinstance(answer, tuple):
        return tuple(plain(one) for one in answer)
    if hasattr(answer, "token"):
        return replace(answer, token=bool(answer.token))
    return answer


@st.composite
def poll_commits(draw, feed, now):
    """One poll of few items in few revisions, whose aliases are other items' keys."""
    revision = draw(number)
    items = tuple(
        make_item(
            one,
            feed_id=feed.feed_id,
            revision=revision,
            title=f"{one} at {now}",
            first_seen_at=now,
            aliases=(f"guid:{draw(name)}", f"link:{draw(number)}"),
        )
        for one in draw(names)
    )
    known = draw(
        st.sampled_from([items, items, tuple(make_item(one, feed_id=feed.feed_id) for one in NAMES)])
    )
    hits = tuple(
        make_hit(
            item_id=draw(st.sampled_from(known)).item_id, rule_id=draw(st.sampled_from(RULES)), hit_at=now
        )
        for _ in range(draw(st.integers(0, 3)) if known else 0)
    )
    state = replace(feed, next_poll_at=now + draw(minutes), polls=feed.polls + 1, failures=revision - 1)
    seen = draw(st.sampled_from([tuple(item.item_id for item in items), ()]))
    return PollCommit(state, items, seen, hits)


@st.composite
def outbox_rows(draw, now):
    one, recipient = draw(name), draw(st.sampled_from(RECIPIENTS))
    sequence = draw(number)
    return make_notification(
        f"{one}{sequence}",
        recipient_id=recipient,
        channel=draw(st.sampled_from(["email", "webhook"])),
        alert_id=draw(st.sampled_from(["", make_alert(one).alert_id])),
        order_key=f"{recipient}/{draw(st.sampled_from('kkl'))}",
        sequence=sequence,
        created_at=now,
        due_at=now + draw(minutes),
    )


@st.composite
def flush_commits(draw, now):
    """A flush as random as it may be; some of its references lead nowhere and must be refused."""
    alerts = tuple(
        make_alert(
            one,
            rule=make_rule(draw(st.sampled_from(RULES))),
            generation=draw(number),
            state=(state := draw(st.sampled_from(AlertState))),
            closed_at=now if state is AlertState.CLOSED else None,
            last_hit_at=now,
            sources=tuple(make_source(source) for source in draw(names)),
        )
        for one in draw(names)
    )
    rows = tuple(draw(st.lists(outbox_rows(now), max_size=3)))
    known = alerts or (make_alert(draw(name), rule=make_rule("one")),)
    decisions = tuple(
        make_decision(
            draw(st.sampled_from(known)),
            revision=draw(number),
            recipient_id=draw(st.sampled_from(RECIPIENTS)),
            outcome=draw(st.sampled_from(Outcome)),
            due_at=draw(st.none() | minutes.map(lambda wait: now + wait)),
            slot=draw(st.sampled_from(["", "s1", "s2"])),
            notification_ids=tuple(row.notification_id for row in draw(st.sampled_from([(), rows]))),
        )
        for _ in range(draw(st.integers(0, 4)))
    )
    members, moved = (tuple(draw_member(draw, one) for one in draw(names)) for _ in range(2))
    learned = None
    if draw(st.booleans()):
        mark = ItemMark(T0 + draw(minutes), item_id_of(draw(name)))
        learned = Learned({draw(st.sampled_from(["en", "ru"])): draw_counts(draw)}, mark)
    handled = tuple(make_hit(one, rule_id=draw(st.sampled_from(RULES))).hit_id for one in draw(names))
    revisions = tuple(make_revision(alert, revision=draw(number)) for alert in alerts)
    reopened = tuple(make_hit(one, rule_id=draw(st.sampled_from(RULES))).hit_id for one in draw(names))
    return FlushCommit(
        handled,
        members,
        alerts,
        revisions,
        decisions,
        rows,
        moved=moved if draw(st.booleans()) else (),
        reopened=reopened if draw(st.booleans()) else (),
        learned=learned,
    )


def draw_member(draw, one):
    return make_member(
        one,
        story=draw(name),
        event_at=T0 + draw(minutes),
        url_key=draw(st.sampled_from(["", "u1", "u2"])),
        title_key=draw(st.sampled_from(["", "t1", "t2"])),
        postings=tuple(draw(st.lists(st.sampled_from(["p1", "p2", "p3", "p4"]), max_size=4))),
    )


def draw_counts(draw):
    """Frequencies that now and then are so high that the store halves them."""
    items = draw(st.sampled_from([1, 7, FORGET_AT // 2]))
    return TermCounts(
        items, {term: draw(st.integers(1, items)) for term in draw(st.sets(st.sampled_from("abc")))}
    )


@pytest.mark.parametrize("runs", [60])
def test_the_twins_do_not_differ(sqlite_template, runs):
    with sqlite3.connect(sqlite_template) as template:  # its log is in the file: a plain copy is whole
        template.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    template.close()
    machine = type("Twins", (Twins,), {"template": sqlite_template})
    run_state_machine_as_test(machine, settings=settings(max_examples=runs, stateful_step_count=30))
