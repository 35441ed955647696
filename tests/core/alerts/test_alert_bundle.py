"""What leaves together: pushes, digests, quiet hours at the last moment, and whole simulated weeks."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.bundle import bundle
from monitor.alerts.calendar import quiet_until
from monitor.alerts.decide import bypasses_quiet, decide, is_waiting, rendered
from monitor.alerts.lifecycle import close_quiet, transition
from monitor.models import AlertRevision, Decision, Outcome, QuietSpan, Reason, Severity
from tests.core.alerts.alert_values import (
    NOW,
    hours,
    minutes,
    opened,
    recipient,
    route,
    routing,
    rule,
    source,
)

NIGHT = QuietSpan(22 * 60, 7 * 60)
NIGHT_DESK = (recipient(quiet=(NIGHT,)),)
EVENING = datetime.fromisoformat("2026-03-12T23:00+00:00")
MORNING = datetime.fromisoformat("2026-03-13T07:00+00:00")


def waiting(alert, number, due_at, outcome=Outcome.QUEUED, who="desk", slot=""):
    return Decision(alert.alert_id, number, who, outcome, "Route x; why.", NOW, due_at, slot)


def put_together(due, alert, all_decisions=(), routes=None, now=NOW):
    alerts = {one.alert_id: one for one in (alert if isinstance(alert, list) else [alert])}
    return bundle(due, alerts, [*due, *all_decisions], routes or routing(), now)


def test_all_due_revisions_of_an_alert_are_one_message():
    alert, _ = opened()
    due = [waiting(alert, 2, NOW), waiting(alert, 1, NOW)]
    (made,) = put_together(due, alert).bundles
    assert (made.kind, made.alert_ids, made.sequence) == ("alert", (alert.alert_id,), 2)
    assert [one.revision for one in made.decisions] == [1, 2]


def test_a_push_takes_along_what_still_waits():
    """Else the waiting one would leave later and go back to an earlier revision."""
    alert, _ = opened()
    due, later = [waiting(alert, 3, NOW)], [waiting(alert, 2, NOW + minutes(20))]
    digest = [waiting(alert, 1, NOW + hours(4), Outcome.DIGEST, slot="s")]
    (made,) = put_together(due, alert, [*later, *digest]).bundles
    assert [one.revision for one in made.decisions] == [1, 2, 3]


def test_what_was_rendered_is_not_told_again():
    alert, _ = opened()
    told = rendered(waiting(alert, 1, NOW), ["n"], NOW)
    (made,) = put_together([waiting(alert, 2, NOW)], alert, [told]).bundles
    assert [one.revision for one in made.decisions] == [2]
    assert put_together([told], alert).bundles == ()


def test_a_digest_slot_is_one_message_for_each_recipient():
    alerts = [opened(key)[0] for key in ("a", "b")]
    alerts = [replace(one, alert_id=f"{number}" * 32) for number, one in enumerate(alerts)]
    people = (recipient(), recipient("boss"))
    due = [
        waiting(one, 1, NOW, Outcome.DIGEST, who.recipient_id, "2026-03-12T13:00 UTC")
        for one in alerts
        for who in people
    ]
    made = put_together(due, alerts, routes=routing(recipients=people)).bundles
    assert [(one.kind, one.recipient_id, len(one.alert_ids)) for one in made] == [
        ("digest", "boss", 2),
        ("digest", "desk", 2),
    ]


def test_two_slots_are_two_digests():
    alert, _ = opened()
    due = [waiting(alert, n, NOW, Outcome.DIGEST, slot=f"slot {n}") for n in (1, 2)]
    assert [one.slot for one in put_together(due, alert).bundles] == ["slot 1", "slot 2"]


def test_a_very_long_digest_is_sent_in_parts_that_keep_an_alert_together():
    alerts = [replace(opened("a")[0], alert_id=f"{number:032}") for number in range(300)]
    alerts[-7] = replace(alerts[-7], severity=Severity.CRITICAL)
    due = [waiting(one, n, NOW, Outcome.DIGEST, slot="s") for one in alerts for n in (1, 2, 3)]
    made = put_together(due, alerts).bundles
    assert sorted(d.alert_id + str(d.revision) for one in made for d in one.decisions) == sorted(
        d.alert_id + str(d.revision) for d in due
    )
    assert all(len(one.decisions) <= 250 for one in made)
    ids = [alert_id for one in made for alert_id in one.alert_ids]
    assert len(ids) == len(set(ids)) == 300
    assert len({one.notification_id("email") for one in made}) == len(made) == 4
    assert sum(alerts[-7].alert_id in one.alert_ids for one in made[:1]) == 1, (
        "the first part is the pressing one"
    )


def test_a_digest_entry_leaves_with_the_push_of_its_alert():
    alert, _ = opened()
    entry = waiting(alert, 1, NOW, Outcome.DIGEST, slot="s")
    # The push is due now: one message, no digest.
    (made,) = put_together([entry, waiting(alert, 2, NOW)], alert).bundles
    assert (made.kind, [one.revision for one in made.decisions]) == ("alert", [1, 2])
    # It is due in a minute: the entry waits for it.
    result = put_together([entry], alert, [waiting(alert, 2, NOW + minutes(1))])
    (put_off,) = result.changed
    assert result.bundles == ()
    assert (put_off.outcome, put_off.due_at, put_off.slot) == (Outcome.QUEUED, NOW + minutes(1), "")


def test_what_became_due_in_quiet_hours_is_held_again():
    alert, _ = opened()
    routes = routing(recipients=NIGHT_DESK)
    due = [waiting(alert, 1, EVENING), waiting(alert, 2, EVENING, Outcome.DIGEST, slot="s")]
    result = put_together(due, alert, routes=routes, now=EVENING)
    assert result.bundles == ()
    assert [(one.outcome, one.due_at) for one in result.changed] == [
        (Outcome.HELD, MORNING),
        (Outcome.DIGEST, MORNING),
    ]
    # The reason says so once, however often it happens.
    again = put_together(list(result.changed), alert, routes=routes, now=EVENING)
    assert again.changed == result.changed
    assert result.changed[0].reason.endswith("Quiet hours: held until Fri 13 Mar 2026, 07:00 (UTC+00:00).")


def test_a_severity_that_bypasses_is_not_held_again():
    alert, _ = opened(severity="critical")
    people = (recipient(quiet=(NIGHT,), bypass=Severity.CRITICAL),)
    result = put_together([waiting(alert, 1, EVENING)], alert, routes=routing(recipients=people), now=EVENING)
    assert len(result.bundles) == 1


def test_a_push_that_bypasses_takes_a_held_digest_entry_along():
    alert, _ = opened(severity="critical")
    routes = routing(recipients=(recipient(quiet=(NIGHT,), bypass=Severity.CRITICAL),))
    due = [waiting(alert, 1, EVENING, Outcome.DIGEST, slot="s"), waiting(alert, 2, EVENING)]
    result = put_together(due, alert, routes=routes, now=EVENING)
    (made,) = result.bundles
    assert [one.revision for one in made.decisions] == [1, 2]
    assert result.changed == ()


def test_a_recipient_or_alert_that_is_gone_fails_with_the_reason():
    alert, _ = opened()
    gone = put_together([waiting(alert, 1, NOW, who="former")], alert)
    assert gone.bundles == ()
    assert gone.changed[0].outcome is Outcome.FAILED
    assert 'recipient "former" is no longer configured' in gone.changed[0].reason
    assert put_together([waiting(alert, 1, NOW)], []).changed[0].outcome is Outcome.FAILED


def test_ids_are_stable_and_tell_channel_recipient_and_revisions_apart():
    alert, _ = opened()
    (one,) = put_together([waiting(alert, 1, NOW)], alert).bundles
    (same,) = put_together([waiting(alert, 1, NOW - minutes(1))], alert, now=NOW + hours(1)).bundles
    (more,) = put_together([waiting(alert, 1, NOW), waiting(alert, 2, NOW)], alert).bundles
    assert one.notification_id("email") == same.notification_id("email")
    others = {one.notification_id("email"), one.notification_id("webhook"), more.notification_id("email")}
    assert len(others) == 3
    assert one.order_key("email") != one.order_key("webhook")


# --- whole runs ---------------------------------------------------------------------------------

PEOPLE = (
    recipient("day", "Europe/Brussels", quiet=(NIGHT, QuietSpan(weekday=5), QuietSpan(weekday=6))),
    recipient("night", "Asia/Tehran", quiet=(QuietSpan(9 * 60, 17 * 60),), bypass=Severity.HIGH),
    recipient("always", "America/New_York"),
)
ROUTES = routing(
    route("day", severity=">=medium"),
    route("always", severity=">=high"),
    route("night", severity="<=high"),
    route("day", "always", default=True),
    recipients=PEOPLE,
)
arrival = st.tuples(
    st.integers(1, 900),  # minutes since the one before
    st.sampled_from(["alpha", "beta", "gamma", "delta"]),
    st.sampled_from(["official", "wire", "national"]),
    st.sampled_from(["info", "low", "medium", "high", "critical"]),  # of the rule, as edited by then
    st.sampled_from([0, 0, 0, 8, 20]),  # hours that the report is old
)


class Run:
    """One alert's life, minute by minute in effect: each step is taken when it is due."""

    def __init__(self, start):
        self.now = start
        self.alert = None
        self.revisions = []
        self.decisions = {}
        self.messages = []

    def arrive(self, number, owner, tier, severity, age):
        one = source(f"item-{number}", owner=owner, tier=tier, at=self.now - hours(age))
        self.apply(transition(self.alert, rule(severity), "story:s", [one], self.now, "s"))

    def apply(self, step):
        if self.alert and step.alert.alert_id != self.alert.alert_id:
            self.drain()
            self.revisions = []
        self.alert = step.alert
        for revision in step.revisions:
            self.revisions.append(revision)
            earlier = [d for d in self.decisions.values() if d.alert_id == self.alert.alert_id]
            made = decide(self.alert, revision, ROUTES, earlier, self.now)
            names = [d.recipient_id for d in made]
            assert len(names) == len(set(names)) >= 1
            for decision in made:
                assert (decision.alert_id, decision.revision, decision.recipient_id) not in self.decisions
                self.store(decision)

    def store(self, decision):
        self.decisions[decision.alert_id, decision.revision, decision.recipient_id] = decision

    def due_at(self):
        return min((d.due_at for d in self.decisions.values() if is_waiting(d)), default=None)

    def advance(self, until):
        while (due := self.due_at()) is not None and due <= until:
            self.now = max(self.now, due)
            self.flush()
        self.now = max(self.now, until)
        if self.alert:
            self.apply(close_quiet(self.alert, self.now))

    def flush(self):
        due = [d for d in self.decisions.values() if is_waiting(d) and d.due_at <= self.now]
        result = bundle(
            due, {self.alert.alert_id: self.alert}, list(self.decisions.values()), ROUTES, self.now
        )
        assert result.bundles or result.changed
        for decision in result.changed:
            self.store(decision)
        for made in result.bundles:
            self.messages.append((self.now, made, self.alert.severity))
            for decision in made.decisions:
                self.store(rendered(decision, [made.notification_id("email")], self.now))

    def drain(self):
        while (due := self.due_at()) is not None:
            self.now = max(self.now, due)
            self.flush()


