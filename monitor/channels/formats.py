"""Which template makes which message: the literal tables of e-mail kinds and webhook formats.

The limits are those that each receiver documents; a text that is too long would be refused as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass

from monitor.channels.limits import Limit


@dataclass(frozen=True, slots=True)
class EmailKind:
    """The two parts of one kind of e-mail."""

    kind: str  # NotificationView.kind
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class WebhookFormat:
    """One body that webhooks can ask for with `format:`, and how it is sent."""

    name: str
    template: str  # JSON: a structure with templates as leaves (see `structure.py`)
    content_type: str = "application/json"
    to: str = ""  # field of the body that names the place inside the service; put in when it is sent
    method: str = "POST"
    id_in_path: bool = False  # the notification's id is the last part of the URL: a repeat is no second one
    limits: tuple[Limit, ...] = ()
    complete: bool = False  # a program reads it: reports are left out, and counted, before texts are cut


EMAIL_KINDS = (
    EmailKind("alert", "email/alert.html", "email/alert.txt"),
    EmailKind("system", "email/system.html", "email/system.txt"),
    EmailKind("notice", "email/notice.html", "email/notice.txt"),
    EmailKind("digest", "email/digest.html", "email/digest.txt"),
    EmailKind("test", "email/test.html", "email/test.txt"),
)

# https://docs.slack.dev/reference/block-kit/blocks: header, section, context; 50 blocks in a message.
_SLACK = (
    Limit("text", 4000),
    Limit("blocks", 50, "elements"),
    Limit("blocks[].text.text", 3000),
    Limit("blocks[].fields", 10, "elements"),
    Limit("blocks[].fields[].text", 2000),
    Limit("blocks[].elements", 10, "elements"),
)
# https://docs.discord.com/developers/resources/message: "Embed limits"; 6000 over all embeds.
_DISCORD = (
    Limit("content", 2000),
    Limit("embeds", 10, "elements"),
    Limit("embeds[].title", 256),
    Limit("embeds[].description", 4096),
    Limit("embeds[].fields", 25, "elements"),
    Limit("embeds[].fields[].name", 256),
    Limit("embeds[].fields[].value", 1024),
    Limit("embeds[].footer.text", 2048),
    Limit("embeds[].author.name", 256),
    Limit("embeds", 6000, "texts"),
)
# https://learn.microsoft.com/microsoftteams/limits-specifications-teams: 28 KB with everything.
_TEAMS = (Limit("", 27_000, "bytes"),)
# https://docs.mattermost.com: a post has 16,383 characters; older servers took 7,900 for attachments.
_MATTERMOST = (Limit("text", 16_383), Limit("attachments", 7_900, "texts"))
# https://docs.ntfy.sh/publish: a message over 4,096 bytes becomes a file; at most 3 actions.
_NTFY = (Limit("title", 250), Limit("message", 4_096, "bytes"), Limit("actions", 3, "elements"))
# https://developer.pagerduty.com/docs/send-alert-event: 1,024 characters; 512 KB for the event.
_PAGERDUTY = (Limit("payload.summary", 1024), Limit("dedup_key", 255), Limit("", 500_000, "bytes"))
# https://core.telegram.org/bots/api#sendmessage: 1 to 4,096 characters.
_TELEGRAM = (Limit("text", 4_096),)
# https://spec.matrix.org/latest/client-server-api/#size-limits: 65,536 bytes with signatures and ids.
_MATRIX = (Limit("", 60_000, "bytes"),)

# https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#size-limits: intermediaries forward
# events of 64 KB; larger ones may be refused on their way.
_CLOUDEVENTS = (Limit("", 65_536, "bytes"),)

WEBHOOK_FORMATS = (
    WebhookFormat("standard", "webhook/standard.json"),
    WebhookFormat(
        "cloudevents",
        "webhook/cloudevents.json",
        "application/cloudevents+json; charset=UTF-8",
        limits=_CLOUDEVENTS,
        complete=True,
    ),
    WebhookFormat("alertmanager", "webhook/alertmanager.json"),
    WebhookFormat("slack", "webhook/slack.json", limits=_SLACK),
    WebhookFormat("discord", "webhook/discord.json", limits=_DISCORD),
    # Without a charset the receiving side counts two bytes for each one.
    WebhookFormat("teams", "webhook/teams.json", "application/json; charset=utf-8", limits=_TEAMS),
    WebhookFormat("mattermost", "webhook/mattermost.json", limits=_MATTERMOST),
    WebhookFormat("ntfy", "webhook/ntfy.json", to="topic", limits=_NTFY),
    WebhookFormat("pagerduty", "webhook/pagerduty.json", to="routing_key", limits=_PAGERDUTY),
    WebhookFormat("telegram", "webhook/telegram.json", to="chat_id", limits=_TELEGRAM),
    WebhookFormat("matrix", "webhook/matrix.json", method="PUT", id_in_path=True, limits=_MATRIX),
)


def email_kind(kind: str, alerts: int) -> EmailKind:
    """Return the row of that kind; for one without a row, the row for what the message holds.

    A new kind of message must not wait for a template: one alert is told like an alert, several like a
    digest, none like a notice.
    """
    known = {row.kind: row for row in EMAIL_KINDS}
    return known.get(kind) or known["alert" if alerts == 1 else "digest" if alerts else "notice"]


def webhook_format(name: str) -> WebhookFormat | None:
    """Return the row of that name, or None."""
    return next((row for row in WEBHOOK_FORMATS if row.name == name), None)
