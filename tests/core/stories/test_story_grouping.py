"""Same address, same headline, same text; and what must stay apart."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.models import Item, StoryLayer, stable_id
from monitor.stories.grouping import SAME_TEXT, WINDOW, Assigner, assign
from monitor.stories.keys import RAREST, keys
from monitor.stories.linking import Judge
from monitor.stories.similarity import jaccard, normalized, normalized_text, shingles, similar
from monitor.stories.titles import is_running, overlap, title_key, without_publisher

NOW = datetime(2026, 3, 12, 13, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def item(name, title="", summary="", url="", at=NOW):
    return Item(
        item_id=name,
        feed_id="meridian",
        key=f"guid:{name}",
        title=title,
        summary=summary,
        url=url,
        published_at=at,
        first_seen_at=at,
    )


def grouped(*items):
    """The members of a batch of items."""
    assigner = Assigner(NOW)
    return [assigner.assign(one) for one in items]


LANDS = "Special envoy lands in the capital for talks on a ceasefire"
LEAVES = "Central bank raises its key rate for the third time in a year"
SUMMARY = (
    "The envoy arrived on Thursday with a small delegation and was received by the deputy foreign minister; "
    "officials on both sides said that the talks would go on until Saturday at least."
)
URL = "https://daily.example/world/envoy-lands"

# one item, another; the layer that joins them (NEW: none), why
PAIRS = [
    # The same address, whatever it carries for statistics, and an edited headline.
    ((LANDS, "", URL), (f"{LANDS}, spokesman says", "", f"{URL}?utm_source=rss"), StoryLayer.URL),
    (("Envoy lands for talks on truce", "", URL), (f"{LANDS} and a truce", SUMMARY, URL), StoryLayer.URL),
    # The address was reused for something else: not silently the same story.
    ((LANDS, "", URL), (LEAVES, "", URL), StoryLayer.NEW),
    # A live page moves on under one address; its headline has to stay nearly the same.
    (
        ("Talks live: envoy lands in the capital", "", f"{URL}/live/1"),
        ("Talks live: envoy leaves the capital as minister resigns", "", f"{URL}/live/1"),
        StoryLayer.NEW,
    ),
    (
        ("Talks live: envoy lands in the capital", "", f"{URL}/live/1"),
        ("Talks LIVE: Envoy lands in the capital", "more", f"{URL}/live/1"),
        StoryLayer.URL,
    ),
    # A site's front page is nobody's address.
    ((LANDS, "", "https://daily.example/"), (LEAVES, "", "https://daily.example/"), StoryLayer.NEW),
    # The same headline elsewhere, with another publisher's name, punctuation and case.
    (
        (f"{LANDS} - Daily News", "", "https://daily.example/a"),
        (f"BREAKING: {LANDS.upper()}!", SUMMARY, "https://coast.example/b"),
        StoryLayer.TITLE,
    ),
    # A headline that comes back every day joins nothing.
    (
        ("Morning briefing", "x", "https://a.example/1"),
        ("Morning briefing", "y", "https://b.example/2"),
        StoryLayer.NEW,
    ),
    # The same text under an edited headline.
    (
        (LANDS, SUMMARY, "https://daily.example/a"),
        (LANDS.replace("Special envoy", "Envoy"), SUMMARY, "https://coast.example/b"),
        StoryLayer.TEXT,
    ),
    # The same development in other words is beyond these layers: two alerts rather than none.
    (
        (LANDS, SUMMARY, "https://daily.example/a"),
        ("Emissary touches down as truce negotiations begin", "", "https://coast.example/b"),
        StoryLayer.NEW,
    ),
    (("", "", "https://a.example/1"), ("", "", "https://b.example/2"), StoryLayer.NEW),
    # Nothing in common and nothing to compare.
    (("", "", ""), ("", "", ""), StoryLayer.NEW),
]


@pytest.mark.parametrize(("one", "other", "layer"), PAIRS)
def test_pairs(one, other, layer):
    first, second = grouped(item("a", *one), item("b", *other, at=NOW + HOUR))
    assert first.layer is StoryLayer.NEW
    assert first.story_id == stable_id("story", "a")
    assert second.layer is layer
    assert (second.story_id == first.story_id) is (layer is not StoryLayer.NEW)
    assert second.matched_item_id == ("a" if layer is not StoryLayer.NEW else "")
    # The other way round, they are judged alike.
    swapped = grouped(item("b", *other), item("a", *one, at=NOW + HOUR))[1]
    assert swapped.layer is layer


REASONS = [
    (item("b", LANDS, "", URL), f"Same address as “{LANDS}”."),
    (item("b", LANDS, "", "https://coast.example/b"), f"Same headline as “{LANDS}”."),
    (
        item("b", LEAVES, "", URL),
        f"The address was that of “{LANDS}”, but headline and text are others now.",
    ),
    (item("b", LEAVES), "No item of the last 36 h has this address, headline or text, or tells the same."),
]


@pytest.mark.parametrize(("other", "reason"), REASONS)
def test_the_reason_is_a_sentence_for_people(other, reason):
    assert grouped(item("a", LANDS, "", URL), other)[1].reason == reason


def test_a_text_match_says_how_much_is_the_same():
    member = grouped(item("a", LANDS, SUMMARY), item("b", f"{LANDS} today", SUMMARY))[1]
    assert SAME_TEXT <= member.score < 1
    assert member.reason == f"{member.score:.0%} the same text as “{LANDS}”."


@pytest.mark.parametrize(("later", "joins"), [(WINDOW, True), (WINDOW + timedelta(seconds=1), False)])
def test_the_window(later, joins):
    first, second = grouped(item("a", LANDS, "", URL), item("b", LANDS, "", URL, NOW + later))
    assert (first.story_id == second.story_id) is joins


def test_an_address_beats_a_headline_and_a_headline_beats_a_text():
    text = item("text", f"{LANDS} today", SUMMARY, "https://one.example/")
    title = item("title", LANDS, "Quite another summary, as an editor wrote it.", "https://two.example/x")
    address = item("address", "Envoy lands: what the capital expects from talks", "", URL)
    assigner = Assigner(NOW)
    for one in (text, title, address):
        assert assigner.assign(one).layer is StoryLayer.NEW
    last = assigner.assign(item("last", LANDS, SUMMARY, URL))
    assert (last.layer, last.matched_item_id) == (StoryLayer.URL, "address")


def test_an_item_that_comes_again_keeps_its_place():
    assigner = Assigner(NOW)
    first = assigner.assign(item("a", LANDS, "", URL))
    assert assigner.assign(item("a", LEAVES, "", URL)) is first
    assert assigner.members == (first,)
    # So does one that is stored.
    assert assign(item("a", LEAVES), keys(item("a", LEAVES)), [(first, item("a", LANDS))], NOW) is first


def test_stored_candidates_and_the_batch_are_judged_together():
    stored = item("stored", LANDS, "", "https://daily.example/a")
    member = Assigner(NOW).assign(stored)
    assigner = Assigner(NOW)
    assigner.assign(item("batch", LEAVES, "", "https://coast.example/b"))
    joined = assigner.assign(item("new", LANDS, "", "https://third.example/c"), [(member, stored)])
    assert joined.story_id == member.story_id
    other = assigner.assign(item("newer", LEAVES, "", "https://third.example/d"), [(member, stored)])
    assert other.matched_item_id == "batch"


# title, url; key ("" = none)
KEYS = [
    ("Envoy lands in the capital for talks", "", "envoy lands in the capital for talks"),
    ("Envoy lands in the capital for talks - BBC News", "", "envoy lands in the capital for talks"),
    ("Envoy lands in the capital for talks | Le Monde", "", "envoy lands in the capital for talks"),
    ("Envoy lands in the capital | Talks | Le Monde", "", "envoy lands in the capital"),
    # A name that the address holds is the publisher's ...
    ("Envoy lands in the capital - Meridian", "https://www.meridian.example/a", "envoy lands in the capital"),
    # ... another one after a dash says who said it.
    ("Envoy lands in the capital - Kremlin", "https://x.example/a", "envoy lands in the capital kremlin"),
    ("EXCLUSIVE: Envoy lands in the capital", "", "envoy lands in the capital"),
    ("UPDATE 2-Envoy lands in the capital", "", "envoy lands in the capital"),
    ("Посланник прилетел в Москву на переговоры", "", "посланник прилетел в москву на переговоры"),
    # Too short, or the same every day.
    ("Live updates", "", ""),
    ("Morning briefing", "", ""),
    ("War in brief", "", ""),
    ("Border talks: live updates", "", ""),
    ("What we know so far today", "", ""),
    ("In pictures: the week", "", ""),
    ("News bulletin 12 March 2026 evening", "", ""),
    ("", "", ""),
    # Without spaces, characters are counted.
    ("特使抵达首都举行会谈", "", "特 使 抵 达 首 都 举 行 会 谈"),
    ("今日新闻", "", ""),
]  # fmt: skip


@pytest.mark.parametrize(("title", "url", "key"), KEYS)
def test_title_keys(title, url, key):
    assert title_key(title, url) == key


@pytest.mark.parametrize(
    ("title", "url", "live"),
    [
        ("Talks live: envoy lands", "", True),
        ("LIVE Envoy lands", "", True),
        ("Envoy lands – as it happened – live", "", True),
        ("Talks live updates", "", True),
        ("En direct : l’émissaire arrive", "", True),
        ("Envoy lands", "https://x.example/world/live/2026/mar/12/talks", True),
        ("Envoy lands", "https://x.example/liveblog/talks", True),
        # Words that only look like it.
        ("Live-fire drills begin near the strait", "", False),
        ("Fleet holds live-fire drills", "", False),
        ("Direct talks begin", "", False),
        ("How people live with sanctions", "https://x.example/olive/trees", False),
    ],
)
def test_live_pages_are_known(title, url, live):
    assert is_running(title, url) is live


def test_overlap_compares_telling_words_by_their_beginnings():
    assert overlap("Envoys negotiate in the capital", "The envoy's negotiation") == 1.0
    assert overlap("Envoy lands", "Rates rise") == 0.0
    assert overlap("", "Envoy lands") == 0.0


def test_a_publisher_is_not_taken_from_a_headline_that_would_be_left_too_short():
    assert without_publisher("War - BBC News") == "War - BBC News"


def test_an_endless_chain_of_names_is_cut_only_so_far():
    title = LANDS + " | Name" * 3000
    assert without_publisher(title).startswith(LANDS)


def test_normalized_text_folds_and_does_not_repeat_the_headline():
    assert normalized("Émissaire à Moscou: «Talks»!") == "emissaire a moscou talks"
    assert normalized_text("Envoy lands.", "ENVOY LANDS") == "envoy lands"
    assert normalized_text("", "Summary only") == "summary only"


texts = st.text(alphabet="abcdef й中", max_size=60)


@given(texts, texts)
def test_similarity_is_symmetric_and_one_for_equals(one, other):
    mine, theirs = shingles(normalized(one)), shingles(normalized(other))
    assert jaccard(mine, theirs) == jaccard(theirs, mine) <= 1.0
    assert jaccard(mine, mine) == (1.0 if mine else 0.0)
    for least in (0.25, 0.8, 1.0):
        assert similar(mine, theirs, least) is (jaccard(mine, theirs) >= least)


names = st.sampled_from(
    [LANDS, f"{LANDS} today", LEAVES, "Morning briefing", "", f"Talks live: {LANDS}", "Envoy lands"]
)
summaries = st.sampled_from(["", SUMMARY, f"{SUMMARY} More follows.", LEAVES])
urls = st.sampled_from(
    ["", URL, f"{URL}?utm_source=x", "https://coast.example/b", "https://coast.example/live/c"]
)
batches = st.lists(
    st.builds(
        lambda n, title, summary, url, at: item(f"i{n}", title, summary, url, NOW + at * HOUR),
        st.integers(0, 30),
        names,
        summaries,
        urls,
        st.integers(0, 60),
    ),
    max_size=8,
    unique_by=lambda one: one.item_id,
)


@given(batches, st.data())
def test_a_place_does_not_depend_on_the_order_of_candidates(found, data):
    found = sorted(found, key=lambda one: (one.event_at(), one.item_id))
    members = grouped(*found)
    pairs = list(zip(members, found, strict=True))
    for place, (member, one) in enumerate(pairs):
        candidates = data.draw(st.permutations(pairs[:place]))
        assert assign(one, keys(one), candidates, NOW) == member


@given(batches, st.integers(0, 8))
def test_a_batch_gives_what_one_by_one_would(found, cut):
    """Where the batch ends makes no difference: stored members are candidates like the batch's own."""
    found = sorted(found, key=lambda one: (one.event_at(), one.item_id))
    whole = grouped(*found)
    first = Assigner(NOW)
    stored = [(first.assign(one), one) for one in found[:cut]]
    second = Assigner(NOW)
    rest = [second.assign(one, stored) for one in found[cut:]]
    assert [*first.members, *rest] == whole


