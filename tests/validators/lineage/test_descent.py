"""What a version owes to others: data, and models that were trained on data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mmreg.errors import NotFound
from mmreg.schemas.check import CheckResult

Answer = Callable[..., CheckResult]
PASSES = """
passes:
  size: {from: texts, use: "makers:Length", inputs: {text: text}, model: judge}
  say: {from: texts, use: "makers:Rewrite", inputs: {text: text}}
  keep: {from: texts, into: train, use: filter, where: "length > 1"}
  clear: {from: train, into: clean, use: filter, none_of: [held]}
  held: {from: texts, into: held, use: filter, where: "text = 'ccc'"}
models:
  judge: {uri: judge.bin}
"""


def texts(*words: str) -> list[dict[str, Any]]:
    return [{"text": word} for word in words]


@pytest.fixture
def trained(corpus: Any) -> Callable[..., Any]:
    """A project whose model `judge` was made by ``train(project, weights, on=[...], evaluated=[...])``."""

    def make(passes: str = PASSES) -> Any:
        made = corpus({"texts": texts("a", "bb", "ccc"), "test": texts("x", "y")}, passes)
        made.apply("texts", "test")
        return made

    return make


def train(made: Any, weights: bytes, on: list[str], evaluated: str | None = None, **facts: Any) -> str:
    file = made.folder / "judge.bin"
    file.write_bytes(weights)
    with made.open() as registry, registry.training("clip", on, model="judge", **facts) as job:
        for dataset in [evaluated] if evaluated else []:
            job.evaluate_on(dataset)
        saved = job.save(file)
    digest: str = saved.digest
    return digest


def test_a_model_that_was_trained_on_it_taints_what_it_scored(trained: Any, answer: Answer) -> None:
    made = trained()
    digest = train(made, b"1", on=["test"])
    made.apply()
    result = answer(made, "train", check="lineage.not_derived_from", dataset="test")
    assert (result.status, result.examined, result.failed) == ("failed", 1, 1)
    way = f"test@v1 > training clip > model judge@{digest[:12]} > pass size > "
    assert result.message.startswith(f"it comes from test@v1: {way}"), result.message
    assert result.message.endswith("> train@v1")
    assert answer(made, "texts", check="lineage.not_derived_from", dataset="test@v1").failed == 1


def test_what_a_model_was_evaluated_on_is_no_taint_but_what_it_began_from_is(trained: Any, answer: Answer) -> None:
    made = trained()
    train(made, b"1", on=["texts@v1"], evaluated="test")
    made.apply()
    assert answer(made, "train", check="lineage.not_derived_from", dataset="test").status == "passed"
    assert answer(made, "train", check="lineage.not_derived_from", dataset="texts").failed == 1
    tainted = train(made, b"2", on=["test"])
    train(made, b"3", on=["texts@v1"], init_from=f"judge@{tainted}")
    made.apply()
    result = answer(made, "texts", check="lineage.not_derived_from", dataset="test")
    assert result.failed == 1
    assert f"test@v1 > training clip > model judge@{tainted[:12]} > training clip > model judge@" in result.message


def test_a_model_that_has_made_nothing_that_is_left_taints_nothing(trained: Any, answer: Answer) -> None:
    made = trained()
    train(made, b"1", on=["test"])
    made.apply()
    train(made, b"2", on=["texts@v1"])
    made.apply()
    assert answer(made, "texts", check="lineage.not_derived_from", dataset="test").status == "passed"
    train(made, b"3", on=["texts@v3"])  # which had what the first one made
    made.apply()
    assert answer(made, "texts", check="lineage.not_derived_from", dataset="test").failed == 1


def test_one_row_that_it_made_is_enough(trained: Any, answer: Answer, rewrite: Any) -> None:
    made = trained(PASSES.replace("model: judge}", "model: judge, on_change: backfill}"))
    train(made, b"1", on=["test"])
    made.apply()
    train(made, b"2", on=["texts@v1"])
    rewrite(made, "texts", texts("a", "bb", "ccc", "dddd"))
    made.apply()
    assert answer(made, "texts", check="lineage.not_derived_from", dataset="test").failed == 1
    rewrite(made, "texts", texts("dddd", "eeee"))
    made.apply()
    assert answer(made, "texts", check="lineage.not_derived_from", dataset="test").status == "passed"


def test_a_model_that_saw_its_samples_in_another_dataset(trained: Any, answer: Answer) -> None:
    """`held` has one of the three samples of `texts`, and nothing of `test`."""
    made = trained()
    train(made, b"1", on=["texts@v1"])
    made.apply()
    result = answer(made, "clean", check="lineage.not_derived_from", dataset="held")
    assert result.failed == 1
    assert result.message.startswith(
        "it comes from held@v1, of which 1 samples are in texts@v1 > training clip > model "
    )


def test_a_model_that_was_trained_on_the_other_split(trained: Any, answer: Answer) -> None:
    halves = "  parts: {from: texts, into: parts, use: split, params: {test: 0.5, seed: 1}}\n"
    alone = "  {0}s: {{from: parts, into: {0}s, use: filter, split: {0}, where: \"text != 'x'\"}}\n"
    passes = PASSES.replace("models:", f"{halves}{alone.format('train')}{alone.format('test')}models:")
    made = trained(passes)
    made.apply("parts", "trains", "tests")
    with made.open() as registry:
        rows = {name: len(registry.open_version(f"{name}s")) for name in ("train", "test")}
    assert all(rows.values()), rows
    train(made, b"1", on=["parts:train"])
    made.apply("size")
    assert answer(made, "texts", check="lineage.not_derived_from", dataset="tests").status == "passed"
    result = answer(made, "texts", check="lineage.not_derived_from", dataset="trains")
    assert f"of which {rows['train']} samples are in parts@v1 > training clip" in result.message


def test_keeping_clear_of_a_dataset_is_not_coming_from_it(trained: Any, answer: Answer) -> None:
    made = trained()
    train(made, b"1", on=["test"])
    made.apply()
    assert len(made.open().open_version("clean")) == 1
    assert answer(made, "clean", check="lineage.not_derived_from", dataset="held").status == "passed"
    result = answer(made, "clean", check="lineage.not_derived_from", dataset="train")
    assert result.message.endswith("train@v1 > select clear > clean@v1")


def test_a_dataset_that_nobody_knows_is_a_slip(trained: Any, answer: Answer) -> None:
    made = trained()
    with pytest.raises(NotFound, match="tset"):
        answer(made, "texts", check="lineage.not_derived_from", dataset="tset")


def test_models_are_there_by_their_digests(trained: Any, answer: Answer) -> None:
    made = trained()
    train(made, b"1", on=["texts@v1"])
    made.apply()
    result = answer(made, "train", check="lineage.checkpoints")
    assert (result.status, result.examined) == ("passed", 1)
    assert result.message == "0 of 1 models upstream are not what they were"
    weights = made.folder / "judge.bin"
    weights.write_bytes(b"others")
    result = answer(made, "train", check="lineage.checkpoints")
    assert (result.status, result.failed) == ("failed", 1)
    assert "holds other weights" in result.message
    weights.unlink()
    assert "are not at judge.bin" in answer(made, "train", check="lineage.checkpoints").message


def test_models_behind_an_address_pass_and_are_counted(corpus: Any, answer: Answer) -> None:
    served = PASSES.replace("uri: judge.bin", "uri: https://example.org/v1, name: judge, framework: openai")
    made = corpus({"texts": texts("a", "bb", "ccc")}, served)
    made.apply()
    result = answer(made, "texts", check="lineage.checkpoints")
    assert result.status == "passed"
    assert result.message.endswith("; 1 behind an address, of unknown weights")


def test_no_model_is_fine(trained: Any, answer: Answer) -> None:
    made = trained()
    assert answer(made, "test", check="lineage.checkpoints").message == "no model upstream"
