"""The Apprise channel through the real library, against a real receiver."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.channels.apprise import Apprise
from monitor.errors import ConfigurationError, DeliveryError
from monitor.models import AppriseTarget, Recipient
from tests.factories import T0, make_message, make_notification
from tests.receivers import HOST, Answer, http_receiver

# Apprise 2.3 itself imports a module that Python 3.13 drops.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

DESK = Recipient("desk", "UTC", apprise=AppriseTarget("DESK_APPRISE_URL"))
ROW = make_notification(
    "n1",
    channel="apprise",
    expires_at=T0 + timedelta(days=1),
    message=make_message(subject="[HIGH new] Envoy \\n lands", headers=(("X-Monitor-Severity", "high"),)),
)


async def test_a_message_arrives_as_it_was_written():
    async with http_receiver() as hook:
        channel = Apprise({"DESK_APPRISE_URL": f"json://{HOST}:{hook.port}/secret-path"}.get)
        assert await channel.send(ROW, DESK, T0) == "accepted by Apprise over json"
        body = hook.requests[0].json()
        assert (body["title"], body["type"]) == ("[HIGH new] Envoy \\n lands", "warning")
        assert body["message"].strip() == "Ministers meet."
        await channel.close()


# (URL, permanent, words)
FAILURES = (
    ("json://{host}:{port}/secret-path", False, "could not deliver over json"),
    ("nobody-knows://secret-path", True, "DESK_APPRISE_URL holds no URL that Apprise knows"),
    ("secret-path", True, "DESK_APPRISE_URL holds no URL that Apprise knows"),
    ("", True, "DESK_APPRISE_URL is not set"),
)


@pytest.mark.parametrize(("url", "permanent", "words"), FAILURES)
async def test_what_fails_is_told_without_the_url(url, permanent, words):
    async with http_receiver() as hook:
        hook.default = Answer(503)
        channel = Apprise({"DESK_APPRISE_URL": url.format(host=HOST, port=hook.port)}.get)
        with pytest.raises(DeliveryError) as caught:
            await channel.send(ROW, DESK, T0)
        assert caught.value.permanent is permanent
        assert words in str(caught.value)
        assert "secret-path" not in str(caught.value)


async def test_a_recipient_without_a_target_and_an_unreadable_secret_are_told():
    def unreadable(name: str) -> str:
        raise ConfigurationError(f"{name}_FILE: /run/x cannot be read")

    with pytest.raises(DeliveryError, match="has no apprise target"):
        await Apprise({}.get).send(ROW, Recipient("desk", "UTC"), T0)
    with pytest.raises(DeliveryError, match="DESK_APPRISE_URL_FILE"):
        await Apprise(unreadable).send(ROW, DESK, T0)
