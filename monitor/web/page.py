"""Renders the page for people; every value is escaped, and nothing on it runs."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, StrictUndefined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.web.health import Health
    from monitor.web.probes import Row

_HERE: Final = files("monitor.web")
_ENVIRONMENT: Final = Environment(
    autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)

STYLE: Final = (_HERE / "style.css").read_text("utf-8")
ICON: Final = (_HERE / "icon.svg").read_text("utf-8")
_PAGE: Final = _ENVIRONMENT.from_string((_HERE / "page.html").read_text("utf-8"))


def render(live: Health, ready: Health, rows: Sequence[Row], version: str) -> str:
    """Return the page: a headline, what is wrong, the status table, links for machines."""
    problems = [check for health in (live, ready) for check in health.checks if not check.ok]
    if not live.ok:
        headline = "Stalled"
    elif not ready.ok:
        headline = "Not ready"
    else:
        headline = "Running"
    return _PAGE.render(ok=not problems, headline=headline, problems=problems, rows=rows, version=version)
