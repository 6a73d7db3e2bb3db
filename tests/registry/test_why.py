"""Why a sample is in a version or is not: the version, the condition and the cells that decided, and since when."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmreg.errors import IntegrityError, NotFound, UsageError
from mmreg.registry.clock import now
from mmreg.registry.derive import publish_selection
from mmreg.registry.runs import new_run_id
from mmreg.registry.selection import Selection
from mmreg.schemas.run import Job, Run, RunState

DECLARATION = """
version: 1
project: told
lake: {lake}
datasets:
  notes:
    source: {{type: jsonl, path: notes.jsonl}}
    identity: [text]
    columns: {{text: {{type: text}}, rank: {{type: float, nullable: true}}, kind: {{type: string}}}}
passes:
  keep: {{from: notes, into: train, use: filter, where: "rank >= 0.28 AND kind IN ('a', 'b')"}}
  parts: {{from: train, into: parts, use: split, params: {{test: 0.5, seed: 1}}}}
  fit: {{from: parts, split: train, into: fit, use: filter, top: {{column: rank, rows: 2}}}}
"""


PICKY = """
import pyarrow as pa


class Picky:
    version = "1"
    kind, scope, role = "filter", "row", "filter"
    inputs = {"text": "text"}

    def __init__(self, recipe):
        pass

    def outputs(self):
        return pa.schema([("keep", pa.bool_()), ("reason", pa.string())])

    def open(self):
        pass

    def __call__(self, batch):
        texts = batch.column("text").to_pylist()
        reasons = [f"style: {text!r} is no word for it" if text == "low" else None for text in texts]
        keep = pa.array([reason is None for reason in reasons])
        return pa.record_batch({"keep": keep, "reason": pa.array(reasons, pa.string())})
