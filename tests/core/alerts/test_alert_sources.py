"""Whose account a report is, and which reports only repeat another."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.excerpt import ELLIPSIS, excerpt, shorten, windows
from monitor.alerts.sources import (
    TIER_ORDER,
    TIER_WORDS,
    credited_owner,
    independent_owners,
    known_agencies,
    make_source,
    mark_copies,
)
from monitor.models import Evidence, Tier
from tests.core.alerts.alert_values import NOW, evidence_of, feed, hit, item, minutes, source

# author, summary, content; owner credited
CREDITS = [
    # Bylines.
    ("Reuters", "", "", "reuters"),
    ("By Jane Roe, Reuters", "", "", "reuters"),
    ("Reuters Staff", "", "", "reuters"),
    ("Jane Roe and AFP", "", "", "afp"),
    ("AFP with our correspondent", "", "", "afp"),
    ("ASSOCIATED PRESS", "", "", ""),  # shouted names are not what agencies print; no guess
    ("The Associated Press", "", "", "ap"),
    ("ТАСС", "", "", "tass"),
    # Initials and words that merely look like an agency.
    ("AP Roe", "", "", ""),
    ("Apollo Roe", "", "", ""),
    ("Our diplomatic correspondent", "", "", ""),
    # Datelines, in the styles of the agencies.
    ("", "KYIV (Reuters) - Envoys met on Thursday.", "", "reuters"),
    ("", "PARIS, March 12 (AFP) - Envoys met.", "", "afp"),
    ("", "MOSCOW, March 12. /TASS/. Envoys met.", "", "tass"),
    ("", "МОСКВА, 12 марта. /ТАСС/. Посланники встретились.", "", "tass"),
    ("", "AP \u2014 Envoys met on Thursday.", "", "ap"),
    ("", "", "VIENNA (AP) \u2014 Envoys met on Thursday.", "ap"),
    # A sign-off at the very end.
    ("", "Envoys met on Thursday. (AFP)", "", "afp"),
    ("", "Envoys met on Thursday. \u2014 Reuters", "", "reuters"),
    # Quoting an agency in the running text is an account of its own.
    ("", "The minister told Reuters on Thursday that envoys had met.", "", ""),
    ("", "Envoys met, the AP reported, and agreed to meet again.", "", ""),
    ("", "x " * 100 + "(AFP) " + "y " * 100, "", ""),
    ("", "", "", ""),
]


@pytest.mark.parametrize(("author", "summary", "content", "owner"), CREDITS)
def test_credits(author, summary, content, owner):
    assert credited_owner(item(author=author, summary=summary, content=content)) == owner


def test_every_wire_feed_is_an_agency_that_others_may_credit():
    agencies = known_agencies(
        [feed("meridian", title="Meridian Wire", tier=Tier.WIRE, owner="meridian-group")]
    )
    assert credited_owner(item(summary="OSLO (Meridian Wire) - Envoys met."), agencies) == "meridian-group"
    assert credited_owner(item(summary="OSLO (Meridian Wire) - Envoys met.")) == ""


def test_a_wire_feeds_owner_goes_before_the_built_in_one():
    feeds = [feed("reuters-world", title="Reuters World News", tier=Tier.WIRE, owner="thomson")]
    agencies = known_agencies(feeds)
    assert credited_owner(item(author="Reuters"), agencies) == "thomson"
    assert credited_owner(item(summary="МОСКВА (Рейтер) - Встреча."), agencies) == "thomson"
    assert credited_owner(item(author="AFP"), agencies) == "afp"


@pytest.mark.parametrize(
    ("author", "owner", "expected"),
    [
        ("Reuters", "daily-group", "reuters"),
        ("", "daily-group", "daily-group"),
        ("", "", "daily"),  # a feed without an owner stands for itself
    ],
)
def test_the_owner_of_a_source(author, owner, expected):
    one = item(author=author, title="Envoys met")
    made = make_source(hit(one), one, feed("daily", owner=owner))
    assert (made.owner, made.outlet, made.item_id) == (expected, "Daily", one.item_id)


def test_a_source_keeps_only_the_passages_of_the_content_with_their_evidence():
    filler = "nothing of note happened here " * 40
    content = f"{filler}then the envoy landed {filler}and the envoy left {filler}"
    one = item(title="The envoy travels", content=content)
    second = content.rindex("envoy")
    evidence = (
        evidence_of(one, "title", "envoy"),
        evidence_of(one, "content", "envoy", "people: envoy"),
        Evidence("content", second, second + 5, "envoy", ""),
    )
    made = make_source(hit(one, *evidence), one, feed())
    assert len(made.content) < 700
    assert made.content.startswith(ELLIPSIS)
    assert made.content.endswith(ELLIPSIS)
    assert made.evidence[0] == evidence[0]
    for found in made.evidence:
        assert getattr(made, found.field)[found.start : found.end] == found.text == "envoy"
    assert [found.entry for found in made.evidence] == ["", "people: envoy", ""]


TEXT = "The special envoy landed in the capital on Thursday for a second round of talks about a ceasefire"


def test_a_near_identical_text_is_a_copy_whatever_its_owner():
    original = source("meridian", title="Envoy lands", summary=TEXT)
    edited = TEXT.replace("on Thursday ", "")
    copy = source("daily", title="Envoy lands", summary=f"{edited}.", at=NOW + minutes(1))
    own = source("other", title="Ministry denies that an envoy came", at=NOW + minutes(2))
    marked = mark_copies([own, copy, original])
    assert [(one.item_id, one.copy_of) for one in marked] == [
        ("meridian", ""),
        ("daily", "meridian"),
        ("other", ""),
    ]
    assert independent_owners(marked) == ("meridian", "other")


def test_reports_of_one_owner_are_one_source():
    assert independent_owners([source("a", owner="group"), source("b", owner="group")]) == ("group",)


def test_a_copy_of_a_copy_names_the_original():
    words = TEXT.split()
    texts = [" ".join(words[cut:]) for cut in (0, 1, 2)]
    marked = mark_copies([source(f"s{n}", title=t, at=NOW + minutes(n)) for n, t in enumerate(texts)])
    assert [one.copy_of for one in marked] == ["", "s0", "s0"]


chains = st.lists(
    st.builds(
        lambda number, cut, at: source(f"s{number}", title=TEXT[cut * 4 :], at=NOW + minutes(at)),
        st.integers(0, 20),
        st.integers(0, 14),
        st.integers(0, 5),
    ),
    max_size=12,
    unique_by=lambda one: one.item_id,
)


@given(chains, st.data())
def test_copies_depend_on_the_set_alone(found, data):
    """One at a time in any order gives what all at once gives, also where similarity is a chain."""
    whole = mark_copies(found)
    marked = ()
    for one in data.draw(st.permutations(found)):
        marked = mark_copies([one], marked)
    assert marked == whole
    by_id = {one.item_id: one for one in whole}
    for one in whole:
        if one.copy_of:
            assert not by_id[one.copy_of].copy_of
            assert by_id[one.copy_of].event_at <= one.event_at


def test_every_tier_has_a_rank_and_words():
    assert set(TIER_ORDER) == set(TIER_WORDS) == set(Tier)


@pytest.mark.parametrize(
    ("text", "limit", "short"),
    [
        ("short enough", 20, "short enough"),
        ("several\n lines  and   spaces", 40, "several lines and spaces"),
        ("cut at the last whole word", 15, "cut at the\u2026"),
        ("cut at a comma, and not after", 16, "cut at a comma\u2026"),
        ("Unbrokenwordwithoutanyspace", 10, "Unbrokenw\u2026"),
    ],
)
def test_shorten(text, limit, short):
    assert shorten(text, limit) == short


@given(st.text(max_size=80), st.integers(2, 60))
def test_shortened_text_keeps_its_limit(text, limit):
    short = shorten(text, limit)
    assert len(short) <= limit
    assert "\n" not in short


words = st.text(alphabet="abc \u4e2d\u0439\u0301", max_size=600)


@given(words, st.lists(st.tuples(st.integers(0, 600), st.integers(1, 30)), max_size=5), st.integers(0, 90))
def test_windows_are_disjoint_and_hold_their_spans(text, starts, context):
    spans = [(min(s, len(text)), min(s + length, len(text))) for s, length in starts]
    found = windows(text, spans, context)
    assert all(0 <= low <= high <= len(text) for low, high in found)
    assert all(a[1] < b[0] for a, b in pairwise(found))
    assert all(any(low <= start and end <= high for low, high in found) for start, end in spans)
    assert sum(high - low for low, high in found) <= sum(e - s + 2 * context + 12 for s, e in spans)


@given(words.filter(bool), st.lists(st.integers(0, 599), max_size=5))
def test_evidence_is_moved_with_its_text(text, starts):
    spans = [(s % len(text), min(s % len(text) + 4, len(text))) for s in starts]
    evidence = [Evidence("content", s, e, text[s:e]) for s, e in spans]
    shown, moved = excerpt(text, evidence)
    assert [shown[found.start : found.end] for found in moved] == [text[s:e] for s, e in spans]
    assert bool(shown) is bool(spans)


def test_evidence_follows_an_item_that_was_revised_since_the_hit():
    old = item(title="Envoy lands", content="the envoy landed in the capital, officials said")
    found = hit(
        old,
        evidence_of(old, "title", "Envoy"),
        evidence_of(old, "content", "capital"),
        evidence_of(old, "content", "officials said"),
    )
    revised = item(title="CORRECTED: Envoy lands", content="the capital")
    made = make_source(found, revised, feed())
    assert [(one.field, one.text) for one in made.evidence] == [("title", "Envoy"), ("content", "capital")]
    for one in made.evidence:
        assert getattr(made, one.field)[one.start : one.end] == one.text


def test_an_item_without_evidence_in_the_content_keeps_none_of_it():
    one = item(title="Envoy lands", content="long text " * 100)
    made = make_source(hit(one, evidence_of(one, "title", "Envoy")), one, feed())
    assert made.content == ""
    assert replace(made, content="") == made
