"""Writes an e-mail as raw bytes (RFC 5322, 2045-2047, 2231); pure.

The standard library's `email.policy.SMTP` is not used for writing: it puts long header values, URLs
included, into RFC 2047 encoded words (cpython issues 85725 and 144156), which breaks
`List-Unsubscribe`, and its folding differs between releases, where a retry has to repeat the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import quopri
import re
from dataclasses import dataclass
from datetime import UTC
from email.utils import format_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from monitor.models import Message

_FOLD_AT = 76  # RFC 2047, 2; RFC 5322, 2.1.1 would allow 78 where there is no encoded word
_LONGEST_WORD = 998 - 80  # 998 is the hard limit of a line; a field name takes up to 71 characters
_WORD_FRAME = len("=?utf-8?b??=")

_FIELD_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,70}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_ATEXT = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
# "Desk <desk@example.org>"; the library's own reader mends what it cannot read, and so misdelivers.
_NAMED = re.compile(r"(?P<name>[^<>]*?)\s*<(?P<spec>[^<>]+)>")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:\[[0-9A-Fa-f:.IPv]+\]|{_LABEL}(?:\.{_LABEL})*\.?)")
# Set by `compose` itself: a template or a view cannot replace them.
_OWN = frozenset({
    "auto-submitted", "bcc", "cc", "content-transfer-encoding", "content-type", "date", "from",
    "in-reply-to", "list-id", "list-unsubscribe", "list-unsubscribe-post", "message-id",
    "mime-version", "received", "references", "reply-to", "return-path", "sender", "subject", "to",
})  # fmt: skip


class AddressError(ValueError):
    """An address that cannot be written to a header or an SMTP command."""


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox."""

    name: str  # display name, any script; may be empty
    spec: str  # local-part@domain, ASCII

    @property
    def domain(self) -> str:
        """Return what stands behind the @, as a name that Message-ID and EHLO may use."""
        domain = self.spec.rpartition("@")[2]
        return "localhost" if domain.startswith("[") else domain


@dataclass(frozen=True, slots=True)
class Envelope:
    """Everything about an e-mail but its words."""

    sender: Address
    to: tuple[Address, ...]
    message_id: str  # the notification id: the same for every attempt
    created_at: datetime
    unsubscribe: str = ""  # https URL for one click (RFC 8058), "" without one


def address(text: str) -> Address:
    """Read "Desk <desk@example.org>" or "desk@example.org"; domains in any script become ASCII.

    Raises:
        AddressError: there is no address in `text`, or its local part is not ASCII (RFC 6531 mailboxes
            need a server that offers SMTPUTF8; an ASCII alias always works).
    """
    named = _NAMED.fullmatch(_clean(text))
    name, spec = (named["name"], named["spec"]) if named else ("", _clean(text))
    if name.startswith('"') and name.endswith('"'):
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    local, at, domain = spec.rpartition("@")
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            raise AddressError(f"'{_clean(text)}' has no valid domain; correct the address") from None
    spec = f"{local}{at}{domain}"
    if not local.isascii():
        raise AddressError(f"'{_clean(text)}' has letters beyond ASCII before the @; use an ASCII alias")
    if not _ADDRESS.fullmatch(spec):
        raise AddressError(f"'{_clean(text)}' is no e-mail address; write name@domain")
    return Address(name, spec)


def compose(message: Message, envelope: Envelope) -> bytes:
    """Return the message as it goes over the wire: CRLF lines, ASCII only, the same at every call.

    Both parts become quoted-printable or base64, whichever is shorter, so that no server needs 8BITMIME
    and no line passes 76 characters whatever a feed holds.
    """
    fields = [
        _mailboxes("From", (envelope.sender,)),
        _mailboxes("To", envelope.to),
        _text("Subject", message.subject),
        _ids("Message-ID", envelope.message_id, envelope.sender.domain),
        b"Date: " + format_datetime(envelope.created_at.astimezone(UTC)).encode("ascii"),
    ]
    if message.thread_id:
        # A root that is never sent: every message of an alert answers it, so they stand together
        # whichever of them a recipient gets first.
        root = f"alert-{message.thread_id}"
        fields += [_ids(name, root, envelope.sender.domain) for name in ("In-Reply-To", "References")]
    fields += [
        _text("List-Id", f"Diplomatic Monitor alerts <alerts.diplomatic-monitor.{envelope.sender.domain}>"),
        *_unsubscribe(envelope.unsubscribe),
        b"Auto-Submitted: auto-generated",  # RFC 3834: no vacation answers
        b"X-Auto-Response-Suppress: All",  # the same for Exchange
        *(_text(name, value) for name, value in message.headers if _permitted(name)),
        b"MIME-Version: 1.0",
    ]
    return b"\r\n".join([*fields, *_body(message, envelope)])


def _unsubscribe(url: str) -> Iterator[bytes]:
    """Yield the two fields of one-click unsubscribing; the URL is neither cut nor encoded."""
    if url:
        yield _text("List-Unsubscribe", f"<{url}>")
        yield b"List-Unsubscribe-Post: List-Unsubscribe=One-Click"


