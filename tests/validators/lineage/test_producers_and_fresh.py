"""Which columns have a producer, and which rows are as their passes would make them now."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import lance
import pyarrow as pa

from mmreg.schemas.check import CheckResult

Answer = Callable[..., CheckResult]
PASSES = """
passes:
  say: {from: texts, use: "makers:Rewrite", inputs: {text: text}, max_error_rate: 1}
  size: {from: texts, use: "makers:Length", inputs: {text: written}}
  both: {from: texts, use: "makers:Both", inputs: {text: written, other: text}}
  some: {from: texts, use: "makers:Length", inputs: {text: text}, outputs: {length: some}, rows: "text = 'b'"}
  keep: {from: texts, into: train, use: filter, where: "length > 5"}
"""


def texts(*words: str) -> list[dict[str, Any]]:
    return [{"text": word} for word in words]


def test_source_columns_and_passes_account_for_all(corpus: Any, answer: Answer) -> None:
    made = corpus({"texts": texts("a", "b")}, PASSES)
    made.apply()
    for dataset in ("texts", "train"):
        result = answer(made, dataset, check="lineage.producers")
        assert (result.status, result.failed) == ("passed", 0)
        assert result.message == "0 of 6 columns have no recorded producer"


def test_a_column_that_somebody_else_added_fails(corpus: Any, answer: Answer) -> None:
    made = corpus({"texts": texts("a", "b")}, PASSES)
    made.apply()
    table = lance.dataset(str(made.folder / "lake" / "texts.lance"))
    table.add_columns({"mood": "'fine'"})
    result = answer(made, "texts", check="lineage.producers")
    assert (result.status, result.examined, result.failed) == ("failed", 7, 1)
    assert result.message.startswith("1 of 7 columns have no recorded producer (14.3%): mood (in texts@")


def test_fresh_rows_pass_also_those_that_a_pass_is_not_for(corpus: Any, answer: Answer) -> None:
    made = corpus({"texts": texts("a", "b", "c")}, PASSES)
    made.apply()
    result = answer(made, "texts", check="lineage.fresh")
    assert (result.status, result.examined, result.message) == ("passed", 3, "0 of 3 rows are not fresh")


def test_rows_that_came_or_changed_since_and_errors_are_told_apart(corpus: Any, answer: Answer, rewrite: Any) -> None:
    made = corpus({"texts": texts("a", "b", "bad")}, PASSES)
    made.apply()
    result = answer(made, "texts", check="lineage.fresh")
    assert (result.status, result.failed) == ("failed", 1)
    assert result.message == "1 of 3 rows are not fresh (33.3%): 1 with an error of say"
    assert result.examples[0]["reason"] == "with an error of say: 'empty'"

    rewrite(made, "texts", texts("a", "b", "bad", "d"))
    made.apply("texts")
    result = answer(made, "texts", check="lineage.fresh")
    assert (result.failed, result.examined) == (2, 4)
    assert "1 never computed by say" in result.message
    assert "1 never computed by size" in result.message
    assert "some" not in result.message, "that pass is not for all rows"
    result = answer(made, "texts", check="lineage.fresh", column="length")
    assert result.message.endswith("1 never computed by size")


def test_inputs_that_changed_are_seen_through_their_fingerprints(corpus: Any, answer: Answer) -> None:
    made = corpus({"texts": texts("a", "b", "c")}, PASSES)
    made.apply()
    registry = made.open()
    table = registry.lake.table("texts")
    ids = table.to_table(columns=["sample_id", "written"])
    changed = ids.slice(0, 1).set_column(1, "written", pa.array(["another"]))
    registry.close()
    update = table.merge_insert("sample_id").when_matched_update_all()
    update.execute(changed.cast(pa.schema([table.schema.field("sample_id"), table.schema.field("written")])))
    result = answer(made, "texts", check="lineage.fresh")
    assert (result.status, result.failed) == ("failed", 1)
    assert "1 whose inputs changed since size" in result.message
    assert "1 whose inputs changed since both" in result.message
    assert "since say" not in result.message


def test_a_changed_recipe_leaves_old_rows_stale_where_they_are_left(corpus: Any, answer: Answer, rewrite: Any) -> None:
    backfill = PASSES.replace("{text: written}}", "{text: written}, on_change: backfill}")
    made = corpus({"texts": texts("a", "b")}, backfill)
    made.apply()
    file = made.folder / "makers.py"
    file.write_text(file.read_text().replace('version = "1"', 'version = "2"'))
    rewrite(made, "texts", texts("a", "b", "c"))
    sys.modules.pop("makers", None)
    made.apply("texts", "say", "size")
    result = answer(made, "texts", check="lineage.fresh", column="length")
    assert (result.failed, result.examined) == (2, 3)
    assert result.message.endswith("2 of an earlier recipe of size")
