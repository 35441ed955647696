"""Orders and abridges a digest: by topic, the most important first, each story once. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from monitor.models import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from monitor.alerts.view import AlertView

SHORT: Final = 10  # stories that a digest tells in full, whatever they are
MOST_FULL: Final = 10  # of a longer one; a busy person reads about so many
MOST_FULL_IN_TOPIC: Final = 4
MOST_BRIEF: Final = 40  # told in a line
MOST_NAMED: Final = 60  # in a line, when they are severe: with these the mail stays below the 102 KB of Gmail
MOST_BRIEF_IN_TOPIC: Final = 6
SEVERE: Final = Severity.HIGH.rank  # from here on a story has a line whatever its topic has already


@dataclass(frozen=True, slots=True)
class StoryView:
    """One story in a digest; two rules that fired on it make one story, not two."""

    alert: AlertView  # the most important one tells the story
    also: tuple[AlertView, ...]  # alerts of other rules on the same story


@dataclass(frozen=True, slots=True)
class TopicView:
    """The stories of one topic."""

    topic: str  # as in the rules; "" for alerts without one
    severity: str  # the highest inside
    stories: tuple[StoryView, ...]  # the most important first


@dataclass(frozen=True, slots=True)
class ShortTopicView:
    """The stories of one topic, as far as there is room."""

    topic: str  # as in the rules; "" for alerts without one
    severity: str  # the highest inside
    total: int  # stories
    full: tuple[StoryView, ...]  # to be told in full
    brief: tuple[StoryView, ...]  # to be told in a line
    more: int  # the rest, which is counted
    counts: tuple[tuple[str, int], ...]  # the rest by severity, the highest first


@dataclass(frozen=True, slots=True)
class DigestView:
    """A digest as a busy person reads it; nothing of it is lost, `monitor alerts list` shows the rest."""

    topics: tuple[ShortTopicView, ...]
    stories: int
    full: int  # stories told in full
    brief: int  # stories told in a line
    more: int  # stories that are counted


def arrange(alerts: Iterable[AlertView]) -> tuple[TopicView, ...]:
    """Return the topics of a digest, the one with the most important story first.

    A story stands under the topic of its most important alert. Alerts are of one story when their reports
    are, or when their leading source is the same report: the same link, or without links the same outlet
    and headline.
    """
    stories: list[list[AlertView]] = []
    places: dict[object, list[AlertView]] = {}
    for alert in sorted(alerts, key=importance):
        found = next((places[key] for key in _keys(alert) if key in places), None)
        if found is None:
            found = []
            stories.append(found)
        found.append(alert)
        for key in _keys(alert):
            places.setdefault(key, found)
    topics: dict[str, list[StoryView]] = {}
    for first, *others in stories:
        topics.setdefault(first.topic, []).append(StoryView(first, tuple(others)))
    # Stories were made by importance, so a topic's first one is its most important.
    return tuple(
        TopicView(topic, members[0].alert.severity, tuple(members)) for topic, members in topics.items()
    )


def abridge(topics: Sequence[TopicView]) -> DigestView:
    """Return what of a digest is told in full, what in a line, and what is counted.

    A short digest is told in full. In a longer one the most important stories are, a few of each topic;
    others have a line, as far as there is room, those of high severity first; a story of one source and
    low severity is counted.
    """
    every = sorted((s for topic in topics for s in topic.stories), key=lambda story: importance(story.alert))
    if len(every) <= SHORT:
        full, brief = {id(story) for story in every}, set[int]()
    else:
        worth = [story for story in every if not _minor(story)]
        full = _some(worth, MOST_FULL, MOST_FULL_IN_TOPIC)
        rest = [story for story in worth if id(story) not in full]
        severe = [story for story in rest if Severity(story.alert.severity).rank >= SEVERE]
        modest = [story for story in rest if Severity(story.alert.severity).rank < SEVERE]
        brief = _some(severe, MOST_NAMED, MOST_NAMED)
        brief |= _some(modest, min(MOST_BRIEF, MOST_NAMED - len(brief)), MOST_BRIEF_IN_TOPIC)
    short = tuple(_short(topic, full, brief) for topic in topics)
    return DigestView(short, len(every), len(full), len(brief), more=len(every) - len(full) - len(brief))


def _some(stories: Sequence[StoryView], most: int, most_in_topic: int) -> set[int]:
    taken: set[int] = set()
    by_topic: Counter[str] = Counter()
    for story in stories:
        topic = story.alert.topic
        if len(taken) < most and by_topic[topic] < most_in_topic:
            taken.add(id(story))
            by_topic[topic] += 1
    return taken


def _short(topic: TopicView, full: set[int], brief: set[int]) -> ShortTopicView:
    more = [story for story in topic.stories if id(story) not in full | brief]
    counts = Counter(story.alert.severity for story in more)
    return ShortTopicView(
        topic.topic,
        topic.severity,
        len(topic.stories),
        tuple(story for story in topic.stories if id(story) in full),
        tuple(story for story in topic.stories if id(story) in brief),
        len(more),
        tuple((s.value, counts[s.value]) for s in sorted(Severity, key=lambda s: -s.rank) if counts[s.value]),
    )


def _minor(story: StoryView) -> bool:
    low = Severity(story.alert.severity).rank <= Severity.LOW.rank
    return low and max(alert.independent for alert in (story.alert, *story.also)) < 2  # noqa: PLR2004 - two confirm


def importance(alert: AlertView) -> tuple[int, int, tuple[int, ...], str]:
    """Sort key: severity falling, independent sources falling, the newest first; then the id."""
    newest_first = tuple(-ord(character) for character in alert.event.iso)
    return -Severity(alert.severity).rank, -alert.independent, newest_first, alert.alert_id


def _keys(alert: AlertView) -> tuple[object, ...]:
    """Return what two alerts of one story have in common, at least one of it."""
    keys: list[object] = [("story", alert.story_id)] if alert.story_id else []
    if alert.sources:
        lead = alert.sources[0]
        keys.append(lead.url or (lead.outlet, lead.title))
    return tuple(keys) or (alert.alert_id,)
