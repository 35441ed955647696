"""Documents in every format, with the damage that feeds really have."""

from datetime import timedelta

import pytest

from monitor.errors import ErrorKind, ParseError
from monitor.feeds.parse import parse
from monitor.models import Entry

URL = "https://outlet.example/feeds/world.xml"

RSS2 = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:content="http://purl.org/rss/1.0/modules/content/"
  xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel><title>Outlet &amp; Co</title><link>https://outlet.example/</link><language>en-gb</language><ttl>15</ttl>
<atom:link rel="self" href="/feeds/world.xml"/><atom:link rel="prev-archive" href="archive/1.xml"/>
<item><title>Talks &amp;amp; tea</title><link>/a</link><guid isPermaLink="false">1</guid>
<description>&lt;p&gt;Short&lt;/p&gt;</description><content:encoded><![CDATA[<p>Long</p>]]></content:encoded>
<dc:creator>The Desk</dc:creator><category>World</category><category>Talks</category>
<pubDate>Sun, 30 Mar 2025 14:05:00 GMT</pubDate></item>
<item><title>Second</title><guid>https://outlet.example/b</guid></item>
</channel></rss>"""

RSS1 = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
  xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/">
<channel rdf:about="https://outlet.example/"><title>Outlet</title><link>https://outlet.example/</link>
<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency></channel>
<item rdf:about="https://outlet.example/a"><title>First</title><link>https://outlet.example/a</link>
<dc:date>2025-03-30T14:05:00Z</dc:date></item></rdf:RDF>"""

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="fr" xml:base="https://cdn.outlet.example/x/">
<title>Outlet</title><link rel="self" href="feed"/>
<entry xml:base="https://www.outlet.example/"><id>tag:outlet.example,2025:1</id>
<title type="text">1 &lt; 2 and &lt;b&gt; is a tag</title><link href="a"/>
<link rel="enclosure" href="https://outlet.example/a.mp3"/><updated>2025-03-30T15:05:00Z</updated>
<published>2025-03-30T14:05:00Z</published><author><name>The Desk</name></author>
<summary type="html">&lt;p&gt;Short&lt;/p&gt;</summary>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Long</p></div></content></entry></feed>"""


def test_rss_2():
    parsed = parse(RSS2.encode(), {}, URL)
    assert (parsed.format, parsed.title, parsed.language) == ("rss20", "Outlet & Co", "en-gb")
    assert parsed.refresh == timedelta(minutes=15)
    assert parsed.links == (
        ("self", "https://outlet.example/feeds/world.xml"),
        ("prev-archive", "https://outlet.example/feeds/archive/1.xml"),
    )
    first, second = parsed.entries
    assert first == Entry(
        guid="1",
        link="https://outlet.example/a",
        title="Talks &amp; tea",
        summary="<p>Short</p>",
        content="<p>Long</p>",
        author="The Desk",
        categories=("World", "Talks"),
        published="Sun, 30 Mar 2025 14:05:00 GMT",
    )
    assert (second.guid, second.link) == ("https://outlet.example/b", "https://outlet.example/b")
    assert (second.published, second.updated) == ("", "")
    assert parsed.repaired == ""


@pytest.mark.parametrize("url", ["", "http://outlet.example/rss", "https://cdn.example/x"])
def test_a_guid_stays_as_written_wherever_the_feed_lies(url):
    text = rss("<item><title>A</title><guid>333483</guid><link>/a</link></item>")
    assert parse(text.encode(), {}, url).entries[0].guid == "333483"


def test_a_relative_base_is_followed():
    text = ATOM.replace("https://www.outlet.example/", "/world/").replace("https://cdn.outlet.example/x/", "")
    assert parse(text.encode(), {}, URL).entries[0].link == "https://outlet.example/world/a"


def test_rss_1():
    parsed = parse(RSS1.encode(), {}, URL)
    assert parsed.refresh == timedelta(minutes=15)
    (entry,) = parsed.entries
    assert (entry.guid, entry.link, entry.title) == (
        "https://outlet.example/a",
        "https://outlet.example/a",
        "First",
    )
    assert "2025-03-30T14:05:00Z" in (entry.published, entry.updated)


def test_atom():
    parsed = parse(ATOM.encode(), {}, URL)
    (entry,) = parsed.entries
    assert (parsed.format, entry.guid, entry.language) == ("atom10", "tag:outlet.example,2025:1", "fr")
    assert entry.link == "https://www.outlet.example/a"
    assert entry.title == "1 &lt; 2 and &lt;b&gt; is a tag"  # plain text by its type: no tag in it
    assert (entry.summary, entry.author) == ("<p>Short</p>", "The Desk")
    assert "<p>Long</p>" in entry.content
    assert (entry.published, entry.updated) == ("2025-03-30T14:05:00Z", "2025-03-30T15:05:00Z")
    assert parsed.links == (("self", "https://cdn.outlet.example/x/feed"),)


def test_rss_091_with_its_doctype():
    text = """<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "http://outlet.example/rss.dtd">
    <rss version="0.91"><channel><title>Outlet</title>
    <item><title>A&eacute;</title><link>/a</link></item></channel></rss>"""
    parsed = parse(text.encode(), {}, URL)
    assert [(entry.title, entry.link) for entry in parsed.entries] == [("Aé", "https://outlet.example/a")]


def test_json_feed():
    parsed = parse(
        b'{"version": "https://jsonfeed.org/version/1", "items": [{"id": 1, "url": "a"}]}', {}, URL
    )
    assert (parsed.format, parsed.entries[0].link) == ("json1", "https://outlet.example/feeds/a")


def item(inner):
    return f"<item><title>before</title></item><item>{inner}</item><item><title>after</title></item>"


def rss(items, head=""):
    return f"{head}<rss version='2.0'><channel><title>Outlet</title>{items}</channel></rss>"


DAMAGED = [
    # document, titles that must be found
    ("an ampersand alone", rss(item("<title>Q & A</title>")), ["before", "Q & A", "after"]),
    ("an entity of HTML", rss(item("<title>caf&eacute;</title>")), ["before", "café", "after"]),
    ("a prefix nobody declared", rss(item("<title>A</title><media:x/>")), ["before", "A", "after"]),
    ("control characters", rss(item("<title>A\x00\x08\x0b</title>")), ["before", "A", "after"]),
    ("references to them", rss(item("<title>A&#8;&#x1f;</title>")), ["before", "A", "after"]),
    ("cut off", rss(item("<title>A</title>"))[:-45], ["before", "A"]),
    (
        "text before the declaration",
        rss(item("<title>A</title>"), "\n\n <?xml version='1.0'?>"),
        ["before", "A", "after"],
    ),
    (
        "text after the end",
        rss(item("<title>A</title>")) + "<!-- cached --><script>x</script>",
        ["before", "A", "after"],
    ),
    (
        "a tag that is not closed",
        rss(item("<title>A</title><description><br>x</description>")),
        ["before", "A", "after"],
    ),
    (
        "a bad date and a bad link",
        rss(item("<title>A</title><pubDate>x</pubDate><link>::</link>")),
        ["before", "A", "after"],
    ),
    (
        "the wrong encoding",
        rss(item("<title>A</title>"), "<?xml version='1.0' encoding='utf-16'?>"),
        ["before", "A", "after"],
    ),
]


@pytest.mark.parametrize(
    ("text", "titles"), [case[1:] for case in DAMAGED], ids=[case[0] for case in DAMAGED]
)
def test_damage_loses_no_entry(text, titles):
    assert [entry.title for entry in parse(text.encode(), {}, URL).entries][: len(titles)] == titles


def test_an_empty_item_is_skipped_and_counted():
    parsed = parse(rss("<item/><item><title>A</title></item>").encode(), {}, URL)
    assert ([entry.title for entry in parsed.entries], parsed.skipped) == (["A"], 1)


def test_a_feed_without_items_is_a_feed():
    assert parse(rss("").encode(), {}, URL).entries == ()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", ErrorKind.EMPTY),
        (b"<html><title>x</title></html>", ErrorKind.NOT_A_FEED),
        (b"<rss version='2.0'><channel><title>cut", ErrorKind.BROKEN),
        (b"<rss", ErrorKind.NOT_A_FEED),
        (b'{"version": "https://jsonfeed.org/version/1", "items": [', ErrorKind.BROKEN),
    ],
)
def test_what_is_beyond_repair(body, kind):
    with pytest.raises(ParseError) as caught:
        parse(body, {}, URL)
    assert caught.value.kind is kind
    assert "\n" not in str(caught.value)


def test_links_of_counting_services_give_way_to_the_articles_own():
    text = """<rss version="2.0" xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0"><channel><item>
    <title>A</title><link>https://counter.example/~r/1</link>
    <feedburner:origLink>https://outlet.example/a</feedburner:origLink></item></channel></rss>"""
    assert parse(text.encode(), {}, URL).entries[0].link == "https://outlet.example/a"


@pytest.mark.parametrize(
    "hint", ["<ttl>x</ttl>", "<ttl>-5</ttl>", "<ttl>0</ttl>", "<ttl></ttl>", "<ttl>1.5</ttl>", ""]
)
def test_hints_that_say_nothing(hint):
    assert parse(rss(hint).encode(), {}, URL).refresh is None


def test_nothing_is_opened_for_a_document_that_names_a_file(tmp_path):
    """feedparser opens a file whose name it is given; a document is never a name here."""
    secret = tmp_path / "secret.xml"
    secret.write_text(rss(item("<title>secret</title>")))
    with pytest.raises(ParseError):
        parse(str(secret).encode(), {}, URL)
