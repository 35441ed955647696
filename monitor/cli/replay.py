"""The command `replay`: past items through the whole pipeline in virtual time, and nothing is sent."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from monitor.backtest import compare
from monitor.backtest.books import sendable
from monitor.backtest.chart import bar, rows, sparkline
from monitor.backtest.live import HOURS, live_figures
from monitor.backtest.parallel import Plan
from monitor.backtest.replay import replay as run
from monitor.backtest.run import Tally
from monitor.cli.backtest import DAYS, FileItems, evaluated, how_items_join, read_side, stored
from monitor.cli.output import as_json, err, note, out, plural, table
from monitor.directory import find
from monitor.errors import ConfigurationError
from monitor.models import Severity
from monitor.rendering import Templates

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from monitor.backtest.live import Inbox, LiveFigures
    from monitor.cli.backtest import ItemSource
    from monitor.models import Item, Notification

_WIDTH: Final = 48  # characters of the longest bar
_SPARK: Final = 60  # characters of a recipient's small chart
_MOST_UPDATES: Final = 5  # more are one row
_NAME: Final = re.compile(r"[^\w-]+")


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(replay)


def replay(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="an installation, or its rules directory")
    ] = Path(),
    days: Annotated[
        int | None, typer.Option(min=1, help=f"of the stored items, up to now; default: {DAYS}")
    ] = None,
    items: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="instead: JSON Lines, perhaps .gz; may be given several times"),
    ] = None,
    write: Annotated[
        Path | None, typer.Option(metavar="NEWDIR", help="write every e-mail there, to look at it")
    ] = None,
    processes: Annotated[
        int, typer.Option("--processes", metavar="N", min=0, max=64, help="0 = one for each processor")
    ] = 0,
    json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Let past items happen again: alerts a day, updates, and each recipient's inbox by day and hour.

    Matching, stories, alerts, routes, waits, quiet hours, digests and the flood guard are the daemon's own;
    only the clock is virtual, and nothing is sent.
    """
    place = find(directory)
    if items and days is not None:
        raise ConfigurationError("--days chooses from the stored items; a file of --items is read whole")
    if write is not None and write.exists():
        raise ConfigurationError(f"{write} exists; name a new directory for the e-mails")
    book = read_side(place)
    source = FileItems(items, book) if items else stored(place, timedelta(days=days or DAYS))
    kept, tally = _Kept(source), Tally()
    plan = Plan((sendable(book.tree, book.tree.rules),), (dict(book.feeds),))
    hits = compare.hits_of(evaluated(kept, plan, tally, processes))
    with _progress() as progress:
        task = progress.add_task("replaying", total=None)
        replayed = asyncio.run(
            run(
                hits,
                book,
                news=kept.in_time(),
                rendering=Templates(place) if write is not None else None,
                joining=how_items_join(place),
                told=lambda done, every: progress.update(task, completed=done, total=every),
            )
        )
    if write is not None:
        _write(write, replayed.written)
    result = live_figures(tally, len(hits), replayed, book.routing.recipients)
    if json:
        as_json(_as_dict(result))
    else:
        _print(result)
    source.finish()


class _Kept:
    """A source of items that remembers them: grouping learns from those without hits, too."""

    def __init__(self, source: ItemSource) -> None:
        self._source = source
        self._items: list[Item] = []
        self.total = source.total

    def __iter__(self) -> Iterator[Item]:
        for item in self._source:
            self._items.append(item)
            yield item

    def done(self, items: int, /) -> int:
        return self._source.done(items)

    def in_time(self) -> list[Item]:
        """Return all items in the order in which they were first seen."""
        return sorted(self._items, key=lambda item: (item.first_seen_at or item.event_at(), item.item_id))


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal)


def _write(target: Path, messages: Sequence[Notification]) -> None:
    target.mkdir(parents=True)
    mails = [row for row in messages if row.channel == "email"]
    for number, row in enumerate(mails, 1):
        kind = _NAME.sub("-", row.message.subject)[:40].strip("-")
        name = f"{number:05}-{row.created_at:%Y%m%d-%H%M}-{_NAME.sub('-', row.recipient_id)}-{kind}"
        text = f"Subject: {row.message.subject}\n\n{row.message.text}"
        (target / f"{name}.html").write_text(row.message.html, "utf-8")
        (target / f"{name}.txt").write_text(text, "utf-8")
    note(f"{plural(len(mails), 'e-mail')} written to {target}")


