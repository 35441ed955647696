"""What an operator is told of a feed: failing, silent, a gap, a move, and when it is over; pure.

Each is told once when it begins and once when it ends. Telling too early cries wolf, telling never is how
monitors rot, so every threshold stands in one table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from monitor.errors import ErrorKind
from monitor.feeds.redirects import adopted_url
from monitor.models import FeedEvent, FeedEventKind, changed, stable_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import TypeAlias

    from monitor.models import Feed, FeedState

    _Tell: TypeAlias = Callable[..., None]

# Failures in a row after which the operator is told: half an hour to an hour by the back-off of each kind,
# at once where nothing but a person can help. Too many requests (RATE_LIMITED) is no failure.
TOLD_AT: dict[ErrorKind, int] = {
    ErrorKind.TRANSIENT: 5,
    ErrorKind.SERVER: 5,
    ErrorKind.PERMANENT: 3,
    ErrorKind.GONE: 1,
    ErrorKind.REFUSED: 1,
    ErrorKind.TOO_LARGE: 2,
    ErrorKind.NOT_A_FEED: 3,
    ErrorKind.EMPTY: 1,  # counted from the second empty document on
    ErrorKind.BROKEN: 3,
    ErrorKind.INTERNAL: 1,
}
# Measured on 24 world-news feeds over 60 days, polled every 2 to 3 h: three alarms in all, the pauses of
# weekends and nights included.
HALF_LIFE = timedelta(days=14)  # of the longest pause: habits change
LEARNED_AFTER = timedelta(days=7)  # younger feeds have had no weekend yet
LEARNED_PAUSES = 20
SURE_AFTER = timedelta(days=14)
CAUTIOUS, SURE = 3, 2  # times the longest pause, before and after `SURE_AFTER`
SHORTEST_SILENCE = timedelta(hours=12)
RATE_HALF_LIFE = timedelta(days=1)  # of the items a day
FRESH_WHILE_SILENT = timedelta(days=1)  # how often a silent feed is asked without validators
GAP_ITEMS = 5  # in a shorter document all may rightly be new
GAP_AGAIN = timedelta(days=1)  # a feed that is always too fast is told once a day
BLIND = timedelta(hours=6)  # a longer time without a good poll says nothing about the feed's own pauses


@dataclass(frozen=True, slots=True)
class Gap:
    """A poll in which nothing was known, and what its archives gave back."""

    items: int  # in the document
    pages: int = 0  # archive pages that were read (RFC 5005)
    repaired: int = 0  # items found in them
    closed: bool = False  # an archive page held something known: nothing is missing
    trouble: str = ""  # why reading on ended, when it was not closed


def watch(
    before: FeedState,
    after: FeedState,
    feed: Feed,
    now: datetime,
    *,
    new: int = 0,
    gap: Gap | None = None,
    renamed: str = "",
) -> tuple[FeedState, tuple[FeedEvent, ...]]:
    """Return the state with what was learned and told, and what there is to tell.

    Args:
        before: the state before the poll.
        after: the state that `next_poll` gave.
        feed: its configuration.
        now: time of the poll.
        new: items of this poll that were never seen before.
        gap: what is known of a gap; None when there was none.
        renamed: why entries are named in another way from now on; "" when they are not.
    """
    state = _learned(before, after, now, new) if before.baselined_at is not None else after
    found: list[FeedEvent] = []

    def tell(kind: FeedEventKind, text: str, cause: str = "") -> None:
        event_id = stable_id("feed-event", feed.feed_id, kind.value, now.isoformat())
        found.append(FeedEvent(event_id, feed.feed_id, kind, now, text, cause))

    if gap is not None and _worth_telling(gap, state, now):
        state = changed(state, gap_told_at=now)
        tell(FeedEventKind.GAP, _gap_text(before, gap, now))
    if renamed:
        tell(FeedEventKind.RENAMED, renamed)
    if text := _move_text(before, state):
        tell(FeedEventKind.MOVED, text)
    state = _failing(state, now, tell)
    state = _silent(before, state, feed, now, new, tell)
    return state, tuple(found)


def silent_after(state: FeedState, feed: Feed, now: datetime) -> timedelta | None:
    """Return the silence that is longer than this feed ever rests; None while that is not known."""
    if feed.expect_every is not None:
        return feed.expect_every
    if state.baselined_at is None or state.longest_pause is None or state.pauses < LEARNED_PAUSES:
        return None
    age = now - state.baselined_at
    if age < LEARNED_AFTER:
        return None
    return max(SHORTEST_SILENCE, state.longest_pause * (SURE if age >= SURE_AFTER else CAUTIOUS))


def _learned(before: FeedState, after: FeedState, now: datetime, new: int) -> FeedState:
    """Note the pause that ends with this poll's new items, and how many came.

    A time in which we did not look is no pause of the feed's.
    """
    since = before.last_polled_at or now
    fade = 0.5 ** ((now - since) / RATE_HALF_LIFE)
    days = max((now - since) / timedelta(days=1), 1e-6)
    rate = new / days if before.rate is None else before.rate * fade + new / days * (1 - fade)
    if not new or before.last_new_at is None:
        return changed(after, rate=rate)
    looked = now - (before.last_success_at or now)
    if looked > BLIND:
        return changed(after, rate=rate)
    pause = now - before.last_new_at
    longest = pause
    if before.longest_pause is not None:
        longest = max(pause, before.longest_pause * 0.5 ** (pause / HALF_LIFE))
    return changed(after, rate=rate, pauses=before.pauses + 1, longest_pause=longest)


def _failing(state: FeedState, now: datetime, tell: _Tell) -> FeedState:
    """Tell that a feed fails at the failure that its kind's row says, and that it is well again."""
    if state.failures and state.failure_told_at is None:
        kind = ErrorKind(state.error_kind or ErrorKind.INTERNAL)
        if kind is not ErrorKind.RATE_LIMITED and state.failures >= TOLD_AT[kind]:
            since = f" It fails since {_when(state.failing_since)}." if state.failing_since != now else ""
            tell(FeedEventKind.FAILING, f"{_sentence(state.error)}{since}", kind.value)
            return changed(state, failure_told_at=now)
    elif not state.failures and state.failure_told_at is not None and not state.error_kind:
        tell(FeedEventKind.RECOVERED, "It can be read again.")
        return changed(state, failure_told_at=None)
    return state


