"""No file makes the checker fail, and whatever it says points into the file: ten thousand broken files."""

from __future__ import annotations

import random

import pytest

from tests.fuzzing import KINDS, VALID, check, make_case

CASES = 10_000


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_are_valid_before_they_are_broken(kind):
    assert check(kind, VALID[kind].encode()) == 0


@pytest.mark.parametrize("part", range(10))
def test_broken_files_get_messages_and_never_an_exception(part):
    """Parts, so that two processes share them."""
    dice = random.Random(part)
    for number in range(CASES // 10):
        kind = KINDS[number % len(KINDS)]
        data = make_case(kind, dice)
        try:
            check(kind, data)
        except AssertionError:
            raise
        except Exception as error:
            raise AssertionError(f"{kind}: {data!r}") from error
