"""Every captured document is read with at least as many items as feedparser alone finds.

The captures belong to their publishers and are not part of the repository: without them the tests are
skipped, and say so.
"""

import calendar
import io
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import feedparser
import pytest

from monitor.errors import ParseError
from monitor.feeds.dates import read_date
from monitor.feeds.normalize import normalize
from monitor.feeds.parse import parse
from monitor.models import Feed, IdentityMode

CAPTURES = Path(__file__).parents[3] / "shared" / "data" / "feeds"
NOW = datetime(2031, 1, 1, tzinfo=UTC)
FEED = Feed("outlet", "https://outlet.example/rss")

pytestmark = pytest.mark.skipif(
    not CAPTURES.is_dir(), reason=f"NOT TESTED: there are no captured feeds in {CAPTURES}"
)


def documents(folder="."):
    return sorted(path for path in (CAPTURES / folder).rglob("*") if path.is_file() and path.suffix != ".csv")


def plain(body):
    """Return what feedparser alone finds, without entries that say nothing at all."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        entries = feedparser.parse(io.BytesIO(body)).entries
    said = ("id", "link", "title", "summary", "content")
    return [entry for entry in entries if any(dict.get(entry, name) for name in said)]


def read(path):
    try:
        return parse(path.read_bytes(), {}, FEED.url)
    except ParseError:
        return None


@pytest.mark.parametrize("path", documents(), ids=lambda path: "/".join(path.parts[-2:]))
def test_no_entry_and_no_title_is_lost(path):
    expected = plain(path.read_bytes())
    parsed = read(path)
    found = parsed.entries if parsed else ()
    assert len(found) >= len(expected)
    for entry, other in zip(found, expected, strict=False):
        # feedparser alone sanitizes and resolves; the words are the same.
        assert bool(entry.title) == bool(dict.get(other, "title"))
        assert entry.guid == dict.get(other, "id", "").strip()


def test_items_that_are_merged_are_true_repeats():
    merged = 0
    for path in documents():
        parsed = read(path)
        if parsed is None:
            continue
        items = normalize(FEED, parsed, IdentityMode.GUID, NOW)
        titles = {item.title for item in items}
        merged += len(parsed.entries) - len(items)
        for entry in parsed.entries:
            from monitor.text.clean import visible_text

            title = visible_text(entry.title).replace("\n", " ")
            assert not title or title in titles, f"{path.name}: an entry disappeared"
    assert merged < 100


def test_dates_agree_with_feedparser_where_it_reads_them():
    dates = set()
    for path in documents():
        for entry in plain(path.read_bytes()):
            for name in ("published", "updated"):
                if parsed := dict.get(entry, f"{name}_parsed"):
                    dates.add((dict.get(entry, name), calendar.timegm(parsed)))
    assert dates
    wrong = [
        text
        for text, seconds in dates
        if (moment := read_date(text, NOW)) is None
        or abs(moment - datetime.fromtimestamp(seconds, UTC)) >= timedelta(seconds=1)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "folder",
    sorted(path.name for path in (CAPTURES / "replay").iterdir()) if CAPTURES.is_dir() else [],
)
def test_consecutive_snapshots_recognise_what_they_share(folder):
    """Entries that stand unchanged in the next snapshot are known there, under some name."""
    known: set[str] = set()
    before: set[tuple[str, str]] = set()
    for path in documents(f"replay/{folder}"):
        parsed = read(path)
        if parsed is None:
            continue
        items = normalize(FEED, parsed, IdentityMode.GUID, NOW)
        for item in items:
            if (item.url, item.content_hash) in before:
                assert known & {item.key, *item.aliases}, f"{path.name}: a known item is taken for new"
        known |= {key for item in items for key in (item.key, *item.aliases)}
        before |= {(item.url, item.content_hash) for item in items}
    assert known
