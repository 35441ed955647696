"""The recorded news day: invented outlets, their items, and each outlet's feed as it stood at a moment.

The data lies in `newsday/*.yaml`, one file an outlet. Every text is written for this project; the
outlets are invented and live under `.example` (RFC 2606). The labels `development` and `trap` serve
tests and never appear in a feed. Nothing here opens a socket or reads a clock.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from monitor.demo import documents
from monitor.errors import ConfigurationError
from monitor.models import Tier

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

DAY_BEGINS: Final = timedelta(hours=7)  # the moment that is replayed at `day_start`
DAY_ENDS: Final = timedelta(hours=20)  # every item and edit lies before it
ITEMS_PER_DOCUMENT: Final = 30  # a feed shows its newest items, like most publishers' feeds

_OUTLET_KEYS: Final = frozenset(
    {
        "id",
        "title",
        "description",
        "tier",
        "owner",
        "country",
        "language",
        "format",
        "site",
        "path",
        "links",
        "guids",
        "expect_every",
    }
)
_ITEM_KEYS: Final = frozenset(
    {
        "id",
        "at",
        "path",
        "title",
        "summary",
        "content",
        "author",
        "categories",
        "edits",
        "copy_of",
        "tracking",
        "development",
        "trap",
    }
)
_EDIT_KEYS: Final = frozenset({"at", "title", "summary"})


class FeedFormat(StrEnum):
    """The document formats that the outlets publish in."""

    RSS2 = "rss2"  # RSS 2.0 with the content and Dublin Core modules
    RSS1 = "rss1"  # RSS 1.0 (RDF) with the same modules
    ATOM = "atom"  # RFC 4287
    JSON = "json"  # JSON Feed 1.1


class GuidStyle(StrEnum):
    """How an outlet names its items."""

    TAG = "tag"  # tag URI, RFC 4151
    PERMALINK = "permalink"  # the item's link
    OPAQUE = "opaque"  # the item's id, as content systems write it


@dataclass(frozen=True, slots=True)
class Outlet:
    """One invented publisher and its feed."""

    outlet_id: str  # also the feed's id in the catalogue, a-z0-9-
    title: str
    description: str
    tier: Tier
    owner: str  # the unit of independence
    country: str  # ISO 3166-1 alpha-2
    language: str  # BCP 47 primary tag
    format: FeedFormat
    site: str  # "https://name.example", without a final slash
    path: str  # of the feed document, begins with a slash
    links: str  # pattern of the items' paths, with {id}
    guids: GuidStyle
    expect_every: timedelta


@dataclass(frozen=True, slots=True)
class Edit:
    """A later text of an item that keeps its guid; "" = that part stays as it was."""

    at: timedelta  # since midnight
    title: str = ""
    summary: str = ""


@dataclass(frozen=True, slots=True)
class NewsItem:
    """One item as its outlet published it."""

    item_id: str  # unique over all outlets
    outlet_id: str
    at: timedelta  # since midnight
    guid: str  # unique within the outlet
    link: str
    title: str  # plain text
    summary: str  # plain text
    content: str = ""  # HTML fragment
    author: str = ""
    categories: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()  # in order of time
    copy_of: str = ""  # id of the item whose words these are
    development: str = ""  # label for tests: what it reports; "" = none of the day's developments
    trap: str = ""  # label for tests: why a careless rule would fire


@dataclass(frozen=True, slots=True)
class Shown:
    """An item with its texts and dates as they stand in one document."""

    item: NewsItem
    title: str
    summary: str
    published_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class NewsDay:
    """One recorded day: who publishes, and what came when."""

    outlets: tuple[Outlet, ...]  # in order of id
    items: tuple[NewsItem, ...]  # in order of time, then outlet

    def outlet(self, outlet_id: str) -> Outlet:
        """Return the outlet called `outlet_id`; KeyError when the day has none of that name."""
        for outlet in self.outlets:
            if outlet.outlet_id == outlet_id:
                return outlet
        raise KeyError(outlet_id)

    def document(
        self, outlet_id: str, *, moment: timedelta, day_start: datetime, speed: float
    ) -> tuple[str, bytes]:
        """Return (media type, UTF-8 body) of an outlet's feed as it stood at `moment`.

        `moment` is the recorded time since midnight. Dates are replayed: what was recorded at `at`
        is dated `day_start + (at - 07:00) / speed`, so that with `moment` moving from 07:00 on at
        `speed` recorded seconds a second every date lies just in the past. The same arguments give
        the same bytes. Raises KeyError for an unknown outlet, ValueError for a naive `day_start`
        or a speed that is not positive.
        """
        if day_start.tzinfo is None:
            raise ValueError("day_start must be an aware datetime")
        if not speed > 0:
            raise ValueError(f"speed must be positive, got {speed!r}")
        outlet = self.outlet(outlet_id)

        def real(at: timedelta) -> datetime:
            return (day_start + (at - DAY_BEGINS) / speed).astimezone(UTC)

        seen = [item for item in self.items if item.outlet_id == outlet_id and item.at <= moment]
        shown = [_as_it_stood(item, moment, real) for item in reversed(seen)][:ITEMS_PER_DOCUMENT]
        built_at = max((one.updated_at for one in shown), default=day_start.astimezone(UTC))
        media_type, render = _FORMATS[outlet.format]
        return media_type, render(outlet, shown, built_at).encode("utf-8")

    def feeds_yaml(self, base_url: str) -> str:
        """Return the feed catalogue of the day, as `rules/feeds.yaml` is written.

        `base_url` is where the documents are served; each outlet's id and `path` are appended, as
        one server stands for many sites. The first poll's items all count as new and each feed is
        polled every two seconds.
        """
        return "feeds:\n" + "".join(_catalogue_entry(outlet, base_url) for outlet in self.outlets)


@cache
def load() -> NewsDay:
    """Read the recorded day that is shipped with the package; ConfigurationError when it is damaged."""
    folder = resources.files(__package__) / "newsday"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".yaml")), key=lambda f: f.name)
    return read_day({file.name: file.read_text(encoding="utf-8") for file in files})


def read_day(files: Mapping[str, str]) -> NewsDay:
    """Make a day of YAML texts by file name; ConfigurationError names the file and the item at fault."""
    outlets: list[Outlet] = []
    written: list[tuple[str, Outlet, Mapping[str, Any]]] = []
    for name, text in files.items():
        try:
            data = YAML(typ="safe", pure=True).load(text)
            outlet = _outlet(data["outlet"])
            written.extend((name, outlet, row) for row in data["items"])
        except (YAMLError, KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(f"news day file {name} cannot be read: {error!r}") from error
        outlets.append(outlet)
    items: dict[str, NewsItem] = {}
    # Originals first: a copy takes its words from the item that it copies.
    for name, outlet, row in sorted(written, key=lambda each: "copy_of" in each[2]):
        try:
            item = _item(outlet, row, items)
        except (KeyError, TypeError, ValueError) as error:
            where = f"{name}, item {row.get('id', '?')}"
            raise ConfigurationError(f"news day file {where}, cannot be read: {error!r}") from error
        if item.item_id in items:
            raise ConfigurationError(f"news day file {name}: item id {item.item_id} is used twice")
        items[item.item_id] = item
    outlets.sort(key=lambda outlet: outlet.outlet_id)
    in_order = sorted(items.values(), key=lambda item: (item.at, item.outlet_id, item.item_id))
    return NewsDay(tuple(outlets), tuple(in_order))


# --- reading -------------------------------------------------------------------------------------


def _known_keys(row: Mapping[str, Any], known: frozenset[str]) -> None:
    if unknown := set(row) - known:
        raise ValueError(f"unknown key {min(unknown)!r}")


def _clock(text: str) -> timedelta:
    """Return the time since midnight of "HH:MM"."""
    hours, minutes = text.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes))


def _outlet(row: Mapping[str, Any]) -> Outlet:
    _known_keys(row, _OUTLET_KEYS)
    return Outlet(
        outlet_id=row["id"],
        title=row["title"],
        description=row["description"],
        tier=Tier(row["tier"]),
        owner=row["owner"],
        country=row["country"],
        language=row["language"],
        format=FeedFormat(row["format"]),
        site=row["site"],
        path=row["path"],
        links=row["links"],
        guids=GuidStyle(row["guids"]),
        expect_every=timedelta(hours=int(row["expect_every"].removesuffix("h"))),
    )


def _item(outlet: Outlet, row: Mapping[str, Any], originals: Mapping[str, NewsItem]) -> NewsItem:
    """Make an item; a copy leaves out what it takes over from its original."""
    _known_keys(row, _ITEM_KEYS)
    for edit in row.get("edits", ()):
        _known_keys(edit, _EDIT_KEYS)
    original = originals[row["copy_of"]] if "copy_of" in row else None

    def text(key: str) -> str:
        return str(row[key] if key in row else getattr(original, key, "") or "")

    if not text("title") or not text("summary"):
        raise ValueError("title and summary are required unless copy_of names an item that has them")
    link = outlet.site + row.get("path", outlet.links.format(id=row["id"]))
    if "tracking" in row and original:  # an aggregator points at the original's page
        link = f"{original.link}?{row['tracking']}"
    guid = {
        GuidStyle.TAG: f"tag:{outlet.site.removeprefix('https://')},2025:{row['id']}",
        GuidStyle.PERMALINK: link,
        GuidStyle.OPAQUE: row["id"],
    }[outlet.guids]
    return NewsItem(
        item_id=row["id"],
        outlet_id=outlet.outlet_id,
        at=_clock(row["at"]),
        guid=guid,
        link=link,
        title=text("title"),
        summary=text("summary"),
        content=text("content"),
        author=text("author"),
        categories=tuple(row.get("categories", ())),
        edits=tuple(
            Edit(_clock(edit["at"]), edit.get("title", ""), edit.get("summary", ""))
            for edit in row.get("edits", ())
        ),
        copy_of=row.get("copy_of", ""),
        development=text("development"),
        trap=text("trap"),
    )


def _as_it_stood(item: NewsItem, moment: timedelta, real: Callable[[timedelta], datetime]) -> Shown:
    title, summary, changed = item.title, item.summary, item.at
    for edit in item.edits:
        if edit.at <= moment:
            title, summary, changed = edit.title or title, edit.summary or summary, edit.at
    return Shown(item, title, summary, real(item.at), real(changed))


def _catalogue_entry(outlet: Outlet, base_url: str) -> str:
    values = {
        "id": outlet.outlet_id,
        "url": f"{base_url.rstrip('/')}/{outlet.outlet_id}{outlet.path}",
        "title": outlet.title,
        "tier": outlet.tier.value,
        "owner": outlet.owner,
        "country": outlet.country,
        "language": outlet.language,
        "expect_every": f"{outlet.expect_every // timedelta(hours=1)}h",
        "first_poll": "all",
        "interval": "2s",
    }
    # A JSON string is a YAML 1.2 double-quoted scalar: no title or country (NO) can be misread.
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items()]
    return "  - " + "    ".join(lines)


_FORMATS: Final[dict[FeedFormat, tuple[str, Callable[[Outlet, Sequence[Shown], datetime], str]]]] = {
    FeedFormat.RSS2: ("application/rss+xml", documents.rss2),
    FeedFormat.RSS1: ("application/rdf+xml", documents.rss1),
    FeedFormat.ATOM: ("application/atom+xml", documents.atom),
    FeedFormat.JSON: ("application/feed+json", documents.json_feed),
}
