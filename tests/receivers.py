"""Real servers on loopback that record what they get and can misbehave: SMTP (aiosmtpd) and HTTP (aiohttp).

    async with smtp_receiver() as smtp:
        ...                                  # smtp.host, smtp.port
        smtp.messages[0].parsed["Subject"]

    async with http_receiver() as hook:
        hook.answers.append(Answer(503, {"Retry-After": "7"}))
        ...                                  # hook.url("/alerts")
        hook.requests[0].json()

Both listen on port 0 of 127.0.0.1 in the running loop, and end with their block.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

HOST = "127.0.0.1"


# --- SMTP ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mail:
    """One message that the server accepted."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes  # as it came over the wire, without dot stuffing
    connection: int  # which connection brought it, from 1

    @property
    def parsed(self) -> EmailMessage:
        """Return the message as a mail program reads it."""
        message = BytesParser(policy=policy.default).parsebytes(self.raw)
        assert isinstance(message, EmailMessage)
        return message

    def part(self, subtype: str) -> str:
        """Return the decoded text of the `plain` or `html` part."""
        body = self.parsed.get_body((subtype,))
        assert body is not None, f"no text/{subtype} part"
        return str(body.get_content())


@dataclass
class SmtpReceiver:
    """What the server saw, and how it is to behave; change the fields at any time."""

    host: str = HOST
    port: int = 0
    messages: list[Mail] = field(default_factory=list)
    connections: int = 0  # opened so far
    open: int = 0  # open now
    most_open: int = 0
    commands: list[str] = field(default_factory=list)  # "MAIL", "RSET"... in order
    logins: list[tuple[str, str]] = field(default_factory=list)
    greeting: str = ""  # sent instead of 220; the connection is then closed
    mail_reply: str = ""  # to MAIL FROM
    rcpt_replies: dict[str, str] = field(default_factory=dict)  # by address; "" key = for all others
    data_reply: str = ""  # after the message's final dot
    auth_reply: str = ""  # to any login
    drop_in_data: bool = False  # the connection breaks in the middle of the message
    drop_after: int = 0  # the connection breaks after so many accepted messages on it
    stall_on: str = ""  # command that is never answered
    gate: asyncio.Event | None = None  # when set to an event, messages are accepted only once it is set
    waiting: int = 0  # messages that wait at the gate
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    protocols: set[Any] = field(default_factory=set)

    async def until(self, condition: Any) -> None:
        """Wait until `condition()` holds; it is asked after each event, for at most 5 s."""
        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(condition)

    async def notify(self) -> None:
        """Wake those who wait in `until`."""
        async with self.changed:
            self.changed.notify_all()

    def hang_up(self) -> None:
        """Close every open connection from the server's side."""
        for protocol in list(self.protocols):
            protocol.transport.abort()


class _Handler:
    """aiosmtpd's hooks, obeying the receiver's fields."""

    def __init__(self, receiver: SmtpReceiver, protocol: _Protocol) -> None:
        self.receiver = receiver
        self.protocol = protocol

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's naming
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.receiver.mail_reply:
            return self.receiver.mail_reply
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        replies = self.receiver.rcpt_replies
        if reply := replies.get(address, replies.get("", "")):
            return reply
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        receiver = self.receiver
        if receiver.gate is not None:
            receiver.waiting += 1
            await receiver.notify()
            await receiver.gate.wait()
        if receiver.data_reply:
            return receiver.data_reply
        content = envelope.original_content
        assert isinstance(content, bytes)
        receiver.messages.append(
            Mail(str(envelope.mail_from), tuple(envelope.rcpt_tos), content, self.protocol.number)
        )
        self.protocol.accepted += 1
        await receiver.notify()
        return f"250 2.0.0 OK: queued as {len(receiver.messages)}"


