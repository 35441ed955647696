"""Commands that run the monitor: run, once, demo."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.app import assemble
from monitor.cli.output import as_json, note, out, plural
from monitor.daemon import Daemon
from monitor.directory import find
from monitor.ending import LastResort
from monitor.heap import hold_together
from monitor.logs import configure
from monitor.once import run_once
from monitor.settings import load, supervisor
from monitor.unhurried import unhurried

if TYPE_CHECKING:
    from monitor.logs import Redactor
    from monitor.once import Summary
    from monitor.settings import Secrets, Settings

CLOSING = timedelta(seconds=10)  # after MONITOR_DRAIN_SECONDS, for connections and files to be closed
DIR = Annotated[Path, typer.Argument(metavar="DIR", help="the installation: what `monitor init` wrote")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(run)
    app.command()(once)
    app.command()(demo)


def run(directory: DIR) -> None:
    """Run the daemon: poll, match, alert, until SIGTERM or Ctrl-C. SIGHUP reads the rules again."""
    hold_together()
    settings, secrets = load(directory)
    last_resort = LastResort(settings.seconds("drain") + CLOSING)
    with unhurried(sys.stderr) as stream:
        redactor = configure(settings.log_format, settings.log_level, stream=stream)
        asyncio.run(_run(directory, settings, secrets, redactor, last_resort))


async def _run(
    directory: Path, settings: Settings, secrets: Secrets, redactor: Redactor, last_resort: LastResort
) -> None:
    async with assemble(find(directory), settings, secrets, redactor=redactor) as monitor:
        await Daemon(monitor, supervisor=supervisor(), signalled=last_resort.signal).run()


def once(
    directory: DIR,
    json: Annotated[bool, typer.Option("--json", help="print the summary as one JSON object")] = False,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="do not wait to collect further reports")
    ] = False,
) -> None:
    """Poll every due feed, group, deliver what is due, print a summary, and end."""
    settings, secrets = load(directory)
    redactor = configure(
        settings.log_format, "warning" if settings.log_level == "info" else settings.log_level
    )
    summary = asyncio.run(_once(directory, settings, secrets, redactor, no_wait=no_wait))
    if json:
        as_json(summary.as_dict())
    else:
        _print(summary)


async def _once(
    directory: Path, settings: Settings, secrets: Secrets, redactor: Redactor, *, no_wait: bool
) -> Summary:
    async with assemble(find(directory), settings, secrets, redactor=redactor) as monitor:
        return await run_once(monitor, no_wait=no_wait)


def _print(summary: Summary) -> None:
    out.print(
        f"[bold]{plural(summary.feeds_polled, 'feed')}[/] polled: {summary.feeds_not_modified} not modified,"
        f" {summary.feeds_failed} failed"
    )
    out.print(f"{plural(summary.items_seen, 'item')} seen, [bold]{summary.items_new:,}[/] new")
    out.print(f"{plural(summary.hits, 'hit')}, {plural(summary.alerts, 'alert')} raised or updated")
    out.print(
        f"{plural(summary.delivered, 'notification')} delivered,"
        f" {summary.pending} waiting, {summary.failed} failed"
    )
    for feed_id, message in summary.failures:
        note(f"{feed_id}: {message}")


def demo(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="where the demonstration is kept")] = Path(
        "var/demo"
    ),
    speed: Annotated[float, typer.Option(min=1, max=3600, help="minutes of the news day a real minute")] = 60,
    seconds: Annotated[float, typer.Option(min=0, help="end by itself after so long; 0 = on Ctrl-C")] = 0,
) -> None:
    """Start everything on a recorded news day: live feeds, mail and webhook catchers, no network."""
    # The mail catcher is an extra that an installation without the demonstration does not have.
    from monitor.demo.show import show  # noqa: PLC0415

    asyncio.run(show(directory, speed=speed, seconds=seconds))
