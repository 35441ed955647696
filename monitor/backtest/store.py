"""What a replay remembers: the part of the storage contract that grouping and flushing use, indexed.

It is not `MemoryStorage`, which looks through all rows at each question: right for tests, too slow for
months of hits. Nothing here is fenced or leased, as one task alone uses it, and nothing is ever pruned.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter, defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from monitor.models import AlertState
from monitor.storage.base import FlushClaim
from monitor.storage.base_stories import TermCounts
from monitor.storage.decide import LEAST_SHARED, batch_of, is_fixed, is_waiting

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import timedelta

    from monitor.models import Alert, AlertRevision, Decision, Hit, Item, Notification, StoryMember
    from monitor.storage.base import FlushCommit, PendingCorrection, PendingHit
    from monitor.storage.base_stories import Learned, StoryQuery

_LAST: Final = "\U0010ffff"  # no id comes after it
_CLAIM: Final = FlushClaim("replay", datetime.max.replace(tzinfo=UTC))


class ReplayStore:
    """See `monitor.storage.base.Storage` for what each method promises."""

    def __init__(self) -> None:
        """Start empty."""
        self.members: dict[str, StoryMember] = {}  # by item
        self.alerts_by_id: dict[str, Alert] = {}
        self.written: list[Notification] = []
        self._values: dict[str, str] = {}
        self._held: set[str] = set()  # alerts that wait for corroboration
        self._pending: list[PendingHit] = []
        self._items: dict[str, Item] = {}
        self._by_key: dict[str, list[str]] = defaultdict(list)  # items by URL key, title key or posting
        self._by_story: dict[str, list[tuple[datetime, str]]] = defaultdict(list)  # event times and items
        self._by_rule: dict[str, list[tuple[datetime, str]]] = defaultdict(list)  # event times and items
        self._unlearned: list[Item] = []
        self._terms: dict[str, Counter[str]] = defaultdict(Counter)  # items by language and term
        self._learned: Counter[str] = Counter()  # items by language
        self._newest: dict[tuple[str, str], Alert] = {}  # by rule and group key
        self._revisions: dict[str, dict[int, AlertRevision]] = defaultdict(dict)
        self._decisions: dict[str, dict[tuple[int, str], Decision]] = defaultdict(dict)
        self._waiting: dict[tuple[str, int, str], Decision] = {}

    def add(self, hits: Sequence[PendingHit]) -> None:
        """Let hits wait to be grouped."""
        self._pending += hits
        new = {found.item.item_id: found.item for found in hits if found.item.item_id not in self._items}
        self._items |= new
        self._unlearned += new.values()
        for found in hits:
            insort(self._by_rule[found.hit.rule_id], (found.hit.event_at, found.item.item_id))

    def learn_from(self, items: Sequence[Item]) -> None:
        """Let news that no rule fired on teach how telling words are, as the daemon's store does."""
        self._unlearned += [item for item in items if item.item_id not in self._items]

    def all_revisions(self) -> tuple[AlertRevision, ...]:
        """Return every revision, by alert and number."""
        return tuple(
            one for key in sorted(self._revisions) for _, one in sorted(self._revisions[key].items())
        )

    def all_decisions(self) -> tuple[Decision, ...]:
        """Return every decision, by alert, revision and recipient."""
        return tuple(
            one for key in sorted(self._decisions) for _, one in sorted(self._decisions[key].items())
        )

    @property
    def next_due_at(self) -> datetime | None:
        """Return when the next message is due."""
        return min((d.due_at for d in self._waiting.values() if d.due_at is not None), default=None)

    def entries(self) -> Counter[str]:
        """Return how many revisions each message tells, by notification id."""
        made = (decision for about in self._decisions.values() for decision in about.values())
        return Counter(notification_id for decision in made for notification_id in decision.notification_ids)

    # --- the contract ---

    async def claim_flush(self, now: datetime, *, lease: timedelta) -> FlushClaim | None:  # noqa: ARG002 - one task
        """Return a claim: nobody else asks."""
        return _CLAIM

    async def release_flush(self, claim: FlushClaim) -> None:
        """Do nothing."""

    async def get_value(self, name: str) -> str | None:
        """Return what a rule that remembers has stored."""
        return self._values.get(name)

    async def pending_corrections(self, *, limit: int) -> tuple[PendingCorrection, ...]:  # noqa: ARG002 - none
        """Return nothing: items of the past are read as they were last."""
        return ()

    async def list_alerts(self, *, state: str | None = None, limit: int = 100) -> tuple[Alert, ...]:
        """Return the held alerts, which is all that flushing asks for."""
        found = (self.alerts_by_id[one] for one in sorted(self._held))
        return tuple(alert for alert in found if state in {None, alert.state.value})[:limit]

    async def notifications(
        self, *, state: str | None = None, recipient_id: str | None = None, limit: int = 100
    ) -> tuple[Notification, ...]:
        """Return the recipient's messages, newest first."""
        found: list[Notification] = []
        for row in reversed(self.written):
            if len(found) == limit:
                break
            if row.recipient_id == recipient_id and state in {None, row.state.value}:
                found.append(row)
        return tuple(found)

    async def pending_hits(self, *, limit: int) -> tuple[PendingHit, ...]:
        """See `Storage.pending_hits`."""
        self._pending.sort(key=lambda p: (p.hit.event_at, p.hit.hit_at, p.hit.item_id, p.hit.rule_id))
        return tuple(self._pending[:limit])

    async def story_of(self, item_ids: Sequence[str]) -> Mapping[str, StoryMember]:
        """See `Storage.story_of`."""
        return {item_id: self.members[item_id] for item_id in item_ids if item_id in self.members}

    async def story_candidates(
        self, asked: Sequence[StoryQuery], *, limit: int = 50
    ) -> tuple[tuple[tuple[StoryMember, Item], ...], ...]:
        """See `Storage.story_candidates`."""
        return tuple(self._candidates(one, limit) for one in asked)

    def _candidates(self, asked: StoryQuery, limit: int) -> tuple[tuple[StoryMember, Item], ...]:
        urls = {item_id for key in asked.url_keys for item_id in self._by_key.get(f"url {key}", ())}
        titles = {item_id for key in asked.title_keys for item_id in self._by_key.get(f"title {key}", ())}
        shared = Counter(
            item_id for key in set(asked.postings) for item_id in self._by_key.get(f"term {key}", ())
        )
        close = {item_id for item_id, count in shared.items() if count >= LEAST_SHARED}
        ranked = sorted(
            (item_id not in urls, item_id not in titles, -shared[item_id], member.event_at, item_id)
            for item_id in urls | titles | close
            if asked.since <= (member := self.members[item_id]).event_at <= asked.until
        )
        return tuple((self.members[rank[-1]], self._items[rank[-1]]) for rank in ranked[:limit])

    async def story_members(
        self, story_ids: Sequence[str], *, limit: int = 50, known: Collection[str] = frozenset()
    ) -> Mapping[str, tuple[tuple[StoryMember, Item], ...]]:
        """See `Storage.story_members`."""
        newest = {story_id: sorted(self._by_story.get(story_id, ()))[-limit:] for story_id in story_ids}
        asked = {
            story_id: [item_id for _, item_id in found if item_id not in known]
            for story_id, found in newest.items()
        }
        return {
            story_id: tuple((self.members[item_id], self._items[item_id]) for item_id in ids)
            for story_id, ids in asked.items()
            if ids
        }

    async def hit_members(
        self, rule_ids: Sequence[str], *, since: datetime, until: datetime, limit: int = 200
    ) -> tuple[tuple[StoryMember, Item], ...]:
        """See `Storage.hit_members`."""
        found: set[tuple[datetime, str]] = set()
        for rule_id in rule_ids:
            mine = self._by_rule[rule_id]
            found.update(mine[bisect_left(mine, (since, "")) : bisect_right(mine, (until, _LAST))][-limit:])
        placed = [item_id for _, item_id in sorted(found) if item_id in self.members]
        return tuple((self.members[item_id], self._items[item_id]) for item_id in placed)

    async def term_counts(self, asked: Mapping[str, Sequence[str]]) -> Mapping[str, TermCounts]:
        """See `Storage.term_counts`."""
        return {
            language: TermCounts(self._learned[language], {t: known[t] for t in terms if t in known})
            for language, terms in asked.items()
            for known in (self._terms[language],)
        }

    async def unlearned_items(self, *, limit: int) -> tuple[Item, ...]:
        """See `Storage.unlearned_items`."""
        return tuple(self._unlearned[:limit])

    async def item_hits(self, item_ids: Sequence[str]) -> tuple[Hit, ...]:  # noqa: ARG002 - nobody splits here
        """Return none: nobody splits a story in a replay."""
        return ()

    async def find_alerts(self, rule_id: str, group_keys: Sequence[str]) -> Mapping[str, Alert]:
        """See `Storage.find_alerts`."""
        return {key: self._newest[rule_id, key] for key in group_keys if (rule_id, key) in self._newest}

    async def alerts(self, alert_ids: Sequence[str]) -> Mapping[str, Alert]:
        """See `Storage.alerts`."""
        return {found: self.alerts_by_id[found] for found in alert_ids if found in self.alerts_by_id}

    async def due_reminders(self, now: datetime, *, limit: int) -> tuple[Alert, ...]:  # noqa: ARG002 - none
        """Return none: whether somebody would have acknowledged an alert is not known."""
        return ()

    async def quiet_alerts(self, *, last_hit_before: datetime, limit: int) -> tuple[Alert, ...]:  # noqa: ARG002 - none
        """Return none: a later hit closes an alert that was overdue to, and closing tells nobody."""
        return ()

    async def revisions(self, alert_ids: Sequence[str]) -> tuple[AlertRevision, ...]:
        """See `Storage.revisions`."""
        wanted = sorted(set(alert_ids))
        return tuple(one for alert_id in wanted for _, one in sorted(self._revisions[alert_id].items()))

    async def decisions(self, alert_ids: Sequence[str]) -> tuple[Decision, ...]:
        """See `Storage.decisions`."""
        wanted = sorted(set(alert_ids))
        return tuple(one for alert_id in wanted for _, one in sorted(self._decisions[alert_id].items()))

    async def due_decisions(self, now: datetime, *, limit: int) -> tuple[Decision, ...]:  # noqa: ARG002 - whole groups
        """See `Storage.due_decisions`; all of them come at once."""
        due = [(d.due_at, d.alert_id, d.revision, d) for d in self._waiting.values() if d.due_at is not None]
        groups: dict[tuple[str, str], list[Decision]] = defaultdict(list)
        for due_at, _, _, decision in sorted(due, key=lambda one: one[:3]):
            if due_at <= now:
                groups[decision.recipient_id, batch_of(decision)].append(decision)
        return tuple(decision for group in groups.values() for decision in group)

    async def commit_flush(self, claim: FlushClaim, commit: FlushCommit, now: datetime) -> None:  # noqa: ARG002 - one task
        """See `Storage.commit_flush`."""
        for member in commit.members:
            if self.members.setdefault(member.item_id, member) is member:
                self._index(member)
        if commit.learned is not None:
            self._learn(commit.learned)
        for alert in commit.alerts:
            self.alerts_by_id[alert.alert_id] = alert
            (self._held.add if alert.state is AlertState.PENDING else self._held.discard)(alert.alert_id)
            place = alert.rule.rule_id, alert.group_key
            known = self._newest.get(place)
            if known is None or known.generation <= alert.generation:
                self._newest[place] = alert
        for revision in commit.revisions:
            self._revisions[revision.alert_id].setdefault(revision.revision, revision)
        for decision in commit.decisions:
            self._decide(decision)
        self.written += commit.notifications
        self._values |= dict(commit.values)
        handled = set(commit.handled)
        self._pending = [found for found in self._pending if found.hit.hit_id not in handled]

    def _learn(self, learned: Learned) -> None:
        for language, found in learned.counts.items():
            self._learned[language] += found.items
            self._terms[language].update(found.counts)
        if learned.mark is None:
            return
        mark = learned.mark.item_id
        place = next(n for n, one in enumerate(self._unlearned) if one.item_id == mark)
        del self._unlearned[: place + 1]

    def _index(self, member: StoryMember) -> None:
        self._by_story[member.story_id].append((member.event_at, member.item_id))
        named = (("url", member.url_key), ("title", member.title_key))
        for kind, key in (*named, *(("term", posting) for posting in member.postings)):
            if key:
                self._by_key[f"{kind} {key}"].append(member.item_id)

    def _decide(self, decision: Decision) -> None:
        place = decision.revision, decision.recipient_id
        stored = self._decisions[decision.alert_id].get(place)
        if stored is not None and is_fixed(stored):
            return
        self._decisions[decision.alert_id][place] = decision
        key = (decision.alert_id, *place)
        self._waiting.pop(key, None)
        if is_waiting(decision):
            self._waiting[key] = decision
