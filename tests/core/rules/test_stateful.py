"""Rules that remember: sequence, together, volume and corroboration, by tables and by properties."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor.models import Severity, Source, Tier
from monitor.rules.corroboration import Standing, corroborate
from monitor.rules.reasons import span
from monitor.rules.schema import Combination, Corroborate, Rule, Volume
from monitor.rules.stateful import LATENESS, State, begin, firings, keys, signal_of, step, usual
from monitor.rules.windows import Signal, order, story_of
from monitor.storage.codec import dumps, loads

T0 = datetime(2026, 3, 12, tzinfo=UTC)
H = timedelta(hours=1)


def sequence(*rule_ids: str, within: float = 48, same: str = "topic", ordered: bool = True) -> Rule:
    return Rule(
        "r", "R", Severity.HIGH, sequence=Combination(rule_ids, within * H, ordered, same), topic="talks"
    )


def volume(stories: int | None = None, within: float = 1, **rest) -> Rule:
    return Rule("r", "R", Severity.HIGH, volume=Volume("a", within * H, stories, **rest), topic="talks")


def signal(rule_id: str, hour: float, item: str = "", *, seen: float | None = None, **rest) -> Signal:
    item_id = item or f"{rule_id}{hour}"
    at = T0 + hour * H
    fields = {"topic": "talks", "story_id": f"story {item_id}", **rest}
    return Signal(rule_id, item_id, at, T0 + seen * H if seen is not None else at, **fields)


def signals(text: str) -> list[Signal]:
    """Read "a0 b5 b6": rules and hours, in order of arrival."""
    return [signal(word[0], float(word[1:])) for word in text.split()]


def feed(rule: Rule, arrivals: list[Signal], lateness: timedelta = LATENESS):
    """Step through signals that arrive as soon as they are seen, or at once after the one before."""
    state, steps = begin(T0 - 1000 * H), []
    for one in arrivals:
        taken = step(rule, state, one, one.first_seen_at, lateness)
        state = taken.state
        steps.append(taken)
    return steps


def fired(steps) -> list[str]:
    return [" ".join(one.item_id for one in firing.signals) for taken in steps for firing in taken.firings]


# --- tables ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "arrivals", "expected"),
    [
        # In order, within the window: fires when the last one comes.
        (sequence("a", "b"), "a0 b5", ["a0.0 b5.0"]),
        # A sequence needs rising event time.
        (sequence("a", "b"), "b0 a5", []),
        # `together` takes any order.
        (sequence("a", "b", ordered=False), "b0 a5", ["b0.0 a5.0"]),
        # Last minus first is at most `within`: exactly as much is inside.
        (sequence("a", "b"), "a0 b48", ["a0.0 b48.0"]),
        (sequence("a", "b"), "a0 b48.1", []),
        # The window is that of the whole set, not of each pair.
        (sequence("a", "b", "c"), "a0 b30 c60", []),
        (sequence("a", "b", "c"), "a0 b30 c48", ["a0.0 b30.0 c48.0"]),
        # The window slides: a newer first one replaces an old one.
        (sequence("a", "b"), "a0 a40 b60", ["a40.0 b60.0"]),
        (sequence("a", "b", "c"), "a0 b30 a40 b45 c60", ["a40.0 b45.0 c60.0"]),
        # An old b does not hide that a newer a has no b yet.
        (sequence("a", "b", "c"), "a0 b10 a20 c30", ["a0.0 b10.0 c30.0"]),
        # A completed set fires once; what it holds is used up.
        (sequence("a", "b"), "a0 b5 b6", ["a0.0 b5.0"]),
        (sequence("a", "b"), "a0 a3 b5 b6", ["a3.0 b5.0"]),
        (sequence("a", "b"), "a0 b5 a10 b15", ["a0.0 b5.0", "a10.0 b15.0"]),
        (sequence("a", "b", ordered=False), "a0 b5 a6", ["a0.0 b5.0"]),
        (sequence("a", "b", ordered=False), "a0 b5 a6 b7", ["a0.0 b5.0", "a6.0 b7.0"]),
        # A late item completes: it arrives after what followed it.
        (sequence("a", "b"), "b5 a0", ["a0.0 b5.0"]),
        (sequence("a", "b", "c"), "a0 c9 b5", ["a0.0 b5.0 c9.0"]),
        # What fired is not fired again with a late one; a late one that makes one set more fires it.
        (sequence("a", "b"), "a0 b5 b3", ["a0.0 b5.0"]),
        (sequence("a", "b"), "a0 b5 b3 a4", ["a0.0 b5.0", "a4.0 b5.0"]),
        # The same rule twice asks for two alerts of it.
        (sequence("a", "a"), "a0 a5 a6", ["a0.0 a5.0"]),
        (sequence("a", "a", "b", ordered=False), "a0 b1 a2", ["a0.0 b1.0 a2.0"]),
        # Other rules' signals are not counted.
        (sequence("a", "b"), "a0 c1 b2", ["a0.0 b2.0"]),
        # Volume: so many stories inside the window, then so many others for the next firing.
        (volume(3), "a0 a0.5 a1", ["a0.0 a0.5 a1.0"]),
        (volume(3), "a0 a0.5 a1.1", []),
        (volume(3), "a0 a.1 a.2 a.3 a.4", ["a0.0 a0.1 a0.2"]),
        (volume(3), "a0 a.1 a.2 a.3 a.4 a.5", ["a0.0 a0.1 a0.2", "a0.3 a0.4 a0.5"]),
        (volume(2), "a0 b0.1", []),
    ],
)
def test_sets(rule, arrivals, expected):
    assert fired(feed(rule, signals(arrivals))) == expected


@pytest.mark.parametrize(
    ("same", "first", "second", "fires"),
    [
        # A missing key never equals another missing key.
        ("topic", {"topic": "x"}, {"topic": "x"}, True),
        ("topic", {"topic": "x"}, {"topic": "y"}, False),
        ("topic", {"topic": ""}, {"topic": ""}, False),
        ("story", {"story_id": "s"}, {"story_id": "s"}, True),
        ("story", {"story_id": "s"}, {"story_id": "z"}, False),
        ("story", {"story_id": ""}, {"story_id": ""}, False),
        ("country", {"country": "FR"}, {"country": "FR"}, True),
        ("country", {"country": ""}, {"country": ""}, False),
        # Any entry of the list that both name.
        (
            "entity.envoys",
            {"entities": (("envoys", "A"), ("envoys", "B"))},
            {"entities": (("envoys", "B"),)},
            True,
        ),
        ("entity.envoys", {"entities": (("envoys", "A"),)}, {"entities": (("places", "A"),)}, False),
        ("entity.envoys", {}, {}, False),
        # `none` asks for nothing.
        ("none", {"topic": "", "story_id": ""}, {"topic": "y", "story_id": ""}, True),
    ],
)
def test_same(same, first, second, fires):
    steps = feed(sequence("a", "b", same=same), [signal("a", 0, **first), signal("b", 1, **second)])
    assert bool(fired(steps)) is fires


def test_one_item_is_no_sequence_but_may_be_together():
    # Ties are broken by first sight and item id; one item's hits of two rules stay tied.
    both = [signal("a", 0, "x"), signal("b", 0, "x")]
    assert fired(feed(sequence("a", "b"), both)) == []
    assert fired(feed(sequence("a", "b", ordered=False), both)) == ["x x"]


def test_a_set_uses_up_the_whole_moment_of_its_last_signal():
    # x completes with b; its own b is used up with it, so the a after it begins anew.
    rule = sequence("a", "b", ordered=False)
    arrivals = [signal("b", 0), signal("a", 1, "x"), signal("b", 1, "x"), signal("a", 2)]
    assert fired(feed(rule, arrivals)) == ["b0 x"]
    assert len(firings(rule, arrivals)) == 1


def test_what_lies_on_the_border_belongs_to_the_window_and_not_to_its_baseline():
    rule = volume(times=2.0, baseline=2 * H)
    state = step(rule, begin(T0), signal("a", 9), T0 + 9 * H).state
    assert usual(rule, state, signal("a", 10)) == 0.0
    assert usual(rule, state, signal("a", 10.5)) == 0.5
    assert usual(rule, state, signal("a", 2.5)) is None


@pytest.mark.parametrize(
    ("first", "second", "fires"),
    [
        # Equal event times: the one seen first came first.
        (signal("a", 0, "z", seen=1), signal("b", 0, "a", seen=2), True),
        (signal("a", 0, "a", seen=2), signal("b", 0, "z", seen=1), False),
        # Seen at once, too: the lower item id came first.
        (signal("a", 0, "a"), signal("b", 0, "z"), True),
        (signal("a", 0, "z"), signal("b", 0, "a"), False),
    ],
)
def test_ties(first, second, fires):
    assert bool(firings(sequence("a", "b"), [first, second])) is fires
    assert bool(fired(feed(sequence("a", "b"), [first, second]))) is fires


def test_one_set_fires_once_though_it_shares_two_entities():
    two = (("envoys", "A"), ("envoys", "B"))
    (_, taken) = feed(
        sequence("a", "b", same="entity.envoys"), [signal("a", 0, entities=two), signal("b", 1, entities=two)]
    )
    (firing,) = taken.firings
    assert firing.keys == ("A", "B")
    assert firing.reason == "a, then b: 1 h apart, same envoys (A and B)."


def test_a_story_counts_once_and_no_story_is_a_story_of_its_own():
    one_story = [signal("a", hour / 10, story_id="s") for hour in range(3)]
    assert fired(feed(volume(2), one_story)) == []
    without = [signal("a", hour / 10, story_id="") for hour in range(2)]
    assert len(fired(feed(volume(2), without))) == 1


@pytest.mark.parametrize(
    ("rule", "arrivals", "said"),
    [
        (sequence("a", "b", "c"), "a0", "Waiting for the 2nd of 3: b, until 2026-03-14 00:00 UTC."),
        (sequence("a", "b", "c"), "a0 b1", "Waiting for the 3rd of 3: c, until 2026-03-14 00:00 UTC."),
        (sequence("a", "b"), "b0", "Waiting for the 1st of 2: a."),
        (
            sequence("a", "b"),
            "a0 b60",
            "Outside 48 h: a (2026-03-12 00:00 UTC) and b (2026-03-14 12:00 UTC) are 60 h apart.",
        ),
        (sequence("a", "b"), "a0 b5", "a, then b: 5 h apart, same topic (talks)."),
        (
            sequence("a", "b"),
            "a0 b5 b6",
            (
                "Waiting for the 1st of 2: a. It fired with what happened up to 2026-03-12 05:00 UTC; "
                "a complete set fires once."
            ),
        ),
        (sequence("a", "b"), "a0 b5 b3", None),
        (sequence("a", "b"), "a0 a0", "It was counted before."),
        (sequence("a", "b"), "c0", "r does not wait for c."),
        (
            sequence("a", "b", "c", ordered=False),
            "b0",
            "Waiting for a and c (1 of 3 there), until 2026-03-14 00:00 UTC.",
        ),
        (
            sequence("a", "a", "b", ordered=False),
            "b0",
            "Waiting for 2 of a (1 of 3 there), until 2026-03-14 00:00 UTC.",
        ),
        (sequence("a", "b", ordered=False, same="none"), "b0 a2", "b and a: 2 h apart."),
        (
            sequence("a", "b", same="country"),
            "a0",
            "The hit of a has no country, so it is the same as no other (same: country).",
        ),
        (
            sequence("a", "b", same="entity.envoys"),
            "a0",
            (
                "The hit of a has no entry of the list envoys, so it is the same as no other "
                "(same: entity.envoys)."
            ),
        ),
        (volume(3), "a0 a1", "Waiting: 2 of 3 stories of a within 1 h."),
        (volume(2), "a0 a1", "2 stories of a within 1 h: 2026-03-12 00:00 UTC to 2026-03-12 01:00 UTC."),
    ],
)
def test_the_reason(rule, arrivals, said):
    reason = feed(rule, signals(arrivals))[-1].reason
    assert reason == said if said else reason.startswith("r has fired for the time up to")


def test_too_late_is_said_and_not_counted():
    rule, (one, other) = sequence("a", "b", within=200), signals("a0 b1")
    state = step(rule, begin(T0), other, T0 + H).state
    taken = step(rule, state, one, T0 + LATENESS + H)
    assert taken.firings == ()
    assert taken.reason == "Too late: the event is 4 d 1 h old, and only 96 h are waited for."
    assert step(rule, state, one, T0 + LATENESS).firings


def test_the_clock_of_a_rule_never_goes_back():
    state = step(sequence("a", "b"), begin(T0), signal("a", 0), T0 + 5 * H).state
    assert step(sequence("a", "b"), state, signal("b", 1), T0).state.now == T0 + 5 * H


def test_times_is_warming_up_until_one_whole_baseline_exists():
    rule = volume(times=3.0, baseline=10 * H)
    state, told = begin(T0), []
    # Ten windows of one hour hold five stories before 11.0: 0.5 are usual, 3 x 0.5 need two.
    for hour in (1, 3, 5, 7, 9, 10.9, 11, 11.2, 11.3):
        taken = step(rule, state, signal("a", hour), T0 + hour * H)
        state = taken.state
        told.append((hour, len(taken.firings), taken.reason))
    assert {hour: count for hour, count, _ in told if count} == {11: 1, 11.3: 1}
    assert told[5][2] == "Warming up: the baseline of 10 h is whole at 2026-03-12 11:00 UTC."
    assert told[7][2] == "Waiting: 1 of 2 stories of a within 1 h; 0.5 are usual."


def test_times_is_measured_against_the_usual():
    rule = volume(times=3.0, baseline=10 * H)
    # Two stories an hour are usual; six are needed.
    before = [signal("a", hour / 2) for hour in range(22)]
    burst = [signal("a", 11 + minute / 60, f"m{minute}") for minute in range(1, 59, 9)]
    (firing,) = firings(rule, [*before, *burst], since=T0)
    assert [one.item_id for one in firing.signals] == ["m1", "m10", "m19", "m28", "m37", "m46"]


def test_a_quiet_baseline_still_needs_two_stories():
    rule = volume(times=3.0, baseline=10 * H)
    assert firings(rule, [signal("a", 20)], since=T0) == ()
    assert len(firings(rule, [signal("a", 20), signal("a", 20.5)], since=T0)) == 1


def test_a_firing_is_the_signal_of_rules_above():
    ab = replace(sequence("a", "b"), rule_id="ab", topic="envoys")
    (firing,) = firings(ab, [signal("a", 0, entities=(("x", "1"),)), signal("b", 2, entities=(("x", "2"),))])
    above = signal_of(ab, firing, "alert")
    assert (above.rule_id, above.topic, above.alert_id) == ("ab", "envoys", "alert")
    assert (above.item_id, above.event_at, above.entities) == ("b2", T0 + 2 * H, (("x", "1"), ("x", "2")))
    assert fired(feed(sequence("ab", "c", same="none"), [above, signal("c", 3)])) == ["b2 c3"]


@pytest.mark.parametrize(
    ("value", "said"),
    [(48 * H, "48 h"), (96 * H, "96 h"), (14 * 24 * H, "14 d"), (1.5 * H, "1 h 30 min")],
)
def test_spans_are_said_as_rules_write_them(value, said):
    assert span(value) == said


# --- properties ------------------------------------------------------------------------------------

LATE = 10  # hours of lateness in the properties: short, so that much is forgotten

names = st.sampled_from(("", "x", "y"))


@st.composite
def stories(draw, most: int = 14) -> list[Signal]:
    """Return signals of items, each seen at most `LATE` hours after its event, in order of arrival."""
    made = []
    for number in range(draw(st.integers(0, most))):
        hour, delay = draw(st.integers(0, 40)), draw(st.integers(0, LATE))
        fields = {
            "topic": draw(names),
            "country": draw(names),
            "story_id": draw(st.sampled_from(("", "s", "t", "u"))),
            "entities": tuple(("e", name) for name in sorted(draw(st.sets(st.sampled_from("pq"))))),
        }
        rules = draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=2, unique=True))
        made += [signal(rule, hour, f"i{number}", seen=hour + delay, **fields) for rule in rules]
    return sorted(made, key=lambda one: one.first_seen_at)


combined = st.builds(
    lambda rule_ids, within, ordered, same: sequence(*rule_ids, within=within, ordered=ordered, same=same),
    st.lists(st.sampled_from("abc"), min_size=2, max_size=3),
    st.integers(1, 15),
    st.booleans(),
    st.sampled_from(("topic", "story", "country", "none", "entity.e")),
)
counted = st.builds(volume, st.integers(2, 4), st.integers(1, 15))
unusual = st.builds(
    lambda times, within, windows: volume(None, within, times=times, baseline=within * windows * H),
    st.sampled_from((1.5, 2.0, 3.0)),
    st.integers(1, 6),
    st.integers(1, 4),
)
monotone = st.one_of(combined, counted)


def complete(rule: Rule, chosen: tuple[Signal, ...]) -> bool:
    """Say by the words of the specification whether signals, in order of events, are a complete set."""
    wanted = rule.volume.within if rule.volume else rule.sequence.within
    if chosen[-1].event_at - chosen[0].event_at > wanted:
        return False
    if rule.volume:
        return len({story_of(one) for one in chosen}) >= rule.volume.stories
    if not rule.sequence.ordered:
        return Counter(one.rule_id for one in chosen) == Counter(rule.sequence.rule_ids)
    rising = all(order(one) < order(other) for one, other in itertools.pairwise(chosen))
    return rising and tuple(one.rule_id for one in chosen) == rule.sequence.rule_ids


def most_disjoint(rule: Rule, ours: list[Signal]) -> int:
    """Count by trial the complete sets that stand side by side: the meaning of "fires once a set"."""
    size = rule.volume.stories if rule.volume else len(rule.sequence.rule_ids)
    spans = {
        (order(chosen[0]), order(chosen[-1]))
        for chosen in itertools.combinations(ours, size)
        if complete(rule, chosen) or (not rule.volume and _tied(rule, chosen))
    }
    best: dict = {}
    moments = sorted({order(one) for one in ours})
    previous = 0
    for at in moments:
        ends = [first for first, last in spans if last == at]
        before = [max((best[m] for m in moments if m < first), default=0) + 1 for first in ends]
        previous = best[at] = max([previous, *before])
    return previous


def _tied(rule: Rule, chosen: tuple[Signal, ...]) -> bool:
    """Say whether tied signals in another order of theirs are complete."""
    return any(
        complete(rule, other)
        for other in itertools.permutations(chosen)
        if all(order(one) <= order(two) for one, two in itertools.pairwise(other))
    )


def by_key(found) -> Counter:
    return Counter(key for firing in found for key in firing.keys)


@settings(deadline=None, max_examples=200)
@given(monotone, stories(most=8))
def test_a_rule_fires_as_often_as_complete_sets_stand_side_by_side(rule, arrivals):
    wanted = {"a"} if rule.volume else set(rule.sequence.rule_ids)
    ours = sorted(
        (one for one in arrivals if one.rule_id in wanted), key=lambda one: (order(one), one.rule_id)
    )
    expected = Counter()
    for key in {key for one in ours for key in keys(rule, one)}:
        expected[key] = most_disjoint(rule, [one for one in ours if key in keys(rule, one)])
    found = firings(rule, arrivals)
    assert by_key(found) == +expected
    assert all(complete(rule, firing.signals) for firing in found)


@settings(deadline=None, max_examples=300)
@given(st.one_of(monotone, unusual), stories())
def test_steps_in_order_of_events_give_what_the_batch_gives(rule, arrivals):
    state, found = begin(T0), []
    for one in sorted(arrivals, key=lambda one: (order(one), one.rule_id)):
        taken = step(rule, state, one, one.event_at, LATE * H)
        state = taken.state
        found += taken.firings
    assert tuple(found) == firings(rule, arrivals, since=T0)


@settings(deadline=None, max_examples=500)
@given(monotone, stories(), st.randoms(use_true_random=False))
# A late b between, then a late a: one set more than in order of arrival.
@example(sequence("a", "b"), signals("a0 b5 b3 a4"), None)
# The same after an old signal was forgotten: what can still change is not settled.
@example(
    sequence("a", "b", within=5),
    [signal("a", -8), signal("a", 0), signal("b", 5), signal("b", 3, seen=8), signal("a", 4, seen=8)],
    None,
)
def test_how_often_a_rule_fires_does_not_depend_on_arrival(rule, arrivals, random):
    """Guarantee: a sequence's result does not depend on arrival order, but for the stated lateness."""
    if random is not None:
        # What is seen at one moment is processed in any order.
        arrivals = sorted(arrivals, key=lambda one: (one.first_seen_at, random.random()))
    found = [firing for taken in feed(rule, arrivals, LATE * H) for firing in taken.firings]
    assert by_key(found) == by_key(firings(rule, arrivals))
    assert all(complete(rule, firing.signals) for firing in found)
    assert len({firing.firing_id for firing in found}) == len(found)


