"""A simulated fortnight over misbehaving servers: nothing missed, nothing told twice, no host pressed.

The short form has one feed of each kind; the long one has 300 and runs with MONITOR_SOAK=1 (`make soak`).
"""

from __future__ import annotations

import os
import re
from collections import Counter
from itertools import pairwise
from time import process_time

import pytest

from monitor.alerts.system_rules import is_system
from monitor.feeds.health import SHORTEST_SILENCE
from tests.feed_world import DAY, HOUR, MINUTE, SECOND, START, FeedWorld
from tests.fortnight import DAYS, KINDS, build, servers

SOAK = os.environ.get("MONITOR_SOAK") == "1"
TOGETHER = 30 * SECOND
ACCORD = re.compile(r"Accord (\d+-\d+) ")


async def live(world, end, flush_every):
    """Jump from poll to poll, those of half a minute together; group and tell at their pace."""
    flushed = world.clock.at
    while world.clock.at < end:
        await world.poll.run_due()
        if world.clock.at - flushed >= flush_every:
            flushed = world.clock.at
            await world.flush.run_once()
            await world.watch.run_once()
        states = await world.storage.feed_states()
        following = min(state.next_poll_at for state in states)
        world.clock.at = min(end, max(world.clock.at + SECOND, following + TOGETHER))
    world.clock.at += 10 * MINUTE
    await world.flush.run_once()
    await world.watch.run_once()


async def fortnight(count, ceiling, flush_every, first=0):
    """Return the world after its fortnight, its servers and their kinds."""
    catalogue, kinds = servers(count, first)
    world = FeedWorld(catalogue, ceiling=ceiling)
    built = build(world, kinds)
    await world.open()
    await live(world, START + DAYS * DAY, flush_every)
    return world, built, kinds


def told_of(server, kind, events):
    """Return what was told of a feed, but for silences that were true and are no part of its kind.

    Posts come by chance: a feed may rightly rest for longer than it ever did.
    """
    found, expected = [], list(kind.told).count("silent")
    for event in events:
        known = [post.at for post in server.shown() if post.at < event.at - server.world.ceiling]
        if event.kind == "silent" and event.at - max(known) >= SHORTEST_SILENCE and expected <= 0:
            found.append("true silence")
        elif event.kind == "resumed" and found[-1:] == ["true silence"]:
            found.pop()
        else:
            expected -= event.kind == "silent"
            found.append(event.kind.value)
    return tuple(one for one in found if one != "true silence")


async def judge(world, built, kinds):
    """Check everything that was promised; return the figures."""
    alerted = Counter(found[1] for title in await world.alerted() if (found := ACCORD.search(title)))
    wanted = {
        post.name
        for server in built
        for post in server.posts
        if post.name in server.served.later and ACCORD.search(post.title)
    }
    missed = wanted - alerted.keys()
    twice = {name for name, times in alerted.items() if times > 1}
    events = await world.events()
    wrong = {}
    for server, (number, kind) in zip(built, kinds, strict=True):
        told = told_of(server, kind, [one for one in events if one.feed_id == f"feed-{number}"])
        if told != kind.told:
            wrong[f"feed-{number}"] = (told, kind.told, kind.behave.__name__)
    hosts = {}
    for request in world.web.requests:
        hosts.setdefault(request.host, []).append(request.at)
    closest = min(b - a for times in hosts.values() for a, b in pairwise(times))
    violations = {server.host: server.served.violations for server in built if server.served.violations}
    notices = [" ".join(row.message.text.split()) for row in await world.notices()]
    # A digest names what several feeds have in common once; the alert tells of each.
    own = [alert for alert in await world.storage.list_alerts(limit=1_000_000) if is_system(alert)]
    told = " ".join([*notices, *(source.summary for alert in own for source in alert.sources)])
    lines = sum(event.text[:40] in told for event in events)
    return {
        "missed": missed, "twice": twice, "wrong": wrong, "closest": closest, "violations": violations,
        "wanted": len(wanted), "polls": len(world.reports), "requests": len(world.web.requests),
        "events": len(events), "notices": len(notices), "lines": lines,
    }  # fmt: skip


def hold(figures):
    assert figures["missed"] == set()
    assert figures["twice"] == set()
    assert figures["wrong"] == {}
    assert figures["closest"] >= SECOND
    assert figures["violations"] == {}
    assert figures["lines"] == figures["events"]


async def test_one_server_of_each_kind():
    figures = await judge(*await fortnight(len(KINDS), 3 * HOUR, 2 * HOUR))
    hold(figures)
    assert figures["wanted"] > 300
    assert figures["notices"] <= figures["events"]


@pytest.mark.soak
@pytest.mark.skipif(not SOAK, reason="the long form: make soak")
async def test_three_hundred_servers(capsys):
    began = process_time()
    figures = await judge(*await fortnight(300, 30 * MINUTE, 10 * MINUTE))
    with capsys.disabled():
        shown = {key: value for key, value in figures.items() if key != "wrong"}
        print(f"\nfortnight of 300 feeds: {shown}, {process_time() - began:.0f} s of CPU")
    hold(figures)
