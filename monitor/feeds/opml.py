"""Subscription lists in OPML 2.0 (opml.org/spec2.opml), which feed readers exchange; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import format_datetime
from typing import TYPE_CHECKING
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from monitor.errors import ConfigurationError
from monitor.feeds.encoding import clean_xml, decode

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from monitor.models import Feed

MAX_BYTES = 20_000_000
MAX_OUTLINES = 50_000
MAX_DEPTH = 100
_LONGEST = 300  # characters of a title


@dataclass(frozen=True, slots=True)
class Subscription:
    """One feed of a subscription list."""

    url: str  # as written
    title: str = ""
    category: str = ""  # name of the innermost folder, else the outline's own category
    language: str = ""


def read_opml(data: bytes, name: str) -> tuple[Subscription, ...]:
    """Return the feeds of a list in its order, each URL once.

    Folders are outlines without an `xmlUrl`. Attribute names are read without regard to case, because
    programs write `xmlurl` as well.

    Args:
        data: the file.
        name: for messages.

    Raises:
        ConfigurationError: it is no OPML, or declares entities, as no honest list does.
    """
    if len(data) > MAX_BYTES:
        raise ConfigurationError(f"{name}: longer than {MAX_BYTES // 1_000_000} MB; is this the list?")
    text, _ = decode(data, {})
    reader = _Reader(name)
    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.EntityDeclHandler = reader.entity
    try:
        parser.Parse(clean_xml(text).encode("utf-8", "replace"), True)  # noqa: FBT003 - expat's own signature
    except expat.ExpatError as error:
        why = expat.ErrorString(error.code)
        raise ConfigurationError(
            f"{name}:{error.lineno}:{error.offset + 1}: this is no OPML: {why}; export it again"
        ) from None
    if not reader.is_opml:
        raise ConfigurationError(f"{name}: this is no OPML: it does not begin with <opml>")
    return tuple({one.url: one for one in reversed(reader.found)}.values())[::-1]


class _Reader:
    """Walks through the outlines."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._folders: list[str | None] = []  # one for each open outline; None = a feed
        self._depth = 0
        self.is_opml = False
        self.found: list[Subscription] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH or len(self.found) > MAX_OUTLINES:
            raise ConfigurationError(f"{self._name}: too many outlines inside each other; is this the list?")
        if self._depth == 1:
            self.is_opml = tag.lower() == "opml"
        if tag.lower() != "outline":
            return
        fields = {key.lower(): " ".join(value.split()) for key, value in attributes.items()}
        title = (fields.get("title") or fields.get("text", ""))[:_LONGEST]
        url = fields.get("xmlurl", "")
        self._folders.append(None if url else title)
        if url:
            folders = [folder for folder in self._folders if folder]
            own = fields.get("category", "").split(",")[0].strip("/ ").rpartition("/")[2]
            category = (folders[-1] if folders else own)[:_LONGEST]
            self.found.append(Subscription(url, title, category, fields.get("language", "")))

    def end(self, tag: str) -> None:
        self._depth -= 1
        if tag.lower() == "outline":
            self._folders.pop()

    def entity(self, *_: object) -> None:
        raise ConfigurationError(f"{self._name}: it declares entities, which no subscription list needs")


def write_opml(feeds: Iterable[Feed], title: str, now: datetime) -> str:
    """Return the feeds as an OPML 2.0 document, in folders by category, otherwise in their order.

    Args:
        feeds: what is exported; `file:` feeds, which mean nothing elsewhere, are left out.
        title: of the list.
        now: when it is written.
    """
    folders: dict[str, list[Feed]] = {}
    for feed in feeds:
        if not feed.url.lower().startswith("file:"):
            folders.setdefault(feed.category, []).append(feed)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<opml version="2.0">',
        f"  <head>\n    <title>{_escaped(title)}</title>",
        f"    <dateCreated>{format_datetime(now)}</dateCreated>\n  </head>",
        "  <body>",
    ]
    for category, members in folders.items():
        indent = "    "
        if category:
            lines.append(f"    <outline text={_attribute(category)}>")
            indent = "      "
        lines += [indent + _outline(feed) for feed in members]
        if category:
            lines.append("    </outline>")
    return "\n".join([*lines, "  </body>", "</opml>", ""])


def _outline(feed: Feed) -> str:
    fields = {
        "type": "rss",  # the only type that the specification knows, whatever the format
        "text": feed.title or feed.feed_id,
        "title": feed.title or feed.feed_id,
        "xmlUrl": feed.url,
        "language": feed.language,
    }
    written = " ".join(f"{name}={_attribute(value)}" for name, value in fields.items() if value)
    return f"<outline {written}/>"


_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _escaped(text: str) -> str:
    return _attribute(text)[1:-1]


def _attribute(text: str) -> str:
    return quoteattr(_NOT_XML.sub("\ufffd", text), {'"': "&quot;"})
