"""Commands about feeds: their health, and trying them out."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress

from monitor.app import open_polling, open_storage
from monitor.cli import feeds_capture, feeds_edit
from monitor.cli.output import ago, as_json, err, fail, note, out, plural, table
from monitor.clock import Clock
from monitor.directory import chosen_feeds, find, read_directory
from monitor.logs import configure
from monitor.probing import Probe, probe_all
from monitor.settings import load
from monitor.text.language import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from monitor.models import Feed, FeedEvent, FeedState

FINDINGS = 1
MOST_EVENTS = 15

DIR = Annotated[Path, typer.Argument(metavar="[DIR]", help="an installation, or its rules directory")]
JSON = Annotated[bool, typer.Option("--json", help="print JSON")]

feeds = typer.Typer(
    help="Feeds: their health, adding and removing, captures and replays.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    feeds.command("list")(list_feeds)
    feeds.command()(check)
    feeds_edit.register(feeds)
    feeds_capture.register(feeds)
    app.add_typer(feeds, name="feeds")


def list_feeds(
    directory: DIR = Path(),
    trouble: Annotated[bool, typer.Option("--trouble", help="only feeds that need attention")] = False,
    json: JSON = False,
) -> None:
    """Show every feed's health: state, last new item, items a day, how often it is asked, what is wrong."""
    settings, _ = load(directory)
    configure(settings.log_format, "warning")
    place = find(directory)
    book, now = read_directory(place), Clock()()

    async def ask() -> tuple[Sequence[FeedState], Sequence[FeedEvent]]:
        async with open_storage(settings.database(place.path)) as storage:
            return await storage.feed_states(), await storage.feed_events(limit=MOST_EVENTS)

    states, events = asyncio.run(ask())
    by_id = {state.feed_id: state for state in states}
    rows = [(feed, by_id.get(feed.feed_id)) for feed in book.feeds.values()]
    shown = [(feed, state) for feed, state in rows if not trouble or _health(state, now) not in _WELL]
    if json:
        as_json([_as_dict(feed, state, now) for feed, state in shown])
        return
    headings = ("feed", "health", "last new", "a day", "asked every", "known", "what is wrong")
    table("", headings, [_row(feed, state, now) for feed, state in shown], _COLOURS)
    _print_counts(rows, now)
    if events:
        cells = [(f"{one.at:%d %b %H:%M}", one.feed_id, one.kind.value, one.text) for one in events]
        table("Latest events (UTC)", ("when", "feed", "what", "in words"), cells)


_WELL = frozenset(("ok", "new", "waiting"))
_COLOURS = {"failing": "red", "silent": "yellow", "limited": "yellow", "unsteady": "yellow", "ok": "green"}


def _health(state: FeedState | None, now: datetime) -> str:
    """Return one word: new, ok, failing, unsteady, limited, silent."""
    if state is None or state.last_polled_at is None:
        return "new"
    if state.failure_told_at is not None:
        return "failing"
    if state.failures or state.empty_polls:
        return "unsteady"
    if state.error_kind:  # the only kind without a failure: its server asked to be left alone
        return "limited" if state.next_poll_at > now else "waiting"
    return "silent" if state.silent_told_at is not None else "ok"


def _row(feed: Feed, state: FeedState | None, now: datetime) -> tuple[str, ...]:
    health = _health(state, now)
    if state is None:
        return feed.feed_id, health, "never", "", "", "", "not polled yet: is `monitor run` going?"
    return (
        feed.feed_id,
        health,
        ago(now, state.last_new_at),
        "" if state.rate is None else f"{state.rate:.1f}" if state.rate < 10 else f"{state.rate:.0f}",  # noqa: PLR2004
        _every(feed.interval or state.interval),
        "" if state.overlap is None or state.polls == 1 else f"{state.overlap:.0%}",
        _wrong(state),
    )


def _wrong(state: FeedState) -> str:
    if state.error:
        return state.error
    return "nothing new for longer than it ever rests" if state.silent_told_at else ""


