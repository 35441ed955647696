"""Small charts of counts over days, in text; pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

MOST_ROWS: Final = 45  # a screen; longer periods are shown by week, month or year
_EIGHTHS: Final = "▏▎▍▌▋▊▉█"
_LEVELS: Final = "▁▂▃▄▅▆▇█"


def rows(days: Sequence[date], per_day: Mapping[date, int]) -> tuple[tuple[str, int], ...]:
    """Return (name, count) of each day, or of each week, month or year when there are too many days.

    Args:
        days: the whole period, rising, days without a count included.
        per_day: counts; days outside the period are not shown.
    """
    for name in (_day, _week, _month, _year):
        counts: Counter[str] = Counter()
        for day in days:
            counts[name(day)] += per_day.get(day, 0)
        if len(counts) <= MOST_ROWS:
            break
    return tuple(counts.items())


def bar(count: int, most: int, width: int) -> str:
    """Return a bar of at most `width` characters; anything above zero shows at least a sliver."""
    if not count or not most:
        return ""
    eighths = max(1, round(8 * width * count / most))
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[rest - 1] if rest else "")


def sparkline(counts: Sequence[int], width: int) -> str:
    """Return one character for each count, or for each group of neighbours when they exceed `width`."""
    step = -(-len(counts) // width) if counts else 1
    sums = [sum(counts[start : start + step]) for start in range(0, len(counts), step)]
    most = max(sums, default=0)
    return "".join(_LEVELS[-(-len(_LEVELS) * count // most) - 1] if count else " " for count in sums)


def _day(day: date) -> str:
    return day.isoformat()


def _week(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def _month(day: date) -> str:
    return f"{day:%Y-%m}"


def _year(day: date) -> str:
    return f"{day:%Y}"
