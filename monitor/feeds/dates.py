"""Reads the dates that feeds really contain: RFC 822 and ISO 8601 with all their accidents.

Our own reader goes first, because feedparser misreads some spellings without saying so (`MSK`, `UTC+3`,
`2020/1/10`); what ours cannot read is handed to feedparser's. A date without a zone is UTC. The answer is
None for what is missing, unreadable or more than an hour in the future: a wrong date is worse than none,
because items without one are ordered by when they were first seen.
"""

from __future__ import annotations

import calendar
import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from typing import Final

# The registry of readers has no public entry; feedparser is pinned and a test reads a Greek date with it.
from feedparser.datetimes import _parse_date as _feedparser_date

from monitor.feeds.months import MONTHS, PAIRS, SOLAR_MONTHS, ZONES, fold

FUTURE: Final = timedelta(hours=1)  # clocks of publishers run fast, and some round up
_LONGEST: Final = 120  # characters; no date needs more
_OLDEST: Final = 1971  # 1970 is an empty time stamp
_FARTHEST_ZONE: Final = 14 * 60  # minutes: Kiribati

_MARKS = re.compile("[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_HAN_NUMBER = re.compile("[〇零一二三四五六七八九十]+(?=[年月日号號时時点點分秒])")
_HAN_DIGITS = str.maketrans("〇零一二三四五六七八九", "00123456789")
_UNITS = re.compile(
    "([0-9])\\s*([年月日号號时時点點分秒년월일시분초])\\s*"
)  # only after a number: 星期日 is a weekday
_UNIT_SIGNS = dict.fromkeys(map(ord, "年月년월"), "-") | dict.fromkeys(map(ord, "时時点點分시분"), ":")
_GLUED = re.compile(r"(?<!\d)((?:19|20)\d\d)(?=\d\d:\d\d)")  # `31 Mar 202510:50:41`
_WORD = r"[^\W\d_]+(?:['’.][^\W\d_]+)*"

_RFC_822 = re.compile(
    r"\s*(?:[A-Za-z]{3},?\s+)?(\d{1,2})\s([A-Za-z]{3})\s((?:19|20)\d\d)\s(\d\d):(\d\d)(?::(\d\d))?"
    r"\s([-+]\d{4}|GMT|UTC|Z)\s*",
    re.ASCII,
)
_RFC_3339 = re.compile(
    r"\s*((?:19|20)\d\d)-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?([-+]\d\d:?\d\d|[Zz])\s*", re.ASCII
)
_ENGLISH = {
    name: number
    for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)  # noqa: SIM905 - as words
}
_ISO = re.compile(r"(?<!\d)(\d{4})([-/.])(\d{1,2})(?:\2(\d{1,2}))?(?!\d)")
_ISO_BASIC = re.compile(r"(?<!\d)(\d{4})(\d\d)(\d\d)(?:t?(\d\d)(\d\d)(\d\d)?)?(?!\d)")
_NUMERIC = re.compile(r"(?<!\d)(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d\d)(?!\d)")
_DAY_FIRST = re.compile(
    rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th|er|º|ª|\.)?[\s,.-]*(?:de\s+|of\s+)?({_WORD})\.?"
    r"[\s,./-]*(?:de[l]?\s+|of\s+)?(\d{4}|'?\d\d(?![\d:.h]))?(?!\d)"
)
_MONTH_FIRST = re.compile(
    rf"({_WORD})\.?[\s-]*(\d{{1,2}})(?:st|nd|rd|th)?(?![\d:])(?:[\s,-]+(\d{{4}})(?!\d))?"
)
_YEAR_LAST = re.compile(r"(?<!\d)(\d{4})\s*$")
_TIME = re.compile(
    r"(?<![\d:])(\d{1,2})\s?[:h٫](\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?!\d)|(?<![\d:.])(\d{1,2})\.(\d\d)(?:\.(\d\d))?(?![\d.])"
)
_HALF = re.compile(r"^\s*(a\.?m\b|p\.?m\b|[صم](?=\W|$)|ق\.?ظ|ب\.?ظ)")
_HALF_BEFORE = re.compile(fold(r"(?:上午|午前|오전|(下午|午後|오후))\s*$"))
_OFFSET = re.compile(r"([-+\u2212\u2013])\s?(\d{1,2})(?::?(\d\d))?(?!\d)")
_ZONE_WORD = re.compile(r"[^\W\d_]+")


def read_date(text: str, now: datetime) -> datetime | None:
    """Return the moment that `text` names in UTC, or None.

    Args:
        text: a date as written in a feed.
        now: decides missing years, day or month first, and what is in the future; aware.
    """
    if (usual := _usual(text)) is not None:
        return usual if usual <= now + FUTURE else None
    cleaned = _clean(text)
    if not cleaned or len(cleaned) > _LONGEST:
        return None
    readings = _own(cleaned, now)
    moments = _feedparsers(text) if readings is None else readings
    real = [moment for moment in moments if moment.year >= _OLDEST and moment <= now + FUTURE]
    return max(real, default=None)


