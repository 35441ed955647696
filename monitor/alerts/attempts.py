"""What follows an attempt to send: sent, tried again later, or given up.

The jitter is derived from the notification's id, so that the answer is a pure function and a repeat of
it is the same; it spreads messages that failed together, and keeps one message's delays rising.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from monitor.models import Notification, NotificationState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from monitor.alerts.bundle import Bundle
    from monitor.errors import DeliveryError
    from monitor.models import Message

JITTER: Final = 0.25  # delays are longer by up to this share
LONGEST_RETRY_AFTER: Final = timedelta(days=1)  # a receiver may ask for more: it is not believed
_ERROR_CHARS: Final = 500  # of an error that is kept


@dataclass(frozen=True, slots=True)
class Policy:
    """How stubborn a channel is."""

    delays: tuple[timedelta, ...]  # before the second, third... attempt; the last one repeats
    attempts: int | None  # at most so many; None = until the message expires
    lifetime: timedelta  # from creation to `Notification.expires_at`


# 30 s doubling to 24 min, so that with its jitter a delay is never over 30 min.
_BACKOFF: Final = (
    *(timedelta(seconds=30 * 2**step) for step in range(6)),
    timedelta(minutes=24),
)
# https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
# "Deliverability and reliability": immediately, then these.
_STANDARD_WEBHOOKS: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)

EMAIL: Final = Policy(_BACKOFF, attempts=None, lifetime=timedelta(hours=24))
WEBHOOK: Final = Policy(
    _STANDARD_WEBHOOKS, attempts=len(_STANDARD_WEBHOOKS) + 1, lifetime=timedelta(hours=100)
)
POLICIES: Final[Mapping[str, Policy]] = {"email": EMAIL, "webhook": WEBHOOK}


def policy_of(channel: str) -> Policy:
    """Return the policy of a channel by its name; e-mail's for those without a row of their own."""
    return POLICIES.get(channel, EMAIL)


def outbox_row(bundle: Bundle, channel: str, message: Message, now: datetime) -> Notification:
    """Return the outbox row of a rendered bundle on one channel, due at once."""
    return Notification(
        notification_id=bundle.notification_id(channel),
        recipient_id=bundle.recipient_id,
        channel=channel,
        alert_id=bundle.alert_id,
        order_key=bundle.order_key(channel),
        sequence=bundle.sequence,
        message=message,
        created_at=now,
        due_at=now,
        expires_at=now + policy_of(channel).lifetime,
    )


def after_attempt(
    notification: Notification, error: DeliveryError | None, now: datetime, policy: Policy | None = None
) -> Notification:
    """Return the outbox row after one attempt.

    1. No error: SENT.
    2. Permanent, or the receiver is gone: DEAD. A failure of the whole channel (authentication) is the
       operator's to repair, not the message's: it is tried again until it expires.
    3. Otherwise it is due again after the policy's delay, or later if the receiver asked for it (up to
       a day); DEAD when the attempts are used up or that would be after `expires_at`.

    Args:
        notification: the row as it was claimed.
        error: why the attempt failed, or None.
        now: when the attempt ended.
        policy: how stubborn to be; the channel's own by default.
    """
    policy = policy or policy_of(notification.channel)
    row = replace(notification, attempts=notification.attempts + 1, last_attempt_at=now)
    if error is None:
        return replace(row, state=NotificationState.SENT, sent_at=now, last_error="")
    said = " ".join(str(error).split())[:_ERROR_CHARS] or type(error).__name__
    row = replace(row, last_error=said)
    if error.gone or (error.permanent and not error.pause_channel):
        return replace(row, state=NotificationState.DEAD)
    if policy.attempts is not None and row.attempts >= policy.attempts:
        return _given_up(row, f"no more attempts after {row.attempts}")
    due_at = now + max(delay(row, policy), min(error.retry_after or timedelta(0), LONGEST_RETRY_AFTER))
    if due_at > row.expires_at:
        return _given_up(row, f"the next attempt would be after {row.expires_at.isoformat()}")
    return replace(row, due_at=due_at)


def held_back(row: Notification, why: str, until: datetime) -> Notification:
    """Return the row when its receiver is left alone: no attempt is counted, only its life ends it."""
    row = replace(row, last_error=" ".join(why.split())[:_ERROR_CHARS], due_at=until)
    if until > row.expires_at:
        return replace(
            _given_up(row, f"the receiver did not come back before {row.expires_at.isoformat()}"),
            due_at=row.expires_at,
        )
    return row


def delay(row: Notification, policy: Policy) -> timedelta:
    """Return how long to wait after the row's newest attempt (at least one): rising, with jitter."""
    step = min(row.attempts, len(policy.delays)) - 1
    return policy.delays[step] * (1 + JITTER * _fraction(row.notification_id))


def _given_up(row: Notification, why: str) -> Notification:
    return replace(row, state=NotificationState.DEAD, last_error=f"{row.last_error} (given up: {why})")


def _fraction(notification_id: str) -> float:
    digest = hashlib.sha256(notification_id.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:4], "big") / 2**32
