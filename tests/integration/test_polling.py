"""A feed's life in virtual time: gaps and archives, silence, moves, corrections, and who is told."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from monitor.errors import ErrorKind, FetchError
from tests.feed_world import DAY, HOUR, MINUTE, START, FeedWorld, InProcess, Post, answer, rss, with_etag

FEED = "  - {id: outlet, url: 'https://outlet.example/rss', title: The Outlet}\n"


def post(number, title="", **fields):
    """One post a minute, the first at the start."""
    one = Post(
        f"post-{number}", title or f"Accord {number} is signed in the capital", f"guid-{number}",
        f"https://outlet.example/{number}", START + number * MINUTE, f"Delegates of round {number} agreed.",
    )  # fmt: skip
    return replace(one, **fields)


def published(clock, window, *, per_hour=60.0):
    """The newest posts of a feed that publishes at a steady pace."""
    newest = int((clock.at - START).total_seconds() / 3600 * per_hour)
    return [post(number) for number in range(newest, max(-1, newest - window), -1)]


@pytest.fixture
async def world():
    one = FeedWorld(FEED)
    await one.open()
    return one


# --- gaps ---


def archived(world, *, window, pages, broken=0, relation="prev-archive"):
    """A fast feed whose older posts stand in archive pages of the same length."""

    def site(request):
        newest = int((world.clock.at - START) / MINUTE)
        _, _, number = request.url.partition("?page=")
        page = int(number or 0)
        if page and page == broken:
            return answer(request, b"", 500)
        first = newest - page * window
        posts = [post(n) for n in range(first, max(-1, first - window), -1)]
        links = ((relation, f"https://outlet.example/rss?page={page + 1}"),) if page < pages else ()
        return answer(request, rss(posts, *links))

    return site


@pytest.mark.parametrize("relation", ["prev-archive", "next"])
async def test_what_a_fast_feed_dropped_is_read_from_its_archives(world, relation):
    """Ten posts in the document, sixty published while we were away: five archive pages bring them."""
    world.web.sites["outlet.example"] = archived(world, window=10, pages=20, relation=relation)
    await world.run(10 * MINUTE)
    world.clock.at += HOUR
    before = len(world.web.requests)
    await world.turn()
    stored = {item.title for item in await world.storage.items()}
    newest = int((world.clock.at - START) / MINUTE)
    assert {post(n).title for n in range(1, newest + 1)} <= stored
    assert "page=5" in world.web.requests[-1].url or "page=6" in world.web.requests[-1].url
    assert len(world.web.requests) - before <= 8
    assert await world.events() == [], "nothing is missing, so nothing is told"
    times = world.web.asked("outlet.example")
    assert min(b - a for a, b in pairwise(times)) >= timedelta(seconds=1)


async def test_a_gap_without_archives_is_told_once_and_the_feed_asked_more_often(world):
    world.web.sites["outlet.example"] = lambda request: answer(request, rss(published(world.clock, 10)))
    await world.run(10 * MINUTE)
    interval = (await world.state("outlet")).interval
    world.clock.at += HOUR
    await world.turn()
    (event,) = await world.events()
    assert event.kind == "gap"
    assert "None of its 10 items was there at the poll before" in event.text
    assert (await world.state("outlet")).interval == max(interval / 4, MINUTE)
    await world.run(15 * MINUTE)
    (notice,) = await world.notices()
    assert (
        notice.message.subject
        == "[MEDIUM new] A feed may have missed items: The Outlet may have missed items"
    )


async def test_archives_that_fail_or_never_end_are_told_and_keep_what_was_found(world):
    world.web.sites["outlet.example"] = archived(world, window=10, pages=20, broken=3)
    await world.run(10 * MINUTE)
    world.clock.at += HOUR
    await world.turn()
    (event,) = await world.events()
    assert "20 older ones were read from 2 archive pages." in event.text
    assert "has an error on its side" in event.text
    assert len(await world.storage.items()) > 10 + 20


async def test_archives_of_other_sites_are_not_followed(world):
    def site(request):
        links = (("prev-archive", "https://elsewhere.example/archive"),)
        return answer(request, rss(published(world.clock, 10), *links))

    world.web.sites["outlet.example"] = site
    await world.run(10 * MINUTE)
    world.clock.at += HOUR
    await world.turn()
    assert world.web.asked("elsewhere.example") == []


async def test_archives_that_lead_in_circles_end(world):
    def site(request):
        page = request.url.partition("?page=")[2]
        posts = [post(n, guid=f"{page}-{n}-{world.clock.at}", link="") for n in range(6)]
        return answer(request, rss(posts, ("next", f"https://outlet.example/rss?page={int(page or 0) + 1}")))

    world.web.sites["outlet.example"] = site
    await world.run(2 * MINUTE)
    world.web.requests.clear()
    world.clock.at += HOUR
    await world.turn()
    assert len(world.web.requests) <= 11


# --- being told ---


async def test_failures_and_recoveries_are_told_once_each(world):
    def site(request):
        down = 2 * HOUR < world.clock.at - START < 26 * HOUR
        return (
            answer(request, b"", 500)
            if down
            else with_etag(request, rss(published(world.clock, 120, per_hour=4)))
        )

    world.web.sites["outlet.example"] = site
    await world.run(30 * HOUR, 5 * MINUTE)
    assert [event.kind for event in await world.events()] == ["failing", "recovered"]
    notices = await world.notices()
    assert sorted(n.message.subject for n in notices) == [
        "[MEDIUM new] A feed cannot be read: The Outlet cannot be read",
        "[MEDIUM recovered] A feed cannot be read: The Outlet cannot be read",
    ]
    assert "outlet.example/rss has an error on its side" in notices[-1].message.text


async def test_an_outage_of_our_own_is_one_message_and_stops_nothing():
    """Own name servers down for a day: Miniflux stopped such feeds for good (miniflux/v2 issue 1893)."""
    names = [f"outlet-{number}" for number in range(30)]
    world = FeedWorld("".join(f"  - {{id: {n}, url: 'https://{n}.example/rss'}}\n" for n in names))
    await world.open()
    site = lambda request: with_etag(request, rss([post(1, "One"), post(2, "Two")]))  # noqa: E731
    world.web.sites |= {f"{name}.example": site for name in names}
    await world.run(HOUR)
    get, world.web.get = world.web.get, no_names
    await world.run(DAY, 5 * MINUTE)
    world.web.get = get
    await world.run(70 * MINUTE)
    states = await world.storage.feed_states()
    assert all(state.failures == 0 for state in states), "every feed was asked again within the hour"
    notices = await world.notices()
    first = notices[-1].message
    assert "see to this machine's network and name servers first" in " ".join(first.text.split())
    assert len(notices) <= 6
    events = await world.events()
    assert sorted(event.kind for event in events) == ["failing"] * 30 + ["recovered"] * 30


async def no_names(url, **_):
    raise FetchError(f"The name of {url} cannot be resolved.", ErrorKind.TRANSIENT)


# --- corrections ---


async def revised(world, *titles, summary="Delegates agreed."):
    """One item whose headline changes from poll to poll; return the reasons and notes of its alert."""
    world.web.sites["outlet.example"] = lambda request: with_etag(request, rss([post(-99999)]))
    await world.run(10 * MINUTE)
    for title in titles:
        posts = [post(1, title, at=START, summary=summary), post(-99999)]
        world.web.sites["outlet.example"] = lambda request, posts=posts: with_etag(request, rss(posts))
        await world.run(40 * MINUTE)
    return [(revision.reason.value, revision.note) for revision in world.revisions]


async def test_an_edit_of_style_alerts_nobody_again(world):
    told = await revised(world, "An accord is signed", "Accord signed at last", "Accord signed at long last")
    assert [reason for reason, _ in told] == ["new"]
    (alert,) = await world.storage.list_alerts()
    assert alert.sources[0].title == "Accord signed at long last"
    assert [evidence.text for evidence in alert.sources[0].evidence] == ["Accord"]


async def test_an_edit_that_takes_the_news_back_is_told_as_corrected(world):
    told = await revised(world, "An accord is signed", "Nothing is signed, says the envoy")
    assert [reason for reason, _ in told] == ["new", "corrected"]
    assert told[1][1] == (
        "The Outlet changed its report, which no longer says what the rule asks for: "
        '"An accord is signed" now reads "Nothing is signed, says the envoy".'
    )
    subjects = [row.message.subject for row in await world.storage.notifications()]
    assert any(subject.startswith("[HIGH corrected] An accord is signed") for subject in subjects), subjects


async def test_an_edit_that_brings_the_news_alerts(world):
    told = await revised(world, "Talks go on", "Accord signed")
    assert [reason for reason, _ in told] == ["new"]


async def test_an_item_that_changes_all_day_is_matched_24_times(world):
    titles = [f"Talks go on, hour {number}" for number in range(25)]
    assert await revised(world, *titles, "Accord signed after all") == []


async def test_feeds_that_wait_for_a_slow_server_of_our_own_keep_their_host():
    """Sixty feeds of one server that takes 20 s for eight: nobody else may claim it meanwhile."""
    feeds = "".join(f"  - {{id: feed-{n}, url: 'http://localhost:8080/{n}'}}\n" for n in range(60))
    world = FeedWorld(feeds)
    await world.open()
    world.web.took = timedelta(seconds=2.5)
    world.web.sites["localhost"] = lambda request: answer(request, rss([post(1)]))
    claimed = []

    class Rival(InProcess):
        async def read(self, *arguments):
            second = timedelta(seconds=1)
            claimed.extend(await world.storage.claim_hosts(world.clock(), limit=1, per_host=1, lease=second))
            return await super().read(*arguments)

    class Slow:
        async def get(self, *arguments, **named):
            for _ in range(100):  # meanwhile all others begin, and wait for their turn
                await asyncio.sleep(0)
            return await world.web.get(*arguments, **named)

    world.poll._parser, world.fetcher._http = Rival(), Slow()
    await world.turn()
    assert claimed == []
    assert [report.outcome for report in world.reports] == ["fetched"] * 60
