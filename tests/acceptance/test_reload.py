"""Rules edited while the daemon runs: good edits take effect, broken ones are told and change nothing."""

from __future__ import annotations

import asyncio

import pytest

from tests import fakes, installation
from tests.receivers import http_receiver, smtp_receiver

pytestmark = pytest.mark.acceptance

PATIENCE = 60.0  # seconds: two loaded cores start the daemon in a few


async def until(condition, process):
    """Wait until `condition()` holds; fail if the daemon ends."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            assert process.returncode is None, (await process.stderr.read()).decode()
            await asyncio.sleep(0.1)


async def stop(process):
    process.terminate()
    await asyncio.wait_for(process.wait(), PATIENCE)
    assert process.returncode == 0


async def test_a_broken_edit_is_told_and_the_last_good_version_goes_on(tmp_path):
    async with fakes.WebServer() as feeds, smtp_receiver() as smtp, http_receiver() as hook:
        feeds.on("/feed", fakes.Answer.rss("The envoy lands in Vienna"))
        place = installation.make(tmp_path, {"outlet": feeds.url("/feed")}, smtp_port=str(smtp.port))
        place.settings["TEST_HOOK_URL"] = hook.url("/hook")

        def subjects(start: str) -> list[str]:
            return [
                str(mail.parsed["Subject"])
                for mail in smtp.messages
                if str(mail.parsed["Subject"]).startswith(start)
            ]

        process = await place.start("run", str(tmp_path))
        await until(lambda: len(subjects("[CRITICAL new]")) == 1, process)

        place.write("rules/talks/talks.yaml", installation.RULE.replace("title: An envoy", "titel: An envoy"))
        await until(lambda: subjects("[HIGH new] Part of the rules"), process)
        notice = next(mail for mail in smtp.messages if "[HIGH new]" in mail.parsed["Subject"]).part("plain")
        assert 'unknown key "titel" (did you mean "title"?)' in notice
        assert "talks.yaml:5:5" in notice

        feeds.on(
            "/feed",
            fakes.Answer.rss("A second envoy lands in Oslo for other talks", "The envoy lands in Vienna"),
        )
        await until(lambda: len(subjects("[CRITICAL new]")) == 2, process)
        await stop(process)

        # The last good version is in the store: a restart with the broken file goes on with it.
        process = await place.start("run", str(tmp_path))
        feeds.on(
            "/feed", fakes.Answer.rss("One more envoy lands, this time in Lima", "The envoy lands in Vienna")
        )
        await until(lambda: len(subjects("[CRITICAL new]")) == 3, process)
        assert len(subjects("[HIGH new]")) == 1, "the same mistake is told once"

        place.write(
            "rules/talks/talks.yaml", installation.RULE.replace("[envoy, lands]", "[minister, departs]")
        )
        await asyncio.sleep(6)  # one look at the files, which happens every five seconds
        feeds.on("/feed", fakes.Answer.rss("The minister departs from Lima", "The envoy lands in Vienna"))
        await until(lambda: len(subjects("[CRITICAL new]")) == 4, process)
        await stop(process)
