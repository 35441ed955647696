"""Merge two stories in the store, so that their alerts follow: one commit under the flush's lease."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.alerts.merging import merged, told_once, withdrawn
from monitor.errors import StorageError
from monitor.loops.flush import LEASE
from monitor.loops.grouping import decide_all
from monitor.loops.reminding import with_timers
from monitor.loops.splitting import WHOLE_STORY
from monitor.storage.base import FlushCommit
from monitor.stories.merging import merge, older_first, was_merged
from monitor.stories.wording import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from monitor.alerts.merging import Merge
    from monitor.models import Alert, Decision, Item, StoryMember
    from monitor.rulebook import RuleBook
    from monitor.storage.base import Storage

    Story = Sequence[tuple[StoryMember, Item]]


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge changed; nothing, when both were one story already."""

    story_id: str  # the older one, which survives
    moved: tuple[StoryMember, ...] = ()
    alerts: tuple[Alert, ...] = ()  # those that took reports along, and those that ended


async def merge_stories(
    storage: Storage, book: RuleBook, story_ids: tuple[str, str], now: datetime
) -> Merged:
    """Make two stories one; done again, it changes nothing.

    1. Take the one right to flush, so that nothing is grouped meanwhile.
    2. Move the younger story's members to the older one.
    3. Let each rule's alert of the older story take the reports of its alert of the younger one.
    4. Withdraw what waits twice for one recipient.

    Raises:
        KeyError: one of them is no story.
        StorageError: hits are being grouped by another process; nothing was changed.
    """
    claim = await storage.claim_flush(now, lease=LEASE)
    if claim is None:
        raise StorageError("hits are being grouped at this moment; nothing was changed: try again")
    try:
        stories = await storage.story_members(story_ids, limit=WHOLE_STORY)
        one, other = story_ids
        for there, away in ((one, other), (other, one)):
            if there == away or (there in stories and was_merged(stories[there], away)):
                return Merged(there)
        older, younger = older_first(stories[one], stories[other])
        commit = with_timers(await _commit(storage, book, older, younger, now), book.routing, now)
        await storage.commit_flush(claim, commit, now)
    finally:
        await storage.release_flush(claim)
    return Merged(older[0][0].story_id, commit.moved, commit.alerts)


async def _commit(
    storage: Storage, book: RuleBook, older: Story, younger: Story, now: datetime
) -> FlushCommit:
    moved = merge(older, younger)
    merges = await _merges(storage, book, older, younger, now)
    made: list[tuple[Alert, Sequence[Decision], Sequence[Decision]]] = []
    decisions: list[Decision] = []
    for one in merges:
        earlier = await storage.decisions([one.gone.alert.alert_id])
        own = await decide_all(storage, book.routing, one.kept, now) if one.kept else []
        if one.kept:
            made.append((one.kept.alert, own, earlier))
        decisions += withdrawn(earlier, own, one.gone.alert.rule.rule_id, now) if one.gone.revisions else ()
        decisions += await decide_all(storage, book.routing, one.gone, now)
    steps = [step for one in merges for step in (one.kept, one.gone) if step]
    return FlushCommit(
        moved=moved,
        alerts=tuple(step.alert for step in steps),
        revisions=tuple(revision for step in steps for revision in step.revisions),
        decisions=(*told_once(made, now), *decisions),
    )


async def _merges(
    storage: Storage, book: RuleBook, older: Story, younger: Story, now: datetime
) -> list[Merge]:
    """Return what becomes of the alerts of each rule that has one of the younger story."""
    key, gone_key = (f"story:{story[0][0].story_id}" for story in (older, younger))
    titles = quoted(older[0][1]), quoted(younger[0][1])
    hits = await storage.item_hits([member.item_id for member, _ in (*older, *younger)])
    found: dict[str, Mapping[str, Alert]] = {
        rule_id: await storage.find_alerts(rule_id, [key, gone_key])
        for rule_id in sorted({hit.rule_id for hit in hits})
    }
    return [
        merged(
            alerts.get(key),
            alerts[gone_key],
            book.rules.get(rule_id, alerts[gone_key].rule),
            (key, older[0][0].story_id),
            now,
            titles=titles,
            corroboration=book.standard(rule_id),
        )
        for rule_id, alerts in found.items()
        if gone_key in alerts
    ]
