"""Passes that make rows: a root of their own, whose rows come and go with their parents, and which others can read."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lance
import pytest

from mmreg.curation.plan import plan
from mmreg.curation.status import status
from mmreg.errors import UsageError
from mmreg.schemas.arrow import MADE_FOR

DECLARATION = """
version: 1
project: making
lake: {lake}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    identity: [caption]
    columns:
      image: {{type: image}}
      caption: {{type: text, nullable: true}}
passes:
  split_up: {{from: pairs, into: words, use: "making:Split", inputs: {{text: caption}}, outputs: {{word: word}}}}
  letters:  {{from: words, use: "making:Letters", inputs: {{text: word}}, outputs: {{n_letters: n_letters}}}}
  long:     {{from: words, into: long_words, use: filter, where: "n_letters > 3"}}
  ask:      {{from: pairs, into: questions, use: "making:Ask", inputs: {{text: caption}}, params: {{about: colour}}}}
checks:
  words:
    - {{check: not_null, column: word}}
    - {{check: unique, column: sample_id}}
"""

MAKING = '''
import os, pathlib
import pyarrow as pa


def note(line):
    with pathlib.Path(os.environ["CALLS"]).open("a") as file:
        file.write(line + "\\n")


class Base:
    version = "1"
    kind, scope, role = "score", "row", "evaluator"
    inputs = {"text": "text"}

    def __init__(self, recipe):
        self.params = recipe.params

    def open(self):
        pass


class Split(Base):
    """A row for each word; a caption of more than four is too much."""

    kind, role, makes_rows = "map", "mapper", True

    def outputs(self):
        return pa.schema([("word", pa.string()), ("place", pa.int32())])

    def __call__(self, batch):
        rows = []
        for row, text in enumerate(batch.column("text").to_pylist()):
            note(f"Split {text}")
            words = text.split()
            if len(words) > 4:
                rows.append({"_row": row, "error": "too_long: more than four words"})
            else:
                rows += [{"_row": row, "word": word, "place": place} for place, word in enumerate(words)]
        rows.reverse()  # in whatever order
        return pa.RecordBatch.from_pylist(
            rows, pa.schema({"_row": pa.int32(), "word": pa.string(), "place": pa.int32(), "error": pa.string()})
        )


class Letters(Base):
    def outputs(self):
        return pa.schema([("n_letters", pa.int32())])

    def __call__(self, batch):
        texts = batch.column("text").to_pylist()
        for text in texts:
            note(f"Letters {text}")
        return pa.record_batch({"n_letters": pa.array([len(text) for text in texts], pa.int32())})


class Ask(Base):
    """One question about each caption, and one that was made from a topic."""

    kind, role = "create", "creator"

    def outputs(self):
        return pa.schema([("question", pa.string())])

    def __call__(self, batch):
        rows = []
        for row, text in enumerate(batch.column("text").to_pylist()):
            rows.append({"_row": row, "question": f"What is {text}?", "origin": None})
            rows.append({"_row": row, "question": f"Which {self.params['about']}?", "origin": self.params["about"]})
        return pa.RecordBatch.from_pylist(
            rows, pa.schema({"_row": pa.int32(), "question": pa.string(), "origin": pa.string()})
        )
'''


@pytest.fixture
def making(project: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Three pictures with captions of one, two and three words."""
    monkeypatch.delitem(sys.modules, "making", raising=False)
    small = project(images=0, declaration=DECLARATION)
    (small.folder / "making.py").write_text(MAKING)
    for number, caption in enumerate(("red", "green field", "very blue sea")):
        small.draw(str(number), caption)
    return small


def rows(small: Any, dataset: str, *columns: str) -> list[tuple[Any, ...]]:
    found = small.open().query(f"{dataset}@latest", columns=list(columns))
    return sorted(tuple(row[column] for column in columns) for row in found)


def new_calls(small: Any) -> list[str]:
    log = small.folder / "calls.log"
    lines: list[str] = log.read_text().splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return sorted(lines)


def captions(small: Any) -> dict[str, str]:
    return {row["sample_id"]: row["caption"] for row in small.open().query("pairs@latest")}


