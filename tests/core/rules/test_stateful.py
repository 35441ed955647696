"""Rules that remember: which signals make a set, by tables whose comments are the specification."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.rules.reasons import span
from monitor.rules.stateful import LATENESS, begin, firings, signal_of, step, usual
from tests.core.rules.stateful_values import T0, H, feed, fired, sequence, signal, signals, volume


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
