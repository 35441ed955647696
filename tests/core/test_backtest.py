"""Backtests: reading archives, figures, charts, the replay of alerts, and what differs between two trees."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.backtest import chart, compare
from monitor.backtest.archive import Archive
from monitor.backtest.books import read_trial, sendable
from monitor.backtest.items import Lines, stored_items
from monitor.backtest.parallel import Plan, evaluate
from monitor.backtest.replay import replay
from monitor.backtest.report import figures_dict, recipients_dict
from monitor.backtest.run import Hit, Tally, figures, recipient_figures, spread
from monitor.errors import ConfigurationError, RulesUnreadableError
from monitor.models import Match, Severity
from tests.factories import T0, after, make_feed, make_feed_state, make_item

NOW = after(days=30)

FEEDS = """\
feeds:
  - {id: harbour-times, url: "https://harbour.example/feed.xml", title: Harbour Times, tier: wire}
  - {id: state-organ, url: "https://organ.example/rss", title: State Organ, tier: state_media}
"""
ROUTES = """\
recipients:
  - {id: desk, email: {to: [desk@example.org]}, timezone: UTC, digest: ["17:30"]}
  - {id: night, email: {to: [n@example.org]}, webhook: {url_env: HOOK}, timezone: UTC, quiet: ["20:00-06:00"]}
routes:
  - {match: {severity: ">=high"}, to: [desk, night]}
  - {default: true, to: [desk], as: digest}
"""
LISTS = """\
lists:
  envoys:
    kind: person
    entries:
      - {name: Early Envoy, match: [Aldermann], valid: {until: 2026-03-12}}
      - {name: Later Envoy, match: [Brandauer], valid: {from: 2026-03-13}}
  places:
    kind: place
    entries: [{name: Vienna, match: [Vienna]}]
"""
RULES = """\
version: 1
defaults: {owner: desk, topic: talks}
rules:
  - id: envoy-arrives
    title: An envoy arrives
    severity: high
    when: {near: [$envoys, [arrives, lands]], within: sentence}
    must_match: [{title: "Aldermann arrives", published: 2026-03-01}]
    must_not_match: ["Nobody arrives"]
  - id: talks-held
    title: Talks are held
    severity: low
    when: {any: ["hold talks"]}
    must_match: ["Ministers hold talks"]
    must_not_match: ["Ministers dine"]
  - id: drafted
    title: A draft
    severity: high
    status: draft
    when: {any: [ferry]}
