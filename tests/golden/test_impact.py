"""What becomes of something bad, deleted or withdrawn, on graphs that are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from golden_lakes import Scene

Golden = Callable[[str], Scene]


def models(answer: Any) -> dict[str, set[str]]:
    """How each model is touched, by its name."""
    return {model["ref"].removeprefix("model ").rpartition("@")[0]: set(model["ways"]) for model in answer["models"]}


def versions(answer: Any) -> dict[str, set[str]]:
    return {version["ref"]: set(version["ways"]) for version in answer["versions"]}


def test_a_bad_judge_taints_what_it_chose(golden: Golden) -> None:
    found = golden("filter_teacher").json("impact", "model:judge")
    touched = versions(found)
    assert "chosen" in touched["good@v1"] and "chosen" not in touched["short@v1"]
    assert models(found)["student"] == {"trained"}
    assert any(one["metrics"] == {"accuracy": 0.75} for one in found["evaluations"])
    assert any(remedy["command"] == "mmreg apply grade" for remedy in found["todo"])


def test_a_teacher_taints_its_student(golden: Golden) -> None:
    found = golden("teacher").json("impact", "model:teacher")
    assert versions(found)["class@v1"] >= {"content", "chosen"}
    assert models(found) == {"student": {"trained"}}
    assert [name["name"] for name in found["names"]] == ["student@second"]


def test_one_column_taints_what_was_made_of_it(golden: Golden) -> None:
    scene = golden("rounds")
    one = next(v for v in scene.json("impact", "texts@v2:one")["versions"] if v["ref"] == "texts@v4")
    assert set(one["columns"]) == {"one", "two", "three"}
    three = scene.json("impact", "texts@v4:three")
    assert not three["versions"] or versions(three).keys() == {"texts@v4"}
    assert models(three) == {"m": {"trained"}}


def test_a_deleted_sample_is_still_in_what_was_trained_on_it(golden: Golden) -> None:
    found = golden("deleted_source").json("impact", "texts@v1", "--where", "number = 4")
    assert found["samples"] == 1
    assert versions(found).keys() == {"texts@v1"}
    assert models(found).keys() == {"before"}
    kept = golden("deleted_source").json("impact", "texts@v1", "--where", "number = 3")
    assert versions(kept).keys() == {"texts@v1", "texts@v2"}
    assert models(kept).keys() == {"before", "after"}


def test_all_that_was_ever_read_from_a_source(golden: Golden) -> None:
    found = golden("deleted_source").json("impact", "source:texts.jsonl")
    assert versions(found).keys() == {"texts@v1", "texts@v2"}
    assert models(found).keys() == {"before", "after"}


def test_a_withdrawn_licence(golden: Golden) -> None:
    scene = golden("withdrawn_licence")
    found = scene.json("impact", "--license", "LicenseRef-bought")
    assert versions(found).keys() == {"bought@v1", "mixed@v1"}
    assert models(found).keys() == {"both", "free"}
    cap = scene.json("impact", "--license", "cc-by-nc-4.0")
    assert models(cap) == {"cap": {"registered"}, "both": {"trained"}}


def test_the_closure_of_licences(golden: Golden) -> None:
    found = golden("withdrawn_licence").json("license", "model:both")
    assert {(term["name"], term["license"]) for term in found["terms"]} == {
        ("texts", "cc0-1.0"),
        ("bought", "LicenseRef-bought"),
        ("cap", "cc-by-nc-4.0"),
    }
    assert found["license"] == "mit" and found["conflicts"]
    free = golden("withdrawn_licence").json("license", "texts@v1")
    assert (free["most_restrictive"], free["unknown"]) == ("cc0-1.0", [])


def test_a_diamond_costs_each_run_once(golden: Golden) -> None:
    found = golden("diamond").json("cost", "model:m")
    assert sorted(f"{line['kind']} {line['name']}" for line in found["lines"]) == [
        "ingest texts",
        "pass left",
        "pass right",
        "select joined",
        "training m",
    ]
    assert found["total"]["runs"] == 5


def test_who_was_evaluated_on_what_it_had_seen(golden: Golden) -> None:
    scene = golden("filter_teacher")
    found = scene.json("lineage", "leak", "--train", "model:student", "--eval", "short")
    assert not found["ok"] and {one["how"] for one in found["found"]} >= {"sample_id", "text"}
    clean = golden("both").json("lineage", "leak", "--train", "model:m@champion", "--eval", "extra")
    assert clean["ok"]
    through = golden("both").json("lineage", "leak", "--train", "model:m@next", "--eval", "texts")
    assert {one["how"] for one in through["found"]} & {"ancestry", "training"}
