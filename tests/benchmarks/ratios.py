"""Precision, recall and F1 with intervals: Wilson's for counts, the bootstrap's for weighted figures."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Z: Final = 1.96  # 95 %
DRAWS: Final = 400  # bootstrap samples; the ends of a 95 % interval are stable to the second digit
SEED: Final = 8


@dataclass(frozen=True, slots=True)
class Counts:
    """What was found, what was found wrongly, and what was missed: items, or weights of items."""

    hit: float = 0.0
    false: float = 0.0
    missed: float = 0.0

    def __add__(self, other: Counts) -> Counts:
        """Add up."""
        return Counts(self.hit + other.hit, self.false + other.false, self.missed + other.missed)

    @property
    def precision(self) -> float:
        """Share of the alarms that are right; nan without alarms."""
        return share(self.hit, self.hit + self.false)

    @property
    def recall(self) -> float:
        """Share of the developments that are found; nan without developments."""
        return share(self.hit, self.hit + self.missed)

    @property
    def f1(self) -> float:
        """The harmonic mean of the two."""
        return share(2 * self.hit, 2 * self.hit + self.false + self.missed)


def share(part: float, whole: float) -> float:
    """Return part / whole; nan of nothing."""
    return part / whole if whole else math.nan


def wilson(part: float, whole: float) -> tuple[float, float]:
    """Return the 95 % interval of a proportion (Wilson 1927), which holds for few items, too."""
    if not whole:
        return 0.0, 1.0
    p, z2 = part / whole, Z * Z
    middle = (p + z2 / (2 * whole)) / (1 + z2 / whole)
    half = Z * math.sqrt(p * (1 - p) / whole + z2 / (4 * whole * whole)) / (1 + z2 / whole)
    return max(0.0, middle - half), min(1.0, middle + half)


def bootstrap(sample: Sequence[Counts], figure: Callable[[Counts], float]) -> tuple[float, float]:
    """Return the 95 % percentile interval of a figure of summed counts, drawing items with replacement."""
    counted = [one for one in sample if one != Counts()]  # the others add nothing to any sum
    if not counted:
        return 0.0, 1.0
    draw = random.Random(SEED)
    odds, size = len(counted) / len(sample), len(sample)
    figures = []
    for _ in range(DRAWS):
        # How many of the drawn items count at all is binomial; the normal form is near enough.
        wanted = max(1, round(draw.gauss(size * odds, math.sqrt(size * odds * (1 - odds)))))
        value = figure(_sum(draw.choices(counted, k=wanted)))
        if not math.isnan(value):
            figures.append(value)
    figures.sort()
    if not figures:
        return 0.0, 1.0
    return figures[int(0.025 * len(figures))], figures[min(len(figures) - 1, int(0.975 * len(figures)))]


def _sum(sample: Sequence[Counts]) -> Counts:
    return Counts(
        sum(one.hit for one in sample), sum(one.false for one in sample), sum(one.missed for one in sample)
    )
