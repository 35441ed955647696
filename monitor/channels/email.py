"""The e-mail channel; the only file that speaks SMTP (through aiosmtplib).

One message goes to all addresses of a recipient, over one of a few pooled connections. What a server
answers decides whether another attempt makes sense: 4xx and connection trouble do, 5xx does not; a
refused login or a TLS failure would meet every message, so it also pauses the channel.

When a server takes some addresses and defers others, the attempt counts as failed, and the next one goes
only to those that were deferred. Which were taken is remembered in memory: after a restart they
get the message again, with the same Message-ID. An address refused for good does not hold up the rest.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

import aiosmtplib

from monitor.channels.mime import Address, AddressError, Envelope, address, compose
from monitor.channels.pool import Pool
from monitor.errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from monitor.channels.dkim import Dkim
    from monitor.models import Notification, Recipient

MOST_CONNECTIONS = 16  # servers commonly take 20 to 50 from one client
_LOGIN_REQUIRED = 530  # RFC 4954, 6
_SENDER_REFUSED = frozenset({550, 551, 553})  # at MAIL FROM; 552 there is about the message's size
_PERMANENT = 500  # RFC 5321, 4.2.1: from here on the server says "never"
_CLOSING = 421  # RFC 5321, 3.8: the server ends the session
_UNREADABLE = -1  # aiosmtplib's code for a reply that is no SMTP
_REMEMBERED = 1000  # notifications with addresses still to serve; each a few hundred bytes
_CHECK_SECONDS = 5  # a kept connection that does not answer RSET by then is given up


@dataclass(frozen=True, slots=True)
class EmailSettings:
    """How the mail server is reached."""

    host: str = "localhost"
    port: int = 587
    username: str = ""  # "" = no authentication
    password: str | None = field(default=None, repr=False)
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: str = "Diplomatic Monitor <monitor@localhost>"  # From: and envelope sender
    timeout: timedelta = timedelta(seconds=30)  # bound of one attempt, waiting for a connection included
    max_connections: int = 8  # 1 to MOST_CONNECTIONS
    idle: timedelta = timedelta(seconds=30)  # an unused connection is closed after this
    max_messages: int = 100  # over one connection; common servers allow as many
    unsubscribe_url: str = ""  # https; {recipient} in it becomes the recipient's id
    dkim: Dkim | None = None  # None = messages are not signed here

    @property
    def where(self) -> str:
        """Return "host:port" for messages."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class _Connection:
    """One SMTP session as the pool sees it."""

    def __init__(self, client: aiosmtplib.SMTP) -> None:
        self.client = client

    async def check(self) -> None:
        await self.client.rset(timeout=_CHECK_SECONDS)

    async def quit(self) -> None:
        await self.client.quit()

    def abort(self) -> None:
        self.client.close()


