"""The shipped catalogue of feeds: wide, marked honestly, and a sensible start as it is."""

from __future__ import annotations

import csv
import re
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from monitor.feeds.catalog import read_catalog
from monitor.feeds.edit import add_feeds
from monitor.feeds.opml import read_opml, write_opml
from monitor.models import Feed, Tier
from monitor.shipped import shipped

if TYPE_CHECKING:
    from pathlib import Path

FEWEST_FEEDS = 120
FEWEST_LANGUAGES = 8
# Languages in which the rules have words; in others they know names at most.
WORDED = {"en", "fr", "ru", "uk", "ar", ""}


def text() -> str:
    return (shipped("rules") / "feeds.yaml").read_text("utf-8")


def read(written: str) -> tuple[Feed, ...]:
    """Return the polled feeds of a catalogue without any finding."""
    feeds, findings = read_catalog("rules/feeds.yaml", written.encode())
    assert [str(finding) for finding in findings] == []
    return feeds


def everything() -> tuple[Feed, ...]:
    """Return the feeds with every category switched on."""
    head, feeds = text().split("\nfeeds:\n", 1)
    return read(f"{head.replace(': false', ': true')}\nfeeds:\n{feeds}")


def test_the_catalogue_is_wide() -> None:
    feeds = everything()
    languages = Counter(feed.language for feed in feeds if feed.language)
    assert len(feeds) >= FEWEST_FEEDS
    assert len(languages) >= FEWEST_LANGUAGES, languages
    assert {feed.tier for feed in feeds} >= set(Tier) - {Tier.LOCAL, Tier.SOCIAL}
    assert len({feed.owner for feed in feeds}) >= FEWEST_FEEDS / 2


def test_every_feed_says_who_it_is() -> None:
    """Owner, tier, category and title are written; so is the country, unless it belongs to several."""
    entries = re.split(r"\n  - (?=id: )", text())[1:]
    assert len(entries) == len(everything())
    for entry in entries:
        lines = {line.strip().partition(":")[0] for line in entry.splitlines()}
        assert lines >= {"url", "title", "tier", "owner", "category"}, entry
    international = {
        "united-nations", "iaea", "osce", "who", "eu-council", "eu-commission", "eu-external-action",
        "eu-parliament", "nato", "allafrica",
    }  # fmt: skip
    assert {feed.owner for feed in everything() if not feed.country} == international


def test_state_media_are_marked() -> None:
    """An outlet that speaks for a government is never taken for an independent one."""
    for feed in everything():
        if feed.tier is not Tier.AGGREGATOR and feed.category == "state-media":
            assert feed.tier is Tier.STATE_MEDIA, feed.feed_id
    owners = {feed.owner for feed in everything() if feed.tier is Tier.STATE_MEDIA}
    assert owners >= {"tass", "xinhua", "ukrinform", "anadolu", "irna", "rossiya-segodnya"}


def test_what_is_on_at_first_is_what_the_rules_can_read() -> None:
    """A newcomer polls feeds in languages with words in the lists; specialists switch more on."""
    polled, known = read(text()), everything()
    assert 40 <= len(polled) < len(known)
    assert {feed.language for feed in polled} <= WORDED
    assert {feed.tier for feed in polled} >= {Tier.OFFICIAL, Tier.WIRE, Tier.NATIONAL, Tier.STATE_MEDIA}


def test_each_category_is_switched_at_the_top() -> None:
    head = text().split("\nfeeds:\n", 1)[0]
    switches = dict(re.findall(r"^  ([a-z-]+): (true|false) #", head, re.MULTILINE))
    assert set(switches) == {feed.category for feed in everything()}
    assert set(switches.values()) == {"true", "false"}


@pytest.mark.parametrize("category", ["think-tanks", "middle-east"])
def test_a_category_can_be_switched_alone(category: str) -> None:
    """The one line a user edits changes that category and nothing else."""
    before = {feed.feed_id: feed for feed in read(text())}
    edited = re.sub(
        rf"^  {category}: (true|false)",
        lambda found: f"  {category}: {'false' if found[1] == 'true' else 'true'}",
        text(),
        count=1,
        flags=re.MULTILINE,
    )
    after = {feed.feed_id: feed for feed in read(edited)}
    changed = before.keys() ^ after.keys()
    assert changed == {feed.feed_id for feed in everything() if feed.category == category}


def test_the_catalogue_goes_out_as_opml_and_comes_back() -> None:
    """Its categories are the folders in which a feed reader shows the feeds."""
    feeds = everything()
    written = write_opml(feeds, "Catalogue", datetime(2026, 3, 12, tzinfo=UTC)).encode()
    listed = read_opml(written, "catalogue.opml")
    assert {(one.url, one.title, one.category, one.language) for one in listed} == {
        (feed.url, feed.title, feed.category, feed.language) for feed in feeds
    }
    assert len(re.findall(rb"<outline text=", written)) == len({feed.category for feed in feeds})


def test_a_feed_can_be_added_to_the_catalogue_by_command() -> None:
    """Editing leaves every comment and switch of the shipped file where it is."""
    own = Feed("own-desk", "https://desk.example/rss", title="Desk", owner="desk", category="world")
    edited = add_feeds("feeds.yaml", text().encode(), [own]).decode()
    assert edited.startswith(text().rstrip("\n"))
    assert [feed.feed_id for feed in read(edited)] == [*(feed.feed_id for feed in read(text())), "own-desk"]


def test_every_feed_says_how_well_it_is_known() -> None:
    """Behind each id stands whether the address was seen to work."""
    marks = re.findall(r"^  - id: \S+ # (.+)$", text(), re.MULTILINE)
    assert len(marks) == len(everything())
    known = ("Fresh in February 2026.", "Not checked.", "Answered in February 2026", "Could not be reached")
    assert [mark for mark in marks if not mark.startswith(known)] == []


def test_what_is_called_fresh_was(data: Path) -> None:
    """The comments say of no address more than the health report of 2026 does."""
    with (data / "feeds" / "feed-health-report.csv").open(encoding="utf-8", newline="") as lines:
        seen = {row["URL"]: row for row in csv.DictReader(lines)}
    found = re.findall(r"^  - id: (\S+) # Fresh in February 2026.*\n    url: (\S+)$", text(), re.MULTILINE)
    assert found
    for feed_id, url in found:
        row = seen.get(url)
        assert row, f"{feed_id}: {url} is not in the report"
        assert row["Status"] == "OK", feed_id
        assert row["Newest Date"].startswith("2026-02"), feed_id
