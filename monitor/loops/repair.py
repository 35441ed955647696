"""Reads a feed's archive pages after a gap, until something known comes (RFC 5005)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from monitor.errors import ErrorKind, FetchError, ParseError
from monitor.feeds.health import Gap
from monitor.feeds.normalize import normalize
from monitor.feeds.politeness import host_of
from monitor.intake import lookup_keys

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from monitor.feeds.results import ParsedFeed
    from monitor.loops.poll import Fetching, Parsing
    from monitor.models import Feed, FeedState, Item
    from monitor.storage.base import Storage

MOST_PAGES = 10
LONGEST = timedelta(minutes=3)  # of one repair: the host's other feeds wait
# An archived feed's pages are linked by prev-archive (section 4), a paged feed's by next (section 3).
_OLDER = ("prev-archive", "next")


@dataclass(frozen=True, slots=True)
class Repaired:
    """What the archives gave back."""

    gap: Gap | None = None  # None: there was no gap
    items: tuple[Item, ...] = ()  # never seen before, newest first


class Repairer:
    """Fetches archive pages one after the other, as polite as any poll."""

    def __init__(
        self,
        storage: Storage,
        fetcher: Fetching,
        parser: Parsing,
        clock: Callable[[], datetime],
        bound: timedelta,
    ) -> None:
        """Keep the parts; `bound` is the longest time of one page."""
        self._storage = storage
        self._fetcher = fetcher
        self._parser = parser
        self._clock = clock
        self._bound = bound

    async def run(
        self,
        feed: Feed,
        state: FeedState,
        parsed: ParsedFeed,
        items: Sequence[Item],
        before_each: Callable[[], Awaitable[None]],
    ) -> Repaired:
        """Read back from a document in which nothing was known.

        It ends at a page with something known, without a link to an older one, after ten pages, or when
        a page cannot be read; what was found until then is kept in any case.

        Args:
            feed: its configuration.
            state: before the poll.
            parsed: the document.
            items: the document's items, none of them known.
            before_each: awaited before each page: the pause that the host is owed, and the lease.
        """
        began, page, visited = self._clock(), parsed, {feed.url, parsed.url}
        found: dict[str, Item] = {}
        count, repaired = len(items), 0
        have = {item.item_id for item in items}
        while (url := _older(page, feed)) and url not in visited:
            if repaired == MOST_PAGES or self._clock() - began > LONGEST:
                gap = Gap(count, repaired, len(found), trouble="Its archives go on; no more were read.")
                return Repaired(gap, tuple(found.values()))
            visited.add(url)
            await before_each()
            try:
                page = await self._page(feed, url)
            except (FetchError, ParseError) as error:
                return Repaired(Gap(count, repaired, len(found), trouble=str(error)), tuple(found.values()))
            repaired += 1
            older = await asyncio.to_thread(normalize, feed, page, state.identity, self._clock())
            known = await self._storage.known_items(feed.feed_id, lookup_keys(older))
            fresh = [item for item in older if not known.keys() & {item.key, *item.aliases}]
            found |= {item.item_id: item for item in fresh if item.item_id not in have}
            if len(fresh) < len(older):
                return Repaired(Gap(count, repaired, len(found), closed=True), tuple(found.values()))
        return Repaired(Gap(count, repaired, len(found)), tuple(found.values()))

    async def _page(self, feed: Feed, url: str) -> ParsedFeed:
        try:
            async with asyncio.timeout(self._bound.total_seconds()):
                return await self._parser.parse(await self._fetcher.fetch_page(feed, url, self._clock()))
        except TimeoutError:
            raise ParseError(f"{url} took too long.", ErrorKind.TRANSIENT) from None


def _older(page: ParsedFeed, feed: Feed) -> str:
    """Return the address of the next older page; "" when there is none.

    Only where the feed itself lives: a document may name any address of the web.
    """
    links, hosts = dict(reversed(page.links)), {host_of(feed.url), host_of(page.url)}
    return next((links[name] for name in _OLDER if name in links and host_of(links[name]) in hosts), "")
