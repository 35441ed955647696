"""Turn a batch of hits into stories, alerts, revisions and decisions."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import structlog

from monitor.alerts.decide import decide
from monitor.alerts.lifecycle import group_key, transition
from monitor.alerts.sources import known_agencies, make_source
from monitor.alerts.superseding import replaces, superseded, told_by
from monitor.models import Feed
from monitor.storage.base import FlushCommit
from monitor.stories.grouping import WINDOW, Assigner, keys

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from datetime import datetime

    from monitor.alerts.lifecycle import Transition
    from monitor.models import Alert, Decision, Item, Routing, RuleInfo, Source, StoryMember
    from monitor.rulebook import RuleBook
    from monitor.storage.base import PendingHit, Storage

log = structlog.get_logger("monitor.flush")


class Grouping:
    """One batch of hits on its way to stories, alerts and decisions."""

    def __init__(self, storage: Storage, book: RuleBook, now: datetime, *, no_wait: bool) -> None:
        """Start with nothing decided."""
        self._storage = storage
        self._book = book
        self._now = now
        self._no_wait = no_wait
        self._agencies = known_agencies(book.feeds.values())

    async def run(self, pending: Sequence[PendingHit]) -> FlushCommit:
        """Return all that follows from the hits.

        1. Give each item its story.
        2. Sort the hits by rule and group key.
        3. Move each alert on, and decide about each of its new revisions.
        """
        members = await self._stories([hit.item for hit in pending])
        arrivals: dict[tuple[str, str], list[Source]] = defaultdict(list)
        stories: dict[tuple[str, str], str] = {}
        rules: dict[str, RuleInfo] = {}
        for found in pending:
            rule = self._book.rules.get(found.hit.rule_id)
            if rule is None:
                log.warning("a hit of a rule that is gone raises no alert", rule=found.hit.rule_id)
                continue
            rules[rule.rule_id] = rule
            story_id = members[found.item.item_id].story_id
            place = rule.rule_id, group_key(rule, story_id, found.item, found.hit.entities)
            arrivals[place].append(
                make_source(found.hit, found.item, self._feed(found.item.feed_id), self._agencies)
            )
            stories.setdefault(place, story_id)
        steps = [
            transition(
                await self._find(rules[rule_id], key),
                rules[rule_id],
                key,
                sources,
                self._now,
                stories[rule_id, key],
            )
            for (rule_id, key), sources in arrivals.items()
        ]
        return FlushCommit(
            handled=tuple(found.hit.hit_id for found in pending),
            members=tuple(members.values()),
            alerts=tuple(step.alert for step in steps),
            revisions=tuple(revision for step in steps for revision in step.revisions),
            decisions=tuple([made async for made in self._decisions(steps)]),
        )

    async def _decisions(self, steps: Sequence[Transition]) -> AsyncIterator[Decision]:
        """Yield what is decided about each step, and what that withdraws from earlier alerts."""
        routing, fresh = self._book.routing, {step.alert.alert_id: step.alert for step in steps}
        for step in steps:
            rivals = await self._rivals(step.alert, fresh.values(), superseding=True)
            made = await decide_all(self._storage, routing, step, self._now, no_wait=self._no_wait)
            told = told_by(step.alert, rivals, routing)
            final = {(d.revision, d.recipient_id): d for d in (*made, *superseded(made, told, self._now))}
            for decision in final.values():
                yield decision
            for alert in (step.alert, *await self._rivals(step.alert, (), superseding=False)):
                others = rivals if alert is step.alert else (step.alert,)
                waiting = await self._storage.decisions([alert.alert_id])
                for decision in superseded(waiting, told_by(alert, others, routing), self._now):
                    if alert is not step.alert or (decision.revision, decision.recipient_id) not in final:
                        yield decision

    async def _rivals(self, alert: Alert, fresh: Iterable[Alert], *, superseding: bool) -> list[Alert]:
        """Return the same story's alerts of rules that supersede this one's, or are superseded by it."""
        found = {a.alert_id: a for a in fresh if superseding and a.story_id == alert.story_id}
        for rule in self._book.rules.values():
            first, second = (rule, alert.rule) if superseding else (alert.rule, rule)
            if rule.rule_id != alert.rule.rule_id and replaces(first, second):
                key = f"story:{alert.story_id}"
                stored = (await self._storage.find_alerts(rule.rule_id, [key])).get(key)
                if stored is not None:
                    found.setdefault(stored.alert_id, stored)
        return list(found.values())

    async def _stories(self, items: Sequence[Item]) -> dict[str, StoryMember]:
        unique = {item.item_id: item for item in items}
        members = dict(await self._storage.story_of(tuple(unique)))
        assigner = Assigner(self._now)
        for item in unique.values():
            if item.item_id in members:
                continue
            own = keys(item)
            candidates = await self._storage.story_candidates(
                since=item.event_at() - WINDOW,
                url_keys=(own.url_key,) if own.url_key else (),
                title_keys=(own.title_key,) if own.title_key else (),
                postings=own.postings,
            )
            members[item.item_id] = assigner.assign(item, candidates, own)
        return members

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
