"""What opens, updates, reopens and closes an alert."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.lifecycle import close_quiet, group_key, transition
from monitor.alerts.sources import arrival_order, independent_owners
from monitor.models import AlertState, Reason, Severity
from tests.core.alerts.alert_values import NOW, hours, item, minutes, opened, rule, source

LATER = NOW + minutes(10)


@pytest.mark.parametrize(
    ("per", "entities", "topic", "key"),
    [
        ("story", (), "talks", "story:s1"),
        ("item", (), "talks", "item:one"),
        ("topic", (), "talks", "topic:talks"),
        # Without the label asked for, things are not merged: the story decides.
        ("topic", (), "", "story:s1"),
        ("entity.envoys", (), "talks", "story:s1"),
        ("entity.envoys", (("cities", "Moscow"),), "talks", "story:s1"),
        ("entity.envoys", (("cities", "Moscow"), ("envoys", "A. Envoy")), "talks", "entity.envoys:A. Envoy"),
        # Two persons together are a development of their own, in whatever order they were found.
        ("entity.envoys", (("envoys", "B"), ("envoys", "A"), ("envoys", "A")), "talks", "entity.envoys:A; B"),
    ],
)
def test_group_key(per, entities, topic, key):
    assert group_key(rule(alert_per=per, topic=topic), "s1", item(), entities) == key


def test_the_first_report_opens_an_alert():
    step = transition(None, rule(), "story:s", [source("meridian", tier="wire")], NOW, "s")
    assert step.alert.state is AlertState.OPEN
    assert (step.alert.revision, step.alert.generation, step.alert.opened_at) == (1, 1, NOW)
    (revision,) = step.revisions
    assert (revision.reason, revision.item_ids) == (Reason.NEW, ("meridian",))
    assert revision.note == "First report: Meridian (wire agency)."


def test_several_first_reports_are_named_and_counted():
    given = [source(name, at=NOW + minutes(n)) for n, name in enumerate("abcde")]
    (revision,) = transition(None, rule(), "story:s", given, NOW).revisions
    assert revision.note == (
        "First reports: A (national media), B (national media), C (national media) and 2 more."
    )


def test_nothing_opens_without_a_report():
    with pytest.raises(ValueError, match="at least one report"):
        transition(None, rule(), "story:s", [], NOW)


# What arrives at an alert with one national source, in one step; reason (None = silently attached), note.
ARRIVALS = [
    # Another item of the same owner and nothing else new: attached silently.
    ([source("two", owner="first-daily")], None, ""),
    # A second independent owner.
    (
        [source("two", owner="meridian", tier="wire", outlet="Meridian Wire")],
        Reason.UPDATE, "Second independent source: Meridian Wire (wire agency).",
    ),
    # Two at once are counted in one sentence.
    (
        [source("two"), source("three", at=LATER)],
        Reason.UPDATE,
        "Second and third independent sources: Two (national media) and Three (national media).",
    ),
    # A copy is no second source.
    ([source("two", title="A headline that stands here twice", at=LATER)], None, ""),
    # The first official source is more than an update, and is not told twice.
    (
        [source("ministry", tier="official")],
        Reason.OFFICIAL,
        (
            "First official source: Ministry (official source); "
            "second independent source: Ministry (official source)."
        ),
    ),
    # The same owner by a better channel.
    (
        [source("two", owner="first-daily", outlet="First Wire", tier="wire")],
        Reason.UPDATE, "First source of a higher tier: First Wire (wire agency).",
    ),
    # A listed entity that no source named before.
    (
        [source("two", owner="first-daily", entities=(("envoys", "A. Envoy"), ("cities", "Moscow")))],
        Reason.UPDATE, "First mention of A. Envoy and Moscow.",
    ),
    # Three immaterial items at once.
    (
        [source(name, owner="first-daily") for name in ("two", "three", "four")],
        Reason.UPDATE, "3 further reports: First Daily (national media).",
    ),
    # They are told to be copies if that is all they are.
    (
        [
            source(name, title="A headline that stands here twice", at=LATER)
            for name in ("two", "three", "four")
        ],
        Reason.UPDATE,
        ("3 further reports, which repeat earlier ones: "
        "Four (national media), Three (national media) and Two (national media)."),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("arrivals", "reason", "note"), ARRIVALS)
def test_what_is_material(arrivals, reason, note):
    alert, _ = opened(source("first-daily", title="A headline that stands here twice"))
    step = transition(alert, rule(), "story:s", arrivals, LATER)
    assert len(step.alert.sources) == 1 + len(arrivals)
    if reason is None:
        assert step.revisions == ()
        assert step.alert.revision == 1
        assert step.alert.unreported == tuple(one.item_id for one in arrivals)
    else:
        (revision,) = step.revisions
        assert (revision.revision, revision.reason, revision.note) == (2, reason, note)
        assert step.alert.unreported == ()


def test_silent_items_add_up_and_are_told_by_the_next_revision():
    alert, _ = opened("first-daily")
    for number, name in enumerate(("two", "three")):
        step = transition(alert, rule(), "story:s", [source(name, owner="first-daily")], LATER)
        assert step.revisions == ()
        alert = step.alert
        assert len(alert.unreported) == number + 1
    (revision,) = transition(alert, rule(), "story:s", [source("four", owner="first-daily")], LATER).revisions
    assert revision.reason is Reason.UPDATE
    assert set(revision.item_ids) == {"two", "three", "four"}


# what is new in a report; whether it is a copy; what people hear of it
NEWS = [
    (("40", "Orrel"), False, "New in the reports: 40 and Orrel."),
    (
        ("40", "Orrel"),
        True,
        "New in the reports: 40.",
    ),  # other words tell nothing, a toll does
    (("Orrel", "departs"), True, ""),
    ((), False, ""),
]


@pytest.mark.parametrize(("novel", "copied", "note"), NEWS)
def test_what_is_new_in_a_report_is_told_also_by_the_same_outlet(novel, copied, note):
    first = source("first-daily")
    alert, _ = opened(first)
    more = source("two", owner="first-daily", title=first.title if copied else "", novel=novel)
    step = transition(alert, rule(), "story:s", [more], LATER)
    assert [one.note for one in step.revisions] == ([note] if note else [])
    assert bool(step.alert.sources[1].copy_of) is copied


def test_a_second_official_source_is_an_update_only():
    alert, _ = opened(source("ministry", tier="official"))
    (revision,) = transition(alert, rule(), "story:s", [source("palace", tier="official")], LATER).revisions
    assert revision.reason is Reason.UPDATE


def test_a_rising_severity_escalates_and_its_note_tells_the_rest():
    alert, _ = opened("first-daily", severity="medium")
    step = transition(alert, rule("high"), "story:s", [source("meridian", tier="wire")], LATER)
    (revision,) = step.revisions
    assert revision.reason is Reason.ESCALATED
    assert revision.note == (
        "Severity raised from medium to high; second independent source: Meridian (wire agency)."
    )
    assert step.alert.severity is Severity.HIGH


def test_a_rule_that_was_toned_down_takes_its_alert_along_silently():
    alert, _ = opened("first-daily", severity="high")
    step = transition(alert, rule("low"), "story:s", [source("two", owner="first-daily")], LATER)
    assert step.alert.severity is Severity.LOW
    assert step.revisions == ()


def test_an_alert_that_something_else_raised_keeps_its_severity():
    alert, _ = opened("first-daily", severity="medium")
    raised = replace(alert, severity=Severity.HIGH)
    step = transition(raised, rule("low"), "story:s", [source("two", owner="first-daily")], LATER)
    assert step.alert.severity is Severity.HIGH


def test_without_arrivals_a_rule_edit_changes_nothing():
    alert, _ = opened("first-daily")
    assert transition(alert, rule("critical"), "story:s", [], LATER).alert is alert


def test_an_alert_closes_after_a_quiet_day_and_counts_as_closed_from_then():
    alert, _ = opened("first-daily")
    assert close_quiet(alert, NOW + hours(24) - timedelta(seconds=1)).alert is alert
    step = close_quiet(alert, NOW + hours(30))
    assert (step.alert.state, step.alert.closed_at) == (AlertState.CLOSED, NOW + hours(24))
    assert [(r.revision, r.reason) for r in step.revisions] == [(2, Reason.CLOSED)]
    assert close_quiet(step.alert, NOW + hours(60)).revisions == ()


# hours after the first report, whether the closing was noticed; generation, reasons of the step
RETURNS = [
    (23.9, False, 1, [Reason.UPDATE]),
    # Overdue to close, which nobody noticed (a stopped daemon): closed, then reopened, without a gap.
    (24, False, 1, [Reason.CLOSED, Reason.REOPENED]),
    (24, True, 1, [Reason.REOPENED]),
    (95.9, True, 1, [Reason.REOPENED]),
    # 72 h after closing it is a new alert.
    (96, True, 2, [Reason.NEW]),
    (96, False, 2, [Reason.NEW]),
]


@pytest.mark.parametrize(("after", "noticed", "generation", "reasons"), RETURNS)
def test_a_hit_after_quiet_reopens_or_opens_anew(after, noticed, generation, reasons):
    alert, _ = opened("first-daily")
    at = NOW + hours(after)
    before = close_quiet(alert, at).alert if noticed else alert
    step = transition(before, rule(), "story:s", [source("two", at=at)], at)
    assert [revision.reason for revision in step.revisions] == reasons
    assert (step.alert.generation, step.alert.state, step.alert.closed_at) == (
        generation,
        AlertState.OPEN,
        None,
    )
    assert (step.alert.alert_id == alert.alert_id) is (generation == 1)
    numbers = [revision.revision for revision in step.revisions]
    assert numbers == list(range(numbers[0], step.alert.revision + 1))
    assert numbers[0] == (1 if generation > 1 else before.revision + 1)


def test_reopening_says_how_long_it_was_quiet():
    alert, _ = opened("first-daily")
    step = transition(
        close_quiet(alert, NOW + hours(50)).alert, rule(), "story:s", [source("two")], NOW + hours(50)
    )
    assert step.revisions[-1].note == "New report after 2 days of quiet: Two (national media)."


def test_a_late_original_turns_an_earlier_source_into_its_copy():
    text = "Envoy lands in the capital for talks about a ceasefire"
    alert, _ = opened(source("copyist", title=text, at=NOW))
    step = transition(alert, rule(), "story:s", [source("meridian", title=text, at=NOW - minutes(5))], LATER)
    assert [(s.item_id, s.copy_of) for s in step.alert.sources] == [("meridian", ""), ("copyist", "meridian")]
    # There was one independent account before and there is one now.
    assert step.revisions == ()


OWNERS = ("alpha", "beta", "gamma")
arrivals = st.lists(
    st.builds(
        lambda number, owner, tier, text, entity: source(
            f"item-{number}",
            owner=owner,
            tier=tier,
            at=NOW + minutes(number % 4),
            title=text,
            entities=((("people", entity),) if entity else ()),
        ),
        st.integers(0, 12),
        st.sampled_from(OWNERS),
        st.sampled_from(["official", "wire", "national", "social"]),
        st.sampled_from(
            ["", "Envoy lands in the capital for talks", "Envoy lands in the capital for talks!"]
        ),
        st.sampled_from(["", "A. Envoy"]),
    ),
    min_size=1,
    max_size=10,
    unique_by=lambda one: one.item_id,
)


def run(parts):
    """Feed the parts one after another; return the alert and all its revisions."""
    alert, revisions = None, []
    for number, part in enumerate(parts):
        step = transition(alert, rule(), "story:s", part, NOW + minutes(20 + number), "s")
        alert, revisions = step.alert, [*revisions, *step.revisions]
    return alert, revisions


@given(arrivals, st.data())
def test_the_order_of_arrival_changes_neither_sources_nor_the_one_new(found, data):
    """Any order and any split end with the same sources, one `new` and revisions without gaps."""
    whole, _ = run([found])
    shuffled = data.draw(st.permutations(found))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(found)), max_size=4)))
    edges = [0, *cuts, len(found)]
    parts = [shuffled[a:b] for a, b in pairwise(edges) if a < b]
    alert, revisions = run(parts)
    assert alert.sources == whole.sources
    assert alert.sources == tuple(sorted(alert.sources, key=arrival_order))
    assert independent_owners(alert.sources) == independent_owners(whole.sources)
    assert [r.reason for r in revisions].count(Reason.NEW) == 1
    assert [r.revision for r in revisions] == list(range(1, alert.revision + 1))
    assert alert.alert_id == whole.alert_id
    # Every item is told by exactly one revision, or still waits to be.
    told = [item_id for revision in revisions for item_id in revision.item_ids]
    assert sorted([*told, *alert.unreported]) == sorted(one.item_id for one in found)


@given(arrivals, st.data())
def test_an_item_that_is_a_source_already_changes_nothing(found, data):
    alert, _ = run([found])
    again = data.draw(st.lists(st.sampled_from(found)))
    step = transition(alert, rule("critical"), "story:s", again, NOW + hours(1))
    assert step.alert is alert
    assert step.revisions == ()


@given(arrivals)
def test_repeats_inside_one_step_count_once(found):
    assert run([found])[0] == run([[*found, *found]])[0]
