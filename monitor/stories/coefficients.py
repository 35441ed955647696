"""Coefficients of story grouping: data, written by `tests/benchmarks/fit_stories.py --write`.

Learned from 14,217 labelled pairs of news items. Each row: log-odds for one unit of the feature, and the
feature's mean over those pairs, which explanations start from.
"""

from typing import Final, NamedTuple


class Coefficient(NamedTuple):
    """What was learned of one feature."""

    slope: float
    mean: float


INTERCEPT: Final = -7.31195
COEFFICIENTS: Final = {
    "title_least": Coefficient(3.17744, 0.154955),
    "title_tokens": Coefficient(3.72713, 0.491859),
    "title_grams": Coefficient(1.82248, 0.064168),
    "grams": Coefficient(1.68209, 0.0524636),
    "rare": Coefficient(0.231024, 0.557971),
    "shared_weight": Coefficient(-0.910415, 0.961529),
    "rarest": Coefficient(4.87836, 0.588153),
    "rare_title": Coefficient(0.672964, 0.324662),
    "names": Coefficient(1.62851, 0.168352),
    "names_apart": Coefficient(-1.30506, 0.45319),
    "numbers": Coefficient(2.30629, 0.0331762),
    "hours": Coefficient(-0.688486, 3.11318),
    "same_host": Coefficient(-0.986367, 0.0979813),
    "running": Coefficient(0.176879, 0.0728705),
    "question": Coefficient(-3.02252, 0.0677358),
}
