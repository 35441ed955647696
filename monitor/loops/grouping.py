"""Turn a batch of hits into stories, alerts, revisions and decisions."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from monitor.alerts.decide import decide
from monitor.alerts.lifecycle import Standard, Transition, group_key, transition
from monitor.alerts.silences import hushed
from monitor.alerts.sources import known_agencies, make_source
from monitor.alerts.superseding import replaces, superseded, told_by
from monitor.loops.remember import Memory, opening_signal
from monitor.loops.stories import Stories
from monitor.models import Feed, Item
from monitor.rules.stateful import signal_of
from monitor.storage.base import FlushCommit
from monitor.stories.linking import JOINING, MODES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from datetime import datetime

    from monitor.alerts.backfill import Backfill
    from monitor.models import Alert, Decision, Routing, RuleInfo, Silence, Source, StoryMember
    from monitor.rulebook import RuleBook
    from monitor.rules.schema import Rule
    from monitor.rules.stateful import Firing
    from monitor.storage.base import PendingHit, Storage
    from monitor.storage.base_stories import Learned
    from monitor.stories.linking import Joining

log = structlog.get_logger("monitor.flush")


@dataclass(frozen=True, slots=True)
class Move:
    """One alert's step, and the stories of the reports that made it."""

    step: Transition
    stories: frozenset[str]
    opened: bool = False  # the alert, or its next generation, began with this step


