"""The one clock: never backwards, and held to the database server's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from monitor.clock import Clock

START = datetime(2026, 3, 12, 13, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Machine:
    """A machine's clock that tests set."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at


def test_it_never_goes_back():
    machine = Machine()
    clock = Clock(machine)
    machine.at = START + 10 * MINUTE
    assert clock() == START + 10 * MINUTE
    machine.at = START + MINUTE  # somebody set the machine's clock back
    assert clock() == START + 10 * MINUTE
    machine.at = START + 11 * MINUTE
    assert clock() == START + 11 * MINUTE


def test_it_follows_the_database_server():
    machine = Machine()
    clock = Clock(machine)
    assert clock.align(START + 3 * MINUTE) == 3 * MINUTE
    assert clock() == START + 3 * MINUTE
    machine.at += MINUTE  # between two alignments this machine measures what passes
    assert clock() == START + 4 * MINUTE
    assert clock.align(START + 4 * MINUTE) == timedelta()


def test_a_database_on_this_machine_has_this_machine_clock():
    machine = Machine()
    clock = Clock(machine)
    assert clock.align(None) == timedelta()
    assert clock() == START