@given(st.datetimes(datetime(2026, 3, 20), datetime(2026, 4, 6)), st.lists(arrival, min_size=1, max_size=8))
def test_a_whole_run_keeps_its_promises(start, found):
    run = Run(start.replace(tzinfo=NOW.tzinfo))
    for number, (wait, owner, tier, severity, age) in enumerate(found):
        run.advance(run.now + minutes(wait))
        run.arrive(number, owner, tier, severity, age)
    run.drain()
    told = {}
    for at, made, severity in run.messages:
        who = ROUTES.recipient(made.recipient_id)
        # Nothing that does not bypass leaves in quiet hours; a digest never does.
        if made.kind == "digest" or not bypasses_quiet(who, severity):
            assert quiet_until(who, at) is None
        for decision in made.decisions:
            # Each (revision, recipient) is told once ...
            key = (decision.alert_id, decision.revision, decision.recipient_id)
            assert key not in told
            told[key] = at
            # ... and no later message goes back to an earlier revision.
            earlier = [k[1] for k in told if k[0] == key[0] and k[2] == key[2] and told[k] < at]
            assert all(number < decision.revision for number in earlier)
    # All that was to be told was told.
    assert not [d for d in run.decisions.values() if is_waiting(d)]
    assert set(told) == {key for key, d in run.decisions.items() if d.notification_ids}
    ids = [made.notification_id("email") for _, made, _ in run.messages]
    assert len(ids) == len(set(ids))


