"""What operators read about feeds: many events in one message, the pressing ones first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.feed_notices import feed_notices
from monitor.models import (
    EmailTarget,
    FeedEvent,
    FeedEventKind,
    Message,
    Recipient,
    Route,
    Routing,
    WebhookTarget,
)
from monitor.notices import MOST_LINES
from tests.factories import T0, after, make_feed

DESK = Recipient(
    "desk", "UTC", email=EmailTarget(("desk@example.org",)), webhook=WebhookTarget(url="https://h.example/")
)
ROUTING = Routing((DESK, replace(DESK, recipient_id="other")), (Route(("desk",), default=True),))
FEEDS = {name: make_feed(name) for name in ("gazette", "herald", "courier")}


def event(kind, feed="gazette", minutes=0, cause=""):
    at = after(minutes=minutes)
    return FeedEvent(f"{feed}-{kind}-{minutes}", feed, FeedEventKind(kind), at, f"Text of {feed}.", cause)


def views(*events, feeds=FEEDS):
    """Return the view of each message, and the messages' ids."""
    seen = []

    def render(view, recipient, channel):
        seen.append(view)
        return Message("notice", view.subject)

    rows = feed_notices(events, feeds, ROUTING, render, T0, "0")
    return seen, [row.notification_id for row in rows]


@pytest.mark.parametrize(
    ("events", "subject"),
    [
        ([event("failing")], "[NOTICE] Gazette fails"),
        ([event("silent")], "[NOTICE] Gazette is silent"),
        ([event("failing", "gone-feed")], "[NOTICE] gone-feed fails"),
        ([event("recovered"), event("failing", "herald")], "[NOTICE] Feeds: 1 fails, 1 can be read again"),
        (
            [event("failing"), event("failing", "herald"), event("silent", "courier")],
            "[NOTICE] Feeds: 2 fail, 1 is silent",
        ),
        ([event("moved"), event("moved", "herald")], "[NOTICE] Feeds: 2 have moved"),
    ],
)
def test_subjects(events, subject):
    assert views(*events)[0][0].subject == subject


def test_one_message_for_each_channel_of_each_operator_and_the_same_ids_again():
    events = [event("failing"), event("silent", "herald")]
    seen, ids = views(*events)
    assert [view.recipient_id for view in seen] == ["desk", "desk"]
    assert len(set(ids)) == 2
    assert views(*reversed(events))[1] == ids
    assert views(events[0])[1] != ids


def test_the_pressing_comes_first():
    seen, _ = views(event("recovered", "courier"), event("failing", minutes=5), event("failing", "herald"))
    assert [line.split(" ")[0] for line in seen[0].lines] == ["Herald", "Gazette", "Courier"]
    assert seen[0].lines[1] == "Gazette (gazette) fails: Text of gazette."
    assert "Reports may be missing" in seen[0].intro
    assert views(event("recovered"))[0][0].intro == "Nothing needs to be done."


def test_an_outage_at_our_end_is_named_and_long_lists_are_cut():
    feeds = {f"f{n}": make_feed(f"f{n}") for n in range(100)}
    seen, _ = views(*(event("failing", name, cause="transient") for name in feeds), feeds=feeds)
    assert seen[0].intro.startswith(
        "100 of 100 feeds cannot be reached at the same time: see to this machine's"
    )
    assert len(seen[0].lines) == MOST_LINES
    assert seen[0].lines[-1] == "... and 41 more: see `monitor feeds list`."
    few, _ = views(*(event("failing", f"f{n}", cause="transient") for n in range(6)), feeds=feeds)
    assert "at the same time" not in few[0].intro
