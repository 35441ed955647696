"""The whole path, in one process after another: feed in, one e-mail and one webhook out."""

from __future__ import annotations

import pytest
from standardwebhooks import Webhook

from tests import fakes, installation
from tests.receivers import http_receiver, smtp_receiver


@pytest.fixture
async def world(tmp_path):
    """A feed server, a mail server, a webhook receiver, and an installation that knows them."""
    async with fakes.WebServer() as feeds, smtp_receiver() as smtp, http_receiver() as hook:
        feeds.on("/feed", fakes.Answer.rss("The envoy lands in Vienna", "Weather stays mild", etag='"v1"'))
        place = installation.make(tmp_path, {"outlet": feeds.url("/feed")}, smtp_port=str(smtp.port))
        place.settings["TEST_HOOK_URL"] = hook.url("/hook")
        yield feeds, smtp, hook, place


async def test_one_alert_by_mail_and_webhook(world):
    feeds, smtp, hook, place = world
    summary = await place.once()
    assert summary == {
        "feeds": {"polled": 1, "not_modified": 0, "failed": 0},
        "items": {"seen": 2, "new": 2},
        "hits": 1,
        "alerts": 1,
        "notifications": {"delivered": 2, "pending": 0, "failed": 0},
    }

    mail = smtp.messages[0]
    assert mail.parsed["Subject"] == "[CRITICAL new] An envoy lands: The envoy lands in Vienna"
    assert mail.parsed["Auto-Submitted"] == "auto-generated"
    assert mail.parsed["List-Id"]
    assert mail.parsed["References"]
    assert "The envoy lands in Vienna" in mail.part("plain")
    assert "envoy" in mail.part("html")

    request = hook.requests[0]
    payload = Webhook(installation.SECRET).verify(request.body, request.headers)
    assert "The envoy lands in Vienna" in str(payload)


async def test_a_second_run_finds_nothing_new_and_sends_nothing(world):
    feeds, smtp, hook, place = world
    await place.once()
    feeds.on("/feed", fakes.Answer(status=304))
    place.settings["MONITOR_POLL_FLOOR_SECONDS"] = "1"
    place.write("rules/routes.yaml", installation.ROUTES)
    second = await _when_due(place)
    assert second["items"]["new"] == 0
    assert second["notifications"] == {"delivered": 0, "pending": 0, "failed": 0}
    assert len(smtp.messages) == 1
    assert len(hook.requests) == 1
    assert feeds.received[-1].headers.get("if-none-match") == '"v1"'


async def test_an_edited_headline_is_no_second_alert(world):
    feeds, smtp, hook, place = world
    await place.once()
    body = fakes.Answer.rss("The envoy lands in Vienna", "Weather stays mild")
    edited = body.body.replace(
        b"<title>The envoy lands in Vienna<", b"<title>The envoy lands in Vienna, officials say<"
    )
    feeds.on("/feed", fakes.Answer(edited, 200, body.headers))
    second = await _when_due(place)
    assert second["items"]["new"] == 0
    assert second["hits"] == 0
    assert len(smtp.messages) == 1


async def test_what_is_given_up_is_shown(world):
    feeds, smtp, hook, place = world
    smtp.rcpt_replies[""] = "550 5.1.1 no such mailbox"
    summary = await place.once()
    assert summary["notifications"]["failed"] == 1
    status = place.run("status", str(place.path))
    assert "no such mailbox" in status.stdout
    assert "desk" in status.stdout


async def _when_due(place):
    """Run `once` until the feed is due again: its interval is one second."""
    for _ in range(50):
        summary = await place.once()
        if summary["feeds"]["polled"]:
            return summary
    raise AssertionError("the feed never became due")
