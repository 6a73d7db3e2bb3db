"""Two versions, or two models, side by side."""

from __future__ import annotations

from typing import Any

import pytest


def test_two_versions(studio: Any) -> None:
    found = studio.mmreg("compare", "train@v1", "train@v2")
    assert found["rows"]["only_b"] == 0 and found["rows"]["only_a"] > 0
    assert found["data"] == {"only_a": [], "only_b": [], "both": ["pairs@v1"]}
    changed = {(one["step"], one["what"]): (one["a"], one["b"]) for one in found["changed"]}
    assert changed["select keep", "where"] == ("grade >= 6", "grade >= 7")
    assert changed.keys() == {("select keep", "where"), ("pass recap", "generation"), ("pass recap", "model")}
    assert len(found["curators"]["both"]) == len(found["curators"]["only_b"]) == 1
    calls = found["cost"]["calls"]
    assert (calls[0]["value"], calls[1]["value"]) == (12, 24)


def test_turned_round_it_says_the_same(studio: Any) -> None:
    one, other = studio.mmreg("compare", "train@v1", "short@v1"), studio.mmreg("compare", "short@v1", "train@v1")
    for part in ("data", "columns", "steps", "curators", "rows"):
        assert one[part]["only_a"] == other[part]["only_b"]
        assert one[part]["only_b"] == other[part]["only_a"]
    assert {measure: amounts[::-1] for measure, amounts in one["cost"].items()} == other["cost"]


def test_with_itself_nothing_differs(studio: Any) -> None:
    found = studio.mmreg("compare", "splits@v1", "splits@v1")
    assert not found["changed"] and found["rows"] == {"only_a": 0, "only_b": 0, "both": found["rows"]["both"]}
    assert all(one["difference"] == 0 for one in found["metrics"])


def test_two_models_over_all_seeds(studio: Any) -> None:
    found = studio.mmreg("compare", "model:student", "model:other")
    assert found["kind"] == "model"
    (recall,) = [one for one in found["metrics"] if one["on"] == "heldout@v1" and one["metric"] == "recall"]
    assert sorted(recall["a"]["values"]) == [0.25, 0.5, 0.75] and recall["a"]["mean"] == 0.5
    assert recall["a"]["sd"] == pytest.approx(0.25) and recall["b"] is None
    assert found["data"]["only_b"] == ["short@v1"]
    assert set(found["steps"]["only_a"]) == {"select keep", "select parts", "training student"}
    assert found["rows"]["only_a"] + found["rows"]["both"] > 0


def test_seeds_of_one_training(studio: Any) -> None:
    digests = [model["digest"] for model in studio.mmreg("model", "ls") if model["name"] == "student"]
    found = studio.mmreg("compare", f"model:student@{digests[0][:12]}", f"model:student@{digests[1][:12]}")
    assert [(one["step"], one["what"]) for one in found["changed"]] == [("training student", "seed")]
    assert found["rows"]["only_a"] == found["rows"]["only_b"] == 0
    recalls = [one for one in found["metrics"] if one["metric"] == "recall"]
    assert [one["difference"] for one in recalls] == [0]  # both stand for all seeds


def test_rows_are_counted_only_where_they_are_asked_for(studio: Any) -> None:
    assert studio.mmreg("compare", "train@v1", "train@v2", "--no-rows")["rows"] is None


def test_text(studio: Any) -> None:
    shown = studio.text("compare", "model:student", "model:other")
    assert "0.5 ± 0.25 of 3" in shown and "not measured" in shown and "only b: short@v1" in shown


def test_what_cannot_be_compared(studio: Any) -> None:
    assert "is a model and train a version" in studio.text("compare", "model:student", "train", status=2)
    assert "is neither a version nor a model" in studio.text("compare", "run:2", "train", status=2)
