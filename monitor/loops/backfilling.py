"""Try one rule on stored items, and group what it finds: a new rule's past, told in one digest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from monitor.document import closest
from monitor.errors import ConfigurationError
from monitor.intake import make_hit
from monitor.loops.administer import administered, read_silences
from monitor.loops.grouping import Grouping
from monitor.storage.base import FlushCommit, PendingHit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from monitor.alerts.backfill import Backfill
    from monitor.models import Item
    from monitor.rulebook import RuleBook
    from monitor.storage.base import Storage
    from monitor.stories.linking import Joining

GROUPED_AT_ONCE: Final = 100
MOST_HITS: Final = 300  # more make no digest that anybody reads


@dataclass(frozen=True, slots=True)
class Backfilled:
    """What a backfill led to."""

    hits: int  # that were new
    alerts: int  # alerts that were opened or that got reports


def find_hits(book: RuleBook, rule_id: str, items: Iterable[Item], now: datetime) -> list[PendingHit]:
    """Return what a rule finds in items, in order of events.

    Raises:
        ConfigurationError: there is no such rule, or it looks at alerts and not at items.
    """
    if rule_id not in book.rules:
        hint = closest(rule_id, book.rules) or "`monitor check` tells of rules with mistakes"
        raise ConfigurationError(f'there is no rule "{rule_id}" ({hint})')
    if next(rule for rule in book.tree.rules if rule.rule_id == rule_id).when is None:
        raise ConfigurationError(f"{rule_id} waits for alerts of other rules: backfill those")
    found = [
        PendingHit(make_hit(item, match, now), item)
        for item in items
        for match in book.engine.match(item, book.feeds.get(item.feed_id))
        if match.rule_id == rule_id
    ]
    return sorted(found, key=lambda one: (one.hit.event_at, one.item.item_id))


async def unknown_hits(storage: Storage, found: Sequence[PendingHit]) -> list[PendingHit]:
    """Return those that are not stored: nothing that a rule found once is told again."""
    stored = await storage.item_hits([one.item.item_id for one in found])
    known = {(hit.rule_id, hit.item_id) for hit in stored}
    return [one for one in found if (one.hit.rule_id, one.hit.item_id) not in known]


async def backfill(
    storage: Storage,
    book: RuleBook,
    backfill: Backfill,
    found: Sequence[PendingHit],
    clock: Callable[[], datetime],
    joining: Joining,
) -> Backfilled:
    """Group hits on stored items, in one fenced commit for each hundred.

    The hits are stored as handled with what follows from them: no flush ever groups them, so that a
    daemon which has not read the new rule yet loses nothing. After a crash the rest can be done again.

    Args:
        storage: holds the items.
        book: the rules, the new one among them.
        backfill: the digest that tells of it.
        found: from `find_hits`.
        clock: answers the time.
        joining: how items join stories.

    Raises:
        StorageError: the daemon did not let go of the lease within half a minute.
    """
    new, alerts = 0, set[str]()

    async def group(part: Sequence[PendingHit], now: datetime) -> FlushCommit:
        nonlocal new
        fresh = await unknown_hits(storage, part)
        if not fresh:
            return FlushCommit()
        silences = await read_silences(storage)
        grouping = Grouping(
            storage, book, now, no_wait=True, silences=silences, joining=joining, backfill=backfill
        )
        commit = await grouping.run(fresh)
        new += len(fresh)
        alerts.update(alert.alert_id for alert in commit.alerts)
        return replace(commit, hits=tuple(one.hit for one in fresh))

    for begin in range(0, len(found), GROUPED_AT_ONCE):
        part = found[begin : begin + GROUPED_AT_ONCE]
        await administered(storage, clock, partial(group, part))
    return Backfilled(new, len(alerts))
