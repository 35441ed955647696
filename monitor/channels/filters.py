"""Filters that templates have beside Jinja2's own; all pure, none can blow up a text."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

MIN_WIDTH, MAX_WIDTH = 20, 200  # columns of a line of a text part

# Strong right-to-left letters; explicit marks in feed text are taken out before (`plain`).
_RTL = frozenset({"R", "AL"})
_FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"
_ENTRY = re.compile(r"(?P<list>[a-z0-9_]+): (?P<name>.+)")
_ZERO_WIDTH = "\u200b"
# What has a meaning in Markdown as chats read it; "." and "-" only at the beginning of a line, where
# no value stands.
_MARKDOWN = re.compile(r"[\\`*_{}\[\]()<>#+!|~:]")
_SLACK_MARKS = re.compile(r"[*_~`]")
_LINK_ENDS = re.compile(r"[()<>\[\]|\\\"`*~^{}]")
_SPACES = re.compile(r"\s+")
# Control characters, and the marks that reorder what follows them ("Trojan source").
_UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufff9-\ufffb]")


def plain(value: str) -> str:
    """Return `value` on one line, without control characters and direction overrides."""
    return _SPACES.sub(" ", _UNSAFE.sub("", str(value))).strip()


def isolate(value: str) -> str:
    """Return `plain(value)`, in directional isolates when it holds right-to-left text (UAX #9).

    Without them an Arabic headline would pull the punctuation and numbers beside it to its other end.
    """
    text = plain(value)
    if any(unicodedata.bidirectional(character) in _RTL for character in text):
        return f"{_FIRST_STRONG_ISOLATE}{text}{_POP_ISOLATE}"
    return text


def wrap(value: str, width: int = 72, indent: int = 0) -> str:
    """Return `value` in lines of at most `width` columns, all but the first indented by `indent`.

    An indent takes at most half of a line. Links and long words are never broken. Paragraphs (blank
    lines) stay apart.
    """
    width = min(max(int(width), MIN_WIDTH), MAX_WIDTH)
    indent = min(max(int(indent), 0), width // 2)
    margin = " " * indent
    paragraphs = [
        textwrap.fill(
            _SPACES.sub(" ", paragraph).strip(),
            width - indent,
            break_long_words=False,
            break_on_hyphens=False,
        ).replace("\n", "\n" + margin)
        for paragraph in re.split(r"\n\s*\n", str(value))
    ]
    return f"\n\n{margin}".join(paragraphs)


def web_url(value: str) -> str:
    """Return `value` when it is an http or https URL, else "": no `javascript:` behind a headline."""
    text = str(value).strip()
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    safe = parts.scheme in {"http", "https"} and parts.netloc and not _UNSAFE.search(text)
    return text if safe and not _SPACES.search(text) else ""


def clip(value: str, most: int) -> str:
    """Return `value` if it has at most `most` characters, else its beginning and an ellipsis.

    Characters are counted as most receivers count them: those beyond the first 65,536 code points
    (emoji) count twice. The cut is at a blank when there is one near.
    """
    text = str(value)
    if utf16(text) <= most:
        return text
    if most < 1:
        return ""
    kept = cut_utf16(text, most - 1)
    blank = kept.rfind(" ")
    return f"{kept[:blank] if blank > len(kept) * 3 // 4 else kept.rstrip()}\u2026"


def utf16(text: str) -> int:
    """Return the length of `text` in UTF-16 code units: what JavaScript and Java call its length."""
    return len(text) + sum(character > "\uffff" for character in text)


def cut_utf16(text: str, most: int) -> str:
    """Return the longest beginning of `text` with at most `most` UTF-16 code units."""
    size = 0
    for index, character in enumerate(text):
        size += 1 + (character > "\uffff")
        if size > most:
            return text[:index]
    return text


def unmention(value: str) -> str:
    """Return `value` so that no chat takes an "@name" in it for a call: nothing to see, nobody called."""
    return str(value).replace("@", f"@{_ZERO_WIDTH}")


def markdown(value: str) -> str:
    """Return `value` as Markdown that shows just these characters (CommonMark 0.31, 2.4).

    No link, emphasis, code, heading or mention can be written by it: every character with a meaning
    there gets a backslash, and an "@" nothing to hold on to.
    """
    return unmention(_MARKDOWN.sub(r"\\\g<0>", plain(value)))


def slack(value: str) -> str:
    """Return `value` for Slack's mrkdwn: `&`, `<` and `>` begin everything that is a link or a mention there.

    https://docs.slack.dev/messaging/formatting-message-text: "Escaping text".
    """
    text = unmention(plain(value)).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SLACK_MARKS.sub(lambda found: f"{_ZERO_WIDTH}{found[0]}{_ZERO_WIDTH}", text)


def link_url(value: str) -> str:
    """Return an http or https URL without characters that end a link in Markdown or mrkdwn, else "".

    They are percent-encoded, which names the same page.
    """
    return _LINK_ENDS.sub(lambda found: f"%{ord(found[0]):02X}", web_url(value))


def domain(value: str) -> str:
    """Return the host of a URL without `www.`: "example.org"; "" when there is none."""
    try:
        host = urlsplit(str(value)).hostname or ""
    except ValueError:
        return ""
    return host.removeprefix("www.")


def replace(value: str, old: str, new: str) -> str:
    """Return `value` with `old` replaced; both are short and `old` is not empty."""
    if not old or len(new) > 10 * len(old):
        raise ValueError("replace(old, new) needs a text to look for, and a replacement of similar length")
    return str(value).replace(old, new)


def plural(count: int, one: str, many: str = "") -> str:
    """Return the count with its noun: "1 report", "3 reports"; `many` when an s is not enough."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def words(value: str) -> str:
    """Return an identifier for people: "state_media" and "ukraine-ceasefire" with spaces."""
    return plain(value).replace("_", " ").replace("-", " ")


def sentence(value: str) -> str:
    """Return `words(value)` with a capital first letter and the others as they are."""
    text = words(value)
    return text[:1].upper() + text[1:]


def entry(value: str) -> str:
    """Return what matched as people say it: "Steve Witkoff (us envoys)" for "us_envoys: Steve Witkoff".

    Several entries that matched the same words stand with semicolons between them.
    """
    parts = plain(value).split("; ")
    listed = [(part, _ENTRY.fullmatch(part)) for part in parts]
    return "; ".join(f"{found['name']} ({words(found['list'])})" if found else part for part, found in listed)


FILTERS: dict[str, Callable[..., Any]] = {
    "plain": plain,
    "isolate": isolate,
    "wrap": wrap,
    "web_url": web_url,
    "link_url": link_url,
    "clip": clip,
    "markdown": markdown,
    "slack": slack,
    "unmention": unmention,
    "domain": domain,
    "replace": replace,
    "plural": plural,
    "words": words,
    "sentence": sentence,
    "entry": entry,
}
