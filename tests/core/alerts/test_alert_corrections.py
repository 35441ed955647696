"""What an alert does when an outlet changes its report."""

from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.alerts.corrections import correct, is_marked
from monitor.alerts.sources import independent_owners
from monitor.models import AlertState, Reason
from tests.factories import T0, make_alert, make_source

ALERT = make_alert(sources=(make_source(), make_source("other", owner="herald", outlet="Herald")), revision=3)
REPORT = ALERT.sources[0]


def changed(**fields):
    return replace(REPORT, **fields)


def test_a_change_of_style_is_taken_over_in_silence():
    step = correct(ALERT, changed(title="Ministers to meet about talks"), matched=True, now=T0)
    assert step.revisions == ()
    assert step.alert == replace(
        ALERT, sources=(changed(title="Ministers to meet about talks"), ALERT.sources[1])
    )


def test_a_report_that_no_longer_says_it_is_told():
    step = correct(ALERT, changed(title="Ministers deny any talks"), matched=False, now=T0)
    (revision,) = step.revisions
    assert (revision.reason, revision.revision, revision.item_ids) == (
        Reason.CORRECTED, 4, (REPORT.item_id,),
    )  # fmt: skip
    assert revision.note == (
        "Gazette changed its report, which no longer says what the rule asks for: "
        '"Ministers meet about talks" now reads "Ministers deny any talks".'
    )
    assert step.alert.revision == 4
    assert step.alert.sources[0].withdrawn
    assert independent_owners(step.alert.sources) == ("herald",)


def test_it_is_told_once_and_the_way_back_is_silent():
    gone = correct(ALERT, changed(title="Ministers deny"), matched=False, now=T0).alert
    again = correct(gone, changed(title="Ministers deny again"), matched=False, now=T0)
    assert again.revisions == ()
    back = correct(gone, REPORT, matched=True, now=T0)
    assert (back.revisions, back.alert.sources) == ((), ALERT.sources)


def test_the_last_report_that_said_it():
    alert = replace(ALERT, sources=(REPORT, replace(ALERT.sources[1], withdrawn=True)))
    (revision,) = correct(alert, REPORT, matched=False, now=T0).revisions
    assert revision.note == (
        "Gazette changed its report, which no longer says what the rule asks for. No report says so any more."
    )


@pytest.mark.parametrize(
    ("title", "marked"),
    [
        ("CORRECTION: Ministers meet on Tuesday", True),
        ("Ministers meet on Tuesday (corrected)", True),
        ("Ministers meet on Tuesday - clarification", True),
        ("RECTIFICATIF - Les ministres se rencontrent", True),
        ("Исправление: министры встретятся", True),
        ("更正：部长会晤", True),
        ("Market correction: shares fall", False),
        ("Troops withdrawn from the border", False),
        ("Ministers discuss correction of borders", False),
    ],
)
def test_what_outlets_call_a_correction(title, marked):
    assert is_marked(title) is marked
    step = correct(ALERT, changed(title=title), matched=True, now=T0)
    assert bool(step.revisions) is marked
    if marked:
        assert step.revisions[0].note.startswith("Gazette corrected its report: ")
        assert correct(step.alert, changed(title=f"{title} "), matched=True, now=T0).revisions == ()


@pytest.mark.parametrize(("hours", "told"), [(71, True), (72, False)])
def test_closed_alerts(hours, told):
    closed = replace(ALERT, state=AlertState.CLOSED, closed_at=T0)
    step = correct(closed, changed(title="No"), matched=False, now=T0 + timedelta(hours=hours))
    assert bool(step.revisions) is told
    assert step.alert.state is AlertState.CLOSED
