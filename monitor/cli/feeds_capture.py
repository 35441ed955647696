"""Commands that keep what feeds answer, and replay it in virtual time."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress

from monitor.app import joining, open_polling, replay_storage
from monitor.captures import Recording, read_captures, write_failure, write_snapshot
from monitor.cli.output import as_json, err, note, out, plural, table
from monitor.clock import Clock
from monitor.directory import chosen_feeds, find, read_directory
from monitor.errors import FetchError
from monitor.feeds.fetch import body_hash
from monitor.feeds.politeness import host_of
from monitor.logs import configure
from monitor.models import Feed, FeedState
from monitor.rendering import Templates
from monitor.replaying import Replay, Replayer
from monitor.settings import load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.directory import Directory
    from monitor.settings import Secrets, Settings

HOSTS_AT_ONCE = 16
DIR = Annotated[Path, typer.Argument(metavar="[DIR]", help="an installation, or its rules directory")]


def register(group: typer.Typer) -> None:
    """Add the commands of this file."""
    group.command()(capture)
    group.command()(replay)


def capture(
    captures: Annotated[
        Path, typer.Argument(metavar="CAPTURES", help="directory that answers are written to")
    ],
    directory: DIR = Path(),
    ids: Annotated[
        list[str] | None, typer.Option("--feed", metavar="ID", help="only this one; may be repeated")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="how often each feed is asked")] = 1,
    every: Annotated[float, typer.Option(min=1, metavar="MINUTES", help="pause between rounds")] = 15,
) -> None:
    """Keep what feeds answer now, body and header fields, for `monitor feeds replay` and for bug reports."""
    settings, secrets = load(directory)
    configure(settings.log_format, "error")
    place = find(directory)
    feeds = chosen_feeds(read_directory(place).feeds, ids)
    keeper = _Keeper(captures, place, settings, secrets)
    for number in range(rounds):
        if number:
            asyncio.run(asyncio.sleep(every * 60))
        written, same, failed = asyncio.run(keeper.round(feeds))
        out.print(
            f"round {number + 1} of {rounds}: [bold]{plural(written, 'answer')}[/] written to {captures},"
            f" {same} as before, {failed} failed"
        )


class _Keeper:
    """Asks feeds and writes what they answer, but for bodies that are there already."""

    def __init__(self, root: Path, place: Directory, settings: Settings, secrets: Secrets) -> None:
        self._root = root
        self._place = place
        self._settings = settings
        self._secrets = secrets
        self._clock = Clock()
        self._last: dict[str, str] = {}  # hash of the newest body by feed

    async def round(self, feeds: Sequence[Feed]) -> tuple[int, int, int]:
        """Ask each feed once; return how many answers were written, equal to the last one, failed."""
        by_host: dict[str, list[Feed]] = defaultdict(list)
        for feed in feeds:
            by_host[host_of(feed.url)].append(feed)
        places, results = asyncio.Semaphore(HOSTS_AT_ONCE), list[str]()
        with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
            bar = progress.add_task("capturing", total=len(feeds))

            async def one_host(members: Sequence[Feed]) -> None:
                async with places:
                    for number, feed in enumerate(members):
                        if number:
                            await asyncio.sleep(self._settings.host_spacing_seconds)
                        results.append(await self._one(feed))
                        progress.advance(bar)

            await asyncio.gather(*(one_host(members) for members in by_host.values()))
        return results.count("written"), results.count("same"), results.count("failed")

    async def _one(self, feed: Feed) -> str:
        now = self._clock()
        recording: list[Recording] = []

        def record(http: Any) -> Recording:  # noqa: ANN401 - the client, or what wraps it
            recording.append(Recording(http))
            return recording[0]

        async with open_polling(self._place, self._settings, self._secrets, self._clock, record) as (
            fetcher,
            _,
        ):
            try:
                await fetcher.fetch(feed, FeedState(feed.feed_id, feed.url, host_of(feed.url), now), now)
            except FetchError as error:
                write_failure(self._root, feed.feed_id, now, error)
                return "failed"
        answers = recording[0].answers
        digest = body_hash(answers[-1].body)
        if self._last.get(feed.feed_id) == digest:
            return "same"
        self._last[feed.feed_id] = digest
        write_snapshot(self._root, feed.feed_id, now, answers)
        return "written"


def replay(
    captures: Annotated[Path, typer.Argument(metavar="CAPTURES", help="what `monitor feeds capture` wrote")],
    directory: DIR = Path(),
    everything: Annotated[
        bool, typer.Option("--all", help="match what each feed's first answer holds, too")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Replay captured feeds with the rules of DIR in virtual time: what would have been alerted, and when."""
    settings, _ = load(directory)
    configure(settings.log_format, "error")
    place = find(directory)
    made = asyncio.run(_replay(captures, place, settings, everything=everything))
    if json:
        as_json(_as_dict(made))
        return
    _print(made)
    if not made.alerts and not everything:
        note("items of a feed's first answer are matched only when they are young; --all matches them all")


