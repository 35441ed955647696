"""From entries to items: visible text, dates, languages, order."""

from datetime import UTC, datetime

import pytest

from monitor.feeds.normalize import normalize
from monitor.feeds.results import ParsedFeed
from monitor.models import Entry, Feed, IdentityMode

NOW = datetime(2025, 3, 30, 12, tzinfo=UTC)
FEED = Feed("outlet", "https://outlet.example/rss")
ENGLISH = "The foreign ministers agreed to meet again next week after two days of talks in the capital"
RUSSIAN = "Министры иностранных дел договорились встретиться снова на следующей неделе в столице"


def one(entry, feed=FEED, language=""):
    (item,) = normalize(
        feed, ParsedFeed("rss20", (entry,), url=FEED.url, language=language), IdentityMode.GUID, NOW
    )
    return item


def test_every_field():
    item = one(
        Entry(
            guid="7",
            link="https://outlet.example/a?utm_source=rss",
            title="Talks &amp; <b>tea</b>",
            summary="<p>First.</p><p>Second.</p>",
            content="<div>Long <script>x()</script>text</div>",
            author=" The  Desk ",
            categories=("World", "World", "<i>Talks</i>"),
            published="Sun, 30 Mar 2025 11:00:00 +0000",
            language="en-GB",
        )
    )
    assert item.title == "Talks & tea"
    assert item.summary == "First.\nSecond."
    assert item.content == "Long text"
    assert item.author == "The Desk"
    assert item.categories == ("World", "Talks")
    assert item.url == "https://outlet.example/a"
    assert item.aliases == ("link:outlet.example/a",)
    assert item.published_at == datetime(2025, 3, 30, 11, tzinfo=UTC)
    assert item.first_seen_at == NOW
    assert item.language == "en"
    assert (item.key, item.revision) == ("guid:7", 1)


def test_one_text_given_twice_is_kept_once():
    assert one(Entry(guid="1", title="A", summary="<p>Text</p>", content="<div>Text</div>")).content == ""


def test_the_hash_changes_with_each_text_and_with_nothing_else():
    base = Entry(guid="1", title="A", summary="B", content="C", published="2025-03-30")
    from dataclasses import replace

    same = [replace(base, published="2025-03-29"), replace(base, author="x"), replace(base, title="<b>A</b>")]
    other = [replace(base, title="A2"), replace(base, summary="B2"), replace(base, content="C2")]
    assert {one(entry).content_hash for entry in same} == {one(base).content_hash}
    assert len({one(entry).content_hash for entry in (base, *other)}) == 4


def test_order_is_kept_and_repeats_are_merged():
    entries = (
        Entry(guid="1", title="newest"),
        Entry(guid="2", title="middle", categories=("a",), link="https://outlet.example/2"),
        Entry(guid="3", title="oldest"),
        Entry(
            guid="2",
            title="middle",
            categories=("b",),
            link="https://outlet.example/2",
            published="2025-03-30",
        ),
    )
    found = normalize(FEED, ParsedFeed("rss20", entries), IdentityMode.GUID, NOW)
    assert [item.title for item in found] == ["newest", "middle", "oldest"]
    assert found[1].categories == ("a", "b")
    assert found[1].published_at == datetime(2025, 3, 30, tzinfo=UTC)


def test_entries_without_any_text_are_left_out():
    entries = (Entry(guid="1", title="<img src='x'>"), Entry(guid="2", title="A"))
    assert [item.title for item in normalize(FEED, ParsedFeed("rss20", entries), IdentityMode.GUID, NOW)] == [
        "A"
    ]


@pytest.mark.parametrize(
    ("published", "updated", "expected"),
    [
        ("2025-03-30T10:00Z", "2025-03-30T11:00Z", 10),
        ("", "2025-03-30T11:00Z", 11),
        ("soon", "2025-03-30T11:00Z", 11),
        ("2031-01-01T00:00Z", "2025-03-30T11:00Z", 11),  # a date in the future is no date
        ("", "", None),
    ],
)
def test_dates(published, updated, expected):
    moment = one(Entry(guid="1", title="A", published=published, updated=updated)).published_at
    assert moment == (None if expected is None else datetime(2025, 3, 30, expected, tzinfo=UTC))


@pytest.mark.parametrize(
    ("configured", "document", "entry", "text", "expected"),
    [
        ("", "", "", ENGLISH, "en"),
        ("", "", "", RUSSIAN, "ru"),
        ("", "fr", "", "Oui", "fr"),
        ("", "fr", "de-AT", "Ja", "de"),
        ("uk", "ru-RU", "ru", RUSSIAN, "uk"),  # the operator knows better
        ("", "en-US", "", RUSSIAN, "ru"),  # a blog system's default
        ("", "ru", "", ENGLISH, "en"),
        ("", "", "", "Ja", "und"),
        ("", "sr", "", RUSSIAN, "sr"),  # written in both scripts: believed
    ],
)
def test_languages(configured, document, entry, text, expected):
    from dataclasses import replace

    item = one(Entry(guid="1", title=text, language=entry), replace(FEED, language=configured), document)
    assert item.language == expected


def test_short_headlines_have_the_language_that_they_have_together():
    titles = ("Envoy lands", "Talks go on", "Cease-fire holds", ENGLISH, "Да", "Oui")
    parsed = ParsedFeed("rss20", tuple(Entry(guid=title, title=title) for title in titles))
    found = [item.language for item in normalize(FEED, parsed, IdentityMode.GUID, NOW)]
    assert found[:4] == ["en"] * 4
    assert found[4] == "und"  # not with these letters
