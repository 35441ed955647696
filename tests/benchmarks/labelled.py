"""Labelled news for measuring the rules: reading it, and which categories a rule or a label stands for.

Each set has a README's line in the data's own directory; the labels mean different things, so each
set is scored for what its labels can say.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

CATEGORY: Final = "x."  # a rule's tag x.talks.meeting names its category
ROOTS: Final = {"CONCEDE": "YIELD", "RETREAT": "YIELD"}  # PLOVER of 2021 splits what the corpora call YIELD


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled item."""

    item_id: str
    title: str
    summary: str
    at: datetime | None  # None: the corpus does not say when
    labels: frozenset[str]
    polarity: str
    weight: float = 1.0  # how many items of the feeds it stands for
    relevant: str = ""  # yes, no, unsure: two annotators, only in the annotated pool
    sure: frozenset[str] = frozenset()  # categories both gave
    either: frozenset[str] = frozenset()  # categories at least one gave

    @property
    def text(self) -> str:
        """The item in one line."""
        return " | ".join(filter(None, (self.title, " ".join(self.summary.split()))))


def read(path: Path) -> list[Row]:
    """Read one set, in order; an empty list if the file is not there."""
    if not path.is_file():
        return []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [_row(json.loads(line)) for line in lines]


def categories(path: Path) -> dict[str, frozenset[str]]:
    """Return the labels of the corpora that mean a category, by category."""
    entries = json.loads(path.read_text(encoding="utf-8"))
    return {entry["id"]: frozenset(entry["eval_labels"]) for entry in entries}


def rule_categories(tags: tuple[str, ...], known: dict[str, frozenset[str]]) -> frozenset[str]:
    """Return the categories that a rule's tags name."""
    named = {tag.removeprefix(CATEGORY) for tag in tags if tag.startswith(CATEGORY)}
    return frozenset(named & known.keys())


def rule_roots(tags: tuple[str, ...]) -> frozenset[str]:
    """Return the PLOVER roots of a rule's tags, as the corpora call them."""
    roots = {tag.split(".")[1].upper() for tag in tags if tag.startswith("plover.")}
    return frozenset(ROOTS.get(root, root) for root in roots)


def _row(value: dict[str, Any]) -> Row:
    return Row(
        item_id=value["id"],
        title=value.get("title") or "",
        summary=value.get("summary") or "",
        at=_moment(value.get("published")),
        labels=frozenset(value.get("labels", ())),
        polarity=value.get("polarity", ""),
        weight=value.get("weight", 1.0),
        relevant=value.get("relevant", ""),
        sure=frozenset(value.get("sure", ())),
        either=frozenset(value.get("either", ())),
    )


def _moment(text: str | None) -> datetime | None:
    """Return the item's time; the middle of the year where only that is known, None without a date."""
    if text is None:
        return None
    if text.isdecimal():
        return datetime(int(text), 7, 1, tzinfo=UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
