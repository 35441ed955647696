"""Gathers the facts from which the monitor's own troubles are told (see `alerts/conditions.py`)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from monitor.alerts import conditions
from monitor.alerts.system import join
from monitor.alerts.system_rules import DISK_LOW, PREFIX
from monitor.loops.administer import read_silences

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from monitor.alerts.system import Survey
    from monitor.models import Alert
    from monitor.rulebook import RuleBook
    from monitor.storage.base import Storage

LATELY = timedelta(hours=48)  # messages live for 24 h: older ones say nothing of the present


class Checks:
    """One look at rules, delivery, queue, disk, hits and expiries."""

    def __init__(
        self,
        storage: Storage,
        book: Callable[[], RuleBook],
        disk: Callable[[], tuple[int, int] | None],
        quiet_after: timedelta,
    ) -> None:
        """Keep the parts.

        Args:
            storage: asked about delivery, queue and hits.
            book: answers the present rules.
            disk: answers (free, total) bytes of the disk that the store is on; None = not this machine's.
            quiet_after: without a hit for so long, the operator is told; zero = never.
        """
        self._storage = storage
        self._book = book
        self._disk = disk
        self._quiet_after = quiet_after

    async def survey(self, open_: Sequence[Alert], now: datetime) -> Survey:
        """Return what is wrong now; see `conditions` for each bound."""
        book, storage = self._book(), self._storage
        counts = await storage.counts(now)
        waiting = await storage.pending_hits(limit=1)
        told = {source.item_id: source.event_at for alert in open_ for source in alert.sources}
        lately = await storage.receivers(since=now - LATELY)
        # Messages that wait for a receiver in trouble are told as that.
        overdue = None if any(one.troubled for one in lately) else counts.oldest_pending_at
        surveys = [
            conditions.rules_stale(book.errors, book.kept, book.rules, now),
            conditions.receivers(lately, book.routing, told, now),
            conditions.queue(overdue, waiting[0].hit.hit_at if waiting else None, now),
            conditions.expiring(book.tree.rules, await read_silences(storage), now),
            await self._nothing_matched(now),
        ]
        if (room := self._disk()) is not None:
            low = any(alert.rule.rule_id == DISK_LOW for alert in open_)
            surveys.append(conditions.disk(*room, now, low_before=low))
        return join(surveys)

    async def _nothing_matched(self, now: datetime) -> Survey:
        last = await self._storage.last_hit_at(without=PREFIX)
        lately = last is not None and now - last < self._quiet_after
        states = () if lately else await self._storage.feed_states()
        return conditions.nothing_matched(last, states, self._quiet_after, now)