def parents(small: Any, dataset: str, column: str) -> dict[str, str | None]:
    """For each new row the caption of its parent."""
    of = captions(small)
    found = small.open().query(f"{dataset}@latest", columns=[column, "parent"])
    return {row[column]: row["parent"] and of[row["parent"]["sample_id"]] for row in found}


def test_rows_of_their_own_with_parents_that_other_passes_read(making: Any) -> None:
    first = [step.name for step in plan(making.open()).steps]
    assert first.index("split_up") < first.index("letters") < first.index("long")
    report = {step.name: step for step in making.apply().steps}
    assert (report["split_up"].computed, report["letters"].computed) == (3, 6)
    assert rows(making, "words", "word", "place", "n_letters") == [
        ("blue", 1, 4), ("field", 1, 5), ("green", 0, 5), ("red", 0, 3), ("sea", 2, 3), ("very", 0, 4),
    ]  # fmt: skip
    assert parents(making, "words", "word") == {
        "red": "red", "green": "green field", "field": "green field",
        "very": "very blue sea", "blue": "very blue sea", "sea": "very blue sea",
    }  # fmt: skip
    assert rows(making, "long_words", "word") == [("blue",), ("field",), ("green",), ("very",)]
    assert {step.outcome for step in making.apply().steps} == {"unchanged"}


def test_it_is_a_dataset_like_any_other(making: Any) -> None:
    making.apply()
    registry = making.open()
    shown = registry.show("words@latest")
    assert (shown.kind, shown.rows) == ("root", 6)
    assert [summary.rows for summary in registry.ls() if summary.name == "words"] == [6]
    assert [entry.job for entry in registry.log("words")] == ["pass letters", "pass split_up"]
    [report] = registry.validate("words@latest")
    assert report.ok and len(report.results) == 2
    edges = {(edge.source, edge.target) for edge in registry.lineage("long_words@latest").edges}
    nodes = {node.id: node.ref for node in registry.lineage("long_words@latest").nodes}
    refs = {ref.partition("@")[0] for ref in nodes.values()}
    assert {"pairs", "words", "long_words"} <= refs and edges
    found = {one.name: one for one in status(registry).passes}
    assert (found["split_up"].done, found["split_up"].dataset, found["letters"].done) == (3, "pairs", 6)
    table = lance.dataset(str(making.folder / "lake" / "words.lance"))
    assert table.schema.field(MADE_FOR.name).type == MADE_FOR.type
    assert set(table.to_table(columns=["origin"])["origin"].to_pylist()) == {
        f"split_up@{next(iter(found['split_up'].generations))}"
    }


def test_children_are_replaced_with_their_parents_and_others_stay(making: Any) -> None:
    making.apply()
    ids = dict(rows(making, "words", "word", "sample_id"))
    new_calls(making)
    making.draw("3", "new sea")
    making.erase("1")
    report = {step.name: step for step in making.apply().steps}
    assert report["split_up"].computed == 1
    assert new_calls(making) == ["Letters new", "Split new sea"]  # "sea" was answered before
    assert [word for (word,) in rows(making, "words", "word")] == ["blue", "new", "red", "sea", "sea", "very"]
    again = {word: i for word, i in rows(making, "words", "word", "sample_id") if word in ("red", "very", "blue")}
    assert again == {word: ids[word] for word in again}
    assert {step.outcome for step in making.apply().steps} == {"unchanged"}


def test_vanished_parents_take_their_children_with_them(making: Any) -> None:
    """Also where nothing is left to compute."""
    making.apply()
    new_calls(making)
    making.erase("2")
    making.apply("pairs")
    planned = {step.name: step for step in plan(making.open(), ["split_up"]).steps}
    assert planned["split_up"].action == "run"
    making.apply()
    assert new_calls(making) == []
    assert [word for (word,) in rows(making, "words", "word")] == ["field", "green", "red"]
    assert {step.outcome for step in making.apply().steps} == {"unchanged"}