class _Protocol(SMTP):
    """One connection."""

    def __init__(self, receiver: SmtpReceiver, **options: Any) -> None:
        self.receiver = receiver
        self.accepted = 0
        self.greeted = False
        receiver.connections += 1
        self.number = receiver.connections
        super().__init__(_Handler(receiver, self), authenticator=self._login, hostname="mail.test", **options)

    def _login(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.receiver.logins.append((data.login.decode(), data.password.decode()))
        if self.receiver.auth_reply:
            return AuthResult(success=False, handled=False, message=self.receiver.auth_reply)
        return AuthResult(success=True)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Called again after STARTTLS, and never when an implicit TLS handshake fails.
        if self not in self.receiver.protocols:
            self.receiver.protocols.add(self)
            self.receiver.open += 1
            self.receiver.most_open = max(self.receiver.most_open, self.receiver.open)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self in self.receiver.protocols:
            self.receiver.open -= 1
            self.receiver.protocols.discard(self)
            asyncio.get_running_loop().create_task(self.receiver.notify())
        super().connection_lost(error)

    async def push(self, status: str | bytes) -> None:
        first, self.greeted = not self.greeted, True
        if first and self.receiver.greeting:
            await super().push(self.receiver.greeting)
            assert self.transport is not None
            self.transport.close()
            return
        await super().push(status)

    async def _command(self, name: str) -> None:
        self.receiver.commands.append(name)
        if self.receiver.stall_on == name:
            await asyncio.Event().wait()

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802
        await self._command("EHLO")
        await super().smtp_EHLO(hostname)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        await self._command("MAIL")
        await super().smtp_MAIL(arg)

    async def smtp_RSET(self, arg: str) -> None:  # noqa: N802
        await self._command("RSET")
        await super().smtp_RSET(arg)

    async def smtp_QUIT(self, arg: str) -> None:  # noqa: N802
        await self._command("QUIT")
        await super().smtp_QUIT(arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        await self._command("DATA")
        assert self.transport is not None
        if self.receiver.drop_in_data:
            await super().push("354 go on")
            self.transport.abort()
            return
        await super().smtp_DATA(arg)
        if self.receiver.drop_after and self.accepted >= self.receiver.drop_after:
            self.transport.close()


@asynccontextmanager
async def smtp_receiver(
    *,
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
    auth: bool = False,
) -> AsyncIterator[SmtpReceiver]:
    """Run an SMTP server for the length of the block.

    Args:
        starttls: offer STARTTLS with this context.
        tls: speak TLS from the first byte with this context.
        auth: offer AUTH; every login is accepted unless `auth_reply` is set.
    """
    receiver = SmtpReceiver()

    def make() -> _Protocol:
        return _Protocol(
            receiver,
            tls_context=starttls,
            auth_require_tls=False,
            auth_exclude_mechanism=() if auth else ("LOGIN", "PLAIN"),
            enable_SMTPUTF8=False,
        )

    server = await asyncio.get_running_loop().create_server(make, HOST, 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        if receiver.gate is not None:
            receiver.gate.set()
        receiver.hang_up()
        await server.wait_closed()


def certificate(directory: Path, host: str = HOST) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a certificate for `host` with openssl; return (server's context, a client's that trusts it)."""
    key, cert = directory / "key.pem", directory / "cert.pem"
    kind = "IP" if host[0].isdigit() else "DNS"
    command = [
        "openssl",
        "req",
        "-x509",
        "-nodes",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
    ]
    command += ["-keyout", str(key), "-out", str(cert), "-days", "2", "-subj", f"/CN={host}"]
    command += ["-addext", f"subjectAltName={kind}:{host}"]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(cert, key)
    return server, ssl.create_default_context(cafile=str(cert))


# --- HTTP ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """What the HTTP receiver says to one request."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    drop: bool = False  # break the connection without an answer
    stall: bool = False  # never answer
    huge: int = 0  # send so many bytes as the body
    trickle: bool = False  # one byte of the body at a time, and never the last one

    @property
    def accepts(self) -> bool:
        """Tell whether the sender learns that its message was taken."""
        return 200 <= self.status < 300 and not (self.drop or self.stall or self.trickle)


@dataclass(frozen=True)
class Request:
    """One request that came."""

    method: str
    path: str  # with query
    headers: dict[str, str]  # names in lower case
    body: bytes

    def json(self) -> Any:
        """Return the parsed body."""
        return json.loads(self.body)


@dataclass
class HttpReceiver:
    """What the server got, and what it answers: `answers` in order, then `default`."""

    port: int = 0
    requests: list[Request] = field(default_factory=list)
    accepted: list[Request] = field(default_factory=list)  # those of them that were answered with 2xx
    answers: deque[Answer] = field(default_factory=deque)
    default: Answer = field(default_factory=Answer)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, path: str = "/") -> str:
        """Return the URL of `path` on this server."""
        return f"http://{HOST}:{self.port}{path}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Record the request and answer as told."""
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        received = Request(request.method, request.path_qs, headers, body)
        self.requests.append(received)
        answer = self.answers.popleft() if self.answers else self.default
        if answer.accepts:
            self.accepted.append(received)
        if answer.stall:
            await self.released.wait()
        if answer.drop or answer.stall:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        if answer.trickle:
            return await self._trickle(request, answer)
        if not answer.huge:
            return web.Response(status=answer.status, headers=answer.headers, body=answer.body)
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        await response.prepare(request)
        try:
            for _ in range(0, answer.huge, 65536):
                await response.write(b"x" * 65536)
        except ConnectionError:
            pass  # the client had enough
        return response

    async def _trickle(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        """Answer so slowly that it never ends."""
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        response.content_length = 1_000_000
        await response.prepare(request)
        try:
            while not self.released.is_set():
                await response.write(b"x")
                await asyncio.sleep(0.05)
        except ConnectionError:
            pass  # the client had enough
        return response


@asynccontextmanager
async def http_receiver() -> AsyncIterator[HttpReceiver]:
    """Run an HTTP server for the length of the block."""
    receiver = HttpReceiver()
    application = web.Application(client_max_size=64 * 1024 * 1024)
    application.router.add_route("*", "/{path:.*}", receiver.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0)
    await site.start()
    receiver.port = runner.addresses[0][1]
    try:
        yield receiver
    finally:
        receiver.released.set()
        await runner.cleanup()