def header(name: str, value: str) -> bytes:
    """Return one unstructured header field, folded, without its final line end.

    ASCII text stays readable and is folded at blanks only, so a URL is never cut nor encoded.

    Raises:
        ValueError: `name` is no field name.
    """
    if not _FIELD_NAME.fullmatch(name):
        raise ValueError(f"'{name[:80]}' is no header field name")
    return _text(name, value)


def _permitted(name: str) -> bool:
    return bool(_FIELD_NAME.fullmatch(name)) and name.lower() not in _OWN


def _clean(text: str) -> str:
    """Return `text` on one line: what could end a header becomes a blank."""
    return _CONTROL.sub(" ", text).encode("utf-8", "replace").decode("utf-8").strip()


def _text(name: str, value: str) -> bytes:
    value = _clean(value)
    words = value.split(" ") if _plain_ascii(value) else list(_encoded_words(value, len(name) + 2))
    return _folded(name, words)


def _plain_ascii(value: str) -> bool:
    """Tell whether `value` can stand as it is: a literal "=?" would be decoded by the reader."""
    longest = max(map(len, value.split(" ")))
    return value.isascii() and "=?" not in value and longest <= _LONGEST_WORD


def _encoded_words(value: str, column: int) -> Iterator[str]:
    """Yield RFC 2047 words, the first one to stand at `column` of its line.

    Characters are never split: readers would show the halves as garbage.
    """
    chunk = b""
    for character in value:
        encoded = character.encode()
        if len(chunk) + len(encoded) > (_FOLD_AT - column - _WORD_FRAME) // 4 * 3:
            yield _encoded_word(chunk)
            chunk, column = b"", 1
        chunk += encoded
    if chunk:
        yield _encoded_word(chunk)


def _encoded_word(chunk: bytes) -> str:
    return f"=?utf-8?b?{base64.b64encode(chunk).decode('ascii')}?="


def _folded(name: str, words: Sequence[str]) -> bytes:
    lines = [f"{name}:"]
    for word in words:
        # A line of blanks only would end the header for some servers: the first word stays with the name.
        if len(lines[-1]) + 1 + len(word) > _FOLD_AT and len(lines[-1]) > len(name) + 1 and word:
            lines.append("")
        lines[-1] += f" {word}"
    return "\r\n".join(line.rstrip(" ") for line in lines).encode("ascii")


def _mailboxes(name: str, addresses: Sequence[Address]) -> bytes:
    words: list[str] = []
    for index, mailbox in enumerate(addresses):
        comma = "," if index + 1 < len(addresses) else ""
        if mailbox.name:
            words += _phrase(mailbox.name, len(name) + 2)
            words.append(f"<{mailbox.spec}>{comma}")
        else:
            words.append(f"{mailbox.spec}{comma}")
    return _folded(name, words)


def _phrase(name: str, column: int) -> list[str]:
    """Return a display name as atoms, a quoted string or encoded words (RFC 5322, 3.2.5)."""
    name = _clean(name)
    if not _plain_ascii(name):
        return list(_encoded_words(name, column))
    if _ATEXT.fullmatch(name):
        return name.split()
    escaped = re.sub(r'(["\\])', r"\\\1", name)
    return [f'"{escaped}"']


def _ids(name: str, left: str, domain: str) -> bytes:
    """Return a field with one msg-id; anything but our hexadecimal ids is hashed into that form."""
    if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", left):
        left = hashlib.sha256(left.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return _folded(name, [f"<{left}@{domain}>"])


def _body(message: Message, envelope: Envelope) -> Iterator[bytes]:
    """Yield the rest of the header and the MIME parts, plain text first (RFC 2046, 5.1.4)."""
    parts = [(subtype, text) for subtype, text in (("plain", message.text), ("html", message.html)) if text]
    if len(parts) < 2:  # noqa: PLR2004 - an alternative needs two
        yield from _part(*(parts[0] if parts else ("plain", "")))
        return
    # "=_" occurs neither in quoted-printable nor in base64: the boundary cannot be in a part.
    boundary = f"=_{hashlib.sha256(envelope.message_id.encode()).hexdigest()[:32]}".encode("ascii")
    yield b'Content-Type: multipart/alternative;\r\n boundary="' + boundary + b'"'
    yield b""
    for subtype, text in parts:
        yield b"--" + boundary
        yield from _part(subtype, text)
    yield b"--" + boundary + b"--"
    yield b""


def _part(subtype: str, text: str) -> Iterator[bytes]:
    lines = text.encode("utf-8", "replace").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    raw = lines.replace(b"\n", b"\r\n")
    # It soft-breaks at 76, and encodes a trailing blank.
    quoted = quopri.encodestring(lines).replace(b"\n", b"\r\n")
    # What base64 would take is known without doing it: 4 for 3 octets, and a line end after 76.
    packed = (len(raw) + 2) // 3 * 4
    packed += -(-packed // _FOLD_AT) * 2
    if len(quoted) <= packed:
        encoding, body = b"quoted-printable", quoted
    else:
        encoding, body = b"base64", base64.encodebytes(raw).replace(b"\n", b"\r\n")
    yield b"Content-Type: text/" + subtype.encode("ascii") + b"; charset=utf-8"
    yield b"Content-Transfer-Encoding: " + encoding
    yield b""
    yield body.removesuffix(b"\r\n")
