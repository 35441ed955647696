"""Backfill: what a new rule finds in stored items is told once, in one digest, and nothing of it at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from monitor.alerts.decide import is_waiting
from monitor.models import Outcome

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.models import Decision

BACKFILL_SLOT: Final = "backfill "
TOLD_AFTER: Final = timedelta(minutes=1)  # so that all that was found is in one message


@dataclass(frozen=True, slots=True)
class Backfill:
    """One run over stored items; its decisions share a slot, and with it one message a recipient."""

    rule_id: str
    begun_at: datetime

    def told_once(self, decision: Decision) -> Decision:
        """Return a decision that would be a message of its own as part of the one digest."""
        if not is_waiting(decision):
            return decision
        return replace(
            decision,
            outcome=Outcome.DIGEST,
            reason=f"{decision.reason} Found by a backfill of {self.rule_id}: told in one digest.",
            due_at=self.begun_at + TOLD_AFTER,
            slot=f"{BACKFILL_SLOT}{self.rule_id} {self.begun_at.isoformat(timespec='seconds')}",
        )