"""


class Told:
    def __init__(self, small: Any) -> None:
        self.small = small

    def write(self, *rows: tuple[str, float | None, str]) -> None:
        lines = [json.dumps({"text": text, "rank": rank, "kind": kind}) for text, rank, kind in rows]
        (self.small.folder / "notes.jsonl").write_text("".join(line + "\n" for line in lines))

    def edit(self, old: str, new: str) -> None:
        file: Path = self.small.folder / "mmreg.yaml"
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))

    def id(self, text: str, ref: str = "notes@latest") -> str:
        table = self.small.open().open_version(ref).to_arrow(["text", "sample_id"])
        return str(table["sample_id"][table["text"].to_pylist().index(text)].as_py().hex())

    def why(self, ref: str, text: str) -> Any:
        return self.small.open().why(ref, self.id(text))


@pytest.fixture
def told(project: Callable[..., Any]) -> Told:
    told = Told(project(images=0, declaration=DECLARATION))
    told.write(("good", 0.31, "a"), ("low", 0.21, "a"), ("other", 0.5, "c"), ("none", None, "b"), ("also", 0.4, "b"))
    return told


def test_the_condition_that_failed_is_named_with_its_cell(told: Told) -> None:
    told.small.apply("keep", "notes")
    low = told.why("train", "low")
    assert not low.kept
    assert low.answer == "dropped by train@v1 because rank 0.21 < 0.28"
    (decision,) = low.decisions
    assert (decision.version, decision.reason, decision.values) == ("train@v1", "where: rank >= 0.28", {"rank": 0.21})
    assert decision.run == told.small.open().latest("train").run
    other = told.why("train", "other")
    assert other.answer == "dropped by train@v1 because kind IN ('a', 'b') does not hold (kind 'c')"
    assert told.why("train", "none").answer == "dropped by train@v1 because rank is null, so rank >= 0.28 does not hold"
    good = told.why("train", "good")
    assert good.kept
    assert good.answer == "kept: rank 0.31 >= 0.28 and kind IN ('a', 'b') holds (kind 'a')"
    assert good.decisions[0].values == {"rank": 0.31, "kind": "a"}


def test_a_row_that_is_readmitted_says_what_dropped_it_before(told: Told) -> None:
    told.small.apply("keep", "notes")
    told.edit("rank >= 0.28", "rank >= 0.3")
    told.small.apply("keep", "notes")
    told.edit("rank >= 0.3", "rank >= 0.2")
    told.small.apply("keep", "notes")
    told.edit("kind IN ('a', 'b')", "kind <> 'z'")
    told.small.apply("keep", "notes")
    low = told.why("train", "low")
    assert low.answer.startswith(
        "kept since train@v2: rank 0.21 >= 0.2 and kind 'a' <> 'z'; dropped by train@v1 because"
    )
    assert [(d.version, d.kept) for d in low.history] == [("train@v1", False)]
    assert told.why("train@v1", "low").answer == "dropped by train@v1 because rank 0.21 < 0.28"


def test_a_sample_whose_content_changed_is_still_the_same_sample(told: Told) -> None:
    told.small.apply("keep", "notes")
    told.write(("good", 0.1, "a"), ("low", 0.61, "a"), ("late", 0.9, "a"))
    told.small.apply("keep", "notes")
    assert told.why("train", "low").answer == (
        "kept since train@v2: rank 0.61 >= 0.28 and kind IN ('a', 'b') holds (kind 'a'); "
        "dropped by train@v1 because rank 0.21 < 0.28"
    )
    good = told.why("train", "good")
    assert good.answer.startswith("dropped by train@v2 because rank 0.1 < 0.28; kept by train@v1 because rank 0.31")
    assert told.why("train@v1", "late").answer == "dropped by train@v1 because it was no row of notes then"
    assert told.why("train", "late").history == ()
    gone = told.small.open().why("train", told.id("also", "notes@v1"))
    assert gone.answer == "dropped by train@v2 because it was no row of notes then"


def test_upstream_decides_for_what_was_taken_from_it(told: Told) -> None:
    told.write(*((f"t{i}", 0.3 + i / 100, "a") for i in range(12)), ("low", 0.1, "a"))
    told.small.apply()
    registry = told.small.open()
    low = told.why("fit", "low")
    assert [d.version for d in low.decisions] == ["fit@v1", "parts@v1", "train@v1"]
    assert low.answer == "dropped by train@v1 because rank 0.1 < 0.28"
    tests = registry.open_version("parts", "test").to_arrow(["text"])["text"].to_pylist()
    held = told.why("fit", tests[0])
    assert held.answer == "dropped by fit@v1 because it was not in split 'train' of parts@v1"
    assert (held.decisions[1].kept, held.decisions[1].split) == (True, "test")
    kept = registry.open_version("fit").to_arrow(["text"])["text"].to_pylist()
    assert len(kept) == 2
    best = told.why("fit", kept[0])
    assert [d.kept for d in best.decisions] == [True, True, True]
    assert best.answer.endswith("is among the top 2 rows")
    trained = registry.open_version("parts", "train").to_arrow(["text"])["text"].to_pylist()
    worst = told.why("fit", trained[0])
    assert (
        worst.answer
        == f"dropped by fit@v1 because rank {0.3 + int(trained[0][1:]) / 100:.6g} is not among the top 2 rows"
    )


def test_a_version_that_a_pass_repointed_is_answered_by_its_selection(told: Told) -> None:
    (told.small.folder / "counted.py").read_text()
    told.edit("passes:", 'passes:\n  words: {from: train, use: "counted:Words", inputs: {text: text}}')
    told.small.apply("notes", "keep", "words")
    assert told.small.open().latest("train").job_kind == "pass"
    assert told.why("train", "low").decisions[0].version == "train@v1"
    assert told.small.open().show("train").dropped == {"where: rank >= 0.28": 2, "where: kind IN ('a', 'b')": 1}


def test_a_version_whose_run_kept_no_decisions_says_so(told: Told) -> None:
    told.small.apply("keep", "notes")
    registry = told.small.open()
    table = registry.lake.table("notes")
    facets = {"select": {"fingerprint": "", "splits": {}}}
    run = Run(new_run_id(), Job("select", "old"), RunState.COMPLETE, now(), "", facets=facets)
    kept = registry.open_version("notes").row_ids("text = 'low'")
    landed = publish_selection(registry, "old", {"notes": table}, Selection(kept), run)
    assert landed is not None
    registry.record(landed)
    assert told.why("old", "low").answer == "kept: nothing was asked of it"
    assert told.why("old", "good").answer == "dropped by old@v1 because its run did not record why"


def test_a_filter_of_ones_own_is_quoted(told: Told) -> None:
    (told.small.folder / "picky.py").write_text(PICKY)
    told.edit("passes:", 'passes:\n  pick: {from: notes, into: picked, use: "picky:Picky", inputs: {text: text}}')
    told.small.apply("notes", "pick")
    assert told.why("picked", "low").answer == "dropped by picked@v1 because style: 'low' is no word for it"
    assert told.why("picked", "good").answer == "kept: pick_keep is true"
    assert told.small.open().show("picked").dropped == {"style: 'low' is no word for it": 1}


def test_ids_may_be_shortened_as_long_as_they_are_unique(told: Told) -> None:
    told.small.apply("keep", "notes")
    registry = told.small.open()
    whole = told.id("low")
    assert registry.why("train", whole[:7]).sample_id == whole
    assert registry.why("train", whole.upper()).sample_id == whole
    told.write(*((f"t{i}", 0.3, "a") for i in range(40)))
    told.small.apply("keep", "notes")
    with pytest.raises(UsageError, match="samples begin with"):
        told.small.open().why("train", told.id("t0")[:1])
    with pytest.raises(UsageError, match="is no sample id"):
        registry.why("train", "xyz")
    with pytest.raises(NotFound, match="never had a sample"):
        registry.why("train", "0" * 32)


def test_a_root_says_where_a_row_is_from(told: Told) -> None:
    told.small.apply("notes")
    answer = told.why("notes", "low")
    assert answer.kept and answer.answer.startswith("it is a row of notes@v1, from notes.jsonl")
    told.write(("good", 0.31, "a"))
    told.small.apply("notes")
    gone = told.small.open().why("notes@v2", told.id("low", "notes@v1"))
    assert not gone.kept


def test_a_copied_lake_answers_and_a_lost_file_is_told(told: Told, tmp_path: Path) -> None:
    told.small.apply("keep", "notes")
    before = told.why("train", "low")
    copy = Told(told.small.copy(tmp_path / "copy"))
    for file in (copy.small.folder / ".mmreg").glob("catalog.db*"):
        file.unlink()
    (told.small.folder / "lake").rename(told.small.folder / "away")
    assert copy.why("train", "low") == before
    assert copy.small.open().doctor().ok
    assert copy.small.open().rebuild() == 2
    assert copy.why("train", "low") == before
    (file,) = (copy.small.folder / "lake" / "_mmreg" / "decisions" / "train").iterdir()
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(IntegrityError, match="have changed in the lake"):
        copy.why("train", "low")
    file.unlink()
    with pytest.raises(IntegrityError, match="are missing from the lake"):
        copy.why("train", "low")


def test_sets_samples_and_mixtures_say_what_they_asked(told: Told) -> None:
    told.edit(
        "passes:",
        "passes:\n"
        "  some: {from: notes, into: some, use: filter, all_of: [train], none_of: [fit], sample: {rows: 1}}\n"
        "  both: {into: both, use: mix, datasets: {some: 1, notes: 1}, sample: {rows: 2}}",
    )
    told.write(*((f"t{i}", 0.3 + i / 100, "a") for i in range(6)), ("low", 0.1, "a"))
    told.small.apply()
    registry = told.small.open()
    (kept,) = registry.open_version("some").to_arrow(["text"])["text"].to_pylist()
    answer = told.why("some", kept)
    assert answer.answer == "kept: it is in all of train and it is in none of fit and it was drawn"
    assert told.why("some", "low").answer == "dropped by some@v1 because not in train"
    mixed = told.why("both", kept)
    assert (mixed.answer, [d.version for d in mixed.decisions]) == ("kept: it was drawn", ["both@v1", "some@v1"])
    texts = registry.open_version("both").to_arrow(["text"])["text"].to_pylist()
    out = next(text for text in ("t0", "t1", "t2") if text not in texts)
    assert told.why("both", out).answer == "dropped by both@v1 because not drawn for notes"


def test_all_that_keeps_a_sample_out_is_told_and_by_how_much(told: Told) -> None:
    told.write(("good", 0.31, "a"), ("low", 0.21, "c"))
    told.small.apply("keep", "notes")
    (decision,) = told.why("train", "low").decisions
    rank, kind = decision.readmit
    assert (rank.condition, rank.column, rank.value, rank.threshold) == ("rank >= 0.28", "rank", 0.21, 0.28)
    assert rank.said == "rank 0.21 < 0.28, by 0.07"
    assert kind.said == "kind IN ('a', 'b') does not hold (kind 'c')"
    assert (rank.now, kind.now) == (None, None)
    assert told.why("train", "good").decisions[0].readmit == ()
    told.write(("good", 0.31, "a"), ("low", 0.41, "c"))
    told.small.apply("notes")
    (decision,) = told.why("train", "low").decisions
    assert [one.now for one in decision.readmit] == [True, False]


def test_the_last_rank_that_was_kept_is_told(told: Told) -> None:
    told.edit(
        "passes:",
        "passes:\n"
        "  best: {from: notes, into: best, use: filter, top: {column: rank, rows: 2}}\n"
        "  middle: {from: notes, into: middle, use: filter, band: {column: rank, low: 0.25, high: 0.75}}\n"
        "  drawn: {from: notes, into: drawn, use: filter, sample: {rows: 1, seed: 3}}",
    )
    told.write(*((f"t{i}", i / 10, "a") for i in range(8)))
    told.small.apply("notes", "best", "middle", "drawn")
    (top,) = told.why("best", "t1").decisions[0].readmit
    assert (top.condition, top.value, top.threshold) == ("top 2 rows by rank", 0.1, 0.6)
    assert top.said == "rank is 0.1: the lowest that was kept has 0.6"
    (below,) = told.why("middle", "t0").decisions[0].readmit
    (above,) = told.why("middle", "t7").decisions[0].readmit
    assert (below.threshold, above.threshold) == (0.2, 0.5)
    kept = told.small.open().open_version("drawn").to_arrow(["text"])["text"].to_pylist()
    out = "t0" if kept != ["t0"] else "t1"
    (draw,) = told.why("drawn", out).decisions[0].readmit
    assert draw.said == "it was not drawn (rows: 1, seed: 3): only a larger sample or another seed lets it in"


def test_a_duplicate_names_the_sample_that_stands_for_it(told: Told) -> None:
    told.edit(
        "passes:",
        "passes:\n"
        "  dedup: {from: notes, use: dedup, inputs: {content: kind}}\n"
        "  unique: {from: notes, into: unique, use: filter, where: dedup_kept}",
    )
    told.write(("one", 0.3, "same"), ("two", 0.3, "same"), ("three", 0.3, "other"), ("four", 0.3, "another"))
    told.small.apply("notes", "dedup", "unique")
    (out,) = {"one", "two"} - set(told.small.open().open_version("unique").to_arrow(["text"])["text"].to_pylist())
    (stands,) = {"one", "two"} - {out}
    (one,) = told.why("unique", out).decisions[0].readmit
    assert one.duplicate_of == told.id(stands)
    assert f"exact_duplicate: of {told.id(stands)}" in one.said


def test_a_value_tells_its_source_and_the_ingest_that_brought_it(told: Told) -> None:
    told.small.apply("notes")
    told.write(("good", 0.31, "a"), ("low", 0.61, "a"))
    told.small.apply("notes")
    registry = told.small.open()
    old = registry.why("notes", told.id("good"), "rank").cell
    new = registry.why("notes", told.id("low"), "rank").cell
    assert (old.value, old.state, old.source.version) == (0.31, "source", "notes@v1")
    assert (new.value, new.source.version) == (0.61, "notes@v2")
    assert new.source.path == "notes.jsonl" and new.source.address.startswith("notes.jsonl#")
    first, last = (run.inputs[0].id.rpartition("/")[2] for run in reversed(registry.runs("ingest")))
    assert (old.source.digest, new.source.digest) == (first, last)
    assert new.way == ("source:notes.jsonl", "notes@v2:rank")
    with pytest.raises(NotFound, match="did you mean 'rank'"):
        registry.why("notes", told.id("low"), "rnak")


def test_a_value_of_a_pass_tells_the_run_that_made_it_and_what_from(told: Told) -> None:
    told.edit("passes:", 'passes:\n  words: {from: notes, use: "counted:Words", inputs: {text: text}}')
    told.small.apply("notes", "words", "keep")
    told.write(("good", 0.31, "a"), ("late words", 0.4, "b"))
    told.small.apply("notes", "words")
    registry = told.small.open()
    second, first = registry.runs("pass")
    column = second.outputs[0].columns[0]
    good = registry.why("train", told.id("good"), column).cell
    late = registry.why("notes", told.id("late words"), column).cell
    assert (good.maker.run, late.maker.run) == (first.id, second.id)
    assert (late.maker.name, late.maker.use, late.state) == ("words", "counted:Words", "made")
    assert late.maker.generation == second.facets["pass"]["generation"] == good.maker.generation
    (text,) = late.inputs
    assert (text.ref, text.value, text.source.path) == ("notes@v3:text", "late words", "notes.jsonl")
    assert late.way == ("source:notes.jsonl", "notes@v3:text", "pass words", f"notes@v4:{column}")


def test_a_value_that_no_pass_made_yet_and_one_that_failed(told: Told) -> None:
    told.edit("passes:", "passes:\n  stats: {from: notes, use: text_stats, inputs: {text: kind}}")
    told.edit("kind: {type: string}", "kind: {type: string, nullable: true}")
    (told.small.folder / "notes.jsonl").write_text('{"text": "good", "kind": "a"}\n{"text": "bad"}\n')
    told.small.apply("notes", "stats")
    (told.small.folder / "notes.jsonl").write_text('{"text": "good", "kind": "a"}\n{"text": "bad"}\n{"text": "new"}\n')
    told.small.apply("notes")
    registry = told.small.open()
    good, bad, new = (registry.why("notes", told.id(text), "n_chars").cell for text in ("good", "bad", "new"))
    assert (good.state, good.value) == ("made", 1)
    assert (bad.state, bad.value, bad.error) == ("failed", None, "null_value: there is no text")
    assert (new.state, new.maker, new.error) == ("empty", None, "stats has not been here yet")


LOUD = '  loud: {from: notes, use: "modelled:Loud", model: loud, prompt: say.txt, inputs: {text: text}}'
MODELLED = """
import pyarrow as pa


