"""Documents made to exhaust a reader: each is refused or read in bounded time."""

import time

import pytest

from monitor.errors import ErrorKind, ParseError
from monitor.feeds.encoding import clean_xml, decode
from monitor.feeds.parse import parse
from monitor.feeds.scan import MAX_SMALL, cut, scan

HEAD, TAIL = b"<rss version='2.0'><channel><title>Outlet</title>", b"</channel></rss>"
ITEM = b"<item><title>kept</title><guid>1</guid></item>"
BOUND = 1.5  # seconds; every one of these keeps feedparser alone busy for longer, or takes its memory


def numbered(form, count):
    return b" ".join(form.replace(b"#", str(n).encode()) for n in range(count))


REFUSED = {
    "1 MB of namespaces": HEAD
    + b"<item "
    + numbered(b"xmlns:n#='http://n.example/#'", 30_000)
    + b"/>"
    + ITEM
    + TAIL,
    "namespaces one by one": HEAD + b"".join(b"<a xmlns='n:%d'/>" % n for n in range(50_000)) + ITEM + TAIL,
    "20,000 attributes": HEAD + b"<item " + numbered(b"a#='#'", 20_000) + b"/>" + ITEM + TAIL,
    "a long attribute": HEAD + b"<item a='" + b"x" * 1_000_000 + b"'/>" + ITEM + TAIL,
    "100,000 levels": HEAD + b"<a>" * 100_000 + b"</a>" * 100_000 + TAIL,
    "entities that multiply": b"<!DOCTYPE rss [<!ENTITY a 'aaaaaaaaaa'>"
    + b"".join(b"<!ENTITY b%d '%s'>" % (n, b"&a;&a;&a;&a;") for n in range(9))
    + b"]>"
    + HEAD
    + b"<item><title>&b8;</title></item>"
    + TAIL,
    "one long entity": b"<!DOCTYPE rss [<!ENTITY a '"
    + b"x" * 100_000
    + b"'>]>"
    + HEAD
    + b"&a;" * 10_000
    + TAIL,
    "an external entity": b"<!DOCTYPE rss [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>" + HEAD + b"&a;" + TAIL,
    "a parameter entity": b"<!DOCTYPE rss [<!ENTITY % a SYSTEM 'http://127.0.0.1/'> %a;]>"
    + HEAD
    + ITEM
    + TAIL,
    "many entities": b"<!DOCTYPE rss ["
    + b"".join(b"<!ENTITY e%d 'x'>" % n for n in range(1000))
    + b"]>"
    + HEAD
    + ITEM
    + TAIL,
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    started = time.perf_counter()
    with pytest.raises(ParseError, match="which no feed needs") as caught:
        parse(REFUSED[name], {})
    assert time.perf_counter() - started < BOUND
    assert caught.value.kind is ErrorKind.BROKEN


LONG = b"x" * 65_536
READ = {
    "an author of 64 KB": b"<item><author>" + LONG + b"</author><title>long</title><guid>2</guid></item>",
    "an e-mail address of 64 KB": b"<item><author>a@"
    + LONG
    + b".example (x)</author><title>long</title></item>",
    "a name inside an author": b"<item><author><name>" + LONG + b"</name></author><title>long</title></item>",
    "a guid of 64 KB": b"<item><guid>" + LONG + b"</guid><title>long</title></item>",
    "a date of 64 KB": b"<item><pubDate>" + LONG + b"</pubDate><title>long</title></item>",
    "a title of 1 MB": b"<item><title>long</title><description>" + LONG * 16 + b"</description></item>",
    "10,000 categories": b"<item><title>long</title>" + b"<category>a</category>" * 10_000 + b"</item>",
    "NULs": b"<item><title>long\0\0\0</title></item>",
    "broken UTF-8": b"<item><title>long \xff\xfe\xc3</title></item>",
}


@pytest.mark.parametrize("name", READ)
def test_read_and_no_other_entry_is_lost(name):
    started = time.perf_counter()
    parsed = parse(HEAD + ITEM + READ[name] + ITEM.replace(b"1", b"3") + TAIL, {})
    assert time.perf_counter() - started < BOUND
    titles = [entry.title for entry in parsed.entries]
    assert (titles[0], titles[2]) == ("kept", "kept")
    assert titles[1].startswith("long")


def test_what_was_cut_is_told():
    parsed = parse(HEAD + READ["an author of 64 KB"] + ITEM + TAIL, {})
    assert parsed.repaired == "1 overlong fields left out"


def test_cuts_leave_everything_else_as_it_was():
    long = b"<author a='1'>" + b"y" * (MAX_SMALL + 1) + b"</author  >"
    short = b"<author>" + b"y" * MAX_SMALL + b"</author>"
    document = HEAD + long + ITEM + short + long + long + ITEM + TAIL
    found = scan(document)
    assert cut(document, found.cuts) == HEAD + ITEM + short + ITEM + TAIL
    assert cut(document, []) == document


def test_a_harmless_doctype_is_no_attack():
    document = b"<!DOCTYPE rss [<!ENTITY nbsp '&#160;'><!ENTITY copy \"(c)\">]>" + HEAD + ITEM + TAIL
    assert len(parse(document, {}).entries) == 1


def test_what_expat_cannot_read_is_left_to_feedparser():
    found = scan(HEAD + b"<item><title>a & b</title></item>" + TAIL)
    assert not found.well_formed
    assert "not well-formed" in found.error


@pytest.mark.parametrize(
    "body",
    [
        b"\xff" * 10**6,
        b"<" * 10**6,
        b"&" * 10**6,
        b"&#" * 10**6,
        b"\x00" * 10**6,
        b"<!-- " * 10**5,
        b"<![CDATA[" * 10**5,
    ],
    ids=["0xff", "<", "&", "&#", "NUL", "comments", "CDATA"],
)
def test_decoding_and_cleaning_are_linear(body):
    started = time.perf_counter()
    text, _ = decode(body, {})
    clean_xml(text)
    assert time.perf_counter() - started < BOUND
