"""The e-mail channel against a real SMTP server, behaving and misbehaving."""

from __future__ import annotations

import asyncio
import random
import shutil
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.channels.email import Email, EmailSettings
from monitor.errors import DeliveryError
from monitor.models import EmailTarget, Message, Notification, Recipient
from tests.receivers import certificate, smtp_receiver

NOW = datetime(2026, 3, 12, 13, 5, tzinfo=UTC)
DESK = Recipient("duty-desk", "Europe/Brussels", email=EmailTarget(("desk@example.org",)))
PAIR = replace(DESK, email=EmailTarget(("desk@example.org", "second@example.org")))
MESSAGE = Message(
    kind="alert",
    subject="[HIGH new] Встреча в Москве: وصل المبعوث إلى موسكو, and a long tail in English so that it folds",
    text="Встреча в Москве\n\nوصل المبعوث\n.\n..dots\n",
    html="<p>Встреча в Москве</p>\n",
    thread_id="5f0c2a917be44d1c9b7a3e1d62c8f004",
    headers=(("X-Monitor-Severity", "high"), ("X-Monitor-Rule", "us-envoy")),
)


def notification(number: int = 1, message: Message = MESSAGE) -> Notification:
    return Notification(
        notification_id=f"{number:032x}",
        recipient_id="duty-desk",
        channel="email",
        alert_id="5f0c2a917be44d1c9b7a3e1d62c8f004",
        order_key="duty-desk/5f0c",
        sequence=1,
        message=message,
        created_at=NOW,
        due_at=NOW,
        expires_at=NOW + timedelta(days=1),
    )


def settings(server, **changes) -> EmailSettings:
    plain = EmailSettings(
        host=server.host, port=server.port, security="none", sender="Диплом Monitor <monitor@desk.example>"
    )
    return replace(plain, **changes)


class channel:  # noqa: N801 - reads as a function: `async with channel(...)`
    """An Email that is closed with its block."""

    def __init__(self, server, tls=None, **changes):
        self.email = Email(settings(server, **changes), tls)

    async def __aenter__(self):
        return self.email

    async def __aexit__(self, *_):
        await self.email.close()


async def failure(email: Email, recipient: Recipient = DESK, number: int = 1) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await email.send(notification(number), recipient, NOW)
    return caught.value


# --- what arrives --------------------------------------------------------------------------------


async def test_every_header_and_both_parts_arrive():
    async with smtp_receiver() as server, channel(server) as email:
        answer = await email.send(notification(), PAIR, NOW)
    (mail,) = server.messages
    parsed = mail.parsed
    assert answer.startswith(f"127.0.0.1:{server.port}: 2.0.0 OK: queued as 1")
    assert mail.sender == "monitor@desk.example"
    assert mail.recipients == ("desk@example.org", "second@example.org")
    assert parsed["Subject"] == MESSAGE.subject
    assert parsed["From"].addresses[0].display_name == "Диплом Monitor"
    assert parsed["From"].addresses[0].addr_spec == "monitor@desk.example"
    assert [one.addr_spec for one in parsed["To"].addresses] == ["desk@example.org", "second@example.org"]
    assert parsed["Date"].datetime == NOW
    assert parsed["Message-ID"] == f"<{1:032x}@desk.example>"
    root = "<alert-5f0c2a917be44d1c9b7a3e1d62c8f004@desk.example>"
    assert (parsed["References"], parsed["In-Reply-To"]) == (root, root)
    assert parsed["Auto-Submitted"] == "auto-generated"
    assert parsed["List-Id"] == "Diplomatic Monitor alerts <alerts.diplomatic-monitor.desk.example>"
    assert (parsed["X-Monitor-Severity"], parsed["X-Monitor-Rule"]) == ("high", "us-envoy")
    assert parsed.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", "text/html"]
    assert mail.part("plain").splitlines() == MESSAGE.text.splitlines()
    assert mail.part("html").strip() == MESSAGE.html.strip()
    assert not parsed.defects
    assert max(map(len, mail.raw.splitlines())) <= 78
    assert mail.raw.isascii()


async def test_a_retry_sends_the_same_bytes():
    async with smtp_receiver() as server, channel(server) as email:
        await email.send(notification(), DESK, NOW)
        await email.send(notification(), DESK, NOW + timedelta(hours=3))
    first, second = server.messages
    assert first.raw == second.raw


# --- connections ---------------------------------------------------------------------------------