class Loud:
    version = "1"
    kind, scope, role = "map", "row", "mapper"
    inputs = {"text": "text"}

    def __init__(self, recipe):
        pass

    def outputs(self):
        return pa.schema([("loud", pa.string())])

    def open(self):
        pass

    def __call__(self, batch):
        return pa.record_batch({"loud": pa.array([text.upper() for text in batch.column("text").to_pylist()])})
"""


def test_a_value_tells_its_model_and_whether_that_has_seen_the_sample(told: Told) -> None:
    told.small.apply("notes", "keep", "parts")
    (told.small.folder / "modelled.py").write_text(MODELLED)
    (told.small.folder / "say.txt").write_text("Say it louder.\n")
    weights = told.small.folder / "weights"
    weights.mkdir()
    (weights / "w.bin").write_bytes(b"begin")
    registry = told.small.open()
    registry.train_record("first", ["notes@v1"], weights, model="base")
    (weights / "w.bin").write_bytes(b"weights")
    registry.train_record("second", ["parts@v1:train"], weights, model="loud", init_from="base")
    told.edit("passes:", "models: {loud: {uri: weights}}\npasses:\n" + LOUD)
    told.small.apply("loud")
    registry = told.small.open()
    trained = registry.open_version("parts", "train").to_arrow(["text"])["text"].to_pylist()
    for text in ("good", "low", "also"):
        maker = registry.why("notes", told.id(text), "loud").cell.maker
        assert (maker.prompt, maker.model.ref.partition("@")[0]) == ("Say it louder.\n", "model:loud")
        assert hashlib.sha256(b"Say it louder.\n").hexdigest() == maker.prompt_digest
        seen = [(one.model.partition("@")[0], one.ref, one.split, one.saw, one.by) for one in maker.model.trained_on]
        assert seen == [
            ("model:loud", "parts@v1", "train", text in trained, "version"),
            ("model:base", "notes@v1", None, True, "version"),
        ]
    assert registry.fsck().ok


def test_a_training_that_kept_its_rows_is_asked_for_the_sample_itself(told: Told) -> None:
    told.small.apply("notes")
    (told.small.folder / "modelled.py").write_text(MODELLED)
    (told.small.folder / "say.txt").write_text("Say it louder.\n")
    (told.small.folder / "weights").mkdir()
    (told.small.folder / "weights" / "w.bin").write_bytes(b"weights")
    registry = told.small.open()
    with registry.training("some", ["notes@v1"], model="loud") as job:
        job.saw([told.id("good")])
        job.save(told.small.folder / "weights")
    told.edit("passes:", "models: {loud: {uri: weights}}\npasses:\n" + LOUD)
    told.small.apply("loud")
    registry = told.small.open()
    for text, saw in (("good", True), ("low", False)):
        (seen,) = registry.why("notes", told.id(text), "loud").cell.maker.model.trained_on
        assert (seen.saw, seen.by) == (saw, "rows")


TWICE = """
import pyarrow as pa


