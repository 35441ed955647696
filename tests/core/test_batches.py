"""Calls that share a transaction: who goes with whom, who hears what, and what a failure takes with it."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import LeaseLostError, StorageError
from monitor.storage.batches import MOST, Batches


class Base:
    """A database that notes its transactions, refuses some values, and waits when it is told to."""

    def __init__(self, refused=(), lost=(), broken=()) -> None:
        self.transactions: list[list[int]] = []
        self.refused, self.lost, self.broken = set(refused), set(lost), set(broken)
        self.open = asyncio.Event()
        self.open.set()
        self.entered = asyncio.Event()

    async def run(self, asked):
        self.transactions.append(list(asked))
        self.entered.set()
        await self.open.wait()
        if self.broken & set(asked):
            raise RuntimeError("a defect")
        if self.refused & set(asked):
            raise StorageError(f"refused: {sorted(self.refused & set(asked))}")
        return [LeaseLostError("lost") if one in self.lost else one * 10 for one in asked]


async def asked_while_busy(batches, base, first, rest):
    """Ask `first`, and `rest` while its transaction runs; return all answers or errors."""
    base.open.clear()
    running = [asyncio.create_task(batches.ask(first))]
    await base.entered.wait()
    running += [asyncio.create_task(batches.ask(one)) for one in rest]
    await asyncio.sleep(0)
    base.open.set()
    return await asyncio.gather(*running, return_exceptions=True)


async def test_the_first_call_goes_alone_and_the_others_together():
    base = Base()
    answers = await asked_while_busy(Batches(base.run), base, 1, range(2, 8))
    assert base.transactions == [[1], [2, 3, 4, 5, 6, 7]]
    assert answers == [10, 20, 30, 40, 50, 60, 70]


async def test_nobody_waits_for_company():
    base = Base()
    batches = Batches(base.run)
    assert [await batches.ask(one) for one in (1, 2, 3)] == [10, 20, 30]
    assert base.transactions == [[1], [2], [3]]


async def test_a_transaction_has_a_largest_size():
    base = Base()
    await asked_while_busy(Batches(base.run), base, 0, range(1, 2 * MOST + 6))
    assert [len(one) for one in base.transactions] == [1, MOST, MOST, 5]


async def test_two_calls_about_one_subject_never_share_a_transaction_and_keep_their_order():
    base = Base()
    batches = Batches(base.run, subject=lambda one: one % 10)
    await asked_while_busy(batches, base, 0, [11, 21, 12, 31, 22])
    assert base.transactions == [[0], [11, 12], [21, 22], [31]]


async def test_a_call_that_the_database_refuses_takes_no_other_with_it():
    base = Base(refused={3})
    answers = await asked_while_busy(Batches(base.run), base, 1, [2, 3, 4])
    assert base.transactions == [[1], [2, 3, 4], [2], [3], [4]]
    assert [answers[0], answers[1], answers[3]] == [10, 20, 40]
    assert isinstance(answers[2], StorageError)


async def test_an_error_may_be_the_answer_to_one_of_them():
    base = Base(lost={3})
    answers = await asked_while_busy(Batches(base.run), base, 1, [2, 3, 4])
    assert base.transactions == [[1], [2, 3, 4]], "nothing is tried again"
    assert isinstance(answers[2], LeaseLostError)
    assert [answers[1], answers[3]] == [20, 40]


async def test_a_defect_reaches_every_caller_and_the_next_call_works():
    base = Base(broken={3})
    batches = Batches(base.run)
    answers = await asked_while_busy(batches, base, 1, [2, 3])
    assert [type(one) for one in answers[1:]] == [RuntimeError, RuntimeError]
    assert await batches.ask(5) == 50


async def test_a_caller_that_gave_up_while_it_waited_is_left_out():
    base = Base()
    batches = Batches(base.run)
    base.open.clear()
    first = asyncio.create_task(batches.ask(1))
    await base.entered.wait()
    second, third = (asyncio.create_task(batches.ask(one)) for one in (2, 3))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.sleep(0)
    base.open.set()
    assert await first == 10
    assert await third == 30
    assert base.transactions == [[1], [3]]
    assert second.cancelled()


async def test_a_caller_that_gives_up_during_its_transaction_ends_it_for_nobody():
    base = Base()
    batches = Batches(base.run)
    base.open.clear()
    first = asyncio.create_task(batches.ask(1))
    await base.entered.wait()
    first.cancel()
    second = asyncio.create_task(batches.ask(2))
    await asyncio.sleep(0)
    base.open.set()
    assert await second == 20
    assert base.transactions == [[1], [2]]


async def test_closing_waits_for_all_that_was_asked():
    base = Base()
    batches = Batches(base.run)
    await batches.close()  # nothing was asked yet
    base.open.clear()
    calls = [asyncio.create_task(batches.ask(one)) for one in range(5)]
    await base.entered.wait()
    closing = asyncio.create_task(batches.close())
    await asyncio.sleep(0)
    assert not closing.done()
    base.open.set()
    await closing
    assert all(call.done() for call in calls)
    assert sorted(one for transaction in base.transactions for one in transaction) == list(range(5))


@given(
    st.lists(st.integers(0, 40), max_size=120),
    st.sets(st.integers(0, 40), max_size=6),
    st.sets(st.integers(0, 40), max_size=6),
    st.integers(1, 7),
)
@settings(max_examples=60, deadline=None)
def test_every_call_is_answered_with_its_own_answer(calls, refused, lost, subjects):
    async def scenario():
        base = Base(refused, lost)
        batches = Batches(base.run, subject=lambda one: one % subjects)
        answers = await asyncio.gather(*(batches.ask(one) for one in calls), return_exceptions=True)
        for one, answer in zip(calls, answers, strict=True):
            if one in refused:
                assert isinstance(answer, StorageError)
            elif one in lost:
                assert isinstance(answer, LeaseLostError)
            else:
                assert answer == one * 10
        for transaction in base.transactions:
            assert len({one % subjects for one in transaction}) == len(transaction) <= MOST
        done = [one for one in calls if one not in refused]
        answered = [
            one for transaction in base.transactions if not refused & set(transaction) for one in transaction
        ]
        for subject in range(subjects):  # in the order in which they came
            assert [one for one in answered if one % subjects == subject] == [
                one for one in done if one % subjects == subject
            ]

    asyncio.run(scenario())


async def test_an_error_of_the_loop_itself_is_no_answer():
    """Cancelling the worker, as the end of the program does, leaves no caller without an answer."""
    base = Base()
    batches = Batches(base.run)
    base.open.clear()
    call = asyncio.create_task(batches.ask(1))
    await base.entered.wait()
    assert batches._worker is not None
    batches._worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_who_waits_for_company_is_told_when_the_program_ends():
    base = Base()
    batches = Batches(base.run, subject=lambda one: one % 10)
    calls = [asyncio.create_task(batches.ask(one)) for one in (11, 12, 21)]
    assert [await calls[0], await calls[1]] == [110, 120]
    assert batches._worker is not None
    assert batches._waiting, "the last one waits for its own transaction, and for company"
    batches._worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(calls[2], 5)
    assert base.transactions == [[11, 12]]
