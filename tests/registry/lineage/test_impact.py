"""What is touched where something turns out bad: on a real project, and on random histories against plain closures."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest


def of(answer: Any) -> dict[str, dict[str, Any]]:
    return {version["ref"]: version for version in answer["versions"]}


def teacher(studio: Any, word: str) -> str:
    """The digest of the first teacher, or of the second."""
    found = [model["digest"] for model in studio.mmreg("model", "ls") if model["name"] == "teacher"]
    return f"sha256:{found[-1 if word == 'old' else 0][:16]}"


def test_a_column_that_was_made_anew_is_free_of_the_old_teacher(studio: Any) -> None:
    found = of(studio.mmreg("impact", teacher(studio, "old")))
    assert found["pairs@v2"]["columns"] == ["written"]
    newest = next(version for ref, version in found.items() if ref.startswith("pairs@") and version["latest"])
    assert newest["columns"] == ["grade"]  # which nobody had to make again: it is as the old one made it
    assert set(found["train@v2"]["ways"]) == {"content", "chosen"}
    assert found["train@v2"]["ways"]["chosen"][-2:] == ["select keep", "train@v2"]


def test_a_new_teacher_has_touched_what_it_wrote_and_no_model_yet(studio: Any) -> None:
    found = studio.mmreg("impact", teacher(studio, "new"))
    assert {ref.partition("@")[0] for ref in of(found)} == {"pairs", "train", "splits"}
    assert all(version["columns"] == ["written"] for version in found["versions"])
    assert not found["models"] and not found["names"]


def test_rows_that_a_pass_made_owe_nothing_to_columns_that_it_did_not_read(studio: Any) -> None:
    assert "extra@v1" not in of(studio.mmreg("impact", teacher(studio, "old")))
    assert of(studio.mmreg("impact", "pairs@v1"))["extra@v1"]["whole"]


def test_names_that_mean_something_touched_and_what_to_do(studio: Any) -> None:
    found = studio.mmreg("impact", teacher(studio, "old"))
    assert {(name["kind"], name["name"]) for name in found["names"]} >= {
        ("promoted", "train"),
        ("alias", "student@champion"),
        ("locked", "splits"),
    }
    commands = [remedy["command"] for remedy in found["todo"]]
    # What it wrote itself was written anew since.
    assert commands[:3] == ["mmreg apply grade", "mmreg apply keep", "mmreg apply parts"]
    assert "mmreg apply student" in commands and commands[-1] == "mmreg apply --lock"
    assert len(commands) == len(set(commands))


@pytest.mark.parametrize(
    ("node", "command", "why"),
    [
        ("pairs@v4:length", "mmreg apply size", "once its recipe is corrected"),
        ("pairs@v4:text", "mmreg apply pairs", "once its source is mended"),
        ("pairs@v1", "mmreg apply pairs", "once what is wrong in pairs@v1 is mended"),
        ("source:pairs.jsonl", "mmreg apply pairs", "once pairs.jsonl is mended"),
        ("model:teacher", "mmreg apply recap", "once mmreg.yaml declares another model"),
    ],
)
def test_it_is_mended_where_it_begins(studio: Any, node: str, command: str, why: str) -> None:
    todo = studio.mmreg("impact", node)["todo"]
    assert todo[0]["command"] == command and why in todo[0]["why"]
    assert len({remedy["command"] for remedy in todo}) == len(todo)


def test_a_run_is_mended_by_its_own_step(studio: Any) -> None:
    runs = {entry["job"]: entry["run"] for entry in studio.mmreg("log", "pairs")}
    todo = studio.mmreg("impact", f"run:{runs['pass grade']}")["todo"]
    assert (todo[0]["command"], "recipe is corrected" in todo[0]["why"]) == ("mmreg apply grade", True)
    todo = studio.mmreg("impact", f"run:{runs['ingest pairs']}")["todo"]
    assert (todo[0]["command"], "mended" in todo[0]["why"]) == ("mmreg apply pairs", True)


def test_a_free_version_is_the_one_to_promote(studio: Any) -> None:
    found = studio.mmreg("impact", f"run:{studio.mmreg('log', 'train')[1]['run']}")
    promote = next(remedy for remedy in found["todo"] if (remedy["command"] or "").startswith("mmreg promote"))
    assert promote["command"] == "mmreg promote train@v2"


def test_data_for_evaluation_touch_evaluations_alone(studio: Any) -> None:
    found = studio.mmreg("impact", "heldout@v1")
    assert not found["versions"] and not found["models"]
    assert {tuple(one["on"]) for one in found["evaluations"]} == {("heldout@v1",)}
    assert any(one["metrics"] == {"accuracy": 0.5} for one in found["evaluations"])


def test_models_and_their_measures_follow_from_data(studio: Any) -> None:
    found = studio.mmreg("impact", "pairs@v1")
    names = sorted(model["ref"].partition("@")[0] for model in found["models"])
    assert names == ["model elsewhere", "model other", *3 * ["model student"]]
    assert {tuple(model["ways"]) for model in found["models"]} == {("trained",)}
    assert len(found["evaluations"]) == 5  # four trainings that measured, one evaluation


def test_a_column(studio: Any) -> None:
    found = of(studio.mmreg("impact", "pairs@v4:length"))
    assert found["short@v1"]["columns"] == ["length"]
    assert set(found["short@v1"]["ways"]) == {"content", "chosen"}
    assert set(found["extra@v1"]["ways"]) == {"chosen"}
    assert set(found["train@v1"]["ways"]) == {"content"}


def test_single_samples(studio: Any) -> None:
    found = studio.mmreg("impact", "pairs", "--where", "number = 3 OR number = 4")
    versions = of(found)
    assert found["samples"] == 2
    assert {versions[ref]["having"] for ref in ("pairs@v1", "short@v1", "extra@v1")} == {2}
    assert {ref for ref, version in versions.items() if version["having"] == 0} == set()
    other = next(model for model in found["models"] if model["ref"].startswith("model other@"))
    assert other["having"] == 2


def test_samples_that_were_left_out_of_a_split_are_in_no_model_of_it(studio: Any) -> None:
    held = studio.mmreg("query", "splits@v1", "--columns", "sample_id,number")
    numbers = {row["number"]: row["sample_id"] for row in held}
    tested = []
    for number in numbers:
        found = studio.mmreg("impact", "pairs", "--where", f"number = {number}")
        trained = [model for model in found["models"] if model["ref"].startswith("model student@")]
        assert {model["having"] for model in trained} <= {1}
        tested.append(bool(trained))
    assert 0 < sum(tested) < len(tested)


def test_what_a_training_said_that_it_saw_is_what_it_saw(studio: Any) -> None:
    seen = studio.mmreg("impact", "pairs", "--where", "number = 1 OR number = 2 OR number = 9")
    elsewhere = next(model for model in seen["models"] if model["ref"].startswith("model elsewhere@"))
    assert elsewhere["having"] == 2
    other = studio.mmreg("impact", "pairs", "--where", "number = 9")
    assert not any(model["ref"].startswith("model elsewhere@") for model in other["models"])
    assert any("mmreg train record" in remedy["why"] for remedy in seen["todo"])


def test_no_sample_touches_nothing(studio: Any) -> None:
    found = studio.mmreg("impact", "pairs", "--where", "number = 77")
    assert found["samples"] == 0 and not found["touched"]
    assert "nothing comes of it" in studio.text("impact", "pairs", "--where", "number = 77")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["pairs@v1:licence"], "did you mean 'license'?"),
        (["run:2", "--where", "number = 1"], "--where is about the rows of a version"),
        ([], "either a NODE or --license"),
        (["pairs", "--license", "mit"], "either a NODE or --license"),
        (["--license", "mit", "--where", "number = 1"], "--where goes with a version"),
    ],
)
def test_what_makes_no_sense_is_refused(studio: Any, args: list[str], said: str) -> None:
    status = 3 if "pairs@v1:licence" in args else 2
    assert said in studio.text("impact", *args, status=status)


def test_text_says_how_and_by_which_way(studio: Any) -> None:
    shown = studio.text("impact", "model:teacher")
    assert "pass recap > pairs@" in shown and "once mmreg.yaml declares another model for it" in shown
    assert "of earlier versions more may come" in studio.text("impact", "splits@v2")


@pytest.mark.parametrize("call", ["impact('pairs@v1')", "impact_of_license('mit')", "licenses('model:other')"])
def test_no_table_is_opened(studio: Any, call: str) -> None:
    code = f"""
import json, sys
from mmreg.registry.api import Registry
Registry.open({str(studio.folder)!r}).{call}
print(json.dumps([name for name in ("lance", "pyarrow", "pydantic", "sqlalchemy", "numpy") if name in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
