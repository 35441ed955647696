"""Notices about feeds: what failed, fell silent, left a gap or came back, many in one message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.errors import ErrorKind
from monitor.models import FeedEventKind, stable_id
from monitor.notices import MOST_LINES, notice, operators, outbox_row_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from monitor.models import Feed, FeedEvent, Notification, Routing
    from monitor.notices import Render

# From the most to the least pressing: the order of lines, and what the subject names.
_ORDER = {
    FeedEventKind.FAILING: "fails",
    FeedEventKind.SILENT: "is silent",
    FeedEventKind.GAP: "may have missed items",
    FeedEventKind.RENAMED: "is read in another way",
    FeedEventKind.MOVED: "has moved",
    FeedEventKind.RECOVERED: "can be read again",
    FeedEventKind.RESUMED: "is no longer silent",
}
_MANY = 5  # feeds that cannot be reached at once, and half of all: the fault is probably at our end
_HALF = 0.5


def feed_notices(
    events: Sequence[FeedEvent],
    feeds: Mapping[str, Feed],
    routing: Routing,
    render: Render,
    now: datetime,
    version: str,
) -> tuple[Notification, ...]:
    """Return one message for each operator and channel that tells all of `events`.

    The same events give the same ids, so that a repeat sends nothing twice.

    Args:
        events: what is to be told; not empty.
        feeds: those in force, by id; a feed that is gone is named by its id.
        routing: the recipients of its default route are the operators.
        render: turns a view into the words for one channel.
        now: when the messages are written.
        version: the program's.
    """
    ordered = sorted(events, key=lambda one: (list(_ORDER).index(one.kind), one.at, one.feed_id))
    lines = [f"{_name(one, feeds)} {_ORDER[one.kind]}: {one.text}" for one in ordered]
    if len(lines) > MOST_LINES:
        lines[MOST_LINES - 1 :] = [f"... and {len(lines) - MOST_LINES + 1} more: see `monitor feeds list`."]
    subject, intro = _subject(ordered, feeds), _intro(ordered, feeds)
    together = stable_id("feed-notice", *sorted(one.event_id for one in events))
    rows: list[Notification] = []
    for recipient in operators(routing):
        for channel in recipient.channels():
            notice_id = stable_id(together, recipient.recipient_id, channel)
            view = notice(recipient, notice_id, f"[NOTICE] {subject}", intro, lines, now, version)
            rows.append(outbox_row_of(view, channel, render(view, recipient, channel), now))
    return tuple(rows)


def _name(event: FeedEvent, feeds: Mapping[str, Feed]) -> str:
    feed = feeds.get(event.feed_id)
    return f"{feed.title} ({feed.feed_id})" if feed and feed.title != feed.feed_id else event.feed_id


def _subject(ordered: Sequence[FeedEvent], feeds: Mapping[str, Feed]) -> str:
    if len(ordered) == 1:
        feed = feeds.get(ordered[0].feed_id)
        return f"{feed.title if feed else ordered[0].feed_id} {_ORDER[ordered[0].kind]}"
    counts = {kind: sum(one.kind is kind for one in ordered) for kind in _ORDER}
    named = [f"{count} {_words(kind, count)}" for kind, count in counts.items() if count]
    return f"Feeds: {', '.join(named)}"


def _words(kind: FeedEventKind, count: int) -> str:
    """Return "fail" for two feeds, "fails" for one."""
    words = _ORDER[kind]
    if count == 1:
        return words
    verb, _, rest = words.partition(" ")
    plural = {"fails": "fail", "is": "are", "has": "have"}.get(verb, verb)
    return f"{plural} {rest}".rstrip()


def _intro(ordered: Sequence[FeedEvent], feeds: Mapping[str, Feed]) -> str:
    unreachable = {
        one.feed_id
        for one in ordered
        if one.kind is FeedEventKind.FAILING and one.cause == ErrorKind.TRANSIENT.value
    }
    if len(unreachable) >= _MANY and len(unreachable) >= _HALF * len(feeds):
        return (
            f"{len(unreachable)} of {len(feeds)} feeds cannot be reached at the same time: see to this"
            " machine's network and name servers first. All of them are tried again by themselves."
        )
    if any(one.kind in {FeedEventKind.FAILING, FeedEventKind.SILENT, FeedEventKind.GAP} for one in ordered):
        return (
            "Reports may be missing. Every feed is asked on and on, and its return is told; "
            "`monitor feeds check` tries one at once."
        )
    return "Nothing needs to be done."
