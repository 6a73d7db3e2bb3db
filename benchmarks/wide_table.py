"""A table of 5,000 fragments and 20 passes: plan, status, and publishing one pass where 1% of its rows are new.

The fragments are tiny, everything else is real: ingested, computed, staged and published by the code that does it
for everybody. Publishing is told apart from computing by the clock around `publish`; beside it stands a bare
`LanceDataset.commit` of an operation that changes the same fragments of the same manifest.
"""

from __future__ import annotations

import shutil
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import texts
from measure import Comparison, Cost, Work, compare, measure
from projects import apply, applying, copy, make_project
from report import Figure, options, ratio, show

PASSES, ROWS = 20, 4
PLAN = {
    f"p{number}": {
        "from": "texts", "use": "cheap_passes:TextLength", "inputs": {"text": "caption"},
        "outputs": {"n_chars": f"n{number}"}, "params": {"add": number},
    }
    for number in range(PASSES)
}  # fmt: skip


def main() -> None:
    with options(__doc__, 5_000, "fragments") as given:
        lake = given.work / "wide"
        built = measure(_build, lake, given.size)
        planned, said = (_shortest(ready, lake) for ready in (_plan, _status))
        measure(_append, lake, given.size)
        todo = _shortest(_plan_new, lake)
        published = _publishing(lake)
        show(
            given,
            [
                Figure("plan, nothing changed", planned.wall_s, "s", 1.0, details=_details(planned)),
                Figure("status, nothing changed", said.wall_s, "s", 1.0, details=_details(said)),
                Figure("plan, 1% of the rows new", todo.wall_s, "s", None, details=_details(todo)),
                ratio("publish one pass / bare commit", published, 1.3),
                Figure("building it, an apply a pass", built.wall_s / PASSES, "s", None),
            ],
        )


def _publishing(lake: Path) -> Comparison:
    """Each on its own copy; what is measured is told by the work itself, as it is only a part of it."""
    place = lake.parent / "copy"

    def on_copy(ready: Any) -> Cost:
        copy(lake, place)
        cost = measure(ready, place)
        shutil.rmtree(place)
        return Cost(**{**cost.__dict__, "cpu_s": cost.value["cpu_s"], "wall_s": cost.value["wall_s"]})

    return compare(lambda: on_copy(_bare_commit), lambda: on_copy(_publish))


def _build(folder: Path, fragments: int) -> Work:
    import mmreg.registry.ingest as ingest

    ingest.ROWS_PER_FRAGMENT = ROWS
    make_project(folder, texts.declaration(PLAN))
    texts.write(folder / "texts.parquet", 0, fragments * ROWS)
    return lambda: apply(folder)


def _append(folder: Path, fragments: int) -> Work:
    """One percent more rows, in a fragment of their own."""
    texts.write(folder / "texts.parquet", 0, fragments * ROWS + max(1, fragments // 100) * ROWS)
    return lambda: apply(folder, "texts")


def _plan(folder: Path) -> Work:
    import lance  # noqa: F401

    from mmreg.curation.plan import plan
    from mmreg.registry.api import Registry

    names = list(PLAN)
    return lambda: _expect("nothing", plan(Registry.open(folder), names).steps)


def _plan_new(folder: Path) -> Work:
    import lance  # noqa: F401

    from mmreg.curation.plan import plan
    from mmreg.registry.api import Registry

    names = list(PLAN)
    return lambda: _expect("run", plan(Registry.open(folder), names).steps)


def _expect(action: str, steps: Any) -> None:
    assert {step.action for step in steps} == {action} and len(steps) == PASSES, steps


def _status(folder: Path) -> Work:
    import lance  # noqa: F401

    from mmreg.curation.status import status
    from mmreg.registry.api import Registry

    return lambda: len(status(Registry.open(folder)).passes)


def _publish(folder: Path) -> Work:
    """One pass over the new rows, by `apply`; seconds are those inside `publish`."""
    import lance  # noqa: F401

    publishing: Any = import_module("mmreg.curation.publishing")
    spent = {"cpu_s": 0.0, "wall_s": 0.0}
    publish = publishing.publish

    def timed(*args: Any) -> Any:
        cpu, wall = time.process_time(), time.perf_counter()
        try:
            return publish(*args)
        finally:
            spent["cpu_s"] += time.process_time() - cpu
            spent["wall_s"] += time.perf_counter() - wall

    run = applying(folder, "p0")

    def work() -> dict[str, float]:
        publishing.publish = timed
        run()
        return spent

    return work


def _bare_commit(folder: Path) -> Work:
    """The last fragment gets a new file for one column, by Lance alone; seconds are of opening and the commit."""
    import lance
    import pyarrow as pa

    uri = str(folder / ".mmreg" / "lake" / "texts.lance")
    fragment = lance.dataset(uri).get_fragments()[-1]
    rows = fragment.to_table(columns=["caption"], with_row_id=True)
    new = pa.table({"_rowid": rows["_rowid"], "n0": pa.array([1] * rows.num_rows, pa.int32())})
    changed, modified = fragment.update_columns(new, left_on="_rowid", right_on="_rowid")

    def work() -> dict[str, float]:
        cpu, wall = time.process_time(), time.perf_counter()
        newest = lance.dataset(uri)
        operation = lance.LanceOperation.Update(
            updated_fragments=[changed], fields_modified=modified, update_mode="rewrite_columns"
        )
        lance.LanceDataset.commit(uri, operation, read_version=newest.version, max_retries=0)
        return {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}

    return work


def _shortest(ready: Any, folder: Path) -> Cost:
    return min((measure(ready, folder) for _ in range(3)), key=lambda cost: cost.wall_s)


def _details(cost: Cost) -> dict[str, float]:
    return {"cpu_s": cost.cpu_s, "read MB": cost.read_mb, "peak MB": cost.peak_mb}


if __name__ == "__main__":
    main()
