"""`lineage up`, `down` and `path` on graphs that are known."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from golden_lakes import SCENES, Scene

Golden = Callable[[str], Scene]


def steps(answer: Any) -> set[str]:
    """The edges as a person would say them; checkpoints without their digests where their names are enough."""
    names = {node["id"]: _name(node) for node in answer["nodes"]}
    return {f"{names[edge['source']]} {edge['kind']} {names[edge['target']]}" for edge in answer["edges"]}


def _name(node: Any) -> str:
    if node["kind"] == "run":
        return f"<{node['facts']['job']} {node['name']}>"
    return re.sub(r"@[0-9a-f]{12}$", "", node["ref"])


def lines(text: str) -> set[str]:
    return {line.strip() for line in text.strip().splitlines()}


DOWN_OF_TEXTS_1 = {
    "teacher": """
        texts@v1 trained_on <training student>
        texts@v1 used <pass answer>
        <training student> generated model:student
        model:student curated_by <pass answer>
        <pass answer> generated texts@v2
        texts@v2 trained_on <training teacher>
        texts@v2 used <pass lesson>
        <training teacher> generated model:teacher
        model:teacher curated_by <pass lesson>
        <pass lesson> generated texts@v3
        texts@v3 used <select class>
        <select class> generated class@v1
        class@v1 trained_on <training again>
        <training again> generated model:student
    """,
    "diamond": """
        texts@v1 used <pass left>
        <pass left> generated texts@v2
        texts@v2 used <pass right>
        <pass right> generated texts@v3
        texts@v3 used <select joined>
        <select joined> generated joined@v1
        joined@v1 trained_on <training m>
        <training m> generated model:m
    """,
    "both": """
        texts@v1 trained_on <training m>
        <training m> generated model:m
        model:m curated_by <pass told>
        model:m init_from <training tuned>
        <pass told> generated extra@v2
        extra@v2 trained_on <training tuned>
        <training tuned> generated model:m
    """,
    "deleted_source": """
        texts@v1 trained_on <training before>
        <training before> generated model:before
        texts@v1 continues <ingest texts>
        <ingest texts> generated texts@v2
        texts@v2 trained_on <training after>
        <training after> generated model:after
    """,
}


@pytest.mark.parametrize("name", DOWN_OF_TEXTS_1)
def test_what_came_of_the_first_version(golden: Golden, name: str) -> None:
    assert steps(golden(name).json("lineage", "down", "texts@v1")) == lines(DOWN_OF_TEXTS_1[name])


def test_a_teacher_distilled_from_its_student_stands_above_it(golden: Golden) -> None:
    """From the second student up to the first, through the teacher."""
    scene = golden("teacher")
    up = scene.json("lineage", "up", "model:student@second")
    models = {node["ref"].partition("@")[0] for node in up["nodes"] if node["kind"] == "checkpoint"}
    assert models == {"model:student", "model:teacher"}
    between = scene.json("lineage", "path", "model:student@first", "model:student@second")
    assert "model:teacher curated_by <pass lesson>" in steps(between)
    assert "model:student curated_by <pass answer>" in steps(between)
    assert steps(between) < steps(up)


def test_three_rounds_are_unrolled_not_a_cycle(golden: Golden) -> None:
    scene = golden("rounds")
    up = scene.json("lineage", "up", "model:m@r3")
    order = {node["id"]: place for place, node in enumerate(up["nodes"])}
    assert all(order[edge["source"]] < order[edge["target"]] for edge in up["edges"])
    assert len([node for node in up["nodes"] if node["kind"] == "checkpoint"]) == 4
    assert len([edge for edge in up["edges"] if edge["kind"] == "curated_by"]) == 3


def test_a_filter_is_upstream_of_what_it_chose(golden: Golden) -> None:
    scene = golden("filter_teacher")
    assert "model:judge curated_by <pass grade>" in steps(scene.json("lineage", "up", "model:student"))


@pytest.mark.parametrize("name", SCENES)
def test_up_and_down_are_inverse(golden: Golden, name: str) -> None:
    scene = golden(name)
    sources = scene.json("lineage", "up", "texts@v1")["nodes"]
    below = scene.json("lineage", "down", "texts@v1")["nodes"]
    assert len(below) > 1
    for node in below:
        ref = node["ref"] if node["kind"] != "checkpoint" else f"sha256:{node['id'].partition(':')[2]}"
        above = {found["id"] for found in scene.json("lineage", "up", ref)["nodes"]}
        assert {found["id"] for found in sources} <= above, ref
