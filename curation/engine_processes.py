"""The engine with workers: several processes call the pass, this one reads, stages and publishes.

Each worker loads the pass once, models and all. Answers come back in the order of the portions, so that a killed run
has lost what was under way and no more.
"""

from __future__ import annotations

import os
import pickle
import signal
from collections import deque
from collections.abc import Generator, Iterable, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing import get_context

import pyarrow as pa

from mmreg.curation.calling import Caller
from mmreg.curation.engine import Portion, Results, read_ahead
from mmreg.errors import PassFailed
from mmreg.registry.stage import Stage

UNDER_WAY = 2
"""Portions for each worker that are read and not answered yet."""


class ProcessEngine:
    """Computes in ``workers`` processes."""

    def __init__(self, stage: Stage, workers: int) -> None:
        self._stage, self._workers = stage, workers

    def compute(
        self, portions: Iterable[Portion], answer: Caller
    ) -> Generator[tuple[Portion, pa.RecordBatch], None, None]:
        """As `LocalEngine.compute`. Raises `PassFailed` where the pass cannot be sent, or a worker dies."""
        name = answer.bound.name
        results = Results(self._stage)
        pool = ProcessPoolExecutor(
            self._workers, mp_context=get_context("spawn"), initializer=_begin, initargs=(_pickled(answer),)
        )
        under_way: deque[tuple[Portion, Future[_Answered]]] = deque()
        try:
            for portion in read_ahead(portions):
                under_way.append((portion, pool.submit(_answer, replace(portion, batch=_alone(portion.batch)))))
                if len(under_way) > self._workers * UNDER_WAY:
                    yield _taken(under_way, answer, results)
            while under_way:
                yield _taken(under_way, answer, results)
        except BrokenProcessPool as error:
            raise PassFailed(
                f"pass {name}: a worker died ({error}); what was answered is kept",
                hint=f"mmreg apply {name} goes on; with workers: 1 its memory is this process's own",
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)
            results.flush()


_Answered = tuple[pa.RecordBatch, int, Mapping[str, float]]
"""Staged results, the worker, and what it has spent so far."""
_caller: Caller | None = None


def _begin(caller: bytes) -> None:
    """In a worker, once. Ctrl-C is for the process that started it."""
    global _caller
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _caller = pickle.loads(caller)


def _answer(portion: Portion) -> _Answered:
    assert _caller is not None
    return _caller(portion), os.getpid(), _caller.cost()


def _taken(
    under_way: deque[tuple[Portion, Future[_Answered]]], answer: Caller, results: Results
) -> tuple[Portion, pa.RecordBatch]:
    portion, future = under_way.popleft()
    staged, worker, cost = future.result()
    answer.workers[worker] = cost
    results.add(staged)
    return portion, staged


def _pickled(caller: Caller) -> bytes:
    try:
        return pickle.dumps(caller)
    except Exception as error:  # a plug-in may hold anything
        raise PassFailed(
            f"pass {caller.bound.name}: it cannot be sent to workers: {error}",
            hint="workers: 1; or load in open() what __init__ cannot send",
        ) from error


def _alone(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A copy: a slice would be sent with all that it is a slice of."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return pa.ipc.open_stream(sink.getvalue()).read_next_batch()
