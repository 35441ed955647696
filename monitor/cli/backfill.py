"""The command `backfill`: what a new rule finds in stored items, told in one digest."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from monitor.alerts.backfill import Backfill
from monitor.alerts.moments import wall_time
from monitor.alerts.wording import counted, one_line
from monitor.app import joining, open_storage
from monitor.cli.output import as_json, note, out, table
from monitor.cli.silence import read_span
from monitor.clock import machine_time
from monitor.directory import find, read_directory
from monitor.errors import ConfigurationError
from monitor.logs import configure
from monitor.loops.backfilling import MOST_HITS, backfill, find_hits, unknown_hits
from monitor.settings import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.loops.backfilling import Backfilled
    from monitor.storage.base import PendingHit

LONGEST: Final = timedelta(days=7)
MOST_ITEMS: Final = 1_000_000
MOST_SHOWN: Final = 20


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("backfill")(backfill_rule)


def backfill_rule(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="the id of a rule")],
    directory: Annotated[Path, typer.Argument(metavar="[DIR]", help="the installation")] = Path(),
    since: Annotated[
        str, typer.Option("--since", metavar="DURATION", help="how far to look back, 7d at most")
    ] = "24h",
    preview: Annotated[bool, typer.Option("--preview", help="only show what it would find")] = False,
    json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Try RULE on the items of the last hours, and tell what it finds in one digest; nothing at once.

    What the rule found before is not told again, so that it may be run twice.
    """
    span = read_span(since)
    if not timedelta(0) < span <= LONGEST:
        raise ConfigurationError("--since is between 1m and 7d; `monitor backtest` looks back further")
    found, looked_at, done = asyncio.run(_run(rule, directory, span, preview=preview))
    if json:
        as_json(
            {"rule": rule, "items": looked_at, "new": len(found), "alerts": done.alerts if done else 0,
             "preview": preview}
        )  # fmt: skip
        return
    rows = [(wall_time(one.hit.event_at, "UTC"), one.item.feed_id, one_line(one.item.title)) for one in found]
    if rows:
        table("", ("event", "feed", "headline"), rows[-MOST_SHOWN:])
    news = counted(len(found), "new report")
    out.print(f"{rule}: {news} in {counted(looked_at, 'item')} of the last {since}.", markup=False)
    if done and done.alerts:
        note(f"{counted(done.alerts, 'alert')}, told in one digest by the running monitor")
    elif found:
        note("nothing was changed; without --preview they are told in one digest")


async def _run(
    rule_id: str, directory: Path, span: timedelta, *, preview: bool
) -> tuple[Sequence[PendingHit], int, Backfilled | None]:
    """Return what is found and new, the number of items looked at, and what was done (None: nothing)."""
    settings, _ = load(directory)
    configure(settings.log_format, "warning")
    place = find(directory)
    book = read_directory(place)
    now = machine_time()
    async with open_storage(settings.database(place.path)) as storage:
        items = await storage.items(since=now - span, limit=MOST_ITEMS)
        found = await unknown_hits(storage, find_hits(book, rule_id, items, now))
        if len(found) > MOST_HITS and not preview:
            raise ConfigurationError(
                f"{rule_id} finds {len(found):,} reports in that time, more than a digest can hold"
                f" ({MOST_HITS}): give a shorter --since, or look at them with `monitor backtest {rule_id}`"
            )
        if preview or not found:
            return found, len(items), None
        how = joining(place, settings)
        done = await backfill(storage, book, Backfill(rule_id, now), found, machine_time, how)
        return found, len(items), done
