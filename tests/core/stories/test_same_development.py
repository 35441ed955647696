"""One development in other words: what the regression joins, what it keeps apart, and what it says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.models import Item, StoryLayer, stable_id
from monitor.stories import coefficients
from monitor.stories.features import FEATURES
from monitor.stories.grouping import Assigner, assign
from monitor.stories.keys import keys
from monitor.stories.linking import BALANCED, LARGE, MODES, NEAR_IN_MEANING, SAFE, Joining, Judge, Meaning
from monitor.stories.model import Model, model, probability
from monitor.stories.splitting import split
from monitor.stories.weights import NO_RULE, NOTHING_LEARNED, RuleWeights, TermWeights

NOW = datetime(2026, 3, 12, 13, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)

# Terms that 9,000 and 900 of 20,000 items hold; all others were never seen.
COMMON = (
    "a",
    "an",
    "and",
    "as",
    "at",
    "by",
    "for",
    "from",
    "has",
    "in",
    "is",
    "it",
    "of",
    "on",
    "the",
    "to",
    "with",
    "was",
)
USUAL = (
    "after",
    "before",
    "begin",
    "ministe",
    "officia",
    "people",
    "said",
    "says",
    "saturda",
    "talks",
    "thursda",
)
# What hits of the rule hold, besides.
ENVOYS = {"envoy": 90, "special": 40, "lands": 60, "talks": 50}
LEARNED = {"en": TermWeights(20_000, dict.fromkeys(COMMON, 9000) | dict.fromkeys(USUAL, 900))}

LANDS = "Special envoy Halvorsen lands in Port Maren for ceasefire talks"
MET = "The envoy was received by the deputy foreign minister of Orlava on Thursday, officials said."
ARRIVES = "Halvorsen arrives in Port Maren as ceasefire talks with rebels begin"
TALKED = "The special envoy met the deputy foreign minister on Thursday."
ENDS = "Ceasefire talks in Port Maren end without a deal"
LEFT = "Envoy Halvorsen left on Saturday; the rebels rejected a draft on 300 prisoners."
ASKS = "Who is Halvorsen, the judge sent for talks to Port Maren?"
JUDGE = "He has negotiated two prisoner exchanges."
BANK = "Central bank of Orlava raises its key rate for a third time"


def item(name, title=LANDS, summary="", hours=0.0, **fields):
    at = NOW + hours * HOUR
    values = {"language": "en", "published_at": at, "first_seen_at": at, **fields}
    return Item(item_id=name, feed_id="meridian", key=name, title=title, summary=summary, **values)


def judge(mode=SAFE, **options):
    learned = {("envoy-lands", "en"): RuleWeights(LEARNED["en"], 100, ENVOYS)}
    return Judge(LEARNED, Joining(mode, **options), rule_weights=learned)


def grouped(*items, mode=SAFE, rules=("envoy-lands",), **options):
    assigner = Assigner(NOW, judge(mode, **options))
    return [assigner.assign(one, rules=rules) for one in items]


FIRST = item("first", LANDS, MET)

# a second report; does it join under safe, under balanced; why
REPORTS = [
    (item("b", ARRIVES, TALKED, 3), True, True),  # the same in other words
    (item("b", ENDS, LEFT, 20), True, True),  # the same talks went on: an update, never silence (see below)
    (item("b", BANK, "", 3), False, False),
    (item("b", ASKS, JUDGE, 3), False, False),  # an explainer: near, and a story of its own
    (item("b", ARRIVES, TALKED, 35), True, False),  # balanced looks back for 24 h only
    (item("b", ARRIVES, TALKED, 37), False, False),
    (item("b", ARRIVES, TALKED, 3, language="de"), False, False),  # across languages nothing was measured
    (item("b", ARRIVES, TALKED, 3, language=""), False, False),
]


@pytest.mark.parametrize(("report", "safe", "balanced"), REPORTS)
def test_reports(report, safe, balanced):
    for mode, joins in ((SAFE, safe), (BALANCED, balanced)):
        first, second = grouped(FIRST, report, mode=mode)
        assert (second.story_id == first.story_id) is joins
        assert second.layer is (StoryLayer.STORY if joins else StoryLayer.NEW)
        assert MODES[mode.name] is mode


def test_what_joins_says_what_is_common_and_what_weighed_most():
    _, second = grouped(FIRST, item("b", ARRIVES, TALKED, 3))
    why = second.why
    assert (why.item_id, why.story_id, why.title, why.hours) == ("first", second.story_id, LANDS, 3)
    assert why.score == pytest.approx(second.score, abs=1e-3)
    assert second.score > SAFE.least
    assert "Halvorsen" in why.words
    assert set(why.names) == {"Maren", "Port", "Thursday"}
    labels = {feature.label for feature in FEATURES}
    amounts = [abs(amount) for label, amount in why.contributions if label in labels]
    assert amounts == sorted(amounts, reverse=True)
    assert len(amounts) == 4
    shown = second.reason
    assert shown.startswith(f"Probably the same development as “{LANDS}” (")
    assert "3 h apart): rare words in common " in shown
    assert shown.endswith("names Maren, Port, Thursday.")


def test_numbers_in_common_are_told():
    _, second = grouped(
        item("a", "Quake of magnitude 7.8 hits Port Maren", "At least 32 people died."),
        item("b", "Strong quake of 7.8 destroys harbour of Port Maren", "Officials count 40 dead.", 0.5),
    )
    assert second.why.numbers == ("7.8",)
    assert "numbers 7.8." in second.reason
    assert "30 min apart" in second.reason


def test_before_anything_was_learned_nothing_is_joined_by_words():
    assigner = Assigner(NOW)
    first, second = assigner.assign(FIRST), assigner.assign(item("b", ARRIVES, TALKED, 3))
    assert first.story_id != second.story_id
    assert second.related == ()
    assert max(map(NOTHING_LEARNED.of, ["halvors", "maren", "x", "unbelie"])) < 0.6


def test_items_of_two_rules_are_not_compared():
    assigner = Assigner(NOW, judge())
    first = assigner.assign(FIRST, rules=("one", "two"))
    joined = assigner.assign(item("b", ARRIVES, TALKED, 1), rules=("two",))
    assert (joined.layer, joined.story_id) == (StoryLayer.STORY, first.story_id)
    assert assigner.assign(item("c", ENDS, LEFT, 2), rules=("three",)).layer is StoryLayer.NEW
    # What is the same text is the same story for every rule.
    assert assigner.assign(item("d", LANDS, MET, 3), rules=("four",)).story_id == first.story_id


EAGER = replace(BALANCED, least=0.1)
# modes chosen by rules; rules of both reports; whether a report that safe doubts joins
CHOSEN = [
    ({}, ("one",), ("one",), False),
    ({"one": EAGER}, ("one",), ("one",), True),
    ({"one": EAGER}, ("one", "two"), ("one", "two"), False),  # two is as the setting: safe
    ({"one": EAGER}, ("one", "two"), ("one",), True),  # only one is common to both
    ({"one": EAGER, "two": EAGER}, ("two", "one"), ("one", "two"), True),
    ({"one": SAFE}, ("one",), ("one",), False),
]


@pytest.mark.parametrize(("modes", "first", "second", "joins"), CHOSEN)
def test_rules_choose_how_readily_their_reports_join(modes, first, second, joins):
    assigner = Assigner(NOW, Judge(LEARNED, Joining(modes=modes)))
    one = assigner.assign(FIRST, rules=first)
    other = assigner.assign(item("b", ASKS, JUDGE, 3), rules=second)
    assert (other.story_id == one.story_id) is joins
    assert EAGER.least <= (other.why or other.related[0]).score < SAFE.least


def test_the_window_is_that_of_the_rule():
    late = item("b", ARRIVES, TALKED, 35)
    for modes, joins in (({}, True), ({"envoy-lands": BALANCED}, False)):
        first, second = grouped(FIRST, late, modes=modes)
        assert (second.story_id == first.story_id) is joins


def test_what_is_near_is_linked():
    first, second = grouped(FIRST, item("b", ASKS, JUDGE, 3))
    (near,) = second.related
    assert (near.item_id, near.story_id, near.title) == ("first", first.story_id, LANDS)
    assert 0.1 <= near.score < SAFE.least
    assert second.reason == (
        "No item of the last 36 h tells the same;"
        f" the nearest is “{LANDS}” ({100 * near.score:.0f} %, 3 h apart)."
    )
    assert grouped(FIRST, item("b", BANK, "", 3))[1].related == ()


def test_the_window_runs_from_the_last_item_of_the_story():
    found = grouped(
        *(item(f"i{n}", ARRIVES if n % 2 else LANDS, f"{MET} Day {n}.", 30 * n) for n in range(4))
    )
    assert len({member.story_id for member in found}) == 1


def member_of(story, name, title, summary, hours):
    one = item(name, title, summary, hours)
    found = assign(one, keys(one, LEARNED["en"]), [], NOW, judge(), ("envoy-lands",))
    return replace(found, story_id=story), one


def test_a_large_story_grows_only_with_two_that_agree():
    other = [
        ("Parliament of Orlava dissolves itself", "Elections are called for June."),
        ("Orlava parliament votes for its own dissolution", "June elections become necessary."),
        ("Elections in Orlava in June", "Parliament dissolved itself."),
    ]
    story = [member_of("s", f"o{n}", *words, n) for n, words in enumerate(other)]
    bridge = member_of("s", "bridge", LANDS, MET, 3)
    new = item("new", ARRIVES, TALKED, 4)

    def place(candidates):
        return assign(new, keys(new, LEARNED["en"]), candidates, NOW, judge(), ("envoy-lands",))

    assert len(story) + 1 == LARGE
    alone = place([*story, bridge])
    assert alone.layer is StoryLayer.NEW
    assert alone.reason.startswith(f"Only “{LANDS}” (")
    assert alone.reason.endswith("of a story of 4 items tells the same; a second one has to agree.")
    assert alone.related[0].story_id == "s"
    assert place([*story[1:], bridge]).layer is StoryLayer.STORY
    second = member_of("s", "second", "Halvorsen lands in Port Maren for ceasefire talks", TALKED, 3)
    assert place([*story, bridge, second]).story_id == "s"


# the report that joins; what is new in its headline
NOVEL = [
    (ENDS, LEFT, ("end", "without", "deal")),  # an action: telling words that no report had
    (f"{LANDS}, 12 dead", MET, ("12", "dead")),  # a number
    ("Envoy Halvorsen lands in Port Maren with Tamsin Orrel for ceasefire talks", MET, ("Orrel", "Tamsin")),
    (LANDS, f"{MET} 300 prisoners are to be freed.", ("300",)),  # under a headline that says nothing new
    (LANDS, f"{MET} The aide Tamsin Orrel was present.", ("Orrel", "Tamsin")),
    (
        f"{LANDS}, 12 dead",
        f"{MET} 300 prisoners are to be freed.",
        ("12", "dead"),
    ),  # it says enough
    (LANDS, f"{MET} Yesterday it rained.", ()),  # new words under the headline are no news
    ("Envoy Halvorsen lands in Port Maren for talks", MET, ()),
]


@pytest.mark.parametrize(("title", "summary", "novel"), NOVEL)
def test_what_a_joined_headline_tells_beyond_its_story(title, summary, novel):
    first, second = grouped(FIRST, item("b", title, summary, 2))
    assert second.story_id == first.story_id
    assert set(second.novel) == set(novel)
    assert first.novel == ()


def test_embeddings_decide_what_the_regression_doubts():
    report = item("b", ASKS, JUDGE, 3)

    def near(_one, _other):
        return NEAR_IN_MEANING

    first, second = grouped(FIRST, report, meaning=Meaning(near))
    assert (second.layer, second.story_id, second.score) == (
        StoryLayer.MEANING,
        first.story_id,
        NEAR_IN_MEANING,
    )
    assert "75 % near in meaning" in second.reason
    assert second.why.near == NEAR_IN_MEANING
    assert 0.3 <= second.why.score < SAFE.least
    assert grouped(FIRST, report, meaning=Meaning(lambda *_: 0.7))[1].layer is StoryLayer.NEW
    assert grouped(FIRST, report, meaning=Meaning(lambda *_: 0.7, 0.65))[1].layer is StoryLayer.MEANING
    assert grouped(FIRST, item("b", BANK, "", 3), meaning=Meaning(near))[1].layer is StoryLayer.NEW


def test_the_coefficients_are_those_of_the_features():
    assert list(coefficients.COEFFICIENTS) == [feature.name for feature in FEATURES]
    with pytest.raises(KeyError):
        model(0.0, {})
    assert Model(-800.0, (), ()).score(()) == 0.0


def test_weights_fall_with_frequency_and_with_what_is_known():
    weights = LEARNED["en"]
    assert 0 < weights.of("the") < weights.of("talks") < weights.of("halvors") == 1.0
    assert NOTHING_LEARNED.of("of") < NOTHING_LEARNED.of("halvors") < weights.of("halvors")
    assert TermWeights(1, {"odd": 5}).share("odd") <= 1.0  # counts that were learned a moment later


titles = st.sampled_from(
    [LANDS, ARRIVES, ENDS, ASKS, BANK, "", "12 dead", "Эмиссар прибыл в Порт Марен", "特使抵达首都举行会谈"]
)
summaries = st.sampled_from(["", MET, TALKED, LEFT, JUDGE])
reports = st.builds(
    lambda n, title, summary, hours: item(f"i{n}", title, summary, hours),
    st.integers(0, 30),
    titles,
    summaries,
    st.integers(0, 50),
)


def test_what_every_hit_of_a_rule_holds_tells_no_two_apart():
    """Both are earthquakes, as all that the rule finds; only the places tell."""
    one = item("a", "Tsunami warning issued as strong earthquake strikes Orlava")
    other = item("b", "Magnitude 6 earthquake in Sarnovo: tsunami warning", hours=12)
    usual = dict.fromkeys(("earthqu", "magnitu", "strikes", "tsunami", "warning", "issued"), 190)
    scores = []
    for counts in ({}, usual):
        found = Judge(LEARNED, rule_weights={("quakes", "en"): RuleWeights(LEARNED["en"], 200, counts)})
        mine, theirs = found.weighed(one), found.weighed(other)
        scores.append(probability(mine, theirs, found.rule_weights(["quakes"], "en")))
    assert scores[1] < SAFE.least < scores[0], scores


def test_hits_of_a_batch_know_of_those_before_them():
    """A rule's weights are the same whether its hits come one by one or in one batch."""
    found = judge()
    before = found.rule_weights(["envoy-lands"], "en").of("halvors")
    for number in range(30):
        found.saw(item(f"i{number}"), ["envoy-lands"])
    assert found.rule_weights(["envoy-lands"], "en").of("halvors") < before
    assert found.rule_weights([], "en").items == 0


