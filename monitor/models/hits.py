"""What a rule found in an item, with the evidence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from monitor.models.values import Labels, Severity


@dataclass(frozen=True, slots=True)
class Evidence:
    """One true leaf of a rule's condition: where it matched and what was asked for."""

    field: str  # one of FIELDS
    start: int  # character offset in the item's field, inclusive
    end: int  # exclusive
    text: str  # item.text(field)[start:end]
    entry: str = ""  # list entry ("us_envoys: Steve Witkoff") or the phrase as written in the rule


@dataclass(frozen=True, slots=True)
class Match:
    """A rule that fired on an item, as the engine answers."""

    rule_id: str
    rule_version: str  # hash of the rule and the lists it uses
    severity: Severity
    evidence: tuple[Evidence, ...]
    entities: Labels = ()  # (list, entry name) of every list entry in the evidence, sorted


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """What alerts, routes and templates need to know of a rule."""

    rule_id: str
    title: str
    severity: Severity
    description: str = ""
    owner: str = ""
    topic: str = ""
    tags: tuple[str, ...] = ()
    alert_per: str = "story"  # story, topic, item or entity.<list>
    formerly: tuple[str, ...] = ()
    grouping: str = ""  # safe or balanced; "" = as the installation's setting says
    shadow: bool = False  # recorded, never sent
    supersedes: tuple[str, ...] = ()  # ids of rules whose notifications it replaces in the same story


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule fired on an item: unique for ever per (rule, item)."""

    hit_id: str  # stable_id("hit", rule_id, item_id)
    rule_id: str
    item_id: str
    rule_version: str
    severity: Severity
    evidence: tuple[Evidence, ...]
    entities: Labels
    hit_at: datetime  # when it was found
    event_at: datetime  # Item.event_at()
