"""JSON Feed 1.0 and 1.1, read leniently."""

import json

import pytest

from monitor.errors import ErrorKind, ParseError
from monitor.feeds.jsonfeed import read_json_feed
from monitor.models import Entry

URL = "https://outlet.example/feed.json"


def read(items, **top):
    return read_json_feed(
        json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": items, **top}), URL
    )


def test_every_field():
    parsed = read(
        [
            {
                "id": "7",
                "url": "/a",
                "title": "A < B & C",
                "summary": "S",
                "content_html": "<p>Text</p>",
                "content_text": "ignored",
                "authors": [{"name": "Desk"}, {"name": "Agency"}],
                "tags": ["x", "", 3, "y"],
                "date_published": "2025-03-30T14:05:00Z",
                "date_modified": "2025-03-30T15:05:00Z",
                "language": "en",
            }
        ],
        title="Outlet",
        language="fr",
        next_url="?page=2",
    )
    assert (parsed.format, parsed.title, parsed.language, parsed.skipped) == ("json11", "Outlet", "fr", 0)
    assert parsed.links == (("next-archive", "https://outlet.example/feed.json?page=2"),)
    assert parsed.entries == (
        Entry(
            guid="7",
            link="https://outlet.example/a",
            title="A &lt; B &amp; C",
            summary="S",
            content="<p>Text</p>",
            author="Desk, Agency",
            categories=("x", "y"),
            published="2025-03-30T14:05:00Z",
            updated="2025-03-30T15:05:00Z",
            language="en",
        ),
    )


@pytest.mark.parametrize(
    ("item", "entry"),
    [
        ({"id": 7, "content_text": "a < b"}, Entry(guid="7", content="a &lt; b")),  # numbers are ids, too
        ({"id": "1", "author": {"name": "Desk"}}, Entry(guid="1", author="Desk")),  # version 1.0
        ({"id": "1", "external_url": "https://b.example/"}, Entry(guid="1", link="https://b.example/")),
        ({"id": "1", "title": None, "tags": "x", "authors": {}, "url": 3}, Entry(guid="1")),
        ({"id": True, "title": "A", "url": "javascript:x"}, Entry(title="A")),
    ],
)
def test_leniently(item, entry):
    assert read([item]).entries == (entry,)


def test_one_bad_item_loses_no_other():
    parsed = read([None, 3, "x", [], {}, {"id": "1"}])
    assert parsed.entries == (Entry(guid="1"),)
    assert parsed.skipped == 5


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"items": [', ErrorKind.BROKEN),
        ("[" * 100_000, ErrorKind.BROKEN),
        ("[]", ErrorKind.NOT_A_FEED),
        ('{"items": {}}', ErrorKind.NOT_A_FEED),
        ("3", ErrorKind.NOT_A_FEED),
    ],
)
def test_what_cannot_be_read(text, kind):
    with pytest.raises(ParseError) as caught:
        read_json_feed(text, URL)
    assert caught.value.kind is kind
