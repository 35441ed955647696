"""Only what is new is parsed, and what is found this way equals what the whole document says."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import ParseError
from monitor.feeds.encoding import clean_xml, decode
from monitor.feeds.parse import parse
from monitor.feeds.reading import read, rename
from monitor.feeds.scan import scan, shrink
from monitor.models import Feed, IdentityMode

NOW = datetime(2031, 1, 1, tzinfo=UTC)
URL = "https://outlet.example/rss"
FEED = Feed("outlet", URL, language="en")
CAPTURES = Path(__file__).parents[4] / "shared" / "data" / "feeds"
captured = pytest.mark.skipif(
    not CAPTURES.is_dir(), reason=f"NOT TESTED: there are no captured feeds in {CAPTURES}"
)


def reading(body, window="", mode=IdentityMode.GUID, url=URL):
    return read(body, {}, url, FEED, mode, window, NOW)


def rss(*items, head=""):
    return f"<rss version='2.0'{head}><channel><title>Outlet</title>{''.join(items)}</channel></rss>".encode()


def item(name, text="text", more=""):
    return (
        f"<item><title>{name}</title><guid isPermaLink='false'>{name}</guid>"
        f"<link>https://outlet.example/{name}</link><description>{text}</description>{more}</item>"
    )


def test_known_entries_are_neither_parsed_nor_normalized():
    first = reading(rss(item("b"), item("a")))
    second = reading(rss(item("c"), item("b"), item("a")), first.window)
    assert [one.title for one in second.items] == ["c"]
    assert second.unchanged == tuple(one.item_id for one in first.items)
    assert (second.kept, second.gone, second.parsed.title) == (2, (), "Outlet")


def test_an_edit_is_seen_both_ways():
    first = reading(rss(item("a", "one")))
    second = reading(rss(item("a", "two")), first.window)
    third = reading(rss(item("a", "one")), second.window)
    assert [[one.summary for one in step.items] for step in (first, second, third)] == [
        ["one"],
        ["two"],
        ["one"],
    ]


def test_what_left_is_told():
    first = reading(rss(item("b"), item("a")))
    second = reading(rss(item("b")), first.window)
    assert second.gone == (first.items[1].item_id,)
    assert first.gone is None  # nothing was remembered


@pytest.mark.parametrize(
    "head",
    [" xml:lang='fr'", " xml:base='https://cdn.example/'", " xmlns:dc='http://purl.org/dc/elements/1.1/'"],
)
def test_what_entries_inherit_is_part_of_them(head):
    window = reading(rss(item("a"))).window
    assert len(reading(rss(item("a"), head=head), window).items) == 1


def test_another_address_or_another_way_of_naming_reads_everything_again():
    window = reading(rss(item("a"))).window
    assert len(reading(rss(item("a")), window, url="https://other.example/").items) == 1
    assert len(reading(rss(item("a")), window, mode=IdentityMode.LINK).items) == 1
    assert len(reading(rss(item("a")), "0 guid\nabc").items) == 1


def test_names_depend_on_known_neighbours():
    live = "<item><title>{}</title><link>https://outlet.example/live</link></item>"
    first = reading(rss(live.format("one")))
    both = rss(live.format("two"), live.format("one"))
    assert reading(both, first.window).items[0] == reading(both).items[0]


def test_a_guid_on_several_entries_is_told_when_one_of_them_is_known():
    first = reading(rss(item("a")))
    other = item("a").replace("<title>a<", "<title>b<").replace("/a</link>", "/b</link>")
    assert reading(rss(other, item("a")), first.window).repeated == "a"


def test_stored_ids_replace_given_ones():
    first = reading(rss(item("a"), item("b")))
    given = first.items[0].item_id
    window = rename(first.window, {given: "f" * 32})
    assert reading(rss(item("a"), item("b")), window).unchanged == ("f" * 32, first.items[1].item_id)


def test_a_prefix_that_one_entry_does_not_declare_sends_the_whole_to_the_lenient_parser():
    bad = item("x", more="<media:title>y</media:title>")
    window = reading(rss(item("a"), bad)).window
    again = reading(rss(item("c"), item("a"), bad), window)
    assert [one.title for one in again.items] == ["c"]
    assert len(again.unchanged) == 2


def equal(body, known):
    """Compare the entries that are not in `known` with those of the whole document."""
    whole = parse(body, {}, URL)
    for around in ("", whole.around, "0" * 16):
        equal_to(whole, parse(body, {}, URL, known, around), known)


def equal_to(whole, part, known):
    assert part.layout == whole.layout
    wanted = [
        (digest, entry)
        for digest, entry in zip(whole.digests, whole.entries, strict=True)
        if digest not in known
    ]
    assert list(zip(part.digests, part.entries, strict=True)) == wanted
    assert (part.format, part.title, part.language, part.refresh, part.links) == (
        whole.format, whole.title, whole.language, whole.refresh, whole.links,
    )  # fmt: skip


def documents():
    return sorted(path for path in CAPTURES.rglob("*") if path.is_file() and path.suffix != ".csv")


@captured
@pytest.mark.parametrize("path", documents(), ids=lambda path: "/".join(path.parts[-2:]))
def test_captured_documents_in_parts(path):
    body = path.read_bytes()
    try:
        layout = parse(body, {}, URL).layout
    except ParseError:
        pytest.skip("no feed")
    equal(body, {digest for number, digest in enumerate(layout) if number % 10})


@captured
@pytest.mark.parametrize("folder", sorted(CAPTURES.glob("replay/*")), ids=lambda path: path.name)
def test_consecutive_snapshots(folder):
    window = ""
    for path in sorted(folder.iterdir())[:6]:
        body = path.read_bytes()
        whole, part = reading(body), reading(body, window)
        ids = {one.item_id for one in whole.items}
        assert {*part.unchanged, *(one.item_id for one in part.items)} == ids
        by_id = {one.item_id: one for one in whole.items}
        assert all(by_id[one.item_id].content_hash == one.content_hash for one in part.items)
        assert part.window == whole.window
        window = part.window


PIECES = st.sampled_from(
    [
        item("a"), item("b", "&lt;p&gt;b&lt;/p&gt;"), item("c", "<![CDATA[<b>c</b>]]>"), item("d", "Новини"),
        "<item/>", "<item></item >", "<item><title>no guid</title></item>", "<!-- <item> --> ",
        "<image><title>logo</title><url>https://outlet.example/l.png</url></image>",
        f"<!-- {item('a')} -->", f"<item><title><![CDATA[{item('a')}]]></title></item>",
        f"<item><title>out</title>{item('a')}</item>", f"<![CDATA[{item('a')}]]>", "\n  ",
        f"<other note='{item('a').replace(chr(39), '')}'/>", f"<group>{item('a')}</group>",
        "<item xml:lang='fr'><title>fr</title><guid>fr</guid></item>",
        "<textInput><title>t</title></textInput>",
        "<item><title>in</title><item><title>nested</title></item></item>",
    ]
)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(st.lists(PIECES, max_size=6), st.integers(min_value=0), st.data())
def test_documents_of_any_shape(pieces, chosen, data):
    body = bytearray(rss(*pieces))
    if data.draw(st.booleans()):  # damage
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 9))] = data.draw(
            st.sampled_from([b"", b"<", b"&", b"\0", b"]]>"])
        )
    try:
        layout = parse(bytes(body), {}, URL).layout
    except ParseError:
        return
    equal(bytes(body), {digest for number, digest in enumerate(layout) if chosen >> (number % 16) & 1})


ELSEWHERE = {
    "comment": "<!-- {} -->",
    "CDATA": "<title><![CDATA[{}]]></title>",
    "another entry": "<item><title>out</title>{}</item>",
    "another element": "<group>{}</group>",
    "nested declarations": "<group xmlns:dc='urn:x'>{}</group>",
}


@pytest.mark.parametrize("place", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_known_entry_in_another_place_is_not_left_out(place):
    first = parse(rss(item("a")), {}, URL)
    body = rss(item("b"), place.format(item("a")))
    assert shrink(clean_xml(body.decode()).encode(), URL, first.layout, first.around) is None
    equal(body, first.layout)


def test_known_entries_are_not_walked_through():
    body = rss(item("b"), item("a"), "\n", item("c"), item("d"))
    whole = parse(body, {}, URL)
    known = {digest for digest, entry in zip(whole.digests, whole.entries, strict=True) if entry.title != "c"}
    rest, scanned = shrink(body, URL, known, whole.around)
    assert rest == rss("<item/>", "\n", item("c"), "<item/>")
    assert tuple(one.digest for one in scanned.entries) == whole.layout


def test_the_scan_finds_every_outermost_entry():
    body = clean_xml(decode(rss(item("a"), "<item/>", "<item><item/></item >", item("b")), {})[0]).encode()
    found = scan(body)
    assert [body[one.start : one.end].decode() for one in found.entries] == [
        item("a"), "<item/>", "<item><item/></item >", item("b"),
    ]  # fmt: skip
