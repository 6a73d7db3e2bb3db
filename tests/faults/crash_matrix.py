"""Each verb killed at each of its calls; what is left must be old or new, mendable, and the verb must work again.

    python tests/faults/crash_matrix.py [--store folder|s3|full|limit] [--scene NAME]... [--points N] [--json FILE]
    python tests/faults/crash_matrix.py --table FILE...        docs/crashes.md's table from such files

On a folder the calls are renames, links and unlinks (and every 25th write to the index's log), below the project; on
S3 every PUT, POST and DELETE, before and after it is carried out. ``full`` and ``limit`` kill nobody: there is no space
left on the disk (a tmpfs, which only root may mount), or no file may grow beyond a limit; the verb must say so and what
it leaves is judged in the same way. One line of JSON a kill.

Everything that opens a lake happens in forks of this process, which itself only holds what they import: a kill then
costs a tenth of starting Python.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import random
import sys
import tempfile
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

warnings.filterwarnings("ignore", ".*(fork|lance is not fork-safe).*")
sys.path.insert(0, str(Path(__file__).parents[1]))

import conftest  # noqa: E402
import obstore  # noqa: E402, F401  imported for the forks
from conftest import COUNTED, DECLARATION, SmallProject, rows_of  # noqa: E402
from forks import forked  # noqa: E402
from places import S3, STORES, Folder  # noqa: E402
from scenes import FLUSH_ROWS, SCENES, Scene  # noqa: E402

import mmreg.curation  # noqa: E402
import mmreg.registry  # noqa: E402
import mmreg.schemas  # noqa: E402
from mmreg.errors import MmregError  # noqa: E402

IMAGES = 4
WINDOWS = {"run_object_missing", "index_behind"}


def kills(store: Folder | S3, name: str, points: int | None, folder: Path) -> Iterator[dict[str, Any]]:
    """Kill scene ``name`` at about ``points`` points (None: all), and tell what came of each."""
    scene = SCENES[name]
    before = SmallProject(folder / "before")
    _lay_out(before, scene, store.declared())
    forked(lambda: scene.prepare(before))
    undisturbed = store.copy(before, folder / "undisturbed")
    where = store.calls(undisturbed, partial(_do, scene, undisturbed))
    looked_at = store.copy(before, folder / "looked at")  # to look is to mend
    old, new = forked(partial(states, looked_at)), forked(partial(states, undisturbed))
    assert scene.same == (comparable(old) == comparable(new)), f"{name}: nothing changes"
    for number, point in enumerate(_spread(where, points, name)):
        made = store.copy(before, folder / f"{number}")
        told: dict[str, Any] = {"store": store.name, "scene": name, "verb": scene.verb, "call": "?", "path": None}
        try:
            call = store.kill(made, partial(_do, scene, made, store.counts), point)
            told |= {"call": call[0], "path": call[1]} if call else {"call": None}
            if call is not None:
                reference = undisturbed if store.counts else None
                told |= forked(partial(judged, scene, made, old, new, reference, number % 2 == 0))
        except AssertionError as error:
            told |= {"outcome": "wrong", "mended": [], "error": str(error)}
        yield told
        store.forget(made)
    for made in (before, undisturbed, looked_at):
        store.forget(made)


def _spread(where: Mapping[str, Sequence[Any]], points: int | None, seed: str) -> list[Any]:
    """About ``points`` of all (None: all), of every family alike, from its whole length."""
    chosen = []
    for family, found in where.items():
        wanted = len(found) if points is None else min(len(found), -(-points // len(where)))
        first = random.Random(family + seed).random() if points is not None else 0
        chosen += [found[int((n + first) * len(found) / wanted)] for n in range(wanted)]
    return chosen


def judged(
    scene: Scene, made: SmallProject, old: Any, new: Any, undisturbed: SmallProject | None, by_doctor: bool
) -> dict[str, Any]:
    """What the kill left, and that it can be mended and the verb repeated. Raises `AssertionError`."""
    _assert_readable(made, old, new)
    mended: set[str] = set()
    if by_doctor:
        mended = _healed(scene, made)
    now = states(made)
    assert set(old["runs"]) <= set(now["runs"]), "a run is lost"
    outcome = _outcome(comparable(now), comparable(old), comparable(new))
    _again(scene, made)
    _healed(scene, made)
    after = states(made)
    assert comparable(after) == comparable(new), f"the second run made something else\n{after}\n{new}"
    report = made.open().fsck(deep=True)
    assert not report.damages, report
    if undisturbed is None:
        return {"outcome": outcome, "mended": sorted(mended)}
    calls, needed = Counter(made.calls()), Counter(undisturbed.calls())
    assert set(calls) == set(needed)
    assert (wasted := calls.total() - needed.total()) <= scene.repeats, f"{wasted} calls repeated"
    return {"outcome": outcome, "mended": sorted(mended)}


def states(made: SmallProject) -> dict[str, Any]:
    """What there is to see."""
    registry = made.open()
    datasets = registry.ls()
    return {
        "tables": {dataset.name: rows_of(registry, f"{dataset.name}@latest") for dataset in datasets},
        "versions": {dataset.name: dataset.versions for dataset in datasets},
        "current": {dataset.name: (dataset.current, dataset.promoted) for dataset in datasets},
        "on_disk": {dataset.name: len(registry.lake.versions_on_disk(dataset.name)) for dataset in datasets},
        "models": sorted((model.name, model.digest, tuple(model.aliases)) for model in registry.models()),
        "runs": [run.id for run in registry.runs()],
    }


def comparable(state: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in state.items() if key != "runs"}


def _healed(scene: Scene, made: SmallProject) -> set[str]:
    """What the doctor found; by now it is mended, by the doctor or as it said."""
    findings = _findings(made)
    if any(not finding.fixed for finding in findings) and scene.go_on is not None:
        scene.go_on(made)
    else:
        assert all(finding.fixed for finding in findings), findings
    assert not (left := _findings(made)), left
    return {finding.code for finding in findings}


def _findings(made: SmallProject) -> list[Any]:
    """What the doctor finds, but for what is true of the machine."""
    found = made.open().doctor().findings
    return [finding for finding in found if not finding.note and finding.code != "disk_space"]


def _outcome(now: dict[str, Any], old: dict[str, Any], new: dict[str, Any]) -> str:
    if old == new:
        assert now == old
        return "same"
    if now in (old, new):
        return "old" if now == old else "new"
    for part in now:
        for name, value in now[part].items() if isinstance(now[part], dict) else ():
            a, b = old[part].get(name), new[part].get(name)
            # A verb may make and remove several versions; what they hold is one or the other.
            assert part in ("versions", "current", "on_disk") or value in (a, b), (
                f"{part} of {name}: neither old nor new"
            )
    return "between"


def _assert_readable(made: SmallProject, old: Any, new: Any) -> None:
    """Every table that was ever committed reads whole, by Lance alone, as one of the allowed states."""
    lake = made.open().lake
    for name in lake.datasets():
        table = lake.find_table(name)
        if table is None:
            continue
        found = table.to_table()
        assert found.num_rows == table.count_rows()
        if "sample_id" in found.column_names:
            whole = {row.pop("sample_id"): row for row in found.to_pylist()}
            assert whole in [state["tables"].get(name) for state in (old, new)], f"{name}: neither old nor new"


def _lay_out(made: SmallProject, scene: Scene, lake: Any) -> None:
    (made.folder / "images").mkdir(parents=True)
    (made.folder / "mmreg.yaml").write_text((scene.declaration or DECLARATION).format(lake=json.dumps(lake)))
    (made.folder / "counted.py").write_text(COUNTED)
    for number in range(IMAGES):
        made.draw(f"{number:03}", f"picture number {number}" if number % 3 else "one")

    def create() -> None:
        opened = made.open().project
        conftest.Lake.create(opened.lake_uri, opened.lake_options)

    forked(create)


def _do(scene: Scene, made: SmallProject, counts: bool = True) -> None:
    from mmreg.curation import engine, portions

    portions.BATCH_ROWS, engine.FLUSH_S = FLUSH_ROWS, 0.0  # every batch is a flush
    made.noted = "calls.log" if counts else os.devnull
    os.environ["CALLS"] = str(made.folder / made.noted)
    scene.do(made)


def _again(scene: Scene, made: SmallProject) -> None:
    try:
        _do(scene, made)
    except MmregError as error:
        if error.code not in scene.done:
            raise


def table(kills: Sequence[dict[str, Any]]) -> str:
    """The kills by store, verb and scene, in Markdown."""
    text = []
    for store, families in (
        ("folder", ("rename", "link", "unlink", "index")),
        ("full", ("no space",)),
        ("limit", ("no space",)),
        ("s3", ("PUT before", "PUT after", "POST before", "POST after", "DELETE before", "DELETE after")),
    ):
        by_scene: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for kill in kills:
            if kill["store"] == store and kill["call"]:
                by_scene[kill["verb"], kill["scene"]].append(kill)
        if not by_scene:
            continue
        used = [family for family in families if any(kill["call"] == family for kill in kills)]
        outcomes = ["old", "between", "new", "same", "wrong"]
        header = ["verb", "scene", *used, "kills", *outcomes, "doctor mended"]
        text += [f"| {' | '.join(header)} |", f"|{'---|' * 2}{'---:|' * (len(header) - 3)}---|"]
        total = Counter[str]()
        for (verb, scene), found in by_scene.items():
            counts = Counter(kill["call"] for kill in found) + Counter(kill["outcome"] for kill in found)
            counts["kills"] = len(found)
            total += counts
            mended = Counter(code for kill in found for code in kill["mended"])
            said = ", ".join(f"{code} {count}" for code, count in sorted(mended.items()))
            text.append(_line([verb, scene], counts, [*used, "kills", *outcomes], said))
        text += [_line(["**all**", ""], total, [*used, "kills", *outcomes], ""), ""]
    return "\n".join(text)


def _line(names: list[str], counts: Counter[str], columns: list[str], said: str) -> str:
    return f"| {' | '.join([*names, *(str(counts[column] or '') for column in columns), said])} |"


@contextmanager
def _scratch(disk: Path | None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="crashes-", dir=disk) as folder:
        yield Path(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", choices=STORES, default="folder")
    parser.add_argument("--scene", action="append", choices=SCENES)
    parser.add_argument("--points", type=int)
    parser.add_argument("--list", action="store_true", help="the names of all scenes, as JSON")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--table", nargs="+", type=Path)
    said = parser.parse_args()
    if said.table:
        print(table([json.loads(line) for file in said.table for line in file.read_text().splitlines()]))
        return
    if said.list:
        print(json.dumps(list(SCENES)))
        return
    for package in (mmreg.registry, mmreg.schemas):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith((".torch", ".postgresql")):
                importlib.import_module(module.name)
    store = STORES[said.store]()
    done = []
    for name in said.scene or SCENES:
        with _scratch(store.disk) as folder:
            for kill in kills(store, name, said.points, folder):
                done.append(kill)
                if said.json:
                    with said.json.open("a") as file:
                        file.write(json.dumps(kill) + "\n")
                if kill.get("error"):
                    print(json.dumps(kill, indent=1).replace("\\n", "\n"), file=sys.stderr, flush=True)
    print(table(done))
    sys.exit(any(kill.get("error") for kill in done))


if __name__ == "__main__":
    main()
