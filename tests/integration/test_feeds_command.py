"""The commands about feeds, run as a user runs them, against a server on loopback."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.fakes import Answer, WebServer
from tests.installation import make

PAGE = """<!doctype html><title>News</title>
<link rel="alternate" type="application/rss+xml" title="World" href="/world">
<link rel="alternate" type="application/rss+xml" title="Sport" href="/sport">
"""


@pytest.fixture
async def server():
    async with WebServer() as one:
        html = (("Content-Type", "text/html"),)
        one.on("/news", Answer(PAGE.encode(), 200, html))
        one.on("/world", Answer.rss("The envoy lands in Vienna", "Two", etag='"1"'))
        one.on("/sport", Answer.rss("A match"))
        one.on("/single", Answer(PAGE.replace("/sport", "/dead").encode(), 200, html))
        one.on("/empty", Answer(b"<!doctype html><html>nothing</html>", 200, html))
        yield one


async def monitor(place, *arguments, code=0):
    """Run a command beside the test's server; return what it printed."""
    process = await asyncio.create_subprocess_exec(
        *place.command(*arguments), env=place.environment, cwd=place.path,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == code, output.decode()
    assert b"Traceback" not in output, output.decode()
    return output.decode()


async def test_from_a_web_page_to_a_feed_that_is_polled_and_away_again(server, tmp_path):
    place = make(tmp_path, {"old": server.url("/old")})
    catalogue = tmp_path / "rules/feeds.yaml"
    catalogue.write_text("# mine\n" + catalogue.read_text())
    several = await monitor(place, "feeds", "add", server.url("/news"), ".", code=1)
    assert server.url("/world") in several
    assert server.url("/sport") in several
    added = await monitor(
        place, "feeds", "add", server.url("/single"), ".", "--title", "World: news", "--country", "at"
    )
    assert "world-news added to rules/feeds.yaml: rss20, 2 items" in added
    assert catalogue.read_text().startswith("# mine\nfeeds:\n  - {id: old,")
    assert '    title: "World: news"\n    country: AT\n' in catalogue.read_text()
    again = await monitor(place, "feeds", "add", server.url("/world"), ".", code=3)
    assert 'in feeds.yaml already, as "world-news"' in again
    nothing = await monitor(place, "feeds", "add", server.url("/empty"), ".", code=1)
    assert "offers no feed that can be read" in nothing

    checked = await monitor(place, "feeds", "check", ".", "--json", code=1)
    by_id = {one["feed"]: one for one in json.loads(checked.splitlines()[0])}
    assert (by_id["old"]["kind"], by_id["world-news"]["items"]) == ("permanent", 2)
    assert "1 of 2 feeds cannot be read" in checked

    await place.once()
    listed = await monitor(place, "feeds", "list", ".")
    assert "2 feeds: 1 unsteady, 1 ok" in listed or "2 feeds: 1 ok, 1 unsteady" in listed
    assert "does not exist. Look for the feed's new address" in listed
    assert "world-news" not in await monitor(place, "feeds", "list", ".", "--trouble")

    assert "old removed from rules/feeds.yaml" in await monitor(place, "feeds", "remove", "old", ".")
    assert "id: old" not in catalogue.read_text()
    assert 'no feed "old"' in await monitor(place, "feeds", "remove", "old", ".", code=3)


async def test_a_subscription_list_goes_out_and_comes_in(tmp_path):
    place = make(tmp_path, {"one": "https://one.example/rss"})
    await monitor(place, "feeds", "export", ".", "--output", "mine.opml")
    more = (tmp_path / "mine.opml").read_text().replace(
        "</body>",
        '<outline text="Press"><outline text="Other &amp; more" xmlUrl="feed://other.example/rss"/>'
        '<outline text="Odd" xmlUrl="gopher://odd.example/"/></outline></body>',
    )  # fmt: skip
    place.write("more.opml", more)
    told = await monitor(place, "feeds", "import", "more.opml", ".", code=1)
    assert "1 feed added to rules/feeds.yaml; 1 were there already, 1 left out" in told
    assert "gopher://odd.example/ is no plain http or https URL" in told
    text = (tmp_path / "rules/feeds.yaml").read_text()
    assert "  - id: other-more\n    url: http://other.example/rss\n    title: Other & more\n" in text


async def test_what_is_captured_is_replayed(server, tmp_path):
    place = make(tmp_path, {"world": server.url("/world"), "gone": server.url("/gone")})
    server.on("/gone", Answer(b"", 410))
    told = await monitor(place, "feeds", "capture", "kept", ".")
    assert "1 answer written to kept, 0 as before, 1 failed" in told
    (meta,) = (tmp_path / "kept/world").glob("*.meta.json")
    assert json.loads(meta.read_text())["headers"]["etag"] == '"1"'
    replayed = json.loads(await monitor(place, "feeds", "replay", "kept", ".", "--all", "--json"))
    assert replayed["feeds"]["world"] == {"answers": 1, "items": 2, "hits": 1, "failures": 0, "problem": ""}
    assert replayed["feeds"]["gone"]["failures"] >= 1
    assert [one["kind"] for one in replayed["events"]] == ["failing"]
    told = [(one["rule"], one["reason"]) for one in replayed["revisions"]]
    assert sorted(told) == [("envoy-lands", "new"), ("system.feed-failing", "new")], "nobody is reminded"
    assert replayed["messages"] >= 2
    server.received.clear()
    printed = await monitor(place, "feeds", "replay", "kept", ".", "--all")
    assert "The envoy lands in Vienna" in printed
    assert server.received == [], "a replay asks nobody"
