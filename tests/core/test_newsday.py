"""The recorded news day: complete, well-formed in every format, and replayed with honest dates."""

import html
import io
import json
import re
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import feedparser
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from monitor.demo.newsday import DAY_BEGINS, DAY_ENDS, FeedFormat, NewsDay, load, read_day
from monitor.errors import ConfigurationError
from monitor.models import Tier

SEED = Path(__file__).parents[2].parent / "shared/data/seed/us-russia-moscow-talks.txt"
DAY_START = datetime(2026, 3, 12, 9, 30, tzinfo=UTC)
MIDDAY = timedelta(hours=12, minutes=30)
LOADED = load()
LANGUAGE = {outlet.outlet_id: outlet.language for outlet in LOADED.outlets}
OUTLETS = sorted(LANGUAGE)
XML_OUTLETS = [outlet.outlet_id for outlet in LOADED.outlets if outlet.format is not FeedFormat.JSON]
JSON_OUTLETS = [outlet.outlet_id for outlet in LOADED.outlets if outlet.format is FeedFormat.JSON]
ITEM = {item.item_id: item for item in LOADED.items}

# development: (at least so many outlets, in at least so many languages)
SPREAD = {
    "envoy-arrives-moscow": (5, 4),
    "ceasefire-response": (3, 2),
    "ceasefire-proposal": (3, 2),
    "territorial-claim": (3, 2),
    "demands": (3, 2),
    "military-order": (3, 2),
    "leader-statement": (3, 2),
    "kremlin-meeting": (3, 2),
    "prisoner-exchange": (2, 2),
    "sanctions-package": (2, 2),
    "diplomats-expelled": (2, 2),
    "gaza-talks": (1, 1),
    "ministers-meet": (1, 1),
    "visit-announced": (1, 1),
}


def document(outlet_id, moment=DAY_ENDS, *, day=LOADED, day_start=DAY_START, speed=60.0):
    return day.document(outlet_id, moment=moment, day_start=day_start, speed=speed)


def visible(fragment):
    return html.unescape(re.sub(r"<[^>]*>", " ", fragment))


# --- what the day holds --------------------------------------------------------------------------


def test_the_day_is_large_varied_and_mostly_irrelevant():
    assert len(LOADED.outlets) >= 9
    assert len(LOADED.items) >= 170
    assert {outlet.tier for outlet in LOADED.outlets} == set(Tier) - {Tier.SOCIAL}
    assert {outlet.format for outlet in LOADED.outlets} == set(FeedFormat)
    assert set(LANGUAGE.values()) == {"en", "ru", "uk", "fr", "ar"}
    assert sum(not item.development for item in LOADED.items) > len(LOADED.items) / 2
    assert sum(bool(item.trap) for item in LOADED.items) >= 60
    assert sum(bool(item.content) for item in LOADED.items) >= 15


def test_outlets_are_invented_and_two_feeds_share_an_owner():
    assert all(outlet.site.endswith(".example") for outlet in LOADED.outlets)
    owners = [outlet.owner for outlet in LOADED.outlets]
    assert owners.count("meridian-agency") == 2  # two feeds that must never count as two sources
    assert len({outlet.path for outlet in LOADED.outlets}) == len(LOADED.outlets)


@pytest.mark.parametrize("development", sorted(SPREAD))
def test_developments_are_told_by_several_outlets_and_languages(development):
    outlets, languages = SPREAD[development]
    tellers = {item.outlet_id for item in LOADED.items if item.development == development}
    assert len(tellers) >= outlets
    assert len({LANGUAGE[outlet_id] for outlet_id in tellers}) >= languages


def test_labels_are_complete():
    assert {item.development for item in LOADED.items if item.development} == set(SPREAD)


def test_important_developments_begin_before_half_past_eight():
    early = {item.development for item in LOADED.items if item.at <= timedelta(hours=8, minutes=30)}
    assert early >= {
        "envoy-arrives-moscow",
        "territorial-claim",
        "ceasefire-proposal",
        "ceasefire-response",
    }
    assert min(item.at for item in LOADED.items if item.development) <= timedelta(hours=7, minutes=2)


