"""What the console channel prints."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

from rich.console import Console as Terminal

from monitor.channels.console import Console
from monitor.models import EmailTarget, Message, Notification, Recipient

NOW = datetime(2026, 3, 12, 13, 5, tzinfo=UTC)
DESK = Recipient("duty-desk", "UTC", email=EmailTarget(("desk@example.org",)))
MESSAGE = Message(
    kind="alert",
    subject="[HIGH new] US envoy arrives in Moscow",
    text="HIGH, new\n\nUS envoy lands\nhttps://wire.example.org/a\n\nFirst report.\n\nEvent: now\n\n"
    "REPORTS (1)\n\n1. Meridian Wire\n",
    headers=(("X-Monitor-Severity", "high"),),
)


async def printed(message: Message, *, colours: str | None = None, full: bool = False) -> str:
    stream = io.StringIO()
    terminal = Terminal(file=stream, force_terminal=colours is not None, width=60, color_system=colours)
    later = NOW + timedelta(days=1)
    notification = Notification("id", "duty-desk", "console", "a", "k", 1, message, NOW, NOW, later)
    channel = Console(terminal, full=full)
    assert await channel.send(notification, DESK, NOW) == "printed"
    await channel.close()
    return stream.getvalue()


async def test_without_a_terminal_it_is_plain_text():
    assert await printed(MESSAGE) == (
        "[HIGH new] US envoy arrives in Moscow  to duty-desk (email)\n"
        "  US envoy lands\n  https://wire.example.org/a\n\n  First report.\n\n  Event: now\n\n"
    )


async def test_in_full_everything_is_printed():
    assert "1. Meridian Wire" in await printed(MESSAGE, full=True)


async def test_in_a_terminal_severity_and_links_have_colours():
    shown = await printed(MESSAGE, colours="standard")
    assert "\x1b[1;31m[HIGH new]" in shown
    assert "\x1b[4;36mhttps://wire.example.org/a" in shown


async def test_feed_text_is_neither_markup_nor_escape_sequence():
    shown = await printed(
        Message(kind="digest", subject="[red]x[/red] \x1b[2J", text="[bold]y \x1b]0;title\x07")
    )
    assert "[red]x[/red]" in shown
    assert "[bold]y" in shown
    assert "\x1b" not in shown
    assert "\x07" not in shown


async def test_a_webhooks_message_prints_its_subject():
    assert await printed(Message(kind="alert", subject="s", body="{}")) == "s  to duty-desk (email)\n"