@settings(deadline=None, max_examples=200)
@given(st.one_of(monotone, unusual), stories(), st.data())
def test_a_signal_that_comes_again_changes_nothing(rule, arrivals, data):
    state = begin(T0)
    for number, one in enumerate(arrivals):
        state = step(rule, state, one, one.first_seen_at, LATE * H).state
        again = data.draw(st.sampled_from(arrivals[: number + 1]))
        taken = step(rule, state, again, one.first_seen_at, LATE * H)
        assert (taken.state, taken.firings) == (state, ())
        assert taken.reason


@settings(deadline=None, max_examples=200)
@given(st.one_of(monotone, unusual), stories())
def test_memory_is_bounded_and_can_be_stored(rule, arrivals):
    if rule.volume:
        memory = rule.volume.within + max(rule.volume.baseline or 0 * H, rule.volume.within)
    else:
        memory = rule.sequence.within
    state = begin(T0)
    for one in arrivals:
        state = step(rule, loads(State, dumps(state)), one, one.first_seen_at, LATE * H).state
        oldest = state.now - LATE * H - memory
        assert all(kept.signal.event_at >= oldest for kept in state.kept)
        assert all(settled.event_at >= oldest for settled in state.settled)
        assert loads(State, dumps(state)) == state


@settings(deadline=None, max_examples=200)
@given(st.one_of(monotone, unusual), stories())
def test_every_step_says_why(rule, arrivals):
    for taken in feed(rule, arrivals, LATE * H):
        assert taken.reason.endswith(".")
        assert all(firing.reason in taken.reason for firing in taken.firings)


