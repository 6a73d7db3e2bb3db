"""What became of the rows of a derived dataset between two of its versions, and why."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.registry.decisions import read_decisions
from mmreg.registry.derive import selected_by
from mmreg.registry.samples import rows_of_samples, table_since
from mmreg.schemas.cells import values
from mmreg.schemas.detail import SelectionDiff

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.workspace import Workspace

NO_ROW, NOT_LOOKED_AT = "no row of its root by then", "not among the rows to choose from"
UNKNOWN = "not recorded"


def selection_diff(
    workspace: Workspace,
    a: VersionRow,
    b: VersionRow,
    removed: NDArray[np.void],
    added: NDArray[np.void],
    kept: int,
) -> SelectionDiff | None:
    """How ``a`` became ``b``, given the samples that only one of them has; None where these are not two versions of
    one derived dataset. Reads what was decided, and ``sample_id`` of the roots where samples come or go."""
    if a.dataset != b.dataset or "root" in (a.kind, b.kind):
        return None
    dropped, before = _verdicts(workspace, b, removed), _verdicts(workspace, a, added)
    gone = dropped.pop(NO_ROW, 0)
    new = before.pop(NO_ROW, 0) + before.pop(NOT_LOOKED_AT, 0)
    return SelectionDiff(
        kept=kept,
        dropped=sum(dropped.values()),
        gone=gone,
        readmitted=sum(before.values()),
        new=new,
        dropped_reasons=dict(dropped.most_common()),
        readmitted_reasons=dict(before.most_common()),
    )


def _verdicts(workspace: Workspace, row: VersionRow, samples: NDArray[np.void]) -> Counter[str]:
    """Why ``row`` does not have ``samples``: how many of them for each reason."""
    version = selected_by(workspace, row)
    if not len(samples) or version is None:
        return Counter({UNKNOWN: len(samples)} if len(samples) else {})
    decided = read_decisions(workspace.lake.store, workspace.catalog.run(version.run))
    verdicts: Counter[str] = Counter()
    found = 0
    for number, root in enumerate(version.roots):
        table = table_since(workspace.lake, root["dataset"], root["lance_version"])
        row_ids = rows_of_samples(table, samples)
        found += len(row_ids)
        verdicts += _reasons(decided, number, row_ids)
    verdicts[NO_ROW] += max(0, len(samples) - found)
    return +verdicts


def _reasons(decided: pa.Table | None, root: int, row_ids: NDArray[np.uint64]) -> Counter[str]:
    if decided is None:
        return Counter({UNKNOWN: len(row_ids)})
    here = np.isin(decided["row_id"].to_numpy(), row_ids)
    if "root" in decided.schema.names:
        here &= decided["root"].to_numpy() == root
    looked_at = decided.filter(pa.array(here))
    dropped: Any = looked_at["reason"].drop_null()
    counts = Counter({pair["values"]: pair["counts"] for pair in values(dropped.value_counts())})
    counts[NOT_LOOKED_AT] = len(row_ids) - looked_at.num_rows
    return counts
