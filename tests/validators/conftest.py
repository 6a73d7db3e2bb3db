"""A version to check, and a way to check it as the registry does: batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest

from mmreg.schemas.check import CheckResult
from mmreg.schemas.declaration import CheckSpec
from mmreg.validators import Table, load_check


@pytest.fixture(scope="session")
def judge() -> Callable[..., CheckResult]:
    """``judge(columns, check=..., <arguments>)``: run a check over columns, cut into batches at ``cuts``."""

    def judge(
        columns: Mapping[str, pa.Array[Any]],
        /,
        cuts: Iterable[int] = (),
        producers: Mapping[str, str] | None = None,
        former: Iterable[str] = (),
        **declared: Any,
    ) -> CheckResult:
        rows = len(next(iter(columns.values())))
        ids = pa.array([row.to_bytes(16, "big") for row in range(rows)], pa.binary(16))
        whole = pa.record_batch({"sample_id": ids, **columns})
        check = load_check(CheckSpec(**declared), Table(whole.schema, producers or {}, list(former)))
        read = whole.select(["sample_id", *_read(check.columns, columns)])
        at = [0, *sorted(cut % (rows + 1) for cut in cuts), rows]
        for start, stop in pairwise(at):
            check.update(read.slice(start, stop - start))
        return check.result()

    return judge


def _read(wanted: Iterable[str], columns: Mapping[str, pa.Array[Any]]) -> list[str]:
    """The columns to read for ``wanted``, which may name fields within them."""
    return list(dict.fromkeys(path if path in columns else path.partition(".")[0] for path in wanted))
