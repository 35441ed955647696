"""`monitor story`: which items are one story and why; making two stories one, and undoing it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.text import Text

from monitor.alerts.wording import counted, one_line
from monitor.app import open_storage
from monitor.cli.output import as_json, note, out
from monitor.clock import machine_time
from monitor.directory import find, read_directory
from monitor.errors import ConfigurationError
from monitor.feeds.urls import url_key
from monitor.logs import configure
from monitor.loops.merging import merge_stories
from monitor.loops.splitting import WHOLE_STORY, split_story
from monitor.settings import load
from monitor.stories.merging import was_merged
from monitor.stories.wording import as_dict, how_near, in_common, weighed_most

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.loops.merging import Merged
    from monitor.loops.splitting import Split
    from monitor.models import Comparison, Item, StoryMember
    from monitor.storage.base import Storage

# Recent items are asked for most: look there before reading the whole archive.
_WINDOWS: Final = (timedelta(days=2), timedelta(days=14), timedelta(days=3650))
_MOST: Final = 500_000
_FEWEST_DIGITS: Final = 8  # of an id that is not whole

NAME = Annotated[
    str,
    typer.Argument(metavar="STORY|ITEM|ALERT|URL", help="an id (or its first 8 digits), or an item's URL"),
]
ITEM = Annotated[
    str, typer.Argument(metavar="ITEM|URL", help="the item that joined wrongly: its id or its URL")
]
DIR = Annotated[Path, typer.Argument(metavar="[DIR]", help="an installation, or its rules directory")]
JSON = Annotated[bool, typer.Option("--json", help="print one JSON object")]

YES = Annotated[bool, typer.Option("--yes", "-y", help="do not ask")]

story = typer.Typer(
    help="Stories: which items are one and why; making two stories one, and undoing it.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    story.command()(show)
    story.command()(split)
    story.command()(merge)
    app.add_typer(story, name="story")


def show(name: NAME, directory: DIR = Path(), json: JSON = False) -> None:
    """Show the items of a story, and why each is in it: what it was compared with, and what decided."""
    place = find(directory)
    settings, _ = load(place.path)
    configure(settings.log_format, "warning")

    async def ask() -> Sequence[tuple[StoryMember, Item]]:
        async with open_storage(settings.database(place.path)) as storage:
            return await _story(storage, name)

    found = asyncio.run(ask())
    if json:
        as_json(_as_dict(found))
    else:
        _print(found)


def split(
    item: ITEM,
    directory: DIR = Path(),
    yes: YES = False,
    json: JSON = False,
) -> None:
    """Take ITEM, and those that joined through it, out of their story into one of their own.

    Their alerts follow: who heard of them under the old story is told so, and the new story opens an
    alert of its own with the next grouping.
    """
    place = find(directory)
    settings, _ = load(place.path)
    configure(settings.log_format, "warning")
    routing = read_directory(place).routing

    async def work() -> Split:
        async with open_storage(settings.database(place.path)) as storage:
            member, found = await _member(storage, item)
            if not yes:
                out.print(f"“{one_line(found.title)}”", markup=False)
                out.print(f"  {member.reason}", markup=False)
                typer.confirm("Split it off?", abort=True, err=True)
            return await split_story(storage, routing, member.item_id, machine_time())

    try:
        done = asyncio.run(work())
    except ValueError as error:
        raise ConfigurationError(f"{item}: {error}") from None
    if json:
        as_json(
            {
                "story": done.moved[0].story_id,
                "items": [one.item_id for one in done.moved],
                "alerts": [one.alert_id for one in done.alerts],
            }
        )
        return
    out.print(
        f"{counted(len(done.moved), 'item')} moved to story {done.moved[0].story_id};"
        f" {counted(len(done.alerts), 'alert')} corrected.",
        markup=False,
    )
    note("The new story's alerts open with the next grouping: at once in a running daemon.")


def merge(first: NAME, second: NAME, directory: DIR = Path(), yes: YES = False, json: JSON = False) -> None:
    """Make two stories one: the older one's id survives, and all reports are kept.

    Their alerts follow: each rule's alert about the younger story ends, and the one about the older story
    takes its reports. Nobody gets more than one message about it. `monitor story split` undoes it.
    """
    place = find(directory)
    settings, _ = load(place.path)
    configure(settings.log_format, "warning")
    book = read_directory(place)

    async def work() -> Merged:
        async with open_storage(settings.database(place.path)) as storage:
            one, other = await _two(storage, first, second)
            ids = one[0][0].story_id, other[0][0].story_id
            if not yes and ids[0] != ids[1]:
                for found in (one, other):
                    title = one_line(found[0][1].title)
                    out.print(f"“{title}”, {counted(len(found), 'item')}", markup=False)
                typer.confirm("Make them one story?", abort=True, err=True)
            return await merge_stories(storage, book, ids, machine_time())

    done = asyncio.run(work())
    if json:
        as_json(
            {
                "story": done.story_id,
                "items": [one.item_id for one in done.moved],
                "alerts": [one.alert_id for one in done.alerts],
            }
        )
    elif not done.moved:
        out.print(f"They are one story already: {done.story_id}. Nothing was changed.", markup=False)
    else:
        ended = sum(bool(one.merged_into) for one in done.alerts)
        out.print(
            f"{counted(len(done.moved), 'item')} moved to story {done.story_id};"
            f" {counted(ended, 'alert')} merged.",
            markup=False,
        )
        note(f"To undo it: monitor story split {done.moved[0].item_id[:_FEWEST_DIGITS]}")


# --- finding -------------------------------------------------------------------------------------


async def _story(storage: Storage, name: str) -> Sequence[tuple[StoryMember, Item]]:
    """Return the members of the story of that name; see `NAME`."""
    for story_id in await _story_ids(storage, name):
        if found := (await storage.story_members([story_id], limit=WHOLE_STORY)).get(story_id):
            return found
    member, _ = await _member(storage, name)
    return (await storage.story_members([member.story_id], limit=WHOLE_STORY))[member.story_id]


async def _two(storage: Storage, first: str, second: str) -> Sequence[Sequence[tuple[StoryMember, Item]]]:
    """Return two stories by name; one that was merged into the other also by the id that it had before."""
    for name, gone in ((first, second), (second, first)):
        with suppress(ConfigurationError):
            found = await _story(storage, name)
            if len(gone) >= _FEWEST_DIGITS and was_merged(found, gone):
                return found, found
    return await _story(storage, first), await _story(storage, second)


async def _story_ids(storage: Storage, name: str) -> Sequence[str]:
    """Return the ids of stories that may be meant: the name itself, and those of alerts that begin so."""
    if "/" in name or len(name) < _FEWEST_DIGITS:
        return [name]
    known = await storage.list_alerts(limit=_MOST)
    stories = [
        one.story_id for one in known if one.alert_id.startswith(name) or one.story_id.startswith(name)
    ]
    return [name, *dict.fromkeys(stories)]


async def _member(storage: Storage, name: str) -> tuple[StoryMember, Item]:
    """Return the item of that id, beginning of an id or URL, with its place in a story.

    Raises:
        ConfigurationError: there is none.
    """
    key = url_key(name) if "/" in name else ""
    if not key and len(name) < _FEWEST_DIGITS:
        raise ConfigurationError(f'"{name}" is too short: give at least 8 digits of an id, or a URL')
    now = machine_time()
    for window in _WINDOWS:
        items = [
            item
            for item in await storage.items(since=now - window, limit=_MOST)
            if ((url_key(item.url) == key) if key else item.item_id.startswith(name))
        ]
        members = await storage.story_of([item.item_id for item in items])
        for item in items:
            if item.item_id in members:
                return members[item.item_id], item
        if items:
            raise ConfigurationError(f"{name}: no rule fired on this item, so it is in no story")
    raise ConfigurationError(f"there is no story and no item {name}; `monitor status` lists alerts")


# --- printing ------------------------------------------------------------------------------------


def _print(found: Sequence[tuple[StoryMember, Item]]) -> None:
    first, _ = found[0]
    out.print(Text.assemble(("Story ", "bold"), first.story_id, f", {counted(len(found), 'item')}"))
    for member, item in found:
        out.print()
        at = f"{member.event_at:%d %b %Y %H:%M} UTC"
        out.print(Text.assemble((one_line(item.title), "bold"), (f"  {item.feed_id}, {at}", "dim")))
        if item.url:
            out.print(Text(f"  {one_line(item.url)}", "dim"))
        out.print(Text(f"  item {member.item_id}, layer {member.layer.value}", "dim"))
        out.print(Text(f"  {one_line(member.reason)}"))
        if member.why and member.why.contributions:
            out.print(Text(f"  Weighed most: {weighed_most(member.why)}"))
        if member.novel:
            out.print(Text(f"  New in the report: {', '.join(member.novel)}"))
        for near in member.related:
            out.print(Text(f"  Perhaps related: {_near(near)}", "yellow"))


def _near(near: Comparison) -> str:
    common = in_common(near)
    details = how_near(near) + (f": {common}" if common else "")
    return f"“{one_line(near.title)}” of story {near.story_id} ({details})"


def _as_dict(found: Sequence[tuple[StoryMember, Item]]) -> dict[str, Any]:
    return {
        "story": found[0][0].story_id,
        "items": [
            {
                "item": member.item_id,
                "title": item.title,
                "url": item.url,
                "feed": item.feed_id,
                "event_at": member.event_at.isoformat(),
                "layer": member.layer.value,
                "matched_item": member.matched_item_id,
                "score": member.score,
                "reason": member.reason,
                "why": as_dict(member.why) if member.why else None,
                "new": list(member.novel),
                "related": [as_dict(near) for near in member.related],
            }
            for member, item in found
        ],
    }
