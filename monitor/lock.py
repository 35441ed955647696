"""Knows whether this process is the only one on an installation's SQLite database."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def only_process(directory: Path) -> Iterator[bool]:
    """Hold the installation's lock while the block runs; say whether it was free.

    The kernel gives a lock back when its holder ends, however it ends (flock(2)): a killed process never
    leaves one behind.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "monitor.lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
