"""The command `diff`: the rules on disk against those that the monitor runs, and what the change does."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.app import open_storage
from monitor.backtest.books import read_trial
from monitor.cli.backtest import Comparison, Json, Processes, Samples, how_items_join, read_side, stored
from monitor.cli.backtest_print import print_comparison
from monitor.cli.output import as_json
from monitor.directory import find
from monitor.errors import ConfigurationError
from monitor.lastgood import unpack
from monitor.logs import configure
from monitor.ruleskeeper import LAST_GOOD
from monitor.settings import load

if TYPE_CHECKING:
    from collections.abc import Mapping

DAYS = 7


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(diff)


def diff(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="the installation")] = Path(),
    rules: Annotated[
        Path | None, typer.Option(metavar="DIR", help="compare these rules instead, such as a working copy's")
    ] = None,
    days: Annotated[int, typer.Option(min=1, help="of stored items to try both on")] = DAYS,
    json: Json = False,
    samples: Samples = None,
    processes: Processes = 0,
) -> None:
    """Compare the rules on disk with the running ones: rules changed, hits gained and lost, messages."""
    place = find(directory)
    now = read_side(find(rules) if rules else place)
    before = read_trial(_running(directory))
    trial = Comparison(before, now, "that the monitor last read without errors", how_items_join(place))
    trial.run(
        stored(place, timedelta(days=days)), processes=processes, samples=3 if samples is None else samples
    )
    if json:
        as_json(trial.as_dict())
    else:
        print_comparison(trial)


def _running(directory: Path) -> Mapping[str, bytes]:
    """Return the rules in force: the last good text of each file, as the monitor keeps it in the store.

    Raises:
        ConfigurationError: no monitor has run with this database.
    """
    settings, _ = load(directory)
    configure(settings.log_format, "error")
    place = find(directory)

    async def read() -> str | None:
        async with open_storage(settings.database(place.path)) as storage:
            return await storage.get_value(LAST_GOOD)

    files = unpack(asyncio.run(read()))
    if not files:
        raise ConfigurationError(
            f"{directory}: no monitor has run with this database yet, so there are no running rules to"
            " compare with; `monitor backtest --against REV` takes a git revision or another directory"
        )
    return files
