"""Smaller and smaller versions of a view that is too large: what is left out is counted; pure.

An alert with very many long reports is still an alert: it must not wait for somebody to shorten a
template. What stays always holds each told alert's headline and its link.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from monitor.alerts.wording import counted
from monitor.errors import RenderError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from monitor.alerts.view import NotificationView

Made = TypeVar("Made")

_FEWER_SOURCES = (20, 5, 1)  # for each alert, tried in turn


def shedding(view: NotificationView, render: Callable[[NotificationView], Made]) -> Made:
    """Render `view`; when that is too large, render the first smaller version that is not.

    Raises:
        RenderError: even the smallest is too large, or the template is wrong.
    """
    *versions, smallest = smaller_views(view)
    for version in versions:
        try:
            return render(version)
        except RenderError as error:
            if not error.too_large:
                raise
    return render(smallest)


def smaller_views(view: NotificationView) -> Iterator[NotificationView]:
    """Yield `view`, then with less for each alert, down to headlines and links, then with fewer alerts.

    A notice has lines instead of alerts.
    """
    yield view
    kept = len(view.lines) * 3 // 4
    while kept and not view.alerts:
        yield replace(view, lines=(*view.lines[:kept], f"... and {len(view.lines) - kept} more"))
        kept = kept * 3 // 4
    if not view.alerts:
        return
    for most in _FEWER_SOURCES:
        yield fewer_sources(view, most)
    bare = headlines(view)
    yield bare
    kept = len(view.alerts) * 3 // 4
    while kept:
        yield fewer_alerts(bare, kept)
        kept = kept * 3 // 4


def fewer_sources(view: NotificationView, most: int) -> NotificationView:
    """Return `view` with at most `most` sources an alert; what is left out is counted in `omitted`."""
    alerts = tuple(
        replace(
            alert,
            sources=tuple(replace(one, passages=one.passages[:most]) for one in alert.sources[:most]),
            omitted=alert.omitted + max(0, len(alert.sources) - most),
            matched=alert.matched[: 10 * most],
        )
        for alert in view.alerts
    )
    return replace(view, alerts=alerts)


def headlines(view: NotificationView) -> NotificationView:
    """Return `view` with what each alert is about, its leading report's link, and little else."""
    alerts = tuple(
        replace(
            alert,
            rule_description="",
            sources=tuple(replace(one, summary="", passages=()) for one in alert.sources),
            entities=(),
            matched=(),
            revisions=alert.revisions[-1:],
        )
        for alert in fewer_sources(view, 1).alerts
    )
    return replace(view, alerts=alerts)


def fewer_alerts(view: NotificationView, kept: int) -> NotificationView:
    """Return `view` with its first alerts, which are the most severe, and how many it leaves out."""
    more = counted(len(view.alerts) - kept, "further alert")
    intro = f"{view.intro} {more} of lower severity found no room here: `monitor alerts list` shows them."
    return replace(view, alerts=view.alerts[:kept], intro=intro.strip())
