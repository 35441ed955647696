"""Visible text with a map back: where in the HTML source each visible character stands.

The steps are those of `clean.visible_text`, on the same expressions; here each of them also says which
characters of its input every character of its output was made of. It costs several times as much, so it is
used where somebody's own file is quoted back to them, and not in the daemon, whose items are visible text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from itertools import chain, takewhile
from typing import TYPE_CHECKING, Final

from monitor.text.clean import (
    BREAKS,
    ENTITY,
    INVISIBLE,
    LONG_NUMBER,
    SOURCE_BREAK,
    SPACES,
    has_markup,
    is_escaped_html,
    pieces,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# What `html.unescape` takes for a character reference (HTML Living Standard, 13.5, without its tables).
_REFERENCE: Final = re.compile(r"&(?:#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)")


@dataclass(frozen=True, slots=True)
class Traced:
    """A text made of another one. All three have one length."""

    text: str
    starts: tuple[int, ...]  # of the source's characters that each character was made of
    ends: tuple[int, ...]

    def source_span(self, start: int, end: int) -> tuple[int, int]:
        """Return where `text[start:end]` stands in the source, markup inside it included.

        Args:
            start: offset into `text`.
            end: offset behind the last character; greater than `start`.
        """
        return self.starts[start], self.ends[end - 1]


def visible_with_origins(html: str) -> Traced:
    """Return what `visible_text` returns, with the place of each character in `html`."""
    traced = _one_pass(html)
    return _then(traced, _one_pass) if is_escaped_html(traced.text) else traced


def _one_pass(html: str) -> Traced:
    if has_markup(html):
        traced = _joined(
            _shifted(_flowing(html[one.start : one.end]), one.start)
            if one.instead is None
            else _made(one.instead, one.start, one.end)
            for one in pieces(html)
        )
    else:
        traced = _decoded(html)
    for step in (_without_invisible, _collapsed, _stripped):
        traced = _then(traced, step)
    return traced


def _flowing(text: str) -> Traced:
    return _then(_decoded(text), lambda decoded: _substituted(SOURCE_BREAK, lambda _: " ", decoded))


def _decoded(text: str) -> Traced:
    if "&" not in text:
        return _same(text)
    traced = _substituted(LONG_NUMBER, lambda _: "\ufffd", text)
    traced = _then(traced, _unescaped)
    return _then(traced, _unescaped) if "&" in traced.text and ENTITY.search(traced.text) else traced


def _unescaped(text: str) -> Traced:
    return _substituted(_REFERENCE, lambda found: unescape(found[0]), text)


def _without_invisible(text: str) -> Traced:
    if text.isprintable():
        return _same(text)
    kept = [(position, text[position].translate(INVISIBLE)) for position in range(len(text))]
    kept = [(position, shown) for position, shown in kept if shown]
    return Traced(
        "".join(shown for _, shown in kept),
        tuple(position for position, _ in kept),
        tuple(position + 1 for position, _ in kept),
    )


def _collapsed(text: str) -> Traced:
    return _then(
        _substituted(SPACES, lambda _: " ", text),
        lambda spaced: _substituted(BREAKS, lambda _: "\n", spaced),
    )


def _stripped(text: str) -> Traced:
    return _shifted(_same(text.strip()), len(text) - len(text.lstrip()))


def _substituted(pattern: re.Pattern[str], replace: Callable[[re.Match[str]], str], text: str) -> Traced:
    """Do what `pattern.sub` does. What a replacement leaves at its ends as it was keeps its own place."""
    parts: list[Traced] = []
    position = 0
    for found in pattern.finditer(text):
        parts.append(_shifted(_same(text[position : found.start()]), position))
        parts.append(_shifted(_replaced(found[0], replace(found)), found.start()))
        position = found.end()
    parts.append(_shifted(_same(text[position:]), position))
    return _joined(parts)


def _replaced(before: str, after: str) -> Traced:
    if before == after:
        return _same(before)
    pairs = zip(reversed(before), reversed(after), strict=False)
    tail = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    changed = _made(after[: len(after) - tail], 0, len(before) - tail)
    return _joined((changed, _shifted(_same(before[len(before) - tail :]), len(before) - tail)))


def _same(text: str) -> Traced:
    return Traced(text, tuple(range(len(text))), tuple(range(1, len(text) + 1)))


def _made(text: str, start: int, end: int) -> Traced:
    """Return a text all of whose characters were made of `source[start:end]`."""
    return Traced(text, (start,) * len(text), (end,) * len(text))


def _shifted(traced: Traced, by: int) -> Traced:
    if not by:
        return traced
    return Traced(traced.text, tuple(at + by for at in traced.starts), tuple(at + by for at in traced.ends))


def _joined(parts: Iterable[Traced]) -> Traced:
    parts = tuple(parts)
    return Traced(
        "".join(part.text for part in parts),
        tuple(chain.from_iterable(part.starts for part in parts)),
        tuple(chain.from_iterable(part.ends for part in parts)),
    )


def _then(first: Traced, step: Callable[[str], Traced]) -> Traced:
    """Take a further step, and trace its result through the first."""
    second = step(first.text)
    return Traced(
        second.text,
        tuple(first.starts[at] for at in second.starts),
        tuple(first.ends[at - 1] for at in second.ends),
    )
