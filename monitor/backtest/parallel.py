"""Evaluate rules over many items, on several processors.

This process takes its share of the batches beside the workers, so that `processes` is the number of
processors that are busy. A worker compiles the rules once; items go to it as plain tuples, and only
hits come back. The answer does not depend on the number of processes.
"""

from __future__ import annotations

import multiprocessing
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from monitor import dictionaries
from monitor.backtest.run import Found
from monitor.errors import MonitorError
from monitor.models import Item
from monitor.rules.engine import compile_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from monitor.models import Feed, Match
    from monitor.rules.schema import RuleTree

BATCH: Final = 250  # items: a tenth of a second of work, far more than handing it over costs
_AHEAD: Final = 3  # batches that wait at each worker

Packed: TypeAlias = tuple[Any, ...]  # an item's fields as named by `_SENT`
Hits: TypeAlias = list[tuple[int, tuple[tuple["Match", ...], ...]]]  # item's place in its batch, matches


_SENT: Final = (
    "item_id",
    "feed_id",
    "title",
    "summary",
    "content",
    "author",
    "url",
    "language",
    "categories",
    "published_at",
    "first_seen_at",
)
_pack = attrgetter(*_SENT)
_TUNED_ON = 500  # items of the first chunk from which each process learns which words are rare


@dataclass(frozen=True, slots=True)
class Plan:
    """What every process compiles: the trees to evaluate, each with its feeds."""

    trees: tuple[RuleTree, ...]
    feeds: tuple[Mapping[str, Feed], ...]


class _Evaluator:
    """Compiled rules of one process."""

    def __init__(self, plan: Plan) -> None:
        self._parts = [
            (compile_tree(tree), feeds) for tree, feeds in zip(plan.trees, plan.feeds, strict=True)
        ]
        self._tuned = False

    def hits(self, items: Sequence[Item]) -> Hits:
        if not self._tuned:
            for engine, _ in self._parts:
                engine.tune(items[:_TUNED_ON])
            self._tuned = True
        found: Hits = []
        for place, item in enumerate(items):
            matches = tuple(engine.match(item, feeds.get(item.feed_id)) for engine, feeds in self._parts)
            if any(matches):
                found.append((place, matches))
        return found


def evaluate(
    items: Iterable[Item],
    plan: Plan,
    *,
    processes: int = 1,
    few: int = 0,
    told: Callable[[int], None] = lambda _: None,
) -> list[Found]:
    """Return the items that a rule of any of the trees fires on, in the order of `items`.

    Args:
        items: may be an iterator; those without a hit are not kept.
        plan: the rules.
        processes: at least 1; with 1 no process is started.
        few: up to so many items are evaluated here alone: starting a process takes seconds.
        told: hears, as items are done, of how many.

    Raises:
        MonitorError: a worker process ended.
    """
    source = iter(items)
    first = list(islice(source, few))
    if len(first) < few:
        processes = 1
    batches = enumerate(_batches(chain(first, source)))
    results: dict[int, list[Found]] = {}
    try:
        with ExitStack() as stack:
            workers = _workers(stack, plan, processes - 1)
            own = _Evaluator(plan)
            for number, batch, hits in _share(batches, own, workers, _AHEAD * (processes - 1)):
                results[number] = [Found(batch[place], matches) for place, matches in hits]
                told(len(batch))
    except BrokenProcessPool:
        raise MonitorError(
            "a worker process ended before its work was done, perhaps for want of memory; try --processes 1"
        ) from None
    return [found for number in sorted(results) for found in results[number]]


def _share(
    batches: Iterator[tuple[int, list[Item]]],
    own: _Evaluator,
    workers: ProcessPoolExecutor | None,
    ahead: int,
) -> Iterator[tuple[int, list[Item], Hits]]:
    """Yield each batch with its hits: the workers have always something to do, the rest is done here."""
    waiting: list[tuple[int, list[Item], Future[Hits]]] = []
    more = True
    while more or waiting:
        while workers is not None and len(waiting) < ahead and (given := next(batches, None)):
            waiting.append((*given, workers.submit(_work, [_pack(item) for item in given[1]])))
        taken = next(batches, None)
        more = taken is not None
        if taken is not None:
            yield (*taken, own.hits(taken[1]))
        for number, batch, future in [one for one in waiting if one[2].done() or not more]:
            yield number, batch, future.result()
        waiting = [one for one in waiting if more and not one[2].done()]


def _batches(items: Iterator[Item]) -> Iterator[list[Item]]:
    while batch := list(islice(items, BATCH)):
        yield batch


def _workers(stack: ExitStack, plan: Plan, count: int) -> ProcessPoolExecutor | None:
    if count < 1:
        return None
    pool = ProcessPoolExecutor(
        count, mp_context=multiprocessing.get_context("spawn"), initializer=_start, initargs=(plan,)
    )
    stack.callback(pool.shutdown, cancel_futures=True)
    for _ in range(count):  # a pool starts its processes with the first work: begin compiling now
        pool.submit(_work, [])
    return pool


# --- in the worker --------------------------------------------------------------------------------

_evaluators: list[_Evaluator] = []  # the one of this process: a pool hands work to module-level functions


def _start(plan: Plan) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends its workers
    dictionaries.install()
    _evaluators[:] = [_Evaluator(plan)]


def _work(packed: list[Packed]) -> Hits:
    return _evaluators[0].hits([_unpack(one) for one in packed])


def _unpack(packed: Packed) -> Item:
    return Item(key="", **dict(zip(_SENT, packed, strict=True)))
