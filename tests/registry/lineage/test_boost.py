"""Who boosts what, told by the graph alone: on SQLite and on PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mmreg.errors import NotFound, UsageError
from mmreg.registry.catalog import Catalog
from mmreg.registry.lineage.boost import told
from mmreg.schemas.boost import Boost
from mmreg.schemas.refs import ModelRef, NodeRef
from mmreg.schemas.run import Job, JobKind, Run, RunInput, RunState, VersionOutput


class Story:
    """A project at work, recorded as it goes on; what it makes is named by dataset, or by model and number."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._runs = 0
        self._newest: dict[str, VersionOutput] = {}
        self._models: dict[str, str] = {}

    def ingest(self, dataset: str) -> None:
        source = RunInput("source", f"{dataset}-listing", f"data/{dataset}")
        self._record("ingest", dataset, [source], [self._root(dataset, ("text",))], ingest={"columns": ["text"]})

    def compute(self, dataset: str, column: str, model: str | None = None, **facets: Any) -> None:
        """A pass over the text of all rows."""
        before = self._newest[dataset]
        read = [RunInput("version", before.uuid, before.ref, columns=("text",))]
        asked = [RunInput("checkpoint", self._models[model], model, "curated_by")] if model else []
        done = {"pass": {"computed": before.rows, "resumed": 0, "taken": 0}, **facets}
        self._record("pass", f"make-{column}", read + asked, [self._root(dataset, (column,))], **done)

    def select(self, into: str, base: str, column: str, none_of: str | None = None) -> None:
        before = self._newest[base]
        inputs = [RunInput("version", before.uuid, before.ref)]
        if none_of is not None:
            inputs.append(RunInput("version", self._newest[none_of].uuid, self._newest[none_of].ref))
        facet = {
            "base": [{"ref": before.ref, "uuid": before.uuid, "split": None}],
            "columns": [column],
            "recipe": {"use": "filter", "none_of": [none_of] if none_of else []},
        }
        self._record("select", f"choose-{into}", inputs, [self._derived(into, base)], select=facet)

    def train(
        self, model: str, *data: str, began: str | None = None, judged_on: str | None = None, **facets: Any
    ) -> None:
        """Make the checkpoint ``name@number``."""
        inputs = [RunInput("version", self._newest[d].uuid, self._newest[d].ref, "trained_on") for d in data]
        inputs += [RunInput("checkpoint", self._models[began], began, "init_from")] if began else []
        if judged_on:
            judged = self._newest[judged_on]
            inputs.append(RunInput("version", judged.uuid, judged.ref, "evaluated_on"))
        self._record("training", model, inputs, [], models=[self._checkpoint(model)], **facets)

    def add(self, model: str, *, opaque: bool = False) -> None:
        """A model from elsewhere."""
        self._record("model", model, [], [], models=[{**self._checkpoint(model), "opaque": opaque}])

    def boost(self, node: str, student: str | None = None) -> Boost:
        if node.startswith("model:"):
            node = f"sha256:{self._models[node.removeprefix('model:')]}"
        return told(self.catalog, NodeRef.parse(node), ModelRef.parse(student) if student else None)[0]

    def _checkpoint(self, model: str) -> dict[str, Any]:
        self._models[model] = f"{len(self._models) + 1:064x}"[::-1]
        return {"name": model.partition("@")[0], "digest": self._models[model], "framework": "torch"}

    def _root(self, dataset: str, columns: tuple[str, ...]) -> VersionOutput:
        return self._version(dataset, "root", columns=columns)

    def _derived(self, dataset: str, base: str) -> VersionOutput:
        root = self._newest[base]
        pins = root.roots or ({"dataset": base, "uuid": root.uuid, "lance_version": root.lance_version},)
        return self._version(dataset, "derived", roots=pins)

    def _version(self, dataset: str, kind: Any, **parts: Any) -> VersionOutput:
        ordinal = self._newest[dataset].ordinal + 1 if dataset in self._newest else 1
        id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{dataset}{ordinal}"))
        self._newest[dataset] = VersionOutput(dataset, id, ordinal, kind, 10, lance_version=ordinal, **parts)
        return self._newest[dataset]

    def _record(
        self,
        kind: JobKind,
        name: str,
        inputs: list[RunInput],
        outputs: list[VersionOutput],
        models: list[dict[str, Any]] | None = None,
        **facets: Any,
    ) -> None:
        self._runs += 1
        at = f"2026-01-01T00:00:{self._runs:02}.000000Z"
        id = f"20260101T0000{self._runs:02}.000000Z-{self._runs:010x}"
        run = Run(
            id, Job(kind, name), RunState.COMPLETE, at, at, tuple(inputs), tuple(outputs), tuple(models or ()), facets
        )
        self.catalog.absorb(run)


