"""The figures that judge the rules: known intervals, and what small samples must not claim."""

from __future__ import annotations

import math

import pytest

from tests.benchmarks.ratios import Counts, bootstrap, wilson


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (0, 0, 0.0, 1.0)],
)
def test_wilson_intervals_are_those_of_the_tables(part: int, whole: int, low: float, high: float) -> None:
    """Published values, to three digits; of nothing, anything can be true."""
    assert wilson(part, whole) == pytest.approx((low, high), abs=0.001)


def test_precision_recall_and_f1() -> None:
    """By their definitions."""
    counts = Counts(hit=6, false=2, missed=4)
    assert (counts.precision, counts.recall) == (0.75, 0.6)
    assert counts.f1 == pytest.approx(2 * 0.75 * 0.6 / 1.35)
    assert math.isnan(Counts().precision)


def test_the_bootstrap_of_equal_weights_is_near_wilson() -> None:
    """Two ways to the same interval."""
    sample = [Counts(hit=1)] * 80 + [Counts(false=1)] * 20
    low, high = bootstrap(sample, lambda counts: counts.precision)
    assert (low, high) == pytest.approx(wilson(80, 100), abs=0.03)
