"""What stays in force while files have errors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.lastgood import good_files, hold_on, pack, unpack
from monitor.models import Item
from monitor.rulebook import RuleBook, read_book

PREFIX = "rules/"

RULE = """\
  - id: {name}
    title: {name}
    severity: high
    owner: desk
    when: {{all: [{word}]}}
    must_match: ["the {word} is here"]
    must_not_match: ["nothing is here"]
"""


def rules(*named: tuple[str, str]) -> bytes:
    return (
        "version: 1\nrules:\n" + "".join(RULE.format(name=name, word=word) for name, word in named)
    ).encode()


FEEDS = b"feeds:\n  - {id: outlet, url: 'https://outlet.example/feed'}\n"
ROUTES = b"""recipients:
  - {id: desk, email: {to: [desk@example.org]}, timezone: UTC}
routes:
  - {default: true, to: [desk]}
"""
GOOD = {
    "feeds.yaml": FEEDS,
    "routes.yaml": ROUTES,
    "talks/a.yaml": rules(("envoy", "envoy"), ("summit", "summit")),
    "talks/b.yaml": rules(("truce", "truce")),
}


def after(files: dict[str, bytes], good: dict[str, bytes] = GOOD) -> tuple[RuleBook, dict[str, bytes]]:
    """The book in force after the files were changed, and what is remembered then."""
    book = read_book(files, prefix=PREFIX)
    remembered = good_files(files, book, good, prefix=PREFIX)
    return (hold_on(book, files, remembered, prefix=PREFIX) if book.errors else book), remembered


def fires(book: RuleBook, text: str) -> set[str]:
    return {match.rule_id for match in book.engine.match(Item("i", "outlet", "k", title=text))}


def test_the_good_files_have_no_errors():
    assert read_book(GOOD, prefix=PREFIX).errors == ()


def test_a_broken_rule_goes_on_as_it_was_and_its_neighbours_are_new():
    broken = rules(("envoy", "emissary"), ("summit", "summit")).replace(b"title: summit", b"titel: summit")
    book, remembered = after({**GOOD, "talks/a.yaml": broken})
    assert book.kept == ("summit",)
    assert fires(book, "the summit is here") == {"summit"}
    assert fires(book, "the emissary is here") == {"envoy"}  # the valid edit beside it is in force
    assert fires(book, "the envoy is here") == set()
    assert remembered["talks/a.yaml"] == GOOD["talks/a.yaml"]
    assert book.rules.keys() == {"envoy", "summit", "truce"}


def test_an_unreadable_file_keeps_all_its_rules():
    book, _ = after({**GOOD, "talks/a.yaml": b"rules: [\xff"})
    assert book.kept == ("envoy", "summit")
    assert fires(book, "the envoy is here, the truce is here") == {"envoy", "truce"}


def test_a_deleted_rule_is_gone_even_while_another_is_broken():
    broken = rules(("summit", "summit")).replace(b"title: summit", b"titel: summit")
    book, _ = after({**GOOD, "talks/a.yaml": broken})
    assert book.kept == ("summit",)
    assert fires(book, "the envoy is here") == set()


def test_a_deleted_file_is_gone():
    files = {path: data for path, data in GOOD.items() if path != "talks/b.yaml"}
    book, remembered = after(files)
    assert book.rules.keys() == {"envoy", "summit"}
    assert "talks/b.yaml" not in remembered


@pytest.mark.parametrize("data", [b"", b"recipients: {", ROUTES.replace(b"timezone: UTC", b"timezone: Mars")])
def test_broken_routes_keep_all_routes(data):
    book, _ = after({**GOOD, "routes.yaml": data})
    assert book.errors
    assert [r.recipient_id for r in book.routing.recipients] == ["desk"]
    assert book.routing.routes


def test_broken_feeds_keep_all_feeds():
    book, _ = after({**GOOD, "feeds.yaml": FEEDS + b"  - {id: other, url: 'gopher://x'}\n"})
    assert book.errors
    assert list(book.feeds) == ["outlet"]


def test_a_first_start_with_errors_uses_what_it_can():
    book, _ = after({**GOOD, "talks/a.yaml": b"rules: ["}, good={})
    assert book.kept == ()
    assert book.rules.keys() == {"truce"}


def test_mended_files_are_in_force_whole():
    _, remembered = after({**GOOD, "talks/a.yaml": b"rules: ["})
    book, remembered = after(GOOD, remembered)
    assert book.kept == book.errors == ()
    assert remembered == GOOD


@given(st.dictionaries(st.text(max_size=20), st.binary(max_size=200), max_size=5))
def test_packing_keeps_every_byte(files):
    assert unpack(pack(files)) == files


@given(st.one_of(st.text(), st.text().map(lambda text: "1:" + text)))
def test_unpacking_what_is_no_pack_gives_nothing_or_files(text):
    assert isinstance(unpack(text), dict)


def test_nothing_stored_is_nothing_remembered():
    assert unpack(None) == {}
