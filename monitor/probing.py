"""Try feeds out without remembering anything: one fetch and one parse, and what came of it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from monitor.errors import ErrorKind, FetchError, ParseError
from monitor.feeds.discover import Candidate, candidates, usual_places
from monitor.feeds.encoding import decode
from monitor.feeds.normalize import normalize
from monitor.feeds.politeness import host_of
from monitor.feeds.redirects import permanent_target
from monitor.feeds.results import Fetched
from monitor.feeds.sniff import Content, sniff
from monitor.models import Feed, FeedState, IdentityMode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from datetime import datetime

    from monitor.feeds.results import ParsedFeed
    from monitor.loops.poll import Fetching, Parsing
    from monitor.models import Item

HOSTS_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Probe:
    """What one look at a feed showed."""

    feed: Feed
    problem: str = ""  # one line for people; "" when it can be read
    kind: str = ""  # an `ErrorKind` value; "" when it can be read
    format: str = ""  # as feedparser calls it
    title: str = ""  # what the document calls itself
    language: str = ""  # of most of its items
    items: int = 0
    newest_at: datetime | None = None  # newest publication date; None when no item has one
    moved_to: str = ""  # where a permanent redirect leads
    remarks: tuple[str, ...] = ()  # oddities that do not keep it from being read

    @property
    def usable(self) -> bool:
        """Whether it can be read."""
        return not self.problem


async def probe(feed: Feed, fetcher: Fetching, parser: Parsing, now: datetime) -> Probe:
    """Fetch and parse the feed once."""
    try:
        fetched = await fetcher.fetch(feed, FeedState(feed.feed_id, feed.url, host_of(feed.url), now), now)
        assert isinstance(fetched, Fetched), "without validators and body hash nothing is unmodified"
        parsed = await parser.parse(fetched)
    except (FetchError, ParseError) as error:
        return Probe(feed, str(error), error.kind.value)
    items = await asyncio.to_thread(normalize, feed, parsed, IdentityMode.GUID, now)
    return _found(feed, fetched, parsed, items)


def _found(feed: Feed, fetched: Fetched, parsed: ParsedFeed, items: Sequence[Item]) -> Probe:
    languages = [item.language for item in items if item.language]
    remarks = []
    if parsed.repaired:
        remarks.append(f"repaired: {parsed.repaired}")
    if parsed.skipped:
        remarks.append(f"{parsed.skipped} entries cannot be read")
    if items and not any(item.published_at for item in items):
        remarks.append("no item has a date that can be read")
    if items and not any(item.url for item in items):
        remarks.append("no item has a link")
    return Probe(
        feed,
        "" if items else "The document holds no items. Look again later, or check the URL.",
        "" if items else ErrorKind.EMPTY.value,
        parsed.format,
        parsed.title,
        max(sorted(set(languages)), key=languages.count, default=""),
        len(items),
        max((item.published_at for item in items if item.published_at), default=None),
        permanent_target(fetched.redirects),
        tuple(remarks),
    )


async def probe_all(
    feeds: Sequence[Feed], fetcher: Fetching, parser: Parsing, clock: Callable[[], datetime]
) -> AsyncIterator[Probe]:
    """Yield each feed's probe as it comes; feeds of one host are tried one after the other."""
    by_host: dict[str, list[Feed]] = defaultdict(list)
    for feed in feeds:
        by_host[host_of(feed.url)].append(feed)
    places, results = asyncio.Semaphore(HOSTS_AT_ONCE), asyncio.Queue[Probe]()

    async def one_host(members: Sequence[Feed]) -> None:
        async with places:
            for feed in members:
                results.put_nowait(await probe(feed, fetcher, parser, clock()))

    async with asyncio.TaskGroup() as group:
        for members in by_host.values():
            group.create_task(one_host(members))
        for _ in feeds:
            yield await results.get()


async def discover(
    url: str, fetcher: Fetching, parser: Parsing, clock: Callable[[], datetime]
) -> tuple[Probe, ...]:
    """Return the feeds at `url`: itself, or those that the web page there offers; each has been read.

    Raises:
        FetchError, ParseError: `url` cannot be read, and the message says why.
    """
    feed = Feed("new", url)
    fetched = await fetcher.fetch_page(feed, url, clock())
    text, _ = decode(fetched.body, fetched.headers)
    content = sniff(text, fetched.headers).content
    if content in {Content.FEED, Content.JSON_FEED}:
        return (await probe(feed, fetcher, parser, clock()),)
    if content is not Content.HTML:
        sniff(text, fetched.headers).require_feed()
    found = await _readable(candidates(text, fetched.url), fetcher, parser, clock)
    # What a page declares may be dead while the usual place works.
    return found or await _readable(usual_places(fetched.url), fetcher, parser, clock)


async def _readable(
    tried: Sequence[Candidate], fetcher: Fetching, parser: Parsing, clock: Callable[[], datetime]
) -> tuple[Probe, ...]:
    """Try the candidates one after the other; among guesses the first that works is enough."""
    found: list[Probe] = []
    for one in tried:
        result = await probe(Feed("new", one.url), fetcher, parser, clock())
        if result.usable:
            found.append(replace(result, title=result.title or one.title))
            if one.guessed:
                break
    return tuple(found)
