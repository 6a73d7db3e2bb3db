"""Every commit says who made it, and every root version opens without mmreg."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lance
import pytest

from mmreg.registry.runs import archive
from mmreg.schemas.run import Run


@pytest.fixture
def grown(project: Callable[..., Any]) -> Any:
    """A project with a history: additions, changes, removals, an emptied table, refills, selections, an archive."""
    made = project()
    made.apply()
    made.draw("new", "a new picture")
    made.draw("001", "another caption of it")
    made.erase("002")
    made.apply()
    made.open().promote("train")
    archive(made.open().lake.store)
    for name in [*(f"{number:03}" for number in range(6)), "new"]:
        made.erase(name)
    made.apply()
    made.draw("again", "after it was empty")
    made.apply()
    archive(made.open().lake.store, keep=1)
    return made


def test_every_commit_of_every_table_carries_its_run(grown: Any) -> None:
    lake = grown.folder / "lake"
    tables = [*sorted(lake.glob("*.lance")), lake / "_mmreg" / "runs.lance"]
    assert [table.stem for table in tables] == ["pairs", "splits", "train", "runs"]
    for table in tables:
        opened = lance.dataset(str(table))
        assert opened.version >= 2
        for version in range(1, opened.version + 1):
            transaction = opened.read_transaction(version)
            run = Run.from_json(transaction.transaction_properties["mmreg.run"])
            made = {output.uuid: output for output in run.outputs}
            assert table.stem == "runs" or made[transaction.uuid].dataset == table.stem
            assert run.job.kind == ("maintenance" if table.stem == "runs" else run.job.kind)


def test_ordinals_count_the_commits(grown: Any) -> None:
    registry = grown.open()
    for summary in registry.ls():
        entries = registry.log(summary.name)
        newest = summary.versions
        assert [entry.ref for entry in entries] == [f"{summary.name}@v{newest - i}" for i in range(newest)]
        assert lance.dataset(registry.show(entries[0].ref).uri).version == newest


def test_a_root_version_opens_by_plain_lance_as_show_says(grown: Any) -> None:
    registry = grown.open()
    shown = [registry.show(entry.ref) for entry in registry.log("pairs")]
    assert len(shown) >= 6
    for version in shown:
        opened = eval(version.open_with, {"lance": lance})
        assert opened.count_rows() == version.rows
        assert opened.to_table().num_rows == version.rows
        assert set(opened.schema.names) >= {column.name for column in version.columns}


def test_a_foreign_commit_is_shown_as_such_and_hinders_nothing(grown: Any) -> None:
    registry = grown.open()
    before = registry.log("pairs")
    table = lance.dataset(registry.show("pairs@latest").uri)
    table.update({"n_words": "0"}, where="caption = 'after it was empty'")
    table.add_columns({"twice": "n_words * 2"})
    table.create_scalar_index("caption", "BTREE")
    elsewhere = grown.copy(grown.folder.with_name("elsewhere"))
    grown.draw("later", "after a foreign commit")
    grown.apply()
    assert grown.open().doctor().findings == ()
    log = grown.open().log("pairs")
    assert log[-len(before) :] == before
    ours = [int(entry.ref.rpartition("v")[2]) for entry in log if entry.kind == "published"]
    assert ours == list(range(len(ours), 0, -1))
    others = [entry for entry in reversed(log) if entry.kind != "published"]
    assert [entry.job for entry in others] == ["unattributed update", "unattributed merge", "maintenance createindex"]
    assert {entry.rows for entry in others} == {before[0].rows}
    assert log[-len(before) - 3 : -len(before)] == others[::-1]
    assert {before[0].ref, others[0].ref} < {node.ref for node in grown.open().lineage(others[-1].ref).nodes}
    assert elsewhere.open().log("pairs") == log[-len(before) - 3 :], "whoever looks, and whenever, sees the same"
    newest = lance.dataset(str(Path(grown.folder / "lake" / "pairs.lance"))).to_table(columns=["caption"])
    assert sorted(newest["caption"].to_pylist()) == ["after a foreign commit", "after it was empty"]
