"""Which rows a pass still has to compute, told in O(fragments).

Every run of a pass leaves a summary: for each fragment a fingerprint of the files that hold the pass's inputs and
outputs, and how its rows stand. A fragment whose files are the same is as it was; only the others are read, and of
them only the state and the inputs (media by their digests).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.curation.bind import BoundPass
from mmreg.registry.fingerprint import field_ids, fragment_fingerprint, light_columns, row_fingerprints
from mmreg.schemas.arrow import DONE, ERROR
from mmreg.schemas.cells import child, whole

if TYPE_CHECKING:
    import lance
    from lance.fragment import FragmentMetadata, LanceFragment
    from lance.schema import LanceSchema

    from mmreg.registry.selection import Selection


@dataclass(frozen=True)
class FragmentState:
    """How the wanted rows of one fragment stand: ``generations`` counts computed rows (hex: rows).

    ``live`` counts all its rows that are not deleted: deletions change no file, only these numbers.
    """

    seen: str
    live: int
    rows: int
    done: int
    failed: int
    generations: Mapping[str, int]


@dataclass
class Freshness:
    """What a pass has to do on one version. ``pending`` maps a fragment to row ids, with their input fingerprints
    where those are known already. ``states`` are the fragments as they stand now."""

    pending: dict[int, NDArray[np.uint64]] = field(default_factory=dict)
    states: dict[int, FragmentState] = field(default_factory=dict)
    missing: int = 0
    stale: int = 0
    read_fragments: int = 0

    @property
    def rows(self) -> int:
        return self.missing + self.stale

    @property
    def done(self) -> int:
        return sum(state.done for state in self.states.values())

    @property
    def failed(self) -> int:
        return sum(state.failed for state in self.states.values())

    def generations(self) -> dict[str, int]:
        total: Counter[str] = Counter()
        for state in self.states.values():
            total.update(state.generations)
        return dict(total)


class RowSet:
    """Which rows of the root a pass is for: all, those of a derived dataset, those that fulfil a predicate."""

    def __init__(self, table: lance.LanceDataset, bound: BoundPass, selection: Selection | None) -> None:
        self._selection = selection
        self._predicate = bound.predicate.to_lance(table.schema) if bound.predicate else None
        self.digest = f"{selection.digest if selection else ''}|{bound.spec.rows or ''}"

    @property
    def everything(self) -> bool:
        return self._selection is None and self._predicate is None

    def of(self, fragment: LanceFragment) -> NDArray[np.uint64]:
        """The wanted row ids of ``fragment``, in its order."""
        table = fragment.scanner(columns=[], with_row_id=True, filter=self._predicate).to_table()
        row_ids = table["_rowid"].to_numpy().astype(np.uint64)
        return row_ids if self._selection is None else row_ids[np.isin(row_ids, self._selection.row_ids)]


def examine(table: lance.LanceDataset, bound: BoundPass, rows: RowSet, summary: bytes | None) -> Freshness:
    """Compare ``table`` with what ``bound`` would make of it. Reads nothing of fragments that ``summary`` knows."""
    known = _load(summary)
    fields = seen_fields(table.lance_schema, bound)
    fresh = Freshness()
    for fragment in table.get_fragments():
        number = fragment.fragment_id
        seen = seen_fingerprint(fragment.metadata, fields, bound, rows)
        state = known.get(number)
        if state is None or state.seen != seen:
            _read(table, fragment, bound, rows, seen, fresh)
        elif state.live != fragment.metadata.num_rows:
            fresh.states[number] = _recount(fragment, bound, rows, seen)
        else:
            fresh.states[number] = state
    return fresh


def seen_fields(schema: LanceSchema, bound: BoundPass) -> frozenset[int]:
    """Fields whose files a fragment's fingerprint is over: what the pass reads and what it wrote."""
    return field_ids(schema, [*bound.read(), *bound.outputs.values(), bound.state])


