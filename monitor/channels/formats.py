"""Which template makes which message: the literal tables of e-mail kinds and webhook formats."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EmailKind:
    """The two parts of one kind of e-mail."""

    kind: str  # NotificationView.kind
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class WebhookFormat:
    """One body that webhooks can ask for with `format:`."""

    name: str
    template: str  # JSON: a structure with templates as leaves (see `structure.py`)
    content_type: str


EMAIL_KINDS = (
    EmailKind("alert", "email/alert.html", "email/alert.txt"),
    EmailKind("system", "email/alert.html", "email/alert.txt"),
    EmailKind("notice", "email/notice.html", "email/notice.txt"),
    EmailKind("digest", "email/digest.html", "email/digest.txt"),
    EmailKind("test", "email/test.html", "email/test.txt"),
)

WEBHOOK_FORMATS = (WebhookFormat("standard", "webhook/standard.json", "application/json"),)