def _usual(text: str) -> datetime | None:
    """Read what nine feeds in ten write, RFC 822 and RFC 3339 as they should be; None for all else.

    It is what the steps below make of it, at a thirtieth of their cost.
    """
    if match := _RFC_822.fullmatch(text):
        day, month, year = int(match[1]), _ENGLISH.get(match[2].lower(), 0), int(match[3])
        clock, micro = (int(match[4]), int(match[5]), int(match[6] or 0)), 0
        zone = match[7]
    elif match := _RFC_3339.fullmatch(text):
        day, month, year = int(match[3]), int(match[2]), int(match[1])
        clock, micro = (int(match[4]), int(match[5]), int(match[6])), int((match[7] or "0")[:6].ljust(6, "0"))
        zone = match[8]
    else:
        return None
    east = int(zone[1:3]) * 60 + int(zone[-2:]) if zone[0] in "+-" else 0
    try:
        moment = datetime(year, month, day, *clock, micro, tzinfo=UTC)
    except ValueError:
        return None
    if east > _FARTHEST_ZONE or year < _OLDEST:
        return None
    moment -= timedelta(minutes=-east if zone[0] == "-" else east)
    return moment if moment.year >= _OLDEST else None


def _clean(text: str) -> str:
    """Return `text` with ASCII digits, folded letters and single spaces."""
    if len(text) > 2 * _LONGEST:
        return ""
    plain = _HAN_NUMBER.sub(lambda number: _han_number(number[0]), _MARKS.sub("", text))
    digits = "".join(str(unicodedata.decimal(sign)) if sign.isdecimal() else sign for sign in plain)
    digits = _UNITS.sub(lambda unit: unit[1] + _UNIT_SIGNS.get(ord(unit[2]), " "), digits)
    folded = fold(digits).replace("،", ",").replace("_", " ")
    for words, number in PAIRS.items():
        folded = folded.replace(words, next(name for name, month in MONTHS.items() if month == number))
    return " ".join(_GLUED.sub(r"\1 ", folded).split())


def _han_number(text: str) -> str:
    """Return a number up to 99, or a row of digits, in ASCII: 三十 is 30, 二〇二五 is 2025."""
    tens, ten, ones = text.partition("十")
    if not ten:
        return text.translate(_HAN_DIGITS)
    return (tens or "一").translate(_HAN_DIGITS) + (ones or "〇").translate(_HAN_DIGITS)


def _own(text: str, now: datetime) -> list[datetime] | None:
    """Return the possible readings; None when `text` names no day that we know how to look for."""
    if re.fullmatch(r"\d{10}(?:\d{3})?(?:\.\d+)?", text):
        seconds = float(text) / (1000 if len(text.partition(".")[0]) == 13 else 1)  # noqa: PLR2004 - milliseconds
        return [datetime.fromtimestamp(seconds, UTC)]
    for reader in (_iso_day, _numeric_day, _worded_day):
        try:
            if found := reader(text, now):
                days, rest = found
                return [_with_time(day, rest) for day in days]
        except (ValueError, OverflowError):
            return []
    return None


def _iso_day(text: str, _: datetime) -> tuple[list[date], str] | None:
    if match := _ISO.search(text):
        year, _separator, month, day = match.groups()
        return [_day(int(year), int(month), int(day or 1))], text[: match.start()] + " " + text[match.end() :]
    if match := _ISO_BASIC.search(text):
        year, month, day, hour, minute, second = match.groups()
        clock = f" {hour}:{minute}:{second or '00'} " if hour else " "
        return [_day(int(year), int(month), int(day))], text[: match.start()] + clock + text[match.end() :]
    return None


def _numeric_day(text: str, _: datetime) -> tuple[list[date], str] | None:
    """Read 30.03.2025, and 3/4/2025 both ways: feeds hold news, so the later one in the past is meant."""
    match = _NUMERIC.search(text)
    if not match:
        return None
    first, separator, second, year = int(match[1]), match[2], int(match[3]), _year(match[4])
    orders = [(second, first)] if separator == "." else [(second, first), (first, second)]
    days = [_day(year, month, day) for month, day in orders if 1 <= month <= 12]  # noqa: PLR2004 - months
    return days, text[: match.start()] + " " + text[match.end() :]


def _worded_day(text: str, now: datetime) -> tuple[list[date], str] | None:
    for pattern, day_group, word_group in ((_DAY_FIRST, 1, 2), (_MONTH_FIRST, 2, 1)):
        for match in pattern.finditer(text):
            word = match[word_group].rstrip(".")
            solar = word in SOLAR_MONTHS and word not in MONTHS
            month = SOLAR_MONTHS.get(word, 0) if solar else MONTHS.get(word, 0)
            if not month:
                continue
            rest = text[: match.start()] + " " + text[match.end() :]
            written = match[3]
            if not written and (late := _YEAR_LAST.search(rest)):
                written, rest = late[1], rest[: late.start()]
            if solar:
                return ([_solar_day(int(written), month, int(match[day_group]))], rest) if written else None
            if written:
                return [_day(_year(written.lstrip("'")), month, int(match[day_group]))], rest
            return [_latest(month, int(match[day_group]), now)], rest
    return None