class Email:
    """Sends notifications by e-mail; see `base.Channel` for the contract."""

    name = "email"

    def __init__(self, settings: EmailSettings, tls: ssl.SSLContext | None = None) -> None:
        """Keep the settings; nothing is opened before the first message.

        Args:
            settings: how the mail server is reached.
            tls: a context with the operator's own authorities; None = the system's.
        """
        self._settings = settings
        self._tls = tls
        self._pool = Pool(
            self._connect,
            size=min(max(settings.max_connections, 1), MOST_CONNECTIONS),
            idle_seconds=settings.idle.total_seconds(),
            max_uses=settings.max_messages,
        )
        self._served: OrderedDict[str, set[str]] = OrderedDict()

    async def send(self, notification: Notification, recipient: Recipient, now: datetime) -> str:  # noqa: ARG002 - the contract's clock; e-mail needs none
        """Send once to every address of `recipient` that has not taken this message yet.

        Returns:
            The server's answer, and the addresses that it refused, in one line.

        Raises:
            DeliveryError: as the module says.
        """
        sender, addresses = self._mailboxes(recipient)
        unsubscribe = self._settings.unsubscribe_url.replace("{recipient}", quote(recipient.recipient_id))
        envelope = Envelope(
            sender, addresses, notification.notification_id, notification.created_at, unsubscribe
        )
        served = self._served.get(notification.notification_id, set())
        open_addresses = [mailbox.spec for mailbox in addresses if mailbox.spec not in served]
        content = compose(notification.message, envelope)
        if self._settings.dkim is not None:
            content = self._settings.dkim.signed(content)
        try:
            async with asyncio.timeout(self._settings.timeout.total_seconds()):
                refused, answer = await self._transmit(sender.spec, open_addresses, content)
        except TimeoutError:
            raise DeliveryError(
                f"{self._settings.where} did not finish within {self._settings.timeout.total_seconds():g} s; "
                "it is tried again later",
                permanent=False,
            ) from None
        return self._settle(notification.notification_id, served, open_addresses, refused, answer)

    def target(self, recipient: Recipient) -> str:  # noqa: ARG002 - the contract's
        """Return "": nothing here is gone for ever."""
        return ""

    async def close(self) -> None:
        """Say goodbye on every idle connection."""
        await self._pool.close()

    def _mailboxes(self, recipient: Recipient) -> tuple[Address, tuple[Address, ...]]:
        """Return sender and addressees.

        Raises:
            DeliveryError: one of them cannot be written.
        """
        try:
            sender = address(self._settings.sender)
        except AddressError as error:
            raise DeliveryError(f"MONITOR_SMTP_SENDER: {error}", permanent=True, pause_channel=True) from None
        if recipient.email is None or not recipient.email.to:
            raise DeliveryError(
                f"recipient '{recipient.recipient_id}' has no e-mail address; give it one in routes.yaml",
                permanent=True,
            )
        try:
            # The same mailbox twice in `to` is one addressee.
            found = {mailbox.spec.lower(): mailbox for mailbox in map(address, recipient.email.to)}
        except AddressError as error:
            raise DeliveryError(
                f"recipient '{recipient.recipient_id}' in routes.yaml: {error}", permanent=True
            ) from None
        return sender, tuple(found.values())

    async def _transmit(
        self, sender: str, addresses: list[str], content: bytes
    ) -> tuple[dict[str, tuple[int, str]], str]:
        """Run one SMTP transaction; return the refused addresses with the reply to each, and the answer.

        1. A connection is borrowed; one that was kept is asked (RSET) whether it still lives.
        2. After a reply, even a refusal, its state is known and it is kept, unless the server hangs up (421).
        3. After anything else it is closed: bytes of this message may still be on their way.
        """
        try:
            connection = await self._pool.take()
        except (aiosmtplib.SMTPException, OSError) as error:
            raise self._connection_failure(error) from None
        healthy = False
        try:
            errors, answer = await connection.client.sendmail(sender, addresses, content)
            healthy = True
        except aiosmtplib.SMTPRecipientsRefused as error:
            healthy = all(one.code != _CLOSING for one in error.recipients)
            return {one.recipient: (one.code, self._reply(one.message)) for one in error.recipients}, ""
        except aiosmtplib.SMTPResponseException as error:
            healthy = error.code not in {_CLOSING, _UNREADABLE} and connection.client.is_connected
            raise self._refusal(error) from None
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise DeliveryError(
                f"{self._settings.where} broke off the transmission ({self._reply(_words(error))}); "
                "it is tried again later",
                permanent=False,
            ) from None
        finally:
            (self._pool.give if healthy else self._pool.drop)(connection)
        return {name: (reply.code, self._reply(reply.message)) for name, reply in errors.items()}, answer

    def _settle(
        self,
        notification_id: str,
        served: set[str],
        addresses: list[str],
        refused: dict[str, tuple[int, str]],
        answer: str,
    ) -> str:
        """Turn the replies to all addresses into one answer or one error."""
        served = served | {name for name in addresses if name not in refused}
        deferred = {name: reply for name, reply in refused.items() if reply[0] < _PERMANENT}
        self._served.pop(notification_id, None)
        if deferred:
            if served:
                self._served[notification_id] = served
                while len(self._served) > _REMEMBERED:
                    self._served.popitem(last=False)
            others = f"; {len(served)} other address(es) have it" if served else ""
            raise DeliveryError(
                f"{self._settings.where} defers {_replies(deferred.items())}{others}; "
                "it is tried again later",
                permanent=False,
            )
        if not served:
            raise DeliveryError(
                f"{self._settings.where} refuses {_replies(refused.items())}; "
                "correct the address in routes.yaml, or what the server lets through",
                permanent=True,
            )
        note = f"; refused: {_replies(refused.items())}" if refused else ""
        return f"{self._settings.where}: {self._reply(answer) or 'accepted'}{note}"

    async def _connect(self) -> _Connection:
        settings = self._settings
        client = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.username or None,
            password=settings.password or None,
            # The default would ask DNS for this machine's name, which can take many seconds.
            local_hostname=address(settings.sender).domain,
            timeout=settings.timeout.total_seconds(),
            use_tls=settings.security == "tls",
            start_tls=settings.security == "starttls",
            tls_context=None if settings.security == "none" else self._context(),
        )
        try:
            await client.connect()
        except BaseException:
            client.close()
            raise
        return _Connection(client)

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls

    def _connection_failure(self, error: Exception) -> DeliveryError:
        """Word what kept a session from being opened; see the table in the tests."""
        where, set_host = self._settings.where, "set MONITOR_SMTP_HOST and MONITOR_SMTP_PORT"
        cause = error.__cause__ or error
        if isinstance(error, aiosmtplib.SMTPResponseException):
            return self._refusal(error)
        if isinstance(cause, ssl.SSLCertVerificationError):
            return self._misconfigured(
                f"{where}: its TLS certificate is not valid ({self._reply(cause.verify_message)}); correct "
                "MONITOR_SMTP_HOST, renew the certificate, or name its authority's file in SSL_CERT_FILE"
            )
        if isinstance(cause, ssl.SSLError):
            return self._misconfigured(
                f"{where} does not speak TLS here; set MONITOR_SMTP_SECURITY to starttls (usually port 587) "
                "or tls (usually port 465)"
            )
        text = self._reply(_words(error))
        if "STARTTLS" in text:
            return self._misconfigured(
                f"{where} offers no STARTTLS; set MONITOR_SMTP_SECURITY=tls (usually port 465), or none for "
                "a relay inside a trusted network"
            )
        if "authentication" in text.lower():
            return self._misconfigured(
                f"{where} offers no login this program knows ({text}); remove MONITOR_SMTP_USERNAME or use "
                "another port of the server"
            )
        if isinstance(cause, ConnectionRefusedError):
            text = "refuses the connection"
        elif isinstance(cause, TimeoutError):
            text = "does not answer"
        elif isinstance(cause, aiosmtplib.SMTPServerDisconnected | ConnectionError):
            text = "closed the connection before it was ready"
        return DeliveryError(
            f"{where} cannot be used: {text}; start the mail server or {set_host}",
            permanent=False,
            unreachable=True,
        )

    def _refusal(self, error: aiosmtplib.SMTPResponseException) -> DeliveryError:
        """Word a negative reply of the server."""
        where, permanent = self._settings.where, error.code >= _PERMANENT
        said = f"{error.code} {self._reply(error.message)}".strip()
        if isinstance(error, aiosmtplib.SMTPAuthenticationError):
            if permanent:
                return self._misconfigured(
                    f"{where} refuses the login of '{self._settings.username}' ({said}); correct "
                    "MONITOR_SMTP_USERNAME and MONITOR_SMTP_PASSWORD (or MONITOR_SMTP_PASSWORD_FILE)"
                )
            return DeliveryError(f"{where} cannot check the login now ({said})", permanent=False)
        if isinstance(error, aiosmtplib.SMTPSenderRefused) and error.code == _LOGIN_REQUIRED:
            return self._misconfigured(
                f"{where} wants a login first ({said}); set MONITOR_SMTP_USERNAME and MONITOR_SMTP_PASSWORD"
            )
        if isinstance(error, aiosmtplib.SMTPSenderRefused) and error.code in _SENDER_REFUSED:
            return self._misconfigured(
                f"{where} refuses the sender {error.sender} ({said}); set MONITOR_SMTP_SENDER to an address "
                "that this server may send for"
            )
        if error.code == _UNREADABLE:
            return DeliveryError(
                f"{where} does not answer in SMTP; set MONITOR_SMTP_HOST and MONITOR_SMTP_PORT",
                permanent=False,
                unreachable=True,
            )
        verb = "refuses the message" if permanent else "defers the message"
        return DeliveryError(f"{where} {verb} ({said})", permanent=permanent)

    def _misconfigured(self, message: str) -> DeliveryError:
        """Return an error that every message would meet until the settings change."""
        return DeliveryError(message, permanent=True, pause_channel=True)

    def _reply(self, text: str) -> str:
        """Return a server's words on one short line, without our password should they repeat it."""
        if self._settings.password:
            text = text.replace(self._settings.password, "***")
        return re.sub(r"[\x00-\x20\x7f-\x9f]+", " ", text).strip()[:200]


def _words(error: BaseException) -> str:
    return str(getattr(error, "message", "") or error) or type(error).__name__


def _replies(refused: Iterable[tuple[str, tuple[int, str]]]) -> str:
    return ", ".join(f"{name} ({code} {text})" for name, (code, text) in refused)