def test_a_changed_recipe_makes_all_of_them_anew(making: Any) -> None:
    making.apply()
    before = rows(making, "words", "sample_id", "word", "origin")
    code = making.folder / "making.py"
    code.write_text(code.read_text().replace('"word": word, "place"', '"word": word.upper(), "place"').replace(
        'kind, role, makes_rows = "map"', 'version = "2"\n    kind, role, makes_rows = "map"'))  # fmt: skip
    sys.modules.pop("making")
    making.apply("split_up")
    after = rows(making, "words", "sample_id", "word", "origin")
    assert [(i, word.upper()) for i, word, _ in before] == [(i, word) for i, word, _ in after]
    assert {origin for *_, origin in before} & {origin for *_, origin in after} == set()
    old = making.open().query("words@v1", columns=["word"])
    assert sorted(row["word"] for row in old) == sorted(word for _, word, _ in before)


def test_a_parent_that_fails_has_an_error_and_no_children(making: Any) -> None:
    making.draw("2", "very blue sea")
    making.draw("9", "one two three four five")
    report = {step.name: step for step in making.apply().steps}
    assert (report["split_up"].computed, report["split_up"].errors) == (4, 1)
    assert len(rows(making, "words", "word")) == 6
    state = lance.dataset(str(making.folder / "lake" / "pairs.lance")).to_table(columns=["_mmreg_split_up"])
    errors = [cell["error"] for cell in state["_mmreg_split_up"].to_pylist()]
    assert sorted(filter(None, errors)) == ["too_long: more than four words"]


def test_created_rows_have_a_parent_or_say_what_else_they_come_from(making: Any) -> None:
    making.apply("pairs", "ask")
    assert parents(making, "questions", "question") == {
        "What is red?": "red", "What is green field?": "green field", "What is very blue sea?": "very blue sea",
        "Which colour?": None,
    }  # fmt: skip
    origins = {origin.partition(": ")[2] for (origin,) in rows(making, "questions", "origin")}
    assert origins == {"", "colour"}
    making.erase("0")
    making.apply("pairs", "ask")
    assert len(rows(making, "questions", "question")) == 4


KILLED = """
import os, signal, sys
from mmreg.curation import make_rows
from mmreg.curation.apply import apply
from mmreg.registry.api import Registry
from mmreg.registry.workspace import Workspace


def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)


match sys.argv[1]:
    case "before any commit":
        make_rows.publish = die
    case "before the rows are recorded":
        Workspace.record = die
    case "between the commits":
        make_rows.ColumnsBuilder = die
    case "before the stage is cleared":
        make_rows.RowStage.clear = die
apply(Registry.open("."), ["split_up"])
"""


def kill(small: Any, moment: str) -> None:
    process = small.python(KILLED, moment)
    _, said = process.communicate()
    assert process.returncode == -signal.SIGKILL, said


@pytest.mark.parametrize(
    ("moment", "versions"),
    [
        ("before any commit", 1),
        ("before the rows are recorded", 2),
        ("between the commits", 2),
        ("before the stage is cleared", 2),
    ],
)
def test_killed_anywhere_it_is_repaired_by_repeating_without_a_call(making: Any, moment: str, versions: int) -> None:
    making.apply("pairs")
    kill(making, moment)
    assert len(new_calls(making)) == 3
    making.draw("4", "one more")
    making.apply("pairs")
    made = {step.name: step for step in making.apply("split_up").steps}
    assert made["split_up"].computed == 1
    assert new_calls(making) == ["Split one more"]
    assert len(rows(making, "words", "word")) == 8
    assert {step.outcome for step in making.apply("split_up").steps} == {"unchanged"}
    assert len(making.open().log("words")) == versions
    assert making.open().doctor().findings == ()


def test_nothing_made_is_an_empty_dataset(project: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "making", raising=False)
    small = project(images=0, declaration=DECLARATION.replace("max_error_rate: 0.5", "max_error_rate: 1"))
    (small.folder / "making.py").write_text(MAKING.replace("len(words) > 4", "False").replace("text.split()", "[]"))
    small.draw("0", "nothing of it")
    report = {step.name: step for step in small.apply().steps}
    assert (report["split_up"].outcome, report["letters"].outcome) == ("published", "unchanged")
    assert rows(small, "words", "word") == []
    assert {step.outcome for step in small.apply("pairs", "split_up", "letters").steps} == {"unchanged"}


