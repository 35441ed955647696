"""Decides whether the daemon is alive and ready, with a reason for each condition."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from monitor.errors import MonitorError
from monitor.web.probes import Check

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence
    from datetime import timedelta
    from typing import TypeVar

    from monitor.web.probes import CheckProbe, Probes, Tick

    T = TypeVar("T")

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Health:
    """An answer to a health question."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Tell whether every condition holds."""
        return all(check.ok for check in self.checks)

    def body(self) -> dict[str, object]:
        """Return the answer as it is sent in JSON."""
        return {
            "status": "ok" if self.ok else "failing",
            "reasons": [check.reason for check in self.checks if not check.ok],
            "checks": [{"name": c.name, "ok": c.ok, "reason": c.reason} for c in self.checks],
        }


async def live(probes: Probes) -> Health:
    """Return whether every loop has ticked within its bound: if not, a restart is due."""
    try:
        ticks = await bounded(probes.ticks(), probes.timeout)
    except Exception as error:  # noqa: BLE001 - a probe that fails is an answer, whatever it raises
        return Health((_failed("ticks", error, probes.timeout),))
    return Health(judge(ticks))


def judge(ticks: Sequence[Tick]) -> tuple[Check, ...]:
    """Return one check for each loop; no loop at all is a process that is starting."""
    if not ticks:
        return (Check("ticks", ok=True, reason="The process answers; no loop has been started yet."),)
    return tuple(_tick(tick) for tick in ticks)


async def ready(probes: Probes) -> Health:
    """Return whether the daemon can do its work now: if not, it needs time or an operator."""
    checks = await asyncio.gather(*(_ask(name, probe, probes.timeout) for name, probe in probes.ready))
    return Health(tuple(checks))


async def _ask(name: str, probe: CheckProbe, timeout: timedelta) -> Check:  # noqa: ASYNC109 - the bound is the caller's setting
    """Return the probe's answer, or the reason why there is none."""
    try:
        return await bounded(probe(), timeout)
    except Exception as error:  # noqa: BLE001 - a probe that fails is an answer, whatever it raises
        return _failed(name, error, timeout)


async def bounded(answer: Awaitable[T], timeout: timedelta) -> T:  # noqa: ASYNC109 - the bound is the caller's setting
    """Return the answer; raise TimeoutError when it takes too long."""
    async with asyncio.timeout(timeout.total_seconds()):
        return await answer


def _failed(name: str, error: Exception, timeout: timedelta) -> Check:
    """Return the failed check; only our own errors are worded for people and free of secrets."""
    log.warning("a health probe failed", check=name, error=f"{type(error).__name__}: {error}")
    if isinstance(error, MonitorError):
        reason = str(error)
    elif isinstance(error, TimeoutError):
        reason = f"No answer within {timeout.total_seconds():g} s."
    else:
        reason = f"The check failed ({type(error).__name__}); the log says why."
    return Check(name, ok=False, reason=reason)


def _tick(tick: Tick) -> Check:
    """Return whether one loop ticks, with both figures."""
    age, bound = tick.age.total_seconds(), tick.bound.total_seconds()
    ok = tick.age <= tick.bound
    reason = f"The {tick.loop} loop ticked {age:.0f} s ago; at most {bound:.0f} s are allowed."
    if not ok:
        reason = f"The {tick.loop} loop has not ticked for {age:.0f} s; at most {bound:.0f} s are allowed."
    return Check(f"tick {tick.loop}", ok=ok, reason=reason)
