"""What is wrong with the monitor, told from facts: every threshold stands here; pure."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from monitor.alerts import system_rules as rules
from monitor.alerts.system import Finding, Survey, source_id
from monitor.alerts.wording import counted, duration, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from monitor.document import Diagnostic
    from monitor.models import FeedState, Routing, RuleInfo, Silence
    from monitor.rules.schema import Rule
    from monitor.storage.base_system import Receiver

QUEUE_BOUND: Final = timedelta(minutes=10)
SOON: Final = timedelta(days=7)  # before its end, a rule's or silence's owner is told
GIBIBYTE: Final = 2**30
LOW_SHARE, LOW_BYTES = 0.05, 5 * GIBIBYTE  # less than both of these free is low
NEVER_BELOW: Final = GIBIBYTE // 2  # less than this free is low on any disk
ROOM_AGAIN: Final = 1.2  # times the bound, so that one file more or less is no news
QUIET_AFTER: Final = timedelta(hours=24)  # without a hit


def rules_stale(
    errors: Sequence[Diagnostic], kept: Sequence[str], infos: Mapping[str, RuleInfo], now: datetime
) -> Survey:
    """Return what keeps part of the edited files from being used.

    Args:
        errors: of all files, in order.
        kept: ids of rules that go on in their last good version; their owners are told.
        infos: the rules in force.
        now: the present.
    """
    found: list[Finding] = []
    seen: Counter[str] = Counter()
    for error in errors:
        what = f"{error.place.file}:{error.code}:{error.text}"
        seen[what] += 1  # its line is no part of what names it: lines move as files are edited
        found.append(
            Finding(
                rules.RULES_STALE, f"error:{what}:{seen[what]}", error.place.file, one_line(str(error)),
                "", now, group="rules",
            )
        )  # fmt: skip
    for rule_id in kept:
        title = f'Rule "{rule_id}" goes on in its last good version'
        found.append(
            Finding(
                rules.RULES_STALE, f"kept:{rule_id}", infos[rule_id].title if rule_id in infos else rule_id,
                title, "", now, infos[rule_id].owner if rule_id in infos else "", group="rules",
            )
        )  # fmt: skip
    return Survey(tuple(found), whole=frozenset({rules.RULES_STALE}))


def receivers(
    found: Iterable[Receiver], routing: Routing, told: Mapping[str, datetime], now: datetime
) -> Survey:
    """Return which recipients cannot be reached over which channel.

    It is over when a message is taken; while none is tried, nothing is known, and it stays as it is.

    Args:
        found: how delivery goes.
        routing: the present recipients: of those that are gone nothing is told.
        told: since when what was told is so, by source id.
        now: the present.
    """
    known = {(one.recipient_id, one.channel): one for one in found}
    findings: list[Finding] = []
    unsure: set[str] = set()
    for place in ((r.recipient_id, channel) for r in routing.recipients for channel in r.channels()):
        one = known.get(place)
        if one is not None and one.fails:
            findings.append(unreachable(*place, one.error, one.failed_at or now))
            continue
        item_id = source_id(rules.DELIVERY_FAILING, _place(*place))
        taken_at = one.sent_at if one is not None and not one.troubled else None
        if item_id in told and (taken_at is None or taken_at < told[item_id]):
            unsure.add(item_id)
    return Survey(tuple(findings), whole=frozenset({rules.DELIVERY_FAILING}), unsure=frozenset(unsure))


def unreachable(recipient_id: str, channel: str, error: str, at: datetime) -> Finding:
    """Return that a recipient cannot be reached; those of one channel are one alert."""
    return Finding(
        rules.DELIVERY_FAILING, _place(recipient_id, channel), recipient_id,
        f"{recipient_id} cannot be reached over {channel}", one_line(error), at, group=f"channel:{channel}",
    )  # fmt: skip


def _place(recipient_id: str, channel: str) -> str:
    return f"recipient:{recipient_id}/{channel}"


def queue(messages_since: datetime | None, hits_since: datetime | None, now: datetime) -> Survey:
    """Return whether messages or hits wait for longer than they should.

    Args:
        messages_since: when the longest overdue message was due; None = none is.
        hits_since: when the hit that waits longest for its grouping was found; None = none waits.
        now: the present.
    """
    named = (("message", "is due", messages_since), ("hit", "waits for its grouping", hits_since))
    findings = tuple(
        Finding(
            rules.QUEUE_OLD, f"queue:{name}s", "the queue",
            f"A {name} {what} since {since:%H:%M} UTC", f"That is {duration(now - since)} ago.", since,
            group="queue",
        )
        for name, what, since in named if since is not None and now - since > QUEUE_BOUND
    )  # fmt: skip
    return Survey(findings, whole=frozenset({rules.QUEUE_OLD}))


def disk(free: int, total: int, now: datetime, *, low_before: bool) -> Survey:
    """Return whether the disk that the store is on is almost full.

    Args:
        free: bytes that the monitor may still write.
        total: the disk's size in bytes.
        now: the present.
        low_before: whether it was low at the last look.
    """
    bound = max(NEVER_BELOW, min(LOW_BYTES, int(total * LOW_SHARE)))
    low = free < bound * (ROOM_AGAIN if low_before else 1)
    finding = Finding(
        rules.DISK_LOW, "disk", "the disk", f"Less than {_size(bound)} of disk is free",
        f"{_size(free)} of {_size(total)} are free.", now,
    )  # fmt: skip
    return Survey((finding,) if low else (), whole=frozenset({rules.DISK_LOW}))


def _size(count: int) -> str:
    return f"{count / GIBIBYTE:.1f} GiB"


def nothing_matched(
    last_hit_at: datetime | None, states: Sequence[FeedState], bound: timedelta, now: datetime
) -> Survey:
    """Return whether no rule has matched for a day, by an installation that has read feeds for as long.

    Args:
        last_hit_at: when an alert last got a report; None = never.
        states: of the feeds.
        bound: how long is too long; zero or less asks nothing.
        now: the present.
    """
    whole = frozenset({rules.NOTHING_MATCHED})
    since = min((s.baselined_at for s in states if s.baselined_at is not None), default=None)
    if bound <= timedelta(0) or since is None or now - max(since, last_hit_at or since) < bound:
        return Survey(whole=whole)
    new = sum(s.last_new_at is not None and now - s.last_new_at < bound for s in states)
    hours = bound // timedelta(hours=1)
    seen = f"{counted(new, 'feed')} of {len(states)} had something new in that time."
    finding = Finding(
        rules.NOTHING_MATCHED, "hits", "the rules", f"No rule has matched for {hours} h", seen,
        last_hit_at or since,
    )  # fmt: skip
    return Survey((finding,), whole=whole)


def expiring(found: Iterable[Rule], silences: Iterable[Silence], now: datetime) -> Survey:
    """Return rules and silences that end within seven days.

    A silence that was made for a shorter time ends as its author meant it to: nothing is told.
    """
    ends = [
        (
            f"rule:{rule.rule_id}", rule.title, f'Rule "{rule.rule_id}" ends on {rule.expires:%d %B}',
            "Set `expires` to a later day, or remove it, if the rule is still wanted.", rule.owner,
            datetime.combine(rule.expires, time(), UTC),
        )
        for rule in found if rule.expires is not None
    ]  # fmt: skip
    ends += [
        (
            f"silence:{one.silence_id}", f"silence {one.silence_id}",
            f"Silence {one.silence_id} ends on {one.ends_at:%d %B, %H:%M} UTC",
            f"By {one_line(one.author)}: {one_line(one.comment)}. `monitor silence update` prolongs it.",
            "", one.ends_at,
        )
        for one in silences if one.ends_at - one.starts_at > SOON
    ]  # fmt: skip
    return Survey(
        tuple(
            Finding(rules.EXPIRING, subject, name, headline, text, now, owner)
            for subject, name, headline, text, owner, end in ends
            if now < end <= now + SOON
        ),
        whole=frozenset({rules.EXPIRING}),
    )


def rule_error(info: RuleInfo, error: str, now: datetime) -> Finding:
    """Return that a rule could not be evaluated on a report."""
    return Finding(
        rules.RULE_ERROR, f"rule:{info.rule_id}", info.title,
        f'Rule "{info.rule_id}" fails while it runs', one_line(error), now, info.owner,
    )  # fmt: skip


def rule_noisy(info: RuleInfo, recipient_id: str, now: datetime) -> Finding:
    """Return that messages about a rule went over the flood guard."""
    return Finding(
        rules.RULE_NOISY, f"rule:{info.rule_id}", info.title,
        f'Rule "{info.rule_id}" fires too often for {recipient_id}',
        "What exceeds the flood guard is told in a summary every 30 min.", now, info.owner,
    )  # fmt: skip


def clock_jump(shift: timedelta, now: datetime) -> Finding:
    """Return that the clock was moved by `shift`."""
    way = "forwards" if shift > timedelta(0) else "backwards"
    return Finding(
        rules.CLOCK_JUMP, f"clock:{now.isoformat()}", "the clock",
        f"The clock was moved {way} by {duration(abs(shift))}", "", now, group="clock",
    )  # fmt: skip
