"""The console channel: prints alerts to a terminal, for `monitor once --console` and demonstrations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console as RichConsole

    from monitor.models import Message, Notification, Recipient

# By the value of the message's X-Monitor-Severity header.
_STYLES = {
    "critical": "bold white on red",
    "high": "bold red",
    "medium": "bold yellow",
    "low": "bold cyan",
    "info": "bold blue",
}
_TAG = re.compile(r"^\[[^\]]+\]")
_LINK = re.compile(r"https?://[^\s<>\"]+")
# Escape sequences in a feed's text would otherwise reach the terminal.
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
_ISOLATES = re.compile(r"[\u2066-\u2069]")  # many terminals show them as boxes
_LABEL = re.compile(r"^ *(?:Event|First seen|Told by|Topic|Owner):", re.MULTILINE)


class Console:
    """Prints notifications; see `base.Channel` for the contract. Printing never fails an attempt."""

    name = "console"

    def __init__(self, console: RichConsole, *, full: bool = False) -> None:
        """Keep the console.

        Args:
            console: where to print; rich leaves colours out when it is no terminal.
            full: print the whole text of alerts, not only their first paragraphs.
        """
        self._console = console
        self._full = full

    async def send(self, notification: Notification, recipient: Recipient, now: datetime) -> str:  # noqa: ARG002 - the contract's clock
        """Print the message and return where it went."""
        channels = ", ".join(recipient.channels()) or "console"
        self._console.print(
            compose(notification.message, f"to {recipient.recipient_id} ({channels})", full=self._full),
            soft_wrap=True,
        )
        return "printed"

    def target(self, recipient: Recipient) -> str:  # noqa: ARG002 - the contract's
        """Return "": nothing here is gone for ever."""
        return ""

    async def close(self) -> None:
        """Do nothing: the console belongs to whoever made it."""


def compose(message: Message, destination: str, *, full: bool) -> Text:
    """Return the coloured words for one message; pure.

    Args:
        message: as rendered for e-mail, or for a webhook, of which only the subject is printed.
        destination: printed behind the subject.
        full: print the whole text of alerts, not only their first paragraphs.
    """
    severity = dict(message.headers).get("X-Monitor-Severity", "info")
    style = _STYLES.get(severity, _STYLES["info"])
    subject = _CONTROL.sub(" ", message.subject)
    line = Text(subject, style="bold")
    if tag := _TAG.match(subject):
        line.stylize(style, tag.start(), tag.end())
    line.append(f"  {destination}", style="dim")
    body = _ISOLATES.sub("", _CONTROL.sub(" ", message.text)).strip("\n")
    if not full and message.kind == "alert":
        # The first paragraph repeats the subject; headline, summary and news are what a glance needs.
        body = "\n\n".join(body.split("\n\n")[1:4])
    if not body:
        return line
    text = Text("\n".join(f"  {part}" if part else "" for part in body.split("\n")))
    text.highlight_regex(_LABEL, "bold")
    text.highlight_regex(_LINK, "underline cyan")
    return Text("\n").join([line, text, Text("")])
