"""Small pieces of English that notes, reasons and messages share."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_ORDINALS: Final = (
    "zeroth", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
)  # fmt: skip
FALLBACK: Final = "[FALLBACK for"  # how the subject of a message to somebody's fallback begins
_UNITS: Final = (
    (timedelta(days=1), "d"),
    (timedelta(hours=1), "h"),
    (timedelta(minutes=1), "min"),
    (timedelta(seconds=1), "s"),
)
# Controls, line and paragraph separators, and characters that turn the direction of what follows.
_UNSHOWN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def shown(text: str) -> str:
    """Return `text` with a space for each character that cannot be shown on one line; its length stays."""
    return _UNSHOWN.sub(" ", text)


def one_line(text: str) -> str:
    """Return `text` without control characters and line breaks, with single spaces."""
    return " ".join(shown(text).split())


def series(parts: Sequence[str]) -> str:
    """Return "a", "a and b", or "a, b and c"."""
    if len(parts) < 2:  # noqa: PLR2004 -- one part needs no conjunction
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def counted(number: int, noun: str) -> str:
    """Return "1 report" or "3 reports"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def ordinal(number: int) -> str:
    """Return "second" up to "tenth", then "11th"."""
    if number < len(_ORDINALS):
        return _ORDINALS[number]
    teen = number % 100 in (11, 12, 13)
    suffix = "th" if teen else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def duration(value: timedelta) -> str:
    """Return "2 min", "1 h 30 min" or "0 s": the two largest units, rounded down."""
    parts = []
    for unit, name in _UNITS:
        count, value = divmod(value, unit)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"
