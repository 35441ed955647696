"""Python's cyclic garbage collector, held still where large structures are built or kept.

The collector walks all objects again and again while their number grows: loading 10,000 rules spent more
than half of its time there and freed nothing. And a large set of rules that stays for weeks makes each later
full pass slower, for nothing, too.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_LARGE: Final = 200_000  # objects; walking them takes a few hundredths of a second


@contextmanager
def paused() -> Iterator[None]:
    """Collect nothing inside: for building what has hardly any cycles and is kept.

    What was built is not looked at afterwards either, if it is large: `keep` does that at a better time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            if gc.get_count()[0] > _LARGE:
                gc.freeze()
            gc.enable()


def keep() -> None:
    """Take what lives now for permanent; what the last call took and nobody uses any more is freed first."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
