"""Measure a piece of work in a process of its own: seconds of CPU and of the clock, peak memory, bytes read.

Work is given as a function that gets ready (imports, opens) and returns what is to be measured:

    def bare(folder: Path) -> Work:
        import lance

        return lambda: lance.write_dataset(...)

    cost = measure(bare, folder)

A fresh process for each measurement keeps one from warming up, or filling the memory of, the next.
"""

from __future__ import annotations

import os
import resource
import statistics
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

Work = Callable[[], Any]

SAMPLE_S = 0.02
_PAGE = os.sysconf("SC_PAGE_SIZE")
_MB = 1024 * 1024


@dataclass(frozen=True)
class Cost:
    """What a piece of work took. CPU is of the process and its children; memory of its whole process group.

    ``start_mb`` is resident memory when the work began, imports done. ``read_mb`` is what went through read
    calls, from the page cache or not; a memory-mapped byte is not seen.
    """

    wall_s: float
    cpu_s: float
    start_mb: float
    peak_mb: float
    read_mb: float
    value: Any = None

    @property
    def grown_mb(self) -> float:
        return self.peak_mb - self.start_mb


@dataclass(frozen=True)
class Comparison:
    """The same work done bare and by mmreg, in turns: bare first and bare last, so that noise shows."""

    bare: Sequence[Cost]
    ours: Sequence[Cost]

    def ratio(self, what: str = "cpu_s") -> float:
        """Median of ours over median of bare."""
        return self.of_ours(what) / self.of_bare(what)

    def noise(self, what: str = "cpu_s") -> float:
        """The last bare measurement over the first: 1 on a quiet machine."""
        return float(getattr(self.bare[-1], what) / getattr(self.bare[0], what))

    def of_bare(self, what: str) -> float:
        return float(statistics.median(getattr(cost, what) for cost in self.bare))

    def of_ours(self, what: str) -> float:
        return float(statistics.median(getattr(cost, what) for cost in self.ours))


def measure(ready: Callable[..., Work], *args: Any) -> Cost:
    """Call ``ready(*args)`` in a fresh process, then measure the work that it returned.

    The work's value must pickle. Raises `RuntimeError` with the traceback where the process failed.
    """
    context = get_context("spawn")
    mine, its = context.Pipe()
    process = context.Process(target=_run, args=(its, ready, args))
    process.start()
    its.close()
    try:
        peak = 0
        while not mine.poll(SAMPLE_S):
            peak = max(peak, _group_bytes(process.pid or 0))
        answer = mine.recv()
    except EOFError:
        answer = "the process died without a word"
    process.join()
    if isinstance(answer, str):
        raise RuntimeError(f"{ready.__module__}.{ready.__name__}: {answer}")
    cost: Cost = answer
    return Cost(**{**cost.__dict__, "peak_mb": max(cost.peak_mb, peak / _MB)})


def compare(bare: Callable[[], Cost], ours: Callable[[], Cost], rounds: int = 2) -> Comparison:
    """Measure both ``rounds`` times in turns, and bare once more at the end."""
    costs: tuple[list[Cost], list[Cost]] = ([], [])
    for _ in range(rounds):
        costs[0].append(bare())
        costs[1].append(ours())
    costs[0].append(bare())
    return Comparison(*costs)


def disk_bytes(folder: Path) -> int:
    """Bytes of all files below ``folder``."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _run(answer: Connection, ready: Callable[..., Work], args: tuple[Any, ...]) -> None:
    os.setpgid(0, 0)
    try:
        work = ready(*args)
        start, read, cpu, wall = _group_bytes(os.getpgrp()), _read_bytes(), _cpu_s(), time.perf_counter()
        value = work()
        wall, cpu, read = time.perf_counter() - wall, _cpu_s() - cpu, _read_bytes() - read
        # The kernel's own high-water mark sees what falls between two samples, of this process alone. Not
        # `ru_maxrss`: that starts at what the parent had when it was forked.
        peak = int(_proc("status", "VmHWM")) * 1024
        answer.send(Cost(wall, cpu, start / _MB, peak / _MB, read / _MB, value))
    except BaseException:
        answer.send(traceback.format_exc())


def _cpu_s() -> float:
    uses = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(use.ru_utime + use.ru_stime for use in uses)


def _read_bytes() -> int:
    return int(_proc("io", "rchar"))


def _proc(file: str, name: str) -> str:
    lines = Path("/proc/self", file).read_text().splitlines()
    return next(line for line in lines if line.startswith(f"{name}:")).split()[1]


def _group_bytes(group: int) -> int:
    """Resident bytes of every process of a process group. A page that two of them share counts twice."""
    total = 0
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it ended meanwhile
                continue
            if int(fields[2]) == group:
                total += int(fields[21]) * _PAGE
    return total
