"""Four processes at once on one lake: nothing lost, nothing doubled, nothing paid for twice.

Two of them share an index, the others have one each, as people in different places do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from mmreg.registry.commit import recorded_run

PROCESSES, TURNS = 4, 3

DECLARATION = """
version: 1
project: shared
lake: {lake}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    columns:
      image: {{type: image}}
      caption: {{type: text}}
passes:
  light: {{from: pairs, use: "counted:Brightness", inputs: {{image: image}}}}
  words: {{from: pairs, use: "counted:Words", inputs: {{text: caption}}}}
  keep:  {{from: pairs, into: train, use: filter, where: "n_words >= 3"}}
"""

WORK = """
import os, sys
from mmreg.curation.apply import apply
from mmreg.registry.api import Registry

worker, turns = map(int, sys.argv[1:])
if worker % 2:
    os.environ["MMREG_CATALOG"] = f"sqlite:///.mmreg/of-{worker}.db"
for turn in range(turns):
    name = f"{worker}-{turn}"
    os.rename(f"pool/{name}.txt", f"images/{name}.txt")
    os.rename(f"pool/{name}.png", f"images/{name}.png")
    os.rename(f"pool/{name}.mute", f"images/{name}-mute.png")
    apply(Registry.open("."))
"""


def test_four_processes_at_once(
    project: Callable[..., Any], rows: Callable[..., Any], lake: str | dict[str, Any]
) -> None:
    made = project(images=2, declaration=DECLARATION, lake=lake)
    names = [f"{worker}-{turn}" for worker in range(PROCESSES) for turn in range(TURNS)]
    for number, name in enumerate(names):
        made.draw(f"../pool/{name}", f"picture number {name}", seed=number)
        (made.folder / "pool" / f"{name}.mute").write_bytes(b"a picture without a caption")
    finished(made, *(made.python(WORK, str(worker), str(TURNS)) for worker in range(PROCESSES)))

    # Each process brought the project up to date with what it had added: at the end nothing is left to do.
    assert {step.outcome for step in made.apply().steps} == {"unchanged"}
    registry = made.open()
    there = rows(registry, "pairs")
    sources = sorted(row["_source"]["uri"] for row in there.values())
    assert sources == sorted(["000.png", "001.png", *(f"{name}.png" for name in names)])
    assert all(row["brightness"] is not None and row["n_words"] is not None for row in there.values())
    shown = registry.show("pairs@latest")
    assert (shown.rejected, dict(shown.rejected_reasons)) == (len(names), {"null_value": len(names)})
    assert sorted(r["source"] for r in shown.rejected_records) == [f"{name}-mute.png" for name in names]
    assert len(rows(registry, "train")) == len(there) - 1  # the first picture's caption is one word
    assert_one_history(made)
    calls = Counter(made.calls())
    assert set(calls.values()) == {1} and len(calls) == 2 * len(there)
    assert registry.doctor().findings == ()


def finished(made: Any, *processes: Any) -> None:
    ended = [(process, *process.communicate(timeout=300)) for process in processes]
    for process, _, told in ended:
        assert process.returncode == 0, told


def assert_one_history(made: Any) -> None:
    """Ordinals follow the commits, every one of them has its run object, and row counts are true."""
    registry = made.open()
    recorded = {run.id: run for run in registry.runs()}
    for summary in registry.ls():
        newest = registry.lake.table(summary.name)
        runs = [recorded_run(newest, version) for version in range(1, newest.version + 1)]
        outputs = [next(o for o in run.outputs if o.dataset == summary.name) for run in runs if run is not None]
        assert [output.ordinal for output in outputs] == list(range(1, newest.version + 1))
        assert all(earlier.lance_version < later.lance_version for earlier, later in pairwise(outputs))
        assert all(run is not None and run.id in recorded for run in runs)
        for output in outputs:
            assert registry.lake.table(summary.name, output.lance_version).count_rows() == output.rows
