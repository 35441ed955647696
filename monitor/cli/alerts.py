"""Commands about alerts: `alerts list` and `show`, `ack`, `unack`, `close`."""

from __future__ import annotations

import asyncio
import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from monitor.alerts.compose import ITSELF
from monitor.alerts.moments import wall_time
from monitor.alerts.system import headline_of
from monitor.alerts.system_rules import is_system
from monitor.alerts.wording import counted, one_line
from monitor.app import open_storage
from monitor.cli.output import ago, as_json, note, out, table
from monitor.clock import machine_time
from monitor.directory import find, read_directory
from monitor.errors import ConfigurationError
from monitor.logs import configure
from monitor.loops.administer import acknowledge, administered, close, unacknowledge
from monitor.models import AlertState, Severity
from monitor.settings import load

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from monitor.models import Alert, AlertRevision, Decision, Routing
    from monitor.storage.base import FlushCommit, Storage

T = TypeVar("T")

MOST_ALERTS: Final = 1_000_000
_ID_DIGITS: Final = 8
_HEX: Final = frozenset("0123456789abcdef")

DIR = Annotated[Path, typer.Argument(metavar="[DIR]", help="the installation")]
JSON = Annotated[bool, typer.Option("--json", help="print JSON, one object a line")]
ALERT = Annotated[str, typer.Argument(metavar="ALERT", help="an alert's id, or its first 8 digits")]
BY = Annotated[str, typer.Option("--by", metavar="NAME", help="who does it; your login name by default")]

alerts = typer.Typer(help="Shows alerts and what became of them.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(alerts, name="alerts")
    app.command("ack")(ack)
    app.command("unack")(unack)
    app.command("close")(close_alert)


@alerts.command("list")
def list_alerts(
    directory: DIR = Path(),
    state: Annotated[
        str, typer.Option("--state", metavar="STATE", help="open, pending, closed, expired or all")
    ] = "open",
    severity: Annotated[
        str, typer.Option("--severity", metavar="SEVERITY", help="of this severity or a higher one")
    ] = "info",
    rule: Annotated[str, typer.Option("--rule", metavar="RULE", help="of this rule only")] = "",
    topic: Annotated[str, typer.Option("--topic", metavar="TOPIC", help="of this topic only")] = "",
    message: Annotated[
        str,
        typer.Option("--message", metavar="ID", help="those that a message tells, such as a digest"),
    ] = "",
    system: Annotated[
        bool | None,
        typer.Option("--system/--no-system", help="only alerts about the monitor itself, or none of them"),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="at most so many, the newest")] = 50,
    json: JSON = False,
) -> None:
    """List alerts, those with the newest reports first."""
    states = ("all", *(one.value for one in AlertState))
    if state not in states or severity not in set(Severity):
        raise ConfigurationError(
            f"--state is one of {', '.join(states)}; --severity one of {', '.join(Severity)}"
        )
    now = machine_time()

    async def ask(storage: Storage) -> list[Alert]:
        if message:
            found = await told_by(storage, message)
        else:
            found = await storage.list_alerts(state=None if state == "all" else state, limit=MOST_ALERTS)
        least = Severity(severity).rank
        return [
            a
            for a in found
            if a.severity.rank >= least
            and rule in {"", a.rule.rule_id}
            and topic in {"", a.rule.topic}
            and (system is None or is_system(a) is system)
        ][:limit]

    found = asyncio.run(with_storage(directory, ask))
    if json:
        for alert in found:
            as_json(_as_dict(alert))
        return
    headings = ("alert", "severity", "state", "last report", "sources", "rule", "headline")
    table("", headings, [_row(alert, now) for alert in found])
    note(counted(len(found), "alert"))


@alerts.command("show")
def show_alert(name: ALERT, directory: DIR = Path(), json: JSON = False) -> None:
    """Show one alert: its reports, its revisions, and what each recipient was told."""
    now = machine_time()

    async def ask(storage: Storage) -> tuple[Alert, tuple[AlertRevision, ...], tuple[Decision, ...]]:
        alert = await find_alert(storage, name)
        return alert, await storage.revisions([alert.alert_id]), await storage.decisions([alert.alert_id])

    alert, revisions, decisions = asyncio.run(with_storage(directory, ask))
    if json:
        as_json(_as_dict(alert) | {"revisions": [_revision_dict(one, decisions) for one in revisions]})
        return
    out.print(f"[bold]{alert.severity.value.upper()}[/] ", end="")
    out.print(f"{alert.rule.title} ({alert.rule.rule_id}), {_state(alert)}", markup=False)
    out.print(f"alert {alert.alert_id}, opened {wall_time(alert.opened_at, 'UTC')}", markup=False)
    reports = [
        (
            wall_time(s.event_at, "UTC"),
            s.outlet,
            ITSELF if is_system(alert) else s.tier.value,
            _report_note(alert, s.item_id),
            one_line(s.title),
        )
        for s in alert.sources
    ]
    table("Reports", ("event", "outlet", "tier", "", "headline"), reports)
    table(
        "Revisions",
        ("no.", "at", "reason", "what is new", "told"),
        [
            (str(r.revision), wall_time(r.at, "UTC"), r.reason.value, r.note, _told(r, decisions))
            for r in revisions
        ],
    )
    note(f"{ago(now, alert.last_hit_at)} last report; `monitor explain ALERT --to RECIPIENT` tells why")


def ack(name: ALERT, directory: DIR = Path(), by: BY = "") -> None:
    """Acknowledge ALERT: no more updates and reminders, until something important happens.

    Corroboration, a higher severity, an official source, a correction and a reopening clear it.
    """
    alert = _change(directory, name, lambda s, _r, a, now: acknowledge(s, a, by or getpass.getuser(), now))
    note(f"acknowledged: {alert.rule.title} ({alert.alert_id[:8]})")


