"""lineage.single_generation: one recipe made the whole column."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from mmreg.errors import UsageError
from mmreg.schemas.arrow import DONE, state_column
from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.schemas.fingerprint import NOTHING, light_columns, output_prints
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.table import Table, cells
from mmreg.validators.tally import Example, example, share, short, verdict

_DONE = pa.scalar(DONE, pa.int8())


class Arguments(Declared):
    column: str


@dataclass
class _Group:
    """Rows of one fate: how many, and the first few as (number of the row, example)."""

    label: str
    rows: int = 0
    examples: list[tuple[int, Example]] = field(default_factory=list)


class SingleGeneration:
    """Every row of the column was computed, without error, and by one and the same generation of its pass.

    Where generations are mixed, rows outside the most frequent one (the first seen of equals) are the
    failures, and so are rows in which somebody else has written since, or in the place of the pass. Keeps a count
    and five examples a generation, of which a column has a handful.
    """

    media = False

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        self._spec, self._column = spec, parse_arguments(spec, Arguments).column
        table.type(self._column)
        producer = _producer(self._column, table)
        self._state = state_column(producer)
        there = set(table.schema.names) - set(table.former)
        made = [name for name, maker in table.producers.items() if maker == producer and name in there]
        self._outputs = light_columns(table.schema, made)
        self.columns = (self._state, *self._outputs)
        self._rows = 0
        self._never, self._broken = _Group("never computed"), _Group("ended in an error")
        self._foreign, self._overwritten = _Group("not written by its pass"), _Group("overwritten since")
        self._generations: dict[int, _Group] = {}

    def update(self, batch: pa.RecordBatch) -> None:
        state = cells(batch, f"{self._state}.state")
        generation = cells(batch, f"{self._state}.generation")
        prints = output_prints(batch, self._outputs)
        never = pc.is_null(state)
        foreign = pc.and_(never, pa.array(prints != NOTHING))
        overwritten = pc.not_equal(cells(batch, f"{self._state}.outputs"), pa.array(prints))
        done = pc.and_not(pc.equal(state, _DONE), overwritten)
        self._count(self._foreign, batch, foreign)
        self._count(self._never, batch, pc.and_not(never, foreign))
        self._count(self._overwritten, batch, overwritten)
        self._count(self._broken, batch, pc.and_not(pc.not_equal(state, _DONE), overwritten))
        for one in pc.unique(generation.filter(done)):
            group = self._generations.setdefault(one.as_py(), _Group(f"of generation {_hex(one.as_py())}"))
            self._count(group, batch, pc.and_(done, pc.equal(generation, one)))
        self._rows += batch.num_rows

    def result(self) -> CheckResult:
        generations = list(self._generations.values())
        most = max(generations, key=lambda group: group.rows, default=_Group("computed"))
        bad = (self._never, self._broken, self._overwritten, self._foreign)
        others = [group for group in (*bad, *generations) if group is not most and group.rows]
        failed = sum(group.rows for group in others)
        message = share(self._spec, self._rows, failed, f"rows are not {most.label}")
        if others:
            message += ": " + ", ".join(f"{group.rows:,} {group.label}" for group in others)
        examples = sorted((e for group in others for e in group.examples), key=lambda numbered: numbered[0])
        first = [shown for _, shown in examples[: self._spec.examples]]
        return verdict(self._spec, self._column, self._rows, failed, message, first)

    def _count(self, group: _Group, batch: pa.RecordBatch, members: pa.BooleanArray) -> None:
        rows = pc.indices_nonzero(members).to_numpy()
        group.rows += len(rows)
        for row in rows[: self._spec.examples - len(group.examples)].tolist():
            state = batch.column(self._state)[row].as_py() or {"generation": None, "error": None}
            reason = f"{group.label}: {short(state['error'])}" if state["error"] else group.label
            group.examples.append((self._rows + row, example(batch, row, _hex(state["generation"]), reason)))


def _hex(generation: int | None) -> str:
    return "null" if generation is None else f"{generation:016x}"


def _producer(column: str, table: Table) -> str:
    for name in (column, column.partition(".")[0]):
        if name in table.producers:
            return table.producers[name]
    raise UsageError(
        f"lineage.single_generation: {column} is not made by a pass, so it has no generations",
        hint=f"a column made by a pass: {', '.join(table.producers) or 'this version has none'}",
    )
