"""The commands on a real project: what a person types, what they see, and the exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import lance
import pytest
from click.testing import CliRunner

import mmreg
from mmreg.cli.main import main

if TYPE_CHECKING:
    from tests.cli.conftest import Place


def test_init_writes_a_declaration_that_plans(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["init", str(tmp_path / "new"), "--name", "mine", "--json"])
    assert result.exit_code == 0
    new = tmp_path / "new"
    assert json.loads(result.stdout) == {
        "path": str(new / "mmreg.yaml"), "written": True, "lake": str(new / ".mmreg" / "lake"), "writers": "many",
    }  # fmt: skip
    assert "project: mine" in (tmp_path / "new" / "mmreg.yaml").read_text()
    (tmp_path / "new" / "data" / "images").mkdir(parents=True)
    assert CliRunner().invoke(main, ["-C", str(tmp_path / "new"), "plan"]).exit_code == 0


def test_outside_of_a_project_it_says_how_to_start_one(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["ls", "-C", str(tmp_path)])
    assert (result.exit_code, result.stdout) == (3, "")
    assert "Try: mmreg init" in result.stderr


def test_ls_show_log(applied: Place) -> None:
    pairs, train = applied.json("ls")
    assert (pairs["name"], pairs["rows"], pairs["rejected"], pairs["kind"]) == ("pairs", 6, 1, "root")
    assert (train["name"], train["rows"], train["kind"]) == ("train", 4, "derived")
    assert "pairs" in applied.text("ls") and "train" in applied.text("ls")
    assert [entry["ref"] for entry in applied.json("log", "pairs")] == ["pairs@v2", "pairs@v1"]
    assert applied.text("log", "pairs").splitlines()[1].startswith("pairs@v2")

    shown = applied.json("show", "pairs@v2")
    assert {"rows", "rejected", "version", "uri", "columns", "run"} <= set(shown)
    assert shown["rejected_reasons"] == {"not_an_image": 1}
    assert "not_an_image" in applied.text("show", "pairs@v2")
    assert lance.dataset(shown["uri"], version=shown["lance_version"]).count_rows() == 6


def test_head_and_query(applied: Place) -> None:
    rows = applied.json("head", "pairs", "-n", "2")
    assert len(rows) == 2 and {"sample_id", "caption", "image", "width"} <= set(rows[0])
    assert "bytes" not in rows[0]["image"] and rows[0]["image"]["format"] == "PNG"
    found = applied.json("query", "pairs@latest", "--where", "width >= 64", "--columns", "caption, width")
    assert sorted(row["width"] for row in found) == [64, 80, 96, 112]
    assert [set(row) for row in found] == [{"caption", "width"}] * 4
    assert len(applied.json("query", "pairs", "--limit", "3")) == 3
    assert applied.json("query", "pairs", "--where", "width > 9999") == []
    result = applied.call("query", "pairs", "--where", "width > 9999")
    assert (result.stdout, result.stderr) == ("", "No rows.\n")


def test_captions_cannot_steer_the_terminal(applied: Place) -> None:
    for args in (["head", "pairs"], ["query", "train", "--columns", "caption"], ["head", "pairs", "--json"]):
        text = applied.text(*args)
        assert "\x1b" not in text and "\u202e" not in text and "絵" in text


def test_a_predicate_that_is_none_is_a_usage_error(applied: Place) -> None:
    result = applied.call("query", "pairs", "--where", "width >", "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert json.loads(result.stderr)["error"]["code"] == "filter"


@pytest.mark.parametrize(
    "args",
    [
        ["show", "pairz"],
        ["log", "pairz"],
        ["head", "pairs@v99"],
        ["lineage", "up", "model:clip"],
        ["model", "show", "x"],
    ],
    ids=" ".join,
)
def test_what_is_not_there_ends_with_3_and_a_hint(applied: Place, args: list[str]) -> None:
    result = applied.call(*args)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "\n  Try: mmreg " in result.stderr


def test_diff(applied: Place) -> None:
    difference = applied.json("diff", "pairs@v1", "pairs@v2")
    assert "width" in difference["columns_added"] and difference["samples_added"] == 0
    assert "+ column width" in applied.text("diff", "pairs@v1", "pairs@v2")
    assert "no difference" in applied.text("diff", "pairs@v1", "pairs@v1")


def test_plan_check_asks_whether_anything_is_to_be_done(project: Place) -> None:
    assert project.json("plan", "--check")["pending"] is False
    (project.folder / "images" / "0.txt").write_text("another caption")
    assert project.json("plan", "--check", status=1)["pending"] is True
    assert project.json("plan", "pairs", "--check", status=1)["pending"] is True
    assert project.call("plan", "nowhere").exit_code == 3
    assert project.text("plan")  # exit status 0: only --check asks

    report = project.json("apply")
    assert report["changed"] is True
    assert project.json("plan", "--check")["pending"] is False
    assert project.json("apply")["changed"] is False
    assert "Nothing changed." in project.text("apply")


def test_a_plan_for_a_pull_request_and_a_sample(project: Place) -> None:
    assert project.text("plan", "--format", "markdown").splitlines()[0] == "**Nothing to do.**"
    declared = project.folder / "mmreg.yaml"
    text = declared.read_text("utf-8")
    new = "  words: {from: pairs, use: text_stats, inputs: {text: caption}, outputs: {n_words: n_words}}\n"
    declared.write_text(text.replace("passes:\n", f"passes:\n{new}"), "utf-8")
    answer = project.json("plan", "words", "--sample", "2")
    (step,) = (step for step in answer["steps"] if step["kind"] == "pass")
    assert step["sample"]["rows"] == 2 and step["estimate"]["source"] == "from a sample of 2 rows"
    assert step["estimate"]["calls"] == 0 and answer["total"]["calls"] == 0 and answer["over"] == []
    lines = project.text("plan", "--format", "markdown").splitlines()
    assert "| + run | pass words | pairs | 6 |" in " ".join(lines) and f"Plan `{answer['digest']}`" in lines
    refused = project.call("apply", "--approve", "0123456789abcdef", "--json")
    assert refused.exit_code == 1 and json.loads(refused.stderr)["error"] == {
        "code": "not_approved",
        "message": "what would be done is no longer the plan 0123456789abcdef",
        "hint": f"mmreg plan, then: mmreg apply --approve {answer['digest']}",
    }
    assert project.json("apply", "--approve", answer["digest"])["changed"] is True


def test_drop_asks_and_says_what_is_kept(project: Place) -> None:
    declared = project.folder / "mmreg.yaml"
    before = declared.read_text("utf-8").partition("  keep:")[0]
    declared.write_text(before + "checks: {}\n", "utf-8")
    assert "dataset with 4 rows is declared no longer; kept: mmreg drop train" in project.text("plan")
    refused = project.call("drop", "train")
    assert refused.exit_code == 2 and refused.stderr.endswith(
        "nobody is there to be asked\n  Try: mmreg drop train --yes\n"
    )
    assert project.json("drop", "train", "--yes")["what"] == "dataset train"
    assert [dataset["name"] for dataset in project.json("ls")] == ["pairs"]
    assert project.text("drop", "stats", "--yes").startswith("Dropped pass stats (pairs: width, height")
    assert project.call("drop", "stats", "--yes").exit_code == 3


def test_apply_talks_on_stderr_only(project: Place) -> None:
    (project.folder / "images" / "0.txt").write_text("another caption")
    result = project.call("apply")
    assert "ingest pairs" in result.stderr and "published" in result.stdout
    quiet = project.call("apply", "--quiet")
    assert quiet.stderr == ""


def test_status(applied: Place) -> None:
    (stats,) = applied.json("status")["passes"]
    assert (stats["name"], stats["done"], stats["stale"], stats["missing"]) == ("stats", 6, 0, 0)
    assert "Everything is up to date." in applied.text("status")


def test_validate_and_promote(project: Place) -> None:
    file = project.folder / "mmreg.yaml"
    file.write_text(file.read_text("utf-8").replace("width, min_value: 32", "width, min_value: 48"), encoding="utf-8")
    assert [report["ok"] for report in project.json("validate", "train")["reports"]] == [True]
    reports = project.json("validate", status=1)["reports"]
    assert {report["dataset"]: report["ok"] for report in reports} == {"train": True, "pairs": False}
    assert "range:width" in project.text("validate", "pairs", status=1)
    assert json.loads(project.text("validate", "train", "--format", "json"))["ok"] is True

    refused = project.call("promote", "pairs@v2")
    assert refused.exit_code == 1 and "pairs@v2 was not promoted." in refused.stderr
    done = project.call("promote", "train@v1")
    assert done.exit_code == 0 and "train now means train@v1." in done.stderr
    assert {d["name"]: d["promoted"] for d in project.json("ls")} == {"pairs": False, "train": True}


def test_models_trainings_evaluations(project: Place, weights: Path) -> None:
    added = project.json("model", "add", str(weights), "clip", "--alias", "champion", "--license", "mit")
    assert added["name"] == "clip" and len(added["digest"]) == 64
    assert project.json("model", "show", "clip@champion")["digest"] == added["digest"]
    assert project.json("model", "show", f"clip@{added['digest'][:12]}")["license"] == "mit"

    second = project.folder / "second.bin"
    second.write_bytes(b"other weights")
    run = project.json(
        "train",
        "record",
        "fit",
        "--input",
        "train@v1",
        "--checkpoint",
        str(second),
        "--model",
        "clip",
        "--init-from",
        "clip@champion",
        "--metric",
        "loss=0.5",
        "--param",
        "lr=0.1",
    )
    assert {i["role"] for i in run["inputs"]} == {"trained_on", "init_from"}
    digest = run["checkpoints"][0]["digest"]
    assert project.json("model", "alias", f"clip@{digest[:12]}", "champion") == {
        "model": "clip",
        "alias": "champion",
        "digest": digest,
    }
    assert project.json("model", "show", "clip@champion")["digest"] == digest

    scored = project.json("eval", "record", "clip@champion", "pairs@v1", "--metric", "r@1=0.25", "--metric", "r@5=1")
    assert scored["facets"]["metrics"] == {digest: {"r@1": 0.25, "r@5": 1.0}}
    assert [r["id"] for r in project.json("eval", "ls")] == [scored["id"]]
    assert [r["id"] for r in project.json("train", "ls")] == [run["id"]]
    models = {m["digest"]: m for m in project.json("model", "ls")}
    assert models[digest]["aliases"] == ["champion"] and models[digest]["metrics"]["loss"] == 0.5
    for command in ("model", "train", "eval"):
        assert "clip" in project.text(command, "ls")


def test_where_there_are_no_models_it_says_how_to_add_one(applied: Place) -> None:
    for command in ("model", "train", "eval"):
        result = applied.call(command, "ls")
        assert (result.exit_code, result.stdout) == (0, "")
        assert "mmreg " in result.stderr
        assert applied.json(command, "ls") == []


def test_lineage_as_tree_json_dot_and_mermaid(project: Place, weights: Path) -> None:
    project.text("train", "record", "fit", "--input", "train", "--checkpoint", str(weights))
    tree = project.text("lineage", "up", "model:fit")
    lines = [line.lstrip("│└├─ ").split(" · ")[0] for line in tree.splitlines()]
    assert lines[0].startswith("model:fit@")
    assert lines[1:] == [
        "training fit",
        "train@v1  4 rows  trained on",
        "select keep",
        "pairs@v2  6 rows",
        "pass stats",
        "pairs@v1  6 rows",
        "ingest pairs",
        "images",
    ]
    up = project.json("lineage", "up", "model:fit")
    assert up == json.loads(project.text("lineage", "up", "model:fit", "--format", "json"))
    assert {"id", "kind", "name", "ref"} <= set(up["nodes"][0])
    assert {"source", "target", "kind"} == set(up["edges"][0])

    down = project.json("lineage", "down", "pairs@v1")
    assert {node["ref"] for node in down["nodes"]} >= {"pairs@v2", "train@v1"}
    near = project.json("lineage", "down", "pairs@v1", "--depth", "1")
    assert len(near["nodes"]) < len(down["nodes"])
    path = project.text("lineage", "path", "pairs@v1", "model:fit")
    assert path.startswith("pairs@v1") and "model:fit@" in path.splitlines()[-1]
    assert path == project.text("lineage", "path", "model:fit", "pairs@v1")
    assert project.text("lineage", "up", "train", "--format", "dot").startswith("digraph lineage {")
    assert project.text("lineage", "up", "train", "--format", "mermaid").startswith("flowchart LR")


def test_no_way_between_two_nodes_is_said(project: Place, weights: Path) -> None:
    project.text("model", "add", str(weights), "clip")
    result = project.call("lineage", "path", "pairs@v1", "model:clip")
    assert result.stderr == "No way leads from pairs@v1 to model:clip, nor back.\n"


def test_upkeep(project: Place) -> None:
    assert "Everything agrees." in project.text("doctor")
    before = {command: project.text(*command.split(), "--json") for command in ("ls", "log pairs", "lineage up train")}
    for file in (project.folder / ".mmreg").glob("catalog.db*"):
        file.unlink()
    assert project.json("catalog", "rebuild")["runs"] == 5, "two of them have checked"
    assert before == {command: project.text(*command.split(), "--json") for command in before}


def test_opened_from_python(applied: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(mmreg.open("train@v1", project=applied.folder)) == 4
    monkeypatch.chdir(applied.folder / "images")
    assert len(mmreg.open("pairs")) == 6


@pytest.mark.parametrize(
    "args", [["ls"], ["log", "pairs"], ["lineage", "up", "train"], ["lineage", "down", "pairs@v1"]]
)
def test_looking_things_up_loads_no_lance_arrow_or_sqlalchemy(applied: Place, args: list[str]) -> None:
    code = "import sys\nfrom mmreg.cli.main import main\n"
    code += "try: main()\nfinally: print(*sys.modules, file=sys.stderr)"
    ended = subprocess.run(
        [sys.executable, "-c", code, "-C", str(applied.folder), *args],
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {"lance", "pyarrow", "sqlalchemy", "sqlmodel", "numpy", "rich", "torch", "pandas"}
    assert heavy & set(ended.stderr.split()) == set()
    assert ended.stdout
