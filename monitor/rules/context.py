"""One item while rules are evaluated on it: tokens, found terms and boundaries, each made at most once."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from monitor.rules.vocabulary import word_places
from monitor.text.sentences import paragraph_starts, sentence_starts
from monitor.text.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet
    from datetime import date

    from monitor.models import FieldName, Item
    from monitor.rules.intervals import Label, Occurrence
    from monitor.rules.vocabulary import Found, Vocabulary, WordEntry


class ItemContext:
    """Everything about one item that clauses ask for."""

    __slots__ = (
        "_day", "_found", "_leaves", "_leaves_of", "_likely", "_segments", "_words",
        "item", "places", "present", "tokens", "truths",
    )  # fmt: skip

    def __init__(
        self,
        item: Item,
        vocabulary: Vocabulary,
        fields: tuple[FieldName, ...],
        leaves_of: Mapping[int, tuple[int, ...]],
    ) -> None:
        """Cut the `fields` that rules search, and tell which terms occur in them.

        Args:
            item: the item.
            vocabulary: the terms of all rules.
            fields: which to read.
            leaves_of: by term, the numbers of the leaves that look for it (see `nodes.py`).
        """
        self.item = item
        self._leaves_of = leaves_of
        self._leaves: dict[FieldName | None, set[int]] = {}
        self.tokens: dict[FieldName, Tokens] = {}
        self.present: dict[FieldName, set[int]] = {}  # ids of terms, for fields that have any
        # Answers of clauses that several rules share, by the clause's number (see `nodes.py`).
        self.truths: dict[int, bool] = {}
        self.places: dict[tuple[int, FieldName], list[Occurrence]] = {}
        self._words: dict[FieldName, list[WordEntry]] = {}
        self._found: dict[FieldName, Found] = {}
        self._likely: Iterable[AbstractSet[int]] = ()
        self._segments: dict[tuple[FieldName, str], list[int]] = {}
        self._day: tuple[date | None] | None = None
        for name in fields:
            text = item.text(name)
            if not text:
                continue
            tokens = self.tokens[name] = Tokens(text)
            words, present, phrases = vocabulary.read(tokens.chunks)
            if present:
                self.present[name] = present
                self._words[name] = words
                self._found[name] = phrases

    def expect(self, terms: Iterable[AbstractSet[int]]) -> None:
        """Announce which terms will be asked for, so that one look at a text finds them all."""
        self._likely = terms

    def leaves(self, name: FieldName | None = None) -> AbstractSet[int]:
        """Return the leaves of which a term occurs in a field, in any field without one.

        Perhaps where it does not count, or in a field that the leaf does not search.
        """
        known = self._leaves.get(name)
        if known is None:
            if name is None:
                known = set().union(*map(self.leaves, self.present))
            else:
                known = set(chain.from_iterable(map(self._leaves_of.__getitem__, self.present.get(name, ()))))
            self._leaves[name] = known
        return known

    @property
    def day(self) -> date | None:
        """The day of the item's news."""
        if self._day is None:
            self._day = (item_day(self.item),)
        return self._day[0]

    def starts(self, name: FieldName, terms: AbstractSet[int]) -> Found:
        """Return at which tokens some of the terms that occur in a field begin.

        Args:
            name: the field.
            terms: ids of terms that are present there.

        Returns:
            The places of `terms`, and of others.
        """
        found = self._found.get(name, {})
        missing = terms - found.keys()
        if missing:
            present = self.present[name]
            missing = missing.union(*(likely & present for likely in self._likely)) - found.keys()
            found.update(word_places(self._words[name], missing))
        return found

    def parts(self, name: FieldName, found: Occurrence) -> list[tuple[int, int, Label]]:
        """Return the pieces of something found: character span, and what matched there."""
        tokens = self.tokens[name]
        return [(*(own or tokens.span(first, last)), label) for first, last, label, own in found.parts]

    def segments(self, name: FieldName, unit: str) -> list[int]:
        """Return the tokens with which the sentences or paragraphs of a field begin, rising."""
        key = (name, unit)
        known = self._segments.get(key)
        if known is None:
            text = self.item.text(name)
            starts = sentence_starts(text) if unit == "sentence" else paragraph_starts(text)
            known = self._segments[key] = [self.tokens[name].before(start) for start in starts]
        return known


def item_day(item: Item) -> date | None:
    """Return the day of an item's news, or None when nothing about it has a date."""
    if item.first_seen_at is not None:
        return item.event_at().date()
    return item.published_at.date() if item.published_at is not None else None
