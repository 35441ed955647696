"""Subscription lists: what feed readers write is read, and what we write they read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import ConfigurationError
from monitor.feeds.opml import MAX_OUTLINES, Subscription, read_opml, write_opml
from monitor.models import Feed
from tests.factories import T0

READER = b"""<?xml version="1.0"?>
<opml version="1.0"><head><title>Mine</title></head><body>
  <outline text="Press">
    <outline text="Europe" title="Europe">
      <outline type="rss" text="Morning Post &amp; Co" xmlUrl="https://morning.example/rss" htmlUrl="https://morning.example/"/>
    </outline>
    <outline type="rss" title="Evening Post" text="x" xmlurl=" https://evening.example/rss " language="fr"/>
  </outline>
  <outline type="rss" text="Alone" xmlUrl="https://alone.example/feed" category="/News/Asia,/Other"/>
  <outline type="rss" text="Again" xmlUrl="https://alone.example/feed"/>
  <outline type="link" text="A page" url="https://page.example/"/>
</body></opml>
"""


def test_what_readers_write():
    assert read_opml(READER, "list.opml") == (
        Subscription("https://morning.example/rss", "Morning Post & Co", "Europe"),
        Subscription("https://evening.example/rss", "Evening Post", "Press", "fr"),
        Subscription("https://alone.example/feed", "Alone", "Asia"),
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "this is no OPML"),
        (b"<html><body>hello</body></html>", "it does not begin with <opml>"),
        (b"<opml><body><outline></opml>", "list.opml:1:24: this is no OPML: mismatched tag"),
        (b"<!DOCTYPE opml [<!ENTITY a 'b'>]><opml/>", "declares entities"),
        (b"<opml><body>" + b"<outline>" * 200 + b"</body></opml>", "too many outlines inside each other"),
        (
            b"<opml><body>" + b"<outline xmlUrl='u'/>" * (MAX_OUTLINES + 2) + b"</body></opml>",
            "too many outlines",
        ),
    ],
    ids=["empty", "a page", "broken", "entities", "deep", "many"],
)
def test_what_is_no_list(data, words):
    with pytest.raises(ConfigurationError, match=words):
        read_opml(data, "list.opml")


def test_other_encodings():
    text = '<?xml version="1.0" encoding="windows-1251"?><opml><body><outline text="Новости" xmlUrl="https://n.example/"/></body></opml>'
    assert read_opml(text.encode("windows-1251"), "x")[0].title == "Новости"


def test_ours_has_folders_and_leaves_files_out():
    feeds = [
        Feed("a", "https://a.example/?x=1&y=2", title='A "quoted" <name>', category="Wires"),
        Feed("b", "file:///srv/feed.xml", title="B"),
        Feed("c", "https://c.example/", title="C"),
    ]
    text = write_opml(feeds, "Mine", T0)
    assert "<dateCreated>Thu, 12 Mar 2026 09:00:00 +0000</dateCreated>" in text
    assert read_opml(text.encode(), "x") == (
        Subscription("https://a.example/?x=1&y=2", 'A "quoted" <name>', "Wires"),
        Subscription("https://c.example/", "C"),
    )


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)


@given(st.lists(st.tuples(TEXTS, TEXTS | st.just("")), max_size=8))
def test_what_is_written_is_read_again(pairs):
    feeds = [
        Feed(str(number), f"https://{number}.example/", title=title, category=category)
        for number, (title, category) in enumerate(pairs)
    ]
    again = {one.url: one for one in read_opml(write_opml(feeds, "x", T0).encode(), "x")}
    assert again.keys() == {feed.url for feed in feeds}
    for feed in feeds:
        if feed.title.isprintable() and feed.title == " ".join(feed.title.split()):
            assert again[feed.url].title == feed.title


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(data):
    try:
        read_opml(data, "x")
    except ConfigurationError:
        return