def test_times_lie_inside_the_day_and_edits_come_later_in_order():
    for item in LOADED.items:
        times = [item.at, *(edit.at for edit in item.edits)]
        assert times == sorted(set(times)), item.item_id
        assert DAY_BEGINS <= times[0] <= times[-1] < DAY_ENDS, item.item_id
        assert all(edit.title or edit.summary for edit in item.edits), item.item_id


def test_guids_and_links_are_unique_within_an_outlet():
    for outlet_id in OUTLETS:
        own = [item for item in LOADED.items if item.outlet_id == outlet_id]
        assert len({item.guid for item in own}) == len({item.link for item in own}) == len(own)


def test_copies_repeat_their_original_later_and_with_credit():
    copies = [item for item in LOADED.items if item.copy_of]
    assert len(copies) >= 10
    for item in copies:
        original = ITEM[item.copy_of]
        assert item.at > original.at
        assert (item.title, item.development) == (original.title, original.development)
        assert item.author, item.item_id
    tracked = [item for item in copies if "utm_source=" in item.link]
    assert len(tracked) >= 5
    for item in tracked:
        assert item.link.startswith(ITEM[item.copy_of].link + "?")


def test_bodies_hold_no_script_and_summaries_no_markup():
    for item in LOADED.items:
        assert not re.search(r"[<>]|\s\s", item.title + item.summary), item.item_id
        assert "<script" not in item.content.lower()
        if item.content:
            closed = re.sub(r"<(img[^>]*[^/])>", r"<\1/>", html_entities(item.content))
            ET.fromstring(f"<div>{closed}</div>")


def html_entities(fragment):
    """Return the fragment with HTML's named entities as characters, XML's five left alone."""
    return re.sub(
        r"&(?!amp;|lt;|gt;|quot;|apos;)(#?\w+;)", lambda found: html.unescape(found.group()), fragment
    )


@pytest.mark.skipif(not SEED.exists(), reason=f"NOT RUN: the article to compare with is not at {SEED}")
def test_no_eight_words_in_a_row_are_shared_with_the_seed_article():
    def runs(text):
        words = re.findall(r"\w+", text.casefold())
        return {tuple(words[at : at + 8]) for at in range(len(words) - 7)}

    seed = runs(SEED.read_text(encoding="utf-8"))
    assert len(seed) > 400
    for item in LOADED.items:
        texts = [item.title, item.summary, visible(item.content)]
        texts += [text for edit in item.edits for text in (edit.title, edit.summary)]
        assert not [run for text in texts for run in runs(text) & seed], item.item_id


# --- the documents -------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", [DAY_BEGINS, timedelta(hours=8, minutes=30), DAY_ENDS])
@pytest.mark.parametrize("outlet_id", XML_OUTLETS)
def test_feedparser_gives_back_what_was_published(outlet_id, moment):
    media_type, body = document(outlet_id, moment)
    ET.fromstring(body)
    parsed = feedparser.parse(io.BytesIO(body), response_headers={"content-type": media_type})
    assert not parsed.bozo, parsed.get("bozo_exception")
    outlet = LOADED.outlet(outlet_id)
    assert parsed.version == {"rss2": "rss20", "rss1": "rss10", "atom": "atom10"}[outlet.format]
    assert (parsed.feed.title, parsed.feed.language) == (outlet.title, outlet.language)
    shown = [item for item in LOADED.items if item.outlet_id == outlet_id and item.at <= moment]
    assert sorted(entry.id for entry in parsed.entries) == sorted(item.guid for item in shown[-30:])
    by_guid = {item.guid: item for item in shown}
    for entry in parsed.entries:
        item = by_guid[entry.id]
        title, summary = item.title, item.summary
        for edit in item.edits:
            if edit.at <= moment:
                title, summary = edit.title or title, edit.summary or summary
        assert (entry.title, entry.link) == (title, item.link)
        assert html.unescape(entry.summary) == summary
        assert entry.get("author", "") == item.author
        assert tuple(tag.term for tag in entry.get("tags", ())) == item.categories
        assert bool(entry.get("content")) == bool(item.content)
        if item.content:
            assert visible(entry.content[0].value).split() == visible(item.content).split()


