"""What people do to alerts by hand: silences, acknowledgements, closing. Each is one fenced commit."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from monitor.alerts.decide import is_waiting, was_told
from monitor.alerts.lifecycle import Transition, awaiting, close_by_hand
from monitor.alerts.reminders import first_look
from monitor.alerts.silences import covers, moved_end
from monitor.errors import ConfigurationError, StorageError
from monitor.loops.grouping import decide_all
from monitor.models import AlertState, Outcome, Reason, Silences
from monitor.storage.base import FlushCommit
from monitor.storage.codec import dumps, loads

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from monitor.models import Alert, Routing, Silence
    from monitor.storage.base import Storage

SILENCES: Final = "silences"  # the small value that holds them
KEPT_FOR: Final = timedelta(days=7)  # after its end, so that `silence list --all` can show it
LEASE: Final = timedelta(seconds=20)
_TRIES: Final = 120  # of a quarter of a second: a flush holds the lease for a moment at a time
_BETWEEN: Final = 0.25
MOST_ALERTS: Final = 100_000


async def read_silences(storage: Storage) -> tuple[Silence, ...]:
    """Return the stored silences, in order of their end."""
    stored = await storage.get_value(SILENCES)
    return () if stored is None else loads(Silences, stored).silences


async def administered(
    storage: Storage, clock: Callable[[], datetime], change: Callable[[datetime], Awaitable[FlushCommit]]
) -> None:
    """Commit what `change` answers while nobody else groups or writes.

    Raises:
        StorageError: the daemon did not let go of the lease within half a minute.
    """
    for _ in range(_TRIES):
        claim = await storage.claim_flush(clock(), lease=LEASE)
        if claim is not None:
            break
        await asyncio.sleep(_BETWEEN)
    else:
        raise StorageError("the daemon is busy with grouping; nothing was changed, try again")
    try:
        now = clock()
        await storage.commit_flush(claim, await change(now), now)
    finally:
        await storage.release_flush(claim)


async def put_silence(storage: Storage, silence: Silence, now: datetime) -> FlushCommit:
    """Return what stores a new or changed silence; what it holds follows its new end."""
    others = [
        one
        for one in await read_silences(storage)
        if one.silence_id != silence.silence_id and now - one.ends_at < KEPT_FOR
    ]
    kept = tuple(sorted((*others, silence), key=lambda one: (one.ends_at, one.silence_id)))
    alerts = await storage.list_alerts(limit=MOST_ALERTS)
    held = await storage.decisions([alert.alert_id for alert in alerts if covers(silence, alert)])
    return FlushCommit(decisions=moved_end(held, silence), values=((SILENCES, dumps(Silences(kept))),))


async def find_silence(storage: Storage, name: str) -> Silence:
    """Return the silence of that id.

    Raises:
        ConfigurationError: there is none.
    """
    found = [one for one in await read_silences(storage) if one.silence_id == name]
    if not found:
        raise ConfigurationError(f"there is no silence {name}; `monitor silence list` lists them")
    return found[0]


async def acknowledge(storage: Storage, alert: Alert, author: str, now: datetime) -> FlushCommit:
    """Return what acknowledges an alert.

    Reminders end; updates that still wait for readers who know of it are not sent.
    """
    updates = {
        one.revision for one in await storage.revisions([alert.alert_id]) if one.reason is Reason.UPDATE
    }
    decisions = await storage.decisions([alert.alert_id])
    heard = {one.recipient_id for one in decisions if was_told(one)}
    stopped = tuple(
        replace(
            one, outcome=Outcome.ACKED, reason=f"{one.reason} {author} has acknowledged the alert.",
            decided_at=now, due_at=None, slot="",
        )
        for one in decisions
        if is_waiting(one) and (
            one.reminder or one.stands_for or (one.revision in updates and one.recipient_id in heard)
        )
    )  # fmt: skip
    acked = replace(alert, acked_by=author, acked_at=now, remind_at=None)
    return FlushCommit(alerts=(acked,), decisions=stopped)


async def unacknowledge(routing: Routing, alert: Alert, now: datetime) -> FlushCommit:
    """Return what takes an acknowledgement back: from now on updates are sent, and reminders, again."""
    if alert.acked_at is None:
        return FlushCommit()
    return FlushCommit(alerts=(first_look(awaiting(alert, now), routing),))


async def close(storage: Storage, routing: Routing, alert: Alert, author: str, now: datetime) -> FlushCommit:
    """Return what closes an alert by hand.

    Raises:
        ConfigurationError: it is closed.
    """
    step: Transition = close_by_hand(alert, author, now)
    if not step.revisions:
        state = "expired" if alert.state is AlertState.EXPIRED else "closed"
        raise ConfigurationError(f"alert {alert.alert_id[:8]} is {state} already")
    decisions = await decide_all(storage, routing, step, now)
    return FlushCommit((), (), (step.alert,), step.revisions, tuple(decisions))
