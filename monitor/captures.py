"""Captured answers of feeds on disk: written as they came, read back for replays.

    CAPTURES/<feed id>/<UTC>.xml         the body, unpacked (.json or .html by what it is)
    CAPTURES/<feed id>/<UTC>.meta.json   URL, status, header fields, redirects; or the error

A directory of bodies alone can be replayed, too: the name of each file is its time, 20260813T042436.xml.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from monitor.errors import ConfigurationError, ErrorKind, FetchError
from monitor.http import Response

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from monitor.feeds.fetch import Getting

_TIME = "%Y%m%dT%H%M%S"
_BODY = re.compile(r"(\d{8}T\d{6})Z?\.(?:xml|json|html|rss|atom|rdf|body)\Z")
_META = ".meta.json"
_SECRET = frozenset(("set-cookie", "set-cookie2", "www-authenticate", "proxy-authenticate"))
MOST_FILES = 200_000


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One captured answer, or the failure that came instead."""

    feed_id: str
    at: datetime
    body: Path | None  # None for a failure
    url: str = ""  # that answered, "" when not kept
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    redirects: tuple[tuple[int, str], ...] = ()  # (status, where it led)
    error: str = ""
    kind: str = ""  # an `ErrorKind` value

    def response(self, asked: str) -> Response:
        """Return the answer again.

        Raises:
            FetchError: what was captured is a failure, or the file is gone.
        """
        if self.body is None:
            raise FetchError(self.error or "The capture holds a failure.", ErrorKind(self.kind))
        try:
            data = self.body.read_bytes()
        except OSError as error:
            raise FetchError(f"{self.body}: {error.strerror}", ErrorKind.PERMANENT) from None
        return Response(self.status, dict(self.headers), data, self.url or asked)


@dataclass(slots=True)
class Recording:
    """Keeps what the HTTP client answered last; for one feed at a time."""

    http: Getting
    answers: list[Response] = field(default_factory=list)

    async def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, limit: int = 0, proxy: str = ""
    ) -> Response:
        """Ask, remember, return."""
        response = await self.http.get(url, headers=headers, limit=limit, proxy=proxy)
        self.answers.append(response)
        return response


def write_snapshot(root: Path, feed_id: str, at: datetime, answers: list[Response]) -> Path:
    """Write the last of `answers`, with those before it as redirects; return the body's path.

    Raises:
        ConfigurationError: the directory cannot be written.
    """
    last = answers[-1]
    stem = _stem(root, feed_id, at)
    meta = {
        "url": last.url,
        "status": last.status,
        "headers": {name: value for name, value in last.headers.items() if name not in _SECRET},
        "redirects": [[one.status, one.headers.get("location", "")] for one in answers[:-1]],
    }
    path = stem.with_name(f"{stem.name}.{_suffix(last)}")
    _write(path, last.body)
    _write_meta(stem, meta)
    return path


def write_failure(root: Path, feed_id: str, at: datetime, error: FetchError) -> None:
    """Write what came instead of an answer."""
    _write_meta(_stem(root, feed_id, at), {"error": str(error), "kind": error.kind.value})


def read_captures(root: Path) -> tuple[Snapshot, ...]:
    """Return all snapshots below `root` in order of time, then of feed.

    Raises:
        ConfigurationError: there are none, or a file cannot be read.
    """
    if not root.is_dir():
        raise ConfigurationError(f"{root}: no such directory; `monitor feeds capture` writes one")
    found: list[Snapshot] = []
    for directory in sorted(path for path in root.iterdir() if path.is_dir()):
        bodies = {match[1]: path for path in sorted(directory.iterdir()) if (match := _BODY.match(path.name))}
        metas = {path.name[:15]: path for path in sorted(directory.glob(f"*{_META}"))}
        found += [
            _snapshot(directory.name, time, bodies.get(time), metas.get(time))
            for time in sorted(bodies.keys() | metas.keys())
        ]
        if len(found) > MOST_FILES:
            raise ConfigurationError(f"{root}: more than {MOST_FILES:,} snapshots; replay a part of them")
    if not found:
        raise ConfigurationError(f"{root}: there is no capture in it: FEED/20260813T042436.xml")
    return tuple(sorted(found, key=lambda one: (one.at, one.feed_id)))


def _snapshot(feed_id: str, time: str, body: Path | None, meta: Path | None) -> Snapshot:
    try:
        at = datetime.strptime(time, _TIME).replace(tzinfo=UTC)
        fields: dict[str, Any] = json.loads(meta.read_bytes()) if meta else {}
        # Without a body it is a failure, and a failure has a kind.
        kind = "" if body is not None else ErrorKind(fields["kind"]).value
        return Snapshot(
            feed_id,
            at,
            body,
            str(fields.get("url", "")),
            int(fields.get("status", 200)),
            {str(name): str(value) for name, value in dict(fields.get("headers", {})).items()},
            tuple((int(status), str(url)) for status, url in fields.get("redirects", ())),
            str(fields.get("error", "")),
            kind,
        )
    except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:
        raise ConfigurationError(f"{meta or body}: this is no capture: {error}") from None


def _stem(root: Path, feed_id: str, at: datetime) -> Path:
    return root / feed_id / at.astimezone(UTC).strftime(_TIME)


def _suffix(response: Response) -> str:
    start = response.body[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"{", b"[")):
        return "json"
    return "html" if start.startswith((b"<!doctype html", b"<html")) else "xml"


def _write_meta(stem: Path, meta: Mapping[str, Any]) -> None:
    text = json.dumps(meta, ensure_ascii=False, indent=1)
    _write(stem.with_name(f"{stem.name}{_META}"), text.encode("utf-8", "replace"))


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror}") from None
