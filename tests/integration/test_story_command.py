"""`monitor story show|split|merge`, as a user runs them on an installation that has worked."""

from __future__ import annotations

import asyncio
import itertools
import json
from types import SimpleNamespace
from urllib.parse import quote

import pytest

from monitor.cli import call
from tests import fakes, installation
from tests.receivers import http_receiver, smtp_receiver

FIRST = "Special envoy Halvorsen lands in Port Maren for ceasefire talks with rebels"
SAME = "Envoy Halvorsen lands in Port Maren, ceasefire talks with rebels begin"
ENDS = "Envoy Halvorsen lands in Port Maren again as ceasefire talks collapse"
OTHER = "Trade envoy Quist lands in Sarnovo to sign a fisheries treaty"


def other_news(count):
    """Headlines about nothing that the rule asks for: from them the monitor learns which words are common."""
    letters = ("bar", "del", "fin", "gor", "hul", "kem", "lop", "mig")
    words = map("".join, itertools.product(letters, repeat=4))
    return [f"Report in {next(words)} with talks for {next(words)} and {next(words)}" for _ in range(count)]


@pytest.fixture
async def worked(tmp_path):
    """An installation that has stored 300 items, of which the rule fires on four, and its mail server."""
    async with fakes.WebServer() as feeds, smtp_receiver() as smtp, http_receiver() as hook:
        feeds.on("/feed", fakes.Answer.rss(FIRST, SAME, ENDS, OTHER, *other_news(296)))
        place = installation.make(tmp_path, {"outlet": feeds.url("/feed")}, smtp_port=str(smtp.port))
        place.settings["TEST_HOOK_URL"] = hook.url("/hook")
        await place.once()
        yield place, smtp


@pytest.fixture
def ask(worked, capsys):
    """Runs `monitor story ...` in this process: a start costs seconds."""

    async def run(command, *arguments):
        names = [one for one in arguments if not one.startswith("-")]
        options = [one for one in arguments if one.startswith("-")]
        code = await asyncio.to_thread(call, ["story", command, *names, str(worked[0].path), *options])
        printed = capsys.readouterr()
        return SimpleNamespace(returncode=code, stdout=printed.out, stderr=printed.err)

    return run


async def shown(ask, name):
    done = await ask("show", name, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def address(title):
    return f"https://news.example/{quote(title)}"


async def test_a_story_is_shown_and_split(worked, ask):
    place, smtp = worked
    assert len(smtp.messages) == 2  # one for the ceasefire talks, one for the fisheries
    found = await shown(ask, address(SAME))
    titles = [one["title"] for one in found["items"]]
    assert sorted(titles) == sorted([FIRST, SAME, ENDS])
    by_layer = {one["layer"]: one for one in found["items"]}
    assert set(by_layer) == {"new", "story"}
    joined = by_layer["story"]
    assert joined["why"]["score"] == pytest.approx(joined["score"], abs=1e-3)
    assert "Halvorsen" in joined["why"]["words"]
    assert await shown(ask, joined["item"]) == found
    assert await shown(ask, found["story"][:8]) == found

    printed = (await ask("show", found["story"])).stdout
    assert "Probably the same development as" in printed
    assert "Weighed most: " in printed

    # The last one is no part of it: it leaves, and those that heard of it are told so.
    last = found["items"][-1]
    refused = await ask("split", found["items"][0]["item"], "--yes")
    assert (refused.returncode, "it opened the story" in refused.stderr) == (3, True)
    done = await ask("split", address(last["title"]), "--yes")
    assert done.returncode == 0, done.stderr
    assert "1 item moved to story" in done.stdout
    assert "1 alert corrected" in done.stdout
    own = await shown(ask, last["item"])
    assert [one["layer"] for one in own["items"]] == ["split"]
    assert own["items"][0]["reason"].startswith("Split off by hand; before, it stood beside “")

    await place.once("--no-wait")
    told = [mail.parsed["Subject"] for mail in smtp.messages[2:]]
    assert sum("corrected" in subject for subject in told) == 1
    assert sum("new" in subject.split("]")[0] for subject in told) == 1
    assert len((await shown(ask, found["story"]))["items"]) == 2


async def test_two_stories_are_made_one(ask):
    talks, fish = await shown(ask, address(FIRST)), await shown(ask, address(OTHER))
    done = await ask("merge", address(OTHER), talks["story"][:8], "--yes")
    assert done.returncode == 0, done.stderr
    older = (await shown(ask, address(OTHER)))["story"]
    assert older in (talks["story"], fish["story"])
    moved = fish if older == talks["story"] else talks
    assert f"moved to story {older}; 1 alert merged." in done.stdout
    assert "To undo it: monitor story split " in done.stderr
    whole = await shown(ask, older)
    assert {one["title"] for one in whole["items"]} == {FIRST, SAME, ENDS, OTHER}
    (merged,) = [one for one in whole["items"] if one["layer"] == "merged"]
    assert merged["reason"].startswith("Merged by hand with the story of “")

    # By the id that is gone, or by any name of either: it is done already.
    gone = moved["story"]
    for one, other in ((older, gone), (gone, address(FIRST)), (address(FIRST), address(OTHER))):
        again = await ask("merge", one, other)
        assert again.returncode == 0, again.stderr
        assert again.stdout.strip() == f"They are one story already: {older}. Nothing was changed."

    # And apart again, by the item that the note named.
    split = await ask("split", merged["item"], "--yes")
    assert split.returncode == 0, split.stderr
    back = await shown(ask, merged["item"])
    assert back["story"] == moved["story"]
    assert len(back["items"]) == len(moved["items"])


async def test_what_cannot_be_found_is_said(ask):
    for name, message in (
        ("ffffffff", "there is no story and no item ffffffff"),
        ("abc", "give at least 8 digits"),
        (address(other_news(1)[0]), "no rule fired on this item"),
    ):
        done = await ask("show", name)
        assert (done.returncode, message in done.stderr) == (3, True), done.stderr
