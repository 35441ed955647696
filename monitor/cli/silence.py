"""The commands `silence add`, `list`, `update` and `expire`."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from monitor.alerts.moments import wall_time
from monitor.alerts.silences import check_span, covers, described_matchers, make_silence, running
from monitor.alerts.wording import counted
from monitor.cli.alerts import with_storage
from monitor.cli.output import as_json, note, out, table
from monitor.clock import machine_time
from monitor.errors import ConfigurationError
from monitor.loops.administer import MOST_ALERTS, administered, find_silence, put_silence, read_silences
from monitor.models import AlertState

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitor.models import Silence
    from monitor.storage.base import FlushCommit, Storage

_SPAN: Final = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?\Z", re.ASCII)
LOOK_BACK: Final = timedelta(days=7)

DIR = Annotated[Path, typer.Argument(metavar="[DIR]", help="the installation")]
MATCH = Annotated[
    list[str],
    typer.Option("--match", metavar="LABEL=VALUE", help='such as topic=sanctions or "severity<=medium"'),
]
FOR = Annotated[str, typer.Option("--for", metavar="DURATION", help="such as 2h, 3d or 1w")]
UNTIL = Annotated[str, typer.Option("--until", metavar="TIME", help="such as 2026-03-12T18:00+01:00")]
SILENCE = Annotated[str, typer.Argument(metavar="SILENCE", help="its id, as in `silence list`")]

silence = typer.Typer(
    help="Keeps messages about some alerts back for a time; a summary follows at its end.",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(silence, name="silence")


@silence.command()
def add(
    match: MATCH,
    author: Annotated[str, typer.Option("--author", metavar="NAME", help="who answers for it")],
    comment: Annotated[str, typer.Option("--comment", metavar="TEXT", help="why")],
    directory: DIR = Path(),
    duration: FOR = "",
    until: UNTIL = "",
    start: Annotated[
        str, typer.Option("--start", metavar="TIME", help="when it begins; now by default")
    ] = "",
    preview: Annotated[bool, typer.Option("--preview", help="only show what it would cover")] = False,
) -> None:
    """Silence alerts that match, and print how many it covers; all --match have to hold."""
    now = machine_time()
    begin = read_time(start) if start else now
    made = make_silence(match, begin, _end(begin, duration, until), author, comment)

    async def ask(storage: Storage) -> tuple[int, int]:
        found = [one for one in await storage.list_alerts(limit=MOST_ALERTS) if covers(made, one)]
        if not preview:
            await administered(storage, machine_time, lambda at: put_silence(storage, made, at))
        live = sum(one.state is AlertState.OPEN for one in found)
        return live, sum(now - one.opened_at < LOOK_BACK for one in found)

    live, lately = asyncio.run(with_storage(directory, ask))
    out.print(
        f"{'would cover' if preview else 'covers'} {counted(live, 'open alert')}, and"
        f" {counted(lately, 'alert')} of the last 7 days: {described_matchers(made)}",
        markup=False,
    )
    if not preview:
        note(f"silence {made.silence_id} until {wall_time(made.ends_at, 'UTC')}; then a summary goes out")


@silence.command("list")
def list_silences(
    directory: DIR = Path(),
    everything: Annotated[bool, typer.Option("--all", help="those that ended in the last days, too")] = False,
    json: Annotated[bool, typer.Option("--json", help="print one JSON object a silence")] = False,
) -> None:
    """List silences that run or will begin."""
    now = machine_time()
    found = [
        one for one in asyncio.run(with_storage(directory, read_silences)) if everything or one.ends_at > now
    ]
    if json:
        for one in found:
            as_json(
                {
                    "silence": one.silence_id,
                    "match": described_matchers(one),
                    "starts_at": one.starts_at.isoformat(),
                    "ends_at": one.ends_at.isoformat(),
                    "author": one.author,
                    "comment": one.comment,
                }
            )
        return
    rows = [
        (
            one.silence_id,
            "runs" if running(one, now) else "ended" if one.ends_at <= now else "to come",
            wall_time(one.starts_at, "UTC"),
            wall_time(one.ends_at, "UTC"),
            described_matchers(one),
            one.author,
            one.comment,
        )
        for one in found
    ]
    table("", ("silence", "", "from", "until", "covers", "author", "comment"), rows)
    note(counted(len(found), "silence"))


@silence.command()
def update(
    name: SILENCE,
    directory: DIR = Path(),
    duration: FOR = "",
    until: UNTIL = "",
    comment: Annotated[str, typer.Option("--comment", metavar="TEXT", help="another reason")] = "",
) -> None:
    """Change the end of a silence (--for counts from now), or its comment."""

    def change(one: Silence, now: datetime) -> Silence:
        ends_at = _end(now, duration, until) if duration or until else one.ends_at
        check_span(one.starts_at, ends_at)
        return replace(one, ends_at=ends_at, comment=comment.strip() or one.comment)

    if not (duration or until or comment):
        raise ConfigurationError("say what to change: --for, --until or --comment")
    changed = _changed(directory, name, change)
    note(f"silence {name} lasts until {wall_time(changed.ends_at, 'UTC')}")


@silence.command()
def expire(name: SILENCE, directory: DIR = Path()) -> None:
    """End a silence now; the summary of what it held goes out."""
    _changed(directory, name, lambda one, now: replace(one, ends_at=min(one.ends_at, now)))
    note(f"silence {name} has ended; a summary of what it held goes out")


def _changed(directory: Path, name: str, change: Callable[[Silence, datetime], Silence]) -> Silence:
    made: list[Silence] = []

    async def ask(storage: Storage) -> None:
        async def put(now: datetime) -> FlushCommit:
            made.append(change(await find_silence(storage, name), now))
            return await put_silence(storage, made[-1], now)

        await administered(storage, machine_time, put)

    asyncio.run(with_storage(directory, ask))
    return made[-1]


def _end(begin: datetime, duration: str, until: str) -> datetime:
    if bool(duration) == bool(until):
        raise ConfigurationError("say how long: either --for 2h or --until 2026-03-12T18:00+01:00")
    return begin + read_span(duration) if duration else read_time(until)


def read_span(text: str) -> timedelta:
    """Read "2h", "3d", "1w" or "1h30m".

    Raises:
        ConfigurationError: it is something else.
    """
    found = _SPAN.match(text.strip())
    if not found or not any(found.groups()):
        raise ConfigurationError(f'"{text}" is no duration: write 30m, 2h, 3d or 1w')
    weeks, days, hours, minutes = (int(part or 0) for part in found.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes)


def read_time(text: str) -> datetime:
    """Read an ISO 8601 time with its offset.

    Raises:
        ConfigurationError: it is something else, or has no offset.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = datetime.min  # noqa: DTZ901 - only to share the message
    if at.tzinfo is None:
        raise ConfigurationError(f'"{text}" is no time with an offset: write 2026-03-12T18:00+01:00 or ...Z')
    return at.astimezone(UTC)
