"""Coefficients of story grouping: data, written by `tests/benchmarks/fit_stories.py --write`.

Learned from 14,217 labelled pairs of news items. Each row: log-odds for one unit of the feature, and the
feature's mean over those pairs, which explanations start from.
"""

from typing import Final, NamedTuple


class Coefficient(NamedTuple):
    """What was learned of one feature."""

    slope: float
    mean: float


INTERCEPT: Final = -7.38979
COEFFICIENTS: Final = {
    "title_least": Coefficient(3.15219, 0.154268),
    "title_tokens": Coefficient(3.70873, 0.491859),
    "title_grams": Coefficient(1.84514, 0.064168),
    "grams": Coefficient(1.85766, 0.0524636),
    "rare": Coefficient(0.199078, 0.559547),
    "shared_weight": Coefficient(-0.920663, 0.962796),
    "rarest": Coefficient(5.03271, 0.591795),
    "rare_title": Coefficient(0.675695, 0.324727),
    "names": Coefficient(1.59712, 0.166716),
    "names_apart": Coefficient(-1.32631, 0.45319),
    "numbers": Coefficient(2.28569, 0.0331762),
    "hours": Coefficient(-0.693327, 3.11318),
    "same_host": Coefficient(-1.00063, 0.0979813),
    "running": Coefficient(0.187429, 0.0728705),
    "question": Coefficient(-3.03648, 0.0677358),
}
