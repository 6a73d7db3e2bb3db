"""Row sets end to end: ranked, compared and mixed; nothing without a value chosen; re-admitted by a better score."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmreg.errors import FilterError, SpecError, UsageError
from mmreg.registry.api import Registry

HEAD = """
version: 1
project: sets
lake: {lake}
datasets:
  notes:
    source: {{type: jsonl, path: notes.jsonl}}
    identity: [text]
    columns: {{text: {{type: text}}, rank: {{type: float, nullable: true}}, own: {{type: int, nullable: true}}}}
  more:
    source: {{type: jsonl, path: more.jsonl}}
    identity: [text]
    columns: {{text: {{type: text}}, rank: {{type: float, nullable: true}}}}
passes:
"""

SCORED = '''
import os, pathlib
import pyarrow as pa


class Score:
    """How much a note says, as its model has it: the param ``scale``. Notes each call."""

    version = "1"
    kind, scope, role = "score", "row", "evaluator"
    inputs = {"text": "text"}

    def __init__(self, recipe):
        self.scale = recipe.params.get("scale", 1)

    def outputs(self):
        return pa.schema([("score", pa.float64())])

    def open(self):
        pass

    def __call__(self, batch):
        texts = batch.column("text").to_pylist()
        with pathlib.Path(os.environ["CALLS"]).open("a") as file:
            file.writelines(f"{self.scale} {text}\\n" for text in texts)
        return pa.record_batch({"score": pa.array([int(t[1:]) * self.scale % 10 / 10 for t in texts], pa.float64())})
'''


class Place:
    """A project of notes ``n0`` ... with ranks, and other notes ``m0`` ..."""

    def __init__(self, small: Any) -> None:
        self.small = small
        (small.folder / "scored.py").write_text(SCORED)

    def write(self, file: str, ranks: dict[str, float | None]) -> None:
        lines = [json.dumps({"text": text, "rank": rank}) for text, rank in ranks.items()]
        (self.small.folder / file).write_text("".join(line + "\n" for line in lines))

    def declare(self, passes: str) -> None:
        (self.small.folder / "mmreg.yaml").write_text(HEAD.format(lake='"./lake"') + passes)

    def apply(self, *select: str) -> dict[str, str]:
        return {step.name: step.message for step in self.small.apply(*select).steps}

    def open(self) -> Registry:
        opened: Registry = self.small.open()
        return opened

    def texts(self, ref: str) -> list[str]:
        found: list[str] = self.open().open_version(ref).to_arrow(["text"])["text"].to_pylist()
        return found

    def ids(self, ref: str) -> dict[str, str]:
        table = self.open().open_version(ref).to_arrow(["text", "sample_id"])
        ids = (sample.hex() for sample in table["sample_id"].to_pylist())
        return dict(zip(table["text"].to_pylist(), ids, strict=True))


@pytest.fixture
def place(project: Callable[..., Any]) -> Place:
    place = Place(project(images=0))
    place.write("notes.jsonl", {f"n{i}": float(i) for i in range(10)})
    place.write("more.jsonl", {f"m{i}": float(i) for i in range(6)})
    return place


def test_top_and_band_rank_the_rows_that_the_predicate_leaves(place: Place) -> None:
    place.write("notes.jsonl", {f"n{i}": float(i) for i in range(8)} | {"none": None})
    place.declare("""
  best: {from: notes, into: best, use: filter, top: {column: rank, fraction: 0.25}}
  three: {from: notes, into: three, use: filter, where: rank < 6, top: {column: rank, rows: 3}}
  middle: {from: notes, into: middle, use: filter, band: {column: rank, low: 0.25, high: 0.75}}
  lowest: {from: middle, into: lowest, use: filter, band: {column: rank, high: 0.5}}
  few: {from: notes, into: few, use: filter, top: {column: rank, fraction: 0.5}, sample: {rows: 2, seed: 3}}
