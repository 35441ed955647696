"""The whole program on the recorded news day, with catchers that show what arrives."""

from __future__ import annotations

import asyncio
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from monitor.app import assemble
from monitor.clock import Clock
from monitor.daemon import Daemon
from monitor.demo.catchers import Mail, MailCatcher, WebhookCatcher
from monitor.demo.newsday import load as load_day
from monitor.demo.replay import ReplayServer
from monitor.directory import create, find, read_files
from monitor.errors import ConfigurationError
from monitor.logs import configure
from monitor.rulebook import FEEDS_FILE, ROUTES_FILE, digest
from monitor.settings import load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from monitor.rulebook import RuleBook

MARKER = ".demonstration"  # holds the digest of the rules as they were written
HEAD_START = timedelta(minutes=45)  # of the day: the first alerts come at once
COLOURS = {"CRITICAL": "bold white on red", "HIGH": "red", "MEDIUM": "yellow", "LOW": "cyan"}
SECRET = "whsec_ZGVtb25zdHJhdGlvbi1vbmx5LXNlY3JldA=="  # noqa: S105 - of the demonstration's own receiver

ROUTES = """\
# The demonstration's recipients: the mail catcher and the webhook catcher.
recipients:
  - id: duty-desk
    email: {to: [desk@example.org]}
    timezone: Europe/Brussels
  - id: risk-hook
    webhook: {url_env: RISK_HOOK_URL, secret_env: RISK_HOOK_SECRET, format: standard}
    timezone: UTC
routes:
  - {match: {severity: ">=medium"}, to: [duty-desk], as: now, group_wait: 3s, update_interval: 20s}
  - {match: {severity: ">=high"}, to: [risk-hook], as: now, group_wait: 3s, update_interval: 20s}
  - {default: true, to: [duty-desk], as: digest}
"""


async def show(directory: Path, *, speed: float, seconds: float) -> None:
    """Run until Ctrl-C, or for `seconds` if that is not 0.

    1. Start the replayed feeds, the mail catcher and the webhook catcher on loopback.
    2. Write a new installation into `directory` that points at them.
    3. Run the daemon, as `monitor run` would.
    4. Show each message as it arrives.
    """
    console = Console(highlight=False)
    configure("console", "critical")  # what matters is shown in words of its own
    day, clock = load_day(), Clock()
    feeds = ReplayServer(day, clock, speed=speed, head_start=HEAD_START)
    mails = MailCatcher(directory / "mail", lambda mail: _print_mail(console, mail))
    hooks = WebhookCatcher(directory / "webhooks", mails, lambda payload: _print_hook(console, payload))
    await feeds.start()
    edited = _prepare(directory, day.feeds_yaml(feeds.url))
    console.print("[dim]Starting ...[/]")
    await mails.start()
    await hooks.start()
    try:
        settings, secrets = load(
            directory,
            smtp_host="127.0.0.1", smtp_port=mails.port, smtp_security="none",
            smtp_sender="Diplomatic Monitor <monitor@example.org>",
            allow_networks="127.0.0.0/8", http_bind="127.0.0.1:0", poll_floor_seconds=1,
        )  # fmt: skip
        named = {"RISK_HOOK_URL": f"{hooks.url}/hook", "RISK_HOOK_SECRET": SECRET}
        async with assemble(
            find(directory), settings, lambda name: named.get(name) or secrets(name)
        ) as monitor:
            monitor.listen_rules(lambda book: _print_rules(console, book))
            daemon = Daemon(monitor)
            running = asyncio.create_task(daemon.run())
            if seconds:
                asyncio.get_running_loop().call_later(seconds, daemon.stop)
            await daemon.started.wait()
            if edited:
                note = f"Your edits in {directory / 'rules'} are kept; delete {directory} to start afresh."
                console.print(f"[yellow]{note}[/]")
            _greet(
                console, directory, hooks.url, daemon.web.url if daemon.web else "", len(day.outlets), speed
            )
            await running
    finally:
        for server in (feeds, mails, hooks):
            await server.stop()
    console.print(f"[dim]{len(mails.mails)} e-mails are in {directory / 'mail'}[/]")


def _prepare(directory: Path, feeds: str) -> bool:
    """Write the installation; each demonstration begins with an empty memory. Return whether edits were kept.

    Rules that somebody edited stay as they are; untouched ones are written anew, as the program brings them.
    """
    marker, rules = directory / MARKER, directory / "rules"
    if rules.exists() and not marker.exists():
        raise ConfigurationError(
            f"{directory}: is a real installation; give another directory for the demonstration"
        )
    for name in ("var", "mail", "webhooks"):
        shutil.rmtree(directory / name, ignore_errors=True)
    edited = marker.exists() and _written(rules) != marker.read_text("utf-8")
    if not edited:
        for name in ("rules", "templates"):
            shutil.rmtree(directory / name, ignore_errors=True)
    create(directory)
    (rules / FEEDS_FILE).write_text(feeds, "utf-8")
    (rules / ROUTES_FILE).write_text(ROUTES, "utf-8")
    if not edited:
        marker.write_text(_written(rules), "utf-8")
    return edited


def _written(rules: Path) -> str:
    """Return the digest of the rules, without the two files that every demonstration writes."""
    files = read_files(rules) if rules.is_dir() else {}
    return digest({path: data for path, data in files.items() if path not in (FEEDS_FILE, ROUTES_FILE)})


def _greet(console: Console, directory: Path, mails: str, page: str, outlets: int, speed: float) -> None:
    console.print(
        Panel(
            f"A recorded news day of {outlets} invented outlets is replayed as live feeds,"
            f" {speed:g} minutes a minute.\n"
            f"Alerts appear below as they are sent.\n\n"
            f"  e-mails     [link={mails}]{mails}[/link]  (files in {directory / 'mail'})\n"
            f"  status      [link={page}]{page}[/link]\n"
            f"  rules       {directory / 'rules'}  (edit one: it is read again within seconds)\n\n"
            f"Ctrl-C ends it.",
            title="Diplomatic Monitor",
            border_style="blue",
            expand=False,
        )
    )


def _print_rules(console: Console, book: RuleBook) -> None:
    """Tell that edited rules are in force, or what is wrong with them."""
    if not book.errors:
        console.print(
            f"[green]Rules read again:[/] {len(book.rules)} rules and {len(book.feeds)} feeds are in force."
        )
        return
    kept = ", ".join(book.kept)
    lines = [str(finding) for finding in book.errors]
    lines.append("")
    lines.append(f"In force as they last were: {kept}." if kept else "Everything else is in force.")
    console.print(Panel(escape("\n".join(lines)), title="The edited rules have mistakes", border_style="red"))


def _print_mail(console: Console, mail: Mail) -> None:
    severity = mail.subject.strip("[").split(" ", 1)[0].rstrip("]")
    console.print(
        Panel(
            escape("\n".join(_most_telling(mail.text))),
            title=escape(_cut(mail.subject, console.width - 8)),
            title_align="left",
            subtitle=f"e-mail to {escape(mail.to)}, {mail.name}.html",
            subtitle_align="right",
            border_style=COLOURS.get(severity, "blue"),
        )
    )


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1].rstrip()}…"


def _most_telling(text: str, most: int = 24) -> Iterator[str]:
    lines = text.strip().splitlines()
    yield from lines[:most]
    if len(lines) > most:
        yield f"... {len(lines) - most} more lines"


def _print_hook(console: Console, payload: dict[str, Any]) -> None:
    what = str(payload.get("subject", payload.get("type", "a notification")))
    console.print(f"[dim]webhook received:[/] {escape(what)}")