@pytest.fixture(params=["sqlite", "postgresql"])
def story(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Story]:
    if request.param == "sqlite":
        catalog = Catalog.open("sqlite:///catalog.db", tmp_path)
    else:
        catalog = Catalog.open(request.getfixturevalue("postgres_server"), tmp_path, str(uuid.uuid4()))
    yield Story(catalog)
    catalog.close()


def test_a_teacher_of_other_data_is_external(story: Story) -> None:
    story.ingest("pairs")
    story.ingest("web")
    story.train("teacher@1", "web")
    story.compute("pairs", "told", "teacher@1")
    story.train("student@1", "pairs")
    found = story.boost("model:student@1")
    assert (found.mode, found.pool, found.students) == ("external", ("pairs",), ("student",))
    assert found.counts == {"leaky_external": 0, "external": 1, "self": 0, "human": 0}
    (one,) = found.curations
    assert (one.known, one.columns, one.job) == ("trained", ("told",), "pass make-told")
    assert one.because == f"no way leads from pairs to {one.model}"
    assert one.way == (one.model, "pass make-told", "pairs@v2", "training student@1", found.ref)
    assert found.notes == ()


def test_a_model_of_the_students_name_is_the_student_itself(story: Story) -> None:
    story.ingest("pairs")
    story.train("student@1", "pairs")
    story.compute("pairs", "told", "student@1")
    story.train("student@2", "pairs")
    for node in ("model:student@2", "pairs@v2"):
        found = story.boost(node)
        assert (found.mode, found.students) == ("self", ("student",))
    (one,) = found.curations
    assert one.way == ("pairs@v1", "training student@1", one.model, "pass make-told", "pairs@v2")


def test_a_teacher_that_has_seen_the_data_leaks(story: Story) -> None:
    story.ingest("pairs")
    story.train("teacher@1", "pairs")
    story.compute("pairs", "told", "teacher@1")
    story.train("student@1", "pairs")
    found = story.boost("model:student@1")
    assert found.mode == "leaky_external"
    assert found.curations[0].because.endswith("has seen pairs, and is not of the line of student")


def test_a_teacher_leaks_through_the_filter_of_its_own_data(story: Story) -> None:
    """It has seen no row of the pool; the model that chose what it has seen had."""
    story.ingest("pairs")
    story.ingest("web")
    story.train("judge@1", "pairs")
    story.compute("web", "grade", "judge@1")
    story.select("good", "web", "grade")
    story.train("teacher@1", "good")
    story.compute("pairs", "told", "teacher@1")
    story.train("student@1", "pairs")
    found = story.boost("model:student@1")
    assert found.mode == "leaky_external"
    teacher = next(one for one in found.curations if one.job == "pass make-told")
    assert teacher.mode == "leaky_external"
    assert teacher.way[:4] == ("pairs@v1", "training judge@1", "model judge@100000000000", "pass make-grade")


def test_keeping_clear_and_judging_carry_nothing_over(story: Story) -> None:
    """The teacher's data was chosen to have no row of the pool, and the teacher was only evaluated on that."""
    story.ingest("pairs")
    story.select("kept", "pairs", "text")
    story.ingest("web")
    story.select("clear", "web", "text", none_of="kept")
    story.train("teacher@1", "clear", judged_on="pairs")
    story.compute("pairs", "told", "teacher@1")
    story.train("student@1", "pairs")
    assert story.boost("model:student@1").mode == "external"


