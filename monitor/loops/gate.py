"""What the deliverer knows of receivers in trouble: which messages are held back, and what to tell whom.

It lives in memory: a restart tries everything once more, which does no harm. Only what a receiver
asked for ever (HTTP 410) is kept in the store; see `Gate.gone`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

from monitor.alerts.breaker import Breaker, after_failure, after_success
from monitor.errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.models import Notification

CHANNEL_PAUSE: Final = timedelta(minutes=5)  # after an authentication failure: more could lock the account
PROBE_WAIT: Final = timedelta(seconds=5)  # while a probe is under way, the others are looked at again then
GONE_VALUE: Final = "receivers-gone"  # name of the stored value
EVERYBODY: Final = ""  # stands for all recipients of a channel


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something about delivery that the operator should hear."""

    kind: Literal["paused", "gone", "failing"]
    recipient_id: str  # "" = everybody on this channel
    channel: str
    error: str  # what happened and what to do, one line
    since: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a message is not sent now."""

    error: DeliveryError
    until: datetime | None  # None = the receiver is gone: there is nothing to wait for


@dataclass(slots=True)
class Gate:
    """One deliverer's knowledge; not shared between processes."""

    _breakers: dict[tuple[str, str], Breaker] = field(default_factory=dict)
    _probing: set[tuple[str, str]] = field(default_factory=set)
    _good: set[tuple[str, str]] = field(default_factory=set)  # the last attempt was taken
    _paused: dict[str, datetime] = field(default_factory=dict)  # channel: until
    _gone: dict[str, str] = field(default_factory=dict)  # recipient/channel: fingerprint of the target

    def paused(self, now: datetime) -> tuple[str, ...]:
        """Return the channels whose messages stay in the store until a pause has ended."""
        return tuple(name for name, until in self._paused.items() if until > now)

    def learn_gone(self, stored: str | None) -> None:
        """Take over what is stored under `GONE_VALUE`; what cannot be read counts as nothing."""
        try:
            found = json.loads(stored) if stored else {}
        except ValueError:
            found = {}
        self._gone = {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}

    def forget(self, receivers: Iterable[tuple[str, str]]) -> bool:
        """Call these receivers, as (recipient, channel), again although they asked not to be."""
        names = {f"{recipient_id}/{channel}" for recipient_id, channel in receivers}
        known = len(self._gone)
        self._gone = {name: target for name, target in self._gone.items() if name not in names}
        return len(self._gone) < known

    def gone(self) -> str:
        """Return what is to be stored under `GONE_VALUE`."""
        return json.dumps(self._gone, sort_keys=True)

    def hold(self, row: Notification, target: str, now: datetime) -> Hold | None:
        """Return why `row` is held back, or None: then it is sent, perhaps as a probe.

        Args:
            row: as it was claimed.
            target: fingerprint of where it would go; another one than what is gone is a new receiver.
            now: the present.
        """
        if target and self._gone.get(f"{row.recipient_id}/{row.channel}") == target:
            return Hold(
                DeliveryError(
                    "not sent: the receiver answered HTTP 410 and is not called again; set its new URL in "
                    "monitor.env or routes.yaml, then `monitor outbox retry`",
                    permanent=True,
                    gone=True,
                ),
                None,
            )
        probes: set[tuple[str, str]] = set()
        for key in _keys(row):
            breaker = self._breakers.get(key, Breaker())
            until = breaker.open_until
            if until is None:
                continue
            if breaker.lets_through(now) and key not in self._probing:
                probes.add(key)
                continue
            who = "the server of this channel" if key[0] == EVERYBODY else "the receiver"
            return Hold(
                DeliveryError(
                    f"not tried: {who} failed {breaker.failures} times in a row, and is tried again at "
                    f"{until:%H:%M:%S} UTC",
                    permanent=False,
                ),
                max(until, now + PROBE_WAIT),
            )
        self._probing |= probes
        return None

    def is_probe(self, row: Notification) -> bool:
        """Tell whether `row` is under way to find out whether its receiver is back."""
        return any(key in self._probing for key in _keys(row))

    def waits_until(self, row: Notification) -> datetime | None:
        """Return until when the receiver of `row` is left alone; None when it is not."""
        waits = [self._breakers[key].open_until for key in _keys(row) if key in self._breakers]
        return max((until for until in waits if until is not None), default=None)

    def after(
        self, row: Notification, target: str, error: DeliveryError | None, now: datetime
    ) -> tuple[Trouble | None, tuple[str, str] | None]:
        """Note what an attempt led to.

        Returns:
            What the operator should hear, and (recipient or "", channel) whose waiting messages are due
            at once, because it takes messages again.
        """
        keys = _keys(row)
        self._probing.difference_update(keys)
        own = keys[0]
        if error is None:
            return None, self._taken(keys)
        self._good.discard(own)
        if error.pause_channel:
            first = row.channel not in self._paused
            self._paused[row.channel] = now + CHANNEL_PAUSE
            return (Trouble("paused", EVERYBODY, row.channel, str(error), now) if first else None), None
        if error.gone:
            self._gone[f"{row.recipient_id}/{row.channel}"] = target
            return Trouble("gone", row.recipient_id, row.channel, str(error), now), None
        if error.permanent:
            return None, None
        key = keys[1] if error.unreachable else own
        before = self._breakers.get(key, Breaker(f"{key[0]}/{key[1]}"))
        self._breakers[key] = after = after_failure(before, now, error.retry_after)
        opened = after.is_open and not before.is_open
        return (Trouble("failing", key[0], row.channel, str(error), now) if opened else None), None

    def _taken(self, keys: tuple[tuple[str, str], ...]) -> tuple[str, str] | None:
        own, everybody = keys
        self._paused.pop(own[1], None)
        back: tuple[str, str] | None = None
        for key in keys:
            breaker = self._breakers.get(key)
            if breaker is not None and breaker.failures:
                back = key if breaker.is_open else back
                self._breakers[key] = after_success(breaker)
        if own not in self._good:  # first success since the start or a failure: older rows may wait for hours
            self._good.add(own)
            back = back or own
        return everybody if back == everybody else back


def _keys(row: Notification) -> tuple[tuple[str, str], ...]:
    """Return what may be in trouble for this message: its receiver, and the server of its channel."""
    return (row.recipient_id, row.channel), (EVERYBODY, row.channel)
