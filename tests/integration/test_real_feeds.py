"""`monitor once` on captured feeds: everything is read, and a second run finds nothing new."""

from __future__ import annotations

import asyncio
from io import BytesIO
from pathlib import Path

import feedparser

from monitor.app import open_storage
from tests import fakes, installation
from tests.receivers import smtp_receiver


def captures(data: Path) -> dict[str, bytes]:
    """The newest snapshot of each replayed feed, and every single document, by feed id."""
    found: dict[str, bytes] = {}
    for folder in sorted((data / "feeds" / "replay").iterdir()):
        found[f"replay-{folder.name}"] = max(folder.iterdir()).read_bytes()
    singles = [path for path in sorted((data / "feeds" / "single").rglob("*")) if path.is_file()]
    for number, path in enumerate(singles):
        found[f"single-{number:03}"] = path.read_bytes()
    return found


def test_a_second_run_finds_nothing_new_and_sends_nothing(tmp_path, data):
    documents = captures(data)
    asyncio.run(_twice(tmp_path, documents))


async def _twice(tmp_path, documents):
    async with fakes.WebServer() as feeds, smtp_receiver() as smtp:
        for name, body in documents.items():
            kind = "application/feed+json" if body.lstrip().startswith(b"{") else "application/xml"
            feeds.on(f"/{name}", fakes.Answer(body, 200, (("Content-Type", kind),)))
        place = installation.make(
            tmp_path, {name: feeds.url(f"/{name}") for name in documents}, smtp_port=str(smtp.port)
        )
        first = await place.once("--no-wait", timeout=300)
        assert first["feeds"]["polled"] == len(documents)
        sent = len(smtp.messages)

        async with open_storage(f"sqlite:///{tmp_path}/var/monitor.db") as storage:
            states = await storage.feed_states()
            stored = {item.feed_id for item in await storage.items(limit=1_000_000)}
        assert not [state for state in states if state.error_kind == "internal"]
        holding = {name for name, body in documents.items() if feedparser.parse(BytesIO(body)).entries}
        assert holding <= stored, f"nothing stored of {sorted(holding - stored)}"

        second = await place.once("--no-wait", timeout=300)  # the interval of one second has passed
        assert second["feeds"]["polled"] >= len(stored)
        assert second["items"]["new"] == 0
        assert second["hits"] == second["alerts"] == 0
        assert second["notifications"]["delivered"] == 0
        assert len(smtp.messages) == sent
