"""Canonical URLs: one article, one address; two articles, two addresses."""

from urllib.parse import urljoin

import pytest
from courlan import normalize_url
from hypothesis import example, given
from hypothesis import strategies as st

from monitor.feeds import urls
from monitor.feeds.urls import absolute_url, canonical_url, is_front_page, url_key

CANONICAL = [
    ("https://news.example/a", "https://news.example/a"),
    ("HTTPS://News.Example/a", "https://news.example/a"),
    ("https://news.example:443/a", "https://news.example/a"),
    ("http://news.example:80/a", "http://news.example/a"),
    ("http://news.example:8080/a", "http://news.example:8080/a"),
    ("https://news.example./a", "https://news.example/a"),
    ("https://user:secret@news.example/a", "https://news.example/a"),
    ("https://news.example", "https://news.example/"),
    ("https://news.example//a//b", "https://news.example/a/b"),
    ("https://news.example/a/", "https://news.example/a/"),
    ("  https://news.example/a\n", "https://news.example/a"),
    ("https://news.example/a?utm_source=rss&utm_medium=feed", "https://news.example/a"),
    ("https://news.example/a?at_medium=RSS&at_campaign=rss&id=7", "https://news.example/a?id=7"),
    ("https://news.example/a?amp;at_campaign=rss&amp;id=7", "https://news.example/a?id=7"),
    ("https://news.example/a?fbclid=x&gclid=y&msclkid=z&mc_cid=1&maca=en-rss", "https://news.example/a"),
    ("https://news.example/a?UTM_Source=rss", "https://news.example/a"),
    ("https://news.example/a?b=2&a=1", "https://news.example/a?a=1&b=2"),
    # article ids that look like tracking to a broad list
    ("https://news.example/story.php?sid=99", "https://news.example/story.php?sid=99"),
    ("https://news.example/story.php?cid=99", "https://news.example/story.php?cid=99"),
    ("https://news.example/story.php?uid=99&source=12", "https://news.example/story.php?source=12&uid=99"),
    ("https://news.example/?12345", "https://news.example/?12345"),
    ("https://news.example/?p=12345", "https://news.example/?p=12345"),
    ("https://news.example/a#live-12", "https://news.example/a#live-12"),
    ("https://news.example/новость", "https://news.example/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D1%8C"),
    ("https://news.example/%d0%bd", "https://news.example/%D0%BD"),
    ("https://news.example/?q=я", "https://news.example/?q=%D1%8F"),
    ("https://xn--e1afmkfd.example/a", "https://пример.example/a"),
]  # fmt: skip
NONE = ["", "news.example/a", "//news.example/a", "javascript:alert(1)", "mailto:a@b.example", "ftp://a.example/",
        "data:text/html,x", "https://", "https:///a", "http://[::1", "http://a.example:port/", "tag:a,2025:1",
        "https://a.example/" + "x" * 5000]  # fmt: skip


@pytest.mark.parametrize(("link", "expected"), CANONICAL)
def test_canonical(link, expected):
    assert canonical_url(link) == expected
    assert canonical_url(expected) == expected


@pytest.mark.parametrize("link", NONE)
def test_what_is_no_web_address(link):
    assert canonical_url(link) == ""
    assert url_key(link) == ""


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("a", "https://news.example/world/a"),
        ("/a", "https://news.example/a"),
        ("//other.example/a", "https://other.example/a"),
        ("?id=1", "https://news.example/world/feed?id=1"),
        ("../a", "https://news.example/a"),
        ("", ""),  # not the feed's own address
        ("  ", ""),
    ],
)
def test_relative_links_are_resolved(link, expected):
    assert absolute_url(link, "https://news.example/world/feed") == expected


@pytest.mark.parametrize(
    "other",
    [
        "http://news.example/a",
        "https://www.news.example/a/",
        "https://news.example/a?utm_source=x",
        "HTTP://WWW.NEWS.EXAMPLE/a",
    ],
)
def test_one_key_for_one_article(other):
    assert url_key(other) == url_key("https://news.example/a") == "news.example/a"


@pytest.mark.parametrize(
    "other",
    [
        "https://news.example/b",
        "https://news.example/a?id=2",
        "https://m.news.example/a",
        "https://news.example/A",
    ],
)
def test_other_articles_have_other_keys(other):
    assert url_key(other) != url_key("https://news.example/a")


@pytest.mark.parametrize(
    ("link", "front"),
    [
        ("https://a.example", True),
        ("https://a.example/", True),
        ("https://a.example/?id=1", False),
        ("https://a.example/x", False),
    ],
)
def test_front_pages(link, front):
    assert is_front_page(link) is front


URLS = st.builds(
    "{}://{}{}{}{}".format,
    st.sampled_from(["http", "https", "HTTP"]),
    st.sampled_from(
        [
            "a.example",
            "www.a.example",
            "A.Example:80",
            "b.example:8443",
            "пример.example",
            "xn--e1afmkfd.example",
        ]
    ),
    st.text("abc/%.~+;@()é0123456789", max_size=20).map(lambda text: "/" + text),
    st.text("abc=&?%+utm_ id0123456789я", max_size=30).map(lambda text: f"?{text}" if text else ""),
    st.text("abc=&%#xé", max_size=10).map(lambda text: f"#{text}" if text else ""),
)


@given(URLS)
@example("https://a.example/%2525")
@example("https://a.example/a?amp;amp;b=1")
def test_canonical_is_idempotent(link):
    once = canonical_url(link)
    assert canonical_url(once) == once
    assert url_key(once) == url_key(link)


@given(st.text(max_size=60))
def test_no_text_is_a_crash(link):
    once = canonical_url(link)
    assert canonical_url(once) == once


@given(
    st.from_regex(urls._CANONICAL, fullmatch=True),
    st.sampled_from(["", "https://outlet.example/rss", "http://other.example/a/b?c#d"]),
)
def test_what_is_taken_as_it_stands_is_what_normalizing_gives(link, base):
    assert normalize_url(urljoin(base, link)) == link
    assert canonical_url(link, base) == link


@pytest.mark.parametrize(
    "link",
    ["https://a.example/x/../y", "https://a.example//x", "https://A.example/x", "https://a.example:443/x",
     "https://a.example/x.", "https://a.example/x?utm_source=a", "https://a.example/%7Ex", "https://a.example/x#y",
     "https://xn--e1afmkfd.example/x", "https://a.xn--p1ai/x", "https://a.example/x\n", "https://a.example"],
)  # fmt: skip
def test_all_else_is_normalized(link):
    assert not urls._CANONICAL.fullmatch(link)
