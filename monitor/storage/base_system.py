"""The part of the storage contract about the monitor itself: its alerts, its receivers, its messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from monitor.models import Alert

FAILED_AFTER: Final = 3  # attempts in vain


@dataclass(frozen=True, slots=True)
class Receiver:
    """How delivery to one recipient over one channel goes."""

    recipient_id: str
    channel: str
    sent_at: datetime | None = None  # when the last message was taken
    failed_at: datetime | None = None  # last attempt at a message that was not taken
    tries: int = 0  # attempts in vain at messages that still wait or were given up
    given_up: bool = False  # whether one was given up
    error: str = ""  # of the last attempt in vain, one line

    @property
    def troubled(self) -> bool:
        """Return whether the last thing that is known of it is a failure."""
        return self.failed_at is not None and (self.sent_at is None or self.failed_at > self.sent_at)

    @property
    def fails(self) -> bool:
        """Return whether it is in trouble, and more than once."""
        return self.troubled and (self.given_up or self.tries >= FAILED_AFTER)


class SystemStorage(Protocol):
    """What alerts about the monitor itself rest on."""

    async def open_alerts_of(self, rule_ids: Sequence[str]) -> tuple[Alert, ...]:
        """Return the open alerts of those rules, by id."""

    async def last_hit_at(self, *, without: str) -> datetime | None:
        """Return when an alert last got a hit, but for alerts of rules whose ids begin with `without`."""

    async def alerts_in_message(self, prefix: str) -> tuple[Alert, ...]:
        """Return the alerts that the message whose id begins with `prefix` tells, by id."""

    async def receivers(self, *, since: datetime) -> tuple[Receiver, ...]:
        """Return how delivery goes, by (recipient, channel), from messages created since then.

        What the operator dropped by hand is no failure.
        """
