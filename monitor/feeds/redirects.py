"""Which URL is really asked: permanent redirects are adopted late, and never on one server's word.

A captive portal or a new owner of an expired domain answers 301 as well. So a target is adopted only
after the same answer came ten times over three days and its items overlapped those that were known. The
configured URL stays the feed's name: adopting changes what is asked first, nothing else, and it ends as
soon as the target fails.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from monitor.models import changed

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.feeds.results import Redirect
    from monitor.models import Feed, FeedState

ADOPT_POLLS = 10
ADOPT_AFTER = timedelta(days=3)


def adopted_url(state: FeedState) -> str:
    """Return the redirect target that is asked instead of the configured URL; "" when there is none."""
    if (
        state.redirect_url
        and state.redirect_since is not None
        and state.last_success_at is not None
        and state.redirect_polls >= ADOPT_POLLS
        and state.last_success_at - state.redirect_since >= ADOPT_AFTER
    ):
        return state.redirect_url
    return ""


def request_url(feed: Feed, state: FeedState) -> str:
    """Return the URL that the next poll asks for."""
    return (adopted_url(state) if state.url == feed.url else "") or feed.url


def permanent_target(redirects: tuple[Redirect, ...]) -> str:
    """Return where an unbroken run of permanent redirects leads; "" when the first is temporary.

    In 301, 302 only the first hop is permanent: the feed has moved to an address that itself redirects
    for the moment, so the target of the 301 is the one to remember.
    """
    target = ""
    for redirect in redirects:
        if not redirect.permanent:
            break
        target = redirect.url
    return target


def after_success(
    state: FeedState,
    requested: str,
    redirects: tuple[Redirect, ...],
    *,
    overlap: float | None,
    now: datetime,
) -> FeedState:
    """Return `state` with the redirect candidate counted, replaced or dropped after a good poll.

    Args:
        state: before the poll.
        requested: the URL that was asked first.
        redirects: what happened to the request.
        overlap: share of known items; None for an answer without items to compare (304, equal body).
        now: time of the poll.
    """
    if requested == adopted_url(state):
        return state
    target = permanent_target(redirects)
    foreign = overlap == 0 and state.last_new_at is not None
    if not target or foreign:
        return forget(state)
    if target != state.redirect_url:
        return changed(state, redirect_url=target, redirect_since=now, redirect_polls=1)
    return changed(state, redirect_polls=state.redirect_polls + 1)


def forget(state: FeedState) -> FeedState:
    """Return `state` without a redirect candidate: the configured URL is asked again."""
    if not state.redirect_url and state.redirect_since is None and not state.redirect_polls:
        return state
    return changed(state, redirect_url="", redirect_since=None, redirect_polls=0)