""")
    place.apply()
    assert place.texts("best") == ["n6", "n7"]
    assert place.texts("three") == ["n3", "n4", "n5"]
    assert place.texts("middle") == ["n2", "n3", "n4", "n5"]
    assert place.texts("lowest") == ["n2", "n3"]
    assert len(place.texts("few")) == 2 and set(place.texts("few")) <= {"n4", "n5", "n6", "n7"}
    shown = place.open().show("best")
    assert shown.dropped == {"top: rank has no value": 1, "top: rank is not among the top 0.25": 6}


def test_rows_are_ranked_by_numbers_only(place: Place) -> None:
    place.declare("  best: {from: notes, into: best, use: filter, top: {column: text, rows: 3}}\n")
    with pytest.raises(UsageError, match="pass best: rows are ranked by numbers or times, and 'text' is string"):
        place.apply()


def test_set_algebra_over_derived_datasets_of_one_root(place: Place) -> None:
    place.declare("""
  low: {from: notes, into: low, use: filter, where: rank < 6}
  high: {from: notes, into: high, use: filter, where: rank > 3}
  odd: {from: notes, into: odd, use: filter, where: rank % 2 = 1}
  both: {from: notes, into: both, use: filter, all_of: [low, high]}
  either: {from: notes, into: either, use: filter, any_of: [odd, both], none_of: [low], where: rank < 9}
""")
    place.apply()
    assert place.texts("both") == ["n4", "n5"]
    assert place.texts("either") == ["n7"]
    dropped = place.open().show("either").dropped
    assert dropped == {"any_of: in none of odd, both": 4, "none_of: in low": 4, "where: rank < 9": 1}
    assert {step.outcome for step in place.small.apply().steps} == {"unchanged"}
    inputs = {told.ref for told in place.open().runs("select")[0].inputs}
    assert {"notes@v1", "low@v1", "odd@v1", "both@v1"} == inputs


def test_datasets_without_a_root_in_common_cannot_be_compared(place: Place) -> None:
    place.declare("""
  other: {from: more, into: other, use: filter}
  odd: {from: notes, into: odd, use: filter, none_of: [other]}
""")
    with pytest.raises(SpecError, match="'other' has rows of more, 'notes' of notes: they have none in common"):
        place.apply()


def test_a_mixture_is_read_over_all_its_roots(place: Place) -> None:
    place.declare("""
  low: {from: notes, into: low, use: filter, where: rank < 6}
  mixed: {into: mixed, use: mix, datasets: {low: 3, more: 1}, sample: {rows: 4, seed: 1}}
  parts: {from: mixed, into: parts, use: split, params: {test: 0.5, seed: 2}}
  good: {from: mixed, into: good, use: filter, where: rank >= 1}
""")
    place.apply()
    texts = place.texts("mixed")
    assert [text[0] for text in texts] == ["n", "n", "n", "m"]
    registry = place.open()
    reader = registry.open_version("mixed")
    assert reader.schema.names == ["sample_id", "text", "rank"]  # `own` is in one root only
    with pytest.raises(FilterError, match="a mixture has the columns of all its roots, and of these only notes has it"):
        reader.to_arrow(["own"])
    with pytest.raises(UsageError, match=r"mixed@v1 has rows of several roots \(notes, more\)"):
        reader.row_ids()
    assert [row["text"] for row in registry.head("mixed", 2)] == texts[:2]
    assert [row["text"] for row in registry.query("mixed", where="rank >= 0", columns=["text"], limit=4)] == texts
    loaded = pickle.loads(pickle.dumps(reader.torch(["text"], batch_size=3)))  # as a worker of a DataLoader gets it
    batches = list(loaded)
    assert len(loaded) == 2
    assert [batch.num_rows for batch in batches] == [3, 1]
    assert [text for batch in batches for text in batch.column("text").to_pylist()] == texts
    split = [registry.open_version("parts", part).to_arrow(["text"])["text"].to_pylist() for part in ("train", "test")]
    assert sorted(split[0] + split[1]) == sorted(texts)
    assert place.texts("good") == [text for text in texts if int(text[1:]) >= 1]
    detail = registry.show("mixed")
    assert detail.roots == ("notes@v1", "more@v1")
    assert [(s.dataset, s.weight, s.achieved, s.rows, s.supply) for s in detail.mix] == [
        ("low", 0.75, 0.75, 3, 6),
        ("more", 0.25, 0.25, 1, 6),
    ]
    assert {step.outcome for step in place.small.apply().steps} == {"unchanged"}


def test_a_mixture_takes_as_many_as_can_be_had_and_says_where_that_was_less(place: Place) -> None:
    place.declare("""
  most: {into: most, use: mix, datasets: {notes: 0.5, more: 0.5}}
  half: {into: half, use: mix, datasets: {notes: 0.5, more: 0.5}, sample: {fraction: 0.5}}
  scarce: {into: scarce, use: mix, datasets: {notes: 0.5, more: 0.5}, sample: {rows: 16}}
