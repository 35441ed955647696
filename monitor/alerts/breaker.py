"""When a receiver that fails is left alone, and when it is tried again: a circuit breaker; pure.

Closed: everything is sent. After `THRESHOLD` failures in a row it opens: nothing is sent until a moment
that moves away from try to try. Then one message goes as a probe: if it is taken the breaker closes,
otherwise it stays open for longer. The waits are short next to those between the attempts of one
message, so that a receiver's return is noticed within half an hour, whatever its backlog waits for.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

THRESHOLD: Final = 3  # failures in a row; as many as a message has before its fallback hears of it
FIRST_WAIT: Final = timedelta(minutes=1)
LONGEST_WAIT: Final = timedelta(minutes=30)
JITTER: Final = 0.1  # waits are longer by up to this share, so that receivers are not probed together


@dataclass(frozen=True, slots=True)
class Breaker:
    """What is remembered of one receiver."""

    key: str = ""  # names the receiver; the jitter follows from it
    failures: int = 0  # in a row
    tries: int = 0  # probes in vain since it opened
    open_until: datetime | None = None  # None = closed

    @property
    def is_open(self) -> bool:
        """Tell whether messages wait."""
        return self.open_until is not None

    def lets_through(self, now: datetime) -> bool:
        """Tell whether a message may go: always when closed, as a probe when the wait is over."""
        return self.open_until is None or now >= self.open_until


def after_failure(breaker: Breaker, now: datetime, retry_after: timedelta | None = None) -> Breaker:
    """Return the breaker after a failure that may pass.

    Args:
        breaker: as it was.
        now: when the attempt ended.
        retry_after: how long the receiver asked to be left alone.
    """
    failures = breaker.failures + 1
    if failures < THRESHOLD:
        return replace(breaker, failures=failures)
    tries = breaker.tries + 1
    wait = min(FIRST_WAIT * 2 ** min(tries - 1, 10), LONGEST_WAIT)
    digest = hashlib.sha256(f"{breaker.key}/{tries}".encode("utf-8", "surrogatepass")).digest()
    wait *= 1 + JITTER * int.from_bytes(digest[:4], "big") / 2**32
    until = now + max(wait, retry_after or timedelta(0))
    return replace(breaker, failures=failures, tries=tries, open_until=until)


def after_success(breaker: Breaker) -> Breaker:
    """Return the breaker after a message was taken: closed."""
    return Breaker(breaker.key)
