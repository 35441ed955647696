"""Editing feeds.yaml: what is added or removed, and that nothing else changes."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import ConfigurationError
from monitor.feeds.catalog import read_catalog
from monitor.feeds.edit import add_feeds, remove_feeds
from monitor.models import Feed, Tier

FILE = """\
# What we read.
version: 1
feeds: # the list
  # --- wires ---
  - id: one # checked in March
    url: https://one.example/rss
    # about its owner
    owner: one

  # --- others ---
  - {id: two, url: "https://two.example/rss"}  # short form
  - id: three
    url: https://three.example/rss

# the end
"""
NEW = Feed(
    "new-one", "https://new.example/rss?a=1&b=#top", "New: the one", Tier.WIRE, "new.example",
    country="FR", language="fr", category="wires", expect_every=timedelta(hours=36),
)  # fmt: skip


def edited(before, *changes):
    """Return the lines that a change took away and those that it brought."""
    after = before.encode()
    for change in changes:
        after = change(after)
    old, new = before.splitlines(), after.decode().splitlines()
    return [one for one in old if one not in new], [one for one in new if one not in old]


def test_a_feed_is_added_behind_the_last_one():
    gone, come = edited(FILE, lambda data: add_feeds("feeds.yaml", data, [NEW]))
    assert gone == []
    assert come == [
        "  - id: new-one",
        "    url: https://new.example/rss?a=1&b=#top",
        '    title: "New: the one"',
        "    tier: wire",
        "    owner: new.example",
        "    country: FR",
        "    language: fr",
        "    category: wires",
        "    expect_every: 36h",
    ]
    assert add_feeds("f", FILE.encode(), [NEW]).decode().endswith("expect_every: 36h\n\n# the end\n")


@pytest.mark.parametrize(
    ("feed_id", "gone"),
    [
        (
            "one",
            [
                "  - id: one # checked in March", "    url: https://one.example/rss",
                "    # about its owner", "    owner: one",
            ],
        ),
        ("two", ['  - {id: two, url: "https://two.example/rss"}  # short form']),
        ("three", ["  - id: three", "    url: https://three.example/rss"]),
    ],
)  # fmt: skip
def test_a_feed_is_removed_and_comments_around_it_stay(feed_id, gone):
    assert edited(FILE, lambda data: remove_feeds("feeds.yaml", data, [feed_id])) == (gone, [])


def test_adding_and_removing_gives_the_file_back():
    for before in (FILE, FILE.replace("\n", "\r\n"), "\ufeff" + FILE, FILE.rstrip("\n")):
        data = before.encode()
        again = remove_feeds("f", add_feeds("f", data, [NEW]), ["new-one"])
        assert again.rstrip(b"\n") == data.rstrip(b"\n")


@pytest.mark.parametrize(
    "before",
    [
        "", "version: 1\n", "version: 1\nfeeds:\n", "version: 1\nfeeds: []\n", "version: 1\nfeeds: # none\n",
        "version: 1\nfeeds: [ ] # none\n# end\n", "# nothing but this\n", "version: 1\nfeeds: []",
    ],
)  # fmt: skip
def test_the_first_feed(before):
    after = add_feeds("feeds.yaml", before.encode(), [Feed("a", "https://a.example/")])
    feeds, findings = read_catalog("feeds.yaml", after)
    assert ([feed.feed_id for feed in feeds], findings) == (["a"], ())
    empty = remove_feeds("feeds.yaml", after, ["a"])
    assert read_catalog("feeds.yaml", empty)[0] == ()
    assert {line for line in before.splitlines() if line.startswith("#")} <= set(empty.decode().splitlines())
    assert add_feeds("feeds.yaml", empty, [Feed("a", "https://a.example/")])


@pytest.mark.parametrize(
    ("before", "change", "words"),
    [
        (FILE, lambda d: add_feeds("f", d, [Feed("one", "https://x.example/")]), '"one" is taken'),
        (FILE, lambda d: add_feeds("f", d, [Feed("x", "http://www.one.example/rss")]), "has the same URL"),
        (FILE, lambda d: add_feeds("f", d, [Feed("Not An Id", "https://x.example/")]), 'the id "Not An Id"'),
        (FILE, lambda d: remove_feeds("f", d, ["four"]), 'no feed "four"'),
        (
            "feeds: [{id: a, url: 'https://a.example/'}]\n",
            lambda d: remove_feeds("f", d, ["a"]),
            "f:1:9: its feeds",
        ),
        (
            "feeds: [{id: a, url: 'https://a.example/'}]\n",
            lambda d: add_feeds("f", d, [NEW]),
            "f:1:9: its feeds",
        ),
        ("feeds: [\n", lambda d: add_feeds("f", d, [NEW]), "correct it first"),
        ("- a\n", lambda d: add_feeds("f", d, [NEW]), "no feed catalogue"),
    ],
)
def test_what_is_refused(before, change, words):
    with pytest.raises(ConfigurationError, match=words):
        change(before.encode())


def test_mistakes_that_were_there_do_not_hinder():
    broken = FILE.replace("    owner: one\n", "    owner: one\n    colour: red\n")
    assert b"new-one" in add_feeds("f", broken.encode(), [NEW])


TITLES = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co", "Zl", "Zp"]), min_size=1, max_size=60
)


@given(TITLES.map(str.strip).filter(lambda text: text and text.isprintable()))
def test_every_title_is_read_as_it_was_given(title):
    after = add_feeds("f", FILE.encode(), [Feed("new", "https://new.example/", title=title)])
    (feed,) = [one for one in read_catalog("f", after)[0] if one.feed_id == "new"]
    assert feed.title == title
