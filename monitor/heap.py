"""The C library's memory: held together, so that what one thread frees another one uses.

glibc gives threads that allocate heaps ("arenas") of their own, up to eight a processor, and keeps in each
what was freed there. The threads of the database each decode and write thousands of rows: with ten thousand
feeds that took 45 MB more, and the figure wandered by as much. See mallopt(3), M_ARENA_MAX.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress
from typing import Final

_M_ARENA_MAX: Final = -8  # malloc.h
_ARENAS: Final = 2  # the event loop's, and one that the database's threads share


def hold_together() -> bool:
    """Let all threads share two heaps; to be called before there are threads.

    Returns:
        Whether the C library took it: musl and those of other systems have no such setting, and no need.
    """
    with suppress(AttributeError, OSError, TypeError):
        return bool(ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS))
    return False
