"""Commands for those who keep it running: status, migrate, backup, send-test."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from monitor.alerts.system_rules import SYSTEM_RULES, is_system
from monitor.app import assemble, open_storage
from monitor.cli.alerts import headline
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

if TYPE_CHECKING:
    _Status: TypeAlias = tuple[
        Counts, Sequence[FeedState], Sequence[Alert], Sequence[Alert], Sequence[Notification]
    ]

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

    async def ask() -> _Status:
        async with open_storage(settings.database(place.path)) as storage:
            waiting = await storage.notifications(state="pending", limit=MOST_SHOWN)
            dead = await storage.notifications(state="dead", limit=MOST_SHOWN)
            return (
                await storage.counts(now),
                await storage.feed_states(),
                await storage.open_alerts_of(tuple(SYSTEM_RULES)),
                [a for a in await storage.list_alerts(limit=2 * MOST_SHOWN) if not is_system(a)][:MOST_SHOWN],
                (*dead, *waiting),
            )

    counts, feeds, troubles, alerts, messages = asyncio.run(ask())
    if json:
        as_json(_as_dict(counts, feeds, troubles, messages))
    else:
        _print(counts, feeds, troubles, alerts, messages, now)


def _print(
    counts: Counts,
    feeds: Sequence[FeedState],
    troubles: Sequence[Alert],
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
    if troubles:
        headings: tuple[str, ...] = ("alert", "severity", "since", "what is wrong", "what to do")
        worst = sorted(troubles, key=lambda alert: -alert.severity.rank)
        table("The monitor itself", headings, [_trouble_row(alert, now) for alert in worst])
    failing = [state for state in feeds if state.failures]
    if failing:
        headings = ("feed", "kind", "failures", "last success", "what is wrong")
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


def _trouble_row(alert: Alert, now: datetime) -> tuple[str, ...]:
    return (
        alert.alert_id[:8],
        alert.severity.value,
        ago(now, min((source.event_at for source in alert.sources), default=alert.opened_at)),
        headline(alert),
        alert.rule.description,
    )


def _alert_row(alert: Alert, now: datetime) -> tuple[str, ...]:
    return (
        alert.alert_id[:8],
        alert.severity.value,
        alert.state.value,
        ago(now, alert.last_hit_at),
        str(len({source.owner for source in alert.sources if not source.copy_of})),
        alert.rule.title,
        headline(alert),
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


def _as_dict(
    counts: Counts, feeds: Sequence[FeedState], troubles: Sequence[Alert], messages: Sequence[Notification]
) -> dict[str, Any]:
    return {
        "system": [
            {
                "alert": alert.alert_id,
                "rule": alert.rule.rule_id,
                "severity": alert.severity.value,
                "headline": headline(alert),
                "since": alert.opened_at.isoformat(),
            }
            for alert in troubles
        ],
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