async def test_one_connection_serves_many_messages_one_after_another():
    async with smtp_receiver() as server, channel(server) as email:
        for number in range(5):
            await email.send(notification(number), DESK, NOW)
        assert (len(server.messages), server.connections) == (5, 1)
        assert server.commands.count("RSET") == 4


async def test_concurrent_messages_share_at_most_the_allowed_connections():
    async with smtp_receiver() as server, channel(server, max_connections=3) as email:
        server.gate = asyncio.Event()
        sending = [asyncio.create_task(email.send(notification(n), DESK, NOW)) for n in range(9)]
        await server.until(lambda: server.waiting == 3)
        assert (server.open, len(server.messages)) == (3, 0)
        server.gate.set()
        await asyncio.gather(*sending)
        assert (len(server.messages), server.connections, server.most_open) == (9, 3, 3)
        assert len({mail.parsed["Message-ID"] for mail in server.messages}) == 9


async def test_a_connection_that_the_server_closed_is_replaced_without_a_failure():
    async with smtp_receiver() as server, channel(server) as email:
        server.drop_after = 1
        await email.send(notification(1), DESK, NOW)
        await server.until(lambda: server.open == 0)
        await email.send(notification(2), DESK, NOW)
        assert (len(server.messages), server.connections) == (2, 2)


async def test_an_idle_connection_is_closed_politely():
    async with smtp_receiver() as server, channel(server, idle=timedelta(milliseconds=20)) as email:
        await email.send(notification(), DESK, NOW)
        await server.until(lambda: server.open == 0)
        assert server.commands[-1] == "QUIT"
        await email.send(notification(2), DESK, NOW)
        assert server.connections == 2


async def test_a_connection_is_renewed_after_its_share_of_messages():
    async with smtp_receiver() as server, channel(server, max_messages=2) as email:
        for number in range(5):
            await email.send(notification(number), DESK, NOW)
        assert [mail.connection for mail in server.messages] == [1, 1, 2, 2, 3]


async def test_close_says_goodbye_and_may_be_repeated():
    async with smtp_receiver() as server:
        email = Email(settings(server))
        await email.send(notification(), DESK, NOW)
        await email.close()
        await email.close()
        await server.until(lambda: server.open == 0)
        assert server.commands[-1] == "QUIT"


async def test_a_cancelled_attempt_gives_its_connection_back():
    async with smtp_receiver() as server, channel(server, max_connections=1) as email:
        server.gate = asyncio.Event()
        sending = asyncio.create_task(email.send(notification(1), DESK, NOW))
        await server.until(lambda: server.waiting == 1)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        server.gate.set()
        await email.send(notification(2), DESK, NOW)
        assert server.connections == 2


# --- refusals ------------------------------------------------------------------------------------

# (what the server does, permanent?, words in the message)
REPLIES = (
    ({"mail_reply": "421 4.3.2 going down"}, False, "421 4.3.2 going down"),
    ({"mail_reply": "452 4.3.1 disk full"}, False, "452 4.3.1 disk full"),
    ({"mail_reply": "552 5.3.4 message too big"}, True, "552 5.3.4 message too big"),
    ({"rcpt_replies": {"": "450 4.2.0 greylisted"}}, False, "desk@example.org (450 4.2.0 greylisted)"),
    ({"rcpt_replies": {"": "421 4.3.2 going down"}}, False, "421 4.3.2 going down"),
    ({"rcpt_replies": {"": "550 5.1.1 no such user"}}, True, "desk@example.org (550 5.1.1 no such user)"),
    ({"data_reply": "451 4.7.1 try later"}, False, "451 4.7.1 try later"),
    ({"data_reply": "554 5.7.1 spam"}, True, "554 5.7.1 spam"),
    ({"drop_in_data": True}, False, "broke off the transmission"),
    ({"stall_on": "MAIL"}, False, "did not finish within 1 s"),
    ({"stall_on": "DATA"}, False, "did not finish within 1 s"),
    ({"stall_on": "EHLO"}, False, "did not finish within 1 s"),
    ({"greeting": "421 too many connections"}, False, "421 too many connections"),
    ({"greeting": "554 no service here"}, True, "554 no service here"),
)


