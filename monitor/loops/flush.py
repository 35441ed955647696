"""Group hits into alerts, decide who is told and when, and put messages into the outbox."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

import structlog

from monitor.alerts.bundle import bundle
from monitor.alerts.compose import compose
from monitor.alerts.decide import decide
from monitor.alerts.lifecycle import QUIET_FOR, close_quiet, group_key, transition
from monitor.alerts.sources import make_source
from monitor.errors import RenderError
from monitor.models import Feed, Notification, stable_id
from monitor.storage.base import FlushCommit
from monitor.stories.grouping import WINDOW, Assigner, keys

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from monitor.alerts.bundle import Bundle
    from monitor.alerts.view import NotificationView
    from monitor.models import Alert, AlertRevision, Decision, Item, Message, Recipient, RuleInfo, Source, StoryMember
    from monitor.rulebook import RuleBook
    from monitor.storage.base import FlushClaim, PendingHit, Storage

log = structlog.get_logger("monitor.flush")
