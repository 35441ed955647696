"""Split a story in the store, so that its alerts follow: one commit under the flush's lease."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.alerts.lifecycle import moved_away
from monitor.errors import StorageError
from monitor.loops.flush import LEASE
from monitor.loops.grouping import decide_all
from monitor.loops.reminding import with_timers
from monitor.storage.base import FlushCommit
from monitor.stories.splitting import split

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from monitor.alerts.lifecycle import Transition
    from monitor.models import Alert, Hit, Item, Routing, StoryMember
    from monitor.storage.base import Storage

WHOLE_STORY = 10_000  # members: far more than any story has


@dataclass(frozen=True, slots=True)
class Split:
    """What a split changed."""

    moved: tuple[StoryMember, ...]
    alerts: tuple[Alert, ...]  # those that lost reports
    reopened: tuple[str, ...]  # hit ids that the next flush groups anew


async def split_story(storage: Storage, routing: Routing, item_id: str, now: datetime) -> Split:
    """Move an item, and those that joined through it, into a story of their own.

    1. Take the one right to flush, so that nothing is grouped meanwhile.
    2. Move the members.
    3. Take their reports from the old story's alerts; who heard of them there hears of the correction.
    4. Let their hits be grouped again: the next flush opens the new story's alerts.

    Raises:
        KeyError: the item is in no story.
        ValueError: the item opened its story.
        StorageError: hits are being grouped by another process; nothing was changed.
    """
    claim = await storage.claim_flush(now, lease=LEASE)
    if claim is None:
        raise StorageError("hits are being grouped at this moment; nothing was changed: try again")
    try:
        member = (await storage.story_of([item_id]))[item_id]
        story = (await storage.story_members([member.story_id], limit=WHOLE_STORY))[member.story_id]
        moved = split(story, item_id)
        hits = await storage.item_hits([one.item_id for one in moved])
        titles = {item.item_id: item for _, item in story}
        steps = await _steps(storage, member.story_id, moved, hits, titles[item_id], now)
        decisions = [made for step in steps for made in await decide_all(storage, routing, step, now)]
        commit = FlushCommit(
            moved=moved,
            alerts=tuple(step.alert for step in steps),
            revisions=tuple(revision for step in steps for revision in step.revisions),
            decisions=tuple(decisions),
            reopened=tuple(hit.hit_id for hit in hits),
        )
        commit = with_timers(commit, routing, now)
        await storage.commit_flush(claim, commit, now)
    finally:
        await storage.release_flush(claim)
    return Split(moved, commit.alerts, commit.reopened)


async def _steps(
    storage: Storage,
    story_id: str,
    moved: Sequence[StoryMember],
    hits: Sequence[Hit],
    first: Item,
    now: datetime,
) -> list[Transition]:
    """Return what becomes of the old story's alerts that have one of the reports."""
    ids = frozenset(one.item_id for one in moved)
    steps = []
    for rule_id in sorted({hit.rule_id for hit in hits}):
        found = await storage.find_alerts(rule_id, [f"story:{story_id}"])
        steps += [moved_away(alert, ids, first.title, now) for alert in found.values()]
    return [step for step in steps if step.revisions]
