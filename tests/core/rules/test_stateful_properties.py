"""Rules that remember: invariants over generated signals, with a count by trial as the oracle."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor.rules.stateful import State, begin, firings, keys, step
from monitor.rules.windows import Signal, order, story_of
from monitor.storage.codec import dumps, loads
from tests.core.rules.stateful_values import T0, H, feed, sequence, signal, signals, volume

if TYPE_CHECKING:
    from monitor.rules.schema import Rule

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
    # Two keys that one signal completes have no order between them.
    assert sorted(found, key=repr) == sorted(firings(rule, arrivals, since=T0), key=repr)


@settings(deadline=None, max_examples=300)
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
