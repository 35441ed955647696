"""Commands for those who keep it running: status, migrate, backup, send-test."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.app import assemble, open_storage
from monitor.cli.output import ago, as_json, fail, note, out, plural, table
from monitor.clock import Clock
from monitor.directory import find
from monitor.logs import configure
from monitor.once import send_test
from monitor.settings import load

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from monitor.models import Alert, FeedState, Notification
    from monitor.storage.base import Counts

MOST_SHOWN = 20

DIR = Annotated[Path, typer.Argument(metavar="DIR", help="the installation")]
JSON = Annotated[bool, typer.Option("--json", help="print one JSON object")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(status)
    app.command()(migrate)
    app.command()(backup)
    app.command("send-test")(send_test_message)


def status(directory: DIR = Path(), json: JSON = False) -> None:
    """Show feeds in trouble, recent alerts, and messages that wait or were given up."""
    settings, _ = load(directory)
    configure(settings.log_format, "warning")
    place = find(directory)
    now = Clock()()

    async def ask() -> tuple[Counts, Sequence[FeedState], Sequence[Alert], Sequence[Notification]]:
        async with open_storage(settings.database(place.path)) as storage:
            waiting = await storage.notifications(state="pending", limit=MOST_SHOWN)
            dead = await storage.notifications(state="dead", limit=MOST_SHOWN)
            return (
                await storage.counts(now),
                await storage.feed_states(),
                await storage.list_alerts(limit=MOST_SHOWN),
                (*dead, *waiting),
            )

    counts, feeds, alerts, messages = asyncio.run(ask())
    if json:
        as_json(_as_dict(counts, feeds, messages))
    else:
        _print(counts, feeds, alerts, messages, now)


def _print(
    counts: Counts,
    feeds: Sequence[FeedState],
    alerts: Sequence[Alert],
    messages: Sequence[Notification],
    now: datetime,
) -> None:
    out.print(
        f"[bold]{plural(counts.feeds, 'feed')}[/] ({counts.feeds_failing} failing),"
        f" {plural(counts.items, 'item')},"
        f" {plural(counts.hits, 'hit')} ({counts.hits_pending} to be grouped)"
    )
    out.print(
        f"[bold]{plural(counts.alerts_open, 'open alert')}[/], {counts.alerts:,} in all; messages:"
        f" {counts.notifications_sent:,} sent, {counts.notifications_pending:,} waiting,"
        f" {counts.notifications_dead:,} given up"
    )
    failing = [state for state in feeds if state.failures]
    if failing:
        headings: tuple[str, ...] = ("feed", "kind", "failures", "last success", "what is wrong")
        table("Feeds in trouble", headings, [_feed_row(state, now) for state in failing[:MOST_SHOWN]])
    if alerts:
        headings = ("alert", "severity", "state", "last report", "sources", "rule", "headline")
        table("Latest alerts", headings, [_alert_row(alert, now) for alert in alerts])
    if messages:
        headings = ("id", "state", "recipient", "channel", "attempts", "last error")
        table("Messages given up or waiting", headings, [_message_row(message) for message in messages])


def _feed_row(state: FeedState, now: datetime) -> tuple[str, ...]:
    kind = state.error_kind.replace("_", " ")
    return state.feed_id, kind, str(state.failures), ago(now, state.last_success_at), state.error


def _alert_row(alert: Alert, now: datetime) -> tuple[str, ...]:
    return (
        alert.alert_id[:8],
        alert.severity.value,
        alert.state.value,
        ago(now, alert.last_hit_at),
        str(len({source.owner for source in alert.sources if not source.copy_of})),
        alert.rule.title,
        alert.sources[0].title if alert.sources else "",
    )


def _message_row(message: Notification) -> tuple[str, ...]:
    return (
        message.notification_id[:8],
        message.state.value,
        message.recipient_id,
        message.channel,
        str(message.attempts),
        message.last_error or "not tried yet",
    )


def _as_dict(counts: Counts, feeds: Sequence[FeedState], messages: Sequence[Notification]) -> dict[str, Any]:
    return {
        "feeds": {
            "scheduled": counts.feeds,
            "failing": [
                {"feed": s.feed_id, "kind": s.error_kind, "failures": s.failures, "error": s.error}
                for s in feeds
                if s.failures
            ],
        },
        "items": counts.items,
        "hits": {"all": counts.hits, "pending": counts.hits_pending},
        "alerts": {"all": counts.alerts, "open": counts.alerts_open},
        "notifications": {
            "sent": counts.notifications_sent,
            "pending": counts.notifications_pending,
            "dead": counts.notifications_dead,
            "trouble": [
                {
                    "id": m.notification_id,
                    "state": m.state.value,
                    "recipient": m.recipient_id,
                    "error": m.last_error,
                }
                for m in messages
            ],
        },
    }


def migrate(directory: DIR = Path()) -> None:
    """Bring the database to this version's schema; make a backup first."""
    settings, _ = load(directory)
    configure(settings.log_format, "warning")
    place = find(directory)

    async def bring() -> tuple[str, str]:
        async with open_storage(settings.database(place.path), check=False) as storage:
            return await storage.migrate()

    before, after = asyncio.run(bring())
    note(f"the schema is at {after}" + ("" if before == after else f" (was {before or 'empty'})"))


def backup(
    directory: DIR,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="a new file")],
) -> None:
    """Copy the SQLite database to FILE while the daemon goes on (PostgreSQL: use pg_dump)."""
    settings, _ = load(directory)
    configure(settings.log_format, "warning")
    place = find(directory)

    async def copy() -> None:
        async with open_storage(settings.database(place.path)) as storage:
            await storage.backup(str(file))

    asyncio.run(copy())
    note(f"the database was copied to {file}")


def send_test_message(
    directory: DIR,
    recipient: Annotated[str, typer.Argument(metavar="RECIPIENT", help="an id from routes.yaml")],
) -> None:
    """Send one test message to RECIPIENT over each of its channels, and say what became of it."""
    settings, secrets = load(directory)
    redactor = configure(settings.log_format, "error")

    async def send() -> list[tuple[str, str, bool]]:
        async with assemble(find(directory), settings, secrets, redactor=redactor) as monitor:
            return await send_test(monitor, recipient)

    results = asyncio.run(send())
    for channel, text, accepted in results:
        (out.print if accepted else fail)(f"{channel}: {text}")
    if not all(accepted for *_, accepted in results):
        raise typer.Exit(1)
