"""The schedule: what a feed's state is after a poll, and when it is asked again; pure.

Nothing here ever disables a feed. Errors back off to a slow probe that goes on for ever, because a feed
that somebody forgot is worse than a request a day.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from monitor.errors import ErrorKind, FetchError, ParseError
from monitor.feeds.redirects import adopted_url, after_success, forget
from monitor.feeds.results import NotModified, Polled
from monitor.models import changed

if TYPE_CHECKING:
    from monitor.models import Feed, FeedState

Outcome: TypeAlias = Polled | NotModified | FetchError | ParseError

KNOWN_AT_LEAST, KNOWN_AT_MOST = 0.33, 0.67  # share of known items that a well-chosen interval gives
SHORTEN_AT_MOST = 4.0  # one poll changes the interval by these factors at most
LENGTHEN_AT_MOST = 1.5
LENGTHEN_IDLE = 1.25  # when nothing at all has changed
JITTER = 0.1  # share of the interval by which a poll may come earlier: feeds of one outlet drift apart
EMPTY_TOLD = 2  # empty documents in a row before it counts as a failure: publishers' caches hiccup
ADOPTED_TRIES = 3  # failures at an adopted redirect target before the configured URL is asked again
MAX_ERROR = 500  # characters of the message that are kept


@dataclass(frozen=True, slots=True)
class IntervalSettings:
    """The operator's bounds."""

    start: timedelta = timedelta(minutes=5)  # of a feed that nothing is known of
    floor: timedelta = timedelta(minutes=1)  # never more often
    ceiling: timedelta = timedelta(minutes=30)  # never more seldom while healthy, whatever caches ask


@dataclass(frozen=True, slots=True)
class BackOff:
    """How a kind of failure is tried again: first after `first`, then doubling up to `cap`."""

    first: timedelta
    cap: timedelta


# Short where the cause passes by itself, slow where a person has to act; a probe always goes on.
BACK_OFF: dict[ErrorKind, BackOff] = {
    ErrorKind.TRANSIENT: BackOff(timedelta(minutes=1), timedelta(hours=1)),
    ErrorKind.SERVER: BackOff(timedelta(minutes=2), timedelta(hours=2)),
    ErrorKind.RATE_LIMITED: BackOff(timedelta(minutes=5), timedelta(hours=24)),
    ErrorKind.PERMANENT: BackOff(timedelta(minutes=15), timedelta(hours=6)),
    ErrorKind.GONE: BackOff(timedelta(hours=24), timedelta(hours=24)),
    ErrorKind.REFUSED: BackOff(timedelta(minutes=15), timedelta(hours=6)),
    ErrorKind.TOO_LARGE: BackOff(timedelta(minutes=30), timedelta(hours=6)),
    ErrorKind.NOT_A_FEED: BackOff(timedelta(minutes=5), timedelta(hours=3)),
    ErrorKind.EMPTY: BackOff(timedelta(minutes=5), timedelta(hours=1)),
    ErrorKind.BROKEN: BackOff(timedelta(minutes=5), timedelta(hours=2)),
    ErrorKind.INTERNAL: BackOff(timedelta(minutes=15), timedelta(hours=3)),
}


def next_poll(
    state: FeedState, feed: Feed, outcome: Outcome, now: datetime, settings: IntervalSettings
) -> FeedState:
    """Return the feed's state after a poll.

    Args:
        state: before the poll.
        feed: its configuration.
        outcome: what the poll gave, or the error that ended it.
        now: when it ended.
        settings: the operator's bounds.
    """
    polled = changed(state, polls=state.polls + 1, last_polled_at=now)
    waited = state.next_poll_at - state.last_polled_at if state.last_polled_at else timedelta(0)
    match outcome:
        case Polled() if outcome.items == 0 and state.last_new_at is not None:
            return _after_empty(
                polled, feed, "The document holds no items, though it did before.", now, settings
            )
        case Polled():
            return _after_document(polled, feed, outcome, now, settings)
        case NotModified():
            return _after_unchanged(polled, feed, outcome, now, settings)
        case FetchError() | ParseError() if outcome.kind is ErrorKind.EMPTY:
            return _after_empty(polled, feed, str(outcome), now, settings)
        case FetchError() if outcome.kind is ErrorKind.RATE_LIMITED:
            again = state.error_kind == ErrorKind.RATE_LIMITED.value
            return _after_limit(polled, outcome, waited if again else timedelta(0), now, settings)
        case FetchError() | ParseError():
            return _after_error(polled, feed, outcome, now, settings)


def due_at(feed_id: str, polls: int, wait: timedelta, now: datetime) -> datetime:
    """Return `now` plus `wait`, up to a tenth earlier.

    The jitter comes from the feed's id and its count of polls: no dice, so that a repeated commit and a
    second machine decide the same.
    """
    digest = hashlib.sha256(f"{feed_id}\x1f{polls}".encode()).digest()
    fraction = int.from_bytes(digest[:4], "big") / 2**32
    return now + wait * (1 - JITTER * fraction)


def adapted(interval: timedelta, overlap: float | None) -> timedelta:
    """Return the interval at which about half of a document's items would be known.

    Args:
        interval: the one that led to `overlap`.
        overlap: share of the items that were known; None when there is nothing to compare.
    """
    if overlap is None or KNOWN_AT_LEAST <= overlap <= KNOWN_AT_MOST:
        return interval
    if overlap <= 0:
        return interval / SHORTEN_AT_MOST  # how much was missed cannot be known
    factor = 0.5 / (1 - overlap) if overlap < 1 else LENGTHEN_IDLE
    return interval * max(1 / SHORTEN_AT_MOST, min(factor, LENGTHEN_AT_MOST))


