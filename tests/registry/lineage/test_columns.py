"""Lineage by column, beside a plain account that is kept while a made-up project works."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmreg.errors import NotFound, UsageError
from mmreg.registry.catalog import Catalog
from mmreg.registry.lineage import columns
from mmreg.registry.lineage.columns import reached
from mmreg.registry.lineage.flow import Flow, Place
from mmreg.registry.lineage.walk import lineage, path
from mmreg.schemas.lineage import Lineage
from mmreg.schemas.refs import NodeRef
from mmreg.schemas.run import Job, JobKind, Run, RunInput, RunState, VersionOutput

Account = frozenset[str]
"""The runs, models and sources that something comes from."""


@dataclass
class Told:
    """What is known of a version: where each column's cells come from, and why it has these rows."""

    output: VersionOutput
    rows: Account
    cells: dict[str, Account]

    def of(self, column: str | None = None) -> Account:
        cells = self.cells.values() if column is None else [self.cells[column]]
        return self.rows.union(*cells)

    @property
    def used(self) -> RunInput:
        return RunInput("version", self.output.uuid, self.output.ref)


@dataclass
class Project:
    """A project at work: ``runs`` is what it records, ``told`` and ``models`` the account beside it."""

    runs: list[Run] = field(default_factory=list)
    told: dict[str, list[Told]] = field(default_factory=dict)
    models: dict[str, Account] = field(default_factory=dict)

    def ingest(self, dataset: str, names: tuple[str, ...]) -> None:
        run = self._run("ingest", dataset, RunInput("source", f"{dataset}/{len(self.runs)}", "data/"))
        new = frozenset({f"run:{run.id}", f"source:{dataset}/{len(self.runs)}"})
        before = self._last(dataset)
        output = self._output(run, dataset, names)
        cells = dict(before.cells) if before else {}
        cells |= {name: cells.get(name, frozenset()) | new for name in names}
        facets = {"ingest": {"columns": list(names)}}
        self._record(replace(run, outputs=(output,), facets=facets), Told(output, new | self._rows(before), cells))

    def compute(self, read: Told, over: Told | None, column: str, made: str, model: str | None, whole: bool) -> None:
        """A pass that reads ``column`` of ``read``, for the rows of ``over``, and publishes on the newest version."""
        before = self.told[read.output.dataset][-1]
        asked = [RunInput("checkpoint", model, "m", "curated_by")] if model else []
        chosen = [over.used] if over else []
        run = self._run("pass", f"make-{made}", replace(read.used, columns=(column,)), *asked, *chosen)
        output = self._output(run, read.output.dataset, (made,))
        new = {f"run:{run.id}"} | read.of(column) | (over.rows if over else frozenset())
        new |= self.models[model] | {f"checkpoint:{model}"} if model else set()
        whole = whole and read is before
        old = frozenset() if whole else before.cells.get(made, frozenset())
        facet = {"computed": output.rows if whole else 1, "resumed": 0, "taken": 0}
        made_of = Told(output, before.rows, {**before.cells, made: frozenset(new) | old})
        outputs, tolds = [output], [made_of]
        if over and self.told[over.output.dataset][-1] is over:
            outputs.append(self._output(run, over.output.dataset, (), pins=(made_of,)))
            tolds.append(Told(outputs[-1], over.rows, made_of.cells))
        self._record(replace(run, outputs=tuple(outputs), facets={"pass": facet}), *tolds)

    def rename(self, dataset: str, old: str, new: str) -> None:
        before = self.told[dataset][-1]
        run = self._run("schema", dataset, before.used)
        output = self._output(run, dataset, (new,))
        cells = {name: cell for name, cell in before.cells.items() if name != old}
        told = Told(output, before.rows, {**cells, new: before.cells[old] | {f"run:{run.id}"}})
        facet = {"added": [], "renamed": {old: new}, "dropped": []}
        self._record(replace(run, outputs=(output,), facets={"schema": facet}), told)

    def drop(self, dataset: str, gone: str) -> None:
        before = self.told[dataset][-1]
        run = self._run("drop", dataset, before.used)
        output = self._output(run, dataset, ())
        told = Told(output, before.rows, {name: cell for name, cell in before.cells.items() if name != gone})
        facet = {"added": [], "renamed": {}, "dropped": [gone]}
        self._record(replace(run, outputs=(output,), facets={"schema": facet}), told)

    def select(self, base: Told, root: Told, into: str, column: str) -> None:
        """Choose rows of ``base`` by a column of the root that it is of, or is."""
        used = {told.used.id: told.used for told in (root, base)}
        run = self._run("select", into, *used.values())
        output = self._output(run, into, (), pins=(root,))
        facet = {"base": [{"uuid": base.output.uuid, "ref": base.output.ref, "split": None}], "columns": [column]}
        rows = base.rows | root.of(column) | {f"run:{run.id}"}
        self._record(replace(run, outputs=(output,), facets={"select": facet}), Told(output, rows, root.cells))

    def train(self, on: Told, parent: str | None) -> None:
        asked = [RunInput("checkpoint", parent, "m", "init_from")] if parent else []
        run = self._run("training", "m", replace(on.used, role="trained_on"), *asked)
        digest = f"{len(self.runs):064x}"
        self.models[digest] = on.of() | {f"run:{run.id}"}
        self.models[digest] |= self.models[parent] | {f"checkpoint:{parent}"} if parent else frozenset()
        self._record(replace(run, checkpoints=({"name": "m", "digest": digest, "framework": "x"},)))

    def _last(self, dataset: str) -> Told | None:
        return (self.told.get(dataset) or [None])[-1]

    def _rows(self, before: Told | None) -> Account:
        return before.rows if before else frozenset()

    def _run(self, kind: JobKind, name: str, *inputs: RunInput) -> Run:
        moment = f"2026-01-01T00:00:00.{len(self.runs):06}Z"
        return Run(f"r{len(self.runs):04}", Job(kind, name), RunState.COMPLETE, moment, moment, inputs)

    def _output(self, run: Run, dataset: str, made: tuple[str, ...], pins: tuple[Told, ...] = ()) -> VersionOutput:
        number = len(self.told.get(dataset, ())) + 1
        roots = tuple(
            {"dataset": p.output.dataset, "uuid": p.output.uuid, "lance_version": p.output.lance_version} for p in pins
        )
        kind: Any = "derived" if pins else "root"
        return VersionOutput(dataset, f"{run.id}-{dataset}", number, kind, 5, 0, number, roots, made)

    def _record(self, run: Run, *tolds: Told) -> None:
        self.runs.append(run)
        for told in tolds:
            self.told.setdefault(told.output.dataset, []).append(told)


