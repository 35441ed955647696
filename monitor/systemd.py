"""Tells systemd how the service is: the sd_notify protocol over a Unix datagram socket.

Protocol: sd_notify(3) and sd_watchdog_enabled(3). Not under systemd every call does nothing.
The environment is read elsewhere: the values of NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID are
arguments. Whether the service deserves its watchdog ping is decided elsewhere, too.
"""

from __future__ import annotations

import os
import socket
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from monitor.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

# How long a change of state may wait for a full socket; pings and status lines never wait.
_PATIENCE: Final = 0.5


class Notifier:
    """The service's line to its manager.

    Every method returns whether the datagram was handed over: False when not under systemd, or when
    the manager does not take it at the moment. Nothing raises: a monitor that cannot report to
    systemd still monitors, and systemd acts on the silence.
    """

    def __init__(
        self,
        notify_socket: str = "",
        watchdog_usec: str = "",
        watchdog_pid: str = "",
        *,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Keep where to report.

        Args:
            notify_socket: value of NOTIFY_SOCKET: a path, or "@name" in the abstract namespace;
                "" = not under systemd.
            watchdog_usec: value of WATCHDOG_USEC, microseconds; "" = no watchdog.
            watchdog_pid: value of WATCHDOG_PID: the process the watchdog is meant for; "" = this one.
            monotonic_ns: CLOCK_MONOTONIC in nanoseconds, which the protocol asks for on a reload.

        Raises:
            ConfigurationError: the values are not what systemd would set.
        """
        if notify_socket and notify_socket[0] not in "/@":
            raise ConfigurationError(
                f'NOTIFY_SOCKET is "{notify_socket}": only a path or "@name" can be used.'
                " Unset it when the monitor does not run under systemd."
            )
        self._address = "\0" + notify_socket[1:] if notify_socket.startswith("@") else notify_socket
        self._monotonic_ns = monotonic_ns
        self._watchdog = _timeout(watchdog_usec, watchdog_pid) if notify_socket else None

    @property
    def enabled(self) -> bool:
        """Tell whether a manager listens at all."""
        return bool(self._address)

    @property
    def watchdog_interval(self) -> timedelta | None:
        """Return how often `watchdog` is to be called: half of the timeout; None = no watchdog."""
        return self._watchdog / 2 if self._watchdog else None

    def ready(self, status: str = "") -> bool:
        """Report that start-up or a reload is complete."""
        return self._send({"READY": "1", **_status(status)}, _PATIENCE)

    def reloading(self, status: str = "") -> bool:
        """Report the start of a reload; `ready` ends it, also when the old rules were kept."""
        stamp = str(self._monotonic_ns() // 1000)
        return self._send({"RELOADING": "1", "MONOTONIC_USEC": stamp, **_status(status)}, _PATIENCE)

    def stopping(self, status: str = "") -> bool:
        """Report that the service is draining and will end."""
        return self._send({"STOPPING": "1", **_status(status)}, _PATIENCE)

    def extend_timeout(self, by: timedelta) -> bool:
        """Ask for `by` more time, from now, for the start or stop in progress."""
        return self._send({"EXTEND_TIMEOUT_USEC": str(by // timedelta(microseconds=1))}, _PATIENCE)

    def watchdog(self) -> bool:
        """Report that the service is healthy; without a watchdog nothing is sent."""
        return self._watchdog is not None and self._send({"WATCHDOG": "1"}, 0)

    def status(self, text: str) -> bool:
        """Show `text` in `systemctl status`."""
        return self._send({"STATUS": _line(text)}, 0)

    def _send(self, fields: dict[str, str], patience: float) -> bool:
        """Send one datagram of NAME=value lines, waiting at most `patience` seconds."""
        if not self._address:
            return False
        message = "\n".join(f"{name}={value}" for name, value in fields.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.settimeout(patience)
                sock.connect(self._address)
                sock.sendall(message.encode("utf-8", "replace"))
        except OSError:  # no manager, a full queue, a vanished path: see the class
            return False
        return True


def _timeout(usec: str, pid: str) -> timedelta | None:
    """Return the watchdog's timeout, None when there is none for this process."""
    if not usec:
        return None
    if not (usec.isascii() and usec.isdecimal()) or not ((pid.isascii() and pid.isdecimal()) or not pid):
        raise ConfigurationError(
            f'WATCHDOG_USEC is "{usec}" and WATCHDOG_PID is "{pid}": both must be whole numbers.'
            " Unset them when the monitor does not run under systemd."
        )
    if int(usec) == 0 or (pid and int(pid) != os.getpid()):
        return None
    return timedelta(microseconds=int(usec))


def _status(text: str) -> dict[str, str]:
    return {"STATUS": _line(text)} if text else {}


def _line(text: str) -> str:
    """Return `text` on one line: a line break would begin another field."""
    return " ".join(text.split())