def _every(interval: timedelta | None) -> str:
    if interval is None:
        return ""
    seconds = interval.total_seconds()
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"  # noqa: PLR2004 - as people say it


def _print_counts(rows: Sequence[tuple[Feed, FeedState | None]], now: datetime) -> None:
    counts: dict[str, int] = {}
    for _, state in rows:
        word = _health(state, now)
        counts[word] = counts.get(word, 0) + 1
    parts = [f"{count:,} {word}" for word, count in sorted(counts.items(), key=lambda one: -one[1])]
    out.print(f"[bold]{plural(len(rows), 'feed')}[/]: {', '.join(parts) or 'none'}")


def _as_dict(feed: Feed, state: FeedState | None, now: datetime) -> Mapping[str, Any]:
    def time(moment: datetime | None) -> str | None:
        return moment.isoformat() if moment else None

    known: dict[str, Any] = {"feed": feed.feed_id, "title": feed.title, "url": feed.url}
    known["health"] = _health(state, now)
    if state is not None:
        known |= {
            "last_polled": time(state.last_polled_at),
            "last_success": time(state.last_success_at),
            "last_new": time(state.last_new_at),
            "next_poll": time(state.next_poll_at),
            "interval_seconds": state.interval.total_seconds() if state.interval else None,
            "items_a_day": state.rate,
            "overlap": state.overlap,
            "failures": state.failures,
            "error_kind": state.error_kind,
            "error": state.error,
            "silent_since": time(state.last_new_at) if state.silent_told_at else None,
            "moved_to": state.redirect_url,
        }
    return known


def check(
    directory: DIR = Path(),
    ids: Annotated[
        list[str] | None, typer.Option("--feed", metavar="ID", help="only this one; may be repeated")
    ] = None,
    json: JSON = False,
) -> None:
    """Fetch and read feeds now, without touching what the daemon remembers; exit 1 when one fails."""
    settings, secrets = load(directory)
    configure(settings.log_format, "error")
    place = find(directory)
    wanted = chosen_feeds(read_directory(place).feeds, ids)
    clock = Clock()

    async def ask() -> list[Probe]:
        found: list[Probe] = []
        async with open_polling(place, settings, secrets, clock) as (fetcher, parser):
            with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
                bar = progress.add_task("checking feeds", total=len(wanted))
                async for one in probe_all(wanted, fetcher, parser, clock):
                    found.append(one)
                    progress.advance(bar)
        return found

    probes = sorted(asyncio.run(ask()), key=lambda one: (one.usable, one.feed.feed_id))
    now = clock()
    if json:
        as_json([_probe_dict(one) for one in probes])
    else:
        headings = ("feed", "format", "items", "newest", "language", "remarks")
        table("", headings, [_probe_row(one, now) for one in probes])
    bad = sum(not one.usable for one in probes)
    if bad:
        fail(f"{bad} of {plural(len(probes), 'feed')} cannot be read")
        raise typer.Exit(FINDINGS)
    note(f"{plural(len(probes), 'feed')} can be read")


def _probe_row(one: Probe, now: datetime) -> tuple[str, ...]:
    remarks = list(one.remarks)
    if one.moved_to:
        remarks.append(f"moved for good to {one.moved_to}")
    if one.problem:
        remarks.insert(0, one.problem)
    return (
        one.feed.feed_id,
        one.format,
        str(one.items) if one.usable else "",
        ago(now, one.newest_at) if one.usable and one.newest_at else "",
        "" if one.language == UNKNOWN else one.language,
        "; ".join(remarks),
    )


def _probe_dict(one: Probe) -> Mapping[str, Any]:
    return {
        "feed": one.feed.feed_id,
        "url": one.feed.url,
        "usable": one.usable,
        "problem": one.problem,
        "kind": one.kind,
        "format": one.format,
        "title": one.title,
        "language": one.language,
        "items": one.items,
        "newest": one.newest_at.isoformat() if one.newest_at else None,
        "moved_to": one.moved_to,
        "remarks": list(one.remarks),
    }