# --- corroboration ---------------------------------------------------------------------------------


def source(number: int, hour: float, owner: str, **rest) -> Source:
    fields = {"tier": Tier.NATIONAL, "country": "", "copy_of": "", **rest}
    at = T0 + hour * H
    return Source(
        item_id=f"i{number}",
        hit_id=f"h{number}",
        feed_id=owner,
        outlet=owner.title(),
        owner=owner,
        language="en",
        title=f"Title {number}",
        summary="",
        url="",
        published_at=at,
        first_seen_at=at,
        event_at=at,
        evidence=(),
        **fields,
    )


TWO = Corroborate(2, 6 * H, not_tier=(Tier.STATE_MEDIA,))
COUNTRIES = Corroborate(2, 6 * H, distinct="country")


@pytest.mark.parametrize(
    ("condition", "sources", "standing", "said"),
    [
        (
            TWO,
            [source(1, 0, "alpha")],
            Standing.WAITING,
            "Waiting for the 2nd of 2 independent sources, until 2026-03-12 06:00 UTC.",
        ),
        (
            TWO,
            [source(1, 0, "alpha"), source(2, 5, "beta")],
            Standing.MET,
            "2 independent sources within 6 h: Alpha (national media) and Beta (national media).",
        ),
        # Exactly the window is inside, more is not.
        (TWO, [source(1, 0, "alpha"), source(2, 6, "beta")], Standing.MET, ""),
        (
            TWO,
            [source(1, 0, "alpha"), source(2, 6.5, "beta")],
            Standing.WAITING,
            (
                "Waiting for the 2nd of 2 independent sources, until 2026-03-12 12:30 UTC. "
                "Not counted: Alpha lies outside the window."
            ),
        ),
        # The window slides: the first report need not be among those that count.
        (TWO, [source(1, 0, "alpha"), source(2, 10, "beta"), source(3, 12, "gamma")], Standing.MET, ""),
        # Two feeds of one owner are one source.
        (
            TWO,
            [source(1, 0, "alpha"), source(2, 1, "alpha")],
            Standing.WAITING,
            (
                "Waiting for the 2nd of 2 independent sources, until 2026-03-12 07:00 UTC. "
                "Not counted: Alpha has an owner that is counted."
            ),
        ),
        # A copy never counts, nor does a tier that is not wanted.
        (
            TWO,
            [
                source(1, 0, "alpha"),
                source(2, 1, "beta", copy_of="i1"),
                source(3, 2, "gamma", tier=Tier.STATE_MEDIA),
            ],
            Standing.WAITING,
            (
                "Waiting for the 2nd of 2 independent sources, until 2026-03-12 06:00 UTC. "
                "Not counted: Beta repeats an earlier report and Gamma is state media."
            ),
        ),
        (
            TWO,
            [source(1, 0, "gamma", tier=Tier.STATE_MEDIA)],
            Standing.WAITING,
            "Waiting for the 1st of 2 independent sources. Not counted: Gamma is state media.",
        ),
        # Countries have to differ as well as owners; an unknown one is no country of its own.
        (
            COUNTRIES,
            [source(1, 0, "alpha", country="FR"), source(2, 1, "beta", country="FR")],
            Standing.WAITING,
            "",
        ),
        (
            COUNTRIES,
            [source(1, 0, "alpha", country="FR"), source(2, 1, "alpha", country="DE")],
            Standing.WAITING,
            "",
        ),
        (
            COUNTRIES,
            [source(1, 0, "alpha", country="FR"), source(2, 1, "beta")],
            Standing.WAITING,
            (
                "Waiting for the 2nd of 2 independent sources, until 2026-03-12 06:00 UTC. "
                "Not counted: Beta has no known country."
            ),
        ),
        (
            COUNTRIES,
            [source(1, 0, "alpha", country="FR"), source(2, 1, "beta", country="DE")],
            Standing.MET,
            (
                "2 independent sources of different countries within 6 h: Alpha (national media) and "
                "Beta (national media)."
            ),
        ),
        # Alpha reports from two countries; taken from the second, Beta can have the first.
        (
            COUNTRIES,
            [
                source(1, 0, "alpha", country="FR"),
                source(2, 1, "alpha", country="DE"),
                source(3, 2, "beta", country="FR"),
            ],
            Standing.MET,
            "",
        ),
    ],
)
def test_corroboration(condition, sources, standing, said):
    verdict = corroborate(condition, sources, T0 + 6 * H)
    assert verdict.standing is standing
    if said:
        assert verdict.reason == said