PUSHED = [reason for reason in Reason if reason is not Reason.EXPIRED]  # that is only in the digest


@given(
    st.lists(st.tuples(st.integers(0, 90), st.sampled_from(PUSHED)), min_size=1, max_size=8),
    st.sampled_from(["critical", "high", "medium"]),
)
def test_updates_keep_their_distance(found, severity):
    """Between two messages that tell nothing urgent lies at least the update interval."""
    interval = {"critical": minutes(10), "high": minutes(30), "medium": minutes(120)}[severity]
    alert, new = opened(severity=severity)
    decisions = list(decide(alert, new, routing(), (), NOW))
    at, sent = NOW, []

    def flush(until):
        while (due := min((d.due_at for d in decisions if is_waiting(d)), default=None)) and due <= until:
            made = bundle(
                [d for d in decisions if is_waiting(d)][:1],
                {alert.alert_id: alert},
                decisions,
                routing(),
                due,
            )
            for one in made.bundles[0].decisions:
                decisions[decisions.index(one)] = rendered(one, ["n"], due)
            sent.append((due, {numbers[d.revision] for d in made.bundles[0].decisions}))

    numbers = {1: Reason.NEW}
    for number, (wait, reason) in enumerate(found, start=2):
        at += minutes(wait)
        flush(at)
        numbers[number] = reason
        revision = AlertRevision(alert.alert_id, number, reason, at, "", ())
        decisions += decide(alert, revision, routing(), decisions, at)
    flush(at + timedelta(days=2))
    plain = {Reason.UPDATE, Reason.REMINDER}
    for (before, _), (after, reasons) in pairwise(sent):
        if reasons <= plain:
            assert after - before >= interval
