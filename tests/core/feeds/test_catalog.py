"""`rules/feeds.yaml`: what it may say, and how mistakes are shown."""

from datetime import timedelta

import pytest

from monitor.feeds.catalog import KEYS, read_catalog
from monitor.models import Feed, FirstPoll, Tier

WHOLE = """\
version: 1
feeds:
  - id: outlet-world
    url: https://outlet.example/world.xml
    title: Outlet World
    tier: wire
    owner: outlet-group
    country: no
    language: nb-NO
    category: world
    expect_every: 6h
    interval: 90s
    first_poll: all
    user_agent: Reader/1.0
    headers: {Accept-Language: nb, X-Edition: "2"}
    username_env: OUTLET_USER
    password_env: OUTLET_PASSWORD
    proxy_env: OUTLET_PROXY
    enabled: true
"""


def read(text):
    feeds, findings = read_catalog("rules/feeds.yaml", text.encode())
    return feeds, [str(finding) for finding in findings]


def feed_lines(*lines):
    return "feeds:\n  - " + "\n    ".join(lines) + "\n"


def test_every_key():
    feeds, findings = read(WHOLE)
    assert findings == []
    assert feeds == (
        Feed(
            feed_id="outlet-world",
            url="https://outlet.example/world.xml",
            title="Outlet World",
            tier=Tier.WIRE,
            owner="outlet-group",
            country="NO",
            language="nb",
            category="world",
            expect_every=timedelta(hours=6),
            interval=timedelta(seconds=90),
            first_poll=FirstPoll.ALL,
            user_agent="Reader/1.0",
            headers=(("Accept-Language", "nb"), ("X-Edition", "2")),
            username_env="OUTLET_USER",
            password_env="OUTLET_PASSWORD",
            proxy_env="OUTLET_PROXY",
        ),
    )
    assert all(f"{key}:" in WHOLE for key in KEYS)


def test_id_and_url_are_enough():
    feeds, findings = read(feed_lines("id: a", "url: http://feeds.outlet.co.uk/rss"))
    assert findings == []
    assert feeds == (Feed("a", "http://feeds.outlet.co.uk/rss", title="a", owner="outlet.co.uk"),)


def test_a_feed_that_is_not_enabled_is_left_out_but_checked():
    feeds, findings = read(feed_lines("id: a", "url: https://a.example/", "enabled: false", "tier: wires"))
    assert feeds == ()
    assert "unknown-value" in findings[0]


def test_one_bad_feed_leaves_the_others():
    feeds, findings = read(
        "feeds:\n"
        "  - {id: a, url: https://a.example/}\n"
        "  - {id: b, url: gopher://b.example/}\n"
        "  - {id: c, url: https://c.example/}\n"
    )
    assert [feed.feed_id for feed in feeds] == ["a", "c"]
    assert len(findings) == 1


WRONG = [
    # lines of a feed, place and code, words of the message
    (["url: https://a.example/"], "2:5", "missing-key", '"id"'),
    (["id: a"], "2:5", "missing-key", '"url"'),
    (["id: a", "ulr: https://a.example/"], "3:5", "unknown-key", 'did you mean "url"'),
    (["id: a", "url: ''"], "3:10", "missing-value", ""),
    (["id: A B", "url: https://a.example/"], "2:9", "bad-id", 'for example "a-b"'),
    (["id: новости", "url: https://a.example/"], "2:9", "bad-id", "outlet-world"),
    (["id: a", "url: a.example/rss"], "3:10", "unsafe-scheme", 'write "https://a.example/rss"'),
    (["id: a", "url: htps://a.example/"], "3:10", "unsafe-scheme", 'did you mean "https"'),
    (["id: a", "url: 'javascript:alert(1)'"], "3:10", "unsafe-scheme", "http or https"),
    (["id: a", "url: https://"], "3:10", "bad-url", ""),
    (["id: a", "url: 'https://a.example/a b'"], "3:10", "bad-url", ""),
    (["id: a", "url: 'https://[::1'"], "3:10", "bad-url", ""),
    (["id: a", "url: https://me:secret@a.example/"], "3:10", "secret-in-file", "username_env"),
    (["id: a", "url: https://a.example/", "tier: newswire"], "4:11", "unknown-value", "tier"),
    (["id: a", "url: https://a.example/", "country: Germany"], "4:14", "bad-country", '"DE"'),
    (["id: a", "url: https://a.example/", "language: Norwegian"], "4:15", "bad-language", ""),
    (["id: a", "url: https://a.example/", "interval: 5"], "4:15", "not-a-duration", "30m"),
    (["id: a", "url: https://a.example/", "expect_every: daily"], "4:19", "not-a-duration", ""),
    (["id: a", "url: https://a.example/", "first_poll: everything"], "4:17", "unknown-value", "baseline"),
    (["id: a", "url: https://a.example/", "enabled: no"], "4:14", "not-a-boolean", "false"),
    (["id: a", "url: https://a.example/", "password_env: pass word!"], "4:19", "bad-name", "not its value"),
    (["id: a", "url: https://a.example/", 'user_agent: "a\\nX: b"'], "4:17", "bad-text", "one line"),
    (["id: a", "url: https://a.example/", 'headers: {X: "a\\nb"}'], "4:15", "bad-header", ""),
    (["id: a", "url: https://a.example/", "headers: {Host: b}"], "4:15", "bad-header", "itself"),
    (["id: a", "url: https://a.example/", "headers: {A B: b}"], "4:15", "bad-header", ""),
    (["id: a", "url: https://a.example/", "headers: [a]"], "4:14", "not-a-mapping", ""),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "place", "code", "words"), WRONG)