class Grouping:
    """One batch of hits on its way to stories, alerts and decisions."""

    def __init__(
        self,
        storage: Storage,
        book: RuleBook,
        now: datetime,
        *,
        no_wait: bool,
        silences: Sequence[Silence] = (),
        joining: Joining = JOINING,
        backfill: Backfill | None = None,
    ) -> None:
        """Start with nothing decided; see `Stories` for `joining`.

        With `backfill` the hits are on news of the past: all that follows waits for its one digest.
        """
        self._backfill = backfill
        self._silences = silences
        self._storage = storage
        self._book = book
        self._now = now
        self._no_wait = no_wait
        chosen = {rule_id: MODES[one.grouping] for rule_id, one in book.rules.items() if one.grouping}
        self._joining = replace(joining, modes=chosen)
        self._agencies = known_agencies(book.feeds.values())

    async def run(self, pending: Sequence[PendingHit]) -> FlushCommit:
        """Return all that follows from the hits.

        1. Give each item its story.
        2. Sort the hits by rule and group key.
        3. Move each alert on. Those that opened are signals for the rules that remember, whose alerts
           move on when a set is complete, and can be signals in turn.
        4. Decide about each new revision.
        """
        members, learned = await self._stories(pending)
        arrivals: dict[tuple[str, str], list[tuple[Source, str]]] = defaultdict(list)
        rules: dict[str, RuleInfo] = {}
        for found in pending:
            rule = self._book.rules.get(found.hit.rule_id)
            if rule is None:
                log.warning("a hit of a rule that is gone raises no alert", rule=found.hit.rule_id)
                continue
            rules[rule.rule_id] = rule
            member = members[found.item.item_id]
            story_id = member.story_id
            key = group_key(rule, story_id, found.item, found.hit.entities)
            source = make_source(found.hit, found.item, self._feed(found.item.feed_id), self._agencies)
            near = tuple(one.title for one in member.related)
            source = replace(source, novel=member.novel, related=near)
            arrivals[rule.rule_id, key].append((source, story_id))
        found_moves = {
            (rule_id, key): await self._move(rules[rule_id], key, arrived)
            for (rule_id, key), arrived in arrivals.items()
        }
        memory = Memory(self._storage, self._book, self._now)
        await self._remember(memory, found_moves)
        moves = list(found_moves.values())
        return FlushCommit(
            handled=tuple(found.hit.hit_id for found in pending),
            members=tuple(members.values()),
            alerts=tuple(move.step.alert for move in moves),
            revisions=tuple(revision for move in moves for revision in move.step.revisions),
            decisions=tuple([made async for made in self._decisions(moves)]),
            learned=learned,
            values=memory.values(),
        )

    async def _move(self, rule: RuleInfo, key: str, arrived: Sequence[tuple[Source, str]]) -> Move:
        sources = [source for source, _ in arrived]
        before = await self._find(rule, key)
        standard = Standard(self._book.standard(rule.rule_id))
        step = transition(before, rule, key, sources, self._now, arrived[0][1], standard)
        opened = before is None or before.alert_id != step.alert.alert_id
        return Move(step, frozenset(story_id for _, story_id in arrived), opened)

    async def _remember(self, memory: Memory, moves: dict[tuple[str, str], Move]) -> None:
        """Add the moves of rules that remember to those of rules that items fire."""
        opened = [opening_signal(move.step.alert) for move in moves.values() if move.opened]
        waiting = deque(sorted(opened, key=lambda one: (one.event_at, one.first_seen_at, one.item_id)))
        while waiting:
            for rule, firing in await memory.take(waiting.popleft()):
                signal = signal_of(rule, firing)
                info = self._book.rules[rule.rule_id]
                item = Item(item_id=signal.item_id, feed_id="", key="")
                place = rule.rule_id, group_key(info, signal.story_id, item, signal.entities)
                move = moves[place] = await self._fired(rule, firing, place[1], moves)
                if move.opened and not any(one.alert_id == move.step.alert.alert_id for one in waiting):
                    waiting.append(signal_of(rule, firing, move.step.alert.alert_id))

    async def _fired(self, rule: Rule, firing: Firing, key: str, moves: dict[tuple[str, str], Move]) -> Move:
        """Move on the alert of a rule that remembers: its sources are those of the alerts that it saw."""
        info = self._book.rules[rule.rule_id]
        ids = tuple(dict.fromkeys(signal.alert_id for signal in firing.signals))
        seen = dict(await self._storage.alerts(ids))
        seen |= {move.step.alert.alert_id: move.step.alert for move in moves.values()}
        sources = {s.item_id: s for one in ids if one in seen for s in seen[one].sources}
        former = moves.get((rule.rule_id, key))
        before = former.step.alert if former else await self._find(info, key)
        if not sources and before is None:
            log.warning("a rule fired on alerts that are no longer kept", rule=rule.rule_id)
        standard = Standard(rule.corroborate, firing.reason)
        story_id = firing.signals[-1].story_id
        step = transition(before, info, key, tuple(sources.values()), self._now, story_id, standard)
        opened = before is None or before.alert_id != step.alert.alert_id
        if former:
            step = Transition(step.alert, (*former.step.revisions, *step.revisions))
        stories = frozenset(signal.story_id for signal in firing.signals if signal.story_id)
        return Move(step, stories | (former.stories if former else frozenset()), opened)

    async def _decisions(self, moves: Sequence[Move]) -> AsyncIterator[Decision]:
        """Yield what is decided about each step, and what that withdraws from earlier alerts.

        1. Decide about the step's own revisions; who hears of its stories by a superseding rule is spared.
        2. Withdraw what still waits of this alert, and of alerts that it supersedes.
        """
        routing, backfill = self._book.routing, self._backfill
        for move in moves:
            alert = move.step.alert
            rivals = await self._related(move, moves, superseding=True)
            made = await decide_all(self._storage, routing, move.step, self._now, no_wait=self._no_wait)
            told = told_by(alert, rivals, routing)
            final = {(d.revision, d.recipient_id): d for d in (*made, *superseded(made, told, self._now))}
            for decision in hushed(final.values(), alert, self._silences, self._now):
                yield backfill.told_once(decision) if backfill else decision
            if backfill:
                continue  # a digest of the past withdraws nothing that is about to be told
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

    async def _stories(self, pending: Sequence[PendingHit]) -> tuple[dict[str, StoryMember], Learned | None]:
        rules: dict[str, set[str]] = defaultdict(set)
        for found in pending:
            rules[found.item.item_id].add(found.hit.rule_id)
        items = {found.item.item_id: found.item for found in pending}
        stories = Stories(self._storage, self._joining)
        return await stories.of(items, rules, self._now), stories.learned()

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
