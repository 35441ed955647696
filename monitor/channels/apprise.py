"""The Apprise channel: more than a hundred services through the library Apprise, an optional extra.

It is for services without a webhook format of their own here. Apprise tells only whether a message was
taken, not why it was refused, so every failure counts as one that may pass: a wrong token is tried
again until the message expires. Its requests are Apprise's own: they do not pass the address guard, and
a repeat cannot be recognised by an id.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import re
from typing import TYPE_CHECKING, Any

from monitor.errors import ConfigurationError, DeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from monitor.models import Message, Notification, Recipient

_HOW_TO_GET_IT = "pip install 'diplomatic-monitor[apprise]'"
_KINDS = {"critical": "failure", "high": "warning", "medium": "warning"}  # by severity; else "info"
# Their logs hold the paths of URLs, which are secrets of services.
_TALKATIVE = ("apprise", "urllib3", "requests")
_MOST_CHARACTERS = 30_000  # of one text; what a service has no room for, Apprise cuts


class Apprise:
    """Sends notifications through Apprise; see `base.Channel` for the contract."""

    name = "apprise"

    def __init__(self, secrets: Callable[[str], str | None]) -> None:
        """Keep what gives a variable's value by its name."""
        self._secrets = secrets

    async def send(self, notification: Notification, recipient: Recipient, now: datetime) -> str:  # noqa: ARG002 - the contract's clock
        """Send once, in a thread: Apprise waits for its services.

        Raises:
            DeliveryError: permanent when the library, the variable or a usable URL is missing; else
                transient.
        """
        url = self._url(recipient)
        scheme = found[0] if (found := re.match(r"[a-z0-9+]{1,20}(?=://)", url)) else "this URL"
        try:
            taken = await asyncio.to_thread(_notify, url, notification.message)
        except ImportError:
            raise DeliveryError(
                f"the library Apprise is not installed: {_HOW_TO_GET_IT}", permanent=True
            ) from None
        except Exception as error:  # noqa: BLE001 - a hundred plug-ins; whatever they raise, the message waits
            raise DeliveryError(
                f"Apprise failed over {scheme} ({type(error).__name__}); it is tried again later",
                permanent=False,
            ) from None
        if taken is None:
            names = recipient.apprise.url_env if recipient.apprise else ""
            raise DeliveryError(
                f"the variable {names} holds no URL that Apprise knows; see its list of services",
                permanent=True,
            )
        if not taken:
            raise DeliveryError(
                f"Apprise could not deliver over {scheme}, and does not say why; it is tried again later",
                permanent=False,
            )
        return f"accepted by Apprise over {scheme}"

    def target(self, recipient: Recipient) -> str:  # noqa: ARG002 - the contract's
        """Return "": nothing here is gone for ever."""
        return ""

    async def close(self) -> None:
        """Do nothing: Apprise keeps no connection."""

    def _url(self, recipient: Recipient) -> str:
        target = recipient.apprise
        if target is None:
            raise DeliveryError(
                f"recipient '{recipient.recipient_id}' has no apprise target; add it in routes.yaml",
                permanent=True,
            )
        try:
            value = self._secrets(target.url_env)
        except ConfigurationError as error:
            raise DeliveryError(str(error), permanent=True) from None
        if not value:
            raise DeliveryError(
                f"the variable {target.url_env} is not set; set it in the environment or in monitor.env",
                permanent=True,
            )
        return value.strip()


def _notify(url: str, message: Message) -> bool | None:
    """Return whether the service took the message; None when Apprise cannot read the URL.

    Raises:
        ImportError: the extra is not installed.
    """
    library: Any = importlib.import_module("apprise")
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    asset = library.AppriseAsset(app_id="Diplomatic Monitor", secure_logging=True, storage_mode="memory")
    service = library.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    if service is None:
        return None
    service.overflow_mode = library.OverflowMode.TRUNCATE
    severity = dict(message.headers).get("X-Monitor-Severity", "info")
    sender = library.Apprise(asset=asset)
    sender.add(service)
    return bool(
        sender.notify(
            body=message.text[:_MOST_CHARACTERS],
            title=message.subject,
            notify_type=library.NotifyType(_KINDS.get(severity, "info")),
            body_format=library.NotifyFormat.TEXT,
            interpret_escapes=False,
        )
    )
