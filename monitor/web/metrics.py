"""The program's metrics for Prometheus, in a registry of their own.

Names follow the Prometheus conventions: prefix `monitor_`, base units, `_total` for counters; every
label takes its values from a small closed set, so that nothing a feed says can create a series.
Label values that are known are created at once: a rate over a counter that first appears at 1 is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

from monitor.errors import ErrorKind
from monitor.models import Reason, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

PREFIX: Final = "monitor"

POLL_OUTCOMES: Final = ("fetched", "not_modified", *ErrorKind)
DELIVERY_OUTCOMES: Final = ("sent", "retry", "dead")
CHANNELS: Final = ("email", "webhook", "console")

# A fetch takes milliseconds on a good day and is cut off after 30 s.
POLL_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60)
# From "at once" over group waits (minutes) and digests (hours) to a receiver that was down for days.
LATENCY_BUCKETS: Final = (5, 15, 30, 60, 120, 300, 600, 1800, 3600, 4 * 3600, 12 * 3600, 24 * 3600, 72 * 3600)


class Metrics:
    """What the loops report as it happens, and what is asked of the store before a scrape.

    Safe to call from any thread; no method raises on a value it does not know.
    """

    def __init__(self, version: str, *, process: bool = True) -> None:
        """Create every metric.

        Args:
            version: the program's version, shown in `monitor_build_info`.
            process: also report this process' memory, CPU time and open files (`process_...`).
        """
        # The `_created` series double the size of a scrape and no dashboard reads them.
        disable_created_metrics()  # type: ignore[no-untyped-call] # the library leaves it unannotated
        self.registry = CollectorRegistry(auto_describe=True)
        if process:
            ProcessCollector(registry=self.registry)
        self._build = Info(f"{PREFIX}_build", "The running version.", registry=self.registry)
        self._build.info({"version": version})
        self._make_counters()
        self._make_histograms()
        self._make_gauges()

    def _make_counters(self) -> None:
        self._polls = self._counter("polls", "Polls of a feed, by outcome.", "outcome", POLL_OUTCOMES)
        self._seen = self._counter("items_seen", "Items in polled feeds, known or not.")
        self._new = self._counter("items_new", "Items not seen before.")
        self._hits = self._counter("hits", "Items matched by a rule, by its severity.", "severity", Severity)
        self._alerts = self._counter("alert_revisions", "Revisions of alerts, by reason.", "reason", Reason)
        self._sent = Counter(
            f"{PREFIX}_notifications",
            "Attempts to send a notification, by channel and outcome.",
            ["channel", "outcome"],
            registry=self.registry,
        )
        for channel in CHANNELS:
            for outcome in DELIVERY_OUTCOMES:
                self._sent.labels(channel, outcome)
        self._reloads = self._counter(
            "rules_reloads", "Reloads of the rules, by result.", "result", ("applied", "refused")
        )

    def _make_histograms(self) -> None:
        self._poll_seconds = Histogram(
            f"{PREFIX}_poll_duration_seconds",
            "Time one poll took, from the request to the parsed items.",
            buckets=POLL_BUCKETS,
            registry=self.registry,
        )
        self._latency = Histogram(
            f"{PREFIX}_delivery_latency_seconds",
            "Time from the moment a notification was written until it was accepted, by channel.",
            ["channel"],
            buckets=LATENCY_BUCKETS,
            registry=self.registry,
        )
        for channel in CHANNELS:
            self._latency.labels(channel)

    def _make_gauges(self) -> None:
        self._depth = Gauge(
            f"{PREFIX}_queue_depth",
            "Notifications in the outbox, by state.",
            ["state"],
            registry=self.registry,
        )
        for state in ("pending", "dead"):
            self._depth.labels(state)
        self._oldest = self._gauge(
            "queue_oldest_pending_age_seconds", "How long the oldest notification that is due has waited."
        )
        self._feeds = self._gauge("feeds", "Feeds that are polled.")
        self._failing = self._gauge("feeds_failing", "Feeds whose last polls failed.")
        self._tick = Gauge(
            f"{PREFIX}_last_tick_timestamp_seconds",
            "When a loop last completed a tick, as Unix time.",
            ["loop"],
            registry=self.registry,
        )
        self._rules = self._gauge("rules_loaded", "Rules in force.")
        self._rules_at = self._gauge(
            "rules_last_reload_timestamp_seconds", "When the rules in force were loaded, as Unix time."
        )
        self._rules_ok = self._gauge(
            "rules_last_reload_successful", "1 if the newest rules are in force, 0 if they were refused."
        )

    def _counter(self, name: str, text: str, label: str = "", values: Iterable[str] = ()) -> Counter:
        """Return a counter; with `label`, its series for the known `values` exist at once."""
        counter = Counter(f"{PREFIX}_{name}", text, [label] if label else [], registry=self.registry)
        for value in values:
            counter.labels(value)
        return counter

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"{PREFIX}_{name}", text, registry=self.registry)

    # --- what the loops report -------------------------------------------------------------------

    def poll(self, outcome: str, seconds: float) -> None:
        """Count one poll: "fetched", "not_modified" or an `ErrorKind`, and how long it took."""
        self._polls.labels(outcome).inc()
        self._poll_seconds.observe(seconds)

    def items(self, *, seen: int, new: int) -> None:
        """Count the items of one poll; `new` of them were not known."""
        self._seen.inc(seen)
        self._new.inc(new)

    def hit(self, severity: str, count: int = 1) -> None:
        """Count `count` items matched by a rule of this `Severity`."""
        self._hits.labels(severity).inc(count)

    def alert(self, reason: str, count: int = 1) -> None:
        """Count `count` revisions of alerts with this `Reason`."""
        self._alerts.labels(reason).inc(count)

    def notification(self, channel: str, outcome: str) -> None:
        """Count one attempt over `channel`: "sent", "retry" (will be tried again) or "dead"."""
        self._sent.labels(channel, outcome).inc()

    def latency(self, channel: str, seconds: float) -> None:
        """Record how long after it was written a notification was accepted."""
        self._latency.labels(channel).observe(max(seconds, 0.0))

    def tick(self, loop: str, at: datetime) -> None:
        """Record that a loop completed a tick at `at` (aware)."""
        self._tick.labels(loop).set(at.timestamp())

    def rules_applied(self, count: int, at: datetime) -> None:
        """Record that `count` rules are in force since `at` (aware)."""
        self._reloads.labels("applied").inc()
        self._rules.set(count)
        self._rules_at.set(at.timestamp())
        self._rules_ok.set(1)

    def rules_refused(self) -> None:
        """Record that changed rules had errors, and that the last good ones stay in force."""
        self._reloads.labels("refused").inc()
        self._rules_ok.set(0)

    # --- what is asked of the store before a scrape ----------------------------------------------

    def queue(self, *, pending: int, dead: int, oldest: timedelta | None) -> None:
        """Set the outbox's depth; `oldest` is the age of the oldest row that is due, None without one."""
        self._depth.labels("pending").set(pending)
        self._depth.labels("dead").set(dead)
        self._oldest.set(oldest.total_seconds() if oldest else 0)

    def feeds(self, *, total: int, failing: int) -> None:
        """Set how many feeds are polled and how many of them fail."""
        self._feeds.set(total)
        self._failing.set(failing)

    def expose(self, accept: str = "") -> tuple[bytes, str]:
        """Return (body, content type) in the exposition format that an Accept header asks for."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type