def test_the_line_of_a_student_is_what_it_began_from_and_what_began_from_it(story: Story) -> None:
    story.ingest("pairs")
    story.train("base@1", "pairs")
    story.train("student@1", "pairs", began="base@1")
    story.train("tuned@1", "pairs", began="student@1")
    story.train("sibling@1", "pairs", began="base@1")
    for number, model in enumerate(("base@1", "tuned@1", "sibling@1")):
        story.compute("pairs", f"told{number}", model)
    story.train("student@2", "pairs", began="student@1")
    modes = {one.job: one.mode for one in story.boost("model:student@2").curations}
    assert modes == {"pass make-told0": "self", "pass make-told1": "self", "pass make-told2": "leaky_external"}


@pytest.mark.parametrize(("loop", "mode"), [("round", "self"), ("other", "leaky_external")])
def test_what_a_loop_has_made_and_asks_is_itself(story: Story, loop: str, mode: str) -> None:
    story.ingest("pairs")
    story.train("filter@1", "pairs", loop={"name": "round", "round": 0})
    story.compute("pairs", "told", "filter@1", loop={"name": loop, "round": 1})
    story.train("student@1", "pairs")
    assert story.boost("model:student@1").mode == mode


def test_what_nobody_told_of_a_model_is_said(story: Story) -> None:
    story.ingest("pairs")
    story.add("server@1", opaque=True)
    story.add("found@1")
    story.compute("pairs", "one", "server@1")
    story.compute("pairs", "two", "found@1")
    found = story.boost("pairs@latest")
    known = {one.columns: one.known for one in found.curations}
    assert known == {("one",): "opaque", ("two",): "unrecorded"}
    assert found.mode == "external"
    opaque = next(one for one in found.curations if one.known == "opaque")
    assert opaque.because.endswith("it is opaque: its training data is unknown")
    (note,) = found.notes
    assert note.startswith("external as far as is recorded") and note.count("model ") == 2


def test_people(story: Story) -> None:
    story.ingest("pairs")
    people = [{"kind": "human", "name": "a1", "rows": 6, "minutes": 2.5}, {"kind": "human", "rows": 4, "minutes": 1}]
    story.compute("pairs", "label", annotators=people)
    story.train("student@1", "pairs")
    found = story.boost("model:student@1")
    assert (found.mode, found.counts["human"]) == ("human", 1)
    (one,) = found.curations
    assert (one.model, one.annotators, one.human_min, one.columns) == (None, 2, 3.5, ("label",))
    story.add("found@1")
    story.compute("pairs", "told", "found@1")
    assert story.boost("pairs@latest").mode == "external"


def test_who_learns_can_be_named(story: Story) -> None:
    story.ingest("pairs")
    story.train("student@1", "pairs")
    story.compute("pairs", "told", "student@1")
    nobody = story.boost("pairs@v2")
    assert (nobody.mode, nobody.students) == ("leaky_external", ())
    assert nobody.notes[0].endswith("name the student with --student")
    assert story.boost("pairs@v2", student="student").mode == "self"
    with pytest.raises(NotFound, match="did you mean 'student'"):
        story.boost("pairs@v2", student="studnet")


def test_one_column(story: Story) -> None:
    story.ingest("pairs")
    story.add("one@1")
    story.add("two@1")
    story.compute("pairs", "one", "one@1")
    story.compute("pairs", "two", "two@1")
    assert [curation.columns for curation in story.boost("pairs@v3:two").curations] == [("two",)]
    assert story.boost("pairs@v3:text").mode == "none"
    assert story.boost("pairs@v3:two").ref == "pairs@v3:two"


def test_what_was_made_again_is_no_longer_there(story: Story) -> None:
    """A pass that did every row again has left no cell of the model before."""
    story.ingest("pairs")
    story.add("old@1")
    story.add("new@1")
    story.compute("pairs", "told", "old@1")
    story.compute("pairs", "told", "new@1")
    (one,) = story.boost("pairs@v3").curations
    assert one.model is not None and one.model.startswith("model new@")


def test_selections_are_no_pool_and_what_is_read_is(story: Story) -> None:
    story.ingest("pairs")
    story.ingest("web")
    story.select("good", "pairs", "text")
    story.train("student@1", "good", "web")
    assert story.boost("model:student@1").pool == ("pairs", "web")
    assert story.boost("good@v1").pool == ("pairs",)


def test_a_source_was_curated_by_nobody(story: Story) -> None:
    story.ingest("pairs")
    with pytest.raises(UsageError, match="nobody curated it"):
        story.boost("source:data/pairs")
