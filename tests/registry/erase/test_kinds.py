"""Erasing in all shapes of data: texts, media by reference, mixtures, rows that passes have made, all at once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lance
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mmreg.errors import FilterError, NotFound, UsageError
from mmreg.registry.decisions import read_decisions
from mmreg.registry.erase.tombstones import load
from mmreg.registry.stage import Stage
from mmreg.schemas.arrow import STATE, state_column
from mmreg.schemas.erasure import Asked, ErasureReport

Erase = Callable[..., ErasureReport]

TEXTS = """
version: 1
project: texts
lake: {lake}
datasets:
  notes: {{source: {{type: jsonl, path: notes.jsonl}}, columns: {{text: {{type: text}}, rank: {{type: int}}}}}}
  more:
    source: {{type: jsonl, path: more.jsonl}}
    identity: [text]
    columns: {{text: {{type: text}}, rank: {{type: int}}}}
passes:
  words: {{from: notes, use: "counted:Words", inputs: {{text: text}}}}
  few:   {{from: notes, into: few, use: filter, where: "rank < 4"}}
  both:  {{into: both, use: mix, datasets: {{notes: 0.5, more: 0.5}}}}
checks:
  notes: [{{check: range, column: rank, min_value: 3}}, {{check: unique, column: text}}]
"""
SECRET = "a text that nobody else has written"


@pytest.fixture
def texts(project: Callable[..., Any]) -> Any:
    """Two roots of texts without media, a filter and a mixture of both."""
    small = project(images=0, declaration=TEXTS, name="texts")
    for file, name in (("notes.jsonl", "note"), ("more.jsonl", "other")):
        lines = [{"text": f"{name} number {n} of them all", "rank": n} for n in range(6)]
        lines[2]["text"] = SECRET if name == "note" else "the other one that is to go"
        (small.folder / file).write_text("".join(json.dumps(line) + "\n" for line in lines))
    small.apply()
    return small


def places(small: Any) -> list[Path]:
    return [small.folder / "lake", small.folder / ".mmreg"]


def test_a_text_and_what_comes_with_another_address(texts: Any, files_with: Any, erased: Erase) -> None:
    assert files_with(places(texts), SECRET.encode())
    erased(texts, "notes", where="rank = 2")
    assert files_with(places(texts), SECRET.encode()) == []
    registry = texts.open()
    assert [registry.show(f"{name}@latest").rows for name in ("notes", "few", "more")] == [5, 3, 6]
    lines = (texts.folder / "notes.jsonl").read_text().splitlines()
    (texts.folder / "notes.jsonl").write_text("\n".join([*lines[3:], *lines[:3]]) + "\n")
    texts.apply("notes")
    shown = texts.open().show("notes@latest")
    assert (shown.rows, dict(shown.rejected_reasons)) == (5, {"erased": 1}), "other lines are where it stood"
    assert files_with(places(texts), SECRET.encode()) == []


def test_of_a_mixture_from_either_root(texts: Any, rows: Any, files_with: Any, erased: Erase) -> None:
    before = rows(texts.open(), "both@latest")
    erased(texts, "notes", where="rank = 2")
    erased(texts, "more", where="rank = 2")
    gone = [SECRET.encode(), b"the other one that is to go"]
    assert files_with(places(texts), *gone) == []
    after = rows(texts.open(), "both@latest")
    assert after == {k: row for k, row in before.items() if row["text"].encode() not in gone}
    assert len(after) == len(before) - 2
    assert len(load(texts.open().lake.store).erasures) == 2


def test_decisions_and_rejected_records_are_kept_of_the_others(texts: Any, erased: Erase) -> None:
    with (texts.folder / "more.jsonl").open("a") as lines:
        lines.write(json.dumps({"text": "the other one that is to go", "rank": 9}) + "\n")
    texts.apply()
    run = texts.open().catalog.last_run("select", "few")
    assert run is not None
    decided = read_decisions(texts.open().lake.store, run)
    assert decided is not None and decided.num_rows == 6
    erased(texts, "notes", where="rank = 2")
    erased(texts, "notes", where="rank = 3")
    decided = read_decisions(texts.open().lake.store, run)
    assert decided is not None and decided.num_rows == 4, "the file is another, and is known to be"
    erased(texts, "more", where="rank = 2")
    shown = texts.open().show("more@latest")
    assert (shown.rows, dict(shown.rejected_reasons)) == (5, {"duplicate_identity": 1})
    texts.apply()
    shown = texts.open().show("more@latest")
    assert (shown.rows, dict(shown.rejected_reasons)) == (5, {"duplicate_identity": 1, "erased": 1})
    assert texts.open().doctor().ok


def test_runs_of_checks_keep_no_cells(texts: Any, files_with: Any) -> None:
    [report] = texts.open().validate("notes@latest")
    assert any(example["value"] for result in report.results for example in result.examples), "a person sees them"
    run = texts.open().catalog.run(report.run)
    kept = [example for result in run.facets["validation"]["results"] for example in result["examples"]]
    assert kept and all(set(example) == {"sample_id", "reason"} for example in kept)


def test_everything(texts: Any, rows: Any, files_with: Any, erased: Erase) -> None:
    report = erased(texts, "notes", where="rank >= 0")
    assert report.samples == 6
    assert rows(texts.open(), "notes@latest") == {}
    assert rows(texts.open(), "few@latest") == {}
    assert {row["text"][:5] for row in rows(texts.open(), "both@latest").values()} == {"other", "the o"}
    assert files_with(places(texts), SECRET.encode(), b"note number 1 of them all") == []
    with (texts.folder / "notes.jsonl").open("a") as lines:
        lines.write(json.dumps({"text": "a new note after all of that", "rank": 1}) + "\n")
    texts.apply()
    assert [row["text"] for row in rows(texts.open(), "notes@latest").values()] == ["a new note after all of that"]
    assert len(rows(texts.open(), "few@latest")) == 1
    assert texts.open().doctor().ok


def test_staged_results_go_and_the_others_are_still_used(texts: Any, erased: Erase) -> None:
    registry = texts.open()
    table = registry.lake.table("notes").to_table(columns=["text"], with_row_id=True)
    states = pa.array([{"generation": 7, "inputs": 1, "state": 1, "error": None, "outputs": 1}] * 6, STATE)
    stage = Stage(registry.lake.store, "notes", "later", 7)
    stage.write(pa.table({"_rowid": table["_rowid"], "said": table["text"], state_column("later"): states}))
    report = erased(texts, "notes", where="rank = 2")
    assert report.ok
    left = Stage(registry.lake.store, "notes", "later", 7).read(table["_rowid"].to_numpy())
    assert left is not None and left.num_rows == 5 and SECRET not in left["said"].to_pylist()


def test_files_that_no_version_names(texts: Any, files_with: Any, erased: Erase) -> None:
    """A writer was killed before its commit: its file holds the text, and goes. One of other rows stays."""
    lake = texts.folder / "lake"
    data = [lake / "notes.lance" / "data" / name for name in ("killed.lance", "other.lance")]
    [original] = [file for file in (lake / "notes.lance" / "data").iterdir() if SECRET.encode() in file.read_bytes()]
    shutil.copy(original, data[0])
    data[1].write_bytes(b"rows of somebody else")
    temporary = lake / "_mmreg" / "objects" / ".tmp-1-aa"
    temporary.parent.mkdir(exist_ok=True)
    temporary.write_text(SECRET)
    erased(texts, "notes", where="rank = 2")
    assert files_with(places(texts), SECRET.encode()) == []
    assert data[1].exists() and not data[0].exists()


def test_a_row_that_was_deleted_before(texts: Any, files_with: Any, erased: Erase) -> None:
    """It left with its source, but files of older versions, and of this one, still hold it."""
    registry = texts.open()
    [row] = registry.query("notes@latest", "rank = 2", ["sample_id"])
    lines = (texts.folder / "notes.jsonl").read_text().splitlines()
    (texts.folder / "notes.jsonl").write_text("\n".join(line for line in lines if SECRET not in line) + "\n")
    texts.apply()
    assert texts.open().show("notes@latest").rows == 5
    assert files_with(places(texts), SECRET.encode())
    erased(texts, ids=str(row["sample_id"]))
    assert files_with(places(texts), SECRET.encode()) == []


def test_a_tag_of_a_person_does_not_keep_it(texts: Any, files_with: Any, erased: Erase) -> None:
    table = lance.dataset(str(texts.folder / "lake" / "notes.lance"))
    table.tags.create("paper", 1)
    planned = texts.open().erase_plan(Asked("notes", where="rank = 2"))
    assert any("the Lance tag paper" in why for version in planned.versions for why in version.needed_by)
    erased(texts, "notes", where="rank = 2")
    assert files_with(places(texts), SECRET.encode()) == []


def test_a_text_that_others_have_too(texts: Any, erased: Erase) -> None:
    """`more` has the same text under its own identity: it is another sample, and the search says so."""
    with (texts.folder / "more.jsonl").open("a") as lines:
        lines.write(json.dumps({"text": f"He said: {SECRET}.", "rank": 9}) + "\n")
    texts.apply()
    report = erased(texts, "notes", where="rank = 2")
    assert report.searched.skipped == ("1 text that samples which stay hold as well",)
    assert texts.open().show("more@latest").rows == 7


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        (Asked(), UsageError, "which samples"),
        (Asked(where="rank = 2"), UsageError, "one dataset"),
        (Asked("notes", where="rank = "), FilterError, "rank"),
        (Asked("notes", where="depth = 2"), FilterError, "depth"),
        (Asked("notes", where="rank = 77"), NotFound, "no such sample"),
        (Asked("nobody", where="rank = 77"), NotFound, "nobody"),
        (Asked(ids=("xyz",)), UsageError, "no sample id"),
        (Asked(digests=("ab",)), UsageError, "no SHA-256"),
        (Asked(ids=("0" * 32,)), NotFound, "no such sample"),
    ],
)
def test_what_cannot_be_meant_changes_nothing(texts: Any, asked: Asked, error: type[Exception], said: str) -> None:
    before = [entry.ref for entry in texts.open().log("notes")]
    with pytest.raises(error, match=said):
        texts.open().erase(asked)
    assert [entry.ref for entry in texts.open().log("notes")] == before
    assert not load(texts.open().lake.store)


def test_the_beginning_of_several_ids(texts: Any) -> None:
    ids = [str(row["sample_id"]) for row in texts.open().query("notes@latest", columns=["sample_id"])]
    ids += [str(row["sample_id"]) for row in texts.open().query("more@latest", columns=["sample_id"])]
    several = next(first for first in "0123456789abcdef" if sum(one.startswith(first) for one in ids) > 1)
    with pytest.raises(UsageError, match=f"samples begin with {several}"):
        texts.open().erase_plan(Asked(ids=(several,)))


PICTURES = """
version: 1
project: pictures
lake: {lake}
datasets:
  inline:
    source: {{type: imagefolder, path: images}}
    columns: {{image: {{type: image}}, caption: {{type: text, nullable: true}}}}
  outside:
    source: {{type: imagefolder, path: images}}
    columns: {{image: {{type: image, storage: reference}}, caption: {{type: text, nullable: true}}}}
