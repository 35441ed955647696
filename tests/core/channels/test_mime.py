"""The bytes of an e-mail: whatever a feed holds, headers and parts come out as they went in."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from email import policy
from email.header import decode_header, make_header
from email.parser import BytesParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.channels.mime import Address, AddressError, Envelope, address, compose, header
from monitor.models import Message

ENVELOPE = Envelope(
    sender=Address("Diplomatic Monitor", "monitor@desk.example"),
    to=(Address("", "desk@example.org"),),
    message_id="0d9c7a52e1f84b35a6f0c4d1b2e39788",
    created_at=datetime(2026, 3, 12, 13, 5, tzinfo=UTC),
)
MESSAGE = Message(kind="alert", subject="s", text="t\n", html="<p>h</p>\n", thread_id="5f0c2a91")
FIELDS = [
    "From", "To", "Subject", "Message-ID", "Date", "In-Reply-To", "References", "List-Id", "Auto-Submitted",
    "X-Auto-Response-Suppress", "MIME-Version", "Content-Type",
]  # fmt: skip

# Texts that try to end a header, start another, fake an encoded word, or turn the line around.
HOSTILE = st.one_of(
    st.text(),
    st.text(st.sampled_from("\r\n\t \x00\x0b\x0c\x1c\x85\u2028\u202e:=?_-.bQaЖشد😀"), max_size=300),
    st.sampled_from((
        "x\r\nBcc: spy@example.org",
        "x\n\nbody",
        "=?utf-8?q?=0D=0ABcc:_spy@example.org?=",
        "\r\n.\r\nMAIL FROM:<spy@example.org>\r\n",
        "a" * 5000,
        "ж" * 5000,
        "a " * 2000,
        " lead and trail ",
        "https://example.org/" + "x" * 900,
    )),
)  # fmt: skip


def parse(raw: bytes):
    return BytesParser(policy=policy.default).parsebytes(raw)


def seen(text: str) -> str:
    """What a reader can be expected to see of a header: line ends and runs of blanks count as one."""
    text = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text).encode("utf-8", "replace").decode()
    return " ".join(text.split())


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_no_text_injects_a_header_or_breaks_a_line(subject, text, html, value, name):
    message = replace(
        MESSAGE,
        subject=subject,
        text=text or "t",
        html=html or "h",
        headers=(("X-Monitor-Rule", value), (name, "v")),
    )
    raw = compose(message, ENVELOPE)
    head, _, body = raw.partition(b"\r\n\r\n")
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    names = [line.split(b":")[0].decode() for line in head.split(b"\r\n") if line[:1] not in b" \t"]
    expected = set(FIELDS) | {"X-Monitor-Rule"}
    assert set(names) - {name} == expected
    assert len(names) == len(set(names))
    assert all(line.strip() for line in head.split(b"\r\n")), "a blank line would end the header"
    assert body


@given(HOSTILE)
def test_a_subject_reads_as_it_was(subject):
    raw = compose(replace(MESSAGE, subject=subject), ENVELOPE)
    found = parse(raw)["Subject"]
    assert seen(str(make_header(decode_header(raw_field(raw, "Subject"))))) == seen(subject)
    if seen(subject).isprintable():
        assert "".join(str(found).split()) == "".join(seen(subject).split())


def raw_field(raw: bytes, name: str) -> str:
    head = raw.partition(b"\r\n\r\n")[0].decode("ascii")
    return re.sub(r"\r\n[ \t]", " ", re.search(rf"^{name}: ?((?:[^\r]|\r\n[ \t])*)", head, re.MULTILINE)[1])


@given(st.text(), st.text())
def test_both_parts_read_as_they_were(text, html):
    raw = compose(replace(MESSAGE, text=text + "t", html=html + "h"), ENVELOPE)
    parsed = parse(raw)
    for subtype, expected in (("plain", text + "t"), ("html", html + "h")):
        content = parsed.get_body((subtype,)).get_payload(decode=True).decode("utf-8")
        lines = re.split(r"\r\n|\r|\n", expected.encode("utf-8", "replace").decode())
        assert content.rstrip("\r\n").split("\r\n") == "\n".join(lines).rstrip("\n").split("\n")


@given(st.text(min_size=1, max_size=80), st.booleans())
def test_a_display_name_reads_as_it_was(name, cyrillic):
    name = seen(name + ("ж" if cyrillic else ""))
    raw = compose(MESSAGE, replace(ENVELOPE, sender=Address(name, "monitor@desk.example")))
    (mailbox,) = parse(raw)["From"].addresses
    assert mailbox.addr_spec == "monitor@desk.example"
    if name.isprintable() and "\\" not in name:
        assert "".join(mailbox.display_name.split()) == "".join(name.split())


# Header lines that must come out exactly so.
URL = "<https://alerts.example.org/unsubscribe?token=" + "abcdefgh" * 20 + ">"
EXACT = (
    ("Subject", "plain words", b"Subject: plain words"),
    ("Subject", "Встреча", b"Subject: =?utf-8?b?0JLRgdGC0YDQtdGH0LA=?="),
    ("Subject", "=?utf-8?q?fake?=", b"Subject: =?utf-8?b?PT91dGYtOD9xP2Zha2U/PQ==?="),
    ("List-Unsubscribe", URL, b"List-Unsubscribe: " + URL.encode()),
    ("X-Long", "word " * 20, b"X-Long: " + b" ".join([b"word"] * 13) + b"\r\n " + b" ".join([b"word"] * 7)),
)


@pytest.mark.parametrize(("name", "value", "expected"), EXACT)
def test_header_lines(name, value, expected):
    assert header(name, value) == expected


def test_encoded_words_stay_within_their_lines():
    line = header("X-Monitor-A-Rather-Long-Name", "Переговоры " * 30)
    assert max(map(len, line.split(b"\r\n"))) <= 76


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "Тема", "a" * 72])
def test_what_is_no_field_name_is_refused(name):
    with pytest.raises(ValueError, match="is no header field name"):
        header(name, "x")


def test_a_template_cannot_replace_the_channels_own_fields():
    headers = (
        ("To", "spy@example.org"),
        ("bcc", "spy@example.org"),
        ("Content-Type", "x"),
        ("X-Fine", "yes"),
    )
    parsed = parse(compose(replace(MESSAGE, headers=headers), ENVELOPE))
    assert str(parsed["To"]) == "desk@example.org"
    assert parsed["Bcc"] is None
    assert parsed["X-Fine"] == "yes"
    assert parsed.get_content_type() == "multipart/alternative"


def test_a_digest_starts_no_thread():
    parsed = parse(compose(replace(MESSAGE, thread_id=""), ENVELOPE))
    assert parsed["References"] is None
    assert parsed["In-Reply-To"] is None


SINGLE = (("t", "", "text/plain"), ("", "<p>h", "text/html"), ("", "", "text/plain"))


@pytest.mark.parametrize(("text", "html", "kind"), SINGLE)
def test_a_single_part_needs_no_multipart(text, html, kind):
    assert parse(compose(replace(MESSAGE, text=text, html=html), ENVELOPE)).get_content_type() == kind


def test_the_shorter_encoding_is_taken():
    raw = compose(
        replace(MESSAGE, text="mostly ASCII, one é\n" * 9, html="<p>Переговоры в Москве</p>" * 9), ENVELOPE
    )
    parts = list(parse(raw).iter_parts())
    assert [part["Content-Transfer-Encoding"] for part in parts] == ["quoted-printable", "base64"]


ADDRESSES = (
    ("desk@example.org", Address("", "desk@example.org")),
    ("<desk@example.org>", Address("", "desk@example.org")),
    ("Desk <desk@example.org>", Address("Desk", "desk@example.org")),
    ('"Desk, night" <desk+n@example.org>', Address("Desk, night", "desk+n@example.org")),
    ("Дежурный <desk@пример.example>", Address("Дежурный", "desk@xn--e1afmkfd.example")),
    ("desk@[192.0.2.1]", Address("", "desk@[192.0.2.1]")),
    ("monitor@localhost", Address("", "monitor@localhost")),
)


@pytest.mark.parametrize(("text", "expected"), ADDRESSES)
def test_addresses(text, expected):
    assert address(text) == expected


NO_ADDRESS = (
    "",
    "desk",
    "a@b c",
    "a@b\r\nRCPT",
    "a@b>",
    "Desk <a@b> <c@d>",
    "a@-",
    "a..b@c",
    ".a@b",
    "é@x.org",
)


@pytest.mark.parametrize("text", NO_ADDRESS)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(AddressError):
        address(text)
