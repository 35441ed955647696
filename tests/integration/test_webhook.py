"""The webhook channel through the real HTTP client, against a real receiver."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from monitor.addresses import AddressGuard
from monitor.channels.webhook import Webhook, retry_after
from monitor.errors import ConfigurationError, DeliveryError
from monitor.http import HttpClient
from monitor.models import Message, Notification, Recipient, WebhookTarget
from tests.receivers import Answer, http_receiver

NOW = datetime(2026, 3, 12, 13, 5, tzinfo=UTC)
OLD_SECRET = "whsec_b2xkIHNlY3JldCBvbGQgc2VjcmV0IG9sZCBzZWNyZXQ="
SECRET = "whsec_bmV3IHNlY3JldCBuZXcgc2VjcmV0IG5ldyBzZWNyZXQ="
BODY = '{"schema":"diplomatic-monitor/notification/1","headline":"Встреча в Москве: وصل"}'
HOOK = Recipient("risk-hook", "UTC", webhook=WebhookTarget(url_env="HOOK_URL", secret_env="HOOK_SECRET"))
PATH = "/services/T0000000/very-secret-path?token=abcdefgh1234"


def notification() -> Notification:
    return Notification(
        notification_id="0d9c7a52e1f84b35a6f0c4d1b2e39788",
        recipient_id="risk-hook",
        channel="webhook",
        alert_id="5f0c2a91",
        order_key="risk-hook/5f0c2a91",
        sequence=1,
        message=Message(kind="alert", body=BODY, content_type="application/json"),
        created_at=NOW,
        due_at=NOW,
        expires_at=NOW + timedelta(days=1),
    )


class world:  # noqa: N801 - reads as a function: `async with world() as (hook, webhook, secrets)`
    """A receiver, the guarded client that may reach it, and the channel between."""

    def __init__(self, timeout: float = 5) -> None:
        self.timeout = timedelta(seconds=timeout)

    async def __aenter__(self):
        self.receiver = http_receiver()
        hook = await self.receiver.__aenter__()
        self.client = HttpClient(AddressGuard(("127.0.0.0/8",)), "monitor-test/1")
        client = await self.client.__aenter__()
        secrets = {"HOOK_URL": hook.url(PATH), "HOOK_SECRET": SECRET}
        return hook, Webhook(client.post, secrets.get, self.timeout), secrets

    async def __aexit__(self, *error):
        await self.client.__aexit__(*error)
        await self.receiver.__aexit__(*error)


async def failure(webhook: Webhook, recipient: Recipient = HOOK) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await webhook.send(notification(), recipient, NOW)
    for secret in ("very-secret-path", "abcdefgh1234", SECRET[6:]):
        assert secret not in str(caught.value)
    return caught.value


# --- what arrives --------------------------------------------------------------------------------


async def test_the_body_arrives_as_rendered_and_verifies():
    async with world() as (hook, webhook, _):
        now = datetime.now(UTC)  # the verifier refuses timestamps more than 5 min off its own clock
        assert await webhook.send(notification(), HOOK, now) == "HTTP 204 from 127.0.0.1"
        (request,) = hook.requests
        assert (request.method, request.path) == ("POST", PATH)
        assert request.body.decode() == BODY
        assert request.headers["content-type"] == "application/json"
        assert request.headers["webhook-id"] == notification().notification_id
        assert Verifier(SECRET).verify(request.body, request.headers)["headline"] == "Встреча в Москве: وصل"
        with pytest.raises(WebhookVerificationError):
            Verifier(SECRET).verify(request.body + b" ", request.headers)
        with pytest.raises(WebhookVerificationError):
            Verifier(OLD_SECRET).verify(request.body, request.headers)


async def test_while_secrets_rotate_either_one_verifies():
    async with world() as (hook, webhook, secrets):
        secrets["HOOK_SECRET"] = f"{SECRET} {OLD_SECRET}"
        await webhook.send(notification(), HOOK, datetime.now(UTC))
        for secret in (SECRET, OLD_SECRET):
            Verifier(secret).verify(hook.requests[0].body, hook.requests[0].headers)


async def test_a_retry_keeps_the_id_and_renews_the_timestamp():
    async with world() as (hook, webhook, _):
        await webhook.send(notification(), HOOK, NOW)
        await webhook.send(notification(), HOOK, NOW + timedelta(minutes=7))
        first, second = (request.headers for request in hook.requests)
        assert first["webhook-id"] == second["webhook-id"]
        assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 420
        assert first["webhook-signature"] != second["webhook-signature"]
        assert hook.requests[0].body == hook.requests[1].body


async def test_without_a_secret_it_goes_unsigned():
    async with world() as (hook, webhook, _):
        await webhook.send(notification(), replace(HOOK, webhook=WebhookTarget(url=hook.url("/open"))), NOW)
        assert "webhook-signature" not in hook.requests[0].headers
        assert hook.requests[0].headers["webhook-id"]


# --- what services want beside the URL ------------------------------------------------------------

ROUTING_KEY, TOKEN, API_KEY = "R0123456789ABCDEF0123456789ABCDEF", "syt_very-secret-token", "key-9f8e7d6c"


def service(**target):
    return replace(HOOK, webhook=WebhookTarget(url_env="HOOK_URL", **target))


async def test_the_place_inside_the_service_is_put_in_when_it_is_sent():
    async with world() as (hook, webhook, secrets):
        secrets["KEY"] = ROUTING_KEY
        await webhook.send(notification(), service(format="pagerduty", to_env="KEY"), NOW)
        await webhook.send(notification(), service(format="telegram", to="-100200"), NOW)
        first, second = (request.json() for request in hook.requests)
        assert first == {"routing_key": ROUTING_KEY, **json.loads(BODY)}
        assert second == {"chat_id": "-100200", **json.loads(BODY)}


async def test_tokens_and_header_fields_open_the_door():
    async with world() as (hook, webhook, secrets):
        secrets |= {"TOKEN": TOKEN, "API_KEY": f"{API_KEY}\n"}
        target = service(format="ntfy", to="desk", token_env="TOKEN", headers=(("X-Api-Key", "API_KEY"),))
        await webhook.send(notification(), target, NOW)
        headers = hook.requests[0].headers
        assert (headers["authorization"], headers["x-api-key"]) == (f"Bearer {TOKEN}", API_KEY)


async def test_matrix_gets_the_id_in_the_path_so_a_repeat_is_no_second_message():
    async with world() as (hook, webhook, secrets):
        secrets |= {"TOKEN": TOKEN, "HOOK_URL": hook.url("/rooms/!a:b.example/send/m.room.message/")}
        for _ in range(2):
            await webhook.send(notification(), service(format="matrix", token_env="TOKEN"), NOW)
        path = f"/rooms/!a:b.example/send/m.room.message/{notification().notification_id}"
        assert [(request.method, request.path) for request in hook.requests] == [("PUT", path)] * 2


async def test_a_receiver_that_repeats_a_secret_does_not_spread_it():
    async with world() as (hook, webhook, secrets):
        secrets |= {"TOKEN": TOKEN, "KEY": ROUTING_KEY, "API_KEY": API_KEY}
        target = service(
            format="pagerduty", to_env="KEY", token_env="TOKEN", headers=(("X-Api-Key", "API_KEY"),)
        )
        hook.answers.append(Answer(403, body=f"no {TOKEN} for {ROUTING_KEY} with {API_KEY}".encode()))
        assert str(await failure(webhook, target)).endswith("no *** for *** with ***")


async def test_a_value_that_cannot_stand_in_a_header_is_told_by_its_variable():
    async with world() as (hook, webhook, secrets):
        secrets["TOKEN"] = "two\r\nX-Injected: lines"
        error = await failure(webhook, service(token_env="TOKEN"))
        assert error.permanent
        assert "the variable TOKEN cannot be sent as Authorization" in str(error)
        assert "Injected" not in str(error)
        assert not hook.requests


async def test_a_body_for_another_format_is_told():
    async with world() as (_, webhook, _):
        other = replace(notification(), message=replace(notification().message, body="[]"))
        with pytest.raises(DeliveryError, match="was not written for format ntfy"):
            await webhook.send(other, service(format="ntfy", to="desk"), NOW)


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        (b'{"ok":false,"parameters":{"retry_after":35}}', 35),
        (b'{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":2000}', 2),
        (b'{"message":"You are being rate limited.","retry_after":0.5}', 0.5),
        (b'{"retry_after":"soon"}', None),
        (b'{"retry_after":-1}', None),
        (b"[1]", None),
        (b"[" * 4000, None),
    ],
)
async def test_services_ask_for_a_pause_in_the_body_too(body, seconds):
    async with world() as (hook, webhook, _):
        hook.answers.append(Answer(429, body=body))
        error = await failure(webhook)
        assert error.retry_after == (None if seconds is None else timedelta(seconds=seconds))


# --- answers -------------------------------------------------------------------------------------

HTTP_DATE = "Thu, 12 Mar 2026 13:07:00 GMT"

# (answer, permanent, retry after in seconds, words in the message)
ANSWERS = (
    (Answer(200, body=b"ok"), None, None, ""),
    (Answer(202), None, None, ""),
    (
        Answer(301, {"Location": "https://new.example.org/secret-path"}),
        True,
        None,
        "no redirects are followed",
    ),
    (Answer(307, {"Location": "/elsewhere"}), True, None, "set the variable HOOK_URL to the URL"),
    (
        Answer(400, body=b"\n  invalid_payload \x1b[31m\nmore"),
        True,
        None,
        "HTTP 400 from 127.0.0.1: invalid_payload",
    ),
    (Answer(401), True, None, "HTTP 401 from 127.0.0.1"),
    (Answer(404, body=b"no hook at /services/T0000000/very-secret-path"), True, None, "no hook at ***"),
    (Answer(408), False, None, "tried again later"),
    (Answer(410), True, None, "must not be called again"),
    (Answer(425), False, None, "tried again later"),
    (Answer(429, {"Retry-After": "17"}), False, 17, "HTTP 429"),
    (Answer(429, {"Retry-After": HTTP_DATE}), False, 120, "HTTP 429"),
    (Answer(429, {"Retry-After": "soon"}), False, None, "HTTP 429"),
    (Answer(500, body="Внутренняя ошибка".encode()), False, None, "Внутренняя ошибка"),
    (Answer(503, {"Retry-After": "999999999"}), False, 86400, "HTTP 503"),
    (Answer(503, huge=20_000_000), False, None, "HTTP 503"),
    (Answer(200, huge=20_000_000), None, None, ""),
    (Answer(drop=True), False, None, "127.0.0.1 closed the connection"),
)


@pytest.mark.parametrize(("answer", "permanent", "wait", "words"), ANSWERS)
async def test_answers_are_classified(answer, permanent, wait, words):
    async with world() as (hook, webhook, _):
        hook.answers.append(answer)
        if permanent is None:
            await webhook.send(notification(), HOOK, NOW)
        else:
            error = await failure(webhook)
            assert words in str(error)
            assert str(error).isprintable()
            assert error.permanent is permanent
            assert error.retry_after == (None if wait is None else timedelta(seconds=wait))
            assert error.gone is (answer.status == 410)
            assert error.pause_channel is False
        assert len(hook.requests) == 1


async def test_a_redirect_names_the_new_host_and_is_not_followed():
    async with world() as (hook, webhook, _):
        hook.answers.append(Answer(308, {"Location": "https://new.example.org/other-secret-path"}))
        error = await failure(webhook)
        assert "(at new.example.org)" in str(error)
        assert "other-secret-path" not in str(error)


async def test_a_receiver_that_never_answers_is_given_up():
    async with world(timeout=0.2) as (hook, webhook, _):
        hook.answers.append(Answer(stall=True))
        error = await failure(webhook)
        assert not error.permanent
        assert "0.2 s" in str(error)


async def test_an_address_that_is_not_allowed_is_permanent():
    async with http_receiver() as hook, HttpClient(AddressGuard(()), "monitor-test/1") as client:
        error = await failure(Webhook(client.post, {"HOOK_URL": hook.url(PATH), "HOOK_SECRET": SECRET}.get))
        assert error.permanent
        assert "MONITOR_ALLOW_NETWORKS" in str(error)
        assert not hook.requests


# --- configuration -------------------------------------------------------------------------------

SHORT = "whsec_c2hvcnQ="
URL = "https://example.org/x"

# (secrets, recipient, words)
UNUSABLE = (
    ({}, HOOK, "the variable HOOK_URL is not set"),
    ({"HOOK_URL": "https://example.org/x"}, HOOK, "the variable HOOK_SECRET is not set"),
    ({"HOOK_URL": "ftp://example.org/x"}, HOOK, "HOOK_URL holds no http or https URL"),
    ({"HOOK_URL": "http://[half"}, HOOK, "HOOK_URL holds no http or https URL"),
    (
        {"HOOK_URL": URL, "HOOK_SECRET": "password"},
        HOOK,
        "HOOK_SECRET holds no signing secret",
    ),
    (
        {"HOOK_URL": URL, "HOOK_SECRET": SHORT},
        HOOK,
        "HOOK_SECRET holds no signing secret",
    ),
    ({"HOOK_URL": URL, "HOOK_SECRET": " "}, HOOK, "HOOK_SECRET is blank"),
    ({}, replace(HOOK, webhook=WebhookTarget()), "without a URL"),
    ({}, replace(HOOK, webhook=None), "has no webhook"),
)


@pytest.mark.parametrize(("secrets", "recipient", "words"), UNUSABLE)
async def test_what_cannot_be_used_is_permanent_and_names_the_variable(secrets, recipient, words):
    async with world() as (hook, webhook, known):
        known.clear()
        known.update(secrets)
        error = await failure(webhook, recipient)
        assert error.permanent
        assert words in str(error)
        for value in secrets.values():
            assert not value.strip() or value not in str(error)
        assert not hook.requests


async def test_an_unreadable_secret_file_is_told():
    def unreadable(name: str) -> str:
        raise ConfigurationError(f"{name}_FILE: /run/x cannot be read: Permission denied")

    async with world() as (hook, _, _known):
        async with HttpClient(AddressGuard(()), "monitor-test/1") as client:
            error = await failure(Webhook(client.post, unreadable))
        assert error.permanent
        assert "HOOK_URL_FILE" in str(error)
        assert not hook.requests


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("", None), ("0", None), ("-3", None), ("5", 5), (" 60 ", 60), (HTTP_DATE, 120), ("9" * 14, None),
     ("Thu, 12 Mar 2026 12:00:00 GMT", None), ("Thu, 99 Foo", None), ("1e3", None)],
)  # fmt: skip
def test_retry_after(value, seconds):
    assert retry_after(value, NOW) == (None if seconds is None else timedelta(seconds=seconds))
