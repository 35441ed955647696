"""A fortnight of misbehaving servers: what each feed publishes, what its server does, and what must be told.

Every name, headline and outlet is invented. All choices come from the feed's number: two runs are equal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from random import Random
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from monitor.errors import ErrorKind, FetchError
from tests.feed_world import DAY, HOUR, MINUTE, SECOND, START, Post, Request, answer, rss, with_etag

if TYPE_CHECKING:
    from monitor.http import Response
    from tests.feed_world import FeedWorld

DAYS = 14
# Posts an hour of the day, relative to the mean: quiet nights, busy mornings.
RHYTHM = (
    0.2, 0.1, 0.1, 0.1, 0.2, 0.5, 1.2, 2.0, 2.2, 2.0, 1.6, 1.4,
    1.3, 1.3, 1.4, 1.5, 1.4, 1.2, 1.0, 0.9, 0.8, 0.7, 0.5, 0.4,
)  # fmt: skip
SUBJECTS = (
    "a port levy",
    "the river commission",
    "fishing rights",
    "a rail link",
    "visa rules",
    "a gas transit",
)
PLACES = ("Northgate", "Port Salis", "Velmora", "Ostrava Bay", "Karesh", "Lindhaven")


def diary(number: int, per_day: float, days: int = DAYS) -> list[Post]:
    """Return all posts of one feed, oldest first; every fourth is of an accord, which the rule looks for."""
    dice, posts = Random(number), list[Post]()
    at = START - 4 * DAY
    while at < START + days * DAY:
        at += timedelta(seconds=dice.uniform(60, 540))  # about twelve occasions an hour
        if dice.random() > per_day / 24 * RHYTHM[at.hour] / 12:
            continue
        name = f"{number}-{len(posts)}"
        what, where = dice.choice(SUBJECTS), dice.choice(PLACES)
        title = f"Talks about {what} go on in {where}, round {name}"
        if len(posts) % 4 == 0:
            title = f"Accord {name} about {what} is signed in {where}"
        summary = f"Delegations met in {where} for the {len(posts)}th time this season and spoke of {what}."
        link = f"https://feed{number}.example/news/{name}.html"
        posts.append(Post(name, title, f"tag:feed{number}.example,2026:{name}", link, at, summary))
    return posts


@dataclass
class Served:
    """What one feed's server gave away, and what it was owed."""

    first: frozenset[str] = frozenset()  # names in the first body
    later: set[str] = field(default_factory=set)  # names in any later body, and not in the first
    held_until: datetime = START  # asked to be left alone until then
    violations: int = 0  # requests before that


@dataclass
class Server:
    """One feed and its server; subclasses by function: `behave` may answer instead of the plain document."""

    number: int
    world: FeedWorld
    per_day: float = 6.0
    window: int = 14
    behave: Callable[[Server, Request, list[Post]], Response | list[Post] | None] = lambda *_: None
    path: str = "/rss"
    host: str = ""
    served: Served = field(default_factory=Served)
    posts: list[Post] = field(default_factory=list)
    memory: dict[str, object] = field(default_factory=dict)
    links: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        self.posts = diary(self.number, self.per_day)
        self.host = self.host or f"feed{self.number}.example"

    @property
    def day(self) -> float:
        return (self.world.clock.at - START) / DAY

    def shown(self) -> list[Post]:
        """Every post that the server ever shows, oldest first."""
        if self.behave is rests:
            return [post for post in self.posts if not 8 < (post.at - START) / DAY < 12]
        return self.posts

    def current(self) -> list[Post]:
        """The document's posts, newest first."""
        now = self.world.clock.at
        return [post for post in reversed(self.posts) if post.at <= now][: self.window]

    def __call__(self, request: Request) -> Response:
        if self.world.clock.at - self.world.web.took < self.served.held_until:
            self.served.violations += 1
        made = self.behave(self, request, self.current())
        if made is None:
            made = self.current()
        if not isinstance(made, list):
            return made
        response = with_etag(request, rss(made, *self.links))
        if response.status == 200:
            self.note(made)
        return response

    def note(self, posts: list[Post]) -> None:
        """Remember which posts were given away."""
        names = {post.name for post in posts}
        if not self.served.first:
            self.served.first = frozenset(names)
        self.served.later |= names - self.served.first

    def hold(self, request: Request, wait: timedelta, *, as_date: bool = False) -> Response:
        """Answer 429 and remember until when we want to be left alone."""
        now = self.world.clock.at.replace(microsecond=0)
        self.served.held_until = max(self.served.held_until, now + wait)
        value = format_datetime(now + wait, usegmt=True) if as_date else str(int(wait / SECOND))
        return answer(request, b"", 429, {"retry-after": value, "date": format_datetime(now, usegmt=True)})


# --- what servers do ---


def moves(self, request, posts):
    """Moved for good on day 2; the old address dies on day 9."""
    if urlsplit(request.url).hostname == self.host and self.day > 2:
        if self.day > 9:
            return answer(request, b"", 404)
        return answer(request, b"", 301, {"location": f"https://moved{self.number}.example/rss"})
    return None


def borrows(self, request, posts):
    """Always sent on to a service that many feeds share."""
    if urlsplit(request.url).hostname == self.host:
        return answer(request, b"", 302, {"location": f"https://cdn.example/{self.number}"})
    return None


def limits(self, request, posts):
    """Wants no more than a request in ten minutes, and two hours of peace on day 5."""
    last = self.memory.get("last")
    self.memory["last"] = request.at
    if 5 < self.day < 5.3 and not self.memory.get("rested"):
        self.memory["rested"] = True
        return self.hold(request, 2 * HOUR, as_date=True)
    if isinstance(last, datetime) and request.at - last < 10 * MINUTE:
        return self.hold(request, 15 * MINUTE)
    return None