""")
    place.apply()
    registry = place.open()
    assert [(s.rows, s.achieved) for s in registry.show("most").mix] == [(6, 0.5), (6, 0.5)]
    assert [(s.rows, s.achieved) for s in registry.show("half").mix] == [(3, 0.5), (3, 0.5)]
    scarce = registry.show("scarce").mix
    assert [(s.wanted, s.rows) for s in scarce] == [(8, 8), (8, 6)]
    assert [round(s.achieved, 3) for s in scarce] == [0.571, 0.429]
    assert set(place.texts("half")) <= set(place.texts("most"))


def test_a_sample_that_several_roots_have_is_in_a_mixture_once(place: Place) -> None:
    place.write("more.jsonl", {"n0": 0.0, "n1": 1.0, "m2": 2.0})
    place.declare("""
  odd: {from: notes, into: odd, use: filter, where: rank % 2 = 1}
  mixed: {into: mixed, use: mix, datasets: {odd: 1, notes: 1, more: 1}, sample: {rows: 30}}
""")
    place.apply()
    assert sorted(place.texts("mixed")) == [f"m{2}", *(f"n{i}" for i in range(10))]
    assert [s.supply for s in place.open().show("mixed").mix] == [5, 5, 1]


def test_a_column_pass_cannot_run_on_a_mixture(place: Place) -> None:
    place.declare("""
  mixed: {into: mixed, use: mix, datasets: {notes: 1, more: 1}}
  score: {from: mixed, use: "scored:Score", inputs: {text: text}}
""")
    with pytest.raises(SpecError, match="'mixed' mixes rows of several roots"):
        place.apply()


def test_checks_trainings_and_diffs_take_a_mixture(place: Place, tmp_path: Path) -> None:
    declared = """
  mixed: {into: mixed, use: mix, datasets: {notes: 1, more: 1}, sample: {rows: ROWS}}
checks:
  mixed:
    - {check: not_null, column: rank}
    - {check: unique, column: text}
"""
    place.declare(declared.replace("ROWS", "4"))
    place.apply()
    registry = place.open()
    assert registry.promote("mixed").ok
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"weights")
    registry.train_record("fit", ["mixed@v1"], weights)
    for name in ("mixed", "notes", "more"):
        assert f"mmreg-{registry.latest(name).uuid}" in registry.lake.table(name).tags.list()
    place.declare(declared.replace("ROWS", "8"))
    place.apply()
    registry = place.open()
    found = registry.diff("mixed@v1", "mixed@v2")
    assert (found.samples_added, found.samples_removed) == (4, 0)
    assert found.selection is not None
    assert (found.selection.kept, found.selection.readmitted) == (4, 4)
    assert found.selection.readmitted_reasons == {"mix: not drawn for notes": 2, "mix: not drawn for more": 2}
    assert set(place.texts("mixed@v1")) < set(place.texts("mixed@v2"))


def test_rows_are_readmitted_by_another_threshold_and_by_a_better_score(place: Place) -> None:
    declared = """
  score: {from: notes, use: "scored:Score", inputs: {text: text}, outputs: {score: score}, params: {scale: SCALE}}
  keep: {from: notes, into: train, use: filter, where: score >= LEAST}
