"""What would let a sample in again that a selection has left out: the values that miss, and by how much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from mmreg.errors import FilterError
from mmreg.registry.because import condition
from mmreg.registry.decisions import Decided, facet_of, read_decisions
from mmreg.registry.lake import reading
from mmreg.registry.samples import cells_of, samples_like
from mmreg.registry.show import producers
from mmreg.schemas.expression import Binary, Column, Literal
from mmreg.schemas.predicate import Predicate
from mmreg.schemas.why import Readmission

if TYPE_CHECKING:
    import lance

    from mmreg.registry.workspace import Workspace
    from mmreg.schemas.run import Run


_NUMBERS = (int, float)


def readmissions(
    workspace: Workspace, run: Run, place: tuple[str, int], row_id: int, sample_id: bytes, decided: Decided
) -> tuple[Readmission, ...]:
    """All that kept a row out of what the selection ``run`` made, as far as its recipe tells.

    ``place`` is the name and the Lance version of the row's root. The parts of ``where`` that fail are all
    named, not only the first; a rank that was asked for after them is told by the rank's last value that was kept.
    """
    recipe = run.facets["select"].get("recipe", {})
    root, lance_version = place
    kind, _, text = (decided.reason or "").partition(": ")
    table = workspace.lake.find_table(root, lance_version)
    found: list[Readmission] = []
    if kind == "where" and table is not None:
        look = _Look(workspace, root, lance_version, table, row_id, sample_id)
        found += [look.failing(part) for part in Predicate.parse(recipe["where"]).conjuncts() if look.fails(part)]
    if kind in ("where", "band", "top"):
        found += _cut_off(workspace, run, recipe, table, row_id, decided)
    elif kind == "sample":
        found.append(Readmission(f"{kind}: {text}", _drawn(recipe.get("sample", {}))))
    elif kind == "mix":
        said = "it was not drawn: a larger weight of its dataset, more rows or another seed would bring others in"
        found.append(Readmission(f"{kind}: {text}", said))
    elif kind in ("all_of", "any_of", "none_of"):
        found.append(Readmission(f"{kind}: {', '.join(recipe.get(kind, ()))}", _set(kind, recipe)))
    elif decided.reason is not None and not found:
        said = "the pass that answered so, or what it looks at, would have to change"
        found.append(Readmission(decided.reason, said))
    return tuple(found)


class _Look:
    """Asks one row about parts of a predicate: as it was, and as it is in the newest version."""

    def __init__(
        self,
        workspace: Workspace,
        root: str,
        lance_version: int,
        table: lance.LanceDataset,
        row_id: int,
        sample_id: bytes,
    ) -> None:
        self._workspace, self._root, self._version = workspace, root, lance_version
        self._table, self._row_id, self._sample_id = table, row_id, sample_id

    def fails(self, part: Predicate) -> bool:
        return not fulfils(self._table, self._row_id, part)

    def failing(self, part: Predicate) -> Readmission:
        cells = cells_of(self._table, self._row_id, list(part.columns))
        said = condition(part, cells, kept=False)
        found = Readmission(part.text, said, now=self._now(part))
        match part.expression:
            case Binary(_, Column() as column, Literal(value)):
                has = cells.get(str(column))
                found = replace(found, column=str(column), value=has, threshold=value)
                if isinstance(has, _NUMBERS) and isinstance(value, _NUMBERS) and not isinstance(has, bool):
                    found = replace(found, said=f"{said}, by {abs(has - value):.6g}")
        return self._duplicate(part, found)

    def _now(self, part: Predicate) -> bool | None:
        """Whether the part holds in the newest version; None where it was this that was looked at, or it cannot be."""
        there = self._workspace.lake.versions_on_disk(self._root)
        if not there or there[-1] == self._version:
            return None
        newest = self._workspace.lake.table(self._root, there[-1])
        if not {column.partition(".")[0] for column in part.columns} <= {*newest.schema.names}:
            return None
        found = samples_like(newest, self._sample_id.hex())
        return fulfils(newest, next(iter(found.values())), part) if found else None

    def _duplicate(self, part: Predicate, found: Readmission) -> Readmission:
        """``found`` with the sample that stands for it, where a ``dedup`` pass made the column that fails."""
        made = producers(self._workspace, self._root, self._version)
        for column in part.columns:
            _, run = made.get(column, ("", None))
            facet = self._workspace.catalog.run(run).facets["pass"] if run is not None else {}
            names: Mapping[str, str] = facet.get("outputs", {})
            if facet.get("use") != "dedup" or names.get("dedup_kept") != column:
                continue
            group, reason = names.get("dedup_group", ""), names.get("dedup_reason", "")
            cells = cells_of(self._table, self._row_id, [group, reason])
            other = cells.get(group)
            if isinstance(other, bytes):
                how = cells.get(reason) or f"a duplicate of {other.hex()}"
                said = f"{column} is false: {how}; it comes in where that sample goes"
                return replace(found, said=said, duplicate_of=other.hex())
        return found


def fulfils(table: lance.LanceDataset, row_id: int, part: Predicate) -> bool:
    """Whether a predicate holds of one row of ``table``; what cannot be asked there does not."""
    with suppress(FilterError):
        asked = f"_rowid = {row_id} AND ({part.to_lance(table.schema)})"
        with reading("one row"):
            rows = table.scanner(columns=[], with_row_id=True, filter=asked).to_table().num_rows
        return bool(rows)
    return False


def _cut_off(
    workspace: Workspace,
    run: Run,
    recipe: Mapping[str, Any],
    table: lance.LanceDataset | None,
    row_id: int,
    decided: Decided,
) -> Iterator[Readmission]:
    """The rank that a selection asked for, by the value of the last row that it kept."""
    facet = facet_of(run)
    asked = [(kind, recipe[kind]) for kind in ("band", "top") if recipe.get(kind)]
    if not asked or facet is None or facet.get("score") is None:
        return
    column = str(facet["score"])
    kind, wanted = next((one for one in reversed(asked) if one[1]["column"] == column), asked[-1])
    if wanted["column"] != column:
        return
    kept = _kept_scores(workspace, run)
    value = cells_of(table, row_id, [column]).get(column) if table is not None else decided.score
    if kept is None or (isinstance(value, int | float) and kept[0] <= value <= kept[1]):
        return
    low, high = (f"{bound:.6g}" if isinstance(bound, float) else str(bound) for bound in kept)
    has = "has no value" if value is None else f"is {value:.6g}" if isinstance(value, float) else f"is {value}"
    if kind == "top":
        if value is not None and value > kept[0]:
            return
        condition_, threshold = _top(wanted), kept[0]
        said = f"{column} {has}: the lowest that was kept has {low}"
    else:
        condition_ = f"band of {column} from {wanted.get('low', 0.0):g} to {wanted.get('high', 1.0):g}"
        threshold = kept[1] if value is not None and value > kept[1] else kept[0]
        said = f"{column} {has}: those that were kept lie between {low} and {high}"
    yield Readmission(condition_, said, column, value, threshold)


def _top(wanted: Mapping[str, Any]) -> str:
    asked = f"{wanted['rows']:,} rows" if wanted.get("rows") else f"{wanted['fraction']:g}"
    return f"top {asked} by {wanted['column']}"


def _kept_scores(workspace: Workspace, run: Run) -> Sequence[Any] | None:
    """The lowest and the highest score that the run kept. Memory: its decisions, a few bytes a row."""
    decisions = read_decisions(workspace.lake.store, run)
    if decisions is None:
        return None
    kept: Any = decisions["score"].filter(decisions["kept"])
    found: Any = pc.min_max(kept).as_py()
    return None if found["min"] is None else (found["min"], found["max"])


def _drawn(sample: Mapping[str, Any]) -> str:
    size = next((f"{key}: {sample[key]}" for key in ("rows", "fraction", "like") if sample.get(key)), "a sample")
    return f"it was not drawn ({size}, seed: {sample.get('seed', 0)}): only a larger sample or another seed lets it in"


def _set(kind: str, recipe: Mapping[str, Any]) -> str:
    names = ", ".join(recipe.get(kind, ()))
    return {
        "all_of": f"it would have to be in all of {names}",
        "any_of": f"it would have to be in one of {names}",
        "none_of": f"it would have to leave {names}",
    }[kind]
