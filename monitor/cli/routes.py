"""The command `routes test`: who would hear of an alert, and when."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitor.alerts.decide import decide, pace_for
from monitor.alerts.moments import wall_time
from monitor.alerts.route_tests import alert_under_test
from monitor.alerts.system_rules import SYSTEM_RULES
from monitor.alerts.timing import TOLD_AT_ONCE, Pace
from monitor.alerts.wording import duration
from monitor.cli.output import as_json, table
from monitor.cli.silence import read_time
from monitor.clock import machine_time
from monitor.directory import find, read_directory
from monitor.document import closest
from monitor.errors import ConfigurationError
from monitor.models import Outcome, RouteTest

routes = typer.Typer(help="Tries the routes.", no_args_is_help=True)
LABELS = ("rule", "topic", "severity", "owner", "tag", "tier", "country")


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(routes, name="routes")


@routes.command("test")
def try_routes(
    labels: Annotated[
        list[str],
        typer.Argument(metavar="LABEL=VALUE...", help="such as rule=envoy-arrives or topic=sanctions"),
    ],
    directory: Annotated[Path, typer.Option("--dir", metavar="DIR", help="the installation")] = Path(),
    at: Annotated[
        str, typer.Option("--at", metavar="TIME", help="when it opens, with its offset; now by default")
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="print one JSON object a recipient")] = False,
) -> None:
    """Show who would be told of such an alert that opens at a time, when, and why."""
    book = read_directory(find(directory))
    pairs = tuple(_pair(one) for one in labels)
    now = read_time(at) if at else machine_time()
    known = {row.info.rule_id: row.info for row in SYSTEM_RULES.values()}
    known |= {name: rule for rule in book.rules.values() for name in (*rule.formerly, rule.rule_id)}
    rule_id = dict(pairs).get("rule", "")
    if rule_id and rule_id not in known:
        hint = closest(rule_id, known)
        raise ConfigurationError(f'there is no rule "{rule_id}"' + (f" ({hint})" if hint else ""))
    try:
        alert, revision = alert_under_test(RouteTest(pairs, now, ()), known.get(rule_id))
    except ValueError as error:
        raise ConfigurationError(f"{error}: severity and tier have fixed values") from None
    rows = []
    for one in decide(alert, revision, book.routing, (), now):
        recipient = book.routing.recipient(one.recipient_id)
        zone = recipient.timezone if recipient else "UTC"
        due = wall_time(one.due_at, zone) if one.due_at else ""
        if json:
            due_at = one.due_at.isoformat() if one.due_at else None
            as_json(
                {"recipient": one.recipient_id, "outcome": one.outcome.value, "due_at": due_at,
                 "reason": one.reason}
            )  # fmt: skip
        rows.append((one.recipient_id or "nobody", one.outcome.value, due, one.reason))
    if json:
        return
    table("", ("recipient", "decision", "leaves", "why"), rows)
    if follows := [row for row in rows if row[1] in (Outcome.QUEUED, Outcome.HELD)]:
        people = [(name, book.routing.recipient(name)) for name, *_ in follows]
        headings = ("recipient", "updates", "at once", "most an hour", "reminders", "older news")
        table(
            "What follows",
            headings,
            [
                (name, *_described(pace_for(alert, name, book.routing), one.fallback if one else ""))
                for name, one in people
            ],
        )


def _described(pace: Pace, fallback: str) -> tuple[str, ...]:
    """Return what a route's timing says of later messages, in words."""
    reminders = "none"
    if pace.remind_every is not None:
        last = f"then {fallback}" if fallback else "and there is no fallback"
        reminders = f"{pace.remind_times}, every {duration(pace.remind_every)}, {last}"
    return (
        f"every {duration(pace.update_interval)} at most",
        ", ".join(reason for reason in TOLD_AT_ONCE if reason in pace.at_once) or "nothing",
        f"{pace.max_per_hour}, the rest every {duration(pace.summary_every)}",
        reminders,
        f"digest after {duration(pace.too_old)}" if pace.too_old else "at once",
    )


def _pair(text: str) -> tuple[str, str]:
    label, equals, value = text.partition("=")
    if not equals or label.strip() not in LABELS or not value.strip():
        raise ConfigurationError(
            f'"{text}" is no label: write one of {", ".join(LABELS)}, as in severity=high'
        )
    return label.strip(), value.strip()