def _silent(
    before: FeedState, state: FeedState, feed: Feed, now: datetime, new: int, tell: _Tell
) -> FeedState:
    """Tell that a feed that answers has nothing new for longer than it ever rests, and that it goes on."""
    if state.silent_told_at is not None:
        if not new:
            return _ask_afresh(state) if _not_asked_since(state, now - FRESH_WHILE_SILENT) else state
        tell(FeedEventKind.RESUMED, "It has something new again.")
        return changed(state, silent_told_at=None)
    last, limit = before.last_new_at or state.baselined_at, silent_after(state, feed, now)
    # While it fails, the failure is what there is to tell.
    if new or state.failures or last is None or limit is None or now - last <= limit:
        return state
    if _not_asked_since(state, last):
        return _ask_afresh(state)
    habit = "`expect_every` says" if feed.expect_every is not None else "it has rested at most"
    usual = feed.expect_every or state.longest_pause or limit
    why = f" {_sentence(state.error)}" if state.error else " See whether its page has newer reports."
    tell(
        FeedEventKind.SILENT,
        f"It answers and has had nothing new for {_span(now - last)}; {habit} {_span(usual)}.{why}",
    )
    return changed(state, silent_told_at=now)


def _not_asked_since(state: FeedState, moment: datetime) -> bool:
    """Whether since then every answer was a 304: some servers give nothing else once they know an ETag."""
    return bool(state.etag or state.last_modified) and (
        state.validators_at is None or state.validators_at <= moment
    )


def _ask_afresh(state: FeedState) -> FeedState:
    return changed(state, etag="", last_modified="")


def _worth_telling(gap: Gap, state: FeedState, now: datetime) -> bool:
    recently = state.gap_told_at is not None and now - state.gap_told_at < GAP_AGAIN
    return not gap.closed and gap.items >= GAP_ITEMS and not recently


def _gap_text(before: FeedState, gap: Gap, now: datetime) -> str:
    since = f" in the {_span(now - before.last_success_at)}" if before.last_success_at else ""
    text = (
        f"None of its {gap.items} items was there at the poll before: some may have come and gone{since}"
        " without being seen."
    )
    if gap.pages:
        text += f" {gap.repaired} older ones were read from {_pages(gap.pages)}."
    if gap.trouble:
        text += f" {_sentence(gap.trouble)}"
    return f"{text} It is asked more often now."


def _pages(count: int) -> str:
    return f"{count} archive page{'' if count == 1 else 's'}"


def _move_text(before: FeedState, state: FeedState) -> str:
    old, new = adopted_url(before), adopted_url(state)
    if new and new != old:
        return (
            f"Its address has led to {new} for {_span(_since(state))} and the items are the same: that is"
            " asked directly now. Change `url` in feeds.yaml when you can."
        )
    if old and not new:
        return (
            f"{old}, to which it had moved, no longer answers as it did: the address in feeds.yaml is asked"
            " again."
        )
    return ""


def _since(state: FeedState) -> timedelta:
    if state.last_success_at is None or state.redirect_since is None:
        return timedelta(0)
    return state.last_success_at - state.redirect_since


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _when(moment: datetime | None) -> str:
    return f"{moment:%d %B, %H:%M} UTC" if moment is not None else "the first poll"


def _span(duration: timedelta) -> str:
    """Return a duration in the unit that people would use."""
    minutes = round(duration / timedelta(minutes=1))
    if minutes < 120:  # noqa: PLR2004 - two hours are better read in minutes
        return f"{minutes} min"
    hours = round(minutes / 60)
    return f"{hours} h" if hours < 72 else f"{round(hours / 24)} days"  # noqa: PLR2004 - likewise three days
