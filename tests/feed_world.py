"""A web of scripted sites in virtual time, and a whole installation that polls it.

Only the network and the time are made up: fetcher, parser, schedule, store, rules, grouping and notices
are the product's own. Waiting for a host's turn moves the clock, so that years pass in seconds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from monitor.alerts.system_rules import is_system
from monitor.channels.render import Renderer
from monitor.channels.template_files import load_templates
from monitor.feeds.fetch import Fetcher
from monitor.feeds.gate import Gate
from monitor.feeds.interval import IntervalSettings
from monitor.feeds.parse import parse
from monitor.feeds.politeness import host_of
from monitor.feeds.reading import Reading, read
from monitor.http import Response
from monitor.loops.flush import FlushLoop
from monitor.loops.poll import PollLoop, PollReport, PollSettings
from monitor.loops.watch import WatchLoop
from monitor.rulebook import RuleBook, read_book
from monitor.shipped import shipped
from monitor.storage.base import FeedSeed
from monitor.storage.memory import MemoryStorage

if TYPE_CHECKING:
    from monitor.feeds.results import Fetched, ParsedFeed
    from monitor.models import AlertRevision, Feed, FeedEvent, IdentityMode, Notification

START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)  # a Monday
SECOND, MINUTE, HOUR, DAY = (
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
)

ROUTES = b"""recipients:
  - {id: desk, email: {to: [desk@example.org]}, timezone: UTC}
routes:
  - {default: true, to: [desk]}
"""
# Each item that says "accord" is one alert: what is alerted, and how often, is counted exactly.
RULES = b"""version: 1
defaults: {owner: desk, topic: accords}
rules:
  - id: accord
    title: An accord is signed
    severity: high
    alert_per: item
    when: accord
    must_match: ["An accord is signed"]
    must_not_match: ["Nothing is signed"]
"""


class VirtualClock:
    """A clock that only waiting moves."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=max(0.0, seconds))


@dataclass(frozen=True)
class Request:
    """One request as a site gets it."""

    url: str
    host: str  # unit of politeness
    at: datetime
    headers: Mapping[str, str]


