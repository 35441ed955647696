"""A mail server and a webhook receiver on loopback that keep and show whatever they get."""

from __future__ import annotations

import asyncio
import email
import email.policy
import html
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiosmtpd.smtp import SMTP

if TYPE_CHECKING:
    from collections.abc import Callable
    from email.message import EmailMessage
    from pathlib import Path

MOST_KEPT = 500  # of each kind, in memory and on the page; the files are all kept


@dataclass(frozen=True, slots=True)
class Mail:
    """One message as it arrived."""

    name: str  # file name without suffix
    subject: str
    to: str
    text: str
    html: str


class MailCatcher:
    """Accepts every message for anybody; writes `<n>.eml` and `<n>.html` into `folder`."""

    def __init__(self, folder: Path, told: Callable[[Mail], None]) -> None:
        """Keep messages in `folder`; call `told` with each one."""
        self._folder = folder
        self._told = told
        self._server: asyncio.Server | None = None
        self.mails: list[Mail] = []
        self.port = 0

    async def start(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        self._folder.mkdir(parents=True, exist_ok=True)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(self, enable_SMTPUTF8=True, hostname="catcher.localhost", loop=loop), "127.0.0.1", 0
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802, ANN401, ARG002 - aiosmtpd's hook
        """Keep one message."""
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        mail = _read(message, f"{len(self.mails) + 1:04}")
        self.mails.append(mail)
        del self.mails[:-MOST_KEPT]
        (self._folder / f"{mail.name}.eml").write_bytes(envelope.content)
        (self._folder / f"{mail.name}.html").write_text(mail.html, "utf-8")
        self._told(mail)
        return "250 kept"


class WebhookCatcher:
    """Accepts POST /hook, writes each body into `folder`, and serves a page of all that was caught."""

    def __init__(self, folder: Path, mails: MailCatcher, told: Callable[[dict[str, Any]], None]) -> None:
        """Keep bodies in `folder`; call `told` with each one, read as JSON."""
        self._folder = folder
        self._mails = mails
        self._told = told
        self._count = 0
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def start(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        self._folder.mkdir(parents=True, exist_ok=True)
        application = web.Application()
        application.router.add_post("/hook", self._hook)
        application.router.add_get("/", self._page)
        application.router.add_get("/mail/{name}", self._mail)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _hook(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            payload = json.loads(body)
        except ValueError:
            return web.Response(status=400, text="not JSON")
        self._count += 1
        (self._folder / f"{self._count:04}.json").write_bytes(body)
        self._told(payload)
        return web.Response(status=204)

    async def _page(self, _: web.Request) -> web.Response:
        rows = "".join(
            f'<li><a href="/mail/{mail.name}">{html.escape(mail.subject)}</a>'
            f" <small>to {html.escape(mail.to)}</small></li>"
            for mail in reversed(self._mails.mails)
        )
        page = _PAGE.format(
            rows=rows or "<li>Nothing yet.</li>", hooks=self._count, mails=len(self._mails.mails)
        )
        return web.Response(text=page, content_type="text/html", headers=_HEADERS)

    async def _mail(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        found = next((mail for mail in self._mails.mails if mail.name == name), None)
        if found is None:
            raise web.HTTPNotFound(text="no such mail")
        return web.Response(text=found.html, content_type="text/html", headers=_HEADERS)


def _read(message: EmailMessage, name: str) -> Mail:
    def part(kind: str) -> str:
        found = message.get_body((kind,))
        return str(found.get_content()) if found is not None else ""

    return Mail(name, str(message["Subject"]), str(message["To"]), part("plain"), part("html"))


_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>Caught messages</title>
<style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }}
body {{ max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }}
li {{ margin: .4rem 0; }} small {{ opacity: .7; }}
</style></head>
<body><h1>Caught messages</h1>
<p>{mails} e-mails and {hooks} webhooks so far. Reload to see more.</p>
<ol reversed>{rows}</ol></body></html>
"""
