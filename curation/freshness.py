"""Which rows a pass still has to compute, told in O(fragments).

Every run of a pass leaves a summary: for each fragment a fingerprint of the files that hold the pass's inputs and
outputs, and how its rows stand. A fragment whose files are the same is as it was; only the others are read, and of
them only the state, the inputs and what the pass made (media by their digests).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.curation.bind import BoundPass
from mmreg.curation.look import Look
from mmreg.errors import UsageError
from mmreg.registry.lake import reading
from mmreg.registry.standing import Standing

if TYPE_CHECKING:
    import lance
    from lance.fragment import LanceFragment

    from mmreg.registry.selection import Selection
    from mmreg.registry.snapshot import Snapshot

Pending = NDArray[np.uint64] | None
"""Row ids of a fragment; None: all of its rows."""


@dataclass(frozen=True)
class Freshness:
    """What a pass has to do on one version: by fragment the ``pending`` rows, and how all others stand.

    Pending rows are counted by their reason, each once: never computed; computed by another recipe or from other
    inputs; current, but the cells are no longer what the pass wrote; current, but failed and to be tried again.
    ``outdated`` has the generations of pending rows.
    """

    standing: Standing
    pending: Mapping[int, Pending]
    missing: int
    stale: int
    overwritten: int = 0
    again: int = 0
    outdated: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Rows to compute."""
        return self.missing + self.stale + self.overwritten + self.again

    @property
    def wanted(self) -> int:
        """Rows that the pass is for."""
        return self.standing.total("rows")

    @property
    def done(self) -> int:
        return self.standing.total("done")

    @property
    def failed(self) -> int:
        """Rows whose current result is an error."""
        return self.standing.total("failed") + self.again

    def reasons(self) -> dict[str, int]:
        """Pending rows by reason; missing and stale ones always."""
        counts = {"missing": self.missing, "stale": self.stale}
        more = {"overwritten": self.overwritten, "failed": self.again}
        return counts | {reason: rows for reason, rows in more.items() if rows}

    def of_others(self, generation: int) -> int:
        """Rows computed by another recipe than that of ``generation``."""
        return sum(rows for name, rows in self.generations().items() if name != f"{generation:016x}")

    def generations(self) -> dict[str, int]:
        """Computed rows by generation."""
        found = Counter({name: int(rows.sum()) for name, rows in self.standing.generations.items()})
        found.update(self.outdated)
        return {name: total for name, total in sorted(found.items()) if total}


class RowSet:
    """Which rows of the root a pass is for: all, those of a derived dataset, those that fulfil a predicate."""

    def __init__(self, table: lance.LanceDataset, bound: BoundPass, selection: Selection | None) -> None:
        self._name, self._selection = bound.name, selection
        self._predicate = bound.predicate.to_lance(table.schema) if bound.predicate else None
        self.digest = f"{selection.digest if selection else ''}|{bound.spec.rows or ''}"

    @property
    def everything(self) -> bool:
        return self._selection is None and self._predicate is None

    def of(self, fragment: LanceFragment) -> NDArray[np.uint64]:
        """The wanted row ids of ``fragment``, in its order."""
        with reading(f"pass {self._name}"):
            table = fragment.scanner(columns=[], with_row_id=True, filter=self._predicate).to_table()
        row_ids = table["_rowid"].to_numpy().astype(np.uint64)
        return row_ids if self._selection is None else row_ids[self._selection.holds(row_ids)]


def examine(
    newest: Snapshot, bound: BoundPass, rows: RowSet, summary: bytes | None, *, errors_only: bool = False
) -> Freshness:
    """Compare a version with what ``bound`` would make of it. Reads nothing of fragments that ``summary`` knows.

    ``errors_only``: no rows but failed ones are pending. Raises `UsageError` where the pass has published other
    columns than those that it makes now.
    """
    refuse_other_columns(bound, newest.table.schema)
    look = Look(newest.table, bound, rows, errors_only=errors_only)
    layout = newest.layout
    seen = dict(zip(layout.fragments.tolist(), layout.fingerprints(seen_columns(bound)).tolist(), strict=True))
    live = dict(zip(layout.fragments.tolist(), layout.live.tolist(), strict=True))
    blank = set(layout.fragments[layout.without([*bound.outputs.values(), bound.state])].tolist())
    known = Standing.load(summary, rows.digest)
    known = known.at(np.isin(known.fragments, layout.fragments))
    same = known.seen == np.array([seen[number] for number in known.fragments.tolist()], np.uint64)
    counted = known.live == np.array([live[number] for number in known.fragments.tolist()], np.int64)
    settled = same & (known.rows == known.done + known.failed) & ~(look.retries & (known.failed > 0))
    own = known.made_by(bound.generation)
    right = settled & (look.any_recipe | (own == known.rows))
    other = settled & counted & ~right & (own == 0) & (not errors_only)
    recounted, outdated = set(known.fragments[right & ~counted].tolist()), known.at(other).states()
    still = known.at(right & counted)
    states = []
    for number in layout.fragments[~np.isin(layout.fragments, still.fragments)].tolist():
        if number in outdated:
            state = look.all_stale(number, outdated[number])
        elif number in recounted:
            state = look.recount(number)
        else:
            state = look.read(number, live[number], blank=number in blank)
        states.append(replace(state, seen=seen[number], live=live[number]))
    return Freshness(
        standing=still.joined(Standing.of(states)),
        pending=look.pending,
        missing=look.missing,
        stale=look.stale,
        overwritten=look.overwritten,
        again=look.again,
        outdated=look.outdated,
    )


def refuse_other_columns(bound: BoundPass, there: pa.Schema) -> None:
    if bound.state not in there.names:
        return
    for made in bound.columns():
        found = there.field(made.name).type if made.name in there.names else "absent"
        if found != made.type:
            raise UsageError(
                f"pass {bound.name}: it makes the column {made.name!r} as {made.type} now, but what it has published "
                f"is {found} in {bound.root}; changing the columns of a pass that has run is not supported yet",
                hint="give the changed pass another name in mmreg.yaml",
            )


def seen_columns(bound: BoundPass) -> list[str]:
    """The columns whose files a fragment's fingerprint is over: what the pass reads and what it wrote."""
    return [*bound.read(), *bound.outputs.values(), bound.state]


def recipe_of(bound: BoundPass, rows: RowSet) -> str:
    """What a summary is about where another generation leaves nothing of it."""
    return f"{bound.generation:016x}/{rows.digest}"
