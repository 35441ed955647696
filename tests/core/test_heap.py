"""One heap for all threads: where the C library has such a setting, it takes it."""

from __future__ import annotations

import platform

from monitor.heap import hold_together


def test_glibc_takes_it_and_others_do_without():
    assert hold_together() is (platform.libc_ver()[0] == "glibc")
