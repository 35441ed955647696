"""The questions that the web server asks the daemon, and the values that answer them.

The server knows no storage, no rules and no scheduler: the daemon supplies a function for each
question. A probe may raise; the answer is then "no", with the reason.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from monitor.web.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of health and how it stands."""

    name: str  # "database", "rules", "tick poll"
    ok: bool
    reason: str  # one sentence for people, without secrets: the page is not behind a login


@dataclass(frozen=True, slots=True)
class Tick:
    """One of the daemon's loops, as seen when asked."""

    loop: str  # "poll", "flush", "deliver"
    age: timedelta  # since its last tick, or since the start when it has not ticked yet
    bound: timedelta  # an older last tick means that the loop hangs


class Tone(StrEnum):
    """How a row is to be read; the page shows a word and a colour for it."""

    PLAIN = ""
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the page's status table; every text is shown as text, never as markup."""

    label: str
    value: str
    tone: Tone = Tone.PLAIN
    note: str = ""  # what to do about it


TicksProbe: TypeAlias = Callable[[], Awaitable[Sequence[Tick]]]
CheckProbe: TypeAlias = Callable[[], Awaitable[Check]]
RowsProbe: TypeAlias = Callable[[], Awaitable[Sequence[Row]]]
Refresh: TypeAlias = Callable[[], Awaitable[None]]


async def _nothing() -> None:
    """Refresh nothing: every metric is kept current by the loops."""


@dataclass(frozen=True, slots=True)
class Probes:
    """Everything the web server may ask, each answer within `timeout`."""

    ticks: TicksProbe  # /health/live: one entry a loop; none yet counts as alive
    ready: tuple[tuple[str, CheckProbe], ...]  # /health/ready: (name, probe) of database, rules, scheduler
    rows: RowsProbe  # /: the status table
    metrics: Metrics  # /metrics
    refresh: Refresh = _nothing  # brings gauges that need a query up to date, before each scrape
    timeout: timedelta = timedelta(seconds=3)  # a slower probe counts as failed
