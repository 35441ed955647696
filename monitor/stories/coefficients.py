"""Coefficients of story grouping: data, written by `tests/benchmarks/fit_stories.py --write`.

Learned from 14,217 labelled pairs of news items. Each row: log-odds for one unit of the feature, and the
feature's mean over those pairs, which explanations start from.
"""

from typing import Final, NamedTuple


class Coefficient(NamedTuple):
    """What was learned of one feature."""

    slope: float
    mean: float


INTERCEPT: Final = -8.76769
COEFFICIENTS: Final = {
    "covered": Coefficient(6.29376, 0.094008),
    "usual": Coefficient(-4.01492, 0.0602598),
    "title_tokens": Coefficient(4.58193, 0.491859),
    "shared_weight": Coefficient(-0.220539, 0.962796),
    "rarest": Coefficient(6.0299, 0.591795),
    "rule_rarest": Coefficient(-0.562296, 0.224641),
    "rare_title": Coefficient(1.05829, 0.324727),
    "numbers": Coefficient(2.67827, 0.0331762),
    "hours": Coefficient(-0.684452, 3.11318),
    "same_host": Coefficient(-1.14923, 0.0979813),
    "question": Coefficient(-2.83415, 0.0677358),
}
