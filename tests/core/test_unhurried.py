"""A log stream whose reader hangs, and the last resort at the end: nothing waits for either."""

from __future__ import annotations

import os
import select
import threading
from datetime import timedelta

import pytest

from monitor.ending import EXIT_CODE, LastResort
from monitor.logs import configure
from monitor.unhurried import Unhurried

LINE = "x" * 99 + "\n"


@pytest.fixture
def pipe():
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb", buffering=0) as reader, os.fdopen(writing, "w", encoding="ascii") as stream:
        yield reader, stream


def test_every_line_arrives_in_order(pipe):
    reader, stream = pipe
    relay = Unhurried(stream)
    for number in range(100):
        relay.write(f"line {number}\n")
    relay.write("кириллица\n")  # the file's encoding knows no such letters
    relay.close()
    stream.close()
    lines = reader.read(100_000).decode("ascii").splitlines()
    assert lines[:100] == [f"line {number}" for number in range(100)]
    assert lines[100].startswith("\\u043a")


def test_a_reader_that_hangs_costs_lines_and_no_time(pipe):
    reader, stream = pipe
    relay = Unhurried(stream, most_waiting=100 * len(LINE))
    for _ in range(10_000):  # more than a pipe holds: a plain stream would never return
        relay.write(LINE)
    assert relay._waiting <= 100 * len(LINE)
    relay.close(seconds=0.01)
    found = 0
    while select.select([reader], [], [], 0.2)[0]:
        found += len(reader.read(65536))
    assert 0 < found < 10_000 * len(LINE) / 2


def test_how_many_were_dropped_is_told_once_there_is_room(pipe, logging_as_before):
    reader, stream = pipe
    relay = Unhurried(stream, most_waiting=10 * len(LINE))
    configure("json", stream=relay)
    written = 0
    while not relay._dropped:
        written += relay.write(LINE)
    found = b""
    while b"log lines were dropped" not in found:
        found += reader.read(65536)
    relay.close()
    assert b'"lines": ' in found


def test_a_closed_file_ends_nothing(pipe):
    reader, stream = pipe
    reader.close()
    relay = Unhurried(stream)
    relay.write(LINE)
    relay.write(LINE)
    relay.close()
    assert not relay._thread.is_alive()


def test_the_last_resort_ends_the_process_after_the_bound(capfd):
    ended, codes = threading.Event(), []

    def end(code):
        codes.append(code)
        ended.set()

    LastResort(timedelta(milliseconds=1), end).signal()
    assert ended.wait(10)
    assert codes == [EXIT_CODE]
    assert "took over 0.001 s" in capfd.readouterr().err


def test_a_second_signal_needs_no_patience(capfd):
    ended = threading.Event()
    last = LastResort(timedelta(hours=1), lambda _code: ended.set())
    last.signal()
    last.signal()
    assert ended.wait(10)
    assert "a second signal came" in capfd.readouterr().err


def test_without_a_signal_it_only_watches():
    ended = threading.Event()
    LastResort(timedelta(0), lambda _code: ended.set())
    assert not ended.wait(0.05)
