"""A digest's order: by topic, most important first, each story once."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.view import AlertView, MomentView
from monitor.channels.digest import arrange
from monitor.channels.samples import ALERT
from monitor.models import Severity


def alert(alert_id: str, severity: str, topic: str, report: str = "", minute: int = 0) -> AlertView:
    lead = replace(ALERT.sources[0], url=f"https://wire.example.org/{report or alert_id}")
    moment = MomentView(f"2026-03-12T13:{minute:02}:00Z", "", "")
    return replace(ALERT, alert_id=alert_id, severity=severity, topic=topic, sources=(lead,), event=moment)


def shape(*alerts: AlertView) -> list[tuple[str, str, list[str]]]:
    """Return [(topic, severity, ["lead+also"])]."""
    return [
        (
            topic.topic,
            topic.severity,
            ["+".join([story.alert.alert_id, *(a.alert_id for a in story.also)]) for story in topic.stories],
        )
        for topic in arrange(alerts)
    ]


def test_the_topic_with_the_most_severe_story_comes_first():
    assert shape(alert("a", "low", "x"), alert("b", "high", "y"), alert("c", "medium", "x")) == [
        ("y", "high", ["b"]),
        ("x", "medium", ["c", "a"]),
    ]


def test_within_a_severity_the_newest_comes_first():
    assert shape(alert("a", "high", "x", minute=1), alert("b", "high", "x", minute=9)) == [
        ("x", "high", ["b", "a"])
    ]


def test_two_rules_on_one_report_are_one_story_under_the_more_severe_topic():
    assert shape(alert("a", "low", "x", "r"), alert("b", "critical", "y", "r")) == [
        ("y", "critical", ["b+a"])
    ]


def test_without_links_outlet_and_headline_tell_reports_apart():
    def bare(alert_id: str, title: str) -> AlertView:
        return replace(
            alert(alert_id, "high", "x"), sources=(replace(ALERT.sources[0], url="", title=title),)
        )

    assert shape(bare("a", "One"), bare("b", "One"), bare("c", "Two")) == [("x", "high", ["a+b", "c"])]


def test_alerts_without_sources_stand_alone():
    alerts = [replace(alert(name, "low", ""), sources=()) for name in "ab"]
    assert shape(*alerts) == [("", "low", ["a", "b"])]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(Severity)),
            st.sampled_from("xyz"),
            st.sampled_from("pqrs"),
            st.integers(0, 59),
        ),
        max_size=12,
    ),
    st.randoms(),
)
def test_every_alert_is_told_exactly_once_in_an_order_that_does_not_depend_on_arrival(rows, random):
    alerts = [
        alert(f"{n:02}", severity.value, topic, report, m)
        for n, (severity, topic, report, m) in enumerate(rows)
    ]
    shuffled = random.sample(alerts, len(alerts))
    assert shape(*alerts) == shape(*shuffled)
    told = [name for _, _, stories in shape(*alerts) for story in stories for name in story.split("+")]
    assert sorted(told) == [a.alert_id for a in alerts]
    reports = [story.alert.sources[0].url for topic in arrange(alerts) for story in topic.stories]
    assert len(reports) == len(set(reports))
    ranks = [Severity(severity).rank for _, severity, _ in shape(*alerts)]
    assert ranks == sorted(ranks, reverse=True)
