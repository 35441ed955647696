"""The smallest contract of a channel: send one message, or say why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.models import Notification, Recipient


class Channel(Protocol):
    """Sends stored notifications; chooses nothing: retries and fallbacks are decided elsewhere."""

    name: str  # Notification.channel

    async def send(self, notification: Notification, recipient: Recipient, now: datetime) -> str:
        """Send once and return the receiver's answer in one line.

        Safe to call again with the same notification: the receiver can recognise the repeat by
        `notification_id` (Message-ID, webhook-id). May be called concurrently. Bounded in time.

        Raises:
            DeliveryError: it was not accepted; nothing else is raised but `CancelledError`.
        """

    def target(self, recipient: Recipient) -> str:
        """Return a fingerprint of where messages to `recipient` go, from which nothing can be read.

        "" when the channel knows no receiver that may be gone for ever.
        """

    async def close(self) -> None:
        """Let go of pooled connections; may be called twice."""
