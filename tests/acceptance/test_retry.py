"""A receiver that fails is tried again by the daemon, with the same words under the same id."""

from __future__ import annotations

import asyncio

import pytest

from tests import fakes, installation
from tests.receivers import Answer, http_receiver, smtp_receiver

pytestmark = pytest.mark.acceptance


async def test_a_receiver_that_fails_gets_it_later_with_the_same_id(tmp_path):
    async with fakes.WebServer() as feeds, smtp_receiver() as smtp, http_receiver() as hook:
        feeds.on("/feed", fakes.Answer.rss("The envoy lands in Vienna"))
        place = installation.make(tmp_path, {"outlet": feeds.url("/feed")}, smtp_port=str(smtp.port))
        place.settings["TEST_HOOK_URL"] = hook.url("/hook")
        hook.answers.append(Answer(503, {"Retry-After": "1"}))
        first = await place.once()
        assert first["notifications"] == {"delivered": 1, "pending": 1, "failed": 0}
        process = await place.start("run", str(place.path))
        try:
            async with asyncio.timeout(60):
                while len(hook.requests) < 2:
                    assert process.returncode is None, (await process.stderr.read()).decode()
                    await asyncio.sleep(0.1)
        finally:
            process.terminate()
            await process.wait()
        assert hook.requests[0].headers["webhook-id"] == hook.requests[1].headers["webhook-id"]
        assert hook.requests[0].body == hook.requests[1].body
