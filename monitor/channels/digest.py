"""Orders a digest: by topic, the most important first, each story once. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.models import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.alerts.view import AlertView


@dataclass(frozen=True, slots=True)
class StoryView:
    """One story in a digest; two rules that fired on it make one story, not two."""

    alert: AlertView  # the most severe one tells the story
    also: tuple[AlertView, ...]  # alerts of other rules on the same story


@dataclass(frozen=True, slots=True)
class TopicView:
    """The stories of one topic."""

    topic: str  # as in the rules; "" for alerts without one
    severity: str  # the highest inside
    stories: tuple[StoryView, ...]  # most severe first, then the newest


def arrange(alerts: Iterable[AlertView]) -> tuple[TopicView, ...]:
    """Return the topics of a digest, the one with the most severe story first.

    A story stands under the topic of its most severe alert. Alerts are of one story when their leading
    source is the same report: the same link, or without links the same outlet and headline.
    """
    stories: dict[object, list[AlertView]] = {}
    for alert in sorted(alerts, key=_importance):
        stories.setdefault(_report(alert), []).append(alert)
    topics: dict[str, list[StoryView]] = {}
    for first, *others in stories.values():
        topics.setdefault(first.topic, []).append(StoryView(first, tuple(others)))
    # Stories were inserted by importance, so a topic's first one is its most important.
    return tuple(
        TopicView(topic, members[0].alert.severity, tuple(members)) for topic, members in topics.items()
    )


def _importance(alert: AlertView) -> tuple[int, tuple[int, ...], str]:
    """Sort key: severity falling, event time falling, then the id so that the order is fixed."""
    newest_first = tuple(-ord(character) for character in alert.event.iso)
    return -Severity(alert.severity).rank, newest_first, alert.alert_id


def _report(alert: AlertView) -> object:
    if not alert.sources:
        return alert.alert_id
    lead = alert.sources[0]
    return lead.url or (lead.outlet, lead.title)
