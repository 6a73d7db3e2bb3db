"""Versions that were selected from one another: on a real lake, and in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pytest

from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.upstream import Base, Chain, Chosen
from mmreg.validators import Table, load_check

DECLARATION = """
version: 1
project: guarded
lake: {{lake}}
datasets:
  rows:
    source: {{{{type: jsonl, path: rows.jsonl}}}}
    columns:
      {columns}
passes:
  {passes}
"""


@pytest.fixture
def lake_of(project: Callable[..., Any]) -> Callable[..., Any]:
    """``lake_of(rows, {column: type}, {pass: what it declares})``: a project whose lake has them."""

    def make(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], passes: Mapping[str, str]) -> Any:
        declared = "\n      ".join(f"{name}: {{{{type: {kind}, nullable: true}}}}" for name, kind in columns.items())
        said = "\n  ".join(f"{name}: {{{{{what}}}}}" for name, what in passes.items())
        made = project(0, DECLARATION.format(columns=declared, passes=said))
        (made.folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        made.apply()
        return made

    return make


@pytest.fixture
def answer() -> Callable[..., CheckResult]:
    """``answer(project, "train", check=..., <arguments>)``: what a check finds in the latest version."""

    def run(made: Any, of: str, /, **declared: Any) -> CheckResult:
        file = made.folder / "mmreg.yaml"
        kept = file.read_text().partition("\nchecks:")[0]
        file.write_text(f"{kept}\nchecks: {{{of}: [{json.dumps(declared)}]}}\n")
        with made.open() as registry:
            (report,) = registry.validate(f"{of}@latest", record=False)
        (result,) = report.results
        return recordable(result)

    return run


def recordable(result: CheckResult) -> CheckResult:
    """``result``, which a run must be able to keep."""
    json.dumps(asdict(result))
    return result


class Held:
    """Rows in memory, as a guard reads those of a version."""

    def __init__(self, rows: pa.RecordBatch) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return self._rows.num_rows

    def batches(self, columns: Sequence[str], *, batch_size: int, media: bool) -> Iterator[pa.RecordBatch]:
        for start in range(0, len(self), 7):
            yield self._rows.select(list(columns)).slice(start, 7)


class Selected:
    """Versions that were selected one from the other: each is the rows of the one before it at some places."""

    def __init__(self, cells: pa.Array[Any], places: Sequence[Sequence[int]]) -> None:
        ids = pa.array([row.to_bytes(16, "big") for row in range(len(cells))], pa.binary(16))
        whole = pa.record_batch({"sample_id": ids, "cell": cells})
        self._held = {f"v{n}": Held(whole.take(pa.array(kept, pa.int64()))) for n, kept in enumerate(places)}
        self.last = f"v{len(places) - 1}"

    def open(self, ref: str, split: str | None = None) -> Held:
        return self._held[ref]

    def chain(self, against: str | None = None) -> Chain:
        names = list(self._held)
        steps = [
            Chosen(
                f"step {n}", names[n], (Base(names[n - 1]),), len(self._held[names[n - 1]]), len(self._held[names[n]])
            )
            for n in range(1, len(names))
        ]
        return Chain((Base("v0"),), tuple(steps))


@pytest.fixture(scope="session")
def guard() -> Callable[..., CheckResult]:
    """``guard(cells, [places, ...], check=..., <arguments>)``: of the cells those at the places stayed, a step each."""

    def run(cells: pa.Array[Any], *places: Sequence[int], **declared: Any) -> CheckResult:
        world: Any = Selected(cells, [range(len(cells)), *places])
        table = Table(pa.schema({"cell": cells.type}), ref=world.last, rows=len(places[-1]), world=world)
        return recordable(load_check(CheckSpec(**declared), table).result())

    return run
