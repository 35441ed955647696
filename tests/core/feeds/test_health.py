"""What operators are told of a feed: each beginning once, each end once, and nothing in between."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import ErrorKind, FetchError
from monitor.feeds.health import TOLD_AT, Gap, silent_after, watch
from monitor.models import Feed, FeedEventKind
from tests.core.feeds.test_interval import FEED, MOVED, NEW, NOW, SETTLED, after, document, unchanged

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def poll(state, outcome, now, feed=FEED, **fields):
    new = fields.pop("new", getattr(outcome, "new", 0))
    return watch(state, after(state, outcome, feed, now), feed, now, new=new, **fields)


def live(state, outcomes, step=30 * MINUTE, feed=FEED, now=NOW):
    """Poll again and again; return the state and (kind, hours since the beginning) of all that is told."""
    told = []
    for number, outcome in enumerate(outcomes):
        state, events = poll(state, outcome, now + number * step, feed)
        told += [(event.kind.value, (event.at - now) / HOUR) for event in events]
    return state, told


@pytest.mark.parametrize("kind", [kind for kind in ErrorKind if kind is not ErrorKind.RATE_LIMITED])
def test_a_failure_is_told_once_and_its_end_once(kind):
    error = FetchError("The server is on fire", kind)
    state, told = live(SETTLED, [error] * 30)
    assert [one for one, _ in told] == ["failing"]
    first = state.failures - 30 + TOLD_AT[kind] if kind is not ErrorKind.EMPTY else 2
    assert told[0][1] == (first - 1) / 2
    state, told = live(state, [document(), document(), unchanged()], now=NOW + DAY)
    assert [one for one, _ in told] == ["recovered"]
    assert state.failure_told_at is None


def test_a_short_failure_is_not_told_and_neither_is_its_end():
    _, told = live(SETTLED, [FetchError("reset", ErrorKind.TRANSIENT)] * 4 + [document()])
    assert told == []


def test_every_kind_of_failure_has_its_moment():
    assert TOLD_AT.keys() | {ErrorKind.RATE_LIMITED} == set(ErrorKind)


def test_gone_is_told_at_the_first_answer_with_the_reason():
    _, (event,) = poll(SETTLED, FetchError("outlet.example/rss is gone for good", ErrorKind.GONE), NOW)
    assert (event.kind, event.text, event.cause) == (
        FeedEventKind.FAILING, "outlet.example/rss is gone for good.", "gone",
    )  # fmt: skip


def test_a_limit_is_no_failure_and_does_not_end_one():
    """Miniflux counted 429 toward its stop after three errors (miniflux/v2 issue 1628)."""
    limit = FetchError("slow down", ErrorKind.RATE_LIMITED, retry_after=HOUR)
    assert live(SETTLED, [limit] * 20)[1] == []
    server = FetchError("on fire", ErrorKind.SERVER)
    state, told = live(SETTLED, [server] * 5 + [limit] * 5)
    assert [kind for kind, _ in told] == ["failing"]
    assert live(state, [document()], now=NOW + DAY)[1] == [("recovered", 0.0)]


# --- silence ---


def with_habit(days, pause, pauses=200):
    return replace(SETTLED, baselined_at=NOW - days * DAY, longest_pause=pause, pauses=pauses)


@pytest.mark.parametrize(
    ("state", "feed", "limit"),
    [
        (SETTLED, replace(FEED, expect_every=3 * HOUR), 3 * HOUR),  # the operator knows best
        (with_habit(30, 8 * HOUR), FEED, 16 * HOUR),
        (with_habit(8, 8 * HOUR), FEED, 24 * HOUR),  # one weekend has been seen
        (with_habit(6, 8 * HOUR), FEED, None),  # none
        (with_habit(30, 8 * HOUR, pauses=5), FEED, None),
        (with_habit(30, 10 * MINUTE), FEED, 12 * HOUR),  # not at night
        (SETTLED, FEED, None),
        (NEW, FEED, None),
    ],
)
def test_when_silence_is_told(state, feed, limit):
    assert silent_after(state, feed, NOW) == limit


def test_silence_is_told_once_and_its_end_once():
    feed = replace(FEED, expect_every=6 * HOUR)
    state, told = live(replace(SETTLED, last_new_at=NOW), [unchanged(same_body=True)] * 60, feed=feed)
    assert told == [("silent", 6.5)]
    state, told = live(state, [document(), unchanged(), document()], feed=feed, now=NOW + 30 * HOUR)
    assert [kind for kind, _ in told] == ["resumed"]
    assert state.silent_told_at is None


def test_before_silence_is_told_a_server_of_304s_is_asked_afresh():
    """Servers that answer 304 for ever once they know an ETag: the next request has no validators."""
    feed = replace(FEED, expect_every=6 * HOUR)
    stuck = replace(SETTLED, last_new_at=NOW - 7 * HOUR, validators_at=NOW - 7 * HOUR)
    state, events = poll(stuck, unchanged(), NOW, feed)
    assert (events, state.etag, state.last_modified) == ((), "", "")
    assert state.body_hash == stuck.body_hash
    asked, events = poll(state, unchanged(same_body=True, etag='"again"'), NOW + HOUR, feed)
    assert [event.kind for event in events] == ["silent"]
    assert asked.etag == '"again"'
    later, events = poll(asked, unchanged(), NOW + 26 * HOUR, feed)
    assert (events, later.etag) == ((), ""), "once a day while it is silent"


def test_silence_says_since_when_and_what_is_usual():
    state = replace(with_habit(30, 8 * HOUR), last_new_at=NOW - 20 * HOUR, validators_at=NOW - HOUR)
    _, (event,) = poll(state, unchanged(), NOW)
    assert event.text == (
        "It answers and has had nothing new for 20 h; it has rested at most 8 h. "
        "See whether its page has newer reports."
    )


def test_the_pauses_of_a_feed_are_learned_and_our_own_absence_is_none_of_them():
    state = replace(SETTLED, last_new_at=NOW - 3 * HOUR, last_success_at=NOW - HOUR)
    learned, _ = poll(state, document(new=2), NOW)
    assert (learned.pauses, learned.longest_pause) == (1, 3 * HOUR)
    faded, _ = poll(replace(learned, longest_pause=10 * DAY), document(new=2), NOW + HOUR)
    assert 9 * DAY < faded.longest_pause < 10 * DAY
    away = replace(state, last_success_at=NOW - 2 * DAY, last_new_at=NOW - 2 * DAY)
    unlearned, _ = poll(away, document(new=2), NOW)
    assert (unlearned.pauses, unlearned.longest_pause) == (0, None)


def test_the_rate_follows_what_comes():
    state = SETTLED
    for number in range(48 * 6):
        state, _ = poll(state, document(new=1), NOW + number * 30 * MINUTE)
    assert state.rate == pytest.approx(48, rel=0.1)


def test_a_failing_feed_is_not_silent_too():
    feed = replace(FEED, expect_every=2 * HOUR)
    _, told = live(replace(SETTLED, last_new_at=NOW), [FetchError("x", ErrorKind.SERVER)] * 60, feed=feed)
    assert [kind for kind, _ in told] == ["failing"]


# --- gaps, moves, names ---


def test_a_gap_is_told_unless_the_archives_closed_it():
    seen = replace(SETTLED, last_success_at=NOW - 40 * MINUTE)
    told, (event,) = poll(seen, document(overlap=0.0), NOW, gap=Gap(items=30))
    assert event.kind is FeedEventKind.GAP
    assert event.text == (
        "None of its 30 items was there at the poll before: some may have come and gone in the 40 min "
        "without being seen. It is asked more often now."
    )
    assert poll(seen, document(overlap=0.0), NOW, gap=Gap(30, 2, 45, closed=True))[1] == ()
    broken = Gap(30, 1, 12, trouble="outlet.example/2 does not exist (status 404)")
    _, (event,) = poll(seen, document(overlap=0.0), NOW, gap=broken)
    assert "12 older ones were read from 1 archive page. outlet.example/2 does not exist" in event.text
    assert poll(told, document(overlap=0.0), NOW + HOUR, gap=Gap(items=30))[1] == (), "once a day"
    assert poll(seen, document(overlap=0.0, items=2), NOW, gap=Gap(items=2))[1] == (), "may rightly be new"


def test_a_move_is_told_when_it_is_adopted_and_when_it_ends():
    state, told = live(SETTLED, [document(redirects=MOVED)] * 12, step=8 * HOUR)
    assert [kind for kind, _ in told] == ["moved"]
    _, told = live(state, [FetchError("gone", ErrorKind.SERVER)] * 6, now=NOW + 5 * DAY)
    assert [kind for kind, _ in told] == ["moved", "failing"]


def test_another_naming_is_told():
    _, (event,) = poll(SETTLED, document(), NOW, renamed="Its guids changed.")
    assert (event.kind, event.text) == (FeedEventKind.RENAMED, "Its guids changed.")


# --- properties ---

OUTCOMES = st.one_of(
    st.builds(document, overlap=st.sampled_from([0.0, 0.5, 1.0]), items=st.integers(0, 30)),
    st.builds(unchanged),
    st.builds(FetchError, st.just("It fails"), st.sampled_from(ErrorKind)),
)


@given(st.lists(st.tuples(OUTCOMES, st.integers(1, 3000)), max_size=60), st.none() | st.just(6 * HOUR))
def test_whatever_happens_beginnings_and_ends_alternate(life, expect_every):
    """FAILING, RECOVERED, FAILING ...; SILENT, RESUMED ...; ids are never the same."""
    feed = Feed("outlet", FEED.url, expect_every=expect_every)
    state, now, found = NEW, NOW, []
    for outcome, minutes in life:
        now += minutes * MINUTE
        state, events = poll(state, outcome, now, feed)
        found += events
    kinds = [event.kind for event in found]
    for first, second in (("failing", "recovered"), ("silent", "resumed")):
        pair = [kind for kind in kinds if kind in {first, second}]
        assert pair == [(first, second)[number % 2] for number in range(len(pair))]
    assert len({event.event_id for event in found}) == len(found)
