"""One item while rules are evaluated on it: tokens, found terms and boundaries, each made at most once."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from monitor.text.sentences import paragraph_starts, sentence_starts
from monitor.text.tokens import Tokens

if TYPE_CHECKING:
    from datetime import date

    from monitor.models import FieldName, Item
    from monitor.rules.intervals import Occurrence
    from monitor.rules.vocabulary import Found, Vocabulary, WordEntry


class ItemContext:
    """Everything about one item that clauses ask for."""

    __slots__ = (
        "_day", "_entries", "_found", "_segments", "_vocabulary",
        "item", "places", "present", "tokens", "truths",
    )  # fmt: skip

    def __init__(self, item: Item, vocabulary: Vocabulary, fields: tuple[FieldName, ...]) -> None:
        """Tokenize the `fields` that rules search, and tell which terms occur in them."""
        self.item = item
        self.tokens: dict[FieldName, Tokens] = {}
        self.present: dict[FieldName, set[int]] = {}  # ids of terms, for fields that have any
        # Answers of clauses that several rules share, by the clause's number (see `nodes.py`).
        self.truths: dict[int, bool] = {}
        self.places: dict[tuple[int, FieldName], list[Occurrence]] = {}
        self._vocabulary = vocabulary
        self._entries: dict[FieldName, list[WordEntry]] = {}
        self._found: dict[FieldName, Found] = {}
        self._segments: dict[tuple[FieldName, str], list[int]] = {}
        self._day: tuple[date | None] | None = None
        for name in fields:
            text = item.text(name)
            if not text:
                continue
            tokens = self.tokens[name] = Tokens(text)
            entries = self._entries[name] = vocabulary.entries(tokens.raw)
            present = vocabulary.present(entries)
            if present:
                self.present[name] = present

    @property
    def day(self) -> date | None:
        """The day of the item's news."""
        if self._day is None:
            self._day = (item_day(self.item),)
        return self._day[0]

    def found(self, name: FieldName) -> Found:
        """Return where each term begins in a field."""
        known = self._found.get(name)
        if known is None:
            known = self._vocabulary.positions(self._entries[name]) if name in self.present else {}
            self._found[name] = known
        return known

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