ROOTS, CHOSEN, MADE = ("a", "b"), ("s", "t"), ("x", "y")


@st.composite
def projects(draw: st.DrawFn) -> Project:
    project = Project()
    project.ingest("a", ("one", "two"))
    for _ in range(draw(st.integers(1, 10))):
        act = draw(st.sampled_from(["ingest", "compute", "compute", "over", "rename", "drop", "select", "train"]))
        roots = [name for name in ROOTS if name in project.told]
        root = draw(st.sampled_from(roots))
        read = draw(st.sampled_from(project.told[root]))
        column = draw(st.sampled_from(sorted(read.cells))) if read.cells else None
        model = draw(st.sampled_from([None, *project.models]))
        made = draw(st.sampled_from(MADE))
        newest = project.told[root][-1]
        chosen = [told for name in CHOSEN for told in project.told.get(name, ())]
        if act == "ingest":
            project.ingest(draw(st.sampled_from(ROOTS)), draw(st.sampled_from([("one",), ("one", "two")])))
        elif act == "rename" and newest.cells:
            project.rename(root, draw(st.sampled_from(sorted(newest.cells))), f"new{len(project.runs)}")
        elif act == "drop" and newest.cells:
            project.drop(root, draw(st.sampled_from(sorted(newest.cells))))
        elif act == "compute" and column:
            project.compute(read, None, column, made, model, draw(st.booleans()))
        elif act == "over" and chosen:
            over = draw(st.sampled_from(chosen))
            pinned = project.told[str(over.output.roots[0]["dataset"])]
            of = draw(st.sampled_from(pinned))
            if of.cells:
                project.compute(of, over, draw(st.sampled_from(sorted(of.cells))), made, model, False)
        elif act == "select" and column:
            project.select(read, read, draw(st.sampled_from(CHOSEN)), column)
        elif act == "train":
            project.train(draw(st.sampled_from([read, *chosen])), model)
    return project


