"""One text of many lines that fits into a message: whole lines are left out, never halves; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from monitor.channels.filters import cut_utf16, utf16

if TYPE_CHECKING:
    from collections.abc import Sequence

WAYS: Final = ("$most", "$bytes")  # how a template may say how long a text may be


@dataclass(frozen=True, slots=True)
class Budget:
    """How long a text may be."""

    most: int
    in_bytes: bool = False  # of UTF-8; else UTF-16 code units, which is how most receivers count

    def size(self, text: str) -> int:
        """Return the length of `text` in the budget's unit."""
        return len(text.encode("utf-8", "replace")) if self.in_bytes else utf16(text)

    def cut(self, text: str) -> str:
        """Return the longest beginning of `text` inside the budget."""
        if self.in_bytes:
            return text.encode("utf-8", "replace")[: self.most].decode("utf-8", "ignore")
        return cut_utf16(text, self.most)


def joined(
    lines: Sequence[str], more: Sequence[str], end: Sequence[str], separator: str, budget: Budget
) -> str:
    """Return `lines` and `end` as one text of at most the budget.

    1. When all fit, that is all.
    2. Otherwise lines are left out from the last one on, and `more` stands in their place.
    3. When not even the first line fits, it is cut; `end` yields to it.

    Lines are not cut otherwise: each may hold markup that a cut would leave open.
    """
    everything = separator.join((*lines, *end))
    if budget.size(everything) <= budget.most:
        return everything
    used = budget.size(separator.join((*more, *end)))
    kept = 0
    for line in lines:
        used += budget.size(line + separator)
        if used > budget.most:
            break
        kept += 1
    if kept:
        return separator.join((*lines[:kept], *more, *end))
    return budget.cut(lines[0] if lines else everything)
