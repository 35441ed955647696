"""What a 200 answer holds: a feed, or a clear message."""

import pytest

from monitor.errors import ErrorKind, ParseError
from monitor.feeds.sniff import Content, sniff

FEEDS = [
    "<rss version='2.0'><channel/></rss>",
    "<?xml version='1.0'?><rss/>",
    "\ufeff\n\n<?xml version='1.0'?>\n<!-- made by x -->\n<feed xmlns='http://www.w3.org/2005/Atom'/>",
    "<?xml-stylesheet href='a.xsl'?><rdf:RDF xmlns:rdf='x'/>",
    "<!DOCTYPE rss [<!ENTITY nbsp '&#160;'>]><rss/>",
    "<!DOCTYPE rss PUBLIC '-//Netscape//DTD RSS 0.91//EN' 'http://x/rss.dtd'><rss version='0.91'/>",
    "<atom:feed xmlns:atom='http://www.w3.org/2005/Atom'/>",
    "<rss><channel><title>All about &lt;html&gt;</title>",
    "Warning: x in y.php on line 3 <rss version='2.0'>",  # a blog that shows its errors first
]
PAGES = [
    # document, what it is, words of the message
    (
        "<!DOCTYPE html><html><head><title>Outlet – Home</title></head></html>",
        Content.HTML,
        "titled 'Outlet – Home'",
    ),
    ("<html><body>moved</body></html>", Content.HTML, "Open the URL in a browser"),
    ("\n\n<HTML>", Content.HTML, "web page"),
    (
        "<html><head><link rel='alternate' type='application/rss+xml' href='/rss'></head>",
        Content.HTML,
        "offers feeds",
    ),
    (
        "<!doctype html><title>Just a moment...</title><script src='/cdn/challenge-platform/x'>",
        Content.CHALLENGE,
        "proxy_env",
    ),
    ("<html><title>Access denied</title>", Content.CHALLENGE, "keeps programs out"),
    ("<html><!-- the word rss is in here --><p><rss></p></html>", Content.HTML, ""),
    ("", Content.EMPTY, "without a document"),
    (" \r\n\t\x00\ufeff", Content.EMPTY, ""),
    ("<sitemapindex><sitemap/></sitemapindex>", Content.OTHER, "begins with <sitemapindex>"),
    ("Not found", Content.OTHER, "begins with 'Not found'"),
    ('{"error": "no"}', Content.OTHER, "no JSON Feed"),
    ("[1, 2]", Content.OTHER, "JSON"),
    ("%PDF-1.7", Content.OTHER, ""),
]


@pytest.mark.parametrize("text", FEEDS)
def test_feeds(text):
    found = sniff(text, {"content-type": "text/html"})  # half of all feeds are served under another type
    assert (found.content, found.message) == (Content.FEED, "")
    found.require_feed()


@pytest.mark.parametrize(
    "text",
    [
        '{"version": "https://jsonfeed.org/version/1.1", "title": "x", "items": []}',
        '{"version":"https:\\/\\/jsonfeed.org\\/version\\/1","items":[]}',
        '{"title": "x", "items": []}',
    ],
)
def test_json_feeds(text):
    assert sniff(text, {}).content is Content.JSON_FEED


@pytest.mark.parametrize(("text", "content", "words"), PAGES)
def test_other_documents_have_a_message(text, content, words):
    found = sniff(text, {})
    assert found.content is content
    assert words in found.message
    assert found.message.endswith(".")
    with pytest.raises(ParseError) as caught:
        found.require_feed()
    assert caught.value.kind is (ErrorKind.EMPTY if content is Content.EMPTY else ErrorKind.NOT_A_FEED)


@pytest.mark.parametrize(
    "text", ["<!--" * 100_000, "<?" * 100_000, "<!DOCTYPE [" * 50_000, "<link" * 100_000, " " * 10**6]
)
def test_looking_takes_no_time(text):
    import time

    started = time.perf_counter()
    sniff(text, {})
    assert time.perf_counter() - started < 0.5