@contextmanager
def an_index(runs: list[Run]) -> Iterator[Catalog]:
    with tempfile.TemporaryDirectory() as folder:
        catalog = Catalog.open("sqlite:///catalog.db", Path(folder))
        for run in runs:
            catalog.absorb(run)
        yield catalog
        catalog.close()


def accounted(nodes: set[str]) -> set[str]:
    return {node for node in nodes if not node.startswith("version:")}


@settings(max_examples=40, deadline=None)
@given(projects(), st.data())
def test_a_column_comes_from_what_the_account_says(project: Project, data: st.DataObject) -> None:
    with an_index(data.draw(st.permutations(project.runs))) as catalog:
        flow = Flow(catalog)
        for told in [told for versions in project.told.values() for told in versions]:
            node = f"version:{told.output.uuid}"
            row = next(row for row in flow.versions(told.output.dataset) if row.uuid == told.output.uuid)
            assert set(flow.columns(row)) == set(told.cells)
            for column in told.cells:
                places, _ = reached(flow, [Place(node, column), Place(node)], "up")
                assert accounted({place.node for place in places}) == told.of(column), (told.output.ref, column)
            places, _ = reached(flow, [Place(node)], "up")
            assert accounted({place.node for place in places}) == told.rows
        for digest, account in project.models.items():
            places, _ = reached(flow, [Place(f"checkpoint:{digest}")], "up")
            assert accounted({place.node for place in places}) - {f"checkpoint:{digest}"} == account


@settings(max_examples=15, deadline=None)
@given(projects())
def test_up_and_down_are_inverses(project: Project) -> None:
    with an_index(project.runs) as catalog:
        flow = Flow(catalog)
        nodes = [f"version:{told.output.uuid}" for versions in project.told.values() for told in versions]
        nodes += [f"run:{run.id}" for run in project.runs] + [f"checkpoint:{digest}" for digest in project.models]
        for dataset in project.told:
            flow.versions(dataset)
        places = {place for node in nodes for place in flow.all_places(node)}
        up = {(place, other) for place in places for other in reached(flow, [place], "up")[0] if other in places}
        down = {(other, place) for place in places for other in reached(flow, [place], "down")[0] if other in places}
        assert up == down


@settings(max_examples=15, deadline=None)
@given(projects())
def test_columns_come_from_nothing_that_their_version_does_not_come_from(project: Project) -> None:
    """The graph by column is a part of the whole one; but a version of a selection refers to what its run made."""
    with an_index(project.runs) as catalog:
        for told in [told for versions in project.told.values() for told in versions]:
            whole = {node.id for node in catalog.lineage(f"version:{told.output.uuid}", "up").nodes}
            whole |= {f"version:{root['uuid']}" for root in told.output.roots}
            for column in told.cells:
                found = lineage(catalog, NodeRef("version", told.output.ref, column), "up")
                assert {node.id for node in found.nodes} <= whole


# One project, read by eye


def story() -> Project:
    """Texts, a caption by a model, a grade; a selection by the grade; more texts; the captions again, renamed."""
    project = Project()
    project.ingest("pairs", ("image", "text"))
    project.train(project.told["pairs"][0], None)
    model = next(iter(project.models))
    project.compute(project.told["pairs"][-1], None, "image", "caption", model, True)
    project.compute(project.told["pairs"][-1], None, "caption", "grade", None, True)
    project.select(project.told["pairs"][-1], project.told["pairs"][-1], "kept", "grade")
    project.ingest("pairs", ("image", "text"))
    project.rename("pairs", "caption", "said")
    return project


@pytest.fixture
def catalog() -> Iterator[Catalog]:
    with an_index(story().runs) as catalog:
        yield catalog


def shown(found: Lineage) -> list[str]:
    names = {node.id: f"{node.name} run" if node.kind == "run" else node.ref for node in found.nodes}
    names = {id: name.partition("@0")[0] for id, name in names.items()}
    return [f"{names[edge.source]} -{edge.kind}> {names[edge.target]}" for edge in found.edges]


