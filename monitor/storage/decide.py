"""What both back ends decide alike, without touching a database."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from monitor.models import NotificationState, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from monitor.models import Decision, HostClaim, Item

K = TypeVar("K")

# Outcomes that a message of several alerts follows, one for each slot, and all that a message follows.
COLLECTED = frozenset({Outcome.DIGEST, Outcome.SILENCED, Outcome.RATE_LIMITED})
WAITING = COLLECTED | {Outcome.QUEUED, Outcome.HELD}
FINAL = frozenset({Outcome.SENT, Outcome.FAILED})
DROPPED = "dropped by the operator"  # last_error of a message that was given up by hand
ENDED = frozenset({NotificationState.SENT, NotificationState.DEAD})
# What an attempt changes in an outbox row; all else stays as first stored.
PROGRESS = (
    "due_at",
    "expires_at",
    "state",
    "attempts",
    "last_error",
    "last_attempt_at",
    "sent_at",
    "token",
)
LEAST_SHARED = 2  # postings in common that make a story candidate
FORGET_AT = 200_000  # items of one language: then all counts of terms are halved, so that the past fades


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """Which item a key stands for."""

    item_id: str
    is_alias: bool  # False: its identity, which wins over an alias


def assign_keys(
    owners: Mapping[K, KeyOwner], items: Iterable[Item], form: Callable[[str], K]
) -> dict[K, KeyOwner]:
    """Return the owners that `items` add or change, for the keys of one feed.

    Args:
        owners: the stored owners of all keys that `items` have.
        items: in order; the first of two with one alias has it.
        form: the stored form of a key.
    """
    changes: dict[K, KeyOwner] = {}
    for item in items:
        for text in (item.key, *item.aliases):
            key, is_alias = form(text), text != item.key
            owner = changes.get(key) or owners.get(key)
            if owner is None or (owner.is_alias and not is_alias):
                changes[key] = KeyOwner(item.item_id, is_alias)
    return changes


def newest_revisions(items: Sequence[Item]) -> dict[str, Item]:
    """Return `items` by id, in order; of two with one id the higher revision, else the first."""
    newest: dict[str, Item] = {}
    for item in items:
        if item.item_id not in newest or item.revision > newest[item.item_id].revision:
            newest[item.item_id] = item
    return newest


def claimed_urls(claim: HostClaim) -> dict[str, str]:
    """Return the URL that each feed had when it was claimed, by feed; a poll's state may have another."""
    return {feed.feed_id: feed.url for feed in claim.feeds}


def is_waiting(decision: Decision) -> bool:
    """Say whether a message is still to be made from `decision`."""
    return decision.outcome in WAITING and not decision.notification_ids and decision.due_at is not None


def is_fixed(decision: Decision) -> bool:
    """Say whether `decision` may no longer be replaced: it is rendered or final."""
    return bool(decision.notification_ids) or decision.outcome in FINAL


def batch_of(decision: Decision) -> str:
    """Return what, beside the recipient, names the message that `decision` becomes part of."""
    return f"digest {decision.slot}" if decision.outcome in COLLECTED else f"alert {decision.alert_id}"


def settled(states: Sequence[NotificationState]) -> Outcome | None:
    """Return what a decision becomes by its notifications' states: None while it is open."""
    if NotificationState.SENT in states:
        return Outcome.SENT
    if states and all(state is NotificationState.DEAD for state in states):
        return Outcome.FAILED
    return None


class Claimable(Protocol):
    """A notification, or the columns of one."""

    @property
    def order_key(self) -> str:
        """Rows with one key leave one after the other."""

    @property
    def recipient_id(self) -> str:
        """Whose running claims are counted."""


C = TypeVar("C", bound=Claimable)


def pick_claims(
    candidates: Iterable[C], running: Mapping[str, int], *, limit: int, per_recipient: int
) -> list[C]:
    """Return which of the claimable notifications to claim, in order.

    Args:
        candidates: each alone could be claimed now; longest due first.
        running: claims that run, by recipient.
        limit: at most so many.
        per_recipient: at most so many running claims a recipient, the new ones included.
    """
    picked: list[C] = []
    busy, load = set(), defaultdict(int, running)
    for candidate in candidates:
        if len(picked) == limit:
            break
        if candidate.order_key in busy or load[candidate.recipient_id] >= per_recipient:
            continue
        busy.add(candidate.order_key)
        load[candidate.recipient_id] += 1
        picked.append(candidate)
    return picked