class Twice:
    version = "1"
    kind, scope, role = "create", "row", "creator"
    inputs = {"text": "text"}

    def __init__(self, recipe):
        pass

    def outputs(self):
        return pa.schema([("said", pa.string())])

    def open(self):
        pass

    def __call__(self, batch):
        texts = batch.column("text").to_pylist()
        rows = [{"_row": row, "said": f"{text} {n}"} for row, text in enumerate(texts) for n in "ab"]
        return pa.RecordBatch.from_pylist(rows, pa.schema([("_row", pa.int32()), ("said", pa.string())]))
"""


def test_a_value_of_a_row_that_a_pass_made_leads_to_the_sample_it_was_made_from(told: Told) -> None:
    (told.small.folder / "twice.py").write_text(TWICE)
    told.edit(
        "passes:",
        "passes:\n"
        '  twice: {from: notes, into: texts, use: "twice:Twice", inputs: {text: text}}\n'
        "  counted: {from: texts, use: text_stats, inputs: {text: said}}",
    )
    told.small.apply("notes", "twice", "counted")
    registry = told.small.open()
    made = {row["said"]: row["sample_id"] for row in registry.query("texts@latest")}
    answer = registry.why("texts@latest", made["good b"], "n_words")
    assert answer.answer == (
        f"it is a row of texts@v2, made from sample {told.id('good')} of notes by "
        f"twice@{registry.catalog.last_run('pass', 'twice').facets['pass']['generation']}"
    )
    (said,) = answer.cell.inputs
    (text,) = said.inputs
    assert (said.value, said.maker.name, said.sample_id) == ("good b", "twice", made["good b"])
    assert (text.ref, text.value, text.sample_id) == ("notes@v1:text", "good", told.id("good"))
    assert answer.cell.way == (
        "source:notes.jsonl", "notes@v1:text", "pass twice", "texts@v1:said", "pass counted", "texts@v2:n_words",
    )  # fmt: skip
    sys.modules.pop("twice", None)
