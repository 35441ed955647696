"""What reaches systemd, over real datagram sockets."""

from __future__ import annotations

import os
import socket
from datetime import timedelta

import pytest

from monitor.errors import ConfigurationError
from monitor.systemd import Notifier


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    """Listen as systemd does; give the address and a function that reads one datagram."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        name = f"monitor-test-{os.getpid()}-{tmp_path.name}"
        address = str(tmp_path / "notify") if request.param == "path" else f"@{name}"
        sock.bind(address if request.param == "path" else f"\0{name}")
        sock.settimeout(5)
        yield address, lambda: sock.recv(4096).decode()


def test_every_state_reaches_the_manager(manager):
    address, receive = manager
    notifier = Notifier(address, "30000000", str(os.getpid()), monotonic_ns=lambda: 1_234_567_890)
    assert notifier.enabled
    for act, datagram in [
        (lambda: notifier.ready("polling 12 feeds"), "READY=1\nSTATUS=polling 12 feeds"),
        (notifier.ready, "READY=1"),
        (notifier.reloading, "RELOADING=1\nMONOTONIC_USEC=1234567"),
        (notifier.watchdog, "WATCHDOG=1"),
        (lambda: notifier.status("3 alerts\nWATCHDOG=trigger"), "STATUS=3 alerts WATCHDOG=trigger"),
        (lambda: notifier.extend_timeout(timedelta(seconds=1.5)), "EXTEND_TIMEOUT_USEC=1500000"),
        (notifier.stopping, "STOPPING=1"),
    ]:
        assert act() is True
        assert receive() == datagram


def test_the_reload_stamp_is_the_machines_monotonic_clock(manager):
    address, receive = manager
    Notifier(address).reloading()
    first = int(receive().split("MONOTONIC_USEC=")[1])
    Notifier(address).reloading()
    assert 0 < first <= int(receive().split("MONOTONIC_USEC=")[1])


def test_away_from_systemd_nothing_happens():
    notifier = Notifier("", "30000000")
    assert not notifier.enabled
    assert notifier.watchdog_interval is None
    assert (notifier.ready(), notifier.watchdog(), notifier.stopping()) == (False, False, False)


@pytest.mark.parametrize(
    ("usec", "pid", "interval"),
    [
        ("30000000", "", timedelta(seconds=15)),
        ("30000000", str(os.getpid()), timedelta(seconds=15)),
        # Set for the parent: a child that inherited the environment must not answer for it.
        ("30000000", "1", None),
        ("0", "", None),
        ("", "", None),
    ],
    ids=["any process", "this process", "another process", "switched off", "not set"],
)
def test_watchdog_interval(usec, pid, interval):
    notifier = Notifier("/run/systemd/notify", usec, pid)
    assert notifier.watchdog_interval == interval
    if interval is None:
        assert notifier.watchdog() is False


def test_a_vanished_manager_is_no_error(tmp_path):
    assert Notifier(str(tmp_path / "gone")).ready() is False


def test_a_full_socket_does_not_block_the_watchdog(manager):
    address, _ = manager
    notifier = Notifier(address, "30000000")
    answers = [notifier.watchdog() for _ in range(5000)]
    assert answers[0] is True
    assert answers[-1] is False


@pytest.mark.parametrize("values", [("vsock:2:1234",), ("/s", "soon"), ("/s", "1", "me")])
def test_values_that_systemd_would_not_set_are_explained(values):
    with pytest.raises(ConfigurationError, match="Unset"):
        Notifier(*values)