@pytest.mark.parametrize("outlet_id", JSON_OUTLETS)
def test_json_feed_has_what_version_1_1_requires(outlet_id):
    media_type, body = document(outlet_id)
    feed = json.loads(body)
    assert media_type == "application/feed+json"
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    shown = [item for item in LOADED.items if item.outlet_id == outlet_id]
    assert {row["id"]: row["url"] for row in feed["items"]} == {item.guid: item.link for item in shown}
    for row in feed["items"]:
        assert isinstance(row["id"], str)
        assert ("content_html" in row) != ("content_text" in row)
        assert datetime.fromisoformat(row["date_modified"]) >= datetime.fromisoformat(row["date_published"])


@pytest.mark.parametrize("outlet_id", OUTLETS)
def test_the_labels_that_serve_tests_are_not_served(outlet_id):
    relabelled = NewsDay(
        LOADED.outlets,
        tuple(replace(item, development="x-secret", trap="x-secret", copy_of="x") for item in LOADED.items),
    )
    assert document(outlet_id) == document(outlet_id, day=relabelled)


def test_an_edit_keeps_the_guid_and_the_publication_date():
    item = ITEM["mw-witkoff-lands-moscow"]
    (edit,) = item.edits

    def entry(moment):
        entries = feedparser.parse(io.BytesIO(document("meridian-wire", moment)[1])).entries
        return next(entry for entry in entries if entry.id == item.guid)

    before, after = entry(edit.at - timedelta(minutes=1)), entry(edit.at)
    assert (before.title, after.title) == (item.title, edit.title)
    assert before.summary != after.summary
    assert before.published == after.published


def test_atom_and_json_date_an_edit():
    for outlet_id, item_id in (
        ("priboi", "pr-sudzha-chto-izvestno"),
        ("kyiv-bulletin", "kb-address-silence"),
    ):
        item = ITEM[item_id]
        body = document(outlet_id, speed=1.0)[1].decode()
        for at in (item.at, item.edits[0].at):
            assert (DAY_START + at - DAY_BEGINS).isoformat(timespec="milliseconds") in body


@given(
    outlet_id=st.sampled_from(OUTLETS),
    moment=st.timedeltas(min_value=timedelta(), max_value=timedelta(hours=24)),
    speed=st.floats(min_value=0.5, max_value=5000),
    offset=st.integers(-12, 12),
)
def test_dates_lie_in_the_past_newest_first_at_most_thirty(outlet_id, moment, speed, offset):
    day_start = DAY_START.astimezone(timezone(timedelta(hours=offset)))
    media_type, body = document(outlet_id, moment, day_start=day_start, speed=speed)
    assert document(outlet_id, moment, day_start=day_start, speed=speed) == (media_type, body)
    if media_type == "application/feed+json":
        dates = [datetime.fromisoformat(row["date_published"]) for row in json.loads(body)["items"]]
    else:
        tags = {"pubDate": parsedate_to_datetime}
        tags |= dict.fromkeys(
            ("{http://www.w3.org/2005/Atom}published", "{http://purl.org/dc/elements/1.1/}date"),
            datetime.fromisoformat,
        )
        dates = [
            tags[element.tag](element.text)
            for parent in ET.fromstring(body).iter()
            for element in parent
            if element.tag in tags and not parent.tag.endswith("channel")
        ]
    now = day_start + (moment - DAY_BEGINS) / speed
    assert len(dates) <= 30
    assert dates == sorted(dates, reverse=True)
    assert all(DAY_START - timedelta(seconds=1) <= date <= now for date in dates)