def _latest(month: int, day: int, now: datetime) -> date:
    """Return the last such day that is not in the future, for a date without a year."""
    latest = (now + FUTURE).date()
    return next(
        found
        for year in (latest.year, latest.year - 1, latest.year - 4, latest.year - 8)
        if day <= calendar.monthrange(year, month)[1] and (found := date(year, month, day)) <= latest
    )


def _year(text: str) -> int:
    """Return a year; two digits as RFC 5322, section 4.3, reads them, but from 70 on in the last century."""
    year = int(text)
    if len(text) > 2:  # noqa: PLR2004 - digits
        return year
    return year + (2000 if year < 70 else 1900)  # noqa: PLR2004 - RSS did not exist before


def _day(year: int, month: int, day: int) -> date:
    if 1300 <= year < 1500:  # noqa: PLR2004 - the Iranian calendar's present century, in digits
        return _solar_day(year, month, day)
    if 2400 < year < 2700:  # noqa: PLR2004 - the Buddhist era of Thai sites
        year -= 543
    return date(year, month, day)


def _solar_day(year: int, month: int, day: int) -> date:
    """Return the Gregorian day of a date in the Iranian calendar.

    The 33-year cycle with eight leap years is exact from 1244 to 1502 (1865 to 2124).
    """
    if not (1244 <= year <= 1502 and 1 <= month <= 12 and 1 <= day <= 31):  # noqa: PLR2004
        raise ValueError(year, month, day)
    days = (month - 1) * 31 if month <= 7 else 186 + (month - 7) * 30  # noqa: PLR2004 - six months of 31
    leaps = (8 * year + 21) // 33 - (8 * 1403 + 21) // 33
    return date(2024, 3, 20) + timedelta(days=(year - 1403) * 365 + leaps + days + day - 1)


def _with_time(day: date, rest: str) -> datetime:
    """Return the moment on `day` that the clock and zone in `rest` say; midnight UTC without them."""
    match = _TIME.search(rest)
    if not match:
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    hour, minute = int(match[1] or match[5]), int(match[2] or match[6])
    second = min(int(match[3] or match[7] or 0), 59)  # a leap second
    micro = int((match[4] or "0")[:6].ljust(6, "0"))
    before, after = rest[: match.start()], rest[match.end() :]
    half = _HALF.match(after)
    if half or (early := _HALF_BEFORE.search(before)):
        late = half[1][0] in "pمب" if half else bool(early and early[1])
        hour = hour % 12 + (12 if late else 0) if hour <= 12 else hour  # noqa: PLR2004 - a twelve-hour clock
        after = after[half.end() :] if half else after
    extra = timedelta(0)
    if hour == 24 and minute == 0:  # noqa: PLR2004 - ISO 8601's end of day
        hour, extra = 0, timedelta(days=1)
    moment = datetime(day.year, day.month, day.day, hour, minute, second, micro, tzinfo=UTC) + extra
    return moment - timedelta(minutes=_zone(before, after))


def _zone(before: str, after: str) -> int:
    """Return minutes east of Greenwich; 0 when no zone is written.

    An offset wins over a name: `EDT -0400`, `+0300 (MSK)`. In `UTC+3` and `GMT+9` people mean east.

    Raises:
        ValueError: an offset that no place on earth has.
    """
    if match := _OFFSET.search(after):
        hours, minutes = match[2], match[3] or "0"
        total = int(hours) * 60 + int(minutes)
        if total > _FARTHEST_ZONE:
            raise ValueError(match[0])
        return total if match[1] == "+" else -total
    for word in _ZONE_WORD.findall(after) + _ZONE_WORD.findall(before):
        if word in ZONES:
            return ZONES[word]
    return 0


def _feedparsers(text: str) -> list[datetime]:
    """Return what feedparser's own readers make of a text in which ours finds no day.

    Some of them take the first digits they see for a date (`2025년 03월 30일` became 1 November), so the
    day and the year that they answer have to stand in the text.
    """
    try:
        parsed = _feedparser_date(text)
        moment = datetime.fromtimestamp(calendar.timegm(parsed), UTC) if parsed else None
    except (ValueError, OverflowError, TypeError, IndexError, AttributeError):
        return []
    numbers = {int(digits) for digits in re.findall(r"[0-9]{1,4}", text)}
    if moment is None or moment.day not in numbers or not {moment.year, moment.year % 100} & numbers:
        return []
    return [moment]
