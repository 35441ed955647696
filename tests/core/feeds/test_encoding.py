"""Encodings: what the bytes say beats what anybody claims."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.feeds.encoding import clean_xml, decode

RUSSIAN = "Министры договорились о встрече на следующей неделе и обменялись заявлениями для печати. " * 4
GERMAN = "Die Außenminister möchten nächste Woche über Maßnahmen sprechen, heißt es in Köln und Lübeck. " * 4


def xml(text, encoding=""):
    declared = f" encoding='{encoding}'" if encoding else ""
    return f"<?xml version='1.0'{declared}?><rss><channel><title>{text}</title></channel></rss>"


def header(charset):
    return {"content-type": f"text/xml; charset={charset}"}


CASES = [
    # bytes, headers, text, encoding
    ("utf-8", xml(RUSSIAN).encode(), {}, RUSSIAN),
    ("utf-8 under a lying header", xml(RUSSIAN).encode(), header("windows-1251"), RUSSIAN),
    ("utf-8 under a lying declaration", xml(RUSSIAN, "windows-1251").encode(), {}, RUSSIAN),
    ("utf-8 with a mark", codecs.BOM_UTF8 + xml(RUSSIAN, "koi8-r").encode(), {}, RUSSIAN),
    ("utf-16 with a mark", codecs.BOM_UTF16_LE + xml(RUSSIAN).encode("utf-16-le"), {}, RUSSIAN),
    ("utf-16 big-endian, no mark", xml(RUSSIAN).encode("utf-16-be"), {}, RUSSIAN),
    ("utf-16 little-endian, no mark", xml(RUSSIAN).encode("utf-16-le"), {}, RUSSIAN),
    ("utf-32 with a mark", codecs.BOM_UTF32_LE + xml(RUSSIAN).encode("utf-32-le"), {}, RUSSIAN),
    ("declared windows-1251", xml(RUSSIAN, "windows-1251").encode("cp1251"), {}, RUSSIAN),
    ("declared koi8-r", xml(RUSSIAN, "KOI8-R").encode("koi8-r"), {}, RUSSIAN),
    ("only the header says", xml(RUSSIAN).encode("cp1251"), header("windows-1251"), RUSSIAN),
    ("header before declaration", xml(RUSSIAN, "iso-8859-5").encode("cp1251"), header("cp1251"), RUSSIAN),
    ("utf-8 claimed in vain", xml(RUSSIAN, "utf-8").encode("cp1251"), header("utf-8"), RUSSIAN),
    ("nobody says", xml(GERMAN).encode("cp1252"), {}, GERMAN),
    ("latin-1 is windows-1252", xml("“quoted” – text", "iso-8859-1").encode("cp1252"), {}, "“quoted” – text"),
    ("an encoding that nobody knows", xml(GERMAN, "x-unheard-of").encode(), {}, GERMAN),
    ("a codec that is none of text", xml(GERMAN, "base64").encode("cp1252"), header("hex"), GERMAN),
    ("utf-8 cut in a letter", xml(RUSSIAN).encode() + "я".encode()[:1], {}, RUSSIAN),
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "headers", "text"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_decode(body, headers, text):
    found, encoding = decode(body, headers)
    assert text in found
    assert encoding


@given(
    st.binary(max_size=300),
    st.sampled_from(["", "utf-8", "cp1251", "utf-7", "idna", "zlib", "\udcff", "undefined"]),
)
def test_no_bytes_are_a_crash(body, charset):
    text, _ = decode(body, header(charset))
    clean_xml(text).encode("utf-8")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("<a>\x00b\x08c\x1fd</a>", "<a>bcd</a>"),
        ("<a>b\tc\nd\re</a>", "<a>b\tc\nd\re</a>"),
        ("<a>&#0;&#x8;&#xB;&#31;&#xFFFE;b</a>", "<a>&#xFFFE;b</a>"),
        ("<a>&#9;&#10;&#x20;&#160;</a>", "<a>&#9;&#10;&#x20;&#160;</a>"),
        ("<a>\ud800\ufffe\uffffb</a>", "<a>b</a>"),
        ("\ufeff  <?xml version='1.0' encoding='koi8-r'?>\n<a/>", "<a/>"),
        ("\n\n<?xml version='1.0'?><a/>", "<a/>"),
    ],
)
def test_what_xml_forbids_is_removed(text, clean):
    assert clean_xml(text) == clean
