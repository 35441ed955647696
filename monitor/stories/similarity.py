"""Compare texts by their character 5-grams, after folding and without punctuation."""

from __future__ import annotations

from typing import Final

from monitor.text.fold import fold
from monitor.text.tokens import tokenize

COMPARED: Final = 2_000  # characters of a summary: whole articles in it would cost much and tell no more
GRAM: Final = 5  # characters; robust against inflection and small edits in every script


def normalized(text: str) -> str:
    """Return the folded words of `text`, joined by single spaces."""
    return " ".join(fold(word) for word in tokenize(text).words)


def normalized_text(title: str, summary: str) -> str:
    """Return the text that stands for an item: its headline, then its summary unless that repeats it."""
    head, body = normalized(title), normalized(summary[:COMPARED])
    if not body or body == head:
        return head
    return f"{head} {body}" if head else body


def shingles(text: str, size: int = GRAM) -> frozenset[str]:
    """Return the character `size`-grams of a normalized text; a shorter text is its own single one."""
    if len(text) <= size:
        return frozenset({text}) if text else frozenset()
    # A list first: this is most of what comparing texts costs, and a generator takes half as long again.
    return frozenset([text[place : place + size] for place in range(len(text) - size + 1)])


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Return the share of common members, 0 to 1; two empty sets have nothing in common."""
    common = len(one & other)
    return common / (len(one) + len(other) - common) if common else 0.0


def similar(one: frozenset[str], other: frozenset[str], least: float) -> bool:
    """Return whether `jaccard(one, other) >= least`, a share above 0; quick when the sizes rule it out."""
    smaller, larger = sorted((len(one), len(other)))
    return smaller >= least * larger > 0 and jaccard(one, other) >= least