def test_another_name_for_the_rows_is_another_dataset(making: Any) -> None:
    """The state says that every row is done, but nothing is there."""
    making.apply("pairs", "split_up")
    new_calls(making)
    file = making.folder / "mmreg.yaml"
    file.write_text(file.read_text().replace("words", "tokens"))
    making.apply("split_up")
    assert len(new_calls(making)) == 3
    assert len(rows(making, "tokens", "word")) == 6
    assert {step.outcome for step in making.apply("split_up").steps} == {"unchanged"}


def test_a_dropped_dataset_that_is_declared_again_is_there_again(making: Any) -> None:
    from mmreg.curation.drop import drop

    making.apply("pairs", "split_up")
    new_calls(making)
    file = making.folder / "mmreg.yaml"
    text = file.read_text()
    file.write_text(text[: text.index("passes:")])
    drop(making.open(), "words")
    assert "words" not in [summary.name for summary in making.open().ls()]
    file.write_text(text)
    making.apply("split_up")
    assert "words" in [summary.name for summary in making.open().ls()]
    assert new_calls(making) == []


def test_only_rows_of_a_derived_dataset_have_children(making: Any) -> None:
    file = making.folder / "mmreg.yaml"
    some = "passes:\n  some: {from: pairs, into: some, use: filter, where: \"caption != 'red'\"}"
    text = file.read_text().replace("passes:", some)
    file.write_text(text.replace("split_up: {from: pairs", "split_up: {from: some"))
    making.apply("pairs", "some", "split_up")
    assert [word for (word,) in rows(making, "words", "word")] == ["blue", "field", "green", "sea", "very"]
    assert {step.outcome for step in making.apply("split_up").steps} == {"unchanged"}


def test_where_the_rows_go_has_to_be_said(making: Any) -> None:
    file = making.folder / "mmreg.yaml"
    text = file.read_text()
    nowhere = text[: text.index("checks:")].replace("into: words, ", "").replace("from: words", "from: pairs")
    file.write_text(nowhere.replace("text: word}", "text: caption}"))
    with pytest.raises(UsageError, match="makes rows of their own: say which dataset that is"):
        making.apply("pairs", "split_up")
    file.write_text(text.replace("letters:  {from: words,", "letters:  {from: words, into: more,"))
    with pytest.raises(UsageError, match="is of kind 'score' and makes columns, no dataset 'more'"):
        making.apply("pairs", "split_up", "letters")


def test_other_columns_are_refused(making: Any) -> None:
    making.apply("pairs", "split_up")
    file = making.folder / "mmreg.yaml"
    file.write_text(file.read_text().replace("outputs: {word: word}", "outputs: {word: token}"))
    with pytest.raises(UsageError, match="makes the column 'token' as string now, but in words it is absent"):
        making.apply("split_up")


def test_a_sample_of_what_would_be_made_is_not_paid_for_again(making: Any) -> None:
    making.apply("pairs")
    os.environ["CALLS"] = str(making.folder / "calls.log")
    (step, *_) = plan(making.open(), ["split_up"], sample=2).steps
    assert step.sample is not None and step.sample.rows == 2
    assert len(new_calls(making)) == 2
    making.apply("split_up")
    assert len(new_calls(making)) == 1
    assert len(rows(making, "words", "word")) == 6


def test_the_doctor_makes_a_run_whole_that_was_killed_between_its_commits(making: Any) -> None:
    making.apply("pairs")
    kill(making, "between the commits")
    found = {one.name: one for one in status(making.open()).passes}
    assert (found["split_up"].done, found["split_up"].missing) == (0, 3)
    assert "derived_behind" in [finding.code for finding in making.open().doctor().findings]
    found = {one.name: one for one in status(making.open()).passes}
    assert (found["split_up"].done, found["split_up"].missing) == (3, 0)
    new_calls(making)
    making.apply("split_up")
    assert new_calls(making) == []
    assert making.open().doctor().findings == ()