"""
FILES = {
    "feeds.yaml": FEEDS.encode(),
    "routes.yaml": ROUTES.encode(),
    "lists/names.yaml": LISTS.encode(),
    "talks/talks.yaml": RULES.encode(),
}


def changed(path: str, old: str, new: str) -> dict[str, bytes]:
    assert old.encode() in FILES[path]
    return {**FILES, path: FILES[path].replace(old.encode(), new.encode())}


def lines(*values, feeds=None) -> list:
    """Read lines given as dicts, text or bytes."""
    written = [
        v if isinstance(v, bytes) else (v if isinstance(v, str) else json.dumps(v)).encode() for v in values
    ]
    return list(Lines(feeds or read_trial(FILES).feeds, NOW).read(written))


def evaluated(book, items):
    plan = Plan((sendable(book.tree, book.tree.rules),), (dict(book.feeds),))
    return compare.hits_of(evaluate(items, plan))


# --- reading archives -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        # One spelling: a JSON Lines archive with `summary`, `link`, `published`.
        (
            {"id": "a", "title": "T &amp; U", "summary": "<p>One</p>two", "link": "https://x.example/?a=1&amp;b=2",
             "published": "2026-03-12 09:00:00+00:00", "source": "https://harbour.example/feed.xml",
             "lang": "en-US"},
            {"title": "T & U", "summary": "One\ntwo", "url": "https://x.example/?a=1&b=2", "published_at": T0,
             "first_seen_at": T0, "feed_id": "harbour-times", "language": "en"},
        ),
        # The other: what a collector wrote, with RFC 3339 and its own time of collection.
        (
            {"id": "b", "title": "T", "description": "D", "link": "https://x.example/",
             "source": "Harbour Times", "pubDate": "2026-03-12T09:00:00.000Z",
             "collectedAt": "2026-03-12T11:00:00Z"},
            {"summary": "D", "published_at": T0, "first_seen_at": after(hours=2), "feed_id": "harbour-times"},
        ),
        # A date as RSS has it, a source nobody configured, `url` and `feed`.
        (
            {"title": "T", "url": "https://x.example/1", "published": "Thu, 12 Mar 2026 10:00:00 +0100",
             "feed": "Ox"},
            {"published_at": T0, "feed_id": "Ox", "language": "und", "key": "https://x.example/1"},
        ),
        # A date in the future is no date; neither is an impossible one.
        (
            {"id": "c", "title": "T", "published": "2031-01-01T00:00:00Z"},
            {"published_at": None, "first_seen_at": NOW},
        ),
        ({"id": "d", "title": "T", "published": "2026-02-31T00:00:00Z"}, {"published_at": None}),
        # Nulls are nothing.
        ({"id": 7, "title": None, "content": "C", "summary": None}, {"title": "", "key": "7"}),
    ],
)  # fmt: skip
def test_both_spellings_are_read(line, fields):
    [(number, item)] = lines(line)
    assert number == 1
    assert {name: getattr(item, name) for name in fields} == fields


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        (b"\xff", "not JSON"),
        ("[1]", "expected an object with a title, got list"),
        ('{"title": 3}', '"title" is no text'),
        ('{"title": "T", "pubDate": 20260312}', '"pubDate" is no text'),
        ('{"id": "a"}', "there is no text"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_wrong_line_is_told_by_number_and_passed_over(line, said):
    first, wrong, last = lines({"id": "a", "title": "T"}, line, "  ", {"id": "b", "title": "T"})
    assert (first[0], wrong[0], last[0]) == (1, 2, 4)
    assert said in wrong[1]


def test_an_item_that_comes_again_counts_once():
    reader = Lines({}, NOW)
    assert len(list(reader.read([b'{"id": "a", "title": "T"}', b'{"id": "a", "title": "T2"}']))) == 1
    assert list(reader.read([b'{"id": "a", "title": "T"}'])) == []  # in the next file, too
    assert reader.repeated == 2


def test_an_item_without_a_date_takes_that_of_the_line_before():
    (_, _), (_, second) = lines({"title": "A", "published": "2026-03-12T09:00:00Z"}, {"title": "B"})
    assert (second.published_at, second.first_seen_at) == (None, T0)


def test_a_feeds_first_poll_counts_as_seen_when_published():
    states = [make_feed_state(baselined_at=T0)]
    old = make_item("old", published_at=after(days=-5), first_seen_at=T0)
    new = make_item("new", published_at=after(hours=1), first_seen_at=after(hours=2))
    older = make_item("older", published_at=after(days=-50), first_seen_at=T0)
    found = stored_items([new, old, older], states, after(days=-30))
    assert [item.item_id for item in found] == [old.item_id, new.item_id]
    assert [item.first_seen_at for item in found] == [after(days=-5), after(hours=2)]


@pytest.mark.parametrize("packed", [False, True])
def test_an_archive_is_recognised_by_its_content(tmp_path, packed):
    data = b'{"a": 1}\n{"b": 2}'
    path = tmp_path / "items"
    path.write_bytes(gzip.compress(data) if packed else data)
    archive = Archive(path)
    assert list(archive.lines()) == [b'{"a": 1}\n', b'{"b": 2}']
    assert archive.done() == archive.size


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: data[: len(data) // 2], "ends in the middle"),
        (lambda data: data[:-4], "ends in the middle"),
        (lambda data: data[:400] + bytes([data[400] ^ 0xFF]) * 40 + data[440:], "is damaged"),
        (lambda data: data[:4], "ends in the middle"),
    ],
)
def test_a_damaged_archive_is_told(tmp_path, damage, said):
    whole = gzip.compress(
        b"".join(b'{"id": %d, "title": "%x"}\n' % (n, n * 7919 % 10007) for n in range(3000))
    )
    path = tmp_path / "items.jsonl.gz"
    path.write_bytes(damage(whole))
    with pytest.raises(ConfigurationError, match=said) as caught:
        list(Archive(path).lines())
    assert str(path) in str(caught.value)
    assert "after line" in str(caught.value)


def test_a_missing_archive_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="nothing here: cannot be read: No such file"):
        Archive(tmp_path / "nothing here")


# --- books ----------------------------------------------------------------------------------------


def test_only_what_the_daemon_evaluates_is_tried():
    assert [rule.rule_id for rule in read_trial(FILES).tree.rules] == ["envoy-arrives", "talks-held"]


def test_one_rule_may_be_a_draft_and_is_tried_as_if_live():
    book = read_trial(FILES, only="drafted")
    assert [hit.match.rule_id for hit in evaluated(book, [make_item(title="A ferry sinks")])] == ["drafted"]
    assert not book.rules["drafted"].shadow


def test_an_unknown_rule_is_told_with_a_suggestion():
    with pytest.raises(ConfigurationError, match='did you mean "talks-held"'):
        read_trial(FILES, only="talk-held")


def test_a_rule_with_errors_is_not_called_unknown():
    with pytest.raises(RulesUnreadableError, match="has errors"):
        read_trial(changed("talks/talks.yaml", "$envoys", "$nobody"), only="envoy-arrives")


def test_a_tree_without_feeds_and_routes_can_be_tried():
    book = read_trial({path: FILES[path] for path in ("lists/names.yaml", "talks/talks.yaml")})
    assert (book.errors, len(book.tree.rules), dict(book.feeds)) == ((), 2, {})


# --- evaluation -----------------------------------------------------------------------------------


def test_valid_dates_follow_the_items_own_time():
    items = [
        make_item(name, title=f"{name} arrives", published_at=at, first_seen_at=at)
        for name in ("Aldermann", "Brandauer")
        for at in (T0, after(days=1))
    ]
    hits = evaluated(read_trial(FILES), [replace(item, item_id=str(n)) for n, item in enumerate(items)])
    assert [hit.item.item_id for hit in hits] == ["0", "3"]


def test_figures_are_summed_up_and_their_json_is_stable():
    book = read_trial(FILES)
    items = [
        make_item(f"i{n}", title=title, first_seen_at=after(days=day), published_at=after(days=day))
        for n, (title, day) in enumerate(
            [
                ("Aldermann lands", 0),
                ("Ministers hold talks on fish", 2),
                ("Cats", 2),
                ("Envoys hold talks", 3),
            ]
        )
    ]
    tally = Tally()
    hits = evaluated(book, tally.passing(items))
    stories = {hit.item.item_id: hit.item.item_id for hit in hits}
    result = figures(tally, hits, ["envoy-arrives", "talks-held"], stories, (), ["desk"], 1)
    day = [str((T0 + timedelta(days=n)).date()) for n in range(4)]
    shown = figures_dict(result)
    samples = [rule.pop("samples") for rule in shown["rules"]]
    assert shown == {
        "from": day[0], "until": day[3], "days": 4, "items": 4, "items_hit": 3, "hits": 3, "per_1000": 750.0,
        "stories": 3, "per_day": {day[0]: 1, day[2]: 1, day[3]: 1},
        "rules": [
            {"rule": "talks-held", "hits": 2, "per_1000": 500.0, "stories": 2,
             "per_day": {day[2]: 1, day[3]: 1}, "terms": [{"entry": "hold talks", "hits": 2, "share": 1.0}]},
            {"rule": "envoy-arrives", "hits": 1, "per_1000": 250.0, "stories": 1, "per_day": {day[0]: 1},
             "terms": [{"entry": "envoys: Early Envoy", "hits": 1, "share": 1.0},
                       {"entry": "lands", "hits": 1, "share": 1.0}]},
        ],
        "recipients": [{"recipient": "desk", "now": 0, "digests": 0, "digest_entries": 0, "a_day": 0.0,
                        "busiest": None, "per_day": {}}],
    }  # fmt: skip
    assert [[hit["title"] for hit in found] for found in samples] == [
        ["Envoys hold talks"],
        ["Aldermann lands"],
    ]
    again = figures(tally, hits[::-1], ["envoy-arrives", "talks-held"], stories, (), ["desk"], 1)
    assert json.dumps(figures_dict(again)) == json.dumps(figures_dict(result))


def hit_of(name: str, at: datetime = T0) -> Hit:
    return Hit(make_item(name, first_seen_at=at, published_at=at), Match("r", "v", Severity.HIGH, ()))


@given(st.lists(st.integers(0, 9), max_size=40), st.integers(0, 12))
def test_samples_are_few_different_and_in_order(story_numbers, count):
    hits = [hit_of(f"i{n}") for n in range(len(story_numbers))]
    stories = {hit.item.item_id: str(story) for hit, story in zip(hits, story_numbers, strict=True)}
    chosen = spread(hits, count, stories)
    places = [hits.index(hit) for hit in chosen]
    assert len(chosen) == min(count, len(set(story_numbers)))
    assert places == sorted(set(places))
    assert len({stories[hit.item.item_id] for hit in chosen}) == len(chosen)


# --- charts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "first", "count"),
    [
        (1, "2026-01-01", 1),
        (45, "2026-01-01", 45),
        (60, "2026-W01", 9),
        (400, "2026-01", 14),
        (3000, "2026", 9),
    ],
)
def test_a_long_period_is_shown_in_longer_steps(days, first, count):
    start = date(2026, 1, 1)
    period = [start + timedelta(days=n) for n in range(days)]
    found = chart.rows(period, {start: 2, period[-1]: 1})
    assert (found[0][0], len(found)) == (first, count)
    assert sum(number for _, number in found) == (3 if days > 1 else 1)


@given(st.lists(st.integers(0, 10**6), max_size=80), st.integers(1, 40))
def test_bars_and_sparklines_fit_and_show_all_that_is_there(counts, width):
    most = max(counts, default=0)
    for count in counts:
        drawn = chart.bar(count, most, width)
        assert len(drawn) <= width
        assert bool(drawn) == (count > 0)
    drawn = chart.sparkline(counts, width)
    assert len(drawn) <= width
    assert bool(drawn.strip()) == any(counts)


def test_a_bar_has_eighths():
    assert [chart.bar(n, 16, 2) for n in (16, 9, 8, 1, 0)] == ["██", "█▏", "█", "▏", ""]
    assert chart.sparkline([0, 1, 4, 8], 10) == " ▁▄█"


# --- replay ---------------------------------------------------------------------------------------


async def heard_of(book, *items):
    hits = evaluated(book, items)
    replayed = await replay(hits, book)
    ids = [recipient.recipient_id for recipient in book.routing.recipients]
    return replayed, {one.recipient_id: one for one in recipient_figures(replayed.heard, ids)}


def report(name, title, **when):
    at = after(**when)
    return make_item(name, feed_id=name, title=title, published_at=at, first_seen_at=at, summary="")


async def test_each_recipient_gets_what_the_routes_say():
    replayed, figures_of = await heard_of(
        read_trial(FILES),
        report("a", "Aldermann arrives for a first round", minutes=0),
        report("b", "Ministers hold talks about herring quotas", minutes=5),
        report("c", "Traders hold talks about wool prices", minutes=9),
    )
    assert len(replayed.stories) == 3
    desk, night = figures_of["desk"], figures_of["night"]
    assert (desk.now, desk.digests, desk.entries) == (1, 1, 2)  # both low ones in one digest at 17:30
    assert (night.now, night.digests) == (1, 0)  # one message, though it leaves over two channels
    assert [one.at.hour for one in replayed.heard if one.digest] == [17]


async def test_what_falls_into_quiet_hours_is_heard_in_the_morning():
    replayed, _ = await heard_of(read_trial(FILES), report("a", "Aldermann arrives late", hours=12))
    at = {one.recipient_id: one.at for one in replayed.heard}
    assert at["desk"].date() == T0.date()
    assert at["night"] == datetime(2026, 3, 13, 6, tzinfo=UTC)


async def test_reprints_are_one_story_and_a_later_day_another():
    replayed, figures_of = await heard_of(
        read_trial(FILES),
        report("a", "Envoy Aldermann arrives for the peace conference", minutes=0),
        report("b", "Envoy Aldermann arrives for the peace conference", minutes=1),
        report("c", "Envoy Brandauer arrives for the peace conference", days=9),
    )
    assert len(set(replayed.stories.values())) == 2
    assert figures_of["desk"].per_day == {T0.date(): 1, after(days=9).date(): 1}


async def test_nothing_happens_without_hits():
    replayed = await replay((), read_trial(FILES))
    assert (replayed.stories, replayed.alerts, replayed.heard) == ({}, 0, ())


async def test_the_order_of_the_hits_does_not_matter():
    book = read_trial(FILES)
    hits = evaluated(
        book,
        [report(f"n{n}", f"Ministers hold talks in town {n % 7}", hours=n * 5 % 60) for n in range(40)],
    )
    assert await replay(hits, book) == await replay(hits[::-1], book)


# --- comparing ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "old", "new", "expected"),
    [
        # Nothing that could change a match.
        ("talks/talks.yaml", "Nobody arrives", "Nobody leaves", []),
        ("talks/talks.yaml", "version: 1", "# moved\nversion: 1", []),
        ("talks/talks.yaml", "severity: low", "severity: medium", [("talks-held", "changed", ("severity",))]),
        ("talks/talks.yaml", '"hold talks"', "talks", [("talks-held", "changed", ("when",))]),
        ("lists/names.yaml", "[Aldermann]", "[Ald]", [("envoy-arrives", "changed", ("$envoys",))]),
        ("lists/names.yaml", "[Vienna]", "[Vienna, Wien]", []),  # a list that no rule uses
        (
            "talks/talks.yaml", "talks-held", "talks-begun",
            [("talks-begun", "added", ()), ("talks-held", "removed", ())],
        ),
        (
            "talks/talks.yaml", "id: talks-held", "id: talks-begun\n    formerly: [talks-held]",
            [("talks-begun", "changed", ("id", "formerly"))],
        ),
        ("talks/talks.yaml", "$envoys", "$nobody", [("envoy-arrives", "removed", ("it has errors now",))]),
        ("talks/talks.yaml", "status: draft", "status: live", [("drafted", "added", ())]),
    ],
)  # fmt: skip
def test_what_changed_is_named(path, old, new, expected):
    if "status: live" in new:  # a live rule needs its tests
        new += '\n    must_match: ["A ferry"]\n    must_not_match: ["A barge"]'
    found = compare.changed_rules(read_trial(FILES), read_trial(changed(path, old, new)))
    assert [(one.rule_id, one.change, one.what) for one in found] == expected


def compared(files, items, samples=2):
    before, now = read_trial(FILES), read_trial(files)
    again = compare.to_evaluate(before, now)
    plan = Plan(
        (sendable(now.tree, now.tree.rules), sendable(before.tree, again)),
        (dict(now.feeds), dict(before.feeds)),
    )
    found = evaluate(items, plan)
    was = compare.earlier_hits(found, before, again)
    assert {(h.item.item_id, h.match.rule_id) for h in was} == {
        (h.item.item_id, h.match.rule_id) for h in evaluated(before, items)
    }
    return again, compare.differences(was, compare.hits_of(found), (before, now), samples)


ITEMS = [
    make_item(f"i{n}", title=title, feed_id=feed_id)
    for n, (title, feed_id) in enumerate(
        [
            ("Aldermann lands", "state-organ"),
            ("Peace talks", "x"),
            ("Ministers hold talks", "x"),
            ("Cats", "x"),
        ]
    )
]


def test_hits_gained_are_told_and_unchanged_rules_are_not_evaluated_twice():
    again, found = compared(changed("talks/talks.yaml", '"hold talks"', "talks"), ITEMS)
    assert [rule.rule_id for rule in again] == ["talks-held"]
    [one] = found
    assert (one.rule_id, one.before, one.now, one.gained, one.lost) == ("talks-held", 1, 2, 1, 0)
    assert [hit.item.title for hit in one.samples_gained] == ["Peace talks"]


def test_hits_lost_are_told():
    _, [one] = compared(changed("talks/talks.yaml", "lands]", "sails]"), ITEMS)
    assert (one.rule_id, one.gained, one.lost) == ("envoy-arrives", 0, 1)
    assert [hit.item.title for hit in one.samples_lost] == ["Aldermann lands"]


def test_other_feeds_change_hits_without_a_change_of_rules():
    tier = "when: {near: [$envoys"
    only = changed("talks/talks.yaml", tier, f"where: {{not_tier: [wire]}}\n    {tier}")
    before = read_trial(only)
    now = read_trial({**only, "feeds.yaml": FEEDS.replace("state_media", "wire").encode()})
    assert compare.to_evaluate(before, now) == before.tree.rules
    plan = Plan(
        (sendable(now.tree, now.tree.rules), sendable(before.tree, before.tree.rules)),
        (dict(now.feeds), dict(before.feeds)),
    )
    found = evaluate(ITEMS, plan)
    was = compare.earlier_hits(found, before, before.tree.rules)
    [one] = compare.differences(was, compare.hits_of(found), (before, now), 1)
    assert (one.rule_id, one.change, one.lost) == ("envoy-arrives", None, 1)


def test_a_renamed_rule_keeps_its_hits():
    files = changed("talks/talks.yaml", "id: talks-held", "id: talks-begun\n    formerly: [talks-held]")
    _, [one] = compared(files, ITEMS)
    assert (one.rule_id, one.before, one.now, one.gained, one.lost) == ("talks-begun", 1, 1, 0, 0)


def test_only_recipients_whose_messages_change_are_told():
    [same, less] = recipient_figures((), ["same", "less"])
    assert recipients_dict([same, replace(less, now=3)], [same, less]) == [
        {"recipient": "less", "before": {"now": 3, "digests": 0}, "now": {"now": 0, "digests": 0}}
    ]


def test_a_feed_is_found_by_id_address_or_title():
    feeds = {"gazette": make_feed("gazette", title="The Gazette"), "the gazette": make_feed("the gazette")}
    named = ["gazette", "http://www.gazette.example/feed.xml/", "The Gazette", "the GAZETTE", "Other"]
    found = lines(*({"id": n, "title": "T", "source": name} for n, name in enumerate(named)), feeds=feeds)
    assert [item.feed_id for _, item in found] == [
        "gazette",
        "gazette",
        "the gazette",
        "the gazette",
        "Other",
    ]