"""
    place.declare(declared.replace("SCALE", "1").replace("LEAST", "0.5"))
    place.apply()
    assert place.texts("train@v1") == ["n5", "n6", "n7", "n8", "n9"]
    place.declare(declared.replace("SCALE", "1").replace("LEAST", "0.3"))
    place.apply()
    assert place.texts("train@v2") == [f"n{i}" for i in range(3, 10)]
    # Another model: what the first one held to be good is bad, and the other way round.
    place.declare(declared.replace("SCALE", "9").replace("LEAST", "0.3"))
    place.apply()
    assert place.texts("train@v3") == [f"n{i}" for i in range(1, 8)]
    registry = place.open()
    found = registry.diff("train@v2", "train@v3").selection
    assert found is not None
    assert (found.kept, found.dropped, found.readmitted, found.new, found.gone) == (5, 2, 2, 0, 0)
    assert found.dropped_reasons == {"where: score >= 0.3": 2}
    assert found.readmitted_reasons == {"where: score >= 0.3": 2}
    place.write("notes.jsonl", {f"n{i}": float(i) for i in (*range(1, 7), 12)})
    place.apply()
    found = place.open().diff("train@v3", "train@v4").selection
    assert found is not None
    assert (found.kept, found.dropped, found.readmitted, found.new, found.gone) == (6, 0, 0, 1, 1)
    assert {step.outcome for step in place.small.apply().steps} == {"unchanged"}


def test_rescored_cells_show_through_a_selection_that_keeps_the_same_rows(place: Place) -> None:
    declared = """
  score: {from: notes, use: "scored:Score", inputs: {text: text}, outputs: {score: score}, params: {scale: SCALE}}
  keep: {from: notes, into: train, use: filter, where: score >= 0}
"""
    place.declare(declared.replace("SCALE", "1"))
    place.apply()
    place.declare(declared.replace("SCALE", "3"))
    assert "the same 10 rows, with the cells that they have now" in place.apply()["keep"]
    read = [place.open().open_version(ref).to_arrow(["score"])["score"].to_pylist() for ref in ("train@v1", "train@v2")]
    assert read[0] == [i / 10 for i in range(10)]
    assert read[1] == [i * 3 % 10 / 10 for i in range(10)]
    assert {step.outcome for step in place.small.apply().steps} == {"unchanged"}


def test_a_pass_over_a_selection_is_sparse_and_survives_reselection(place: Place) -> None:
    declared = """
  keep: {from: notes, into: train, use: filter, where: rank WHICH}
  score: {from: train, use: "scored:Score", inputs: {text: text}, outputs: {score: score}}
"""
    for which in (">= 6", ">= 4", "< 5", ">= 6"):
        place.declare(declared.replace("WHICH", which))
        place.apply()
        assert {step.outcome for step in place.small.apply().steps} == {"unchanged"}
    calls = [line.split()[1] for line in place.small.calls()]
    assert sorted(calls) == [f"n{i}" for i in range(10)]  # 6-9, then 4-5, then 0-3, then nobody
    scores = place.open().open_version("notes@latest").to_arrow(["score"])["score"].to_pylist()
    assert scores == [i / 10 for i in range(10)]
    assert place.texts("train@latest") == ["n6", "n7", "n8", "n9"]
    assert place.open().open_version("train@latest").to_arrow(["score"])["score"].null_count == 0


def test_a_copied_lake_answers_the_same_of_a_mixture(
    place: Place, answers: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    place.declare("""
  low: {from: notes, into: low, use: filter, where: rank < 6}
  mixed: {into: mixed, use: mix, datasets: {low: 3, more: 1}}
  parts: {from: mixed, into: parts, use: split, params: {test: 0.5}}
""")
    place.apply()
    before, told = answers(place.open()), place.open().why("parts", place.ids("more")["m0"])
    copy = place.small.copy(tmp_path / "copy")
    for file in (copy.folder / ".mmreg").glob("catalog.db*"):
        file.unlink()
    (place.small.folder / "lake").rename(place.small.folder / "away")
    assert answers(copy.open()) == before
    assert copy.open().why("parts", told.sample_id) == told
    assert copy.open().doctor().ok
