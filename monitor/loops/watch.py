"""Watch the monitor itself: what is wrong becomes alerts, which take the way of all alerts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

import structlog

from monitor.alerts.feed_findings import feed_survey, removed
from monitor.alerts.silences import hushed
from monitor.alerts.system import Survey, join, reconcile, unheard
from monitor.alerts.system_rules import SYSTEM_RULES
from monitor.loops.administer import read_silences
from monitor.loops.grouping import decide_all
from monitor.storage.base import FlushCommit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from monitor.alerts.lifecycle import Transition
    from monitor.alerts.system import Finding
    from monitor.models import Alert, Decision, FeedEvent
    from monitor.rulebook import RuleBook
    from monitor.storage.base import Storage

log = structlog.get_logger("monitor.watch")

COLLECT = timedelta(minutes=5)  # an outage makes one alert, not one for each feed
MOST_EVENTS = 1_000
MOST_PULSES = 10_000
LEASE = timedelta(seconds=20)


class Looking(Protocol):
    """Looks at the monitor, feeds apart."""

    async def survey(self, open_: Sequence[Alert], now: datetime) -> Survey:
        """Return what is wrong now; `open_` is what was told so far."""


class WatchLoop:
    """Serialized with the flush, by its lease: two processes never tell the same in two alerts.

    Everything rests on what is stored: alerts that are open, events that are untold. Only what other
    loops report of the present moment (`report`) is in memory until the next run.
    """

    def __init__(
        self,
        storage: Storage,
        book: Callable[[], RuleBook],
        clock: Callable[[], datetime],
        looking: Sequence[Looking] = (),
    ) -> None:
        """Keep the parts."""
        self._storage = storage
        self._book = book
        self._clock = clock
        self._looking = tuple(looking)
        self._reported: dict[str, Finding] = {}

    def report(self, *findings: Finding) -> None:
        """Take in what has just happened; it is told by the next run."""
        for finding in findings:
            if len(self._reported) < MOST_PULSES:
                self._reported[finding.item_id] = finding

    async def run_once(self, *, no_wait: bool = False) -> int:
        """Look, and store what follows; return how many alerts have something to tell.

        Args:
            no_wait: do not wait for further events, as a single round has to.
        """
        claim = await self._storage.claim_flush(self._clock(), lease=LEASE)
        if claim is None:
            return 0
        try:
            now = self._clock()
            reported = dict(self._reported)
            commit = await self._look(tuple(reported.values()), now, no_wait=no_wait)
            if commit is not None:
                await self._storage.commit_flush(claim, commit, now)
            for item_id, finding in reported.items():
                if self._reported.get(item_id) is finding:
                    del self._reported[item_id]
        finally:
            await self._storage.release_flush(claim)
        return len(commit.revisions) if commit is not None else 0

    async def _look(self, reported: Sequence[Finding], now: datetime, *, no_wait: bool) -> FlushCommit | None:
        open_ = await self._storage.open_alerts_of(tuple(SYSTEM_RULES))
        feeds = self._book().feeds
        events = await self._events(now, no_wait=no_wait)
        survey = join(
            [
                Survey(tuple(reported), removed(open_, feeds)),
                feed_survey(events, feeds),
                *[await one.survey(open_, now) for one in self._looking],
            ]
        )
        steps = reconcile(survey, open_, await self._stored(survey), now)
        if not steps and not events:
            return None
        for step in steps:
            for revision in step.revisions:
                log.info("alert", alert=revision.alert_id, reason=revision.reason.value, note=revision.note)
        return FlushCommit(
            alerts=tuple(step.alert for step in steps),
            revisions=tuple(revision for step in steps for revision in step.revisions),
            decisions=tuple([d for step in steps for d in await self._decisions(step, now, no_wait=no_wait)]),
            told_events=tuple(event.event_id for event in events),
        )

    async def _events(self, now: datetime, *, no_wait: bool) -> tuple[FeedEvent, ...]:
        events = await self._storage.untold_feed_events(limit=MOST_EVENTS)
        return events if events and (no_wait or now - events[0].at >= COLLECT) else ()

    async def _stored(self, survey: Survey) -> dict[tuple[str, str], Alert]:
        """Return the newest alerts that findings may reopen."""
        keys: dict[str, set[str]] = {}
        for finding in survey.findings:
            keys.setdefault(finding.rule_id, set()).add(finding.key)
        found: dict[tuple[str, str], Alert] = {}
        for rule_id, wanted in keys.items():
            stored = await self._storage.find_alerts(rule_id, sorted(wanted))
            found |= {(rule_id, key): alert for key, alert in stored.items()}
        return found

    async def _decisions(self, step: Transition, now: datetime, *, no_wait: bool) -> tuple[Decision, ...]:
        earlier = await self._storage.decisions([step.alert.alert_id])
        made = await decide_all(self._storage, self._book().routing, step, now, no_wait=no_wait)
        silences = await read_silences(self._storage) if made else ()
        return unheard(step, tuple(hushed(made, step.alert, silences, now)), earlier, now)