def test_alignments_are_given_by_owner():
    condition = Corroborate(2, 6 * H, distinct="alignment")
    two = [source(1, 0, "alpha"), source(2, 1, "beta")]
    assert corroborate(condition, two, T0, {"alpha": "west", "beta": "east"}).met
    assert not corroborate(condition, two, T0, {"alpha": "west", "beta": "west"}).met
    assert "no known alignment" in corroborate(condition, two, T0).reason


def test_held_until_then_raised_when_met_and_expired_after_the_window():
    condition = Corroborate(2, 6 * H, until_then="hold", raise_to=Severity.CRITICAL)
    first = source(1, 0, "alpha")
    waiting = corroborate(condition, [first], T0)
    assert (waiting.held, waiting.severity, waiting.until) == (True, None, T0 + 6 * H)
    expired = corroborate(condition, [first], T0 + 6 * H + timedelta(seconds=1))
    assert (expired.standing, expired.held) == (Standing.EXPIRED, True)
    assert expired.reason == "No 2nd of 2 independent sources came until 2026-03-12 06:00 UTC."
    met = corroborate(condition, [first, source(2, 1, "beta")], T0 + 90 * H)
    assert (met.standing, met.held, met.severity) == (Standing.MET, False, Severity.CRITICAL)
    assert [one.owner for one in met.counted] == ["alpha", "beta"]


