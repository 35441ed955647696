"""`monitor render` shows what a recipient gets, and sends nothing."""

from __future__ import annotations

import asyncio
import json

import pytest

from monitor.app import open_storage
from monitor.storage.base import FlushCommit
from tests import installation
from tests.contract.test_storage_deliver import LEASE
from tests.factories import T0, make_alert, make_revision


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """An installation with one alert in its store."""
    place = installation.make(tmp_path_factory.mktemp("render"), {"outlet": "https://outlet.example/feed"})

    async def fill():
        async with open_storage(f"sqlite:///{place.path / 'var' / 'monitor.db'}") as storage:
            claim = await storage.claim_flush(T0, lease=LEASE)
            alert = make_alert()
            await storage.commit_flush(
                claim, FlushCommit(alerts=(alert,), revisions=(make_revision(alert),)), T0
            )
            await storage.release_flush(claim)

    asyncio.run(fill())
    return place


def test_a_stored_alert_is_shown_as_the_recipient_gets_it(place):
    shown = place.run("render", str(place.path), "desk", "--alert", make_alert().alert_id[:8])
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("Subject: [HIGH new] Ministers meet: Ministers meet about talks")
    assert "WHY IT MATCHED" in shown.stdout
    hook = place.run("render", str(place.path), "hook", "--alert", make_alert().alert_id[:8])
    assert json.loads(hook.stdout)["alerts"][0]["headline"] == "Ministers meet about talks"


def test_samples_and_html(place):
    shown = place.run("render", str(place.path), "desk", "--sample", "digest", "--html")
    assert shown.stdout.startswith("<!DOCTYPE html>")
    assert "nobody" not in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nobody",), 'there is no recipient "nobody" in routes.yaml; known are: desk, hook'),
        (("desk", "--alert", "ffff"), 'there is no alert "ffff"'),
        (("desk", "--sample", "poem"), 'there is no sample "poem"; known are new, update'),
    ],
)
def test_mistakes_are_told(place, arguments, words):
    done = place.run("render", str(place.path), *arguments)
    assert (done.returncode, words in done.stderr) == (3, True), done.stderr
