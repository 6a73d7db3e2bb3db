"""Sets and counts of 128-bit digests, 16 bytes each."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Digests = NDArray[np.uint64]
"""Shape (2, n): the high and the low words of n digests."""


class DigestSet:
    """Remember digests, and say of new ones which were there before.

    They lie in sorted runs, each more than twice as long as the next, so that there are few runs and each
    digest is merged few times. Memory: 16 bytes a distinct digest, and some three times that for the moment
    in which the longest runs merge.
    """

    def __init__(self) -> None:
        self._runs: list[Digests] = []

    def add(self, digests: Digests) -> NDArray[np.bool_]:
        """Remember ``digests``; True for each that an earlier one equals, in this call or before it."""
        order = _order(digests)
        ordered = digests[:, order]
        known = np.zeros(len(order), dtype=np.bool_)
        known[1:] = (ordered[:, 1:] == ordered[:, :-1]).all(axis=0)
        for run in self._runs:
            known |= _find(run, ordered) >= 0
        self._keep(ordered[:, ~known])
        repeated = np.empty_like(known)
        repeated[order] = known
        return repeated

    def holds(self, digests: Digests) -> NDArray[np.bool_]:
        """True for each of ``digests`` that is remembered; none of them is remembered by this."""
        order = _order(digests)
        known = np.zeros(len(order), dtype=np.bool_)
        for run in self._runs:
            known |= _find(run, digests[:, order]) >= 0
        held = np.empty_like(known)
        held[order] = known
        return held

    def _keep(self, run: Digests) -> None:
        while self._runs and self._runs[-1].shape[1] <= 2 * run.shape[1]:
            merged = np.concatenate([self._runs.pop(), run], axis=1)
            run = merged[:, _order(merged)]
        self._runs.append(run)


class DigestCounts:
    """Count digests. They lie in runs as those of a `DigestSet`; memory: 24 bytes a distinct digest, and some three
    times that for moments."""

    def __init__(self) -> None:
        self._runs: list[tuple[Digests, NDArray[np.int64]]] = []

    def add(self, digests: Digests, counts: NDArray[np.int64]) -> None:
        """Count each of ``digests``, which may repeat, so many times more."""
        run, counts = _summed(digests, counts)
        while self._runs and self._runs[-1][0].shape[1] <= 2 * run.shape[1]:
            before, counted = self._runs.pop()
            run, counts = _summed(np.concatenate([before, run], axis=1), np.concatenate([counted, counts]))
        self._runs.append((run, counts))

    def of(self, digests: Digests) -> NDArray[np.int64]:
        """How often each of ``digests`` came."""
        total = np.zeros(digests.shape[1], dtype=np.int64)
        for run, counts in self._runs:
            at = _find(run, digests)
            total[at >= 0] += counts[at[at >= 0]]
        return total


def _summed(digests: Digests, counts: NDArray[np.int64]) -> tuple[Digests, NDArray[np.int64]]:
    order = _order(digests)
    digests, counts = digests[:, order], counts[order]
    new = np.ones(len(order), dtype=np.bool_)
    new[1:] = (digests[:, 1:] != digests[:, :-1]).any(axis=0)
    first = np.flatnonzero(new)
    return digests[:, first], np.add.reduceat(counts, first) if len(first) else counts


def _order(digests: Digests) -> NDArray[np.intp]:
    """Ascending; equal digests stay in the order they came.

    By the high words alone, whose stable sort merges runs in one go, unless different digests agree in them.
    """
    order = np.argsort(digests[0], kind="stable")
    high, low = digests[0, order], digests[1, order]
    if ((high[1:] == high[:-1]) & (low[1:] < low[:-1])).any():
        return np.lexsort((digests[1], digests[0]))
    return order


def _find(run: Digests, digests: Digests) -> NDArray[np.intp]:
    """Where each of ``digests`` is in the sorted ``run``, -1 where it is not."""
    found = np.full(digests.shape[1], -1, dtype=np.intp)
    if run.shape[1] == 0:
        return found
    at = np.searchsorted(run[0], digests[0])
    while True:  # one step, unless the high words of different digests agree
        inside = np.minimum(at, run.shape[1] - 1)
        same_high = (at < run.shape[1]) & (run[0, inside] == digests[0])
        equal = same_high & (run[1, inside] == digests[1])
        found[equal] = inside[equal]
        going = same_high & (found < 0)
        if not going.any():
            return found
        at = at + going


_NULL = blake2b(digest_size=16, person=b"null").digest()
"""No value has it."""


def digests_of(columns: Sequence[pa.Array[Any]]) -> Digests:
    """The digest of every row: of rows whose values are equal, nulls too, the same one."""
    values = [_binary(column).to_pylist() for column in columns]
    if len(values) == 1:
        digests = b"".join([_NULL if one is None else blake2b(one, digest_size=16).digest() for one in values[0]])
    else:  # repr() keeps values apart: ("ab", "c") is not ("a", "bc")
        rows = zip(*values, strict=True)
        digests = b"".join([blake2b(repr(row).encode(), digest_size=16).digest() for row in rows])
    return np.ascontiguousarray(np.frombuffer(digests, dtype=np.uint64).reshape(-1, 2).T)


def _binary(column: pa.Array[Any]) -> pa.Array[Any]:
    """The values as bytes, different for different values and equal for equal ones."""
    dtype = column.type
    if pa.types.is_binary(dtype) or pa.types.is_large_binary(dtype) or pa.types.is_fixed_size_binary(dtype):
        return column.cast(pa.large_binary())
    if pa.types.is_floating(dtype):
        column = pc.add(column.cast(pa.float64()), 0.0)  # -0.0 equals 0.0
    elif pa.types.is_timestamp(dtype):
        column = column.cast(pa.int64())  # local times come twice where clocks are put back
    return column.cast(pa.large_string()).cast(pa.large_binary())
