"""Print what became of an alert for a recipient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.text import Text

from monitor.alerts.wording import one_line
from monitor.cli.output import out
from monitor.models import Outcome
from monitor.stories.wording import weighed_most

if TYPE_CHECKING:
    from monitor.alerts.trail import Entry, Trail

_STYLES: Final = {
    Outcome.SENT: "bold green",
    Outcome.FAILED: "bold red",
    Outcome.NO_ROUTE: "bold red",
    Outcome.QUEUED: "bold yellow",
    Outcome.HELD: "bold yellow",
    Outcome.DIGEST: "bold yellow",
}


def print_trail(found: Trail) -> None:
    """Print the alert, each revision with its decision and messages, and the items with their reasons."""
    alert = found.alert
    out.print(Text.assemble((alert.rule.title, "bold"), f" ({alert.rule.rule_id})"))
    out.print(
        f"alert {alert.alert_id}, {alert.severity.value}, {alert.state.value}; {alert.group_key}",
        markup=False,
    )
    out.print(Text.assemble("for ", (found.recipient_id, "bold"), f", times in {found.timezone}"))
    named = (
        f"named by: {found.route}" if found.route else "the present routes do not name this recipient for it"
    )
    out.print(named, markup=False)
    for entry in found.entries:
        _print_entry(entry)
    out.print()
    out.print(Text("Why these items are one story", "bold"))
    for report in found.reports:
        out.print(Text.assemble("  ", one_line(report.title), (f"  {report.outlet}, {report.at}", "dim")))
        if report.url:
            out.print(Text(f"    {one_line(report.url)}", "dim"))
        out.print(Text(f"    {report.reason or 'The store keeps no reason for it.'}"))
        if report.why:
            out.print(Text(f"    Weighed most: {weighed_most(report.why)}", "dim"))
        if report.novel:
            out.print(Text(f"    New in the report: {', '.join(report.novel)}"))
        if report.copy_of:
            out.print(Text(f'    A copy of "{one_line(report.copy_of)}": no source of its own.'))


def _print_entry(entry: Entry) -> None:
    revision, decision = entry.revision, entry.decision
    out.print()
    out.print(
        Text.assemble((f"Revision {revision.revision}: {revision.reason.value}", "bold"), f", {entry.at}")
    )
    out.print(Text(f"  {one_line(revision.note)}"))
    if decision is None:
        out.print(Text(f"  {entry.reason}", "yellow"))
        return
    style = _STYLES.get(decision.outcome, "bold")
    out.print(Text.assemble("  ", (decision.outcome.value, style), f": {entry.reason}"))
    # Once rendered, the due time is when the message was made.
    due = f", {'rendered' if decision.notification_ids else 'due'} {entry.due}" if entry.due else ""
    out.print(Text(f"  decided {entry.decided}{due}", "dim"))
    if decision.notification_ids and not entry.sendings:
        out.print(Text("  its messages are no longer kept", "dim"))
    for sending in entry.sendings:
        row = sending.notification
        out.print(Text(f"  {row.channel} {row.notification_id[:8]}: {one_line(sending.said)}"))