def seen_fingerprint(
    fragment: FragmentMetadata, fields: frozenset[int], bound: BoundPass, rows: RowSet
) -> str:
    return f"{fragment_fingerprint(fragment, fields)}/{bound.generation:016x}/{rows.digest}"


def dump(states: Mapping[int, FragmentState]) -> bytes:
    """The summary of a run, as it is kept in the lake."""
    return json.dumps(
        {str(number): asdict(state) for number, state in states.items()}, sort_keys=True
    ).encode()


def _load(summary: bytes | None) -> dict[int, FragmentState]:
    if summary is None:
        return {}
    return {int(number): FragmentState(**state) for number, state in json.loads(summary).items()}


def _read(
    table: lance.LanceDataset,
    fragment: LanceFragment,
    bound: BoundPass,
    rows: RowSet,
    seen: str,
    fresh: Freshness,
) -> None:
    fresh.read_fragments += 1
    live = fragment.metadata.num_rows
    wanted = rows.of(fragment) if not rows.everything or bound.state in table.schema.names else None
    if bound.state not in table.schema.names:
        row_ids = wanted if wanted is not None else _all_rows(fragment)
        fresh.missing += len(row_ids)
        if len(row_ids):
            fresh.pending[fragment.fragment_id] = row_ids
        fresh.states[fragment.fragment_id] = FragmentState(seen, live, len(row_ids), 0, 0, {})
        return
    light = light_columns(table.schema, bound.inputs.values())
    there = fragment.to_table(columns=[*light, bound.state], with_row_id=True)
    assert wanted is not None
    there = there.filter(pa.array(np.isin(there["_rowid"].to_numpy(), wanted)))
    state = whole(there[bound.state])
    generation = _numbers(state, "generation")
    computed = state.is_valid().to_numpy(zero_copy_only=False) & _numbers_valid(state, "generation")
    current = (
        computed
        & (generation == bound.generation)
        & (_numbers(state, "inputs") == row_fingerprints(there, light))
    )
    pending = there["_rowid"].to_numpy().astype(np.uint64)[~current]
    fresh.missing += int((~computed).sum())
    fresh.stale += int((computed & ~current).sum())
    if len(pending):
        fresh.pending[fragment.fragment_id] = pending
    fresh.states[fragment.fragment_id] = _count(state, seen, live, current)


def _recount(fragment: LanceFragment, bound: BoundPass, rows: RowSet, seen: str) -> FragmentState:
    """The numbers of a fragment that lost rows and is otherwise as it was: its inputs need no look."""
    there = fragment.to_table(columns=[bound.state], with_row_id=True)
    there = there.filter(pa.array(np.isin(there["_rowid"].to_numpy(), rows.of(fragment))))
    state = whole(there[bound.state])
    return _count(state, seen, fragment.metadata.num_rows, _numbers(state, "generation") == bound.generation)


def _count(state: pa.Array[Any], seen: str, live: int, current: NDArray[np.bool_]) -> FragmentState:
    generation, outcome = _numbers(state, "generation"), _numbers(state, "state")
    computed = generation[_numbers_valid(state, "generation")]
    return FragmentState(
        seen=seen,
        live=live,
        rows=len(state),
        done=int((current & (outcome == DONE)).sum()),
        failed=int((current & (outcome == ERROR)).sum()),
        generations={
            f"{g:016x}": int(n) for g, n in zip(*np.unique(computed, return_counts=True), strict=True)
        },
    )


def _all_rows(fragment: LanceFragment) -> NDArray[np.uint64]:
    return fragment.to_table(columns=[], with_row_id=True)["_rowid"].to_numpy().astype(np.uint64)


def _numbers(state: pa.Array[Any], name: str) -> NDArray[np.uint64]:
    return child(state, name).fill_null(0).to_numpy(zero_copy_only=False).astype(np.uint64)


def _numbers_valid(state: pa.Array[Any], name: str) -> NDArray[np.bool_]:
    return child(state, name).is_valid().to_numpy(zero_copy_only=False)