def _after_document(
    state: FeedState, feed: Feed, outcome: Polled, now: datetime, settings: IntervalSettings
) -> FeedState:
    fetched = outcome.fetched
    first = state.baselined_at is None
    overlap = None if first or not outcome.items else outcome.overlap
    interval = adapted(state.interval or settings.start, overlap)
    moved = after_success(state, fetched.requested, fetched.redirects, overlap=overlap, now=now)
    healthy = _healthy(moved, now)
    # An empty document is stored without its hash: the streak of empty ones has to be seen again.
    known_body = bool(outcome.items)
    return _scheduled(
        changed(
            healthy,
            baselined_at=state.baselined_at or now,
            last_new_at=now if outcome.new or (first and outcome.items) else state.last_new_at,
            etag=fetched.etag if known_body else "",
            last_modified=fetched.last_modified if known_body else "",
            validators_at=now if known_body else None,
            body_hash=fetched.body_hash if known_body else "",
            overlap=outcome.overlap if outcome.items else None,
            items_last=outcome.items,
            identity=outcome.identity,
            unstable_guids=outcome.unstable_guids,
        ),
        feed,
        interval,
        max(filter(None, (fetched.cache_for, outcome.parsed.refresh)), default=None),
        now,
        settings,
    )


def _after_unchanged(
    state: FeedState, feed: Feed, outcome: NotModified, now: datetime, settings: IntervalSettings
) -> FeedState:
    moved = after_success(state, outcome.requested, outcome.redirects, overlap=None, now=now)
    # A full answer proves that the server still gives bodies: the week of the validators starts again.
    confirmed = now if outcome.same_body else state.validators_at
    return _scheduled(
        changed(
            _healthy(moved, now),
            etag=outcome.etag or state.etag,
            last_modified=outcome.last_modified or state.last_modified,
            validators_at=confirmed,
            overlap=1.0 if state.items_last else state.overlap,
        ),
        feed,
        adapted(state.interval or settings.start, 1.0),
        outcome.cache_for,
        now,
        settings,
    )


def _after_empty(
    state: FeedState, feed: Feed, message: str, now: datetime, settings: IntervalSettings
) -> FeedState:
    """A 200 without items: once it may be a hiccup, then it is a failure. Its validators are not kept."""
    streak = state.empty_polls + 1
    counted = changed(state, empty_polls=streak, etag="", last_modified="", validators_at=None, body_hash="")
    if streak < EMPTY_TOLD:
        wait = max(settings.floor, min(state.interval or settings.start, settings.ceiling))
        due = max(due_at(feed.feed_id, state.polls, wait, now), now + settings.floor)
        return changed(counted, next_poll_at=due)
    return _after_error(counted, feed, ParseError(message, ErrorKind.EMPTY), now, settings)


def _after_limit(
    state: FeedState, error: FetchError, waited: timedelta, now: datetime, settings: IntervalSettings
) -> FeedState:
    """Too many requests, says the server: no failure of the feed, and never counted as one.

    The named time is kept to the second (jitter would come too early); without one the wait doubles from
    limit to limit. Afterwards the feed is asked less often.
    """
    rule = BACK_OFF[ErrorKind.RATE_LIMITED]
    wait = error.retry_after if error.retry_after is not None else max(rule.first, waited * 2)
    slower = min((state.interval or settings.start) * LENGTHEN_AT_MOST, settings.ceiling)
    return changed(
        state,
        next_poll_at=now + min(max(wait, settings.floor), max(rule.cap, settings.floor)),
        interval=max(slower, settings.floor),
        error_kind=error.kind.value,
        error=_one_line(error),
    )


def _after_error(
    state: FeedState, feed: Feed, error: FetchError | ParseError, now: datetime, settings: IntervalSettings
) -> FeedState:
    rule = BACK_OFF[error.kind]
    failures = state.failures + 1
    first = rule.first
    if error.kind in {ErrorKind.TRANSIENT, ErrorKind.SERVER} and feed.interval is not None:
        first = min(first, feed.interval)  # whoever asks every ten seconds also wants it back as fast
    wait = min(first * 2 ** min(failures - 1, 16), rule.cap)
    kept = forget(state) if adopted_url(state) and failures >= ADOPTED_TRIES else state
    return changed(
        kept,
        next_poll_at=max(due_at(feed.feed_id, state.polls, wait, now), now + settings.floor),
        failures=failures,
        failing_since=state.failing_since or now,
        error_kind=error.kind.value,
        error=_one_line(error),
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:MAX_ERROR]


def _healthy(state: FeedState, now: datetime) -> FeedState:
    return changed(
        state, last_success_at=now, failures=0, failing_since=None, error_kind="", error="", empty_polls=0
    )


def _scheduled(
    state: FeedState,
    feed: Feed,
    interval: timedelta,
    asked_for: timedelta | None,
    now: datetime,
    settings: IntervalSettings,
) -> FeedState:
    """Return `state` with the interval kept inside its bounds and the next poll set.

    The operator's own interval is taken as it is, above the floor. Else a cache lifetime or `ttl` may
    lengthen the wait, up to the ceiling: a CDN must not hold an alert for a day.
    """
    bounded = max(settings.floor, min(interval, settings.ceiling))
    if feed.interval is not None:
        wait = max(settings.floor, feed.interval)
    else:
        wait = max(bounded, min(asked_for or timedelta(0), max(settings.ceiling, settings.floor)))
    due = max(due_at(feed.feed_id, state.polls, wait, now), now + settings.floor)
    return changed(state, interval=bounded, next_poll_at=due)
