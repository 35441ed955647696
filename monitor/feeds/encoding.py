"""Decodes a document as browsers and readers have learned to: what the bytes say beats what they claim.

In order: byte order mark; valid UTF-8 (no text in another encoding with letters beyond ASCII is valid
UTF-8 by accident); the header's charset; the XML declaration's; detection; at last windows-1252, which
reads everything. RFC 7303 would let the header win, and 1 in 50 feeds would be unreadable.
"""

from __future__ import annotations

import codecs
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from charset_normalizer import from_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with the same two bytes
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Without a mark, the first characters `<?` or `{"` show which bytes are zero (XML 1.0, appendix F.1).
_ZEROS = (
    (b"\x00\x00\x00<", "utf-32-be"),
    (b"<\x00\x00\x00", "utf-32-le"),
    (b"\x00<\x00", "utf-16-be"),
    (b"<\x00", "utf-16-le"),
)
# The Encoding Standard reads these labels as their larger Windows relatives, and so do browsers.
_LARGER = {
    "ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030", "gbk": "gb18030",
    "euc_kr": "cp949", "shift_jis": "cp932", "big5": "big5hkscs",
}  # fmt: skip
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_DECLARATION = re.compile(rb"^\s*<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._:-]+)[\"']", re.IGNORECASE)
_XML_DECLARATION = re.compile(r"^\s*<\?xml\b[^>]*\?>\s*", re.IGNORECASE)
# XML 1.0, section 2.2: everything but Char; and U+FEFF inside the text, which only begins files.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff\ufeff]")
_CONTROLS = bytes((*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20)))
_NO_CHARACTERS = tuple(mark.encode() for mark in "\ufffe\uffff\ufeff")
_ILLEGAL_REFERENCE = re.compile(
    r"&#(?:0*(?:[0-8]|1[124-9]|2\d|3[01])|x0*(?:[0-8bcef]|1[0-9a-f])|x0*d[89a-f][0-9a-f]{2});", re.IGNORECASE
)
_TAG = re.compile(rb"<[^<>]*>")
_LEGACY = (
    "cp1252", "cp1251", "koi8_r", "cp1250", "cp1253", "cp1254", "cp1255", "cp1256", "cp874", "gb18030",
    "big5",
    "shift_jis", "euc_jp", "euc_kr", "iso8859_2", "iso8859_5",
)  # fmt: skip
# The letters beyond ASCII of the languages that each encoding serves; the first encoding wins a draw.
_LATIN_LETTERS = {
    "cp1252": ("àâæçéèêëîïôœùûü", "äöüß", "áéíñóúüªº", "àáâãçéêíóôõú", "àèéìòù", "åäöæøé"),
    "cp1250": ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîşţ", "čćđšž"),
    "cp1254": ("çğıöşüâî",),
}
_DETECT = 64 * 1024  # bytes that detection looks at; it is slow
_DAMAGED = 0.005  # share of undecodable bytes up to which a text is still taken for UTF-8


def decode(body: bytes, headers: Mapping[str, str]) -> tuple[str, str]:
    """Return the text of a document and the encoding that it was read with.

    Args:
        body: the document.
        headers: response header fields, names in lower case.
    """
    if marked := _marked(body):
        return marked
    with suppress(UnicodeDecodeError):
        return body.decode("utf-8"), "utf-8"
    for label in (_header_label(headers), _declared_label(body)):
        if (text := _read(body, label)) is not None:
            return text, label
    if _nearly_utf8(body):
        return body.decode("utf-8", "replace"), "utf-8"
    encoding = _detected(_TAG.sub(b" ", body[:_DETECT]))
    return body.decode(encoding, "replace"), encoding


def _detected(text: bytes) -> str:
    """Return the legacy encoding that `text` (without tags) is most likely in.

    charset-normalizer tells scripts apart, but cannot tell French in windows-1252 from windows-1250: there
    the accents that one language would need decide.
    """
    best = from_bytes(text, cp_isolation=list(_LEGACY)).best()
    if best is not None and best.encoding not in _LATIN_LETTERS and best.encoding != "iso8859_2":
        return _LARGER.get(codecs.lookup(best.encoding).name, best.encoding)
    return max(_LATIN_LETTERS, key=lambda encoding: _plausible(text, encoding))


def _plausible(text: bytes, encoding: str) -> float:
    """Return the largest share of the letters beyond ASCII that one language of `encoding` can have."""
    letters = [
        letter for letter in text.decode(encoding, "replace").lower() if letter > "\x7f" and letter.isalpha()
    ]
    shares = [sum(letter in alphabet for letter in letters) for alphabet in _LATIN_LETTERS[encoding]]
    return max(shares) / len(letters) if letters else 0.0


def _marked(body: bytes) -> tuple[str, str] | None:
    """Read a body whose first bytes show its encoding."""
    for mark, encoding in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, "replace"), encoding
    for zeros, encoding in _ZEROS:
        if body.startswith(zeros):
            return body.decode(encoding, "replace"), encoding
    return None


def clean_xml(text: str) -> str:
    """Return `text` without what XML forbids and without its declaration, whose encoding no longer holds."""
    if not _is_legal(text):
        text = _ILLEGAL.sub("", text)
    if "&#" in text:
        text = _ILLEGAL_REFERENCE.sub("", text)
    return _XML_DECLARATION.sub("", text, count=1).lstrip()


def _is_legal(text: str) -> bool:
    """Whether `_ILLEGAL` finds nothing in `text`, at a tenth of its cost: hardly any document holds it."""
    try:
        document = text.encode()
    except UnicodeEncodeError:  # lone surrogates
        return False
    if any(mark in document for mark in _NO_CHARACTERS):
        return False
    return len(document.translate(None, _CONTROLS)) == len(document)


def _header_label(headers: Mapping[str, str]) -> str:
    match = _CHARSET.search(headers.get("content-type", ""))
    return match[1] if match else ""


def _declared_label(body: bytes) -> str:
    match = _DECLARATION.match(body[:1024])
    return match[1].decode("ascii") if match else ""


def _read(body: bytes, label: str) -> str | None:
    """Return the text under `label`; None when it is unknown, UTF-8 (tried before) or clearly wrong."""
    try:
        name = codecs.lookup(label).name if label else ""
    except LookupError:
        return None
    if (
        not name
        or name.startswith(("utf-8", "utf_8"))
        or name in {"hex", "base64", "rot13", "idna", "punycode"}
    ):
        return None
    try:
        text = body.decode(_LARGER.get(name, name), "replace")
    except (LookupError, UnicodeError, ValueError, AttributeError, TypeError):
        return None  # a codec that is none of text
    if text.count("\ufffd") > len(text) * _DAMAGED + 8:
        return None
    return text


def _nearly_utf8(body: bytes) -> bool:
    """Whether the body is UTF-8 with a few broken bytes, such as a text cut in the middle of a letter."""
    text = body.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    beyond = len(text) - len(text.encode("ascii", "ignore"))
    return broken <= max(8, len(text) * _DAMAGED) and broken * 4 <= beyond
