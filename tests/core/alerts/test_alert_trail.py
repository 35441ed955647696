"""The trail of an alert for a recipient: each revision with its decision, messages and times."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.alerts.trail import trail
from monitor.models import NotificationState, Outcome, Reason
from tests.factories import (
    after,
    make_alert,
    make_decision,
    make_member,
    make_notification,
    make_revision,
    make_source,
)

ALERT = make_alert()
FIRST = make_revision(ALERT)
SECOND = replace(FIRST, revision=2, reason=Reason.UPDATE, at=after(hours=1), note="A second report.")
ROW = make_notification()


def told(decisions, notifications=(), *, recipient="desk", alert=ALERT, revisions=(FIRST,), members=None):
    return trail(
        alert,
        recipient,
        timezone="Europe/Kyiv",
        route="",
        revisions=revisions,
        decisions=decisions,
        notifications=notifications,
        members=members or {},
    )


def test_times_are_the_recipients():
    (entry,) = told([make_decision(ALERT, due_at=after(minutes=30))]).entries
    assert entry.at == "Thu 12 Mar 2026, 11:00 (UTC+02:00)"
    assert entry.due == "Thu 12 Mar 2026, 11:30 (UTC+02:00)"


SENT = replace(ROW, state=NotificationState.SENT, attempts=1, sent_at=after(minutes=1))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (ROW, "waits, next at Thu 12 Mar 2026, 11:00 (UTC+02:00)"),
        (
            replace(ROW, attempts=2, last_error="greylisted", due_at=after(minutes=5)),
            "tried 2 times, next at Thu 12 Mar 2026, 11:05 (UTC+02:00); last error: greylisted",
        ),
        (SENT, "sent Thu 12 Mar 2026, 11:01 (UTC+02:00)"),
        (replace(SENT, attempts=3), "sent Thu 12 Mar 2026, 11:01 (UTC+02:00), after 3 attempts"),
        (
            replace(ROW, state=NotificationState.DEAD, attempts=1, last_error="no such mailbox"),
            "given up after 1 attempt; last error: no such mailbox",
        ),
    ],
)
def test_what_became_of_a_message(row, said):
    decision = make_decision(ALERT, notification_ids=(row.notification_id,))
    (entry,) = told([decision], [row]).entries
    assert [one.said for one in entry.sendings] == [said]


def test_a_message_that_is_no_longer_kept_is_left_out():
    (entry,) = told([make_decision(ALERT, notification_ids=("gone",))]).entries
    assert entry.sendings == ()


def test_each_revision_has_the_recipients_own_decision():
    decisions = [
        make_decision(ALERT, recipient_id="other", reason="For the other."),
        make_decision(ALERT, reason="For the desk."),
        make_decision(ALERT, revision=2, outcome=Outcome.DIGEST, reason="Digest.", slot="2026-03-12T17:30"),
    ]
    found = told(decisions, revisions=(FIRST, SECOND))
    assert [(one.revision.revision, one.reason) for one in found.entries] == [
        (1, "For the desk."),
        (2, "Digest."),
    ]


def test_a_decision_about_nobody_is_about_everybody():
    decision = make_decision(ALERT, recipient_id="", outcome=Outcome.NO_ROUTE, reason="No route takes it.")
    (entry,) = told([decision]).entries
    assert entry.reason == "No route takes it."


def test_without_a_decision_it_says_for_whom_there_is_one():
    (entry,) = told([make_decision(ALERT, recipient_id="other")]).entries
    assert entry.decision is None
    assert entry.reason == "Nothing was decided for desk: no route named them. Decided for: other."


def test_items_have_the_reason_for_their_story():
    first, copy = make_source("talks"), make_source("again")
    alert = make_alert(sources=(first, replace(copy, copy_of=first.item_id)))
    members = {
        first.item_id: make_member("talks"),
        copy.item_id: make_member("again", reason="Same headline."),
    }
    found = told([], alert=alert, members=members)
    assert [(one.reason, one.copy_of) for one in found.reports] == [
        ("Nothing like it was known.", ""),
        ("Same headline.", "Ministers meet about talks"),
    ]


def test_as_dict_tells_all_of_it():
    decision = make_decision(ALERT, notification_ids=(SENT.notification_id,))
    value = told([decision], [SENT]).as_dict()
    assert value["alert"] == ALERT.alert_id
    (revision,) = value["revisions"]
    assert revision["decision"]["outcome"] == "queued"
    assert revision["notifications"][0]["sent_at"] == "2026-03-12T09:01:00+00:00"
    assert value["items"][0]["title"] == "Ministers meet about talks"
