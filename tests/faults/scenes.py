"""What is killed in the crash matrix: each verb of mmreg, and the lake before it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

FLUSH_ROWS = 2

MAKING = """
version: 1
project: small
lake: {lake}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    columns:
      image: {{type: image}}
      caption: {{type: text, nullable: true}}
passes:
  split_up: {{from: pairs, into: words, use: "splitting:Split", inputs: {{text: caption}}, outputs: {{word: word}}}}
"""

SPLITTING = """
import os, pathlib
import pyarrow as pa


class Split:
    version = "1"
    kind, scope, role, makes_rows = "map", "row", "mapper", True
    inputs = {"text": "text"}

    def __init__(self, recipe):
        pass

    def outputs(self):
        return pa.schema([("word", pa.string())])

    def open(self):
        pass

    def __call__(self, batch):
        texts = batch.column("text").to_pylist()
        with pathlib.Path(os.environ["CALLS"]).open("a") as file:
            file.writelines(f"Split {text}\\n" for text in texts)
        rows = [{"_row": row, "word": word} for row, text in enumerate(texts) for word in text.split()]
        return pa.RecordBatch.from_pylist(rows, pa.schema({"_row": pa.int32(), "word": pa.string()}))
"""


@dataclass(frozen=True)
class Scene:
    verb: str
    prepare: Callable[[Any], None]
    do: Callable[[Any], None]
    done: tuple[str, ...] = ()
    """Codes of errors by which a second run may say that everything is done."""
    go_on: Callable[[Any], None] | None = None
    """What goes on with a verb that was stopped, as the doctor says where it cannot mend it by itself."""
    declaration: str | None = None
    repeats: int = FLUSH_ROWS
    """Rows that a pass may be asked for again: those of one flush."""
    same: bool = False
    """It changes nothing that anybody reads."""


def nothing(made: Any) -> None:
    """Only the source is there."""


def ingested(made: Any) -> None:
    made.apply("pairs")


def moved(made: Any) -> None:
    """A version with pass columns, and a source that has moved on: added, changed, removed."""
    made.apply("pairs", "light")
    move(made)


def move(made: Any) -> None:
    made.draw("new", "a new picture")
    made.draw("other", "another new picture")
    made.draw("001", "another caption of it")
    made.erase("002")


def refillable(made: Any) -> None:
    moved(made)
    made.apply("pairs")


def worded(made: Any) -> None:
    made.apply("pairs", "words")


def selected(made: Any) -> None:
    made.apply("pairs", "words", "keep")


def reselectable(made: Any) -> None:
    selected(made)
    move(made)
    made.apply("pairs", "words")


def renamed(made: Any) -> None:
    """Rows selected, and a declaration in which a column and a pass have other names."""
    selected(made)
    declare(
        made,
        ("caption: {type: text", "text: {renamed_from: caption, type: text"),
        ("{text: caption}", "{text: text}"),
        ("column: caption", "column: text"),
    )


def widened(made: Any) -> None:
    """Records, and a column added for what they have besides; null as yet."""
    from mmreg.curation.evolution import Evolutions, evolve
    from mmreg.curation.graph import Step

    file = made.folder / "records.jsonl"
    file.write_text("".join(json.dumps({"caption": f"word {n}", "more": n if n else None}) + "\n" for n in range(4)))
    declare(made, ("{type: imagefolder, path: images}", "{type: jsonl, path: records.jsonl}"),
            ("image: {type: image}", "more: {type: int, nullable: true}"))  # fmt: skip
    file = made.folder / "mmreg.yaml"
    wide = file.read_text().partition("  light:")[0] + f"  words:{file.read_text().partition('  words:')[2]}"
    wide = wide.partition("  parts:")[0]
    file.write_text(wide.replace("      more: {type: int, nullable: true}\n", ""))
    made.apply("pairs", "words")
    file.write_text(wide)
    found = Evolutions(made.open()).of(Step("ingest", "pairs"))
    assert found is not None
    evolve(made.open(), found)


def declare(made: Any, *changes: tuple[str, str]) -> None:
    file = made.folder / "mmreg.yaml"
    for old, new in changes:
        assert old in file.read_text(), old
        file.write_text(file.read_text().replace(old, new))


def splitting(made: Any) -> None:
    (made.folder / "splitting.py").write_text(SPLITTING)
    made.apply("pairs")


def splitting_moved(made: Any) -> None:
    splitting(made)
    made.apply("split_up")
    move(made)
    made.apply("pairs")


def weighted(made: Any) -> None:
    """Rows selected, and weights on the disk."""
    selected(made)
    (made.folder / "weights").mkdir()
    (made.folder / "weights" / "model.bin").write_bytes(b"weights" * 100)


def undeclared(made: Any) -> None:
    """Columns of a pass and a selection that mmreg.yaml names no more."""
    made.apply("pairs", "light", "words", "keep")
    file = made.folder / "mmreg.yaml"
    lines = [line for line in file.read_text().splitlines() if line.split(":")[0].strip() not in GONE]
    file.write_text("\n".join(lines).partition("checks:")[0])


GONE = ("light", "keep", "parts", "grade")


def lived(made: Any) -> None:
    """Versions, runs, leftovers: a lake that was worked with."""
    made.apply("pairs", "light", "words", "keep")
    made.open().promote("train@latest")
    move(made)
    made.apply("pairs", "light", "words", "keep")


def left(made: Any) -> None:
    """A lake in which a run was killed between its commit and all that follows."""
    import shutil

    lived(made)
    registry = made.open()
    checked = {run.id for run in registry.runs("validation")}  # they have no commit
    objects = [key for key in registry.lake.store.list("_mmreg/runs") if not any(id in key for id in checked)]
    registry.lake.store.delete(max(objects, key=lambda key: key.rpartition("/")[2]))
    shutil.rmtree(made.folder / ".mmreg")


def applies(*names: str) -> Callable[[Any], None]:
    return lambda made: made.apply(*names)


def archives(made: Any) -> None:
    from mmreg.registry.runs import archive

    archive(made.open().lake.store)


def drops(name: str) -> Callable[[Any], None]:
    def do(made: Any) -> None:
        from mmreg.curation.drop import drop

        drop(made.open(), name)

    return do


def adds_a_model(made: Any) -> None:
    made.open().model_add(made.folder / "weights", "teacher", alias="best")


def records_a_training(made: Any) -> None:
    made.open().train_record("student", ["train@latest"], made.folder / "weights", metrics={"r@1": 0.5})


def crumbled(made: Any) -> None:
    """Rows in small fragments, some of them deleted, with the columns of passes in files of their own."""
    lived(made)
    made.draw("third", "a third picture")
    made.erase("new")
    made.apply("pairs", "light", "words")


class StepsFailed(Exception):
    """A verb that goes on after a step that failed, and tells of it in the end."""


def compacts(made: Any) -> None:
    report = made.open().compact()
    if not report.ok:
        raise StepsFailed(report)


def cleans_up(made: Any) -> None:
    from mmreg.registry.gc import gc

    gc(made.open(), apply=True, at=time.time() + YEAR_S)


YEAR_S = 366 * 86400.0


def erases(made: Any) -> None:
    from mmreg.schemas.erasure import Asked

    made.open().erase(Asked(sources=("001.png",)))


def goes_on_erasing(made: Any) -> None:
    made.open().erase_resume()


def mends_by_fsck(made: Any) -> None:
    report = made.open().fsck(deep=True, repair=True)
    assert report.ok, report


SCENES = {
    "a first ingest": Scene("ingest", nothing, applies("pairs")),
    "an ingest of what moved": Scene("ingest", moved, applies("pairs")),
    "a pass's first columns": Scene("pass", ingested, applies("light")),
    "a pass's refill": Scene("pass", refillable, applies("light")),
    "a pass over a selection": Scene("pass", selected, applies("grade")),
    "rows that a pass makes": Scene(
        "pass that makes rows", splitting, applies("split_up"), declaration=MAKING, repeats=4
    ),
    "rows made again": Scene(
        "pass that makes rows", splitting_moved, applies("split_up"), declaration=MAKING, repeats=4
    ),
    "a selection": Scene("select", worded, applies("keep")),
    "a selection made again": Scene("select", reselectable, applies("keep")),
    "a promotion": Scene("promote", selected, lambda made: made.open().promote("train")),
    "a model": Scene("model add", weighted, adds_a_model),
    "a training": Scene("train record (with tags)", weighted, records_a_training),
    "a column renamed": Scene("evolve", renamed, applies("pairs")),
    "a new column filled": Scene("evolve", widened, applies("pairs")),
    "columns dropped": Scene("drop", undeclared, drops("light"), ("not_found",)),
    "a dataset dropped": Scene("drop", undeclared, drops("train"), ("not_found",)),
    "runs archived": Scene("archive", lived, archives, same=True),
    "small fragments compacted": Scene("compact", crumbled, compacts),
    "old versions cleaned up": Scene("gc", lived, cleans_up),
    "a sample erased": Scene("erase", lived, erases, ("not_found",), go_on=goes_on_erasing),
    "damage mended": Scene("fsck --repair", left, mends_by_fsck, same=True),
    "the index made again": Scene("catalog rebuild", lived, lambda made: made.open().rebuild(), same=True),
    "a crash mended": Scene("doctor", left, lambda made: made.open().doctor(), same=True),
}