def test_nothing_is_published_before_the_day_begins():
    for outlet_id in OUTLETS:
        body = document(outlet_id, timedelta(hours=6))[1].decode()
        assert not re.search(r"<item[ >]|<entry>|date_published", body)


def test_every_item_is_served_at_some_minute():
    seen = defaultdict(set)
    for minute in range(13 * 60 + 1):
        moment = DAY_BEGINS + timedelta(minutes=minute)
        for item in LOADED.items:
            if item.at == moment:
                body = document(item.outlet_id, moment)[1].decode()
                assert html.escape(item.link, quote=False) in body or item.link in body
                seen[item.outlet_id].add(item.item_id)
    assert sum(map(len, seen.values())) == len(LOADED.items)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"day_start": DAY_START.replace(tzinfo=None)}, ValueError),
        ({"speed": 0.0}, ValueError),
        ({"speed": -1.0}, ValueError),
        ({"speed": float("nan")}, ValueError),
        ({"outlet_id": "no-such-outlet"}, KeyError),
    ],
)
def test_document_refuses_what_it_cannot_replay(changed, error):
    arguments = {"outlet_id": "priboi", "moment": MIDDAY, "day_start": DAY_START, "speed": 60.0}
    with pytest.raises(error):
        LOADED.document(**(arguments | changed))


# --- the catalogue and the reader ----------------------------------------------------------------


def test_the_catalogue_is_yaml_that_names_every_feed():
    rows = YAML(typ="safe", pure=True).load(LOADED.feeds_yaml("http://127.0.0.1:8099/"))["feeds"]
    assert [row["id"] for row in rows] == OUTLETS
    for row, outlet in zip(rows, LOADED.outlets, strict=True):
        assert row["url"] == f"http://127.0.0.1:8099/{outlet.outlet_id}{outlet.path}"
        assert (row["title"], row["tier"], row["owner"]) == (outlet.title, outlet.tier, outlet.owner)
        assert (row["country"], row["language"]) == (outlet.country, outlet.language)
        assert (row["first_poll"], row["interval"]) == ("all", "2s")
        assert re.fullmatch(r"\d+h", row["expect_every"])


OUTLET_YAML = """\
outlet: {id: one, title: One, description: D, tier: wire, owner: o, country: GB, language: en, format: rss2,
  site: "https://one.example", path: /f, links: "/{id}", guids: tag, expect_every: 2h}
items:
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("outlet: [", "one.yaml"),
        ("items: []", "one.yaml"),
        (OUTLET_YAML.replace("wire", "telegraph") + "  []", "telegraph"),
        (OUTLET_YAML + '  - {id: a, at: "25", title: T, summary: S}', "item a"),
        (OUTLET_YAML + '  - {id: a, at: "07:00", title: T, summary: S, tilte: U}', "tilte"),
        (OUTLET_YAML + '  - {id: a, at: "07:00", title: T}', "summary"),
        (OUTLET_YAML + '  - {id: a, at: "07:00", copy_of: b}', "item a"),
        (OUTLET_YAML + "\n".join(['  - {id: a, at: "07:00", title: T, summary: S}'] * 2), "twice"),
    ],
)
def test_damaged_data_is_named_by_file_and_item(text, said):
    with pytest.raises(ConfigurationError, match=said) as caught:
        read_day({"one.yaml": text})
    assert "one.yaml" in str(caught.value)


@given(
    title=st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"]), min_size=1),
    content=st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"])),
    outlet_id=st.sampled_from(XML_OUTLETS),
)
def test_any_text_stays_well_formed(title, content, outlet_id):
    item = next(item for item in LOADED.items if item.outlet_id == outlet_id)
    changed = replace(item, title=title, summary=title, content=content + "]]>", edits=())
    day = NewsDay(LOADED.outlets, (changed,))
    root = ET.fromstring(document(outlet_id, day=day)[1])
    assert title in {element.text for element in root.iter() if element.tag.endswith("title")}
    bodies = {
        element.text for element in root.iter() if element.tag.rpartition("}")[2] in {"encoded", "content"}
    }
    assert bodies == {content + "]]>"}
