"""A digest's order: by topic, most important first, each story once."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.view import AlertView, MomentView
from monitor.channels.digest import (
    MOST_BRIEF,
    MOST_BRIEF_IN_TOPIC,
    MOST_FULL,
    MOST_FULL_IN_TOPIC,
    SHORT,
    abridge,
    arrange,
)
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


def test_alerts_of_one_story_are_told_once_whatever_report_leads():
    alerts = [replace(alert(name, "high", "x"), story_id="s") for name in "ab"]
    assert shape(*alerts, alert("c", "high", "x")) == [("x", "high", ["a+b", "c"])]


def test_more_sources_come_before_newer_news():
    several = replace(alert("a", "high", "x", minute=1), independent=3)
    assert shape(several, alert("b", "high", "x", minute=9)) == [("x", "high", ["a", "b"])]


@given(
    st.lists(
        st.tuples(st.sampled_from(list(Severity)), st.sampled_from("wxyz"), st.integers(1, 3)), max_size=90
    )
)
def test_an_abridged_digest_counts_every_story_and_names_what_matters(rows):
    alerts = [
        replace(alert(f"{n:03}", severity.value, topic), independent=sources)
        for n, (severity, topic, sources) in enumerate(rows)
    ]
    short = abridge(arrange(alerts))
    assert short.stories == len(rows) == short.full + short.brief + short.more
    assert short.more == sum(topic.more for topic in short.topics)
    full = [s.alert for topic in short.topics for s in topic.full]
    brief = [s.alert for topic in short.topics for s in topic.brief]
    assert (len(full), len(brief)) == (short.full, short.brief)
    for topic in short.topics:
        assert topic.total == len(topic.full) + len(topic.brief) + topic.more
        assert sum(count for _, count in topic.counts) == topic.more
    named = {one.alert_id for one in (*full, *brief)}
    if len(rows) <= SHORT:
        assert len(full) == len(rows)
        return
    assert len(full) <= MOST_FULL
    assert all(len(topic.full) <= MOST_FULL_IN_TOPIC for topic in short.topics)
    high = {one.alert_id for one in alerts if Severity(one.severity).rank >= Severity.HIGH.rank}
    assert high <= named
    modest = [one for one in brief if one.alert_id not in high]
    assert len(modest) <= MOST_BRIEF
    assert all(sum(one.topic == t for one in modest) <= MOST_BRIEF_IN_TOPIC for t in "wxyz")
    minor = [one for one in alerts if one.severity in {"low", "info"} and one.independent < 2]
    assert named.isdisjoint(one.alert_id for one in minor)
