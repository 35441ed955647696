"""The schedule: when a feed is asked again, and what is remembered, after every kind of poll."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import ErrorKind, FetchError, ParseError
from monitor.feeds.interval import BACK_OFF, JITTER, IntervalSettings, adapted, due_at, next_poll
from monitor.feeds.redirects import adopted_url, request_url
from monitor.feeds.results import Fetched, NotModified, ParsedFeed, Polled, Redirect
from monitor.models import Entry, Feed, FeedState, IdentityMode

NOW = datetime(2025, 3, 30, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FEED = Feed("outlet", "https://outlet.example/rss")
NEW = FeedState("outlet", FEED.url, "outlet.example", NOW)
SETTLED = replace(
    NEW,
    interval=8 * MINUTE,
    baselined_at=NOW - DAY,
    last_polled_at=NOW - 8 * MINUTE,
    last_success_at=NOW - 8 * MINUTE,
    last_new_at=NOW - HOUR,
    etag='"old"',
    last_modified="Sun, 30 Mar 2025 11:00:00 GMT",
    validators_at=NOW - DAY,
    body_hash="old",
    items_last=30,
    polls=100,
)
SETTINGS = IntervalSettings(start=5 * MINUTE, floor=MINUTE, ceiling=30 * MINUTE)


def document(overlap=0.5, items=30, new=None, cache_for=None, refresh=None, redirects=(), requested=FEED.url):
    fetched = Fetched(
        "outlet", 200, requested, FEED.url, b"", "new", NOW, {}, redirects, '"new"', "today", cache_for
    )
    parsed = ParsedFeed("rss20", (Entry(guid="1"),) * items, refresh=refresh)
    new = round(items * (1 - (overlap or 0))) if new is None else new
    return Polled(fetched, parsed, items, new, overlap if items else None)


def unchanged(redirects=(), requested=FEED.url, **fields):
    return NotModified("outlet", requested, FEED.url, NOW, redirects, **fields)


def after(state, outcome, feed=FEED, now=NOW, settings=SETTINGS):
    return next_poll(state, feed, outcome, now, settings)


def waits(state, outcome, feed=FEED, settings=SETTINGS):
    return after(state, outcome, feed, NOW, settings).next_poll_at - NOW


# --- adapting ---

ADAPTED = [
    # share known, interval of 8 minutes becomes
    (None, 8.0),  # nothing to compare
    (0.0, 2.0),  # all new: perhaps some were missed
    (0.1, 8 * 0.5 / 0.9),
    (0.25, 8 * 0.5 / 0.75),
    (0.33, 8.0),
    (0.5, 8.0),
    (0.67, 8.0),
    (0.7, 12.0),  # 13.3 would give one half, but a step is 1.5 at most
    (0.9, 12.0),
    (1.0, 10.0),  # nothing new
]


@pytest.mark.parametrize(("overlap", "minutes"), ADAPTED)
def test_the_interval_aims_at_half_of_the_items_known(overlap, minutes):
    assert adapted(8 * MINUTE, overlap) == pytest.approx(minutes * MINUTE, abs=timedelta(seconds=1))
    assert after(SETTLED, document(overlap)).interval == pytest.approx(
        minutes * MINUTE, abs=timedelta(seconds=1)
    )


def test_a_steady_feed_settles_inside_the_band():
    """A feed of 40 places with two new items a minute: half is known after ten minutes."""
    interval = MINUTE
    for _ in range(30):
        interval = adapted(interval, max(0.0, 1 - interval / MINUTE * 2 / 40))
    assert 0.33 <= 1 - interval / MINUTE * 2 / 40 <= 0.67


def test_the_first_poll_starts_at_the_operators_interval():
    state = after(NEW, document(overlap=0.0))
    assert state.interval == 5 * MINUTE
    assert (state.baselined_at, state.last_new_at) == (NOW, NOW)


BOUNDS = [
    # feed's own interval, cache lifetime, ttl, minutes to wait at most (jitter makes it up to a tenth less)
    (None, None, None, 8),
    (None, 2 * MINUTE, None, 8),  # fresh for less than the interval
    (None, 20 * MINUTE, None, 20),
    (None, DAY, None, 30),  # a CDN must not hold an alert for a day
    (None, None, 15 * MINUTE, 15),
    (None, 10 * MINUTE, DAY, 30),
    (3 * MINUTE, DAY, DAY, 3),  # the operator's own interval wins over everything
    (6 * HOUR, None, None, 360),
    (timedelta(seconds=5), None, None, 1),  # but not over the floor
]


@pytest.mark.parametrize(("own", "cache", "ttl", "minutes"), BOUNDS)
def test_bounds_of_the_wait(own, cache, ttl, minutes):
    wait = waits(SETTLED, document(cache_for=cache, refresh=ttl), replace(FEED, interval=own))
    assert minutes * MINUTE * (1 - JITTER) <= max(wait, minutes * MINUTE * (1 - JITTER)) <= minutes * MINUTE
    assert wait >= MINUTE


def test_not_modified_lengthens_and_keeps_what_is_remembered():
    state = after(SETTLED, unchanged(cache_for=timedelta(0)))
    assert state.interval == 10 * MINUTE
    assert (state.etag, state.last_modified, state.body_hash) == (SETTLED.etag, SETTLED.last_modified, "old")
    assert state.validators_at == SETTLED.validators_at
    assert (state.last_success_at, state.last_new_at) == (NOW, SETTLED.last_new_at)


def test_an_equal_body_starts_the_validators_week_again():
    state = after(SETTLED, unchanged(same_body=True, etag='"newer"'))
    assert (state.validators_at, state.etag) == (NOW, '"newer"')


def test_a_document_replaces_validators_and_identity():
    outcome = replace(document(), identity=IdentityMode.LINK, unstable_guids=3)
    state = after(SETTLED, outcome)
    assert (state.etag, state.last_modified, state.body_hash) == ('"new"', "today", "new")
    assert (state.validators_at, state.overlap, state.items_last) == (NOW, 0.5, 30)
    assert (state.identity, state.unstable_guids) == (IdentityMode.LINK, 3)


# --- failures ---


def fail(state, kind, times, retry_after=None, feed=FEED):
    found = []
    now = NOW
    for _ in range(times):
        error = FetchError("outlet.example: broken\nline", kind, retry_after=retry_after)
        state = next_poll(state, feed, error, now, SETTINGS)
        found.append(state.next_poll_at - now)
        now = state.next_poll_at
    return state, found


@pytest.mark.parametrize(
    "kind", [kind for kind in ErrorKind if kind not in {ErrorKind.RATE_LIMITED, ErrorKind.EMPTY}]
)
def test_failures_back_off_to_a_probe_that_goes_on(kind):
    state, found = fail(SETTLED, kind, 40)
    rule = BACK_OFF[kind]
    assert rule.first * (1 - JITTER) <= max(found[0], rule.first * (1 - JITTER)) <= rule.first
    assert all(rule.cap * (1 - JITTER) <= wait <= rule.cap for wait in found[-5:])
    assert state.failures == 40
    assert state.failing_since == NOW
    assert (state.error_kind, state.error) == (kind.value, "outlet.example: broken line")


def test_gone_is_asked_once_a_day():
    _, found = fail(SETTLED, ErrorKind.GONE, 3)
    assert all(DAY * (1 - JITTER) <= wait <= DAY for wait in found)


def test_a_failure_forgets_nothing():
    state, _ = fail(SETTLED, ErrorKind.SERVER, 5)
    for name in (
        "etag",
        "body_hash",
        "interval",
        "baselined_at",
        "last_new_at",
        "last_success_at",
        "overlap",
    ):
        assert getattr(state, name) == getattr(SETTLED, name)


def test_recovery():
    state, _ = fail(SETTLED, ErrorKind.TRANSIENT, 5)
    healed = after(state, document())
    assert (healed.failures, healed.failing_since, healed.error_kind, healed.error) == (0, None, "", "")


def test_too_many_requests_is_no_failure():
    state, _ = fail(SETTLED, ErrorKind.RATE_LIMITED, 3, retry_after=HOUR)
    assert (state.failures, state.failing_since) == (0, None)
    assert state.error_kind == "rate_limited"


def test_retry_after_is_kept_to_the_second():
    _, found = fail(SETTLED, ErrorKind.RATE_LIMITED, 2, retry_after=timedelta(hours=3))
    assert found == [timedelta(hours=3)] * 2


def test_a_limit_without_a_time_doubles_the_wait():
    state, found = fail(SETTLED, ErrorKind.RATE_LIMITED, 12)
    assert found[0] == 5 * MINUTE
    assert found[1] == 2 * found[0]
    assert found[-1] == DAY
    assert state.interval == 30 * MINUTE  # asked less often afterwards


def test_whoever_asks_every_ten_seconds_tries_again_as_soon():
    quick = replace(FEED, interval=timedelta(seconds=10))
    _, found = fail(SETTLED, ErrorKind.TRANSIENT, 1, feed=quick)
    assert found == [MINUTE]  # the floor
    fine = replace(SETTINGS, floor=timedelta(seconds=1))
    error = FetchError("x", ErrorKind.TRANSIENT)
    assert next_poll(SETTLED, quick, error, NOW, fine).next_poll_at - NOW <= timedelta(seconds=10)


# --- empty documents ---

EMPTY = [
    document(items=0),
    ParseError("empty", ErrorKind.EMPTY),
    FetchError("204", ErrorKind.EMPTY),
]


@pytest.mark.parametrize("outcome", EMPTY, ids=["no items", "no document", "status 204"])
def test_one_empty_document_is_a_hiccup_two_are_told(outcome):
    once = after(SETTLED, outcome)
    assert (once.empty_polls, once.failures, once.error_kind) == (1, 0, "")
    assert (once.etag, once.last_modified, once.body_hash) == ("", "", "")
    twice = after(once, outcome)
    assert (twice.empty_polls, twice.failures, twice.error_kind) == (2, 1, "empty")
    assert twice.error
    healed = after(twice, document())
    assert (healed.empty_polls, healed.failures) == (0, 0)


def test_a_feed_that_never_had_items_may_be_empty():
    state = after(NEW, document(items=0))
    assert (state.empty_polls, state.failures, state.baselined_at) == (0, 0, NOW)
    assert after(state, document(items=0)).failures == 0


# --- redirects ---

MOVED = (Redirect(301, "https://new.example/rss"),)


def redirected(days, polls, outcome):
    state = SETTLED
    for number in range(polls):
        state = after(state, outcome, now=NOW + timedelta(days=days) * number / max(polls - 1, 1))
    return state


def test_a_move_is_adopted_after_ten_answers_over_three_days():
    assert adopted_url(redirected(3, 10, document(redirects=MOVED))) == "https://new.example/rss"
    assert adopted_url(redirected(3, 10, unchanged(redirects=MOVED))) == "https://new.example/rss"
    assert adopted_url(redirected(2.9, 50, document(redirects=MOVED))) == ""
    assert adopted_url(redirected(30, 9, document(redirects=MOVED))) == ""


@pytest.mark.parametrize(
    "outcome",
    [
        document(redirects=(Redirect(302, "https://new.example/rss"),)),  # for the moment
        document(overlap=0.0, redirects=MOVED),  # other items: a captive portal, an expired domain
        document(),
    ],
    ids=["temporary", "other items", "no redirect"],
)
def test_what_is_never_adopted(outcome):
    state = redirected(30, 100, outcome)
    assert (adopted_url(state), state.redirect_polls) == ("", 0)


def test_another_answer_in_between_starts_anew():
    state = after(redirected(3, 9, document(redirects=MOVED)), document())
    assert state.redirect_polls == 0
    state = after(
        redirected(3, 9, document(redirects=MOVED)),
        document(redirects=(Redirect(301, "https://x.example/"),)),
    )
    assert (state.redirect_url, state.redirect_polls) == ("https://x.example/", 1)


def test_only_the_permanent_part_of_a_chain_counts():
    chain = (
        Redirect(301, "https://b.example/"),
        Redirect(308, "https://c.example/"),
        Redirect(302, "https://d.example/"),
    )
    assert after(SETTLED, document(redirects=chain)).redirect_url == "https://c.example/"


def test_an_adopted_move_is_kept_while_it_works_and_dropped_when_it_fails():
    state = redirected(3, 10, document(redirects=MOVED))
    assert request_url(FEED, state) == "https://new.example/rss"
    state = after(state, document(requested="https://new.example/rss"), now=NOW + 4 * DAY)
    assert request_url(FEED, state) == "https://new.example/rss"
    state, _ = fail(state, ErrorKind.PERMANENT, 2)
    assert request_url(FEED, state) == "https://new.example/rss"
    state, _ = fail(state, ErrorKind.PERMANENT, 1)
    assert request_url(FEED, state) == FEED.url


# --- properties ---

OUTCOMES = st.one_of(
    st.builds(
        document,
        overlap=st.floats(0, 1),
        items=st.integers(0, 50),
        cache_for=st.none() | st.timedeltas(timedelta(0), timedelta(days=400)),
        refresh=st.none() | st.timedeltas(timedelta(seconds=1), timedelta(days=400)),
        redirects=st.sampled_from([(), MOVED]),
    ),
    st.builds(unchanged, same_body=st.booleans(), cache_for=st.none() | st.timedeltas(timedelta(0), 5 * DAY)),
    st.builds(
        FetchError,
        st.text(max_size=20),
        st.sampled_from(ErrorKind),
        retry_after=st.none() | st.timedeltas(timedelta(0), DAY),
    ),
    st.builds(ParseError, st.text(max_size=20), st.sampled_from(ErrorKind)),
)


@given(st.lists(OUTCOMES, max_size=25), st.none() | st.timedeltas(timedelta(seconds=1), DAY))
def test_whatever_happens_the_next_poll_is_set_within_bounds(outcomes, own):
    """Never before the floor, never later than a day, never disabled, and the interval inside its bounds."""
    feed, state, now = replace(FEED, interval=own), NEW, NOW
    for outcome in outcomes:
        state = next_poll(state, feed, outcome, now, SETTINGS)
        wait = state.next_poll_at - now
        assert MINUTE <= wait <= DAY
        if state.interval is not None:
            assert MINUTE <= state.interval <= 30 * MINUTE
        if not state.error_kind and not state.empty_polls and own is None:
            assert wait <= 30 * MINUTE
        now = state.next_poll_at
    assert state.polls == len(outcomes)


@given(st.text(max_size=20), st.integers(0, 10**6), st.timedeltas(timedelta(seconds=1), DAY))
def test_jitter_is_the_same_everywhere_and_only_earlier(feed_id, polls, wait):
    due = due_at(feed_id, polls, wait, NOW)
    assert due == due_at(feed_id, polls, wait, NOW)
    assert wait * (1 - JITTER) - timedelta(milliseconds=1) <= due - NOW <= wait


def test_jitter_spreads_feeds_out():
    waits_of_feeds = {due_at(f"feed-{n}", 1, 5 * MINUTE, NOW) for n in range(100)}
    assert len(waits_of_feeds) == 100