def unack(name: ALERT, directory: DIR = Path()) -> None:
    """Take the acknowledgement of ALERT back."""
    alert = _change(directory, name, lambda _s, r, a, now: unacknowledge(r, a, now))
    note(f"no longer acknowledged: {alert.rule.title} ({alert.alert_id[:8]})")


def close_alert(name: ALERT, directory: DIR = Path(), by: BY = "") -> None:
    """Close ALERT; a later report within 72 h reopens it."""
    alert = _change(directory, name, lambda s, r, a, now: close(s, r, a, by or getpass.getuser(), now))
    note(f"closed: {alert.rule.title} ({alert.alert_id[:8]})")


def _change(
    directory: Path,
    name: str,
    change: Callable[[Storage, Routing, Alert, datetime], Awaitable[FlushCommit]],
) -> Alert:
    routing = read_directory(find(directory)).routing

    async def ask(storage: Storage) -> Alert:
        alert = await find_alert(storage, name)

        async def again(now: datetime) -> FlushCommit:
            # Under the lease it is read again: a flush may have moved it on in between.
            return await change(storage, routing, await find_alert(storage, alert.alert_id), now)

        await administered(storage, machine_time, again)
        return alert

    return asyncio.run(with_storage(directory, ask))


async def with_storage(directory: Path, ask: Callable[[Storage], Awaitable[T]]) -> T:
    """Return what `ask` answers about the installation's store."""
    settings, _ = load(directory)
    configure(settings.log_format, "warning")
    async with open_storage(settings.database(find(directory).path)) as storage:
        return await ask(storage)


async def told_by(storage: Storage, message: str) -> tuple[Alert, ...]:
    """Return the alerts that a message tells, the most important first.

    Raises:
        ConfigurationError: `message` is no id, or tells no alert that is still stored.
    """
    if len(message) < _ID_DIGITS or not _HEX.issuperset(message):
        raise ConfigurationError(
            f'"{message}" is no message id: it stands at the end of the message, give its first 8 digits'
        )
    found = await storage.alerts_in_message(message)
    if not found:
        raise ConfigurationError(f"no message {message} tells alerts that are still stored")
    return tuple(sorted(found, key=lambda alert: (-alert.severity.rank, -alert.last_hit_at.timestamp())))


async def find_alert(storage: Storage, name: str) -> Alert:
    """Return the alert of that id or beginning of an id.

    Raises:
        ConfigurationError: there is none, or there are several.
    """
    whole = await storage.alerts([name])
    if name in whole:
        return whole[name]
    if len(name) < _ID_DIGITS:
        raise ConfigurationError(f'"{name}" is no alert id: give at least its first {_ID_DIGITS} digits')
    found = [one for one in await storage.list_alerts(limit=MOST_ALERTS) if one.alert_id.startswith(name)]
    if not found:
        raise ConfigurationError(f"there is no alert {name}; `monitor alerts list` lists them")
    if len(found) > 1:
        raise ConfigurationError(
            f"several alerts begin with {name}: {', '.join(a.alert_id for a in found[:5])}"
        )
    return found[0]


def _row(alert: Alert, now: datetime) -> tuple[str, ...]:
    owners = {source.owner for source in alert.sources if not source.copy_of}
    return (
        alert.alert_id[:8],
        alert.severity.value,
        _state(alert),
        ago(now, alert.last_hit_at),
        str(len(owners)),
        alert.rule.title,
        headline(alert),
    )


def headline(alert: Alert) -> str:
    """Return the one line that a table shows of an alert."""
    if is_system(alert):
        return headline_of(alert)
    return one_line(alert.sources[0].title) if alert.sources else ""


def _state(alert: Alert) -> str:
    words = [alert.state.value]
    if alert.corroborated is not None:
        words.append("corroborated" if alert.corroborated else "unconfirmed")
    if alert.acked_at is not None:
        words.append(f"acknowledged by {alert.acked_by}")
    return ", ".join(words)


def _report_note(alert: Alert, item_id: str) -> str:
    source = next(one for one in alert.sources if one.item_id == item_id)
    gone = "over" if is_system(alert) else "changed since"
    return gone if source.withdrawn else "copy" if source.copy_of else ""


def _told(revision: AlertRevision, decisions: tuple[Decision, ...]) -> str:
    about = [one for one in decisions if one.revision == revision.revision]
    return ", ".join(f"{one.recipient_id or 'nobody'}: {one.outcome.value}" for one in about)


def _as_dict(alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert.alert_id,
        "rule": alert.rule.rule_id,
        "title": alert.rule.title,
        "severity": alert.severity.value,
        "state": alert.state.value,
        "corroborated": alert.corroborated,
        "acked_by": alert.acked_by or None,
        "opened_at": alert.opened_at.isoformat(),
        "last_hit_at": alert.last_hit_at.isoformat(),
        "group_key": alert.group_key,
        "sources": [
            {
                "item": s.item_id,
                "outlet": s.outlet,
                "owner": s.owner,
                "tier": s.tier.value,
                "title": s.title,
                "url": s.url,
                "event_at": s.event_at.isoformat(),
                "copy_of": s.copy_of or None,
            }
            for s in alert.sources
        ],
    }


def _revision_dict(revision: AlertRevision, decisions: tuple[Decision, ...]) -> dict[str, Any]:
    return {
        "revision": revision.revision,
        "reason": revision.reason.value,
        "at": revision.at.isoformat(),
        "note": revision.note,
        "decisions": [
            {"recipient": d.recipient_id, "outcome": d.outcome.value, "reason": d.reason}
            for d in decisions
            if d.revision == revision.revision
        ],
    }
