"""One process's requests to one host take turns, wherever redirects lead."""

from datetime import timedelta

import pytest

from monitor.errors import ErrorKind, FetchError
from monitor.feeds.gate import LONGEST_WAIT, Gate
from monitor.feeds.politeness import MAX_HOLD
from tests.feed_world import HOUR, SECOND, START, VirtualClock

HOST, OTHER = "cdn.example", "else.example"


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def gate(clock):
    return Gate(clock, clock.sleep, 2 * SECOND)


async def test_requests_to_one_host_keep_their_distance(gate, clock):
    waits = [await gate.turn(HOST) for _ in range(3)]
    assert waits == [timedelta(), 2 * SECOND, 2 * SECOND]
    assert clock.at == START + 4 * SECOND
    assert await gate.turn(OTHER) == timedelta(), "another host is not concerned"


async def test_a_server_of_our_own_needs_no_pauses(gate):
    assert [await gate.turn("127.0.0.1:8080") for _ in range(3)] == [timedelta()] * 3


async def test_a_host_that_asked_for_peace_gets_it(gate, clock):
    gate.hold(HOST, HOUR)
    with pytest.raises(FetchError, match=r"cdn\.example is to be left alone for another 60 min") as caught:
        await gate.turn(HOST)
    assert (caught.value.kind, caught.value.retry_after, caught.value.host) == (
        ErrorKind.RATE_LIMITED, HOUR, HOST,
    )  # fmt: skip
    gate.hold(HOST, SECOND)
    clock.at += HOUR - LONGEST_WAIT
    assert await gate.turn(HOST) == LONGEST_WAIT, "a shorter wish later changes nothing"


async def test_no_host_is_lost_for_longer_than_a_day(gate, clock):
    gate.hold(HOST, 30 * 24 * HOUR)
    clock.at += MAX_HOLD
    assert await gate.turn(HOST) == timedelta()
