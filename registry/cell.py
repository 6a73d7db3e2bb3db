"""Where one value of a sample comes from: its source, or the pass that made it, and what that made it from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mmreg.errors import NotFound
from mmreg.registry.derive import roots_at
from mmreg.registry.lake import reading
from mmreg.registry.lineage.ancestry import Ancestry
from mmreg.registry.lineage.history import History, PassHistory
from mmreg.registry.objects import get_object
from mmreg.registry.query import plain
from mmreg.registry.samples import cells_of, samples_like, table_since
from mmreg.registry.seen import Family, seen_by
from mmreg.schemas.arrow import ERROR, PARENT, SAMPLE_ID, media_kind, state_column
from mmreg.schemas.suggest import did_you_mean
from mmreg.schemas.why import Cell, CellMaker, CellModel, CellSource

if TYPE_CHECKING:
    import lance

    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.workspace import Workspace
    from mmreg.schemas.run import Run

DEEPEST = 50
"""Passes one upon the other that are followed."""


def cell(workspace: Workspace, row: VersionRow, sample_id: bytes, column: str) -> Cell:
    """The value of ``column`` of a sample in the version ``row`` and where it comes from.

    Of a sample that a derived version has left out, its value in the root versions that it refers to. Raises `NotFound`
    for a column that no root of it has, and where none has the sample.
    """
    names: list[str] = []
    for root, lance_version in roots_at(row):
        table = table_since(workspace.lake, root, lance_version)
        names += [name for name in table.schema.names if not name.startswith("_")]
        if column.partition(".")[0] in table.schema.names and samples_like(table, sample_id.hex()):
            return _Walk(workspace).cell(workspace.version_at(root, lance_version), sample_id, column.partition(".")[0])
    if column.partition(".")[0] in names:
        raise NotFound(f"{row.ref} is not made from a row of {sample_id.hex()}", hint=f"mmreg head {row.ref}")
    raise NotFound(f"{row.ref} has no column {column!r}{did_you_mean(column, names)}", hint=f"mmreg show {row.ref}")


class _Walk:
    """Follows values from version to version, each run and version looked up once."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace, self._ancestry = workspace, Ancestry(workspace)
        self._row_ids: dict[tuple[str, int, bytes], int | None] = {}

    def cell(self, row: VersionRow, sample_id: bytes, column: str, depth: int = 0) -> Cell:
        """The value in a root version, which has the sample and the column."""
        table = table_since(self._workspace.lake, row.dataset, row.lance_version)
        row_id = self._row_id(table, sample_id)
        assert row_id is not None
        found = Cell(f"{row.ref}:{column}", column, sample_id.hex(), _value(table, row_id, column), "source")
        known = self._ancestry.history(row)
        name, passed = next(((n, p) for n, p in known.passes.items() if _made(p, column)), ("", None))
        if passed is None:
            return self._from_source(found, known, table, row_id)
        state = cells_of(table, row_id, [state_column(name)]).get(state_column(name))
        if state is None or state["generation"] is None:
            said = f"{name} has not been here yet"
            return replace(found, state="empty", error=said, way=(found.ref,))
        run = self._run(row, passed, name, sample_id, state)
        inputs = self._inputs(row, run, passed, table, row_id, sample_id, depth)
        maker = self._maker(run, name, table, row_id, self._family(row, table, row_id, sample_id))
        read = (f"source:{maker.file}",) if maker.file is not None else ()
        before = inputs[0].way if inputs else read
        return replace(
            found,
            state="failed" if state["state"] == ERROR else "made",
            error=state["error"],
            maker=maker,
            inputs=inputs,
            way=(*before, f"pass {name}", found.ref),
        )

    # From a source

    def _from_source(self, found: Cell, known: History, table: lance.LanceDataset, row_id: int) -> Cell:
        run = self._ingest(known.row, row_id) or known.ingest
        told = next((i for i in run.inputs if i.kind == "source"), None) if run is not None else None
        if run is None or told is None or found.column not in known.declared:
            return replace(found, way=(found.ref,))
        cells = cells_of(table, row_id, ["_source", "license"])
        own = cells.get("license")
        address = str((cells.get("_source") or {}).get("uri", ""))
        source = CellSource(
            node=f"source:{told.ref}",
            path=told.ref,
            digest=told.id.rpartition("/")[2],
            address=address,
            run=run.id,
            version=run.outputs[0].ref if run.outputs else known.row.ref,
            license=own if isinstance(own, str) else run.facets["ingest"].get("license"),
        )
        return replace(found, source=source, way=(source.node, found.ref))

    def _ingest(self, row: VersionRow, row_id: int) -> Run | None:
        """The ingest that brought a row: a row keeps its id until its content changes, so the first that has it."""
        there = set(self._workspace.lake.versions_on_disk(row.dataset))
        ingests = [
            version
            for version in reversed(self._ancestry.versions(row.dataset))
            if version.job_kind == "ingest" and version.lance_version <= row.lance_version
        ]
        low, high = 0, len(ingests)
        while low < high:  # once it is there it stays, as long as `row` has it
            middle = (low + high) // 2
            version = ingests[middle].lance_version
            if version in there and _has(self._workspace.lake.table(row.dataset, version), row_id):
                high = middle
            else:
                low = middle + 1
        return self._ancestry.run(ingests[low].run) if low < len(ingests) else None

    # From a pass

    def _run(self, row: VersionRow, passed: PassHistory, name: str, sample_id: bytes, state: dict[str, Any]) -> Run:
        """The run of the pass that made this value: of several of its generation the first whose version has it."""
        runs = passed.generations().get(state["generation"]) or list(passed.runs)
        there = set(self._workspace.lake.versions_on_disk(row.dataset))
        for run in reversed(runs[1:] if len(runs) > 1 else ()):
            output = next((o for o in run.outputs if o.dataset == row.dataset), None)
            if output is None or output.lance_version not in there:
                continue
            table = self._workspace.lake.table(row.dataset, output.lance_version)
            row_id, column = self._row_id(table, sample_id), state_column(run.job.name)
            if row_id is not None and cells_of(table, row_id, [column]).get(column) == state:
                return run
        return runs[0]

    def _inputs(
        self,
        row: VersionRow,
        run: Run,
        passed: PassHistory,
        table: lance.LanceDataset,
        row_id: int,
        sample_id: bytes,
        depth: int,
    ) -> tuple[Cell, ...]:
        """What the run read to make it: of the same sample, or of the one that this was made from."""
        facet = run.facets["pass"]
        root = row.dataset
        if passed.makes_rows:
            parent = cells_of(table, row_id, [PARENT.name]).get(PARENT.name)
            if parent is None:
                return ()
            root, sample_id = parent["dataset"], parent["sample_id"]
        read = next((i for i in run.inputs if i.kind == "version" and i.ref.partition("@")[0] == root), None)
        version = self._ancestry.version(read) if read is not None else None
        if version is None or version.kind != "root" or depth >= DEEPEST:
            return ()
        then = table_since(self._workspace.lake, root, version.lance_version)
        if self._row_id(then, sample_id) is None:
            return ()
        columns = [c for c in dict.fromkeys(facet["inputs"].values()) if c in then.schema.names and c != SAMPLE_ID.name]
        return tuple(self.cell(version, sample_id, column, depth + 1) for column in columns)

    def _maker(self, run: Run, name: str, table: lance.LanceDataset, row_id: int, family: Family) -> CellMaker:
        facet = run.facets["pass"]
        digest = facet.get("prompt")
        named = facet["outputs"].get("annotator", "")
        return CellMaker(
            name=name,
            use=facet["use"],
            kind=facet["kind"],
            version=facet["version"],
            generation=facet["generation"],
            code=facet["code"],
            run=run.id,
            at=run.ended_at,
            params=facet["params"],
            prompt=get_object(self._workspace.lake.store, digest).decode() if digest else None,
            prompt_digest=digest,
            model=self._model(run, family),
            annotator=cells_of(table, row_id, [named]).get(named) if run.facets.get("annotators") else None,
            file=next((i.ref for i in run.inputs if i.kind == "source"), None),
        )

    def _model(self, run: Run, family: Family) -> CellModel | None:
        used = next((i for i in run.inputs if i.role == "curated_by"), None)
        if used is None:
            return None
        makers = self._ancestry.trainings(used.id)
        doc = next((d for maker in makers for d in maker.checkpoints if d["digest"] == used.id), {})
        return CellModel(
            ref=f"model:{doc.get('name', used.ref.partition('@')[0])}@{used.id[:12]}",
            digest=used.id,
            opaque=bool(doc.get("opaque")),
            license=doc.get("license"),
            base=doc.get("base"),
            trained_on=tuple(seen_by(self._workspace, self._ancestry, used.id, family)),
        )

    def _family(self, row: VersionRow, table: lance.LanceDataset, row_id: int, sample_id: bytes) -> Family:
        """The sample, and those that it was made from, the nearest first."""
        found = [sample_id]
        while PARENT.name in table.schema.names and len(found) < DEEPEST:
            parent = cells_of(table, row_id, [PARENT.name]).get(PARENT.name)
            if parent is None or parent["sample_id"] in found:
                break
            found.append(parent["sample_id"])
            table = table_since(self._workspace.lake, parent["dataset"], None)
            above = self._row_id(table, parent["sample_id"])
            if above is None:
                break
            row_id = above
        return tuple(found)

    def _row_id(self, table: lance.LanceDataset, sample_id: bytes) -> int | None:
        """The row of the sample, if ``table`` has it."""
        place = (table.uri, table.version, sample_id)
        if place not in self._row_ids:
            self._row_ids[place] = next(iter(samples_like(table, sample_id.hex()).values()), None)
        return self._row_ids[place]


def _made(passed: PassHistory, column: str) -> bool:
    return column in passed.columns or (passed.makes_rows and column in (PARENT.name, "origin"))


def _has(table: lance.LanceDataset, row_id: int) -> bool:
    with reading("one row"):
        return bool(table.scanner(columns=[], with_row_id=True, filter=f"_rowid = {row_id}").to_table().num_rows)


def _value(table: lance.LanceDataset, row_id: int, column: str) -> Any:
    """As `mmreg head` shows it: of media digest and facts."""
    dtype = table.schema.field(column).type
    if media_kind(dtype) is None:
        return plain(cells_of(table, row_id, [column]).get(column))
    facts = [f"{column}.{part.name}" for part in dtype if part.name != "bytes"]
    cells = cells_of(table, row_id, facts)
    return {name.partition(".")[2]: plain(value) for name, value in cells.items() if value is not None}
