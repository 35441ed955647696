"""The two YAML parsers tell the same events, wherever the quick one is asked."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from ruamel.yaml.error import YAMLError

from monitor.document import events
from monitor.document.events import Kind
from tests.fuzzing import KINDS, make_case

ROOT = Path(__file__).parents[2]
FILES = sorted((*ROOT.glob("rules/**/*.yaml"), *ROOT.glob("monitor/demo/**/*.yaml")))
MARKS = (
    *(
        ": ",
        "? ",
        "- - ",
        " :",
        "#",
        "\n\n",
        "'",
        '"',
        "\\",
        "%",
        "@",
        "`",
        "|+\n",
        "|2\n",
        ">\n",
        "~",
        ",,",
        ":-",
    ),
    *("[a,,b]", "{a:b}", "{a,b}", "[a: b]", "{? a}", "\r\n", "\r", "\u2028", "a:b", "https://x.example"),
    *("\\x41", "\\/"),
)

pytestmark = pytest.mark.skipif(
    events.CParser is None, reason="PyYAML has no libyaml here: the quick parser was NOT compared"
)


def comparable(found):
    """Events; a value that is not there has no place of its own."""
    empty = [event.kind is Kind.SCALAR and not event.value and not event.quoted for event in found]
    return [event._replace(start=0) if it else event for event, it in zip(found, empty, strict=True)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_shipped_files_are_read_quickly_and_alike(path):
    text = path.read_text(encoding="utf-8")
    quick = events._quick(text)
    assert quick is not None
    assert comparable(quick) == comparable(list(events._careful(text)))


def test_broken_files_are_read_alike_or_left_to_the_careful_one():
    dice, compared = random.Random(7), 0
    for number in range(4_000):
        text = make_case(KINDS[number % 3], dice).decode("utf-8", "replace").replace("\t", " ")
        for _ in range(dice.randint(0, 3)):
            at = dice.randrange(len(text) + 1)
            text = text[:at] + dice.choice(MARKS) + text[at:]
        quick = events._quick(text)
        if quick is not None:
            compared += 1
            assert comparable(quick) == comparable(list(events._careful(text))), text
    assert compared > 200


@pytest.mark.parametrize(
    "text",
    ["a: &x b", "a: *x", "a: !!str b", "--- a", "%YAML 1.2\n---\na: b", '["22":00]', "a\u2028b: c", "a: [b"],
)
def test_what_is_left_to_the_careful_one(text):
    assert events._quick(text) is None


def test_mistakes_are_told_by_the_careful_one():
    with pytest.raises(YAMLError, match="while parsing a flow sequence"):
        list(events.events("a: [b"))
