"""The composition root: from settings and files to the parts of a running program."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from monitor import __version__
from monitor.addresses import AddressGuard
from monitor.channels.apprise import Apprise
from monitor.channels.dkim import Dkim
from monitor.channels.email import Email, EmailSettings
from monitor.channels.webhook import Webhook
from monitor.clock import Clock
from monitor.feeds.fetch import Fetcher
from monitor.feeds.gate import Gate
from monitor.feeds.worker import ParserPool
from monitor.heartbeat import Heartbeat
from monitor.http import HttpClient
from monitor.lock import only_process
from monitor.program import Monitor, Parts
from monitor.rendering import Templates
from monitor.ruleskeeper import RulesKeeper
from monitor.semantic import load_model
from monitor.settings import known_secrets
from monitor.storage.memory import MemoryStorage
from monitor.storage.sql import SqlStorage
from monitor.stories.linking import MODES, Joining, Meaning
from monitor.web.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from monitor.channels.base import Channel
    from monitor.directory import Directory
    from monitor.feeds.fetch import Getting
    from monitor.logs import Redactor
    from monitor.settings import Settings
    from monitor.storage.base import Storage

log = structlog.get_logger("monitor")

NAME = "diplomatic-monitor"


@asynccontextmanager
async def open_storage(url: str, *, check: bool = True) -> AsyncIterator[Storage]:
    """Open the database at `url`; with `check` its schema must be this version's.

    Raises:
        StorageError: it cannot be used; the message says why.
    """
    storage = SqlStorage(url)
    try:
        if check:
            await storage.open()
        yield storage
    finally:
        await storage.close()


@asynccontextmanager
async def open_polling(
    directory: Directory,
    settings: Settings,
    secrets: Callable[[str], str | None],
    clock: Clock,
    wrap: Callable[[Getting], Getting] = lambda http: http,
) -> AsyncIterator[tuple[Fetcher, ParserPool]]:
    """Open what fetches and parses feeds, without rules and database.

    Args:
        directory: the installation.
        settings: its settings.
        secrets: looks up passwords of feeds.
        clock: answers `now`.
        wrap: puts something between the fetcher and the HTTP client, to keep or replay answers.
    """
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(_http(settings))
        parser = ParserPool(settings.parse_workers, settings.seconds("parse_deadline"))
        stack.push_async_callback(parser.close)
        yield _fetcher(wrap(http), directory, settings, secrets, clock), parser


def joining(directory: Directory, settings: Settings) -> Joining:
    """Return how items join stories in this installation.

    Raises:
        ConfigurationError: a model for L3 is named and cannot be used; the message says what to do.
    """
    mode = MODES[settings.story_grouping]
    if not settings.semantic_model:
        return Joining(mode)
    model = load_model(directory.path / settings.semantic_model)
    return Joining(mode, meaning=Meaning(model.near, settings.semantic_near))


def replay_storage() -> Storage:
    """Return a store that forgets everything with the process: for replays."""
    return MemoryStorage()


@asynccontextmanager
async def assemble(
    directory: Directory,
    settings: Settings,
    secrets: Callable[[str], str | None],
    *,
    clock: Clock | None = None,
    redactor: Redactor | None = None,
) -> AsyncIterator[Monitor]:
    """Put the program together and take it apart again.

    1. Read the templates and the model for stories, if there is one; open the database.
    2. Read the rules; without a rule, a feed and a route there is nothing to run.
    3. Open the HTTP client, the parsers and the channels.
    4. Schedule the feeds.

    Raises:
        MonitorError: something cannot be used; the message says what and what to do.
    """
    log.info("starting", version=__version__, directory=str(directory.path))
    templates = Templates(directory, inline_css=settings.email_inline_css)
    stories = joining(directory, settings)
    clock = clock or Clock()
    async with AsyncExitStack() as stack:
        storage = await stack.enter_async_context(open_storage(settings.database(directory.path)))
        clock.align(await storage.ping())
        embedded = settings.database(directory.path).startswith("sqlite")
        alone = not embedded or stack.enter_context(only_process(directory.path / "var"))
        if not alone:
            log.warning(
                "another process works on this installation", directory=str(directory.path),
                hint="both work safely, and nothing is sent twice; for `monitor run`, one is enough",
            )  # fmt: skip
        if embedded and alone:
            # Nobody else uses this file: a killed predecessor's leases need not be waited for.
            await storage.end_leases()
        keeper = RulesKeeper(directory, storage)
        book = await keeper.first()
        http = await stack.enter_async_context(_http(settings))
        parser = ParserPool(settings.parse_workers, settings.seconds("parse_deadline"))
        stack.push_async_callback(parser.close)
        fetcher = _fetcher(http, directory, settings, secrets, clock)
        email = Email(_email_settings(settings))
        stack.push_async_callback(email.close)
        webhook = Webhook(http.post, secrets, settings.seconds("webhook_timeout"))

        def hide(names: tuple[str, ...]) -> None:
            if redactor is not None:
                redactor.add(*known_secrets(settings, secrets, names))

        channels: dict[str, Channel] = {"email": email, "webhook": webhook, "apprise": Apprise(secrets)}
        parts = Parts(
            settings, keeper, clock, storage, Metrics(__version__), channels, templates, fetcher, parser, hide
        )
        parts.joining = stories
        if redactor is not None:
            parts.clean = redactor.known
        if embedded:
            parts.disk = lambda: _room(directory.path)
        if settings.heartbeat_url.get_secret_value():
            parts.ping = Heartbeat(http.get, settings.heartbeat_url.get_secret_value()).ping
        monitor = Monitor(parts, book)
        await monitor.start()
        yield monitor


def _room(path: Path) -> tuple[int, int] | None:
    """Return (free, total) bytes of the disk, None when the system does not say."""
    try:
        usage = shutil.disk_usage(path)
    except OSError:
        return None
    return usage.free, usage.total


def _fetcher(
    http: Getting,
    directory: Directory,
    settings: Settings,
    secrets: Callable[[str], str | None],
    clock: Clock,
) -> Fetcher:
    return Fetcher(
        http,
        secrets,
        max_bytes=settings.fetch_max_bytes,
        timeout=settings.seconds("fetch_timeout"),
        file_roots=(Path("/"),) if settings.allow_files else (directory.path,),
        gate=Gate(clock, asyncio.sleep, settings.seconds("host_spacing")),
    )


def _http(settings: Settings) -> HttpClient:
    contact = f"; +{settings.contact_url}" if settings.contact_url else ""
    return HttpClient(
        AddressGuard(settings.networks()),
        f"{NAME}/{__version__} (feed monitor{contact})",
        total_timeout=settings.seconds("fetch_timeout"),
        max_connections=settings.poll_concurrency + settings.deliver_concurrency,
    )


def _email_settings(settings: Settings) -> EmailSettings:
    return EmailSettings(
        host=settings.smtp_host,
        port=settings.port(),
        username=settings.smtp_username,
        password=settings.smtp_password.get_secret_value() or None,
        security=settings.smtp_security,
        sender=settings.smtp_sender,
        timeout=settings.seconds("smtp_timeout"),
        max_connections=settings.smtp_connections,
        unsubscribe_url=settings.unsubscribe_url,
        dkim=_dkim(settings),
    )


def _dkim(settings: Settings) -> Dkim | None:
    if not settings.dkim_domain:
        return None
    signer = Dkim(settings.dkim_domain, settings.dkim_selector, settings.dkim_key.get_secret_value())
    signer.check()
    return signer
