"""The guarantees of an alert's life as a state machine over the real loops: virtual clock, crashes anywhere.

`MONITOR_GUARANTEE_RUNS=500 MONITOR_GUARANTEE_STEPS=50` runs as many as one likes; the suite runs few.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections import Counter, defaultdict
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from monitor.alerts.calendar import quiet_until
from monitor.alerts.silences import make_silence
from monitor.alerts.timing import DEFAULTS
from monitor.loops.administer import acknowledge, administered, close, put_silence, read_silences
from monitor.models import AlertState, Outcome, Reason
from monitor.storage.sql import SqlStorage
from tests.integration.test_lifecycle_loops import BOOK
from tests.integration.test_loops import MINUTE, CrashError, Dying, World

RUNS = int(os.environ.get("MONITOR_GUARANTEE_RUNS", "12"))
STEPS = int(os.environ.get("MONITOR_GUARANTEE_STEPS", "20"))
TITLES = (
    "The envoy lands in Vienna for talks with the minister",
    "An envoy lands on the far moon to count the craters",
    "General threatens to close the border crossings at midnight",
    "Navy chief threatens a blockade of island ports",
    "The foreign minister resigns over the leaked memo",
)
CALLS = 60  # after so many calls of the store a flush of this size has ended
WAITING = {Outcome.QUEUED, Outcome.HELD, Outcome.DIGEST, Outcome.SILENCED, Outcome.RATE_LIMITED}


class Life(RuleBasedStateMachine):
    """One installation; whatever happens to it, the guarantees hold after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.world = World(BOOK)
        self.open_store()
        self.bodies: dict[str, str] = {}
        self.count = 0
        self.published: list[tuple[str, str]] = []

    def open_store(self) -> None:
        """The in-memory twin needs nothing."""

    def close_store(self) -> None:
        """Nor does it keep anything."""

    def run(self, coroutine):
        return self.loop.run_until_complete(coroutine)

    def alerts(self):
        return self.run(self.world.store.list_alerts(limit=1000))

    @rule(feed=st.sampled_from(["one", "two"]), title=st.sampled_from(TITLES))
    def publish(self, feed, title):
        self.count += 1
        self.run(self.world.publish(feed, f"{title}, {self.count} say"))
        self.published.append((feed, f"{title}, {self.count} say"))

    @precondition(lambda self: self.published)
    @rule(which=st.integers(0, 100))
    def publish_again(self, which):
        """Guarantee 1: what comes again adds nothing."""
        before = self.alerts()
        self.run(self.world.publish(self.published[which % len(self.published)][0],
                                    self.published[which % len(self.published)][1]))  # fmt: skip
        assert self.alerts() == before

    @rule(minutes=st.sampled_from([1, 3, 12, 45, 180, 700, 1500]))
    def pass_time(self, minutes):
        self.world.at += minutes * MINUTE
        self.run(self.world.turn())

    @rule()
    def flush(self):
        self.run(self.world.turn())
        before = self.alerts(), len(self.world.channel.sent)
        self.run(self.world.turn())
        assert (self.alerts(), len(self.world.channel.sent)) == before, "a second flush has nothing to do"

    @rule(call=st.integers(0, CALLS), after=st.booleans())
    def crash(self, call, after):
        """Guarantee 8: the process dies at any call of the store, and starts again."""
        with contextlib.suppress(CrashError):
            self.run(self.world.turn(Dying(self.world.store, call, after=after)))
        self.run(self.world.store.end_leases())

    def change(self, make):
        self.run(administered(self.world.store, self.world.clock, make))

    @precondition(lambda self: self.alerts())
    @rule(which=st.integers(0, 100))
    def acknowledge(self, which):
        alert = self.alerts()[which % len(self.alerts())]
        self.change(lambda now: acknowledge(self.world.store, alert, "J. Roe", now))

    @precondition(lambda self: any(a.state is AlertState.OPEN for a in self.alerts()))
    @rule(which=st.integers(0, 100))
    def close(self, which):
        opened = [a for a in self.alerts() if a.state is AlertState.OPEN]
        alert = opened[which % len(opened)]
        self.change(lambda now: close(self.world.store, BOOK.routing, alert, "J. Roe", now))

    @rule(match=st.sampled_from(["rule=threat", "topic=talks", "severity<=medium"]), hours=st.integers(1, 9))
    def silence(self, match, hours):
        now = self.world.at
        made = make_silence([match], now, now + timedelta(hours=hours), "J. Roe", "known")
        self.change(lambda at: put_silence(self.world.store, made, at))

    @invariant()
    def revisions_are_gapless(self):
        """Guarantee 2."""
        alerts = self.alerts()
        revisions = defaultdict(list)
        for one in self.run(self.world.store.revisions([a.alert_id for a in alerts])):
            revisions[one.alert_id].append(one)
        for alert in alerts:
            numbers = [one.revision for one in revisions[alert.alert_id]]
            assert numbers == list(range(1, alert.revision + 1))
            reasons = [one.reason for one in revisions[alert.alert_id]]
            assert reasons.count(Reason.NEW) <= 1
            assert alert.state is not AlertState.OPEN or reasons

    @invariant()
    def decisions_are_complete(self):
        """Guarantee 3: exactly one for each recipient that a route names (here: all or the desk)."""
        decisions = self.run(self.world.store.decisions([a.alert_id for a in self.alerts()]))
        keys = Counter((d.alert_id, d.revision, d.recipient_id) for d in decisions)
        assert set(keys.values()) <= {1}
        told = {(d.alert_id, d.revision) for d in decisions}
        assert told == {(a.alert_id, n) for a in self.alerts() for n in range(1, a.revision + 1)}

    @invariant()
    def messages_keep_their_promises(self):
        """Guarantees 5, 6, 9, 13."""
        rows = self.run(self.world.store.notifications(limit=10_000))
        for row in rows:
            body = row.message.text + row.message.subject
            assert self.bodies.setdefault(row.notification_id, body) == body
        newest: dict[tuple[str, str], int] = {}
        by_id = {row.notification_id: row for row in rows}
        for recipient, name, sequence in self.world.channel.sent:
            row = by_id[name]
            if row.alert_id:
                assert sequence >= newest.get((recipient, row.alert_id), 0)
                newest[recipient, row.alert_id] = sequence
        night = BOOK.routing.recipient("night")
        for row in rows:
            if row.recipient_id == "night" and row.message.kind == "alert":
                assert quiet_until(night, row.created_at) is None
        rules = {a.alert_id: a for a in self.alerts()}
        pushes = [r for r in rows if r.alert_id in rules and r.message.kind == "alert"]
        for row in pushes:
            alert = rules[row.alert_id]
            same = [
                r
                for r in pushes
                if r.recipient_id == row.recipient_id
                and rules[r.alert_id].rule.rule_id == alert.rule.rule_id
                and timedelta(0) <= r.created_at - row.created_at < timedelta(hours=1)
            ]
            assert len(same) <= max(row.max_per_hour for row in DEFAULTS.values())

    def teardown(self):
        """Guarantee 4: with nothing in the way, all that waits leaves."""
        try:
            self.run(self.world.store.end_leases())
            for _ in range(12):
                self.world.at += timedelta(hours=6)
                self.run(self.world.turn())
            assert all(s.ends_at < self.world.at for s in self.run(read_silences(self.world.store)))
            decisions = self.run(self.world.store.decisions([a.alert_id for a in self.alerts()]))
            left = [d for d in decisions if d.outcome in WAITING and not d.notification_ids]
            assert left == []
            assert self.run(self.world.store.notifications(state="pending")) == ()
            assert all(a.state is not AlertState.PENDING for a in self.alerts())
        finally:
            self.close_store()
            self.loop.close()


class LifeOnDisk(Life):
    """The same with SQLite on disk: fewer runs, as each step asks it a dozen times."""

    def open_store(self) -> None:
        self.directory = tempfile.TemporaryDirectory(prefix="monitor-life-")
        self.world.store = SqlStorage(f"sqlite:///{self.directory.name}/life.db")
        self.run(self.world.store.open())

    def close_store(self) -> None:
        self.run(self.world.store.close())
        self.directory.cleanup()


Life.TestCase.settings = settings(
    max_examples=RUNS,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
LifeOnDisk.TestCase.settings = settings(Life.TestCase.settings, max_examples=max(2, RUNS // 6))
TestLife = Life.TestCase
TestLifeOnDisk = LifeOnDisk.TestCase
