"""What follows an attempt to send."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.attempts import EMAIL, JITTER, WEBHOOK, after_attempt, outbox_row, policy_of
from monitor.alerts.bundle import Bundle
from monitor.errors import DeliveryError
from monitor.models import Decision, Message, NotificationState, Outcome
from tests.core.alerts.alert_values import NOW, hours, minutes

BUNDLE = Bundle(
    "alert", "desk", "a" * 32, "", (Decision("a" * 32, 1, "desk", Outcome.QUEUED, "Why.", NOW, NOW),)
)
TRANSIENT = DeliveryError("421 try again later", permanent=False)


def row(channel="email", bundle=BUNDLE):
    return outbox_row(bundle, channel, Message("alert", text="words"), NOW)


def test_a_new_row_is_due_at_once():
    new = row()
    assert (new.due_at, new.expires_at, new.sequence) == (NOW, NOW + hours(24), 1)
    assert new.notification_id == BUNDLE.notification_id("email")
    assert new.order_key == f"desk/{'a' * 32}/email"


def test_sent():
    after = after_attempt(row(), None, NOW + minutes(1))
    assert (after.state, after.attempts, after.sent_at) == (NotificationState.SENT, 1, NOW + minutes(1))
    assert after.last_error == ""


# error; state, shortest and longest wait in seconds after the first attempt by e-mail
FIRST_FAILURES = [
    (TRANSIENT, NotificationState.PENDING, 30, 37.5),
    (DeliveryError("550 no such user", permanent=True), NotificationState.DEAD, None, None),
    (DeliveryError("410 Gone", permanent=False, gone=True), NotificationState.DEAD, None, None),
    # A wrong password is the operator's to repair: the message waits for it.
    (DeliveryError("535", permanent=True, pause_channel=True), NotificationState.PENDING, 30, 37.5),
    # The receiver may ask for more patience than the schedule has ...
    (DeliveryError("429", permanent=False, retry_after=minutes(45)), NotificationState.PENDING, 2700, 2700),
    # ... not for less.
    (
        DeliveryError("429", permanent=False, retry_after=timedelta(seconds=1)),
        NotificationState.PENDING,
        30,
        37.5,
    ),
]


@pytest.mark.parametrize(("error", "state", "shortest", "longest"), FIRST_FAILURES)
def test_a_first_failure(error, state, shortest, longest):
    after = after_attempt(row(), error, NOW)
    assert (after.state, after.attempts, after.last_error) == (state, 1, str(error))
    if shortest is not None:
        assert shortest <= (after.due_at - NOW).total_seconds() <= longest


def test_retry_after_is_believed_up_to_a_day():
    asked = DeliveryError("503", permanent=False, retry_after=timedelta(days=9))
    assert after_attempt(row("webhook"), asked, NOW).due_at == NOW + timedelta(days=1)


def attempts(channel, error=TRANSIENT, duration=timedelta(0), bundle=BUNDLE):
    """All rows until the end, each attempt made when it is due and taking `duration`."""
    rows = [row(channel, bundle)]
    while rows[-1].state is NotificationState.PENDING:
        rows.append(after_attempt(rows[-1], error, rows[-1].due_at + duration))
        assert len(rows) < 200
    return rows


def test_webhooks_follow_the_standard_schedule():
    rows = attempts("webhook")
    assert len(rows) - 1 == 10
    total = rows[-1].last_attempt_at - NOW
    assert hours(75.5) <= total <= hours(75.6 * (1 + JITTER))
    assert rows[-1].last_error == "421 try again later (given up: no more attempts after 10)"


def test_mail_is_tried_for_a_day():
    rows = attempts("email")
    assert hours(23.4) <= rows[-1].last_attempt_at - NOW <= hours(24)
    assert "given up: the next attempt would be after 2026-03-13T13:00:00+00:00" in rows[-1].last_error


def test_an_unknown_channel_is_as_stubborn_as_mail():
    assert policy_of("console") is EMAIL


def test_an_error_is_kept_on_one_short_line():
    after = after_attempt(row(), DeliveryError("two\nlines " * 200, permanent=False), NOW)
    assert "\n" not in after.last_error
    assert len(after.last_error) <= 500


errors = st.builds(
    DeliveryError,
    st.just("no"),
    permanent=st.booleans(),
    retry_after=st.none() | st.timedeltas(timedelta(0), timedelta(days=3)),
    pause_channel=st.booleans(),
    gone=st.booleans(),
)


@given(
    st.sampled_from(["email", "webhook"]),
    st.text(max_size=8),
    st.lists(st.tuples(st.none() | errors, st.timedeltas(timedelta(0), timedelta(hours=2))), max_size=120),
)
def test_attempts_are_bounded_rise_and_end_with_the_expiry(channel, name, outcomes):
    bundle = Bundle("alert", name, "a", "", BUNDLE.decisions)
    current = row(channel, bundle)
    for error, late in outcomes:
        at = current.due_at + late
        after = after_attempt(current, error, at)
        assert after == after_attempt(current, error, at)
        assert after.attempts == current.attempts + 1
        if error is None:
            assert after.state is NotificationState.SENT
        if after.state is not NotificationState.PENDING:
            return
        assert at < after.due_at <= after.expires_at == current.expires_at
        current = after
    assert current.attempts <= (WEBHOOK.attempts or 0 if channel == "webhook" else 100)


@given(st.sampled_from(["email", "webhook"]), st.text(max_size=8))
def test_delays_rise_and_stay_inside_their_bounds(channel, name):
    rows = attempts(channel, bundle=Bundle("alert", name, "a", "", BUNDLE.decisions))
    waits = [b.due_at - b.last_attempt_at for b in rows[1:-1]]
    assert waits == sorted(waits)
    if channel == "email":
        assert waits[0] >= timedelta(seconds=30)
        assert waits[-1] <= minutes(30)


def test_messages_that_failed_together_come_back_apart():
    waits = {
        after_attempt(
            row(bundle=Bundle("alert", f"desk-{n}", "a", "", BUNDLE.decisions)), TRANSIENT, NOW
        ).due_at
        for n in range(20)
    }
    assert len(waits) == 20
