"""Headlines as keys: without the publisher's name, and none for those that say nothing."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from monitor.stories.similarity import normalized
from monitor.text.tokens import is_character_script

_LEAST_WORDS: Final = 4
_LEAST_TELLING: Final = 3  # words that are not generic
_LEAST_TELLING_RUNNING: Final = 5  # in a title that announces a live page or a briefing
_LEAST_CHARACTERS: Final = 8  # in scripts without spaces
_LONGEST_SUFFIX: Final = 5  # words of a publisher's name
_MOST_SUFFIXES: Final = 3  # section, edition and name of a site
_LEAST_LEFT: Final = 3  # words of a headline without its suffixes

_SUFFIX: Final = re.compile(r"\s([|\u00b7\u2022]|[-\u2013\u2014])\s(?P<name>[^|\u00b7\u2022]{2,50})$")
_KICKER: Final = re.compile(
    r"^\s*(?:breaking(?: news)?|just in|exclusive|urgent|watch|video|update(?: \d+)?|срочно|молния|терміново)"
    r"\s*(?:[:|]|-(?=\S)|[-\u2013\u2014]\s)\s*",
    re.IGNORECASE,
)
# Words by which publishers call themselves; elsewhere after a dash stands who said it.
_MEDIA_WORDS: Final = frozenset(
    {
        "news", "times", "post", "tv", "radio", "online", "agency", "press", "journal", "herald",
        "tribune", "gazette", "daily", "media", "magazine", "broadcasting", "newspaper", "chronicle",
        "telegraph", "observer", "новости", "новини", "газета", "правда", "actualites", "nachrichten",
        "noticias", "diario",
    }
)  # fmt: skip
# Words of titles that come back every day; folded.
_GENERIC: Final = frozenset(
    {
        "a", "an", "and", "are", "as", "at", "by", "for", "from", "in", "is", "it", "of", "on", "or",
        "so", "the", "to", "with", "we", "what", "who", "how", "why", "this", "that", "here", "live",
        "latest", "update", "updates", "updated", "news", "newsletter", "brief", "briefing",
        "briefings", "bulletin", "daily", "morning", "evening", "afternoon", "night", "weekly", "today",
        "tonight", "yesterday", "week", "weekend", "day", "month", "headline", "headlines", "summary",
        "roundup", "recap", "digest", "glance", "watch", "video", "videos", "photo", "photos",
        "picture", "pictures", "podcast", "podcasts", "blog", "know", "far", "things", "happened",
        "happening", "stories", "story", "top", "key", "moments", "moment", "developments", "minute",
        "our", "your", "you", "need", "january", "february", "march", "april", "may", "june",
        "july", "august", "september", "october", "november", "december", "monday", "tuesday",
        "wednesday", "thursday", "friday", "saturday", "sunday", "новости", "главное", "сегодня",
        "утро", "вечер", "онлайн", "обзор", "новини", "головне", "сьогодні", "онлаин", "le", "la",
        "les", "l", "de", "des", "du", "direct", "en", "et", "actualite", "actualites", "essentiel",
        "jour",
    }
)  # fmt: skip
_RUNNING: Final = frozenset(
    {
        "live", "blog", "briefing", "briefings", "brief", "bulletin", "newsletter", "roundup", "recap",
        "digest", "glance", "podcast", "headlines", "updates", "latest", "онлайн", "онлаин", "обзор",
    }
)  # fmt: skip
# "War live: ...", "LIVE", "... - politics live", "En direct"; not "live-fire drills" or "direct talks".
_LIVE: Final = re.compile(
    r"(?-i:\bLIVE\b)|^\s*live\b(?!-)|\blive\s*(?:$|[:|,\u2013\u2014]|updates?\b|blog|coverage\b|news\b|latest\b)"
    r"|\ben direct\b|^\s*direct\s*[:|,.]|\bонлайн\b",
    re.IGNORECASE,
)
_LIVE_URL: Final = re.compile(
    r"/live(?:blog)?[/-]|-live(?:-updates|blog)?(?:[/.?]|$)|/liveticker/", re.IGNORECASE
)
_STEM: Final = 5  # letters by which two forms of a word agree


def title_key(title: str, url: str = "") -> str:
    """Return the headline by which the same text is recognised elsewhere; "" when it says too little.

    Folded, without a kicker such as "BREAKING:" and without the publisher's name at its end.
    """
    key = normalized(without_publisher(_KICKER.sub("", title), url))
    words = key.split()
    if words and sum(map(is_character_script, words)) > len(words) // 2:
        return key if len(words) >= _LEAST_CHARACTERS else ""
    telling = [word for word in words if word not in _GENERIC and not word.isdecimal()]
    running = not _RUNNING.isdisjoint(words)
    enough = _LEAST_TELLING_RUNNING if running else _LEAST_TELLING
    return key if len(words) >= _LEAST_WORDS and len(telling) >= enough else ""


def without_publisher(title: str, url: str = "") -> str:
    """Return `title` without " - BBC News" or " | Le Monde" at its end.

    After a bar stands a name of the site. After a dash it may as well be who said it ("... - Kremlin"),
    so only a name that the site's address holds, or one with a word such as "News", is taken off.
    """
    for _ in range(_MOST_SUFFIXES):
        found = _SUFFIX.search(title)
        if not found or not _is_publisher(found, title[: found.start()], url):
            return title
        title = title[: found.start()]
    return title


def _is_publisher(found: re.Match[str], rest: str, url: str) -> bool:
    name = normalized(found["name"]).split()
    if not name or len(name) > _LONGEST_SUFFIX or len(normalized(rest).split()) < _LEAST_LEFT:
        return False
    after_bar = found[1] not in "-\u2013\u2014"
    return after_bar or not _MEDIA_WORDS.isdisjoint(name) or _in_host(name, url)


def is_running(title: str, url: str = "") -> bool:
    """Return whether headline or address announce a live page, whose subject changes as it goes on."""
    return _LIVE.search(title) is not None or _LIVE_URL.search(url) is not None


def overlap(title: str, other: str) -> float:
    """Return the share of the shorter headline's telling words that the other has, too; 0 to 1.

    Words are compared by their first letters, so that inflected forms and derivations agree.
    """
    mine, theirs = _telling(title), _telling(other)
    return len(mine & theirs) / min(len(mine), len(theirs)) if mine and theirs else 0.0


def _telling(title: str) -> frozenset[str]:
    return frozenset(
        word[:_STEM]
        for word in normalized(title).split()
        if word not in _GENERIC and (len(word) > 1 or is_character_script(word))
    )


def _in_host(name: list[str], url: str) -> bool:
    """Return whether the name, written without spaces, is a part of the URL's host."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    compact = "".join(word for word in name if word != "the")
    return len(compact) >= 2 and compact in host.replace("-", "").replace(".", "")  # noqa: PLR2004 -- "DW"
