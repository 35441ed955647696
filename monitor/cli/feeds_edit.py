"""Commands that change `feeds.yaml`: add, import, remove; and export of the list."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from monitor.app import open_polling
from monitor.cli.output import ago, fail, note, out, plural, table
from monitor.clock import Clock
from monitor.directory import find, read_directory
from monitor.errors import ConfigurationError, FetchError, ParseError
from monitor.feeds.edit import add_feeds, remove_feeds
from monitor.feeds.opml import read_opml, write_opml
from monitor.feeds.politeness import host_of
from monitor.feeds.urls import absolute_url, url_key
from monitor.logs import configure
from monitor.models import Feed, Tier
from monitor.probing import Probe, discover
from monitor.rulebook import FEEDS_FILE
from monitor.settings import load
from monitor.text.language import UNKNOWN, primary_tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

FINDINGS = 1
MOST_NAMED = 20
_FEED_SCHEME = re.compile(r"^feed:(//(?!https?:))?(?://)?", re.IGNORECASE)  # feed://host/, feed:https://host/

DIR = Annotated[Path, typer.Argument(metavar="[DIR]", help="an installation, or its rules directory")]
TIER = Annotated[Tier, typer.Option("--tier", help="how far it is trusted")]


def register(group: typer.Typer) -> None:
    """Add the commands of this file."""
    group.command()(add)
    group.command("import")(import_opml)
    group.command()(export)
    group.command()(remove)


def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="a feed, or a web page that offers feeds")],
    directory: DIR = Path(),
    feed_id: Annotated[str, typer.Option("--id", help="stable name; made from the title if not given")] = "",
    title: Annotated[str, typer.Option("--title", help="the outlet's name")] = "",
    tier: TIER = Tier.NATIONAL,
    owner: Annotated[str, typer.Option("--owner", help="the unit of independence")] = "",
    country: Annotated[str, typer.Option("--country", help="two letters (ISO 3166-1)")] = "",
    language: Annotated[str, typer.Option("--language", help="two letters; found out if not given")] = "",
    category: Annotated[str, typer.Option("--category", help="a label that rules may ask for")] = "",
    first: Annotated[
        bool, typer.Option("--first", help="take the first of several feeds without asking")
    ] = False,
) -> None:
    """Find the feed at URL, try it, and add it to feeds.yaml; the daemon reads it within seconds."""
    settings, secrets = load(directory)
    configure(settings.log_format, "error")
    place = find(directory)
    address = _address(url)
    clock = Clock()

    async def look() -> tuple[Probe, ...]:
        async with open_polling(place, settings, secrets, clock) as (fetcher, parser):
            return await discover(address, fetcher, parser, clock)

    try:
        found = asyncio.run(look())
    except (FetchError, ParseError) as error:
        fail(str(error))
        raise typer.Exit(FINDINGS) from None
    usable = [one for one in found if one.usable]
    if not usable:
        nothing = f"{url} offers no feed that can be read; look for one in a browser"
        fail(found[0].problem if found else nothing)
        raise typer.Exit(FINDINGS)
    one = _pick(usable, clock, first=first)
    book = read_directory(place)
    known = primary_tag(language) or (one.language if one.language != UNKNOWN else "")
    named = " ".join((title or one.title).split())[:120] or host_of(one.feed.url)
    feed = Feed(
        feed_id or _free_id(named, one.feed.url, book.feeds),
        one.feed.url,
        title=named,
        tier=tier,
        owner=owner,
        country=country.upper(),
        language=known,
        category=category,
    )
    _refuse_known(feed, book.feeds.values())
    path = place.rules / FEEDS_FILE
    _write(path, add_feeds(str(path), _read(path), [feed]))
    out.print(
        f"[bold]{feed.feed_id}[/] added to {path}: {one.format}, {plural(one.items, 'item')}", soft_wrap=True
    )
    note("its first poll only notes what is there; what comes later can raise alerts")


def _address(url: str) -> str:
    """Return the web address that was meant; people leave out `https://`.

    Raises:
        ConfigurationError: it is none.
    """
    host = (urlsplit(url if "://" in url else f"https://{url}").hostname or "").rstrip(".")
    address = absolute_url(url) or (absolute_url(f"https://{url}") if "." in host else "")
    if not address:
        raise ConfigurationError(f'"{url}" is no web address; give one such as https://example.org/news')
    return address


def _pick(found: Sequence[Probe], clock: Clock, *, first: bool) -> Probe:
    """Return the only feed, or the one that the user chooses.

    Raises:
        typer.Exit: there are several and nobody to ask.
    """
    if len(found) == 1 or first:
        return found[0]
    now = clock()
    rows = [
        (str(number), one.title, one.feed.url, str(one.items), _newest(one, now))
        for number, one in enumerate(found, 1)
    ]
    table("The page offers several feeds", ("", "title", "url", "items", "newest"), rows)
    if not sys.stdin.isatty():
        fail("say which: `monitor feeds add` with the url of one of them, or --first")
        raise typer.Exit(FINDINGS)
    number = 0
    while not 1 <= number <= len(found):
        number = typer.prompt(f"Which one, 1 to {len(found)}", type=int, default=1)
    return found[number - 1]


def _newest(one: Probe, now: datetime) -> str:
    return ago(now, one.newest_at) if one.newest_at else "no dates"


def _refuse_known(feed: Feed, known: Iterable[Feed]) -> None:
    for other in known:
        if url_key(other.url) == url_key(feed.url):
            raise ConfigurationError(f'{feed.url} is in feeds.yaml already, as "{other.feed_id}"')


def _free_id(title: str, url: str, taken: Iterable[str]) -> str:
    """Return a name in a-z, 0-9 and hyphens that no feed has."""
    base = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:48].strip("-")
    if len(base) < 3:  # noqa: PLR2004 - a title in another script leaves nothing
        base = re.sub(r"[^a-z0-9]+", "-", (urlsplit(url).hostname or "feed").removeprefix("www.")).strip("-")
    names, number, name = set(taken), 2, base
    while name in names:
        name, number = f"{base}-{number}", number + 1
    return name


def import_opml(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="OPML, as feed readers export it; - for standard input")
    ],
    directory: DIR = Path(),
    tier: TIER = Tier.NATIONAL,
) -> None:
    """Add the feeds of a subscription list to feeds.yaml; those that are there already stay as they are."""
    place = find(directory)
    data = sys.stdin.buffer.read() if str(file) == "-" else _read(file, must_exist=True)
    book, path = read_directory(place), place.rules / FEEDS_FILE
    known = {url_key(feed.url) or feed.url for feed in book.feeds.values()}
    taken, new, skipped = set(book.feeds), list[Feed](), list[str]()
    there = 0
    for one in read_opml(data, str(file)):
        url = absolute_url(_FEED_SCHEME.sub(lambda scheme: "http://" if scheme[1] else "", one.url))
        if not url or urlsplit(url).username:
            skipped.append(f"{one.title or 'untitled'}: {one.url[:80]} is no plain http or https URL")
        elif url_key(url) in known:
            there += 1
        else:
            known.add(url_key(url))
            title = "".join(letter for letter in one.title if letter.isprintable())
            feed_id = _free_id(title, url, taken)
            taken.add(feed_id)
            feed = Feed(feed_id, url, title or feed_id, tier, category=one.category)
            new.append(replace(feed, language=primary_tag(one.language)))
    if new:
        _write(path, add_feeds(str(path), _read(path), new))
    for line in skipped[:MOST_NAMED]:
        fail(line)
    out.print(
        f"[bold]{plural(len(new), 'feed')}[/] added to {path};"
        f" {there} were there already, {len(skipped)} left out",
        soft_wrap=True,
    )
    if new:
        note("next: `monitor feeds check` tries them; tier, owner and country are worth filling in")
    if skipped:
        raise typer.Exit(FINDINGS)


def export(
    directory: DIR = Path(),
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="instead of standard output")
    ] = None,
) -> None:
    """Write the feeds as OPML, in folders by category, for any feed reader."""
    feeds = read_directory(find(directory)).feeds
    text = write_opml(feeds.values(), "Feeds of the monitor", Clock()())
    if output is None:
        sys.stdout.write(text)
        return
    _write(output, text.encode())
    note(f"{plural(text.count('xmlUrl='), 'feed')} written to {output}")


def remove(
    feed_id: Annotated[str, typer.Argument(metavar="ID", help="an id from feeds.yaml")],
    directory: DIR = Path(),
) -> None:
    """Remove a feed from feeds.yaml; its items stay, so that a feed that comes back alerts nobody again."""
    path = find(directory).rules / FEEDS_FILE
    _write(path, remove_feeds(str(path), _read(path, must_exist=True), [feed_id]))
    out.print(f"{feed_id} removed from {path}", markup=False)


def _read(path: Path, *, must_exist: bool = False) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        if must_exist:
            raise ConfigurationError(f"{path}: no such file") from None
        return b""
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None


def _write(path: Path, data: bytes) -> None:
    """Replace a file in one step: the daemon never reads half of it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        beside.write_bytes(data)
        if path.exists():
            beside.chmod(path.stat().st_mode & 0o777)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror}") from None
