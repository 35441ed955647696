"""Calls that arrive while a transaction runs share the next one: a transaction costs more than a row."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

from monitor.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Sequence

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

MOMENT = 0.005  # seconds
MOST = 64  # calls in one transaction: other writers wait for no more than that


class Batches(Generic[Asked, Answer]):
    """Gathers calls of one kind.

    The first call starts at once and alone; those that come while it runs go together in the next
    transaction. When so many come that several waited, the next transaction waits a moment for more: it
    costs less than another transaction. When a transaction of several fails, each is tried on its
    own: one that the database refuses takes no other with it.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Asked]], Awaitable[Sequence[Answer | StorageError]]],
        *,
        subject: Callable[[Asked], Hashable] = id,
    ) -> None:
        """Keep the parts.

        Args:
            run: answers several calls in one transaction; an error may be the answer to one of them.
            subject: what a call is about: no two calls about the same go into one transaction.
        """
        self._run = run
        self._subject = subject
        self._waiting: list[tuple[Asked, asyncio.Future[Answer]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def ask(self, asked: Asked) -> Answer:
        """Return the answer to one call; when the caller is cancelled, a transaction under way still ends."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, future))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work(), name="storage batches")
        return await future

    async def close(self) -> None:
        """Wait until no call waits any more."""
        while self._worker is not None and not self._worker.done():
            await asyncio.wait({self._worker})

    async def _work(self) -> None:
        together = 1
        while self._waiting:
            if together > 1 and len(self._waiting) < MOST:
                await self._moment()
            batch = self._next()
            together = len(batch)
            try:
                answers = await self._run([asked for asked, _ in batch])
            except StorageError as error:
                if len(batch) == 1:
                    _settle(batch[0][1], error)
                else:
                    await self._one_by_one(batch)
            except BaseException as error:  # the callers are to hear of it, whatever it is
                for _, future in batch:
                    _settle(future, error)
                if not isinstance(error, Exception):
                    raise
            else:
                for (_, future), answer in zip(batch, answers, strict=True):
                    _settle(future, answer)

    async def _moment(self) -> None:
        """Let more calls come; whoever waits is not forgotten when the program ends meanwhile."""
        try:
            await asyncio.sleep(MOMENT)
        except asyncio.CancelledError:
            for _, future in self._waiting:
                future.cancel()
            raise

    async def _one_by_one(self, batch: Sequence[tuple[Asked, asyncio.Future[Answer]]]) -> None:
        for asked, future in batch:
            try:
                (answer,) = await self._run([asked])
            except Exception as error:  # noqa: BLE001 - likewise
                _settle(future, error)
            else:
                _settle(future, answer)

    def _next(self) -> list[tuple[Asked, asyncio.Future[Answer]]]:
        """Take the calls of the next transaction, in the order in which they came."""
        taken: dict[Hashable, tuple[Asked, asyncio.Future[Answer]]] = {}
        later = []
        for call in self._waiting:
            if call[1].cancelled():
                continue
            subject = self._subject(call[0])
            if subject in taken or len(taken) == MOST:
                later.append(call)
            else:
                taken[subject] = call
        self._waiting = later
        return list(taken.values())


def _settle(future: asyncio.Future[Answer], answer: Answer | BaseException) -> None:
    if future.done():  # its caller was cancelled
        return
    if isinstance(answer, BaseException):
        future.set_exception(answer)
    else:
        future.set_result(answer)