@given(reports, reports)
def test_probability_is_symmetric_and_one_at_most(one, other):
    found = judge()
    mine, theirs = found.weighed(one), found.weighed(other)
    for rule in (NO_RULE, found.rule_weights(["envoy-lands"], "en")):
        assert 0 <= probability(mine, theirs, rule) == probability(theirs, mine, rule) <= 1


@given(st.lists(reports, max_size=8, unique_by=lambda one: one.item_id), st.data())
def test_a_place_does_not_depend_on_the_order_of_candidates(found, data):
    found = sorted(found, key=lambda one: (one.event_at(), one.item_id))
    members = grouped(*found)
    pairs = list(zip(members, found, strict=True))
    for place, (_, one) in enumerate(pairs):
        candidates = data.draw(st.permutations(pairs[:place]))
        own = keys(one, LEARNED["en"])
        first = assign(one, own, pairs[:place], NOW, judge(), ("envoy-lands",))
        assert assign(one, own, candidates, NOW, judge(), ("envoy-lands",)) == first


@given(st.lists(reports, max_size=10, unique_by=lambda one: one.item_id))
def test_a_split_takes_an_item_and_what_joined_through_it(found):
    found = sorted(found, key=lambda one: (one.event_at(), one.item_id))
    members = {member.item_id: member for member in grouped(*found)}
    for member in members.values():
        story = [(one, item(one.item_id)) for one in members.values() if one.story_id == member.story_id]
        if member.layer is StoryLayer.NEW:
            with pytest.raises(ValueError, match="it opened the story"):
                split(story, member.item_id)
            continue
        moved = split(story, member.item_id)
        assert moved[0].item_id == member.item_id
        assert moved[0].layer is StoryLayer.SPLIT
        assert member.reason in moved[0].reason
        ids = {one.item_id for one in moved}
        assert {one.story_id for one in moved} == {stable_id("story", member.item_id)}
        assert all(one.matched_item_id in ids for one in moved[1:])
        stay = [one for one, _ in story if one.item_id not in ids]
        assert all(one.matched_item_id not in ids for one in stay)


def test_only_items_of_the_story_are_split_off():
    with pytest.raises(KeyError):
        split([], "unknown")
