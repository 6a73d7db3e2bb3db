"""One small story, told by mmreg, Pixeltable and DataChain: what each computes again, and what is then there.

A column of captions is added by model A; 1% more pictures come; the weights of the model are swapped for B, behind
unchanged code, and one more picture comes; nothing changes. After every step each tool is run in the way that its
documentation gives for new data. Calls are counted by the model itself, seconds, bytes and memory from outside.

    python benchmarks/peers/story.py [--size N] [--work FOLDER] [--envs FOLDER] [--json]

The peers are installed into environments of their own below the working folder. They come without mmreg's promises
and mmreg without theirs: this tells what the columns hold, not which tool is better.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
PEERS = {"mmreg": None, "pixeltable": "pixeltable==0.7.21", "datachain": "datachain==0.62.0"}
STEPS = ("add", "append 1%", "swap the model", "run again")
SAMPLE_S = 0.02
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Step:
    """One step of one tool. ``peak_mb`` and ``cpu_s`` are of all processes that belong to it, its servers too."""

    tool: str
    step: str
    calls: int
    wall_s: float
    cpu_s: float
    written_mb: float
    peak_mb: float
    holds: Mapping[str, int]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", type=int, default=2000, metavar="N", help="pictures to begin with (default 2,000)")
    parser.add_argument("--work", type=Path, help="the folder to work below (default: the system's temporary)")
    parser.add_argument("--envs", type=Path, help="keep the peers' environments there (default: made and removed)")
    parser.add_argument("--json", action="store_true", help="print JSON lines")
    given = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="mmreg-story-", dir=given.work))
    try:
        for tool, requirement in PEERS.items():
            python = _python(given.envs or work, tool, requirement)
            folder = work / f"{tool}-story"
            for step in _told(tool, python, folder, given.size):
                print(json.dumps(asdict(step)) if given.json else _line(step), flush=True)
            _end(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _python(work: Path, tool: str, requirement: str | None) -> Path:
    if requirement is None:
        return Path(sys.executable)
    place = work / f"{tool}-env"
    if not place.exists():
        venv.create(place, with_pip=True)
        subprocess.run([place / "bin/pip", "install", "-q", requirement, "pillow", "numpy"], check=True)
    return place / "bin/python"


def _told(tool: str, python: Path, folder: Path, size: int) -> Iterator[Step]:
    drawn = _draw(folder / "images", 0, size)
    (folder / "model").mkdir()
    (folder / "model" / "weights").write_text("A")
    yield _step(tool, python, folder, STEPS[0], "add")
    drawn = _draw(folder / "images", drawn, max(1, size // 100))
    yield _step(tool, python, folder, STEPS[1], "again")
    (folder / "model" / "weights").write_text("B")
    _draw(folder / "images", drawn, 1)
    yield _step(tool, python, folder, STEPS[2], "again")
    yield _step(tool, python, folder, STEPS[3], "again")


def _step(tool: str, python: Path, folder: Path, title: str, verb: str) -> Step:
    calls = folder / "calls"
    calls.write_bytes(b"")
    command = [python, HERE / f"with_{tool}.py", folder]
    environment = {**os.environ, "STORY_MODEL": str(folder / "model" / "weights"), "STORY_CALLS": str(calls),
                   "PIXELTABLE_HOME": str(folder / "home"), "DATACHAIN_ROOT_DIR": str(folder / "home")}  # fmt: skip
    kept, spent, started, peak = _bytes(folder), _cpu_s(folder), time.perf_counter(), 0.0
    with (folder / "said").open("w") as said:
        process = subprocess.Popen([*command, verb], env=environment, stdout=said, stderr=said)
        while process.poll() is None:
            peak = max(peak, sum(_memory_mb(pid) for pid in _processes(folder)))
            time.sleep(SAMPLE_S)
    wall, spent, kept = time.perf_counter() - started, _cpu_s(folder) - spent, _bytes(folder) - kept
    if process.returncode:
        raise SystemExit(f"{tool}, {title}: {(folder / 'said').read_text()[-2000:]}")
    called = calls.stat().st_size
    answer = subprocess.run([*command, "holds"], env=environment, capture_output=True, text=True, check=True).stdout
    return Step(tool, title, called, wall, spent, kept / 1e6, peak, json.loads(answer.strip().splitlines()[-1]))


def _draw(folder: Path, start: int, count: int) -> int:
    """``count`` more pictures of coloured noise, JPEG, about 6 KB each. Returns how many there are then."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(start, start + count):
        coarse = np.random.default_rng(number).integers(0, 255, (48, 48, 3), np.uint8)
        Image.fromarray(coarse).resize((96, 96)).save(folder / f"{number:06d}.jpg", quality=85)
    return start + count


def _cpu_s(folder: Path) -> float:
    """Of the processes that this one has waited for, and of the servers that they left behind."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    alive = sum(sum(map(int, _stat(pid)[11:15])) for pid in _processes(folder))
    return ended.ru_utime + ended.ru_stime + alive / _TICKS


def _processes(folder: Path) -> list[int]:
    """All that were started with this story's environment, whatever they are called and whoever is their parent."""
    mark = f"STORY_CALLS={folder / 'calls'}".encode()
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if mark in _read(pid, "environ")]


def _memory_mb(pid: int) -> float:
    """Proportional: what several processes share counts once."""
    lines = _read(pid, "smaps_rollup").decode().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _stat(pid: int) -> list[str]:
    return _read(pid, "stat").decode().rpartition(")")[2].split() or ["0"] * 50


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""  # it has ended meanwhile


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and "images" not in path.parts)


def _end(folder: Path) -> None:
    for pid in _processes(folder):
        os.kill(pid, signal.SIGTERM)


def _line(step: Step) -> str:
    holds = ", ".join(f"{count:,} by {model}" for model, count in sorted(step.holds.items()))
    return (
        f"{step.tool:<11}{step.step:<16}{step.calls:>7,} calls {step.wall_s:>7.1f} s {step.cpu_s:>7.1f} s CPU"
        f"{step.written_mb:>9.2f} MB written{step.peak_mb:>7.0f} MB peak   holds {holds}"
    )


if __name__ == "__main__":
    main()
