"""Alerts about the monitor itself: what is told once, its end once, and who hears of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts import conditions
from monitor.alerts import system_rules as rules
from monitor.alerts.decide import decide, matching_routes
from monitor.alerts.feed_findings import feed_survey, removed
from monitor.alerts.lifecycle import Transition, close_quiet
from monitor.alerts.system import (
    FADES_AFTER,
    Finding,
    Over,
    Survey,
    headline_of,
    join,
    reconcile,
    source_id,
    unheard,
)
from monitor.document import Diagnostic, Place
from monitor.models import (
    AlertState,
    EmailTarget,
    FeedEvent,
    FeedEventKind,
    Matcher,
    Outcome,
    QuietSpan,
    Reason,
    Recipient,
    Route,
    Routing,
    Severity,
    Silence,
)
from monitor.storage.base_system import Receiver
from tests.factories import T0, after, make_feed, make_feed_state, make_rule

DESK = Recipient("desk", "UTC", email=EmailTarget(("desk@example.org",)))
OWNER = replace(DESK, recipient_id="owner")
ROUTING = Routing((DESK, OWNER), (Route(("desk",), default=True, where="routes.yaml:1"),))
GIB = 2**30


class Life:
    """The alerts of an installation that is looked at again and again."""

    def __init__(self):
        self.alerts, self.revisions = {}, []

    def look(self, *findings, at=T0, whole=(), over=(), unsure=()):
        open_ = [alert for alert in self.alerts.values() if alert.state is AlertState.OPEN]
        stored = {}
        for alert in sorted(self.alerts.values(), key=lambda alert: alert.generation):
            stored[alert.rule.rule_id, alert.group_key] = alert
        survey = Survey(findings, tuple(over), frozenset(whole), frozenset(unsure))
        steps = reconcile(survey, open_, stored, at)
        for step in steps:
            self.alerts[step.alert.alert_id] = step.alert
            self.revisions += step.revisions
        return [(revision.reason.value, revision.note) for step in steps for revision in step.revisions]


def finding(name="gazette", rule=rules.FEED_FAILING, **fields):
    made = Finding(
        rule, f"feed:{name}", name.title(), f"{name.title()} cannot be read", f"Text of {name}.", T0
    )
    return replace(made, **fields)


def test_what_goes_on_is_told_once_and_its_end_once():
    life, whole = Life(), [rules.DISK_LOW]
    low = finding(rule=rules.DISK_LOW)
    assert life.look(low, whole=whole) == [("new", "Gazette cannot be read.")]
    for minute in range(1, 100):
        assert life.look(low, at=after(minutes=minute), whole=whole) == []
    assert life.look(at=after(hours=2), whole=whole) == [("recovered", "Over: There is enough room again.")]
    assert life.look(at=after(hours=3), whole=whole) == []
    (alert,) = life.alerts.values()
    assert (alert.state, alert.closed_at, alert.revision) == (AlertState.CLOSED, after(hours=2), 2)


def test_what_comes_back_soon_is_the_same_alert_and_later_the_next_one():
    life, whole = Life(), [rules.DISK_LOW]
    low = finding(rule=rules.DISK_LOW)
    life.look(low, whole=whole)
    life.look(at=after(hours=1), whole=whole)
    assert [reason for reason, _ in life.look(low, at=after(hours=2), whole=whole)] == ["reopened"]
    life.look(at=after(hours=3), whole=whole)
    assert [reason for reason, _ in life.look(low, at=after(days=4), whole=whole)] == ["new"]
    assert sorted(alert.generation for alert in life.alerts.values()) == [1, 2]


def test_several_of_one_group_are_one_alert_that_ends_with_the_last():
    life = Life()
    both = [finding(name, group="feeds:1") for name in ("gazette", "herald")]
    assert life.look(*both) == [("new", "Gazette cannot be read; Herald cannot be read.")]
    (alert,) = life.alerts.values()
    assert headline_of(alert) == "Gazette cannot be read (and 1 more)"
    first = life.look(at=after(hours=1), over=[Over(rules.FEED_FAILING, "feed:gazette")])
    assert first == [("update", "Over: Gazette cannot be read. It can be read again. 1 other not yet.")]
    assert headline_of(life.alerts[alert.alert_id]) == "Herald cannot be read"
    last = life.look(at=after(hours=2), over=[Over(rules.FEED_FAILING, "feed:herald")])
    assert last == [("recovered", "Over: It can be read again.")]


def test_one_that_an_open_group_tells_of_is_not_told_again_by_itself():
    life = Life()
    life.look(finding(group="feeds:1"), finding("herald", group="feeds:1"))
    assert life.look(finding(), at=after(hours=1)) == []


def test_an_error_that_stops_fades_after_a_day_and_is_told_as_over():
    life, error = Life(), finding(rule=rules.RULE_ERROR)
    life.look(error)
    assert life.look(replace(error, text="again"), at=after(hours=20)) == []
    assert life.look(at=after(hours=25)) == [], "it last happened five hours ago"
    assert [reason for reason, _ in life.look(at=after(hours=20) + FADES_AFTER)] == ["recovered"]


def test_what_lasts_never_closes_by_itself_and_what_happened_does():
    life = Life()
    life.look(finding(), finding(rule=rules.CLOCK_JUMP))
    closed = {
        alert.rule.rule_id: bool(close_quiet(alert, after(days=3)).revisions)
        for alert in life.alerts.values()
    }
    assert closed == {rules.FEED_FAILING: False, rules.CLOCK_JUMP: True}


def test_what_nothing_is_known_of_stays_as_it_is():
    life, told = Life(), finding(rule=rules.DELIVERY_FAILING)
    life.look(told)
    assert life.look(whole=[rules.DELIVERY_FAILING], unsure=[told.item_id]) == []
    assert len(life.look(whole=[rules.DELIVERY_FAILING])) == 1


NAMES = st.sampled_from(["gazette", "herald", "courier"])


@given(st.lists(st.tuples(st.sets(NAMES), st.integers(0, 30 * 60)), max_size=25))
def test_told_and_over_alternate_and_revisions_have_no_gaps(looks):
    """Whatever is found at whatever look: each name is told once when it begins and once when it ends."""
    life, at, holding = Life(), T0, set()
    for names, minutes in looks:
        at += timedelta(minutes=minutes)
        told = life.look(*(finding(n, rules.DISK_LOW) for n in sorted(names)), at=at, whole=[rules.DISK_LOW])
        begun, over = len(names - holding), len(holding - names)
        assert sorted(reason == "recovered" for reason, _ in told) == [False] * begun + [True] * over
        holding = names
    for alert in life.alerts.values():
        numbers = [one.revision for one in life.revisions if one.alert_id == alert.alert_id]
        assert numbers == list(range(1, alert.revision + 1))
    assert {
        a.sources[0].outlet.lower() for a in life.alerts.values() if a.state is AlertState.OPEN
    } == holding


# --- who hears ---


def route(to, label, *values, operator="="):
    return Route((to,), (Matcher(label, operator, values),))


@pytest.mark.parametrize(
    ("routes", "owner", "heard"),
    [
        ((), "", ["desk"]),
        # A route for whatever is severe means news: a minister does not hear of a disk.
        ((route("owner", "severity", "low", operator=">="),), "", ["desk"]),
        # The owner of the rule that it is about, beside those who run the monitor.
        ((route("owner", "owner", "ukraine"),), "ukraine", ["owner", "desk"]),
        ((route("owner", "owner", "ukraine"),), "world", ["desk"]),
        # Whoever asks for them by name hears instead.
        ((route("owner", "topic", "system"),), "", ["owner"]),
        ((route("owner", "tag", "system"),), "", ["owner"]),
        ((route("owner", "rule", rules.RULE_ERROR),), "", ["owner"]),
        ((route("owner", "rule", rules.DISK_LOW),), "", ["desk"]),
    ],
)
def test_who_hears(routes, owner, heard):
    life = Life()
    life.look(finding(rule=rules.RULE_ERROR, owner=owner))
    (alert,) = life.alerts.values()
    routing = replace(ROUTING, routes=(*routes, *ROUTING.routes))
    assert [to for one in matching_routes(routing, alert) for to in one.to] == heard


def told(life, recipient=DESK, earlier=(), at=T0):
    (alert,) = life.alerts.values()
    routing = replace(ROUTING, recipients=(recipient,))
    return decide(alert, life.revisions[-1], routing, earlier, at)


def test_a_mistake_that_is_mended_within_the_group_wait_is_told_to_nobody():
    life, whole = Life(), [rules.RULES_STALE]
    life.look(finding(rule=rules.RULES_STALE), whole=whole)
    waiting = told(life)
    assert [one.outcome for one in waiting] == [Outcome.QUEUED]
    at = after(minutes=1)
    life.look(at=at, whole=whole)
    (alert,) = life.alerts.values()
    step = Transition(alert, (life.revisions[-1],))
    made = unheard(step, told(life, earlier=waiting, at=at), waiting, at)
    assert [(one.revision, one.outcome, one.due_at) for one in made] == [
        (1, Outcome.LOGGED, None), (2, Outcome.LOGGED, None),
    ]  # fmt: skip


def test_an_outage_of_the_night_is_told_in_the_morning():
    night = replace(DESK, quiet=(QuietSpan(0, 12 * 60),))
    life, whole = Life(), [rules.RULES_STALE]
    life.look(finding(rule=rules.RULES_STALE), whole=whole)
    waiting = told(life, night)
    assert [one.outcome for one in waiting] == [Outcome.HELD]
    life.look(at=after(minutes=1), whole=whole)
    (alert,) = life.alerts.values()
    made = told(life, night, waiting, after(minutes=1))
    assert unheard(Transition(alert, (life.revisions[-1],)), made, waiting, after(minutes=1)) == made


def test_what_comes_and_goes_all_day_is_collected_for_the_digest():
    life, earlier, outcomes = Life(), [], []
    for minute in range(0, 300, 30):
        holds = minute % 60 == 0
        life.look(
            *([finding(rule=rules.DISK_LOW)] if holds else []),
            at=after(minutes=minute),
            whole=[rules.DISK_LOW],
        )
        (made,) = told(life, earlier=earlier, at=after(minutes=minute))
        outcomes.append(made.outcome)
        earlier.append(replace(made, notification_ids=("n",)))
    assert outcomes == [Outcome.QUEUED] * 6 + [Outcome.DIGEST] * 4


# --- feeds ---

FEEDS = {name: make_feed(name) for name in ("gazette", "herald", "courier")}


def event(kind, feed="gazette", minutes=0, cause=""):
    at = after(minutes=minutes)
    return FeedEvent(f"{feed}-{kind}-{minutes}", feed, FeedEventKind(kind), at, f"Text of {feed}.", cause)


@pytest.mark.parametrize(
    ("events", "notes"),
    [
        ([event("failing")], ["Gazette cannot be read."]),
        ([event("failing", "gone-feed")], ["gone-feed cannot be read."]),
        (
            [event("silent"), event("failing", "herald")],
            ["Gazette has nothing new.", "Herald cannot be read."],
        ),
        ([event("failing"), event("failing", "herald")], ["Gazette cannot be read; Herald cannot be read."]),
        ([event("moved"), event("renamed", "herald")], ["Gazette has moved; Herald is read in another way."]),
        (
            [event("gap"), event("gap", minutes=1)],
            ["Gazette may have missed items; Gazette may have missed items."],
        ),
        ([event("failing"), event("recovered", minutes=1)], []),
    ],
)
def test_events_of_a_window_are_one_alert_for_each_kind(events, notes):
    life = Life()
    survey = feed_survey(events, FEEDS)
    assert sorted(note for _, note in life.look(*survey.findings, over=survey.over)) == sorted(notes)


def test_a_recovery_ends_what_was_told_and_a_removed_feed_too():
    life = Life()
    life.look(*feed_survey([event("failing"), event("silent", "herald")], FEEDS).findings)
    survey = feed_survey([event("recovered")], FEEDS)
    assert life.look(over=survey.over, at=after(minutes=9)) == [("recovered", "Over: It can be read again.")]
    ended = removed(life.alerts.values(), {"gazette": FEEDS["gazette"]})
    assert life.look(over=ended, at=after(hours=1)) == [("recovered", "Over: It is no longer configured.")]


def test_an_outage_at_our_end_is_named():
    feeds = {f"f{n}": make_feed(f"f{n}") for n in range(100)}
    life = Life()
    ((_, note),) = life.look(
        *feed_survey([event("failing", n, cause="transient") for n in feeds], feeds).findings
    )
    assert "100 of 100 feeds cannot be reached at the same time: see to this machine's" in note
    assert "and 97 more" in note
    few = feed_survey([event("failing", f"f{n}", cause="transient") for n in range(6)], feeds)
    assert not any(one.hint for one in few.findings)


# --- conditions ---


def headlines(survey):
    return [one.headline for one in survey.findings]


def test_stale_rules_are_told_to_owners_and_survive_moved_lines():
    def error(line):
        return Diagnostic(Place("rules/a.yaml", line, 1), "error", "unknown-key", "unknown key", "remove it")

    info = make_rule()
    first = conditions.rules_stale([error(3)], [info.rule_id], {info.rule_id: info}, T0)
    assert headlines(first) == [
        "rules/a.yaml:3:1: error[unknown-key]: unknown key (remove it)",
        f'Rule "{info.rule_id}" goes on in its last good version',
    ]
    assert [one.owner for one in first.findings] == ["", info.owner]
    later = conditions.rules_stale([error(9)], [info.rule_id], {info.rule_id: info}, T0)
    assert [one.item_id for one in later.findings] == [one.item_id for one in first.findings]
    twice = conditions.rules_stale([error(3), error(9)], [], {}, T0)
    assert len({one.item_id for one in twice.findings}) == 2


SENT, FAILED = after(minutes=1), after(minutes=2)


@pytest.mark.parametrize(
    ("receiver", "found", "unsure"),
    [
        (None, 0, True),
        (Receiver("desk", "email"), 0, True),
        (Receiver("desk", "email", None, FAILED, 2), 0, True),
        (Receiver("desk", "email", None, FAILED, 3), 1, False),
        (Receiver("desk", "email", SENT, FAILED, 1, given_up=True), 1, False),
        (Receiver("desk", "email", FAILED, SENT, 9), 0, False),  # a message was taken: over
        (Receiver("desk", "email", T0 - timedelta(hours=1)), 0, True),  # taken before it was told
    ],
)
def test_receivers(receiver, found, unsure):
    told_id = source_id(rules.DELIVERY_FAILING, "recipient:desk/email")
    survey = conditions.receivers(
        [receiver] if receiver else [], replace(ROUTING, recipients=(DESK,)), {told_id: T0}, after(minutes=3)
    )
    assert (len(survey.findings), told_id in survey.unsure) == (found, unsure)


@pytest.mark.parametrize(
    ("message", "hit", "count"),
    [(None, None, 0), (10, 10, 0), (11, None, 1), (None, 11, 1), (11, 60, 2)],
)
def test_queue(message, hit, count):
    at = [None if minutes is None else T0 - timedelta(minutes=minutes) for minutes in (message, hit)]
    assert len(conditions.queue(*at, T0).findings) == count


@pytest.mark.parametrize(
    ("free", "total", "before", "low"),
    [
        (4.9, 100, False, True),  # less than 5 % of 100 GiB
        (5.1, 100, False, False),
        (5.1, 100, True, True),  # it has to be a fifth above the bound to be well again
        (6.1, 100, True, False),
        (5.1, 1000, False, False),  # of a large disk, 5 GiB are enough
        (0.4, 2, False, True),  # half a GiB is little on any disk
        (0.6, 2, False, False),
    ],
)
def test_disk(free, total, before, low):
    survey = conditions.disk(int(free * GIB), total * GIB, T0, low_before=before)
    assert bool(survey.findings) is low


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("last", "baselined", "bound", "quiet"),
    [
        (None, None, DAY, False),  # nothing was ever read
        (None, T0 - DAY, DAY, True),
        (None, T0 - DAY / 2, DAY, False),  # too young to tell
        (T0 - DAY, T0 - 9 * DAY, DAY, True),
        (T0 - DAY / 2, T0 - 9 * DAY, DAY, False),
        (T0 - 9 * DAY, T0 - 9 * DAY, timedelta(0), False),  # switched off
    ],
)
def test_nothing_matched(last, baselined, bound, quiet):
    states = [make_feed_state(baselined_at=baselined, last_new_at=T0)]
    survey = conditions.nothing_matched(last, states, bound, T0)
    assert headlines(survey) == (["No rule has matched for 24 h"] if quiet else [])
    if quiet:
        assert survey.findings[0].text == "1 feed of 1 had something new in that time."


@pytest.mark.parametrize(("days", "soon"), [(0, False), (1, True), (7, True), (8, False)])
def test_expiring_rules(days, soon):
    class Expiring:  # the three fields of a rule that count here
        rule_id, title, owner = "talks", "Talks begin", "ukraine"
        expires = (T0 + days * DAY).date()

    survey = conditions.expiring([Expiring()], [], datetime(T0.year, T0.month, T0.day, tzinfo=T0.tzinfo))
    assert bool(survey.findings) is soon
    assert all(one.owner == "ukraine" for one in survey.findings)


def test_expiring_silences_tell_of_long_ones_only():
    def silence(name, days):
        match = (Matcher("topic", "=", ("a",)),)
        return Silence(name, match, T0 - days * DAY, T0 + DAY, "Ann", "exercise")

    survey = conditions.expiring([], [silence("long", 8), silence("short", 1)], T0)
    assert headlines(survey) == ["Silence long ends on 13 March, 09:00 UTC"]
    assert survey.findings[0].text == "By Ann: exercise. `monitor silence update` prolongs it."
    assert isinstance(T0.date(), date)


def test_a_survey_of_several_looks():
    both = join(
        [Survey((finding(),), whole=frozenset("a")), Survey((finding("herald"),), unsure=frozenset("b"))]
    )
    assert [one.name for one in both.findings] == ["Gazette", "Herald"]
    assert (both.whole, both.unsure) == (frozenset("a"), frozenset("b"))


def test_every_rule_has_its_row_and_its_words():
    for rule_id, row in rules.SYSTEM_RULES.items():
        assert rule_id == row.info.rule_id
        assert row.info.title
        assert row.info.description
        assert bool(row.over) is (row.lasting is not rules.Lasting.ONCE)
        assert row.info.severity in Severity
    assert Reason.RECOVERED.value == "recovered"
