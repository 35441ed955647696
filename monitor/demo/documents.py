"""Renders an outlet's items as a feed document: RSS 2.0, RSS 1.0, Atom or JSON Feed.

Each function takes the outlet, its items newest first, and the time of the last change, and returns the
whole document as text. The labels that serve tests are not rendered.
"""

from __future__ import annotations

import html
import json
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from monitor.demo.newsday import Outlet, Shown


def _cdata(text: str) -> str:
    return "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"


def _elements(name: str, values: Iterable[str]) -> Iterator[str]:
    """Yield one element for each value that is not empty."""
    return (f"<{name}>{escape(value)}</{name}>" for value in values if value)


def rss2(outlet: Outlet, shown: Sequence[Shown], built_at: datetime) -> str:
    """RSS 2.0 (rssboard.org/rss-specification); dates are RFC 822."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        (
            '<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"'
            ' xmlns:content="http://purl.org/rss/1.0/modules/content/"'
            ' xmlns:dc="http://purl.org/dc/elements/1.1/">'
        ),
        "<channel>",
        *_elements("title", [outlet.title]),
        *_elements("link", [outlet.site + "/"]),
        *_elements("description", [outlet.description]),
        *_elements("language", [outlet.language]),
        *_elements("lastBuildDate", [format_datetime(built_at)]),
        f'<atom:link href={quoteattr(outlet.site + outlet.path)} rel="self" type="application/rss+xml"/>',
    ]
    permalink = "true" if outlet.guids == "permalink" else "false"
    for one in shown:
        item = one.item
        lines += [
            "<item>",
            *_elements("title", [one.title]),
            *_elements("link", [item.link]),
            f'<guid isPermaLink="{permalink}">{escape(item.guid)}</guid>',
            *_elements("pubDate", [format_datetime(one.published_at)]),
            *_elements("dc:creator", [item.author]),
            *_elements("category", item.categories),
            # The element holds HTML, so plain text is escaped twice.
            *_elements("description", [html.escape(one.summary, quote=False)]),
            *([f"<content:encoded>{_cdata(item.content)}</content:encoded>"] if item.content else []),
            "</item>",
        ]
    return "\n".join([*lines, "</channel>", "</rss>", ""])


def rss1(outlet: Outlet, shown: Sequence[Shown], built_at: datetime) -> str:
    """RSS 1.0 (web.resource.org/rss/1.0/spec); the item's URI is its link, dates are W3CDTF."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        (
            '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"'
            ' xmlns:content="http://purl.org/rss/1.0/modules/content/"'
            ' xmlns:dc="http://purl.org/dc/elements/1.1/">'
        ),
        f"<channel rdf:about={quoteattr(outlet.site + outlet.path)}>",
        *_elements("title", [outlet.title]),
        *_elements("link", [outlet.site + "/"]),
        *_elements("description", [outlet.description]),
        *_elements("dc:language", [outlet.language]),
        *_elements("dc:date", [built_at.isoformat(timespec="seconds")]),
        "<items><rdf:Seq>",
        *(f"<rdf:li rdf:resource={quoteattr(one.item.link)}/>" for one in shown),
        "</rdf:Seq></items>",
        "</channel>",
    ]
    for one in shown:
        item = one.item
        lines += [
            f"<item rdf:about={quoteattr(item.link)}>",
            *_elements("title", [one.title]),
            *_elements("link", [item.link]),
            *_elements("description", [one.summary]),
            *_elements("dc:date", [one.published_at.isoformat(timespec="seconds")]),
            *_elements("dc:creator", [item.author]),
            *_elements("dc:subject", item.categories),
            *([f"<content:encoded>{_cdata(item.content)}</content:encoded>"] if item.content else []),
            "</item>",
        ]
    return "\n".join([*lines, "</rdf:RDF>", ""])


def atom(outlet: Outlet, shown: Sequence[Shown], built_at: datetime) -> str:
    """Atom 1.0 (RFC 4287); an edit changes `updated`."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang={quoteattr(outlet.language)}>',
        *_elements("id", [outlet.site + outlet.path]),
        *_elements("title", [outlet.title]),
        *_elements("subtitle", [outlet.description]),
        *_elements("updated", [built_at.isoformat(timespec="milliseconds")]),
        f"<author>{''.join(_elements('name', [outlet.title]))}</author>",
        f'<link rel="alternate" type="text/html" href={quoteattr(outlet.site + "/")}/>',
        f'<link rel="self" type="application/atom+xml" href={quoteattr(outlet.site + outlet.path)}/>',
    ]
    for one in shown:
        item = one.item
        lines += [
            "<entry>",
            *_elements("id", [item.guid]),
            *_elements("title", [one.title]),
            f'<link rel="alternate" type="text/html" href={quoteattr(item.link)}/>',
            *_elements("published", [one.published_at.isoformat(timespec="milliseconds")]),
            *_elements("updated", [one.updated_at.isoformat(timespec="milliseconds")]),
            *(f"<author>{name}</author>" for name in _elements("name", [item.author])),
            *(f"<category term={quoteattr(category)}/>" for category in item.categories),
            *_elements("summary", [one.summary]),
            *([f'<content type="html">{escape(item.content)}</content>'] if item.content else []),
            "</entry>",
        ]
    return "\n".join([*lines, "</feed>", ""])


def json_feed(outlet: Outlet, shown: Sequence[Shown], built_at: datetime) -> str:
    """JSON Feed 1.1 (jsonfeed.org/version/1.1); an item without a body repeats its summary as one."""
    del built_at  # the format has no date for the whole feed
    items: list[dict[str, Any]] = []
    for one in shown:
        item = one.item
        row: dict[str, Any] = {"id": item.guid, "url": item.link, "title": one.title, "summary": one.summary}
        row |= {"content_html": item.content} if item.content else {"content_text": one.summary}
        row["date_published"] = one.published_at.isoformat(timespec="milliseconds")
        row["date_modified"] = one.updated_at.isoformat(timespec="milliseconds")
        row |= {"authors": [{"name": item.author}]} if item.author else {}
        row |= {"tags": list(item.categories)} if item.categories else {}
        items.append(row)
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": outlet.title,
        "home_page_url": outlet.site + "/",
        "feed_url": outlet.site + outlet.path,
        "description": outlet.description,
        "language": outlet.language,
        "items": items,
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"
