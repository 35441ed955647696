"""Reads `rules/feeds.yaml`: which feeds there are, with every mistake shown at its place."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from monitor.document import Diagnostic, Fields, Node, Reader, ScalarNode, closest, parse
from monitor.feeds.politeness import host_of
from monitor.feeds.urls import url_key
from monitor.models import Feed, FirstPoll, Tier
from monitor.text.language import primary_tag

# Every key of the file; `monitor schema` reads this table, too.
TOP = ("version", "categories", "feeds")
# Every key of a feed; `monitor schema` and the documentation read this table.
KEYS = (
    "id", "url", "title", "tier", "owner", "country", "language", "category", "expect_every", "interval",
    "first_poll", "user_agent", "headers", "username_env", "password_env", "proxy_env", "enabled",
)  # fmt: skip
_ID = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?\Z")
_ENV = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}\Z")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")  # RFC 9110, section 5.6.2: a token
_SCHEMES = ("https", "http", "file")
# These are ours to set: another value would break the framing, the unpacking or the guard.
_OWN_HEADERS = frozenset(
    ("host", "content-length", "transfer-encoding", "connection", "accept-encoding", "if-none-match",
     "if-modified-since", "range", "te", "upgrade", "proxy-authorization")
)  # fmt: skip
_SECRET_HEADERS = frozenset(("authorization", "cookie"))


def read_catalog(file: str, data: bytes) -> tuple[tuple[Feed, ...], tuple[Diagnostic, ...]]:
    """Read the catalogue; a feed with an error is left out, the others stay.

    Args:
        file: path for messages.
        data: the file's bytes.

    Returns:
        The enabled feeds in file order, and everything that was found.
    """
    root, diagnostics = parse(file, data)
    reader = Reader(diagnostics)
    top = reader.mapping(root, TOP, "a feed catalogue")
    if top is None:
        return (), tuple(reader.diagnostics)
    reader.integer(top.get("version"), minimum=1, maximum=1)
    catalog = _Catalog(reader)
    catalog.switch(top.get("categories"))
    return catalog.read(reader.sequence(reader.required(top, "feeds"), "a list of feeds"))


class _Catalog:
    """Reads feeds one after another and remembers what must be unique."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._ids: dict[str, int] = {}  # id: line
        self._urls: dict[str, str] = {}  # key of a URL: feed id
        self._switches: dict[str, tuple[ScalarNode, bool]] = {}  # category: where it is listed, polled
        self._categories: set[str] = set()  # those that feeds have

    def switch(self, node: Node | None) -> None:
        """Read which categories are polled; one that is not listed is."""
        for key, value in self._reader.entries(node, "categories"):
            polled = self._reader.boolean(value)
            self._switches[key.text.strip()] = key, polled is not False

    def read(self, nodes: tuple[Node, ...]) -> tuple[tuple[Feed, ...], tuple[Diagnostic, ...]]:
        feeds = []
        for node in nodes:
            before = self._reader.errors
            fields = self._reader.mapping(node, KEYS, "a feed")
            feed = self._feed(fields) if fields else None
            if feed is not None and self._reader.errors == before:
                feeds.append(feed)
        self._empty_categories()
        return tuple(feeds), tuple(self._reader.diagnostics)

    def _empty_categories(self) -> None:
        """Point out listed categories without feeds: a spelling mistake switches nothing."""
        for name, (key, _) in self._switches.items():
            if name not in self._categories:
                hint = closest(name, self._categories) or "write it as feeds have it under `category`"
                self._reader.warning(key, "empty-category", f'no feed is of the category "{name[:60]}"', hint)

    def _enabled(self, fields: Fields, category: str) -> bool:
        """Tell whether a feed is polled: what it says itself, else what its category says."""
        self._categories.add(category)
        own = self._reader.boolean(fields.get("enabled"))
        listed = self._switches.get(category)
        return own if own is not None else listed is None or listed[1]

    def _feed(self, fields: Fields) -> Feed | None:
        """Read one feed; None when it is not enabled or has no id or URL."""
        reader = self._reader
        category = self._line(fields, "category")
        enabled = self._enabled(fields, category)
        feed_id, url = self._id(fields), self._url(fields)
        if feed_id:
            self._unique(fields, feed_id, url)
        feed = Feed(
            feed_id,
            url,
            title=self._line(fields, "title") or feed_id,
            tier=reader.choice(fields.get("tier"), Tier, "tier") or Tier.NATIONAL,
            # Without an owner, one publisher's feeds still count as one source.
            owner=self._line(fields, "owner") or host_of(url),
            country=self._country(fields),
            language=self._language(fields),
            category=category,
            expect_every=reader.duration(fields.get("expect_every")),
            interval=reader.duration(fields.get("interval")),
            first_poll=reader.choice(fields.get("first_poll"), FirstPoll, "first_poll") or FirstPoll.BASELINE,
            user_agent=self._line(fields, "user_agent"),
            headers=self._headers(fields),
            username_env=self._env(fields, "username_env"),
            password_env=self._env(fields, "password_env"),
            proxy_env=self._env(fields, "proxy_env"),
        )
        return feed if feed_id and url and enabled else None

    def _unique(self, fields: Fields, feed_id: str, url: str) -> None:
        place = fields.key_place("id")
        if (line := self._ids.setdefault(feed_id, place.line)) != place.line:
            self._reader.error(
                place,
                "duplicate-id",
                f'the id "{feed_id}" is taken by the feed in line {line}',
                "choose another id",
            )
        elif url and (other := self._urls.setdefault(url_key(url) or url, feed_id)) != feed_id:
            hint = "remove one of them: each item would be stored twice"
            self._reader.error(
                fields.key_place("url"), "duplicate-url", f'the feed "{other}" has the same URL', hint
            )

    def _id(self, fields: Fields) -> str:
        node = self._reader.required(fields, "id")
        text = self._reader.text(node)
        if node is None or text is None:
            return ""
        if not _ID.match(text):
            suggestion = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:64]
            hint = f'for example "{suggestion}"' if suggestion else 'for example "outlet-world"'
            self._reader.error(
                node,
                "bad-id",
                f'the id "{text[:60]}" may hold a-z, 0-9 and, inside, "-", "_" and "." only, 64 at most',
                hint,
            )
            return ""
        return text

    def _url(self, fields: Fields) -> str:
        node = self._reader.required(fields, "url")
        text = (self._reader.text(node) or "").strip()
        if node is None or not text:
            return ""
        try:
            parts = urlsplit(text)
            valid = bool(parts.hostname or parts.scheme == "file") and (parts.port or 1) > 0
        except ValueError:
            self._reader.error(node, "bad-url", f'"{text[:80]}" cannot be read as a URL')
            return ""
        scheme = parts.scheme.lower()
        if scheme not in _SCHEMES:
            hint = closest(scheme, _SCHEMES) if scheme else f'write "https://{text[:80]}"'
            self._reader.error(
                node, "unsafe-scheme", f'a feed has an http or https URL, not "{text[:80]}"', hint
            )
            return ""
        if not valid or any(letter.isspace() for letter in text):
            self._reader.error(node, "bad-url", f'"{text[:80]}" is no complete URL')
            return ""
        if parts.username or parts.password:
            self._reader.error(
                node, "secret-in-file", "the URL holds a password", "use `username_env` and `password_env`"
            )
            return ""
        return text

    def _line(self, fields: Fields, key: str) -> str:
        """Read text that has to fit into a header or a subject: one line of visible characters."""
        node = fields.get(key)
        text = (self._reader.text(node) or "").strip()
        if node is not None and (not text.isprintable() or len(text) > 300):  # noqa: PLR2004 - longer is a mistake
            self._reader.error(node, "bad-text", f'"{key}" has to be one line of at most 300 characters')
            return ""
        return text

    def _country(self, fields: Fields) -> str:
        node, text = fields.get("country"), self._line(fields, "country")
        if node is not None and text and not re.fullmatch("[A-Za-z]{2}", text):
            hint = 'for example "DE"; leave it out for organisations of several states'
            self._reader.error(node, "bad-country", f'"{text[:20]}" is no two-letter code (ISO 3166-1)', hint)
            return ""
        return text.upper()

    def _language(self, fields: Fields) -> str:
        node, text = fields.get("language"), self._line(fields, "language")
        tag = primary_tag(text)
        if node is not None and text and not tag:
            self._reader.error(
                node, "bad-language", f'"{text[:20]}" is no language tag', 'for example "en", "uk" or "fa"'
            )
        return tag

    def _env(self, fields: Fields, key: str) -> str:
        node, text = fields.get(key), self._line(fields, key)
        if node is not None and text and not _ENV.match(text):
            self._reader.error(
                node,
                "bad-name",
                f'"{key}" is the name of a variable or secret, not its value',
                "such as FEED_PASSWORD",
            )
            return ""
        return text

    def _headers(self, fields: Fields) -> tuple[tuple[str, str], ...]:
        found = []
        for key, node in self._reader.entries(fields.get("headers"), "request headers"):
            value = self._reader.text(node)
            name = key.text.lower()
            if value is None:
                continue
            if not _HEADER.match(key.text) or not value.isprintable() or not value.isascii():
                self._reader.error(
                    key, "bad-header", f'"{key.text[:40]}" is no header field with a plain value'
                )
            elif name in _OWN_HEADERS:
                self._reader.error(
                    key, "bad-header", f'"{key.text}" is set by the monitor itself', "remove it"
                )
            else:
                if name in _SECRET_HEADERS:
                    self._reader.warning(
                        key,
                        "secret-in-file",
                        f'"{key.text}" is a secret',
                        "use `username_env` and `password_env`",
                    )
                found.append((key.text, value.strip()))
        return tuple(found)
