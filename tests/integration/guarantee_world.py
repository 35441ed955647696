"""An installation in virtual time for the state machines of `test_guarantees.py`: rules, people, news."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from monitor.channels.render import Renderer
from monitor.channels.template_files import load_templates
from monitor.intake import make_hit
from monitor.loops.deliver import DeliverLoop
from monitor.loops.flush import FlushLoop
from monitor.models import FeedState, Item, stable_id
from monitor.rulebook import read_book
from monitor.shipped import shipped
from monitor.storage.base import FeedSeed, PollCommit
from tests.integration.test_loops import MINUTE, Recording, World

START = datetime(
    2026, 3, 27, 15, 0, tzinfo=UTC
)  # clocks change in Europe on the 29th, on Lord Howe a week later
RENDERER = Renderer(load_templates(shipped("templates")))  # compiled once

RULES = b"""version: 1
defaults: {owner: desk, topic: talks, severity: high}
rules:
  - id: envoy-lands
    title: An envoy lands
    when: {all: [envoy, lands]}
    supersedes: [travel]
    must_match: ["The envoy lands in Vienna"]
    must_not_match: ["The minister stays at home"]
  - id: travel
    title: Somebody travels
    severity: medium
    when: {any: [lands, departs]}
    must_match: ["The envoy departs for Vienna"]
    must_not_match: ["The minister stays at home"]
  - id: threat
    title: A threat
    severity: critical
    when: {all: [threatens]}
    must_match: ["The minister threatens war"]
    must_not_match: ["The minister stays at home"]
  - id: threat-after-visit
    title: A threat after a visit
    sequence: [envoy-lands, threat]
    within: 6h
  - id: rumour
    title: A rumour
    when: {all: [resigns]}
    corroborate: {sources: 2, within: 2h, until_then: hold}
    must_match: ["The minister resigns"]
    must_not_match: ["The minister stays at home"]
  - id: summit
    title: A summit
    severity: medium
    when: {all: [summit]}
    corroborate: {sources: 2, within: 3h, raise_to: critical}
    must_match: ["A summit in June"]
    must_not_match: ["The minister stays at home"]
  - id: decree
    title: A decree
    severity: low
    when: {all: [decree]}
    must_match: ["A decree on grain"]
    must_not_match: ["The minister stays at home"]
"""
FEEDS = b"""feeds:
  - {id: one, url: 'https://one.example/feed', owner: one}
  - {id: two, url: 'https://two.example/feed', owner: two, tier: wire, country: NO}
  - {id: three, url: 'https://three.example/feed', owner: one, tier: official}
"""
ROUTES = """recipients:
  - {id: desk, email: {to: [desk@example.org]}, timezone: UTC, fallback: chief}
  - id: night
    email: {to: [night@example.org]}
    webhook: {url: 'https://hook.example/x'}
    timezone: Europe/Brussels
    quiet: ["22:00-07:00", sun]
    bypass: critical
  - id: chief
    email: {to: [chief@example.org]}
    timezone: Australia/Lord_Howe
    quiet: ["01:45-05:00", "13:00-14:00"]
    bypass: never
    digest: ["02:15", "17:30"]
routes:
  - {match: {severity: ">=high"}, to: [desk, night]%s}
  - {match: {severity: medium}, to: [night, chief]}
  - {match: {tier: official}, to: [chief], as: digest}
  - {default: true, to: [desk, chief]}
"""


def _book(routes: str):
    files = {"feeds.yaml": FEEDS, "routes.yaml": routes.encode(), "talks/talks.yaml": RULES}
    book = read_book(files, prefix="rules/")
    assert not book.errors
    return book


BOOK = _book(ROUTES % "")
SAME_BOOK = _book(ROUTES % "")  # the same files, read again
OTHER_BOOK = _book(ROUTES % ", group_wait: 0s, max_per_hour: 2, remind_every: 30m, remind_times: 1")
BOOKS = (BOOK, SAME_BOOK, OTHER_BOOK)

TITLES = (
    "The envoy lands in Vienna for talks with the minister",
    "An envoy lands on the far moon to count the craters",
    "General threatens to close the border crossings at midnight",
    "Navy chief threatens a blockade of island ports",
    "The foreign minister resigns over the leaked memo",
    "Leaders call a summit on the river treaty in June",
    "A decree puts grain exports under state control",
    "The old delegation departs from the lake villa",
)
SUBJECTS = ("Miller", "Baker", "Fisher", "Tailor", "Mason", "Cooper", "Weaver", "Potter", "Sadler", "Tanner")
OBJECTS = (
    "barley",
    "copper",
    "tobacco",
    "saffron",
    "granite",
    "timber",
    "herring",
    "cotton",
    "sulphur",
    "wool",
)
ACCOUNTS = {  # each outlet's own words: the same words would be a copy, and no second source
    "one": "Officials at the airport said that the visitor went straight to the chancellery.",
    "two": "Our correspondent watched a motorcade leave the runway under heavy rain at noon.",
    "three": "The ministry publishes this notice in accordance with the law on information.",
}


class Installation(World):
    """A `World` with more news: copies, corrections, floods, two channels."""

    def __init__(self) -> None:
        super().__init__(BOOK)
        self.at = START
        self.renderer = RENDERER
        self.hook = Recording("webhook")
        self.items: list[Item] = []

    def message(self, view, recipient, channel):
        if channel == "webhook":
            return self.renderer.render_webhook(view)
        return self.renderer.render_email(view)

    async def report(self, feed_id: str, title: str, summary: str = "") -> None:
        """Store one new item with the hits that the rules find in it."""
        item = Item(
            item_id=stable_id(feed_id, title), feed_id=feed_id, key=f"guid:{title}", title=title,
            summary=summary or ACCOUNTS[feed_id], first_seen_at=self.at, published_at=self.at,
            content_hash=stable_id(title), language="en",
        )  # fmt: skip
        if all(known.item_id != item.item_id for known in self.items):
            self.items.append(item)
        await self.put(item)

    async def revise(self, item: Item, title: str) -> None:
        """Let an outlet change a report that it has published."""
        changed = replace(
            item, title=title, revision=item.revision + 1, content_hash=stable_id(title, str(item.revision))
        )
        self.items[self.items.index(item)] = changed
        await self.put(changed)

    async def put(self, item: Item) -> None:
        """Store an item, new or changed, as one poll of its feed."""
        feeds = self.book.feeds
        await self.store.sync_feeds([FeedSeed(f.feed_id, f.url, f.feed_id) for f in feeds.values()], self.at)
        claims = await self.store.claim_hosts(self.at, limit=10, per_host=10, lease=MINUTE)
        claim = next(one for one in claims if one.host == item.feed_id)
        feed = feeds[item.feed_id]
        hits = tuple(make_hit(item, match, self.at) for match in self.book.engine.match(item, feed))
        state = FeedState(item.feed_id, feed.url, item.feed_id, self.at, baselined_at=self.at)
        await self.store.commit_poll(claim, PollCommit(state, (item,), (), hits), self.at)
        for held in claims:
            await self.store.release_host(held, free_at=self.at)

    def loops(self, store=None):
        store = store or self.store
        flush = FlushLoop(store, lambda: self.book, self, self.clock, "0", lambda _: None)
        deliver = DeliverLoop(
            store, {"email": self.channel, "webhook": self.hook}, lambda: self.book.routing, self.clock,
            concurrency=8, attempt_bound=timedelta(minutes=1), told=lambda _: None, fallback=self.fallback,
        )  # fmt: skip
        return flush, deliver
