"""Read a route's timing: the keys that change a figure of the default timing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.alerts.timing import TOLD_AT_ONCE
from monitor.document import ScalarNode
from monitor.models import Reason, Timing

if TYPE_CHECKING:
    from monitor.document import Fields, Reader

REMINDER_KEYS: Final = ("remind_every", "remind_times")
TIMING_KEYS: Final = (
    "group_wait",
    "update_interval",
    "at_once",
    "older_than",
    "max_per_hour",
    "summary_every",
    *REMINDER_KEYS,
)
AT_ONCE: Final = tuple(reason.value for reason in TOLD_AT_ONCE)
MOST_AN_HOUR: Final = 1000
MOST_REMINDERS: Final = 24


def read_timing(reader: Reader, fields: Fields) -> Timing:
    """Read what a route says about when its messages leave; what it leaves open is the table's."""
    timing = Timing(
        group_wait=reader.duration(fields.get("group_wait"), zero=True),
        update_interval=reader.duration(fields.get("update_interval"), zero=True),
        at_once=_at_once(reader, fields),
        older_than=reader.duration(fields.get("older_than")),
        max_per_hour=reader.integer(fields.get("max_per_hour"), minimum=1, maximum=MOST_AN_HOUR),
        summary_every=reader.duration(fields.get("summary_every")),
        remind_every=reader.duration(fields.get("remind_every"), zero=True),
        remind_times=reader.integer(fields.get("remind_times"), minimum=1, maximum=MOST_REMINDERS),
    )
    _warn_idle(reader, fields, timing)
    return timing


def _at_once(reader: Reader, fields: Fields) -> tuple[Reason, ...] | None:
    node = fields.get("at_once")
    if node is None:
        return None
    entries = (node,) if isinstance(node, ScalarNode) else reader.sequence(node, "a list of reasons")
    named = [reader.one_of(entry, AT_ONCE, "reason") for entry in entries]
    return tuple(dict.fromkeys(Reason(name) for name in named if name))


def _warn_idle(reader: Reader, fields: Fields, timing: Timing) -> None:
    """Say which keys change nothing, so that nobody relies on them."""
    node = fields.get("as")
    delivery = node.text if isinstance(node, ScalarNode) else ""
    idle = [key for key in TIMING_KEYS if key in fields] if delivery in {"digest", "log"} else []
    why = f"as: {delivery} sends nothing at once"
    if not idle and "remind_times" in fields and timing.remind_every is not None and not timing.remind_every:
        idle, why = ["remind_times"], "remind_every: 0s switches reminders off"
    for key in idle:
        what = f"{key} changes nothing here: {why}"
        reader.warning(fields.key_place(key), "idle-timing", what, "remove it")
