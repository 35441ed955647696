"""The rules of which the monitor itself is the subject: a literal table, one row for each.

What they find are alerts like any other: routes, silences, quiet hours and `monitor ack` hold for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from monitor.models import RuleInfo, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.models import Alert

PREFIX: Final = "system."
TOPIC: Final = "system"
TAG: Final = "system"


class Lasting(Enum):
    """What ends such an alert."""

    STANDING = "open as long as it is so, and its end is told"
    FADING = "open for a day after it last happened, and its end is told"
    ONCE = "something that happened: the alert closes by itself, as those about news do"


@dataclass(frozen=True, slots=True)
class SystemRule:
    """One thing that can go wrong."""

    info: RuleInfo
    lasting: Lasting
    over: str  # the sentence that tells its end


def _row(
    name: str, severity: Severity, lasting: Lasting, title: str, over: str, description: str
) -> tuple[str, SystemRule]:
    rule_id = f"{PREFIX}{name}"
    info = RuleInfo(rule_id, title, severity, description, topic=TOPIC, tags=(TAG,), alert_per="item")
    return rule_id, SystemRule(info, lasting, over)


FEED_FAILING: Final = "system.feed-failing"
FEED_SILENT: Final = "system.feed-silent"
FEED_GAP: Final = "system.feed-gap"
FEED_CHANGED: Final = "system.feed-changed"
RULES_STALE: Final = "system.rules-stale"
RULE_ERROR: Final = "system.rule-error"
RULE_NOISY: Final = "system.rule-noisy"
DELIVERY_FAILING: Final = "system.delivery-failing"
QUEUE_OLD: Final = "system.queue-old"
CLOCK_JUMP: Final = "system.clock-jump"
DISK_LOW: Final = "system.disk-low"
NOTHING_MATCHED: Final = "system.nothing-matched"
EXPIRING: Final = "system.expiring"

_LOW, _MEDIUM, _HIGH = Severity.LOW, Severity.MEDIUM, Severity.HIGH
_STANDING, _FADING, _ONCE = Lasting.STANDING, Lasting.FADING, Lasting.ONCE

SYSTEM_RULES: Final[Mapping[str, SystemRule]] = MappingProxyType(
    dict(
        (
            _row(
                "feed-failing", _MEDIUM, _STANDING, "A feed cannot be read", "It can be read again.",
                "Its reports may be missing. It is asked on and on; `monitor feeds check` tries it at once.",
            ),
            _row(
                "feed-silent", _MEDIUM, _STANDING, "A feed has nothing new", "It has something new again.",
                "It answers, and has had nothing new for longer than it ever rests: see whether its page has"
                " newer reports, and whether the feed has moved.",
            ),
            _row(
                "feed-gap", _MEDIUM, _ONCE, "A feed may have missed items", "",
                "Nothing in a poll was known from the one before, so items may have come and gone unseen.",
            ),
            _row(
                "feed-changed", _LOW, _ONCE, "A feed has moved or is read in another way", "",
                "Nothing is missing; feeds.yaml may want a change.",
            ),
            _row(
                "rules-stale", _HIGH, _STANDING, "Part of the rules cannot be used",
                "The files can be used as they are.",
                "What is broken goes on in its last good version, everything else is up to date. `monitor"
                " check` shows the same mistakes.",
            ),
            _row(
                "rule-error", _HIGH, _FADING, "A rule fails while it runs", "It has not failed for 24 h.",
                "The rule could not be evaluated on some reports, so alerts of it may be missing. It stays"
                " in use, and all other rules were evaluated.",
            ),
            _row(
                "rule-noisy", _LOW, _FADING, "A rule fires more often than its readers can read",
                "It has kept within the flood guard for 24 h.",
                "Messages over the flood guard were summarised; nothing was dropped. Narrow the rule, lower"
                " its severity, or send it `as: digest`.",
            ),
            _row(
                "delivery-failing", _HIGH, _STANDING, "A recipient cannot be reached",
                "Messages are taken again.",
                "Messages wait and are tried again; `monitor outbox list` shows them. A fallback, if the"
                " recipient has one, is told what could not be delivered.",
            ),
            _row(
                "queue-old", _HIGH, _STANDING, "Messages leave late", "Nothing waits any more.",
                "Work that is due is not done: the machine may be overloaded, or a part of the monitor may"
                " hang. `monitor status` shows what waits; the log says why.",
            ),
            _row(
                "clock-jump", _MEDIUM, _ONCE, "The clock was moved", "",
                "Quiet hours, digests and waits follow the clock: check this machine's time service. A"
                " machine that slept shows the same.",
            ),
            _row(
                "disk-low", _HIGH, _STANDING, "The disk is almost full", "There is enough room again.",
                "When it is full, nothing can be stored and no alert is raised. Make room, or shorten"
                " MONITOR_RETENTION_ITEMS_DAYS.",
            ),
            _row(
                "nothing-matched", _MEDIUM, _STANDING, "No rule has matched for a day", "A rule has matched.",
                "It may be a quiet day; more likely feeds bring nothing or the rules are too narrow."
                " `monitor feeds list` and `monitor backtest` tell which.",
            ),
            _row(
                "expiring", _LOW, _STANDING, "A rule or silence ends soon", "It has ended, or was prolonged.",
                "After its end a rule raises no alerts, and after a silence's end alerts are sent again.",
            ),
        )
    )
)  # fmt: skip


def is_system(alert: Alert) -> bool:
    """Return whether the monitor itself is what an alert is about."""
    return alert.rule.rule_id.startswith(PREFIX)


def closes_by_itself(alert: Alert) -> bool:
    """Return whether an alert closes when it had no hit for some time."""
    row = SYSTEM_RULES.get(alert.rule.rule_id)
    return row is None or row.lasting is Lasting.ONCE
