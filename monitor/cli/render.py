"""`monitor render`: what a recipient gets, without sending anything."""

from __future__ import annotations

import asyncio
import json
import webbrowser
from dataclasses import replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor import __version__
from monitor.alerts.bundle import Bundle
from monitor.alerts.compose import compose
from monitor.app import open_storage
from monitor.channels import samples
from monitor.cli.output import as_json, note
from monitor.clock import Clock
from monitor.directory import find, read_directory
from monitor.errors import ConfigurationError
from monitor.logs import configure
from monitor.models import Decision, Outcome
from monitor.rendering import Templates
from monitor.settings import load

if TYPE_CHECKING:
    from monitor.alerts.view import NotificationView
    from monitor.directory import Directory
    from monitor.models import Alert, Message, Recipient, Routing
    from monitor.storage.base import Storage

MOST_ALERTS = 10_000  # that an id is looked for among
SAMPLES = {
    "new": samples.NOTIFICATION,
    "update": samples.UPDATE,
    "corroborated": samples.CONFIRMED,
    "corrected": samples.CORRECTED,
    "digest": samples.DIGEST,
    "catch-up": samples.CATCH_UP,
    "notice": samples.NOTICE,
    "system": samples.SYSTEM,
    "test": samples.TEST,
}

DIR = Annotated[Path, typer.Argument(metavar="DIR", help="the installation")]
RECIPIENT = Annotated[str, typer.Argument(metavar="RECIPIENT", help="an id from routes.yaml")]


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(render)


def render(
    directory: DIR,
    recipient: RECIPIENT,
    alert: Annotated[str, typer.Option(metavar="ID", help="an alert of the store, or its first digits")] = "",
    sample: Annotated[str, typer.Option(metavar="KIND", help=f"instead: {', '.join(SAMPLES)}")] = "new",
    html: Annotated[bool, typer.Option("--html", help="print the HTML part of an e-mail")] = False,
    show: Annotated[bool, typer.Option("--open", help="open the e-mail in a browser")] = False,
) -> None:
    """Show what RECIPIENT gets for an alert, or for a sample, with this installation's templates."""
    settings, _ = load(directory)
    configure(settings.log_format, "warning")
    place = find(directory)
    routing = read_directory(place).routing
    who = routing.recipient(recipient)
    if who is None:
        known = ", ".join(one.recipient_id for one in routing.recipients)
        raise ConfigurationError(f'there is no recipient "{recipient}" in routes.yaml; known are: {known}')
    if alert:
        database = settings.database(place.path)
        views = {c: asyncio.run(_stored(database, alert, who, routing, c)) for c in who.channels()}
    else:
        views = dict.fromkeys(who.channels(), _sample(sample, who))
    for channel, message in _messages(place, who, views).items():
        _print(channel, message, html=html, show=show)


def _messages(place: Directory, who: Recipient, views: dict[str, NotificationView]) -> dict[str, Message]:
    templates = Templates(place)
    return {channel: templates.message(view, who, channel) for channel, view in views.items()}


def _print(channel: str, message: Message, *, html: bool, show: bool) -> None:
    note(f"--- {channel}")
    if message.body:
        as_json(json.loads(message.body))
        return
    if show:
        with NamedTemporaryFile(
            "w", prefix="monitor-mail-", suffix=".html", encoding="utf-8", delete=False
        ) as file:
            file.write(message.html)
        note(f"the e-mail is in {file.name}")
        webbrowser.open(Path(file.name).as_uri())
        return
    print(message.html if html else f"Subject: {message.subject}\n\n{message.text}", end="")


def _sample(kind: str, who: Recipient) -> NotificationView:
    if kind not in SAMPLES:
        raise ConfigurationError(f'there is no sample "{kind}"; known are {", ".join(SAMPLES)}')
    return replace(SAMPLES[kind], recipient_id=who.recipient_id)


async def _stored(
    database: str, asked: str, who: Recipient, routing: Routing, channel: str
) -> NotificationView:
    """Return the message about a stored alert with all it knows now, as if it were the first."""
    now = Clock()()
    async with open_storage(database) as storage:
        alert = await _find(storage, asked)
        revisions = await storage.revisions([alert.alert_id])
    decisions = tuple(
        Decision(alert.alert_id, one.revision, who.recipient_id, Outcome.QUEUED, "shown", now)
        for one in revisions
    )
    bundle = Bundle("alert", who.recipient_id, alert.alert_id, "", decisions)
    told: dict[str, Any] = {alert.alert_id: alert}
    return compose(bundle, channel, told, revisions, (), routing, now, __version__)


async def _find(storage: Storage, asked: str) -> Alert:
    found = [one for one in await storage.list_alerts(limit=MOST_ALERTS) if one.alert_id.startswith(asked)]
    if len(found) != 1:
        what = f"{len(found)} alerts begin with" if found else "there is no alert"
        raise ConfigurationError(f'{what} "{asked}"; `monitor status` shows the latest ones')
    return found[0]
