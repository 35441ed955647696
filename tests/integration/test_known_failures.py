"""What other readers are known to get wrong: each failure has a test here, or names the one it has.

| known failure | test |
|---|---|
| Miniflux#1893: own name servers down, feeds stopped for good | test_polling: an outage of our own |
| Miniflux#1628: "too many requests" counted as an error | test_health: a limit is no failure |
| rss2email: state saved once at the end, a kill sends all again | here |
| newsboat: validators saved before items, a crash loses them | here |
| newsboat: identity by link and date, a new date is a new item | here |
| Huginn: ids of what a limit drops are seen; only the last 500 ids are kept | here |
| CommaFeed: an unchanged channel date taken for "not modified" | here |
| Miniflux, CommaFeed: a notification fired and forgotten | test_loops: a crash at any call |
| FreshRSS, Miniflux: a changed guid scheme brings everything again | here |
| lemon24/reader, rss-fetcher: a server of 304s is believed for ever | here |
"""

from __future__ import annotations

from dataclasses import replace

from monitor.storage.memory import MemoryStorage
from tests.feed_world import DAY, HOUR, MINUTE, START, FeedWorld, Post, answer, rss, with_etag
from tests.integration.test_loops import CrashError, Dying

FEED = "  - {id: outlet, url: 'https://outlet.example/rss', first_poll: all}\n"


def posts(*numbers, **fields):
    """Posts that the rule looks for, newest first."""
    return [replace(post(n), **fields) for n in sorted(numbers, reverse=True)]


def post(n):
    at = START + n * MINUTE
    return Post(str(n), f"Accord {n} is signed", f"guid-{n}", f"https://outlet.example/{n}", at)


async def opened(feeds=FEED):
    world = FeedWorld(feeds)
    await world.open()
    return world


def serve(world, *shown, host="outlet.example", tag=with_etag):
    world.web.sites[host] = lambda request: tag(request, rss(shown))


async def killed_and_restarted(feeds, sites, call):
    """Kill a round at its n-th call of the store; return (the next process over that store, survived)."""
    store = MemoryStorage()
    before = FeedWorld(feeds, storage=Dying(store, call, after=False))
    before.web.sites = sites
    survived = True
    try:
        await before.open()
        await before.turn()
    except CrashError:
        survived = False
    await store.end_leases()
    after = FeedWorld(feeds, storage=store)
    after.web.sites, after.clock.at = sites, before.clock.at
    await after.open()
    return after, survived


async def test_a_kill_at_any_call_loses_and_repeats_nothing():
    """Neither are alerts sent again, nor do validators outlive items that were not stored."""
    feeds = "".join(f"  - {{id: f{n}, url: 'https://f{n}.example/rss', first_poll: all}}\n" for n in range(2))
    sites = {f"f{n}.example": lambda request, n=n: with_etag(request, rss(posts(n))) for n in range(2)}
    for call in range(0, 60, 4):
        after, survived = await killed_and_restarted(feeds, sites, call)
        await after.run(10 * MINUTE, 5 * MINUTE)
        assert sorted(await after.alerted()) == ["Accord 0 is signed", "Accord 1 is signed"], call
        if survived:
            break
    assert 8 < call < 59


async def test_a_new_date_is_no_new_item():
    world = await opened()
    for day in range(4):
        serve(world, *posts(1, 2, at=START + day * DAY))
        await world.run(HOUR)
    assert len(await world.alerted()) == 2


async def test_more_items_than_anybody_keeps_are_known_when_they_come_again():
    """1,500 items in one document, then none of them, then all again; every hundredth is alerted."""
    many = [
        one if int(one.name) % 100 == 0 else replace(one, title=f"Talks {one.name} go on")
        for one in posts(*range(1500))
    ]
    world = await opened()
    for shown in (many, posts(9_000), many):
        serve(world, *shown)
        await world.run(3 * HOUR, 30 * MINUTE)
    assert len(await world.alerted()) == 16
    assert len(await world.storage.items(limit=9_999)) == 1501


async def test_an_unchanged_channel_date_hides_nothing():
    def dated(request, body):
        date = b"<lastBuildDate>Mon, 02 Mar 2026 06:00:00 GMT</lastBuildDate><item>"
        fields = {"last-modified": "Mon, 02 Mar 2026 06:00:00 GMT"}
        return answer(request, body.replace(b"<item>", date, 1), 200, fields)

    world = await opened()
    serve(world, *posts(1), tag=dated)
    await world.run(HOUR)
    serve(world, *posts(1, 2), tag=dated)
    await world.run(HOUR)
    assert sorted(await world.alerted()) == ["Accord 1 is signed", "Accord 2 is signed"]


async def test_a_new_guid_scheme_and_an_edit_afterwards_bring_nothing_again():
    world = await opened()
    serve(world, *posts(1, 2, 3))
    await world.run(HOUR)
    renamed = [replace(one, guid=f"urn:uuid:{one.name}") for one in posts(1, 2, 3)]
    serve(world, *renamed)
    await world.run(HOUR)
    serve(world, *(replace(one, title=f"{one.title}, says the ministry") for one in renamed))
    await world.run(HOUR)
    assert len(await world.alerted()) == 3
    assert (await world.state("outlet")).identity == "guid", "one migration is no instability"


async def test_a_server_of_304s_is_believed_for_a_week():
    def stuck(request, body):
        return answer(request, b"", 304) if "If-None-Match" in request.headers else with_etag(request, body)

    world = await opened()
    serve(world, *posts(1), tag=stuck)
    await world.run(HOUR)
    serve(world, *posts(1, 2), tag=stuck)
    await world.run(6 * DAY, HOUR)
    assert len(await world.alerted()) == 1
    await world.run(2 * DAY, HOUR)
    assert len(await world.alerted()) == 2
