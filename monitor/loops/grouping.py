"""Turn a batch of hits into stories, alerts, revisions and decisions."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from monitor.alerts.decide import decide
from monitor.alerts.lifecycle import group_key, transition
from monitor.alerts.sources import known_agencies, make_source
from monitor.alerts.superseding import replaces, superseded, told_by
from monitor.loops.stories import Stories
from monitor.models import Feed
from monitor.storage.base import FlushCommit
from monitor.stories.linking import SAFE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence
    from datetime import datetime

    from monitor.alerts.lifecycle import Transition
    from monitor.models import Alert, Decision, Item, Routing, RuleInfo, Source, StoryMember
    from monitor.rulebook import RuleBook
    from monitor.storage.base import PendingHit, Storage
    from monitor.stories.linking import Mode

log = structlog.get_logger("monitor.flush")


@dataclass(frozen=True, slots=True)
class Move:
    """One alert's step, and the stories of the reports that made it."""

    step: Transition
    stories: frozenset[str]


class Grouping:
    """One batch of hits on its way to stories, alerts and decisions."""

    def __init__(
        self,
        storage: Storage,
        book: RuleBook,
        now: datetime,
        *,
        no_wait: bool,
        mode: Mode = SAFE,
        meaning: Callable[[Item, Item], float] | None = None,
    ) -> None:
        """Start with nothing decided; see `Stories` for `mode` and `meaning`."""
        self._storage = storage
        self._book = book
        self._now = now
        self._no_wait = no_wait
        self._mode = mode
        self._meaning = meaning
        self._agencies = known_agencies(book.feeds.values())

    async def run(self, pending: Sequence[PendingHit]) -> FlushCommit:
        """Return all that follows from the hits.

        1. Give each item its story.
        2. Sort the hits by rule and group key.
        3. Move each alert on, and decide about each of its new revisions.
        """
        members = await self._stories(pending)
        arrivals: dict[tuple[str, str], list[tuple[Source, str]]] = defaultdict(list)
        rules: dict[str, RuleInfo] = {}
        for found in pending:
            rule = self._book.rules.get(found.hit.rule_id)
            if rule is None:
                log.warning("a hit of a rule that is gone raises no alert", rule=found.hit.rule_id)
                continue
            rules[rule.rule_id] = rule
            story_id = members[found.item.item_id].story_id
            key = group_key(rule, story_id, found.item, found.hit.entities)
            source = make_source(found.hit, found.item, self._feed(found.item.feed_id), self._agencies)
            arrivals[rule.rule_id, key].append((source, story_id))
        moves = [
            await self._move(rules[rule_id], key, arrived) for (rule_id, key), arrived in arrivals.items()
        ]
        return FlushCommit(
            handled=tuple(found.hit.hit_id for found in pending),
            members=tuple(members.values()),
            alerts=tuple(move.step.alert for move in moves),
            revisions=tuple(revision for move in moves for revision in move.step.revisions),
            decisions=tuple([made async for made in self._decisions(moves)]),
        )

    async def _move(self, rule: RuleInfo, key: str, arrived: Sequence[tuple[Source, str]]) -> Move:
        sources = [source for source, _ in arrived]
        step = transition(await self._find(rule, key), rule, key, sources, self._now, arrived[0][1])
        return Move(step, frozenset(story_id for _, story_id in arrived))

    async def _decisions(self, moves: Sequence[Move]) -> AsyncIterator[Decision]:
        """Yield what is decided about each step, and what that withdraws from earlier alerts.

        1. Decide about the step's own revisions; who hears of its stories by a superseding rule is spared.
        2. Withdraw what still waits of this alert, and of alerts that it supersedes.
        """
        routing = self._book.routing
        for move in moves:
            alert = move.step.alert
            rivals = await self._related(move, moves, superseding=True)
            made = await decide_all(self._storage, routing, move.step, self._now, no_wait=self._no_wait)
            told = told_by(alert, rivals, routing)
            final = {(d.revision, d.recipient_id): d for d in (*made, *superseded(made, told, self._now))}
            for decision in final.values():
                yield decision
            earlier = [
                d
                for d in await self._storage.decisions([alert.alert_id])
                if (d.revision, d.recipient_id) not in final
            ]
            for decision in superseded(earlier, told, self._now):
                yield decision
            moved = {other.step.alert.alert_id for other in moves}
            for other in await self._related(move, (), superseding=False):
                if other.alert_id not in moved:  # those that moved withdraw their own
                    waiting = await self._storage.decisions([other.alert_id])
                    for decision in superseded(waiting, told_by(other, [alert], routing), self._now):
                        yield decision

    async def _related(self, move: Move, moves: Iterable[Move], *, superseding: bool) -> list[Alert]:
        """Return alerts of the same stories whose rules supersede this one's, or are superseded by it.

        Those of this batch that share a story; those stored under one of the stories, or under the rule's
        topic with one of this alert's items.
        """
        alert, items = move.step.alert, {source.item_id for source in move.step.alert.sources}
        found = {
            other.step.alert.alert_id: other.step.alert for other in moves if other.stories & move.stories
        }
        for rule in self._book.rules.values():
            first, second = (rule, alert.rule) if superseding else (alert.rule, rule)
            if rule.rule_id == alert.rule.rule_id or not replaces(first, second):
                continue
            keys_ = [f"story:{story_id}" for story_id in sorted(move.stories)]
            stored = await self._storage.find_alerts(rule.rule_id, [*keys_, f"topic:{rule.topic}"])
            for key, other in stored.items():
                if key in keys_ or not items.isdisjoint(source.item_id for source in other.sources):
                    found.setdefault(other.alert_id, other)
        return list(found.values())

    async def _stories(self, pending: Sequence[PendingHit]) -> dict[str, StoryMember]:
        rules: dict[str, set[str]] = defaultdict(set)
        for found in pending:
            rules[found.item.item_id].add(found.hit.rule_id)
        items = {found.item.item_id: found.item for found in pending}
        return await Stories(self._storage, self._mode, self._meaning).of(items, rules, self._now)

    async def _find(self, rule: RuleInfo, key: str) -> Alert | None:
        """Return the alert so far, also when it was opened under an older id of the rule."""
        for rule_id in (rule.rule_id, *rule.formerly):
            if found := (await self._storage.find_alerts(rule_id, [key])).get(key):
                return found
        return None

    def _feed(self, feed_id: str) -> Feed:
        """Return the feed as configured; one that was removed still has its name."""
        return self._book.feeds.get(feed_id) or Feed(feed_id, "", title=feed_id, owner=feed_id)


async def decide_all(
    storage: Storage, routing: Routing, step: Transition, now: datetime, *, no_wait: bool = False
) -> list[Decision]:
    """Return the decisions about every revision of one step."""
    made: list[Decision] = []
    if step.revisions:
        earlier = await storage.decisions([step.alert.alert_id])
        for revision in step.revisions:
            made += decide(step.alert, revision, routing, (*earlier, *made), now, no_wait=no_wait)
    return made
