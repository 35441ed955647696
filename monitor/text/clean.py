"""HTML to visible text: what a reader sees, with sentence-ending line breaks where blocks end.

A scanner of our own: `html.parser` is quadratic on hostile input (an unclosed comment or attribute),
and feeds are hostile input. Every step here moves forward only, so cost is linear in the text.
`origins.py` takes the same steps and keeps the place of each character in the source.
It is no sanitizer: the answer is plain text and has to be escaped again before it goes into a page.
"""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The text inside these is not for reading (HTML Living Standard, 13.1.2, and what browsers hide).
_HIDDEN: Final = _names(
    "script style template iframe noembed noframes object svg math canvas audio video select"
)
_BLOCKS: Final = _names(
    "address article aside blockquote body br caption center dd details dialog div dl dt fieldset figcaption "
    "figure footer form h1 h2 h3 h4 h5 h6 header hr html legend li main menu nav ol option p pre section "
    "summary table tbody td tfoot th thead title tr ul"
)
_SPACING: Final = frozenset(("img", "input", "button", "textarea"))  # something stands between the words

# A tag's name, then attributes; a ">" inside a quoted attribute value does not end the tag. The
# possessive quantifiers (++, *+) keep a failure from being tried in other ways.
_TAG: Final = re.compile(r"""</?([a-zA-Z][^\s/>]*+)(?:[^=>]++|=\s*+(?:"[^"]*+"|'[^']*+'|(?!["'])))*+>""")
_PLAIN_TAG: Final = re.compile(r"</?([a-zA-Z][^\s/>]*+)[^>]*+>")  # for the rest after an unclosed quote
_MARKUP: Final = re.compile(r"<[a-zA-Z/!?]")
_ESCAPED_MARKUP: Final = re.compile(
    r"</?(?:p|br|div|a|b|i|em|strong|span|img|ul|ol|li|h[1-6]|table|blockquote|script|style)\b[^<>]{0,2000}>",
    re.IGNORECASE,
)
ENTITY: Final = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
LONG_NUMBER: Final = re.compile(r"&#[xX]?[0-9a-fA-F]{9,}+;?")  # Python refuses to convert 4,300 digits
SPACES: Final = re.compile(r"[^\S\n]+")
BREAKS: Final = re.compile(r" ?\n[ \n]*")
SOURCE_BREAK: Final = re.compile(r"\s+")
# Line and paragraph separators end a line as "\n" does; soft hyphens and controls are not visible.
INVISIBLE: Final[dict[int, str]] = {
    **dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), " "),
    **dict.fromkeys((0x0A, 0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029), "\n"),
    **dict.fromkeys((0x00AD, 0x200B, 0x2060, 0xFEFF), ""),
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
}


class Piece(NamedTuple):
    """A part of a source: running text, or something that a reader sees as `instead`."""

    start: int  # offsets in the source
    end: int
    instead: str | None = None  # None: the source's own text, decoded


def visible_text(html: str) -> str:
    """Return the text that a reader of `html` sees.

    Entities are decoded; script, style and alt text are dropped; the end of a block (`<p>`, `<br>`,
    `<li>`, a table cell) becomes a line break, so that sentences end there; other white space
    collapses. Text without tags is taken as plain text: its own line breaks stay. Feeds that escape
    their HTML twice are read twice.
    """
    if "<" not in html and "&" not in html and html.isprintable():  # of white space, spaces at most
        return SPACES.sub(" ", html).strip()
    text = _one_pass(html)
    return _one_pass(text) if is_escaped_html(text) else text


def is_escaped_html(text: str) -> bool:
    """Tell whether what was decoded is HTML again: a feed escaped it twice."""
    return "<" in text and _ESCAPED_MARKUP.search(text) is not None


def _one_pass(html: str) -> str:
    text = _strip_tags(html) if has_markup(html) else _decode(html)
    text = text.translate(INVISIBLE).replace("\r", "\n") if not text.isprintable() else text
    return BREAKS.sub("\n", SPACES.sub(" ", text)).strip()


def _strip_tags(html: str) -> str:
    return "".join(
        _flowing(html[start:end]) if instead is None else instead for start, end, instead in pieces(html)
    )


def has_markup(text: str) -> bool:
    """Tell whether a text holds anything that looks like a tag, comment or declaration."""
    return "<" in text and _MARKUP.search(text) is not None


def pieces(html: str) -> Iterator[Piece]:
    """Cut a source into running text (to be decoded) and what stands in the place of tags."""
    position, pattern = 0, _TAG
    while (opening := html.find("<", position)) >= 0:
        if opening > position:
            yield Piece(position, opening)
        if html.startswith(("<!", "<?"), opening):
            position = _after_declaration(html, opening)
            continue
        tag = pattern.match(html, opening)
        if tag is None and pattern is _TAG and _starts_tag(html, opening):
            # A quote is not closed in all the rest: from here on, quotes mean nothing.
            pattern = _PLAIN_TAG
            tag = pattern.match(html, opening)
        if tag is not None:
            instead, position = _in_place_of(html, tag)
            if instead:
                yield Piece(opening, position, instead)
        elif _starts_tag(html, opening):
            return  # cut off inside a tag
        else:
            yield Piece(opening, opening + 1, "<")
            position = opening + 1
    yield Piece(position, len(html))


def _starts_tag(html: str, opening: int) -> bool:
    after = html[opening + 1 : opening + 3].removeprefix("/")[:1]
    return after.isascii() and after.isalpha()


def _after_declaration(html: str, opening: int) -> int:
    """Return where the text goes on after a comment, CDATA section, doctype or instruction."""
    if html.startswith("<!--", opening):
        end, skip = html.find("-->", opening + 2), 3
    else:
        end, skip = html.find(">", opening), 1
    return len(html) if end < 0 else end + skip


def _in_place_of(html: str, tag: re.Match[str]) -> tuple[str, int]:
    """Return what a reader sees instead of a tag ("" for nothing), and where the text goes on."""
    name = tag[1].lower()
    if name in _BLOCKS:
        return "\n", tag.end()
    if name in _SPACING:
        return " ", tag.end()
    if name in _HIDDEN and not tag[0].startswith("</") and not tag[0].endswith("/>"):
        # Not closed means hidden to the end, as browsers do.
        closing = re.compile(rf"</{name}\b[^>]*+>?", re.IGNORECASE).search(html, tag.end())
        return " ", closing.end() if closing else len(html)
    return "", tag.end()


def _flowing(text: str) -> str:
    """Return running text of an HTML source, where line breaks are only spaces."""
    return SOURCE_BREAK.sub(" ", _decode(text))


def _decode(text: str) -> str:
    if "&" not in text:
        return text
    text = unescape(LONG_NUMBER.sub("\ufffd", text))
    # Many feeds escape their entities twice ("&amp;#8217;"); nobody means to show "&#8217;".
    return unescape(text) if "&" in text and ENTITY.search(text) else text