passes:
  parts: {{from: inline, into: parts, use: "halves:Halves", inputs: {{image: image}}}}
  light: {{from: parts, use: "counted:Brightness", inputs: {{image: half}}}}
"""

HALVES = '''
import hashlib, io
import pyarrow as pa
from PIL import Image
from mmreg.schemas.arrow import media_type


class Halves:
    """The left and the right half of a picture, each a row."""

    version = "1"
    kind, scope, role, makes_rows = "map", "row", "mapper", True
    inputs = {"image": "image"}

    def __init__(self, recipe):
        pass

    def outputs(self):
        return pa.schema([("half", media_type("image"))])

    def open(self):
        pass

    def __call__(self, batch):
        rows = []
        for row, cell in enumerate(batch.column("image").to_pylist()):
            picture = Image.open(io.BytesIO(cell["bytes"]))
            for left in (0, 12):
                file = io.BytesIO()
                picture.crop((left, 0, left + 12, 18)).save(file, "png")
                data = file.getvalue()
                half = {"bytes": data, "sha256": hashlib.sha256(data).digest(), "format": "png"}
                rows.append({"_row": row, "half": half})
        return pa.RecordBatch.from_pylist(rows, pa.schema({"_row": pa.int32(), "half": media_type("image")}))
'''


def test_children_and_the_same_media_elsewhere(
    project: Callable[..., Any], rows: Any, files_with: Any, erased: Erase
) -> None:
    small = project(images=4, declaration=PICTURES, name="pictures")
    (small.folder / "halves.py").write_text(HALVES)
    small.draw("copy", "the caption of a copy", seed=3)
    small.draw("first", "the caption of the first", seed=3)
    small.apply()
    registry = small.open()
    assert {name: registry.show(f"{name}@latest").rows for name in ("inline", "outside", "parts")} == {
        "inline": 6, "outside": 6, "parts": 12,
    }  # fmt: skip
    before = {name: rows(registry, f"{name}@latest") for name in ("inline", "outside", "parts")}
    first = next(row for row in before["inline"].values() if row["caption"] == "the caption of the first")
    halves = [row["half"]["bytes"] for row in before["parts"].values()]
    planned = registry.erase_plan(Asked("inline", where="caption = 'the caption of the first'"))
    because = sorted((sample.dataset, sample.because) for sample in planned.samples)
    assert because == [
        ("inline", "asked for"), ("inline", "the same media"),
        ("outside", "the same media"), ("outside", "the same media"),
        *[("parts", "made from one of these")] * 2, *[("parts", "the same media")] * 2,
    ]  # fmt: skip
    erased(small, "inline", where="caption = 'the caption of the first'")
    registry = small.open()
    after = {name: rows(registry, f"{name}@latest") for name in before}
    assert [len(there) for there in after.values()] == [4, 4, 8]
    for name, there in after.items():
        assert there == {sample: row for sample, row in before[name].items() if sample in there}
    mine = [data for data in halves if data not in [row["half"]["bytes"] for row in after["parts"].values()]]
    assert len(mine) == 4
    gone = [first["image"]["bytes"], *mine, b"the caption of a copy", b"the caption of the first"]
    assert files_with(places(small), *gone) == []
    calls = len(small.calls())
    small.apply()
    assert len(small.calls()) == calls
    assert small.open().show("outside@latest").rows == 4
    assert dict(small.open().show("outside@latest").rejected_reasons) == {"erased": 2}

    # Another picture, of which one half is an erased one: that is not made again.
    picture = Image.open(small.folder / "images" / "first.png")
    picture.putpixel((20, 9), (1, 2, 3))
    picture.save(small.folder / "images" / "changed.png")
    small.apply()
    assert small.open().show("inline@latest").rows == 5
    assert small.open().show("parts@latest").rows == 8 + 1
    assert files_with(places(small), *gone) == []
    assert small.open().doctor().ok


def test_sampled_results_and_parquet_beside(texts: Any, erased: Erase) -> None:
    """What a person exports into the lake's folder is found, and said: nobody but them may delete it."""
    export = texts.folder / "lake" / "export.parquet"
    pq.write_table(pa.table({"text": [SECRET]}), export, compression="none")
    done = texts.open().erase(Asked("notes", where="rank = 2"))
    assert isinstance(done, ErasureReport)
    assert [(left.place, left.what) for left in done.left] == [("export.parquet", "1 text")]
    assert export.exists()
