"""The commands on the outbox: what waits, what was given up; send it again, or drop it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from monitor.alerts.attempts import policy_of
from monitor.app import open_storage
from monitor.cli.output import as_json, note, out, plural, table
from monitor.clock import Clock
from monitor.directory import find
from monitor.errors import ConfigurationError
from monitor.logs import configure
from monitor.loops.gate import GONE_VALUE, Gate
from monitor.models import NotificationState
from monitor.settings import load

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from monitor.models import Notification
    from monitor.storage.base import Storage

Found = TypeVar("Found")

MOST_LISTED = 100
MOST_FOUND = 100_000  # rows that an id is looked for among
SHORTEST_ID = 4
HEADINGS = ("id", "state", "recipient", "channel", "attempts", "next attempt", "subject", "last error")

outbox = typer.Typer(help="Messages that wait or were given up: list, retry, drop.", no_args_is_help=True)

DIR = Annotated[Path, typer.Argument(metavar="DIR", help="the installation")]
IDS = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ID...]", help="ids from `monitor outbox list`, or their first digits"),
]
RECIPIENT = Annotated[str, typer.Option("--recipient", metavar="ID", help="only messages to this recipient")]
ALL = Annotated[bool, typer.Option("--all", help="every message that was given up")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(outbox, name="outbox")


@outbox.command("list")
def list_rows(
    directory: DIR = Path(),
    recipient: RECIPIENT = "",
    state: Annotated[str, typer.Option(metavar="STATE", help="pending, dead or sent")] = "",
    json: Annotated[bool, typer.Option("--json", help="print one JSON object a line")] = False,
) -> None:
    """Show messages that were given up, then those that wait, newest first."""
    states = _states(state)
    now = Clock()()

    async def ask(storage: Storage) -> list[Notification]:
        return [
            row
            for one in states
            for row in await storage.notifications(
                state=one, recipient_id=recipient or None, limit=MOST_LISTED
            )
        ]

    rows = _with_storage(directory, ask)
    if json:
        for row in rows:
            as_json(_as_dict(row))
    elif rows:
        headings = (
            "id",
            "state",
            "recipient",
            "channel",
            "attempts",
            "next attempt",
            "subject",
            "last error",
        )
        table("", headings, [_cells(row, now) for row in rows])
    else:
        out.print("nothing waits, and nothing was given up")


@outbox.command()
def retry(directory: DIR, ids: IDS = None, recipient: RECIPIENT = "", every: ALL = False) -> None:
    """Send messages again that were given up, with all their attempts; those that wait are due at once.

    Repair the cause first. A receiver that answered HTTP 410 is called again, too.
    """
    now = Clock()()

    async def again(storage: Storage) -> int:
        chosen = await _chosen(storage, ids, recipient, every=every)
        dead = [row for row in chosen if row.state is NotificationState.DEAD]
        gate = Gate()
        gate.learn_gone(await storage.get_value(GONE_VALUE))
        if gate.forget((row.recipient_id, row.channel) for row in chosen):
            await storage.set_value(GONE_VALUE, gate.gone())
        done = 0
        for channel in {row.channel for row in dead}:
            own = [row.notification_id for row in dead if row.channel == channel]
            done += await storage.revive_notifications(own, now, expires_at=now + policy_of(channel).lifetime)
        for who, channel in {(r.recipient_id, r.channel) for r in chosen if r not in dead}:
            done += await storage.hasten_notifications(now, channel=channel, recipient_id=who)
        return done

    count = _with_storage(directory, again)
    note(f"{plural(count, 'message')} will be sent at once; the running daemon does it")


@outbox.command()
def drop(directory: DIR, ids: IDS = None, recipient: RECIPIENT = "", every: ALL = False) -> None:
    """Give up messages that wait, and take those that were given up from the list. Nothing is sent."""
    now = Clock()()

    async def away(storage: Storage) -> int:
        chosen = await _chosen(storage, ids, recipient, every=every)
        return await storage.drop_notifications([row.notification_id for row in chosen], now)

    note(f"{plural(_with_storage(directory, away), 'message')} dropped")


def _with_storage(directory: Path, work: Callable[[Storage], Awaitable[Found]]) -> Found:
    settings, _ = load(directory)
    configure(settings.log_format, "warning")
    place = find(directory)

    async def run() -> Found:
        async with open_storage(settings.database(place.path)) as storage:
            return await work(storage)

    return asyncio.run(run())


async def _chosen(
    storage: Storage, ids: Sequence[str] | None, recipient: str, *, every: bool
) -> list[Notification]:
    """Return the rows that the arguments name: by ids, or those given up of one recipient or of all.

    Raises:
        ConfigurationError: nothing is named, or an id is unknown or means several.
    """
    if not ids and not recipient and not every:
        raise ConfigurationError("which messages? name ids, or give --recipient ID or --all")
    states = ("dead", "pending") if ids else ("dead",)
    rows = [
        row
        for state in states
        for row in await storage.notifications(state=state, recipient_id=recipient or None, limit=MOST_FOUND)
    ]
    return [_one(rows, asked) for asked in ids] if ids else rows


def _one(rows: Sequence[Notification], asked: str) -> Notification:
    found = [row for row in rows if row.notification_id.startswith(asked.lower())]
    if len(asked) < SHORTEST_ID:
        raise ConfigurationError(f'"{asked}" is too short for an id: give at least {SHORTEST_ID} digits')
    if len(found) != 1:
        what = f"{len(found)} messages begin with" if found else "no message that waits or was given up is"
        raise ConfigurationError(f'{what} "{asked}"; `monitor outbox list` shows the ids')
    return found[0]


def _states(state: str) -> tuple[str, ...]:
    known = tuple(one.value for one in NotificationState)
    if state and state not in known:
        raise ConfigurationError(f'there is no state "{state}"; known are {", ".join(known)}')
    return (state,) if state else ("dead", "pending")


def _cells(row: Notification, now: datetime) -> tuple[str, ...]:
    waits = row.state is NotificationState.PENDING
    due = "at once" if row.due_at <= now else f"{row.due_at:%d %b %H:%M:%S} UTC"
    return (
        row.notification_id[:8],
        row.state.value,
        row.recipient_id,
        row.channel,
        str(row.attempts),
        due if waits else "",
        row.message.subject,
        row.last_error or "not tried yet",
    )


def _as_dict(row: Notification) -> dict[str, object]:
    return {
        "id": row.notification_id,
        "state": row.state.value,
        "recipient": row.recipient_id,
        "channel": row.channel,
        "alert": row.alert_id,
        "attempts": row.attempts,
        "created_at": row.created_at.isoformat(),
        "due_at": row.due_at.isoformat(),
        "expires_at": row.expires_at.isoformat(),
        "subject": row.message.subject,
        "error": row.last_error,
    }
