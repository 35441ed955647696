"""One item while rules are evaluated on it: tokens, found terms and boundaries, each made at most once."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from monitor.text.sentences import paragraph_starts, sentence_starts
from monitor.text.tokens import Tokens, tokenize

if TYPE_CHECKING:
    from datetime import date

    from monitor.models import FieldName, Item
    from monitor.rules.intervals import Occurrence
    from monitor.rules.vocabulary import Found, Vocabulary


class ItemContext:
    """Everything about one item that clauses ask for."""

    def __init__(self, item: Item, vocabulary: Vocabulary, fields: tuple[FieldName, ...]) -> None:
        """Tokenize the `fields` that rules search, and find the terms in them."""
        self.item = item
        self.day = item_day(item)
        self.tokens: dict[FieldName, Tokens] = {}
        self.found: dict[FieldName, Found] = {}
        # Answers of clauses that several rules share, by the clause's number (see `nodes.py`).
        self.truths: dict[int, bool] = {}
        self.places: dict[tuple[int, FieldName], list[Occurrence]] = {}
        self._segments: dict[tuple[FieldName, str], list[int]] = {}
        for name in fields:
            text = item.text(name)
            if not text:
                continue
            tokens = self.tokens[name] = tokenize(text)
            found = vocabulary.scan(tokens.words)
            if found:
                self.found[name] = found

    def segments(self, name: FieldName, unit: str) -> list[int]:
        """Return for each token of a field the number of its sentence or paragraph."""
        key = (name, unit)
        known = self._segments.get(key)
        if known is None:
            text = self.item.text(name)
            starts = sentence_starts(text) if unit == "sentence" else paragraph_starts(text)
            known = [bisect_right(starts, start) for start in self.tokens[name].starts]
            self._segments[key] = known
        return known


def item_day(item: Item) -> date | None:
    """Return the day of an item's news, or None when nothing about it has a date."""
    if item.first_seen_at is not None:
        return item.event_at().date()
    return item.published_at.date() if item.published_at is not None else None