async def _replay(captures: Path, place: Directory, settings: Settings, *, everything: bool) -> Replay:
    snapshots, book = read_captures(captures), read_directory(place)
    clock = Clock()
    async with open_polling(place, settings, lambda _: None, clock) as (_, parser):
        replayer = Replayer(
            snapshots, book, replay_storage(), parser, Templates(place), everything=everything,
            joining=joining(place, settings),
        )  # fmt: skip
        with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
            bar = progress.add_task("replaying", total=len({one.at for one in snapshots}))
            return await replayer.run(lambda done, _: progress.update(bar, completed=done))


def _print(made: Replay) -> None:
    rows = [
        (feed_id, str(one.snapshots), str(one.items), str(one.hits), str(one.failures), one.problem)
        for feed_id, one in sorted(made.feeds.items())
    ]
    table("", ("feed", "answers", "items", "hits", "failures", "what was wrong"), rows)
    if made.events:
        table(
            "What the operator would have heard (UTC)",
            ("when", "feed", "what", "in words"),
            [(f"{one.at:%d %b %H:%M}", one.feed_id, one.kind.value, one.text) for one in made.events],
        )
    if made.revisions:
        table(
            "Alerts in order of time (UTC)",
            ("when", "severity", "why", "rule", "headline", "in words"),
            [_revision_row(made, number) for number in range(len(made.revisions))],
        )
    out.print(
        f"{plural(len(made.feeds), 'feed')}, {plural(sum(one.items for one in made.feeds.values()), 'item')},"
        f" [bold]{plural(len(made.alerts), 'alert')}[/] with {plural(len(made.revisions), 'revision')},"
        f" {plural(made.messages, 'message')}"
    )


def _revision_row(made: Replay, number: int) -> tuple[str, ...]:
    revision = made.revisions[number]
    alert = made.alerts[revision.alert_id]
    headline = next(
        (source.title for source in alert.sources if source.item_id in revision.item_ids),
        alert.sources[0].title if alert.sources else "",
    )
    when = f"{revision.at:%d %b %H:%M}"
    return when, alert.severity.value, revision.reason.value, alert.rule.rule_id, headline, revision.note


def _as_dict(made: Replay) -> Mapping[str, Any]:
    return {
        "feeds": {
            feed_id: {
                "answers": one.snapshots,
                "items": one.items,
                "hits": one.hits,
                "failures": one.failures,
                "problem": one.problem,
            }
            for feed_id, one in sorted(made.feeds.items())
        },
        "events": [
            {"at": one.at.isoformat(), "feed": one.feed_id, "kind": one.kind.value, "text": one.text}
            for one in made.events
        ],
        "revisions": [
            {
                "at": one.at.isoformat(),
                "alert": one.alert_id,
                "rule": made.alerts[one.alert_id].rule.rule_id,
                "severity": made.alerts[one.alert_id].severity.value,
                "reason": one.reason.value,
                "note": one.note,
                "items": list(one.item_ids),
            }
            for one in made.revisions
        ],
        "alerts": len(made.alerts),
        "messages": made.messages,
    }