def test_mistakes_point_to_their_place(lines, place, code, words):
    feeds, findings = read(feed_lines(*lines))
    assert feeds == ()
    assert findings[0].startswith(f"rules/feeds.yaml:{place}: error[{code}]"), findings
    assert words in findings[0]


def test_duplicates():
    feeds, findings = read(
        "feeds:\n"
        "  - {id: a, url: https://a.example/rss}\n"
        "  - {id: a, url: https://b.example/rss}\n"
        "  - {id: c, url: http://www.a.example/rss/}\n"
    )
    assert [feed.feed_id for feed in feeds] == ["a"]
    assert 'error[duplicate-id]: the id "a" is taken by the feed in line 2' in findings[0]
    assert 'error[duplicate-url]: the feed "a" has the same URL' in findings[1]


def test_a_secret_in_a_header_is_a_warning():
    feeds, findings = read(feed_lines("id: a", "url: https://a.example/", "headers: {Cookie: x=1}"))
    assert len(feeds) == 1
    assert "warning[secret-in-file]" in findings[0]


@pytest.mark.parametrize("text", ["", "feeds:\n", "feeds: []\n", "[]", "a: b: c", "feeds: {}\n", "\x00"])
def test_nothing_to_read_is_no_crash(text):
    feeds, _ = read(text)
    assert feeds == ()


def test_the_version_is_checked():
    _, findings = read("version: 2\nfeeds: []\n")
    assert "out-of-range" in findings[0]


# --- categories ------------------------------------------------------------------------------------

SWITCHED = """\
categories: {world: true, think-tanks: false}
feeds:
  - {id: a, url: https://a.example/, category: world}
  - {id: b, url: https://b.example/, category: think-tanks}
  - {id: c, url: https://c.example/, category: think-tanks, enabled: true}
  - {id: d, url: https://d.example/, category: world, enabled: false}
  - {id: e, url: https://e.example/, category: africa}
  - {id: f, url: https://f.example/}
"""


def test_a_category_switches_its_feeds_and_a_feed_may_differ():
    """Off goes the category; what a feed says itself is nearer; a category that is not listed is on."""
    feeds, findings = read(SWITCHED)
    assert findings == []
    assert [feed.feed_id for feed in feeds] == ["a", "c", "e", "f"]


def test_feeds_of_a_category_that_is_off_are_checked():
    """A mistake does not wait for the day when somebody switches the category on."""
    text = SWITCHED.replace("https://b.example/", "b.example")
    assert "error[unsafe-scheme]" in read(text)[1][0]
    assert "error[duplicate-id]" in read(SWITCHED.replace("id: b", "id: a"))[1][0]


@pytest.mark.parametrize(
    ("switches", "place", "code", "words"),
    [
        ("{wrold: true}", "1:14", "warning[empty-category]", 'did you mean "world"'),
        ("{cooking: true}", "1:14", "warning[empty-category]", "category"),
        ("{world: off}", "1:21", "error[not-a-boolean]", "false"),
        ("[world]", "1:13", "error[not-a-mapping]", "name: value"),
    ],
)
def test_mistakes_in_the_switches(switches, place, code, words):
    _, findings = read(SWITCHED.replace("{world: true, think-tanks: false}", switches))
    assert findings[0].startswith(f"rules/feeds.yaml:{place}: {code}"), findings
    assert words in findings[0]


def test_a_switch_that_cannot_be_read_silences_nothing():
    """A missed alert is worse: the category stays on until the mistake is mended."""
    feeds, _ = read(SWITCHED.replace("think-tanks: false", 'think-tanks: "off"'))
    assert [feed.feed_id for feed in feeds] == ["a", "b", "c", "e", "f"]
