"""Four processes that write to one table, of which one at work is killed every few seconds and begins again.

    python tests/faults/four_writers.py COMMITS KILL_EVERY_S      in a project's folder

Each writer notes in ``writer-<n>.log`` the number of a commit that it begins, and what it was told. A number is begun
once; whoever begins again goes on with the next. Prints, as JSON, kills and seconds. Writers are forks of this process,
which opens no lake: they are at work at once.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

import lance
import lance.fragment
import numpy as np
import obstore  # noqa: F401  imported for the forks
import pyarrow as pa

from mmreg.registry.api import Registry
from mmreg.registry.catalog import Catalog  # noqa: F401  as above
from mmreg.registry.clock import now
from mmreg.registry.commit import Draft, publish
from mmreg.registry.ingest import write_rows
from mmreg.registry.operations.rows import change_rows, create
from mmreg.registry.runs import new_run_id
from mmreg.schemas.run import Job, Run, RunState

WRITERS = 4
SHARED = 5
"""Every fifth row claims what each writer claims once: the first has it, the others are refused."""
SCHEMA = pa.schema([pa.field("sample_id", pa.binary(16), nullable=False), ("claim", pa.string())])


class Refused(Exception):
    """Somebody else has what is claimed."""


def main(commits: int, kill_every_s: float) -> None:
    chance, kills, started = random.Random(0), 0, time.monotonic()
    running = {pid: writer for writer in range(WRITERS) for pid in [_fork(writer, commits)]}
    next_kill = started + kill_every_s
    while running:
        if ended := _ended(list(running), next_kill - time.monotonic()):
            for pid in ended:
                _, status = os.waitpid(pid, 0)
                assert status == 0, f"writer {running[pid]} failed"
                del running[pid]
            continue
        pid = chance.choice(sorted(running))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        writer = running.pop(pid)
        running[_fork(writer, commits)] = writer
        kills += 1
        next_kill += kill_every_s
    print(json.dumps({"kills": kills, "seconds": round(time.monotonic() - started)}))


def _fork(writer: int, commits: int) -> int:
    pid = os.fork()
    if not pid:
        try:
            _write(writer, commits)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return pid


def _ended(pids: list[int], wait_s: float) -> list[int]:
    """Those of ``pids`` that have ended, as soon as there is one; none after ``wait_s`` seconds."""
    poll = select.poll()
    by_descriptor = {os.pidfd_open(pid): pid for pid in pids}
    for descriptor in by_descriptor:
        poll.register(descriptor, select.POLLIN)
    found = [by_descriptor[descriptor] for descriptor, _ in poll.poll(max(0.0, wait_s) * 1000)]
    for descriptor in by_descriptor:
        os.close(descriptor)
    return found


def _write(writer: int, commits: int) -> None:
    log = Path(f"writer-{writer}.log")
    begun = [json.loads(line)[0] for line in log.read_text().splitlines()] if log.exists() else []
    registry = Registry.open(".")
    with log.open("a", buffering=1) as file:
        for number in range(max(begun, default=-1) + 1, commits):
            file.write(json.dumps([number, "begun"]) + "\n")
            try:
                _commit(registry, writer, number)
            except Refused:
                file.write(json.dumps([number, "refused"]) + "\n")
            else:
                file.write(json.dumps([number, "done"]) + "\n")


def _commit(registry: Registry, writer: int, number: int) -> None:
    claim = f"shared {number // SHARED}" if number % SHARED == 0 else f"{writer}-{number}"
    row = {"sample_id": f"{writer:04}{number:012}".encode(), "claim": claim}
    written: dict[bool, Any] = {}

    def build(table: lance.LanceDataset | None) -> Draft:
        if table is not None and table.count_rows(f"claim = '{claim}'"):
            raise Refused
        new = table is None
        if new not in written:
            reader = pa.Table.from_pylist([row], SCHEMA).to_reader()
            written[new] = write_rows(registry.lake, "rows", reader, SCHEMA, new=new)
        if table is None:
            return Draft(create(SCHEMA, written[new]), "root", 1)
        return Draft(change_rows(table, written[new], np.array([], np.uint64)), "root", table.count_rows() + 1)

    run = Run(new_run_id(), Job("ingest", "rows"), RunState.COMPLETE, now(), "")
    landed = publish(registry.lake, "rows", run, build)
    assert landed is not None
    registry.record(landed)


if __name__ == "__main__":
    warnings.filterwarnings("ignore", ".*fork.*")
    main(int(sys.argv[1]), float(sys.argv[2]))
