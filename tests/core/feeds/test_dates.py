"""Dates as feeds write them: every spelling of one afternoon, and what is no date."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.feeds import dates
from monitor.feeds.dates import read_date

NOW = datetime(2025, 4, 2, 9, 0, tzinfo=UTC)
AFTERNOON = datetime(2025, 3, 30, 14, 5, tzinfo=UTC)
MIDNIGHT = datetime(2025, 3, 30, tzinfo=UTC)

SPELLINGS = [
    # RFC 822, 1123, 5322, 850 and asctime
    "Sun, 30 Mar 2025 14:05:00 GMT",
    "Sun, 30 Mar 2025 14:05:00 +0000",
    "Sun, 30 Mar 2025 14:05:00 -0000",
    "Sun, 30 Mar 2025 14:05 UT",
    "30 Mar 2025 14:05:00 Z",
    "Sun, 30 Mar 25 14:05:00 GMT",
    "Sunday, 30-Mar-25 14:05:00 GMT",
    "Sun Mar 30 14:05:00 2025",
    "Sun Mar 30 14:05:00 UTC 2025",
    "Sun, 30Mar 2025 14:05:00 GMT",
    "Sun,30 Mar 2025 14:05:00 GMT",
    "Sun, 30 Mar 202514:05:00 GMT",
    "Sun, 30 March 2025 14:05:00 GMT",
    "Sun, 30 MAR 2025 14:05:00 gmt",
    "Sun, Mar 30 2025 14:05:00 GMT",
    "Mon, 30 Mar 2025 14:05:00 GMT",  # the weekday is wrong: it says nothing
    "Sun, 30 Mar 2025 14:05:00",  # no zone: UTC
    "Sun, 30 Mar 2025 09:05:00 EST",
    "Sun, 30 Mar 2025 10:05:00 EDT",
    "Sun, 30 Mar 2025 10:05:00 EDT -0400",
    "Sun, 30 Mar 2025 07:05:00 PDT",
    "Sun, 30 Mar 2025 17:05:00 MSK",
    "Sun, 30 Mar 2025 17:05:00 +0300 (MSK)",
    "Sun, 30 Mar 2025 17:05:00 +03:00",
    "Sun, 30 Mar 2025 17:05:00 +3",
    "Sun, 30 Mar 2025 17:05:00 UTC+3",
    "Sun, 30 Mar 2025 17:05:00 UTC +0300",
    "Sun, 30 Mar 2025 23:05:00 GMT+9",
    "Sun, 30 Mar 2025 23:05:00 JST",
    "Sun, 30 Mar 2025 19:35:00 IST",
    "Sun, 30 Mar 2025 19:35:00 GMT+05:30",
    "Sun, 30 Mar 2025 16:05:00 CEST",
    "Sun, 30 Mar 2025 16:05:00 +0200 GMT",
    "Sun, 30 Mar 2025 10:05:00 \u22120400",  # a typographic minus
    "Sun, 30 Mar 2025 2:05 PM GMT",
    "March 30, 2025 2:05 p.m.",
    "30th of March 2025, 14:05",
    # ISO 8601 and RFC 3339
    "2025-03-30T14:05:00Z",
    "2025-03-30t14:05:00z",
    "2025-03-30T14:05Z",
    "2025-03-30T14:05:00+00:00",
    "2025-03-30T17:05:00+0300",
    "2025-03-30T17:05:00+03",
    "2025-03-30T17:05:00.000+03:00",
    "2025-03-30 14:05:00",
    "2025-03-30 14:05:00 UTC",
    "2025-03-30 17:05:00 Europe/Moscow +0300",
    "2025-3-30 14:05",
    "2025/03/30 14:05:00",
    "2025.03.30 14:05",
    "20250330T140500Z",
    "20250330140500",
    # numbers, day first or month first
    "30.03.2025 14:05",
    "30.03.2025, 14.05",
    "30/03/2025 14:05",
    "03/30/2025 14:05",
    "30-03-2025 14:05:00",
    # time stamps
    "1743343500",
    "1743343500000",
    # other languages
    "dim. 30 mars 2025 14h05",
    "dimanche 30 mars 2025 à 14:05",
    "So, 30 Mär 2025 14:05:00 +0000",
    "Sonntag, 30. März 2025 16:05 MESZ",
    "dom, 30 mar. 2025 14:05:00 +0000",
    "domingo, 30 de marzo de 2025, 14:05",
    "dom, 30 marzo 2025 14:05",
    "domingo, 30 de março de 2025 14:05",
    "вс, 30 мар 2025 17:05:00 +0300",
    "30 марта 2025, 17:05 МСК",
    "Нд, 30 берез 2025 14:05:00",
    "30 березня 2025 14:05",
    "niedziela, 30 marca 2025 14:05",
    "30 Mart 2025 Pazar 17:05 TRT",
    "الأحد، 30 مارس 2025 14:05",
    "٣٠ آذار ٢٠٢٥ 14:05",
    "30 مارس 2025 02:05 م",
    "\u200f30 مارس 2025\u200f 14:05",
    "۳۰ مارس ۲۰۲۵ ۱۴:۰۵",
    "یکشنبه ۱۰ فروردین ۱۴۰۴ ساعت ۱۴:۰۵",
    "1404/01/10 14:05",
    "2025年3月30日 14:05",
    "2025年03月30日14时05分",
    "二〇二五年三月三十日 14:05",
    "30/03/2568 14:05",  # Buddhist era
]
MONTH_NAMES = {
    "Sun, 30 мая 2021 14:05": datetime(2021, 5, 30, 14, 5, tzinfo=UTC),
    "5 листопада 2024 10:00": datetime(2024, 11, 5, 10, tzinfo=UTC),
    "1er août 2024 08:00": datetime(2024, 8, 1, 8, tzinfo=UTC),
    "9. Jänner 2025": datetime(2025, 1, 9, tzinfo=UTC),
    "17 كانون الثاني 2025": datetime(2025, 1, 17, tzinfo=UTC),
    "17 تشرين الأول 2024": datetime(2024, 10, 17, tzinfo=UTC),
    "mar 5 nov 2024 10:00": datetime(2024, 11, 5, 10, tzinfo=UTC),  # Tuesday, not March
    "15 gen 2025": datetime(2025, 1, 15, tzinfo=UTC),
    "3 ژانویه 2025": datetime(2025, 1, 3, tzinfo=UTC),
    "۳۰ اسفند ۱۴۰۳": datetime(2025, 3, 20, tzinfo=UTC),  # the leap day before the new year
    "1 دی 1403 10:00": datetime(2024, 12, 21, 10, tzinfo=UTC),
    "01 Feb 2025 24:00": datetime(2025, 2, 2, tzinfo=UTC),
    "31 Dec 2016 23:59:60 GMT": datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC),
    "2025-02": datetime(2025, 2, 1, tzinfo=UTC),
    "2020/1/10": datetime(2020, 1, 10, tzinfo=UTC),
    "30 Mar": MIDNIGHT,  # no year: the last such day
    "25 Dec 10:00": datetime(2024, 12, 25, 10, tzinfo=UTC),
    "05/03/2025": datetime(2025, 3, 5, tzinfo=UTC),  # 3 May is in the future
    "03/04/2025": datetime(2025, 3, 4, tzinfo=UTC),  # 3 April is the day after tomorrow's edge
    "12/03/2025": datetime(2025, 3, 12, tzinfo=UTC),
    "2025-03-30": MIDNIGHT,
    "Κυρ, 30 Μαρ 2025 16:05:00 EET": AFTERNOON,
    "2025년 03월 30일 23:05:00 KST": AFTERNOON,
    "2025년 3월 30일 오후 2:05": AFTERNOON,
    "2025年3月30日 星期日 下午2:05": AFTERNOON,
    "二〇二五年三月十日": datetime(2025, 3, 10, tzinfo=UTC),
}
NOTHING = [
    "", " ", "yesterday", "n/a", "0", "0000-00-00T00:00:00Z", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z",
    "Thu, 01 Jan 1970 00:00:00 GMT", "31 Feb 2025 10:00", "2025-13-40", "30 Mar 2025 25:00",
    "30 Mar 2025 14:05 +2500",
    "x" * 5000, "9" * 300, "Thu, 32 Mar 2025", "14:05", "1 2 3", "1499/12/31", "31/31/2025",
]  # fmt: skip


@pytest.mark.parametrize("text", SPELLINGS)
def test_one_afternoon(text):
    assert read_date(text, NOW) == AFTERNOON


@pytest.mark.parametrize("text", MONTH_NAMES)
def test_other_days(text):
    assert read_date(text, NOW) == MONTH_NAMES[text]


@pytest.mark.parametrize("text", NOTHING)
def test_no_date(text):
    assert read_date(text, NOW) is None


@pytest.mark.parametrize(
    ("ahead", "read"),
    [(timedelta(0), True), (timedelta(hours=1), True), (timedelta(hours=1, seconds=1), False)],
)
def test_the_future_is_no_date(ahead, read):
    text = (NOW + ahead).isoformat()
    assert (read_date(text, NOW) is not None) is read


@given(
    st.datetimes(min_value=datetime(1995, 1, 1), max_value=datetime(2025, 4, 1)),
    st.integers(min_value=-12 * 60, max_value=14 * 60),
)
def test_what_a_standard_writer_writes_is_read_exactly(moment, offset):
    from datetime import timezone
    from email.utils import format_datetime

    aware = moment.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=offset)))
    assert read_date(format_datetime(aware), NOW) == aware
    assert read_date(aware.isoformat(), NOW) == aware
    assert read_date(aware.isoformat(" "), NOW) == aware


@given(st.text(max_size=130))
def test_no_text_is_a_crash(text):
    moment = read_date(text, NOW)
    assert moment is None or (moment.tzinfo is UTC and moment <= NOW + timedelta(hours=1))


@given(
    st.from_regex(
        r"[0-9]{1,4}[-/. ][0-9A-Za-z]{1,9}[-/. ,][0-9]{1,4}([ T][0-9]{1,2}:[0-9]{2})?", fullmatch=True
    )
)
def test_nothing_like_a_date_is_a_crash(text):
    read_date(text, NOW)


USUAL = (
    "{day:%a, %d %b %Y %H:%M:%S} {offset}", "{day:%d %b %Y %H:%M} {offset}",
    "{day:%Y-%m-%dT%H:%M:%S.%f}{offset}",
    "{day:%a, %d %b %Y %H:%M:%S} GMT", "{day:%Y-%m-%dT%H:%M:%S}Z", "{day:%Y-%m-%dt%H:%M:%S}{colon}",
    " {day:%d %B %Y %H:%M:%S} UTC\n", "{day:%Y-%m-%d %H:%M:%S}", "{day:%a %d %b %Y %H:%M:%S} {offset}",
)  # fmt: skip


@given(
    st.sampled_from(USUAL),
    st.datetimes(datetime(1930, 1, 1), datetime(2090, 1, 1)),
    st.integers(-16 * 60, 16 * 60),
)
def test_the_quick_reader_answers_as_the_thorough_one(spelling, day, minutes):
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    offset, colon = f"{sign}{hours:02}{rest:02}", f"{sign}{hours:02}:{rest:02}"
    text = spelling.format(day=day, offset=offset, colon=colon)
    if (quick := dates._usual(text)) is not None:
        assert dates._own(dates._clean(text), NOW) == [quick]


def test_the_quick_reader_reads_what_most_feeds_write():
    for spelling in USUAL[:6]:
        assert dates._usual(
            spelling.format(day=datetime(2025, 3, 30, 7, 5, 9), offset="+0200", colon="+02:00")
        )
