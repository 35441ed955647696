"""Who is told, how, when, and what keeps it back: recipients, silences, routes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from monitor.models.alerts import Reason
from monitor.models.values import Labels, Severity


@dataclass(frozen=True, slots=True)
class EmailTarget:
    """Where a recipient reads mail."""

    to: tuple[str, ...]  # addr-spec, RFC 5322


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """Where a recipient's system listens."""

    url: str = ""  # literal URL: only for receivers whose URL is no secret
    url_env: str = ""  # name of the variable or secret that holds the URL
    secret_env: str = ""  # likewise the Standard Webhooks signing secret (whsec_...)
    format: str = "standard"
    to: str = ""  # the place inside the service, where the URL does not say it: topic, chat id
    to_env: str = ""  # or the name of the variable that holds it (a routing key is a secret)
    token_env: str = ""  # likewise a token, sent as "Authorization: Bearer"
    headers: Labels = ()  # further header fields: (name, name of the variable that holds the value)


@dataclass(frozen=True, slots=True)
class AppriseTarget:
    """Where a service listens that the library Apprise speaks to."""

    url_env: str  # name of the variable or secret that holds the Apprise URL


@dataclass(frozen=True, slots=True)
class QuietSpan:
    """When a recipient is not disturbed: a daily wall-clock span, or whole weekdays."""

    start_minute: int = 0  # minutes after local midnight
    end_minute: int = 24 * 60  # exclusive; at or before start = passes midnight
    weekday: int | None = None  # 0 = Monday; None = every day


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who hears, over which channels and when."""

    recipient_id: str
    timezone: str  # IANA name
    email: EmailTarget | None = None
    webhook: WebhookTarget | None = None
    quiet: tuple[QuietSpan, ...] = ()
    bypass: Severity | None = None  # from this severity on, quiet hours do not count
    digest: tuple[int, ...] = (7 * 60 + 30, 17 * 60 + 30)  # minutes after local midnight
    fallback: str = ""  # recipient id
    apprise: AppriseTarget | None = None

    def channels(self) -> tuple[str, ...]:
        """Return the channels this recipient is reached by, e-mail first."""
        targets = (("email", self.email), ("webhook", self.webhook), ("apprise", self.apprise))
        return tuple(name for name, target in targets if target is not None)


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition of a route on one label of an alert."""

    label: str  # severity, topic, owner, rule, tag, tier, country
    operator: Literal["=", ">=", "<="]  # the two orders only for severity
    values: tuple[str, ...]  # one of these


@dataclass(frozen=True, slots=True)
class Silence:
    """A span in which alerts that match are not sent; what it held back is told when it ends."""

    silence_id: str  # 8 hexadecimal digits: what people type
    match: tuple[Matcher, ...]  # all of them hold for what it covers; never empty
    starts_at: datetime
    ends_at: datetime
    author: str
    comment: str


@dataclass(frozen=True, slots=True)
class Silences:
    """All silences of the installation that began or will begin, in order of their end."""

    silences: tuple[Silence, ...] = ()


@dataclass(frozen=True, slots=True)
class Timing:
    """When messages about an alert leave; None = the table for its severity (alert-lifecycle.md)."""

    group_wait: timedelta | None = None
    update_interval: timedelta | None = None
    at_once: tuple[Reason, ...] | None = None  # what does not wait for the update interval
    older_than: timedelta | None = None  # news older than this waits for the digest
    max_per_hour: int | None = None  # messages about one rule for one recipient
    summary_every: timedelta | None = None  # what is beyond that is told so often
    remind_every: timedelta | None = None  # while nobody acknowledges; zero = no reminders
    remind_times: int | None = None  # then the recipient's fallback is told


@dataclass(frozen=True, slots=True)
class Route:
    """Which alerts go to whom; every matching route applies."""

    to: tuple[str, ...]  # recipient ids
    match: tuple[Matcher, ...] = ()
    default: bool = False  # used when no other route matched
    delivery: Literal["auto", "now", "digest", "log"] = "auto"  # `as:` in the file; auto = by severity
    timing: Timing = field(default_factory=Timing)
    where: str = ""  # file:line, for explanations


@dataclass(frozen=True, slots=True)
class RouteTest:
    """One entry of `tests:` in `rules/routes.yaml`: who should hear of such an alert, and when."""

    alert: Labels  # (label, value) as a route may match: rule, topic, severity, owner, tag, tier, country
    at: datetime  # when the alert opens
    expect: Labels  # (recipient id, "now" | "held" | "digest" | "log" | "none"); others are not checked
    where: str = ""  # file:line


@dataclass(frozen=True, slots=True)
class Routing:
    """The whole of `rules/routes.yaml`."""

    recipients: tuple[Recipient, ...] = ()
    routes: tuple[Route, ...] = ()
    tests: tuple[RouteTest, ...] = ()

    def recipient(self, recipient_id: str) -> Recipient | None:
        """Return the recipient of that id, or None."""
        return next((r for r in self.recipients if r.recipient_id == recipient_id), None)