def _print(found: LiveFigures) -> None:
    first, last = (found.days[0], found.days[-1]) if found.days else ("", "")
    out.print(f"{plural(found.items, 'item')}, {first} to {last} ({plural(len(found.days), 'day')})")
    severities = ", ".join(f"{count:,} {name}" for name, count in _falling(found.by_severity))
    out.print(
        f"[bold]{plural(found.alerts, 'alert')}[/] from {plural(found.hits, 'hit')},"
        f" {found.a_day(found.alerts):.1f} a day: {severities}"
    )
    named = rows(found.days, found.alerts_per_day)
    most = max((count for _, count in named), default=0)
    table(
        "Alerts", ("opened", "", ""), [(name, str(count), bar(count, most, _WIDTH)) for name, count in named]
    )
    _print_updates(found)
    for inbox in found.inboxes:
        _print_inbox(inbox, found)
    if found.repeated_ids:
        out.print(f"[bold red]{plural(found.repeated_ids, 'message')} had an id that was used before[/]")


def _falling(by_severity: Mapping[str, int]) -> list[tuple[str, int]]:
    return [(one.value, by_severity[one.value]) for one in reversed(Severity) if by_severity.get(one.value)]


def _print_updates(found: LiveFigures) -> None:
    counts = {str(n): found.updates.get(n, 0) for n in range(_MOST_UPDATES + 1)}
    counts[f"more than {_MOST_UPDATES}"] = sum(c for n, c in found.updates.items() if n > _MOST_UPDATES)
    most = max(counts.values(), default=0)
    table(
        "Updates of an alert after its first message",
        ("updates", "alerts", ""),
        [(name, f"{count:,}", bar(count, most, _WIDTH)) for name, count in counts.items()],
    )
    table("Revisions", ("reason", "how often"), [(name, f"{n:,}") for name, n in found.reasons.items()])


def _print_inbox(inbox: Inbox, found: LiveFigures) -> None:
    several = plural(inbox.digests, "digest or summary", "digests and summaries")
    out.print(
        f"\n[bold]{inbox.recipient_id}[/]: {plural(inbox.messages, 'message')},"
        f" {found.a_day(inbox.messages):.1f} a day ({plural(inbox.alerts, 'alert message')}, {several})"
    )
    if not inbox.messages:
        return
    day = inbox.busiest_day
    busiest = f"{day[0]} with {day[1]}" if day else "none"
    told = f"{mean(inbox.entries):.1f} alerts each, at most {max(inbox.entries)}" if inbox.entries else "none"
    by_day = [inbox.per_day.get(one, 0) for one in found.days]
    table(
        "",
        ("", ""),
        [
            ("busiest day", busiest),
            ("busiest hour", f"{inbox.busiest_hour}"),
            ("digests tell", told),
            ("told again by another alert", f"{inbox.repeated} of {inbox.alerts}"),
            ("by day", sparkline(by_day, _SPARK).replace(" ", "·")),
            ("by hour, 0 to 23", sparkline(inbox.per_hour, HOURS).replace(" ", "·")),
        ],
    )
    noisiest = [(name, f"{count:,}") for name, count in inbox.by_rule.items()]
    table("Rules with most messages", ("rule", "messages"), noisiest)


def _as_dict(found: LiveFigures) -> dict[str, Any]:
    return {
        "items": found.items,
        "days": len(found.days),
        "hits": found.hits,
        "alerts": found.alerts,
        "alerts_per_day": _dates(found.alerts_per_day),
        "by_severity": dict(_falling(found.by_severity)),
        "revisions": dict(found.reasons),
        "alerts_by_updates": {str(number): count for number, count in found.updates.items()},
        "repeated_ids": found.repeated_ids,
        "recipients": [
            {
                "recipient": one.recipient_id,
                "alert_messages": one.alerts,
                "digests": one.digests,
                "per_day": _dates(one.per_day),
                "per_hour": list(one.per_hour),
                "busiest_hour": one.busiest_hour,
                "digest_entries": list(one.entries),
                "told_again": one.repeated,
                "by_rule": dict(one.by_rule),
            }
            for one in found.inboxes
        ],
    }


def _dates(per_day: Mapping[date, int]) -> dict[str, int]:
    return {day.isoformat(): count for day, count in per_day.items()}
