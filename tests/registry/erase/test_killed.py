"""Killed at any moment, an erasure is shown unfinished, shows nothing of what it erases, and goes on to its end."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmreg.errors import NotFound
from mmreg.registry.erase.tombstones import load
from mmreg.schemas.erasure import Asked, ErasureReport

KILLS = int(os.environ.get("MMREG_STEPS", "3"))
ERASE = """
import sys
from mmreg.registry.api import Registry
from mmreg.schemas.erasure import Asked
registry = Registry.open(".")
registry.ls()
print("ready", flush=True)
sys.stdin.readline()
if sys.argv[1] == "resume":
    registry.erase_resume()
else:
    registry.erase(Asked("clips", where=sys.argv[1]))
"""


def started(small: Any, what: str) -> subprocess.Popen[str]:
    process: subprocess.Popen[str] = small.python(ERASE, what)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def let_go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def test_at_any_moment(clips: Any, record: Any, rows: Any, files_with: Any) -> None:
    name, seed = "aiga_up_arrow_", random.Random(os.environ.get("MMREG_SEED", "7"))
    source = record(name)
    before = {ref: rows(clips.open(), f"{ref}@latest") for ref in ("clips", "pool", "bright", "signs")}
    [sample] = [sample for sample, row in before["clips"].items() if row["name"] == name]
    rest = {ref: {k: row for k, row in there.items() if k != sample} for ref, there in before.items()}
    base = clips.folder.parent
    with started(clips.copy(base / "timed"), f"name = '{name}'") as whole:
        moment = time.monotonic()
        let_go(whole)
        assert whole.wait() == 0, whole.stderr.read() if whole.stderr else ""
    takes = time.monotonic() - moment
    stopped = 0
    for number in range(KILLS):
        small = clips.copy(base / f"killed-{number}")
        what = f"name = '{name}'"
        for _ in range(2):  # it is killed, and so is the one that goes on
            with started(small, what) as process:
                let_go(process)
                try:
                    process.wait(seed.uniform(0, takes))
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                    stopped += 1
            if not load(small.open().lake.store):
                break  # before the tombstone nothing has happened
            what = "resume"
        registry = small.open()
        if load(registry.lake.store):
            for ref in before:
                assert set(rows(registry, f"{ref}@latest")) == set(rest[ref]), "from the tombstone on nobody sees it"
            codes = [finding.code for finding in registry.doctor().findings]
            done = all(erasure.finished for erasure in load(registry.lake.store).erasures)
            assert ("erasure_unfinished" in codes) is not done
            if not done:
                [report] = small.open().erase_resume()
                assert report.ok
        else:
            assert isinstance(registry.erase(Asked("clips", where=f"name = '{name}'")), ErasureReport)
        everywhere = [small.folder / "lake", small.folder / ".mmreg"]
        assert files_with(everywhere, source["bytes"], source["description"].encode()) == []
        for ref in before:
            assert rows(small.open(), f"{ref}@latest") == rest[ref]
        assert small.open().doctor().ok
        with pytest.raises(NotFound):
            small.open().erase_resume()
        assert {step.outcome for step in small.apply().steps} == {"unchanged"}
    assert stopped


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Where the one lake lies that every example copies."""
    return {"folder": tmp_path_factory.mktemp("subsets")}


@settings(
    max_examples=int(os.environ.get("MMREG_STEPS", "3")),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(subset=st.sets(st.integers(0, 6), min_size=1))
def test_any_subset_leaves_the_others_as_they_were(
    clips: Any, rows: Callable[..., Any], kept: dict[str, Path], subset: set[int]
) -> None:
    small = clips.copy(kept["folder"] / "-".join(map(str, sorted(subset))) / os.urandom(3).hex())
    refs = [f"{name}@latest" for name in ("clips", "pool", "bright", "signs")]
    before = {ref: rows(small.open(), ref) for ref in refs}
    gone = {sample for place, sample in enumerate(sorted(before["clips@latest"])) if place in subset}
    report = small.open().erase(Asked(ids=tuple(sample.hex() for sample in gone)))
    assert isinstance(report, ErasureReport) and report.ok and report.samples == len(gone)
    for ref in refs:
        assert rows(small.open(), ref) == {sample: row for sample, row in before[ref].items() if sample not in gone}
    assert small.open().doctor().ok


def test_who_is_at_work_is_waited_for(clips: Any, record: Any) -> None:
    """A pass that began before the tombstone holds its lease: the erasure goes on when it is released."""
    code = """
    import sys
    from mmreg.registry.api import Registry
    from mmreg.registry.leases import lease
    with lease(Registry.open(".").lake.store, "clips.light"):
        print("held", flush=True)
        sys.stdin.readline()
    """
    with clips.python(code) as holder, started(clips, "name = 'aiga_up_arrow_'") as process:
        assert holder.stdout.readline() == "held\n"
        let_go(process)
        store = clips.open().lake.store
        while not load(store):
            assert process.poll() is None
        assert clips.open().show("clips@latest").rows == 7, "its rows are there, and masked"
        assert len(clips.open().open_version("clips@latest")) == 6
        let_go(holder)
        assert holder.wait() == 0
        assert process.wait() == 0
    assert clips.open().show("clips@latest").rows == 6
