"""Which feeds a page offers."""

from time import process_time

import pytest

from monitor.feeds.discover import candidates, usual_places

HOME = "https://outlet.example/world/index.html"


def urls(page, url=HOME):
    return [one.url for one in candidates(page, url)]


@pytest.mark.parametrize(
    ("page", "found"),
    [
        (
            '<link rel="alternate" type="application/rss+xml" title="World" href="/rss">',
            ["https://outlet.example/rss"],
        ),
        (
            "<LINK REL='ALTERNATE' TYPE='application/atom+xml' HREF='a.xml'>",
            ["https://outlet.example/world/a.xml"],
        ),
        ("<link rel=alternate type=application/feed+json href=/f.json>", ["https://outlet.example/f.json"]),
        (
            "<base href='https://cdn.example/x/'><link rel='alternate' type='application/rss+xml' href='r'>",
            ["https://cdn.example/x/r"],
        ),
        (  # comments come last, repeats once
            (
                '<link rel="alternate" type="application/rss+xml" href="/comments/feed/">'
                '<link rel="alternate" type="application/rss+xml" href="/feed/">'
                '<link rel="alternate" type="application/rss+xml" href="/feed/">'
            ),
            ["https://outlet.example/feed/", "https://outlet.example/comments/feed/"],
        ),
        (  # other alternates are no feeds
            (
                '<link rel="alternate" hreflang="fr" href="/fr"><link rel="stylesheet" href="/f.css">'
                '<link rel="alternate" type="application/json" href="/api/1"><a href="/rss.xml">RSS</a>'
            ),
            ["https://outlet.example/rss.xml"],
        ),
        (
            '<a href="/about">About</a> <a class=x href="https://feeds.example/rss/world">all</a>',
            ["https://feeds.example/rss/world"],
        ),
        ('<a href="/?feed=rss2">x</a>', ["https://outlet.example/?feed=rss2"]),
        ('<link rel="alternate" type="application/rss+xml" href="javascript:alert(1)">', None),
        ("nothing here", None),
    ],
)
def test_what_is_found(page, found):
    assert urls(page) == (found or [one.url for one in usual_places(HOME)])


def test_titles_are_visible_text():
    title = "World &amp; &lt;b&gt;more&lt;/b&gt;"
    (one,) = candidates(f'<link rel="alternate" type="application/rss+xml" title="{title}" href="/r">', HOME)
    assert one.title == "World & more"
    (one,) = candidates('<a href="/rss/all">All <i>news</i> here</a>', HOME)
    assert (one.title, one.guessed) == ("All news here", False)


def test_usual_places_are_guesses_at_the_root():
    assert [(one.url, one.guessed) for one in usual_places(HOME)][:2] == [
        ("https://outlet.example/feed/", True),
        ("https://outlet.example/rss", True),
    ]


@pytest.mark.parametrize(
    "piece", ["<link ", '<a href="', "<a '", "<base \"'", "=" * 10, '<a href="/rss">', "<link rel=alternate "]
)
def test_hostile_pages_cost_linear_time(piece):
    """A megabyte of it costs less than a second."""
    page = piece * (1_000_000 // len(piece))
    began = process_time()
    candidates(page, HOME)
    assert process_time() - began < 1