def test_where_a_renamed_column_came_from(catalog: Catalog) -> None:
    found = lineage(catalog, NodeRef.parse("pairs@v5:said"), "up")
    assert shown(found) == [
        "data/ -used> pairs run",
        "data/ -used> pairs run",
        "pairs run -generated> pairs@v1",
        "pairs@v1 -trained_on> m run",
        "pairs@v1 -used> make-caption run",
        "pairs@v1 -via> pairs@v2",
        "m run -generated> model:m",
        "model:m -curated_by> make-caption run",
        "make-caption run -generated> pairs@v2",
        "pairs@v2 -via> pairs@v4",
        "pairs run -generated> pairs@v4",
        "pairs@v4 -used> pairs run",
        "pairs@v4 -via> pairs@v5",
        "pairs run -generated> pairs@v5",
    ]
    told = {node.ref: node.facts.get("columns") for node in found.nodes}
    assert (told["pairs@v5"], told["pairs@v4"], told["pairs@v2"]) == (["said"], ["caption"], ["caption"])
    assert told["pairs@v1"] == ["image", "text"], "the model was trained on all of it"
    assert told["data/"] is None


def test_a_column_that_no_pass_wrote_owes_them_nothing(catalog: Catalog) -> None:
    found = lineage(catalog, NodeRef.parse("pairs@v3:text"), "up")
    assert shown(found) == ["data/ -used> pairs run", "pairs run -generated> pairs@v1", "pairs@v1 -via> pairs@v3"]


def test_what_a_selection_went_by_reaches_all_that_it_chose(catalog: Catalog) -> None:
    found = lineage(catalog, NodeRef.parse("kept@v1:text"), "up")
    told = {node.ref: node.facts.get("columns") for node in found.nodes if node.kind != "run"}
    assert told["kept@v1"] == ["text"]
    assert told["pairs@v3"] == ["grade", "text"]
    assert any(ref.startswith("model:m") for ref in told)


def test_down_from_a_column_and_between_two(catalog: Catalog) -> None:
    found = lineage(catalog, NodeRef.parse("pairs@v2:caption"), "down")
    refs = [node.ref for node in found.nodes if node.kind == "version"]
    assert refs == ["pairs@v2", "pairs@v3", "kept@v1", "pairs@v4", "pairs@v5"]
    between = path(catalog, NodeRef.parse("pairs@v2:caption"), NodeRef.parse("kept@v1:text"))
    assert shown(between) == [
        "pairs@v2 -used> make-grade run",
        "make-grade run -generated> pairs@v3",
        "pairs@v3 -used> kept run",
        "kept run -generated> kept@v1",
    ]
    backwards = path(catalog, NodeRef.parse("kept@v1:text"), NodeRef.parse("pairs@v2:caption"))
    assert (shown(backwards), backwards.direction) == (shown(between), "path")
    assert path(catalog, NodeRef.parse("pairs@v3:text"), NodeRef.parse("pairs@v3:grade")).edges == ()


def test_depth_counts_runs(catalog: Catalog) -> None:
    found = lineage(catalog, NodeRef.parse("pairs@v3:grade"), "up", 1)
    assert [node.ref for node in found.nodes if node.kind == "version"] == ["pairs@v1", "pairs@v2", "pairs@v3"]
    assert [node.name for node in found.nodes if node.kind == "run"] == ["pairs", "make-grade"]
    with pytest.raises(UsageError, match="a depth of -1"):
        columns.lineage(catalog, NodeRef.parse("pairs@v3:grade"), "up", -1)


def test_the_column_that_says_who_a_row_is_stands_for_the_rows(catalog: Catalog) -> None:
    found = lineage(catalog, NodeRef.parse("kept@v1:sample_id"), "up")
    assert {node.ref: node.facts["columns"] for node in found.nodes if node.kind == "version"}["kept@v1"] == []


def test_a_column_that_is_not_there(catalog: Catalog) -> None:
    with pytest.raises(NotFound, match=r"pairs@v4 has no column 'captoin'; did you mean 'caption'"):
        lineage(catalog, NodeRef.parse("pairs@v4:captoin"), "up")
    with pytest.raises(NotFound, match=r"pairs@v5 has no column 'caption'"):
        lineage(catalog, NodeRef.parse("pairs@v5:caption"), "up")