@given(batches)
def test_members_say_where_they_belong(found):
    members = {member.item_id: member for member in grouped(*found)}
    for member in members.values():
        if member.layer is StoryLayer.NEW:
            assert member.story_id == stable_id("story", member.item_id)
        else:
            other = members[member.matched_item_id]
            assert other.story_id == member.story_id
            assert abs(other.event_at - member.event_at) <= WINDOW
        assert member.reason.endswith(".")
        assert 0 < member.score <= 1


words = st.lists(st.sampled_from([*LANDS.split(), *LEAVES.split()]), unique=True)


@given(words.filter(lambda found: len(found) > 6), st.data())
def test_near_duplicates_share_at_least_two_postings(found, data):
    """The store finds candidates by two shared postings: what TEXT would join has to share them."""
    edited = list(found)
    del edited[data.draw(st.integers(0, len(edited) - 1))]
    one, other = item("a", " ".join(found)), item("b", " ".join(edited))
    assert len(set(keys(one).postings) & set(keys(other).postings)) >= 2


@given(words.filter(bool), st.data())
def test_texts_that_are_nearly_the_same_are_compared_by_their_letters(found, data):
    """What spares the others that comparison spares none that TEXT would join."""
    edited = list(found)
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, len(edited) - 1))
        edited[place] = data.draw(st.sampled_from([f"{edited[place]}s", "", "12"]))
    one, other = item("a", " ".join(found)), item("b", " ".join(edited))
    alike = jaccard(shingles(normalized_text(one.title, "")), shingles(normalized_text(other.title, "")))
    assert alike < SAME_TEXT or Judge().may_be_a_copy(one, other)


@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=60))
def test_keys_of_anything(title, summary, url):
    found = keys(item("a", title, summary, url))
    assert found == keys(replace(item("b", title, summary, url), content="other"))
    assert len(set(found.postings)) == len(found.postings) <= 2 * RAREST