@st.composite
def reports(draw) -> list[Source]:
    return [
        source(
            number,
            draw(st.integers(0, 20)),
            draw(st.sampled_from(("alpha", "beta", "gamma", "delta"))),
            country=draw(st.sampled_from(("", "FR", "DE", "PL"))),
            tier=draw(st.sampled_from((Tier.WIRE, Tier.STATE_MEDIA))),
            copy_of=draw(st.sampled_from(("", "", "other"))),
        )
        for number in range(draw(st.integers(0, 7)))
    ]


conditions = st.builds(
    lambda least, within, distinct, tiers: Corroborate(least, within * H, distinct, tiers),
    st.integers(2, 3),
    st.integers(1, 10),
    st.sampled_from(("owner", "country", "alignment")),
    st.sampled_from(((), (Tier.STATE_MEDIA,))),
)
ALIGNED = {"alpha": "west", "beta": "west", "gamma": "east"}


@settings(deadline=None, max_examples=400)
@given(conditions, reports(), st.randoms(use_true_random=False))
def test_corroborated_if_and_only_if_enough_independent_owners_are_inside_the_window(
    condition, sources, random
):
    def independent(chosen) -> bool:
        owners = {one.owner for one in chosen}
        values = {
            "owner": [one.owner for one in chosen],
            "country": [one.country for one in chosen],
            "alignment": [ALIGNED.get(one.owner, "") for one in chosen],
        }[condition.distinct]
        times = [one.event_at for one in chosen]
        return (
            len(owners) == len(chosen) == len(set(values))
            and all(values)
            and not any(one.copy_of or one.tier in condition.not_tier for one in chosen)
            and max(times) - min(times) <= condition.within
        )

    expected = any(independent(chosen) for chosen in itertools.combinations(sources, condition.sources))
    verdict = corroborate(condition, sources, T0, ALIGNED)
    assert verdict.met is expected
    assert not verdict.counted or independent(verdict.counted)
    random.shuffle(sources)
    assert corroborate(condition, sources, T0, ALIGNED) == verdict


@settings(deadline=None, max_examples=200)
@given(conditions, reports(), reports())
def test_another_source_never_takes_corroboration_away(condition, sources, more):
    added = [replace(one, item_id=f"more {one.item_id}") for one in more]
    if corroborate(condition, sources, T0, ALIGNED).met:
        assert corroborate(condition, [*sources, *added], T0, ALIGNED).met


@settings(deadline=None, max_examples=100)
@given(conditions, reports())
def test_a_copy_changes_nothing(condition, sources):
    copies = [replace(one, item_id=f"copy {one.item_id}", copy_of=one.item_id) for one in sources]
    with_copies = corroborate(condition, [*sources, *copies], T0, ALIGNED)
    assert (with_copies.counted, with_copies.standing) == (
        (alone := corroborate(condition, sources, T0, ALIGNED)).counted,
        alone.standing,
    )