def test_what_is_staged_later_is_no_second_half_of_an_earlier_run(making: Any) -> None:
    """A run that only removed rows has one commit; the next one is killed before it has any."""
    making.apply("pairs", "split_up")
    making.erase("2")
    making.apply("pairs", "split_up")
    making.draw("5", "a later one")
    making.apply("pairs")
    kill(making, "before any commit")
    making.open().doctor()
    new_calls(making)
    making.apply("split_up")
    assert new_calls(making) == []
    assert [word for (word,) in rows(making, "words", "word")] == ["a", "field", "green", "later", "one", "red"]


def test_a_made_cell_that_somebody_overwrote_is_seen(making: Any) -> None:
    file = making.folder / "mmreg.yaml"
    single = "    - {check: lineage.single_generation, column: word}\n"
    file.write_text(file.read_text() + single)
    making.apply()
    [report] = making.open().validate("words@latest")
    assert report.ok
    lance.dataset(str(making.folder / "lake" / "words.lance")).update({"word": "'forged'"}, where="word = 'sea'")
    making.open().doctor()
    [report] = making.open().validate("words@latest")
    assert not report.ok
    assert "1 overwritten since" in str(report.results[-1].message)


def test_a_pass_that_makes_rows_and_its_dataset_are_dropped_apart(making: Any) -> None:
    from mmreg.curation.drop import drop

    making.apply("pairs", "split_up")
    file = making.folder / "mmreg.yaml"
    text = file.read_text()
    file.write_text(text[: text.index("passes:")])
    drop(making.open(), "split_up")
    assert "_mmreg_split_up" not in making.open().newest("pairs").table.schema.names
    assert len(rows(making, "words", "word")) == 6


def test_siblings_share_a_split(making: Any) -> None:
    file = making.folder / "mmreg.yaml"
    parts = "  parts: {from: words, into: parts, use: split, params: {test: 0.5, group: parent, seed: 3}}\nchecks:"
    file.write_text(file.read_text().replace("checks:", parts))
    for number in range(10, 30):
        making.draw(f"{number}", f"left{number} right{number}")
    making.apply("pairs", "split_up", "parts")
    registry = making.open()
    of = {
        split: {
            row["parent"]["sample_id"]
            for row in registry.open_version("parts@latest", split).to_arrow(["parent"]).to_pylist()
        }
        for split in ("train", "test")
    }
    assert of["train"] and of["test"] and not of["train"] & of["test"]


def test_a_renamed_or_copied_parent_takes_over_what_was_made(making: Any) -> None:
    """Where the address belongs to the identity, these are new samples."""
    file = making.folder / "mmreg.yaml"
    file.write_text(file.read_text().replace("identity: [caption]", "identity: [source]"))
    making.apply("pairs", "split_up", "ask")
    new_calls(making)
    before = rows(making, "words", "word", "place")
    for suffix in ("png", "txt"):
        (making.folder / "images" / f"2.{suffix}").rename(making.folder / "images" / f"moved.{suffix}")
    making.draw("copy", "green field")
    report = {step.name: step for step in making.apply("pairs", "split_up", "ask").steps}
    assert (report["split_up"].computed, new_calls(making)) == (0, [])
    assert rows(making, "words", "word", "place") == sorted([*before, ("green", 0), ("field", 1)])
    of = {i for (i,) in rows(making, "pairs", "sample_id")}
    assert {row["parent"]["sample_id"] for row in making.open().query("words@latest")} == of
    assert len(rows(making, "questions", "question")) == 8
    assert {origin.partition(": ")[2] for (origin,) in rows(making, "questions", "origin")} == {"", "colour"}
    assert {step.outcome for step in making.apply("pairs", "split_up", "ask").steps} == {"unchanged"}


def test_nothing_of_it_is_taken_for_undeclared_and_a_copy_answers_the_same(
    making: Any, answers: Callable[..., Any], tmp_path: Path
) -> None:
    report = {step.name: step for step in making.apply().steps}
    assert (report["split_up"].ref, report["split_up"].rows) == ("words@v1", 6)
    assert report["split_up"].message == "words@v1  3 rows of pairs computed"
    assert {step.action for step in plan(making.open()).steps} == {"nothing"}
    before = answers(making.open())
    elsewhere = making.copy(tmp_path / "elsewhere")
    shutil.rmtree(elsewhere.folder / ".mmreg")
    shutil.rmtree(making.folder)
    assert answers(elsewhere.open()) == before
