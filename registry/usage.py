"""What work costs on this machine: processor seconds and seconds by the clock."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal


@contextmanager
def measured(of: Literal["self", "children"]) -> Iterator[dict[str, float]]:
    """What the block costs, filled in when it ends: ``cpu_s`` and ``wall_s``.

    ``children`` counts the processes that were started and waited for, and theirs; ``self`` also this process.
    """
    cost: dict[str, float] = {}
    begun, cpu = time.perf_counter(), _cpu_s(of)
    try:
        yield cost
    finally:
        cost["cpu_s"] = round(_cpu_s(of) - cpu, 3)
        cost["wall_s"] = round(time.perf_counter() - begun, 3)


def _cpu_s(of: Literal["self", "children"]) -> float:
    who = [resource.RUSAGE_CHILDREN, *([resource.RUSAGE_SELF] if of == "self" else [])]
    usages = [resource.getrusage(one) for one in who]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
