"""Which story a report belongs to, and what decided that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class StoryLayer(StrEnum):
    """Which layer decided that an item belongs to a story."""

    NEW = "new"  # nothing matched: the item opens a story
    URL = "url"  # L0: same canonical URL
    TITLE = "title"  # L1: same normalized title
    TEXT = "text"  # L1: character 5-gram Jaccard similarity
    STORY = "story"  # L2: the same development, by the regression over what both have in common
    MEANING = "meaning"  # L3: near by embeddings, and by the regression where it can compare
    SPLIT = "split"  # a person took it out of another story
    MERGED = "merged"  # it opened a story that a person made one with another


@dataclass(frozen=True, slots=True)
class Comparison:
    """How an item was compared with one of a story, as far as people want to know."""

    item_id: str  # the other one
    story_id: str  # its story
    title: str  # the other one's headline
    score: float  # probability that both tell of one development, 0 to 1; 0 across languages
    hours: float  # between the two events
    words: tuple[str, ...] = ()  # rare words in common as written, the rarest first
    names: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    contributions: tuple[tuple[str, float], ...] = ()  # (feature, log-odds it added), strongest first
    near: float = 0.0  # cosine of the two embeddings, where L3 was asked


@dataclass(frozen=True, slots=True)
class StoryMember:
    """One item's place in a story, with the reason: shown to people, never only computed."""

    item_id: str
    story_id: str
    layer: StoryLayer
    matched_item_id: str  # "" for NEW and SPLIT; the other opener for MERGED
    score: float  # 1.0 for exact layers, similarity for TEXT, probability for STORY, cosine for MEANING
    reason: str  # one sentence for people
    event_at: datetime
    url_key: str  # canonical URL without scheme, www. and tracking; "" without a link
    title_key: str  # normalized title; "" when too short to tell
    postings: tuple[str, ...] = ()  # its rarest terms, under which later items find this one
    rules: tuple[str, ...] = ()  # rules whose hits it was: only items of one rule are compared in L2
    why: Comparison | None = None  # for STORY and MEANING: the comparison that decided
    related: tuple[Comparison, ...] = ()  # stories that are near and not the same, best first
    novel: tuple[str, ...] = ()  # names, numbers and telling words that its story had not told yet
