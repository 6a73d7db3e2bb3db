"""Cells and their makers, comparisons, loose ends, digests and exports, on graphs that are known."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from golden_lakes import SCENES, Scene

Golden = Callable[[str], Scene]


def sample(scene: Scene, ref: str, where: str) -> str:
    """The id of the one sample of ``ref`` that fulfils ``where``."""
    (found,) = scene.json("query", ref, "--where", where, "--columns", "sample_id")
    return str(found["sample_id"])


def test_what_a_cell_is_goes_back_to_what_its_model_was_trained_on(golden: Golden) -> None:
    scene = golden("teacher")
    found = scene.json("why", "class", sample(scene, "class", "number = 2"), "lesson")
    assert found["kept"] and found["cell"]["value"] == "rain on tin wise"
    maker = found["cell"]["maker"]
    assert maker["name"] == "lesson" and maker["model"]["ref"].startswith("model:teacher@")
    (seen,) = maker["model"]["trained_on"]
    assert (seen["ref"], seen["saw"]) == ("texts@v2", True)


def test_a_model_that_was_trained_before_a_sample_was_taken_out_has_seen_it(golden: Golden) -> None:
    scene = golden("deleted_source")
    trained = {one["name"]: one["trained_on"] for one in scene.json("model", "ls")}
    assert trained == {"before": ["texts@v1"], "after": ["texts@v2"]}
    gone = scene.json("why", "texts@v2", sample(scene, "texts@v1", "number = 4"))
    assert not gone["kept"]


def test_what_would_let_a_sample_in_again(golden: Golden) -> None:
    scene = golden("filter_teacher")
    found = scene.json("why", "good", sample(scene, "texts", "number = 7"))
    (decision,) = found["decisions"]
    assert not found["kept"] and decision["values"] == {"grade": -11.0}
    assert len(decision["readmit"]) == 1


def test_two_models_of_one_name(golden: Golden) -> None:
    found = golden("teacher").json("compare", "model:student@first", "model:student@second")
    assert found["rows"] == {"only_a": 2, "only_b": 0, "both": 6}
    assert set(found["steps"]["only_b"]) == {
        "pass answer",
        "training teacher",
        "pass lesson",
        "select class",
        "training again",
    }
    assert [model.partition("@")[0] for model in found["curators"]["only_b"]] == ["model student", "model teacher"]


def test_a_model_of_unknown_data_hangs_on_nothing(golden: Golden) -> None:
    def loose(name: str) -> dict[str, list[str]]:
        kinds = golden(name).json("orphans")["kinds"]
        return {kind["kind"]: [one["ref"] for one in kind["found"]] for kind in kinds if kind["found"]}

    assert [ref.partition("@")[0] for ref in loose("filter_teacher")["model_without_data"]] == ["model:judge"]
    assert "model_without_data" not in loose("teacher")


def test_a_digest_is_found_by_its_beginning(golden: Golden) -> None:
    scene = golden("teacher")
    digest = scene.json("model", "show", "teacher")["digest"]
    (hit,) = scene.json("find", f"sha256:{digest[:10]}")["hits"]
    assert (hit["kind"], hit["digest"]) == ("checkpoint", digest)


@pytest.mark.parametrize("form", ["openlineage", "prov"])
@pytest.mark.parametrize("name", SCENES)
def test_what_is_exported_comes_back_as_the_same_graph(golden: Golden, name: str, form: str) -> None:
    scene = golden(name)
    told = scene.json("lineage", "down", "texts@v1")
    file = scene.folder / f"{form}.out"
    scene.text("lineage", "export", "texts@v1", "--down", "--format", form, "--output", str(file))
    back = scene.json("lineage", "import", str(file))
    assert {node["id"]: (node["kind"], node["name"], node["ref"]) for node in back["nodes"]} == {
        node["id"]: (node["kind"], node["name"], node["ref"]) for node in told["nodes"]
    }
    assert edges(back) == edges(told)


def edges(answer: object) -> set[tuple[str, str, str]]:
    assert isinstance(answer, dict)
    return {(edge["source"], edge["target"], edge["kind"]) for edge in answer["edges"]}
