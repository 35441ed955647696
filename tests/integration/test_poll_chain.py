"""A feed's life over real connections: first poll, news, nothing new, trouble, recovery."""

from datetime import UTC, datetime, timedelta

import pytest

from monitor.errors import FetchError, ParseError
from monitor.feeds.fetch import Fetcher
from monitor.feeds.identity import degrade
from monitor.feeds.interval import IntervalSettings, next_poll
from monitor.feeds.normalize import normalize
from monitor.feeds.results import NotModified, Polled
from monitor.feeds.worker import ParserPool
from monitor.http import AddressGuard, HttpClient
from monitor.models import Feed, FeedState, KnownItem
from tests.fakes import LOOPBACK, Answer, WebServer

START = datetime(2025, 3, 30, 12, tzinfo=UTC)
SETTINGS = IntervalSettings()


class Life:
    """Polls one feed with a clock that jumps to each next poll, and remembers items as a store does."""

    def __init__(self, fetcher, pool, url):
        self.fetcher, self.pool = fetcher, pool
        self.feed = Feed("outlet", url)
        self.state = FeedState("outlet", url, "127.0.0.1", START)
        self.known: dict[str, KnownItem] = {}

    async def poll(self):
        """Poll once; return the titles that are new, or the name of what came instead."""
        now = self.state.next_poll_at
        try:
            fetched = await self.fetcher.fetch(self.feed, self.state, now)
            if isinstance(fetched, NotModified):
                self.state = next_poll(self.state, self.feed, fetched, now, SETTINGS)
                return "equal body" if fetched.same_body else "304"
            parsed = await self.pool.parse(fetched)
        except (FetchError, ParseError) as error:
            self.state = next_poll(self.state, self.feed, error, now, SETTINGS)
            return error.kind.value
        items = normalize(self.feed, parsed, self.state.identity, now)
        new = [item for item in items if not self.known.keys() & {item.key, *item.aliases}]
        overlap = 1 - len(new) / len(items) if items else None
        naming = degrade(self.state, parsed.entries, items, self.known)
        outcome = Polled(fetched, parsed, len(items), len(new), overlap, naming.mode, naming.unstable_guids)
        self.state = next_poll(self.state, self.feed, outcome, now, SETTINGS)
        for item in items:
            stored = KnownItem(item.item_id, item.key, item.content_hash, 1)
            self.known |= dict.fromkeys((item.key, *item.aliases), stored)
        return [item.title for item in new]


@pytest.fixture
async def life():
    async with (
        WebServer() as server,
        HttpClient(AddressGuard(LOOPBACK), "monitor-test/1") as http,
        ParserPool(1, timedelta(seconds=20)) as pool,
    ):
        yield server, Life(Fetcher(http), pool, server.url("/rss"))


async def test_from_the_first_poll_to_recovery(life):
    server, outlet = life
    page = Answer(b"<html><title>Sign in</title></html>", headers=(("Content-Type", "text/html"),))
    server.on(
        "/rss",
        Answer.rss("a", "b", ETag='"1"'),
        Answer(status=304),
        Answer.rss("c", "a", "b", ETag='"2"'),
        Answer.rss("c", "a", "b", ETag='"3"'),
        page,
        Answer(status=503),
        Answer(status=429, headers=(("Retry-After", "3600"),)),
        Answer.rss("d", "c"),
    )
    found = [await outlet.poll() for _ in range(8)]
    assert found == [["a", "b"], "304", ["c"], "equal body", "not_a_feed", "server", "rate_limited", ["d"]]
    asked = [received.headers.get("if-none-match") for received in server.received]
    assert asked == [None, '"1"', '"1"', '"2"', '"3"', '"3"', '"3"', '"3"']
    assert (outlet.state.failures, outlet.state.error_kind, outlet.state.polls) == (0, "", 8)


async def test_validators_are_dropped_after_a_week(life):
    server, outlet = life
    server.on("/rss", Answer.rss("a", ETag='"1"'), Answer(status=304))
    while outlet.state.next_poll_at < START + timedelta(days=7):
        await outlet.poll()
    await outlet.poll()
    assert server.received[-2].headers["if-none-match"] == '"1"'
    assert "if-none-match" not in server.received[-1].headers
    assert len(server.received) < 7 * 24 * 2 * 1.3  # half-hourly once it is quiet


async def test_guids_that_change_in_every_answer(life):
    server, outlet = life

    def shifted(number):
        items = "".join(
            f"<item><title>{name}</title><guid isPermaLink='false'>{name}{number}</guid>"
            f"<link>https://outlet.example/{name}</link></item>"
            for name in "abc"
        )
        return Answer(f"<rss version='2.0'><channel>{items}</channel></rss>".encode())

    server.on("/rss", *(shifted(number) for number in range(6)))
    assert [await outlet.poll() for _ in range(6)] == [["a", "b", "c"], [], [], [], [], []]
    assert outlet.state.identity == "link"


async def test_a_document_without_items_twice(life):
    server, outlet = life
    server.on("/rss", Answer.rss("a"), Answer.rss(), Answer.rss(), Answer.rss("a"))
    kinds = []
    for _ in range(4):
        await outlet.poll()
        kinds.append((outlet.state.empty_polls, outlet.state.error_kind))
    assert kinds == [(0, ""), (1, ""), (2, "empty"), (0, "")]
