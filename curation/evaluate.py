"""Evaluating a selection: which rows of its roots it keeps, and for each other row why not.

A filter asks in this order, each question only of the rows that the one before has left: the datasets that it is taken
from, set algebra, ``where``, ``band``, ``top``, ``sample``. A row without a value (null, NaN) is never chosen by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from mmreg.curation.candidates import Candidates, Wanted, read_candidates
from mmreg.curation.selections.algebra import outside
from mmreg.curation.selections.fates import Fates
from mmreg.curation.selections.mix import Share, drawn, shares
from mmreg.curation.selections.ranked import band, top
from mmreg.curation.selections.sample import sampled
from mmreg.curation.selections.split import splits
from mmreg.registry.decisions import Decisions
from mmreg.registry.selection import Selection

if TYPE_CHECKING:
    from mmreg.curation.select import BoundSelection


@dataclass(frozen=True)
class Evaluation:
    """``cells`` is a digest over the cells of the rows that are kept, in the columns that the recipe names. ``shares``
    tells for each dataset of a mix how many rows it gave."""

    selection: Selection
    decisions: Decisions
    cells: str
    shares: Mapping[str, Share] = field(default_factory=dict)


def evaluate(bound: BoundSelection) -> Evaluation:
    """Which rows it keeps, now. Reads the columns that the recipe names and, where it draws, ``sample_id``."""
    rows = read_candidates(f"pass {bound.name}", list(bound.tables.items()), bound.within, _wanted(bound))
    fates = Fates(len(rows))
    given: dict[str, Share] = {}
    if bound.spec.use == "mix":
        given = _mix(bound, rows, fates)
    else:
        _filter(bound, rows, fates)
    cells = xxhash.xxh3_64_hexdigest(rows.cells[fates.kept].tobytes())
    return Evaluation(_selection(bound, rows, fates), _decisions(bound, rows, fates), cells, given)


def _wanted(bound: BoundSelection) -> Wanted:
    spec = bound.spec
    ranked = [part.column for part in (spec.top, spec.band) if part is not None]
    score = _score_column(bound)
    return Wanted(
        conditions=bound.predicate.conjuncts() if bound.predicate else (),
        numbers=list(dict.fromkeys([*ranked, *([score] if score else [])])),
        cells=bound.columns,
        ties=bool(ranked),
        seed=spec.sample.seed if spec.sample is not None else 0 if spec.use == "mix" else None,
        split=(bound.split.seed, bound.split.group) if bound.split else None,
        ids=spec.use == "mix" and len(bound.tables) > 1,
        said=bound.said,
    )


def _score_column(bound: BoundSelection) -> str | None:
    """The column by whose cells the rows are told apart, if there is one of numbers: kept beside each decision."""
    for ranked in (bound.spec.top, bound.spec.band):
        if ranked is not None:
            return ranked.column
    schema = next(iter(bound.tables.values())).schema
    for column in bound.predicate.columns if bound.predicate else ():
        dtype = schema.field(column).type if column in schema.names else None
        if dtype is not None and (pa.types.is_integer(dtype) or pa.types.is_floating(dtype)):
            return column
    return None


def _filter(bound: BoundSelection, rows: Candidates, fates: Fates) -> None:
    spec = bound.spec
    within = {name: _have(bound, name, rows) for name in bound.others}
    for reason, out in outside(spec, len(rows), within):
        fates.drop(out, reason)
    if bound.predicate is not None:
        if rows.said is not None:
            fates.drop_each(np.where(rows.failed > 0, rows.said, 0), rows.texts)
        fates.drop_each(rows.failed, [f"where: {part.text}" for part in bound.predicate.conjuncts()])
    if spec.band is not None:
        column, low, high = spec.band.column, spec.band.low, spec.band.high
        left = _with_value(rows, column, fates, "band")
        below, above = band(*_ranked(rows, column, left), spec.band)
        numbers = np.zeros(len(rows), np.int32)
        numbers[left] = below + 2 * above
        reasons = [
            f"band: {column} lies below its {low:g} quantile",
            f"band: {column} lies above its {high:g} quantile",
        ]
        fates.drop_each(numbers, reasons)
    if spec.top is not None:
        column = spec.top.column
        left = _with_value(rows, column, fates, "top")
        out = np.zeros(len(rows), bool)
        out[left] = ~top(*_ranked(rows, column, left), spec.top)
        asked = f"{spec.top.rows:,} rows" if spec.top.rows is not None else f"{spec.top.fraction:g}"
        fates.drop(out, f"top: {column} is not among the top {asked}")
    if spec.sample is not None:
        assert rows.hashed is not None
        left = np.flatnonzero(fates.kept)
        out = np.zeros(len(rows), bool)
        out[left] = ~sampled(rows.hashed[left], spec.sample, bound.like)
        fates.drop(out, "sample: not drawn")


def _with_value(rows: Candidates, column: str, fates: Fates, what: str) -> NDArray[np.int64]:
    """The places of the rows still kept, without those that have no value."""
    fates.drop(~rows.numbers[column].known, f"{what}: {column} has no value")
    return np.flatnonzero(fates.kept)


def _ranked(rows: Candidates, column: str, places: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[np.uint64]]:
    assert rows.ties is not None
    return rows.numbers[column].values[places], rows.ties[places]


def _mix(bound: BoundSelection, rows: Candidates, fates: Fates) -> dict[str, Share]:
    """A row that several of the datasets have counts for the first of them, and so does a sample of several roots."""
    names = list(bound.spec.datasets)
    part = np.full(len(rows), -1, np.int64)
    for number, name in reversed(list(enumerate(names))):
        part[_have(bound, name, rows)] = number
    if rows.ids is not None:
        by_part = np.argsort(part, kind="stable")
        _, first = np.unique(rows.ids[by_part], return_index=True)
        again = np.ones(len(rows), bool)
        again[by_part[first]] = False
        fates.drop(again, "mix: another dataset before it has this sample")
    numbers = np.bincount(part[fates.kept], minlength=len(names))
    supply = {name: int(count) for name, count in zip(names, numbers, strict=True)}
    given = shares(bound.spec.datasets, supply, _total(bound, supply))
    chosen = np.zeros(len(rows), bool)
    left = np.flatnonzero(fates.kept)
    assert rows.hashed is not None
    chosen[left] = drawn(part[left], rows.hashed[left], [given[name].rows for name in names])
    fates.drop_each(np.where(chosen, 0, part + 1), [f"mix: not drawn for {name}" for name in names])
    return given


def _total(bound: BoundSelection, supply: Mapping[str, int]) -> int | None:
    sample = bound.spec.sample
    if sample is None:
        return None
    if sample.fraction is None:
        return sample.rows if sample.rows is not None else bound.like
    most = shares(bound.spec.datasets, supply, None)
    return round(sample.fraction * sum(share.rows for share in most.values()))


def _have(bound: BoundSelection, name: str, rows: Candidates) -> NDArray[np.bool_]:
    """Which of ``rows`` the dataset ``name`` has."""
    members = bound.others[name]
    found = [members.of(root, rows.row_ids[rows.roots == number]) for number, root in enumerate(bound.tables)]
    return np.concatenate([np.zeros(0, bool), *found])


def _selection(bound: BoundSelection, rows: Candidates, fates: Fates) -> Selection:
    kept = fates.kept
    several = {"roots": rows.roots[kept], "datasets": tuple(bound.tables)} if len(bound.tables) > 1 else {}
    if bound.split is None:
        return Selection(rows.row_ids[kept], **several)  # type: ignore[arg-type]
    assert rows.keyed is not None
    numbers = splits(rows.keyed[kept], bound.split)
    return Selection(rows.row_ids[kept], numbers, bound.split.names, **several)  # type: ignore[arg-type]


def _decisions(bound: BoundSelection, rows: Candidates, fates: Fates) -> Decisions:
    score = _score_column(bound)
    scores: pa.Array[Any] | None = rows.numbers[score].arrow() if score is not None else None
    roots = rows.roots if len(bound.tables) > 1 else None
    return Decisions(rows.row_ids, fates.codes, fates.reasons, roots, score, scores)
