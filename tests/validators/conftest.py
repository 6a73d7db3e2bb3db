"""A version to check, a registry around it, and ways to check it as the real one does: by batches, and by parts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from typing import Any, Literal, cast

import pyarrow as pa
import pytest

from mmreg.errors import NotFound
from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.validators import Check, Table, load_check
from mmreg.validators.protocol import Mergeable
from mmreg.validators.table import cells
from mmreg.validators.world import World


def with_ids(columns: Mapping[str, pa.Array[Any]]) -> pa.RecordBatch:
    """The columns, with a ``sample_id`` that counts the rows where they have none."""
    rows = len(next(iter(columns.values())))
    ids = pa.array([row.to_bytes(16, "big") for row in range(rows)], pa.binary(16))
    return pa.record_batch({"sample_id": ids, **columns})


@dataclass(frozen=True)
class ArrowRows:
    """`mmreg.validators.world.Rows` over a batch in memory."""

    ref: str
    rows: pa.RecordBatch

    @property
    def uuid(self) -> str:
        return sha256(self.ref.encode()).hexdigest()[:32]

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([f for f in self.rows.schema if not f.name.startswith("_")])

    def __len__(self) -> int:
        return self.rows.num_rows

    def batches(
        self,
        columns: Sequence[str] | None = None,
        *,
        where: str | None = None,
        limit: int | None = None,
        batch_size: int = 1024,
        media: bool | Literal["tolerant"] = True,
        with_row_id: bool = False,
    ) -> Iterator[pa.RecordBatch]:
        assert where is None, "batches in memory take no predicates"
        end = len(self) if limit is None else min(limit, len(self))
        for start in range(0, end, batch_size):
            batch = self.rows.slice(start, min(batch_size, end - start))
            named = {name: cells(batch, name) for name in columns or self.schema.names}
            if with_row_id:
                named["_rowid"] = pa.array(range(start, start + batch.num_rows), pa.uint64())
            yield pa.record_batch(named)


@dataclass(frozen=True)
class ArrowWorld:
    """The part of `mmreg.validators.world.World` that knows rows: of versions by ref, and its own by split."""

    versions: Mapping[str, pa.RecordBatch]
    own: Mapping[str, pa.RecordBatch] = field(default_factory=dict)
    current: str | None = None

    def open(self, ref: str, split: str | None = None) -> ArrowRows:
        if split is not None:
            return ArrowRows(f"{ref}:{split}", self.own[split])
        if ref not in self.versions:
            raise NotFound(f"{ref}: no such version")
        return ArrowRows(ref, self.versions[ref])

    def promoted(self) -> str | None:
        return self.current

    def splits(self) -> tuple[str, ...]:
        return tuple(self.own)


@pytest.fixture(scope="session")
def world() -> Callable[..., ArrowWorld]:
    """``world({"pairs@v1": {"caption": array}}, splits={"train": {...}})``: the registry around a version."""

    def world(
        versions: Mapping[str, Mapping[str, pa.Array[Any]]],
        splits: Mapping[str, Mapping[str, pa.Array[Any]]] | None = None,
        promoted: str | None = None,
    ) -> ArrowWorld:
        others = {ref: with_ids(columns) for ref, columns in versions.items()}
        return ArrowWorld(others, {name: with_ids(columns) for name, columns in (splits or {}).items()}, promoted)

    return world


@pytest.fixture(scope="session")
def judge() -> Callable[..., CheckResult]:
    """``judge(columns, check=..., <arguments>)``: run a check over columns, cut into batches at ``cuts``.

    ``parts=True`` has each piece seen by a check of its own, and then their states merged, as the registry does
    with fragments that it has seen before.
    """

    def judge(
        columns: Mapping[str, pa.Array[Any]],
        /,
        cuts: Iterable[int] = (),
        producers: Mapping[str, str] | None = None,
        former: Iterable[str] = (),
        *,
        parts: bool = False,
        world: ArrowWorld | None = None,
        dataset: str = "",
        ref: str = "",
        **declared: Any,
    ) -> CheckResult:
        whole = with_ids(columns)
        rows = whole.num_rows
        table = Table(whole.schema, producers or {}, list(former), dataset, ref, rows, cast(World | None, world))
        check = load_check(CheckSpec(**declared), table)
        read = whole.select(list(dict.fromkeys(["sample_id", *_read(check.columns, columns)])))
        at = [0, *sorted(cut % (rows + 1) for cut in cuts), rows]
        for start, stop in pairwise(at):
            batch = read.slice(start, stop - start)
            if parts:
                _merge(check, load_check(CheckSpec(**declared), table), batch)
            else:
                check.update(batch)
        return check.result()

    return judge


def _merge(check: Check, other: Check, batch: pa.RecordBatch) -> None:
    other.update(batch)
    assert isinstance(check, Mergeable) and isinstance(other, Mergeable)
    check.merge(json.loads(json.dumps(other.state())))


def _read(wanted: Iterable[str], columns: Mapping[str, pa.Array[Any]]) -> list[str]:
    """The columns to read for ``wanted``, which may name fields within them."""
    return list(dict.fromkeys(path if path in columns else path.partition(".")[0] for path in wanted))
