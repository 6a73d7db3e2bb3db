"""Things through a model, some at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
_BATCH = 64
"""Images or texts that go through a model at once."""


def in_batches(encode: Callable[[list[T]], NDArray[np.float32]], things: Iterable[T]) -> NDArray[np.float32]:
    """All of ``things`` through ``encode``; shape (0, 0) where there are none."""
    waiting = iter(things)
    parts = [encode(batch) for batch in iter(lambda: list(islice(waiting, _BATCH)), [])]
    return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)