def renames(self, request, posts):
    """Another guid scheme from day 4 on; the links stay."""
    return [replace(p, guid=f"urn:post:{p.name}") for p in posts] if self.day > 4 else None


def invents_guids(self, request, posts):
    """New guids in every answer."""
    count = int(self.memory.get("count", 0)) + 1
    self.memory["count"] = count
    return [replace(p, guid=f"{p.name}-{count}") for p in posts]


def redates(self, request, posts):
    """Every post is of this minute, and its headline is polished on the second day."""
    now = self.world.clock.at

    def polished(post):
        late = now - post.at > DAY
        return replace(post, at=now, title=post.title + (", delegates say" if late else ""))

    return [polished(post) for post in posts]


def forgets(self, request, posts):
    """Every third post is away between its 2nd and its 30th hour, and the window is long."""
    now = self.world.clock.at

    def away(post):
        return int(post.name.partition("-")[2]) % 3 == 0 and 2 * HOUR < now - post.at < 30 * HOUR

    return [post for post in posts if not away(post)]


def fails(self, request, posts):
    """Down on the 6th day: errors in the morning, nobody there in the afternoon."""
    if 6 < self.day < 6.5:
        return answer(request, b"oh no", 503)
    if 6.5 <= self.day < 7:
        raise FetchError(f"{self.host} cannot be connected to.", ErrorKind.TRANSIENT)
    return None


def rests(self, request, posts):
    """Publishes nothing from day 8 to day 12."""
    published = [post for post in reversed(self.shown()) if post.at <= self.world.clock.at]
    return published[: self.window]


def remembers(self, request, posts):
    """Says 304 to every conditional request from day 2 on."""
    if self.day > 2 and "If-None-Match" in request.headers:
        return answer(request, b"", 304)
    return None


def breaks(self, request, posts):
    """A challenge page for six hours on day 5, an empty document for six on day 9."""
    if 5 < self.day < 5.25:
        page = b"<!doctype html><html><head><title>Just a moment...</title></head><body>cf-chl</body></html>"
        return answer(request, page, 200, {"content-type": "text/html"})
    return [] if 9 < self.day < 9.25 else None


def secures(self, request, posts):
    """All links and guids are http until day 5, then https with www."""
    if self.day > 5:
        return [replace(p, link=p.link.replace("https://", "https://www."), guid=p.link) for p in posts]
    return [
        replace(p, link=p.link.replace("https:", "http:"), guid=p.link.replace("https:", "http:"))
        for p in posts
    ]


def archives(self, request, posts):
    """Fast and short, with archive pages; away for twelve hours on day 7."""
    if 7 < self.day < 7.5:
        raise FetchError(f"{self.host} cannot be connected to.", ErrorKind.TRANSIENT)
    page = int(request.url.partition("?page=")[2] or 0)
    every = [post for post in reversed(self.posts) if post.at <= self.world.clock.at]
    part = every[page * self.window : (page + 1) * self.window]
    more = (
        (("prev-archive", f"https://{self.host}/rss?page={page + 1}"),)
        if len(every) > (page + 1) * self.window
        else ()
    )
    self.note(part)
    return answer(request, rss(part, *more))


def repeats_guids(self, request, posts):
    """One guid for all posts of a day."""
    return [replace(p, guid=f"{p.at:%Y-%m-%d}") for p in posts]


def shares_links(self, request, posts):
    """All posts stand on one live page."""
    return [replace(p, link=f"https://{self.host}/live") for p in posts]


def ends(self, request, posts):
    """Gone for good from day 10 on."""
    return answer(request, b"", 410) if self.day > 10 else None


@dataclass(frozen=True)
class Kind:
    """A kind of server, and what operators must hear of it, in order."""

    behave: Callable
    told: tuple[str, ...] = ()
    per_day: float = 6.0
    window: int = 14
    settings: str = ""


KINDS = (
    Kind(lambda *_: None),
    Kind(moves, ("moved",)),
    Kind(borrows),
    Kind(limits),
    Kind(renames),
    Kind(invents_guids, ("renamed",)),
    Kind(redates),
    Kind(forgets, window=30),
    Kind(fails, ("failing", "recovered")),
    Kind(rests, ("silent", "resumed"), settings=", expect_every: 1d"),
    Kind(rests, ("silent", "resumed"), per_day=20, window=20),
    Kind(remembers, window=40, settings=", expect_every: 1d"),
    Kind(breaks, ("failing", "recovered", "failing", "recovered")),
    Kind(secures),
    Kind(archives, ("failing", "recovered"), per_day=40, window=10),
    Kind(repeats_guids, ("renamed",)),
    Kind(shares_links),
    Kind(ends, ("failing",)),
)


def servers(count: int, first: int = 0) -> tuple[str, list[tuple[int, Kind]]]:
    """Return a catalogue of `count` feeds, numbered from `first` on, and the kind of each."""
    kinds = [(number, KINDS[number % len(KINDS)]) for number in range(first, first + count)]
    lines = [
        f"  - {{id: feed-{number}, url: 'https://feed{number}.example/rss', title: F{number}{kind.settings}}}"
        for number, kind in kinds
    ]
    return "\n".join(lines) + "\n", kinds


def build(world: FeedWorld, kinds: list[tuple[int, Kind]]) -> list[Server]:
    """Put the servers into the world's web."""
    built = []
    shared: dict[str, Server] = {}
    for number, kind in kinds:
        one = Server(number, world, kind.per_day, kind.window, kind.behave)
        built.append(one)
        world.web.sites[one.host] = one
        world.web.sites[f"moved{number}.example"] = one
        shared[str(number)] = one
    world.web.sites["cdn.example"] = lambda request: shared[urlsplit(request.url).path.strip("/")](request)
    return built