@pytest.mark.parametrize(("behaviour", "permanent", "words"), REPLIES, ids=[str(row[0]) for row in REPLIES])
async def test_replies_are_classified_and_the_next_message_goes_through(behaviour, permanent, words):
    async with smtp_receiver() as server, channel(server, timeout=timedelta(seconds=1)) as email:
        for name, value in behaviour.items():
            setattr(server, name, value)
        error = await failure(email)
        assert words in str(error)
        assert f"127.0.0.1:{server.port}" in str(error)
        assert (error.permanent, error.pause_channel, error.gone) == (permanent, False, False)
        # Healthy again: nothing of the failure sticks to the pool.
        server.greeting = server.mail_reply = server.data_reply = server.stall_on = ""
        server.rcpt_replies, server.drop_in_data = {}, False
        await email.send(notification(2), DESK, NOW)
        assert len(server.messages) == 1


@pytest.mark.parametrize(
    ("reply", "setting"),
    [
        ("553 5.7.1 not your address", "MONITOR_SMTP_SENDER"),
        ("530 5.7.0 authenticate", "MONITOR_SMTP_USERNAME"),
    ],
)
async def test_a_refused_sender_pauses_the_channel(reply, setting):
    async with smtp_receiver() as server, channel(server) as email:
        server.mail_reply = reply
        error = await failure(email)
        assert setting in str(error)
        assert (error.permanent, error.pause_channel) == (True, True)


async def test_an_address_refused_for_good_does_not_hold_up_the_others():
    async with smtp_receiver() as server, channel(server) as email:
        server.rcpt_replies = {"second@example.org": "550 5.1.1 no such user"}
        answer = await email.send(notification(), PAIR, NOW)
        assert answer.endswith("; refused: second@example.org (550 5.1.1 no such user)")
        assert server.messages[0].recipients == ("desk@example.org",)


async def test_a_deferred_address_is_tried_again_without_the_others():
    async with smtp_receiver() as server, channel(server) as email:
        server.rcpt_replies = {"second@example.org": "450 4.2.0 greylisted"}
        error = await failure(email, PAIR)
        assert not error.permanent
        assert "second@example.org (450 4.2.0 greylisted); 1 other address(es) have it" in str(error)
        server.rcpt_replies = {}
        await email.send(notification(), PAIR, NOW)
        assert [mail.recipients for mail in server.messages] == [
            ("desk@example.org",),
            ("second@example.org",),
        ]
        assert server.messages[0].raw == server.messages[1].raw


async def test_no_address_left_after_a_deferred_one_is_refused_counts_as_sent():
    async with smtp_receiver() as server, channel(server) as email:
        server.rcpt_replies = {"second@example.org": "450 later"}
        await failure(email, PAIR)
        server.rcpt_replies = {"second@example.org": "550 never"}
        assert "refused: second@example.org (550 never)" in await email.send(notification(), PAIR, NOW)


# --- login and TLS -------------------------------------------------------------------------------


async def test_login_is_used_and_its_refusal_pauses_the_channel():
    async with smtp_receiver(auth=True) as server:
        async with channel(server, username="desk", password="s3cret-word") as email:
            await email.send(notification(), DESK, NOW)
            assert server.logins == [("desk", "s3cret-word")]
        server.auth_reply = "535 5.7.8 wrong: s3cret-word"
        async with channel(server, username="desk", password="s3cret-word") as email:
            error = await failure(email)
        assert (error.permanent, error.pause_channel) == (True, True)
        assert "MONITOR_SMTP_PASSWORD" in str(error)
        assert "s3cret-word" not in str(error)
        server.auth_reply = "454 4.7.0 directory is down"
        async with channel(server, username="desk", password="s3cret-word") as email:
            error = await failure(email)
        assert (error.permanent, error.pause_channel) == (False, False)


async def test_a_server_without_login_says_so():
    async with smtp_receiver() as server, channel(server, username="desk", password="x") as email:
        error = await failure(email)
        assert "MONITOR_SMTP_USERNAME" in str(error)
        assert (error.permanent, error.pause_channel) == (True, True)


def test_settings_never_show_the_password():
    assert "s3cret" not in repr(EmailSettings(password="s3cret"))


async def test_starttls_not_offered_is_a_configuration_failure():
    async with smtp_receiver() as server, channel(server, security="starttls") as email:
        error = await failure(email)
        assert "offers no STARTTLS; set MONITOR_SMTP_SECURITY=tls" in str(error)
        assert (error.permanent, error.pause_channel) == (True, True)
        assert not server.messages