def answer(
    request: Request, body: bytes = b"", status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a response of a site."""
    return Response(status, {"content-type": "application/rss+xml", **(headers or {})}, body, request.url)


def with_etag(request: Request, body: bytes) -> Response:
    """Return the body, or 304 if the client has it."""
    etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    if request.headers.get("If-None-Match") == etag:
        return answer(request, b"", 304, {"etag": etag})
    return answer(request, body, 200, {"etag": etag})


@dataclass(frozen=True)
class Post:
    """One entry of a simulated feed."""

    name: str
    title: str
    guid: str
    link: str
    at: datetime
    summary: str = ""


def rss(posts: Sequence[Post], *links: tuple[str, str]) -> bytes:
    """Return an RSS document of posts with Atom links (relation, address)."""
    extra = "".join(f"<atom:link rel='{rel}' href='{escape(url)}'/>" for rel, url in links)
    items = "".join(
        f"<item><title>{escape(post.title)}</title><link>{escape(post.link)}</link>"
        f"<guid isPermaLink='false'>{escape(post.guid)}</guid>"
        f"<description>{escape(post.summary)}</description>"
        f"<pubDate>{format_datetime(post.at)}</pubDate></item>"
        for post in posts
    )
    return (
        "<rss version='2.0' xmlns:atom='http://www.w3.org/2005/Atom'><channel><title>Outlet</title>"
        f"{extra}{items}</channel></rss>"
    ).encode()


Site = Callable[[Request], Response]


@dataclass
class Web:
    """Sites by host name; every request is remembered, and takes a moment."""

    clock: VirtualClock
    sites: dict[str, Site] = field(default_factory=dict)  # by host name, without port
    requests: list[Request] = field(default_factory=list)
    took: timedelta = timedelta(milliseconds=200)

    async def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, limit: int = 0, proxy: str = ""
    ) -> Response:
        request = Request(url, host_of(url), self.clock.at, dict(headers or {}))
        self.requests.append(request)
        self.clock.at += self.took
        site = self.sites.get(urlsplit(url).hostname or "")
        return site(request) if site else answer(request, b"", 404)

    def asked(self, host: str) -> list[datetime]:
        return [request.at for request in self.requests if request.host == host]


class InProcess:
    """The parser without its worker processes: nothing here is hostile."""

    async def parse(self, fetched: Fetched) -> ParsedFeed:
        return parse(fetched.body, fetched.headers, fetched.url)

    async def read(
        self, fetched: Fetched, feed: Feed, mode: IdentityMode, window: str, now: datetime
    ) -> Reading:
        return read(fetched.body, fetched.headers, fetched.url, feed, mode, window, now)


class FeedWorld:
    """One installation in virtual time over a simulated web."""

    def __init__(
        self,
        feeds: str,
        *,
        ceiling: timedelta = 30 * MINUTE,
        spacing: timedelta = SECOND,
        rules: bytes = RULES,
        storage: object = None,
    ) -> None:
        """Read a catalogue in YAML, its `feeds:` left out."""
        self.clock = VirtualClock()
        self.ceiling = ceiling
        self.web = Web(self.clock)
        self.storage = storage or MemoryStorage()
        self.reports: list[PollReport] = []
        self.revisions: list[AlertRevision] = []
        files = {"feeds.yaml": f"feeds:\n{feeds}".encode(), "routes.yaml": ROUTES, "own/own.yaml": rules}
        self.book: RuleBook = read_book(files, prefix="rules/")
        assert not self.book.errors, self.book.errors
        self.renderer = Renderer(load_templates(shipped("templates")))
        self.fetcher = Fetcher(self.web, gate=Gate(self.clock, self.clock.sleep, spacing))
        settings = PollSettings(
            concurrency=1,
            spacing=spacing,
            bound=50 * SECOND,
            catch_up=2 * HOUR,
            interval=IntervalSettings(5 * MINUTE, MINUTE, ceiling),
        )
        self.poll = PollLoop(
            self.storage,
            self.fetcher,
            InProcess(),
            lambda: self.book,
            self.clock,
            settings,
            self.reports.append,
            self.clock.sleep,
        )
        self.flush = FlushLoop(
            self.storage,
            lambda: self.book,
            self,
            self.clock,
            "0",
            lambda report: self.revisions.extend(report.revisions),
        )
        self.watch = WatchLoop(self.storage, lambda: self.book, self.clock)

    def message(self, view, recipient, channel):
        """Render for `FlushLoop`."""
        return self.renderer.render_email(view)

    async def open(self) -> None:
        seeds = [FeedSeed(f.feed_id, f.url, host_of(f.url)) for f in self.book.feeds.values()]
        await self.storage.sync_feeds(seeds, self.clock.at)

    async def turn(self) -> None:
        """One tick of everything."""
        await self.poll.run_due()
        await self.flush.run_once()
        await self.watch.run_once()

    async def run(self, duration: timedelta, step: timedelta = MINUTE) -> None:
        """Let time pass; polls happen when they are due, to the step."""
        end = self.clock.at + duration
        while self.clock.at < end:
            began = self.clock.at
            await self.turn()
            self.clock.at = max(self.clock.at, began + step)

    async def state(self, feed_id: str):
        return next(one for one in await self.storage.feed_states() if one.feed_id == feed_id)

    async def events(self) -> list[FeedEvent]:
        """What happened to feeds, oldest first."""
        return list(reversed(await self.storage.feed_events(limit=100_000)))

    async def notices(self) -> list[Notification]:
        """Messages about feeds, newest first; what is not pressing stands in digests instead."""
        rows = await self.storage.notifications(limit=1_000_000)
        return [row for row in rows if row.message.kind == "system"]

    async def alerted(self) -> list[str]:
        """Headlines of the reports that alerts rest on, one for each alert and report."""
        alerts = await self.storage.list_alerts(limit=1_000_000)
        return [source.title for alert in alerts if not is_system(alert) for source in alert.sources]
