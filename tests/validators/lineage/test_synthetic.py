"""How much of a version models made, and how deep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mmreg.errors import UsageError
from mmreg.schemas.check import CheckResult

Answer = Callable[..., CheckResult]
PASSES = """
models:
  writer: {uri: writer.bin, license: MIT}
passes:
  say:
    {from: texts, use: "makers:Rewrite", inputs: {text: text}, model: writer, rows: "text != 'own'", max_error_rate: 1}
  again:
    {from: texts, use: "makers:Rewrite", inputs: {text: written}, model: writer, rows: "text = 'b'",
     outputs: {written: again}}
  plain: {from: texts, use: "makers:Rewrite", inputs: {text: text}, outputs: {written: plain}}
  size: {from: texts, use: "makers:Length", inputs: {text: again}, model: writer}
"""
MADE = """
passes:
  more: {from: texts, use: "makers:Invent", inputs: {text: text}, into: invented}
  both: {use: mix, datasets: {texts: 1, invented: 1}, into: mixed}
"""


def texts(*words: str) -> list[dict[str, Any]]:
    return [{"text": word} for word in words]


def with_writer(corpus: Any, passes: str, *words: str) -> Any:
    made = corpus({"texts": texts(*words)}, passes)
    (made.folder / "writer.bin").write_bytes(b"first")
    made.apply()
    return made


def test_depth_counts_the_passes_that_create(corpus: Any, answer: Answer) -> None:
    """`own`: nobody has written of it; `bad`: an error is no content; `b`: what was written was written anew."""
    made = with_writer(corpus, PASSES, "own", "a", "b", "bad")
    result = answer(made, "texts", check="lineage.synthetic_depth", max_value=1)
    assert (result.status, result.examined, result.failed) == ("failed", 4, 1)
    assert result.message == "1 of 4 rows are more than 1 creating passes deep (25%); the deepest is 2"
    (spread,) = result.histograms
    assert (spread.labels, spread.counts) == (("0", "1", "2"), {"rows": (2, 1, 1)})
    assert result.examples[0]["reason"] == "2 creating passes deep"
    assert answer(made, "texts", check="lineage.synthetic_depth", max_value=2).status == "passed"


def test_share_of_rows_and_of_cells(corpus: Any, answer: Answer) -> None:
    made = with_writer(corpus, PASSES, "own", "a", "b", "bad")
    result = answer(made, "texts", check="lineage.model_share", max_value=0.5)
    assert (result.status, result.message) == ("passed", "2 of 4 rows were made by a model (50%, 50% allowed)")
    assert result.numbers == {"share": 0.5, "made": 2.0, "rows": 4.0}
    assert answer(made, "texts", check="lineage.model_share", max_value=0.4).status == "failed"
    for column, cells in {"again": 1, "written": 2, "plain": 0, "length": 0, "text": 0}.items():
        result = answer(made, "texts", check="lineage.model_share", max_value=0, column=column)
        assert result.message.startswith(f"{cells} of 4 cells"), column
        assert result.failed == (cells > 0)


def test_a_writer_that_was_trained_on_what_a_writer_wrote(corpus: Any, answer: Answer) -> None:
    made = with_writer(corpus, PASSES, "a", "c")
    with made.open() as registry, registry.training("teach", ["texts"], model="writer") as job:
        (made.folder / "writer.bin").write_bytes(b"second")
        job.save(made.folder / "writer.bin")
    made.apply()
    result = answer(made, "texts", check="lineage.synthetic_depth", max_value=2)
    assert result.message == "0 of 2 rows are more than 2 creating passes deep; the deepest is 2"


def test_rows_that_a_pass_invented_count_root_by_root(corpus: Any, answer: Answer) -> None:
    made = corpus({"texts": texts("a", "b", "c", "d")}, MADE)
    made.apply()
    result = answer(made, "invented", check="lineage.model_share", max_value=0.9)
    assert (result.status, result.failed, result.numbers["share"]) == ("failed", 1, 1)
    result = answer(made, "mixed", check="lineage.model_share", max_value=0.5)
    assert (result.status, result.message) == ("passed", "4 of 8 rows were made by a model (50%, 50% allowed)")
    result = answer(made, "mixed", check="lineage.synthetic_depth", max_value=0)
    assert (result.failed, result.examined) == (4, 8)
    for dataset in ("invented", "mixed"):
        assert answer(made, dataset, check="lineage.producers").status == "passed"
        assert answer(made, dataset, check="lineage.fresh").status == "passed"


def test_what_makes_no_sense_is_refused(corpus: Any, answer: Answer) -> None:
    made = corpus({"texts": texts("a")})
    made.apply()
    for check, wrong in (("lineage.synthetic_depth", -1), ("lineage.model_share", 1.5)):
        with pytest.raises(UsageError, match="max_value"):
            answer(made, "texts", check=check, max_value=wrong)
    with pytest.raises(UsageError, match="there is no column 'txt'"):
        answer(made, "texts", check="lineage.model_share", max_value=1, column="txt")
