"""A lake's lineage as OpenLineage events: valid, exact in versions, with models upstream of what they made."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from golden_lakes import Scene

from mmreg.registry.api import Registry

Conforms = Callable[[dict[str, Any]], None]
Event = dict[str, Any]


def ended(events: list[Event], job: str) -> Event:
    """The event that says how ``job`` ended."""
    (found,) = [e for e in events if e["job"]["name"] == job and e["eventType"] != "START"]
    return found


def facet(dataset: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = dataset["facets"][name]
    return found


@pytest.fixture(scope="module")
def events(teacher: Scene) -> list[Event]:
    told: list[Event] = teacher.json("lineage", "export", "class@v1")
    return told


def test_every_event_is_one_of_openlineage(teacher: Scene, events: list[Event], conforms: Conforms) -> None:
    for event in [*events, *teacher.json("lineage", "export", "--all", "--pin-version-in-name")]:
        conforms(event)


def test_the_check_sees_what_is_wrong(events: list[Event], conforms: Conforms) -> None:
    event = ended(events, "pass.lesson")
    version = facet(event["inputs"][0], "version")
    edge = event["inputs"][0]["inputFacets"]["mmreg_edge"]
    for wrong in (
        {**event, "eventType": "DONE"},
        {**event, "told": 1},
        {**event, "run": {"runId": "lesson"}},
        {**event, "inputs": [{"name": "texts"}]},
        {**event, "inputs": [{**event["inputs"][0], "facets": {"version": {**version, "datasetVersion": 3}}}]},
        {**event, "inputs": [{**event["inputs"][0], "inputFacets": {"mmreg_edge": {**edge, "kinds": []}}}]},
    ):
        with pytest.raises(Exception, match=r".*"):
            conforms(wrong)


def test_each_run_starts_and_ends_under_one_uuid(events: list[Event]) -> None:
    by_run: dict[str, list[str]] = {}
    for event in events:
        by_run.setdefault(event["run"]["runId"], []).append(event["eventType"])
    assert set(map(tuple, by_run.values())) == {("START", "COMPLETE")}


def test_versions_of_inputs_are_exact(teacher: Scene, events: list[Event]) -> None:
    log = {entry["ref"]: entry["uuid"] for entry in teacher.json("log", "texts")}
    read = {facet(one, "mmreg_node")["ref"]: one for one in ended(events, "pass.lesson")["inputs"]}
    assert facet(read["texts@v2"], "version")["datasetVersion"] == log["texts@v2"]
    assert read["texts@v2"]["name"] == "texts"


def test_a_model_is_upstream_of_the_column_that_it_wrote(events: list[Event]) -> None:
    event = ended(events, "pass.lesson")
    (model,) = [one for one in event["inputs"] if facet(one, "datasetType")["datasetType"] == "MODEL"]
    assert model["name"] == "models/teacher"
    assert model["inputFacets"]["mmreg_edge"]["kinds"] == ["curated_by"]
    assert facet(model, "mmreg_model")["digest"] == "sha256:" + facet(model, "version")["datasetVersion"]
    (made,) = event["outputs"]
    sources = facet(made, "lineage")["fields"]["lesson"]["inputs"]
    assert {(one["name"], one.get("field")) for one in sources} == {("texts", "text"), ("models/teacher", None)}
    (field,) = facet(made, "columnLineage")["fields"]["lesson"]["inputFields"]
    assert (field["name"], field["field"]) == ("texts", "text")
    (carried,) = facet(made, "columnLineage")["fields"]["answer"]["inputFields"]
    assert (carried["field"], carried["transformations"][0]["subtype"]) == ("answer", "IDENTITY")
    assert event["run"]["facets"]["mmreg_model"]["models"][0]["role"] == "producer"


def test_a_selection_goes_by_columns(events: list[Event]) -> None:
    (made,) = ended(events, "select.class")["outputs"]
    by = {(one["field"], one["transformations"][0]["subtype"]) for one in facet(made, "columnLineage")["dataset"]}
    assert by == {("lesson", "FILTER"), ("number", "FILTER")}
    assert made["outputFacets"]["outputStatistics"]["rowCount"] == 6
    assert {field["name"]: field["type"] for field in facet(made, "schema")["fields"]}["lesson"] == "string"


def test_a_pinned_name_says_the_version_and_what_it_is_else(teacher: Scene) -> None:
    told = teacher.json("lineage", "export", "class@v1", "--pin-version-in-name")
    (made,) = ended(told, "select.class")["outputs"]
    assert made["name"] == "class@v1"
    assert facet(made, "symlinks")["identifiers"][0]["name"] == "class"


def test_what_failed_and_what_was_checked(project: Callable[..., Any], conforms: Conforms, tmp_path: Path) -> None:
    made = project()
    made.apply()
    with Registry.open(made.folder) as registry:
        with pytest.raises(ValueError, match="no luck"), registry.training("tiny", ["train@v1"]):
            raise ValueError("no luck")
        told = list(registry.lineage_export(registry.lineage_of_all(), "openlineage"))
    for event in told:
        conforms(json.loads(json.dumps(event)))
    failed = ended(told, "training.tiny")
    assert failed["eventType"] == "FAIL"
    assert failed["run"]["facets"]["errorMessage"]["message"] == "ValueError: no luck"
    (test,) = ended(told, "validation.train")["run"]["facets"]["test"]["tests"]
    assert (test["type"], test["status"], test["severity"]) == ("not_null", "pass", "error")


def test_nothing_tells_where_the_lake_lies(teacher: Scene) -> None:
    for form in ("openlineage", "prov"):
        assert str(teacher.folder) not in teacher.text("lineage", "export", "--all", "--format", form)
    assert str(teacher.folder) not in teacher.text("lineage", "export", "class", "--format", "croissant")
