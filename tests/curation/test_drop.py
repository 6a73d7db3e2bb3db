"""What a declaration names no longer goes when somebody says so, and never what something else needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lance
import pytest

from mmreg.curation.drop import drop, find
from mmreg.curation.plan import plan
from mmreg.errors import NotFound, UsageError


@pytest.fixture
def small(project: Callable[..., Any]) -> Any:
    made = project()
    made.apply()
    return made


def cut(project: Any, *lines: str) -> None:
    """Take the lines that begin like this out of the declaration."""
    file: Path = project.folder / "mmreg.yaml"
    kept = [line for line in file.read_text().splitlines() if not line.strip().startswith(lines)]
    file.write_text("\n".join(kept) + "\n")


def undeclared(project: Any) -> list[str]:
    return [step.name for step in plan(project.open()).steps if step.action == "undeclared"]


def test_the_columns_of_a_pass_leave_the_newest_version_with_its_state(small: Any, rows: Any) -> None:
    before = rows(small.open(), "pairs@latest")
    cut(small, "light:")
    assert undeclared(small) == ["light"]
    dropped = drop(small.open(), "light")
    registry = small.open()
    assert dropped.what == "pass light (pairs: brightness)" and dropped.ref == registry.log("pairs")[0].ref
    after = rows(registry, "pairs@latest")
    for sample, row in after.items():
        assert row == {k: cell for k, cell in before[sample].items() if k not in ("brightness", "_mmreg_light")}
    assert after.keys() == before.keys() and "grade" in before.popitem()[1]
    assert "brightness" in rows(registry, registry.log("pairs")[1].ref).popitem()[1], "older versions keep them"
    run = registry.catalog.run(dropped.run)
    assert (run.job.kind, run.facets["drop"], run.facets["schema"]["dropped"]) == (
        "drop", {"pass": "light"}, ["_mmreg_light", "brightness"],
    )  # fmt: skip
    assert {f"{node.kind} {node.name}" for node in registry.lineage(dropped.ref, "up").nodes} >= {
        "run pairs",
        "run light",
    }
    assert "brightness" not in rows(registry, "train@latest").popitem()[1], "what is selected from it follows"
    pending = [step.kind for step in plan(registry).steps if step.action == "run"]
    assert undeclared(small) == [] and pending == ["check"], "it is another version"
    with pytest.raises(NotFound, match="there is no dataset and no pass 'light'"):
        drop(small.open(), "light")


def test_a_declared_pass_may_begin_anew(small: Any) -> None:
    calls = len(small.calls())
    drop(small.open(), "light")
    step = next(step for step in plan(small.open()).steps if step.name == "light")
    assert (step.action, step.reason) == ("run", "6 missing")
    small.apply("light")
    assert len(small.calls()) == calls, "what it had answered is still in the version before"
    assert {c.name: c.producer for c in small.open().show("pairs@latest").columns}["brightness"] == "light"


def test_what_is_read_is_not_dropped(small: Any) -> None:
    with pytest.raises(UsageError, match=r"pass words \(pairs: n_words\) is read by pass keep; nothing was dropped"):
        find(small.open(), "words")


def test_a_column_of_its_own(small: Any, rows: Any) -> None:
    for name, said in (
        ("pairs:caption", "pairs:caption is declared"),
        ("pairs:brightness", "pairs:brightness is made by pass light"),
        ("train", "train is declared, and the next apply would make it anew"),
    ):
        with pytest.raises(UsageError, match=said):
            drop(small.open(), name)
    for name in ("pairs:sample_id", "pairs:_source", "pairs:nothing", "nothing"):
        with pytest.raises(NotFound):
            drop(small.open(), name)
    cut(small, "caption:", "words:", "keep:", "parts:", "grade:", "train:", "checks:", "- {check")
    drop(small.open(), "pairs:caption")
    assert "caption" not in rows(small.open(), "pairs@latest").popitem()[1]
    small.draw("new")
    small.apply()
    assert small.open().show("pairs@latest").rows == 7


def test_a_dataset_leaves_the_list_and_may_come_back(small: Any) -> None:
    cut(small, "parts:")
    assert undeclared(small) == ["splits"]
    kept = small.open().show("splits@latest")
    dropped = drop(small.open(), "splits")
    assert (dropped.what, dropped.ref) == ("dataset splits", None)
    registry = small.open()
    assert [summary.name for summary in registry.ls()] == ["pairs", "train"] and undeclared(small) == []
    assert registry.rebuild() and [summary.name for summary in registry.ls()] == ["pairs", "train"]
    assert lance.dataset(kept.uri, version=kept.lance_version).count_rows() == kept.rows, "its files are there"
    assert registry.show("splits@v1").rows == kept.rows
    file = small.folder / "mmreg.yaml"
    parts = "  parts: {from: train, into: splits, use: split, params: {test: 0.4, seed: 7}}\n"
    file.write_text(file.read_text().replace("checks:\n", f"{parts}checks:\n"))
    step = next(step for step in plan(small.open()).steps if step.name == "parts")
    assert (step.action, step.reason) == ("run", "never made")
    small.apply()
    assert [summary.name for summary in small.open().ls()] == ["pairs", "splits", "train"]
    assert small.apply().changed is False


def test_a_dataset_that_others_are_made_from_stays(small: Any) -> None:
    cut(small, "keep:", "parts:", "grade:", "train:", "checks:", "- {check")
    with pytest.raises(UsageError, match=r"train is needed by dataset splits; nothing was dropped"):
        drop(small.open(), "train")
    drop(small.open(), "splits")
    drop(small.open(), "train")
    assert [summary.name for summary in small.open().ls()] == ["pairs"]


def test_what_a_model_was_trained_on_stays(small: Any) -> None:
    weights = small.folder / "net.bin"
    weights.write_bytes(b"weights")
    run = small.open().train_record("net", ["splits@latest"], weights)
    digest = run.checkpoints[0]["digest"][:12]
    cut(small, "keep:", "parts:", "grade:", "train:", "checks:", "- {check")
    with pytest.raises(UsageError, match=rf"splits is needed by model net@{digest}; nothing was dropped"):
        drop(small.open(), "splits")
    (table := lance.dataset(small.open().show("train@latest").uri)).tags.create("mine", table.version)
    with pytest.raises(UsageError, match="train is needed by dataset splits, the Lance tag mine"):
        drop(small.open(), "train")


def test_a_root_may_be_dropped_and_declared_again(project: Callable[..., Any]) -> None:
    second = "  other:\n    source: {type: imagefolder, path: images}\n    columns: {image: {type: image}}\n"
    small = project()
    file = small.folder / "mmreg.yaml"
    text = file.read_text()
    file.write_text(text.replace("passes:\n", f"{second}passes:\n"))
    small.apply()
    file.write_text(text)
    drop(small.open(), "other")
    assert [summary.name for summary in small.open().ls()] == ["pairs", "splits", "train"]
    file.write_text(text.replace("passes:\n", f"{second}passes:\n"))
    small.apply()
    assert [summary.name for summary in small.open().ls()] == ["other", "pairs", "splits", "train"]
    assert [entry.ref for entry in small.open().log("other")] == ["other@v1"]