async def test_tls_towards_a_plain_server_is_a_configuration_failure():
    async with smtp_receiver() as server, channel(server, security="tls") as email:
        error = await failure(email)
        assert "does not speak TLS" in str(error)
        assert (error.permanent, error.pause_channel) == (True, True)


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_tls_is_used_and_verified(tmp_path, security):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: certificates cannot be made")
    ours, theirs = certificate(tmp_path)
    async with smtp_receiver(**{security: ours}) as server:
        async with channel(server, theirs, security=security) as email:
            await email.send(notification(), DESK, NOW)
            assert len(server.messages) == 1
        async with channel(server, security=security) as email:  # the system's authorities only
            error = await failure(email)
    assert "its TLS certificate is not valid" in str(error)
    assert (error.permanent, error.pause_channel) == (True, True)


# --- nobody there --------------------------------------------------------------------------------


async def test_nobody_listens():
    with socket.socket() as taken:  # bound, never listening: the kernel refuses
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        email = Email(EmailSettings("127.0.0.1", port, security="none"))
        error = await failure(email)
    assert str(error) == (
        f"127.0.0.1:{port} cannot be used: refuses the connection; "
        "start the mail server or set MONITOR_SMTP_HOST and MONITOR_SMTP_PORT"
    )
    assert (error.permanent, error.pause_channel) == (False, False)


async def test_a_host_that_does_not_exist():
    error = await failure(Email(EmailSettings("no-such-host.invalid", 25, security="none")))
    assert not error.permanent
    assert "set MONITOR_SMTP_HOST" in str(error)


# --- addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad", ["nobody", "a@b@c", "почта@example.org", "a b@example.org", "x@exa\nmple.org>"]
)
async def test_an_address_that_cannot_be_written_is_permanent(bad):
    async with smtp_receiver() as server, channel(server) as email:
        error = await failure(email, replace(DESK, email=EmailTarget((bad,))))
        assert error.permanent
        assert "routes.yaml" in str(error)
        assert server.connections == 0


async def test_a_domain_in_another_script_is_sent_in_ascii():
    async with smtp_receiver() as server, channel(server) as email:
        await email.send(notification(), replace(DESK, email=EmailTarget(("desk@пример.example",))), NOW)
        assert server.messages[0].recipients == ("desk@xn--e1afmkfd.example",)


async def test_after_any_mix_of_failures_the_pool_is_whole():
    """Each message meets some misbehaviour; in the end nothing leaks, and all connections can be had."""
    chaos = random.Random(7)
    behaviours = [row[0] for row in REPLIES if "stall_on" not in row[0]] + [{}] * 8
    async with smtp_receiver() as server, channel(server, max_connections=2) as email:
        for first in range(0, 60, 4):
            for name, value in chaos.choice(behaviours).items():
                setattr(server, name, value)
            batch = [email.send(notification(first + n), DESK, NOW) for n in range(4)]
            results = await asyncio.gather(*batch, return_exceptions=True)
            assert all(isinstance(result, str | DeliveryError) for result in results)
            server.greeting = server.mail_reply = server.data_reply = server.stall_on = ""
            server.rcpt_replies, server.drop_in_data = {}, False
        assert server.most_open <= 2 + 1, "a connection the client left may still be closing"
        server.messages.clear()
        server.gate = asyncio.Event()
        sending = [asyncio.create_task(email.send(notification(100 + n), DESK, NOW)) for n in range(2)]
        await server.until(lambda: server.waiting == 2)
        server.gate.set()
        await asyncio.gather(*sending)
        assert len(server.messages) == 2


async def test_a_bad_sender_pauses_the_channel_and_a_recipient_without_address_does_not():
    async with smtp_receiver() as server:
        async with channel(server, sender="nobody") as email:
            error = await failure(email)
            assert "MONITOR_SMTP_SENDER" in str(error)
            assert (error.permanent, error.pause_channel) == (True, True)
        async with channel(server) as email:
            error = await failure(email, replace(DESK, email=None))
            assert "recipient 'duty-desk' has no e-mail address" in str(error)
            assert (error.permanent, error.pause_channel) == (True, False)
        assert server.connections == 0


@pytest.mark.parametrize(
    "first_bytes", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff\xfe\x00\x00\r\n" * 50]
)
async def test_a_server_that_speaks_no_smtp_is_told(first_bytes):
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first_bytes)
        writer.close()

    other = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with other:
        email = Email(EmailSettings("127.0.0.1", other.sockets[0].getsockname()[1], security="none"))
        error = await failure(email)
        await email.close()
    assert (error.permanent, error.pause_channel) == (False, False)
    assert "MONITOR_SMTP_HOST" in str(error)
    assert str(error).isprintable()
