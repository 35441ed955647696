"""Changing frozen values."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.models import FeedState, changed
from tests.factories import T0, after, make_item

STATE = FeedState("gazette", "https://gazette.example/feed.xml", "gazette.example", T0, etag='"1"', polls=3)


@pytest.mark.parametrize(
    ("value", "changes"),
    [
        (STATE, {}),
        (STATE, {"polls": 4, "next_poll_at": after(hours=1), "etag": ""}),
        (make_item("a"), {"revision": 2, "aliases": ("link:x",)}),
    ],
)
def test_it_is_what_the_standard_library_does(value, changes):
    before = replace(value)
    assert changed(value, **changes) == replace(value, **changes)
    assert value == before


def test_a_name_that_is_no_field_is_refused():
    with pytest.raises(KeyError, match="poll"):
        changed(STATE, poll=4)
