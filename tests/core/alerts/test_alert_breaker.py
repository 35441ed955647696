"""The circuit breaker: when it opens, how long it waits, when it closes."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.breaker import (
    FIRST_WAIT,
    JITTER,
    LONGEST_WAIT,
    THRESHOLD,
    Breaker,
    after_failure,
    after_success,
)
from tests.factories import T0

MINUTE = timedelta(minutes=1)


def failed(times: int, now=T0, retry_after=None) -> Breaker:
    breaker = Breaker("desk/webhook")
    for _ in range(times):
        breaker = after_failure(breaker, now, retry_after)
    return breaker


def test_it_opens_at_the_third_failure_in_a_row():
    assert [failed(n).is_open for n in range(5)] == [False, False, False, True, True]
    assert after_failure(after_success(failed(2)), T0).failures == 1


def test_a_probe_goes_when_the_wait_is_over():
    breaker = failed(THRESHOLD)
    assert not breaker.lets_through(T0)
    assert not breaker.lets_through(T0 + FIRST_WAIT - timedelta(seconds=1))
    assert breaker.lets_through(T0 + FIRST_WAIT * (1 + JITTER))
    assert after_success(breaker) == Breaker("desk/webhook")


def test_waits_double_up_to_half_an_hour():
    waits = [(failed(THRESHOLD + n).open_until - T0) / MINUTE for n in range(8)]
    for wait, least in zip(waits, [1, 2, 4, 8, 16, 30, 30, 30], strict=True):
        assert least <= wait <= least * (1 + JITTER)


@given(st.integers(THRESHOLD, 200), st.integers(0, 100_000))
def test_a_receiver_is_asked_again_within_its_own_pause_or_half_an_hour(times, seconds):
    asked = timedelta(seconds=seconds)
    wait = failed(times, T0, asked).open_until - T0
    assert wait >= asked
    assert wait <= max(asked, LONGEST_WAIT * (1 + JITTER))


def test_receivers_are_not_probed_together():
    one, two = (after_failure(Breaker(name, THRESHOLD), T0).open_until for name in ("a", "b"))
    assert one != two
