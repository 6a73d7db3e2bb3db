"""Small projects whose graphs between data and models are known, each made by the commands that a person would type.

    scene = make("teacher", folder)
    scene.json("lineage", "up", "model:student")

Texts are few and models are files of one word: a pass that asks a model appends its word, so that what a cell says
also tells who wrote it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
from click.testing import CliRunner

from mmreg.cli.answers import ANSWERS, answer_schema
from mmreg.cli.main import main

WORDS = ("a red kite", "two dogs", "rain on tin", "the old map", "salt", "a violin case", "low tide", "seven bells")
"""The texts of a source; their numbers are their ids."""

TELLER = '''
"""Passes that ask a model, whose weights are a word."""

import pyarrow as pa


def word_of(model):
    return (model.path / "word.txt" if model.path.is_dir() else model.path).read_text()


class Tell:
    """Repeats a text and adds the word of the model."""

    version = "1"
    kind, scope, role = "map", "row", "mapper"
    inputs = {"text": "text"}

    def __init__(self, recipe):
        self.model = recipe.model

    def outputs(self):
        return pa.schema([("told", pa.string())])

    def open(self):
        self.word = word_of(self.model)

    def __call__(self, batch):
        return pa.record_batch({"told": pa.array([f"{text} {self.word}" for text in batch.column("text").to_pylist()])})


class Grade:
    """Grades a text by its length, as the model that it asks says: longer is better, or worse."""

    version = "1"
    kind, scope, role = "score", "row", "evaluator"
    inputs = {"text": "text"}

    def __init__(self, recipe):
        self.model = recipe.model

    def outputs(self):
        return pa.schema([("grade", pa.float64())])

    def open(self):
        self.sign = -1.0 if self.model is not None and word_of(self.model) == "bad" else 1.0

    def __call__(self, batch):
        lengths = [self.sign * len(text) for text in batch.column("text").to_pylist()]
        return pa.record_batch({"grade": pa.array(lengths, pa.float64())})
'''


TRAINER = '''
"""Trains nothing: writes the word that the declaration gives it."""

import json
import os
import pathlib

given = json.loads(os.environ["MMREG_PARAMS"])
output = pathlib.Path(os.environ["MMREG_OUTPUT"])
(output / "word.txt").write_text(given["word"])
(output / "metrics.json").write_text(json.dumps({"score": given.get("score", 0.5)}))
'''


@dataclass(frozen=True)
class Scene:
    """A project folder, and `mmreg` called in it."""

    folder: Path

    def text(self, *args: str, status: int = 0) -> str:
        """What a command prints, once it ended as it should."""
        result = CliRunner().invoke(main, ["-C", str(self.folder), *args], catch_exceptions=False)
        assert result.exit_code == status, f"mmreg {' '.join(args)}: {result.exit_code}\n{result.output}"
        return result.stdout

    def json(self, *args: str, status: int = 0) -> Any:
        """A command's answer, once it was found to be as its published schema says."""
        answer = json.loads(self.text(*args, "--json", status=status))
        command = " ".join(args[:2])
        jsonschema.validate(answer, answer_schema(command if command in ANSWERS else args[0]))
        return answer

    def source(self, name: str, words: Sequence[str] = WORDS, first: int = 0) -> None:
        """Write ``name``.jsonl: a record for each of ``words``, numbered from ``first``."""
        rows = [{"number": number, "text": text} for number, text in enumerate(words, first)]
        (self.folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def weights(self, word: str) -> str:
        """A file that passes for a model which always says ``word``."""
        (self.folder / f"{word}.bin").write_text(word)
        return f"{word}.bin"

    def declare(self, *parts: str) -> None:
        """Write mmreg.yaml and apply it."""
        (self.folder / "mmreg.yaml").write_text("version: 1\nproject: golden\n" + "".join(parts))
        (self.folder / "teller.py").write_text(TELLER)
        (self.folder / "train.py").write_text(TRAINER)
        if not (self.folder / ".mmreg").exists():
            self.text("init")
        self.text("apply", "--quiet")


def make(name: str, folder: Path) -> Scene:
    """Make the lake called ``name`` in ``folder``, which must not exist yet."""
    folder.mkdir(parents=True)
    scene = Scene(folder)
    SCENES[name](scene)
    return scene


COLUMNS = "{number: {type: int}, text: {type: text}}"


def _datasets(**licenses: str | None) -> str:
    """The declaration of datasets with texts, each with its licence."""
    return "datasets:\n" + "".join(
        f"  {name}: {{source: {{type: jsonl, path: {name}.jsonl}}, identity: [number], columns: {COLUMNS}"
        + (f", license: {license}}}\n" if license else "}\n")
        for name, license in licenses.items()
    )


def _tell(column: str, model: str, reads: str = "text", of: str = "texts") -> str:
    return (
        f'  {column}: {{from: {of}, use: "teller:Tell", model: {model}, inputs: {{text: {reads}}},'
        f" outputs: {{told: {column}}}}}\n"
    )


def _training(name: str, on: str, model: str, word: str, alias: str, more: str = "") -> str:
    return (
        f"  {name}: {{from: {on}, command: [python, train.py], output: models/{name}, model: {model},"
        f" alias: {alias}, params: {{word: {word}}}{more}}}\n"
    )


def teacher(scene: Scene) -> None:
    """A student; a teacher distilled from what the student says; the student again, on what the teacher says.

    texts@v1 -> student@first; that -> texts@v2 answer; texts@v2 -> teacher; that -> texts@v3 lesson;
    texts@v3 -> class@v1 (by lesson) -> student@second.
    """
    scene.source("texts")
    datasets, passes, trainings = _datasets(texts=None), "passes:\n", "trainings:\n"
    trainings += _training("student", "texts", "student", "one", "first")
    scene.declare(datasets, trainings)
    passes += _tell("answer", "student@first")
    scene.declare(datasets, passes, trainings)
    trainings += _training("teacher", "texts", "teacher", "wise", "best")
    scene.declare(datasets, passes, trainings)
    passes += _tell("lesson", "teacher@best")
    passes += '  class: {from: texts, into: class, use: filter, where: "lesson IS NOT NULL AND number < 6"}\n'
    scene.declare(datasets, passes, trainings)
    trainings += _training("again", "class", "student", "two", "second")
    scene.declare(datasets, passes, trainings)


def rounds(scene: Scene) -> None:
    """Three rounds of self-recaption: each model writes what the next one is trained on, from what the last one wrote.

    texts@v1 -> m@r0 -> one (texts@v2) -> m@r1 -> two (texts@v3) -> m@r2 -> three (texts@v4) -> m@r3.
    """
    scene.source("texts")
    passes, trainings, before = "passes:\n", "trainings:\n", "text"
    datasets = _datasets(texts=None)
    trainings += _training("m0", "texts", "m", "zero", "r0")
    scene.declare(datasets, trainings)
    for number, column in enumerate(("one", "two", "three")):
        passes += _tell(column, f"m@r{number}", before)
        scene.declare(datasets, passes, trainings)
        began = f", init_from: m@r{number}"
        trainings += _training(f"m{number + 1}", "texts", "m", f"word{number}", f"r{number + 1}", began)
        scene.declare(datasets, passes, trainings)
        before = column


def filter_teacher(scene: Scene) -> None:
    """A judge of unknown training grades; rows are chosen by its grades; a student is trained on them and evaluated.

    It turns out to be bad, though no cell that the student was trained on is its own but the grade. The control was
    trained on rows that were chosen without it.
    """
    scene.source("texts")
    scene.weights("bad")
    scene.declare(
        "models: {judge: {uri: bad.bin, license: apache-2.0}}\n",
        _datasets(texts=None),
        "passes:\n",
        '  grade: {from: texts, use: "teller:Grade", model: judge, inputs: {text: text}}\n',
        "  plain: {from: texts, use: text_stats, inputs: {text: text}}\n",
        '  good: {from: texts, into: good, use: filter, where: "grade >= -9"}\n',
        '  short: {from: texts, into: short, use: filter, where: "n_chars <= 9"}\n',
        "trainings:\n",
        _training("student", "good", "student", "taught", "best"),
        _training("control", "short", "control", "free", "best"),
    )
    scene.text("eval", "record", "student", "short@v1", "--metric", "accuracy=0.75")


def diamond(scene: Scene) -> None:
    """Two passes over one column meet in a selection that goes by both; a model is trained on that."""
    scene.source("texts")
    scene.declare(
        _datasets(texts=None),
        "passes:\n",
        '  left: {from: texts, use: "teller:Grade", inputs: {text: text}, outputs: {grade: left}}\n',
        "  right: {from: texts, use: text_stats, inputs: {text: text}}\n",
        '  joined: {from: texts, into: joined, use: filter, where: "left >= 5 AND n_chars <= 12"}\n',
        "trainings:\n",
        _training("m", "joined", "m", "met", "best"),
    )


def both(scene: Scene) -> None:
    """One model that was trained here, annotates other data here, and is trained further on what it annotated."""
    scene.source("texts")
    scene.source("extra", ["a paper boat", "a green door"], first=100)
    trainings = "trainings:\n" + _training("m", "texts", "m", "base", "champion")
    passes = "passes:\n" + _tell("told", "m@champion", of="extra")
    scene.declare(_datasets(texts=None, extra=None), passes, trainings)
    trainings += _training("tuned", "extra", "m", "tuned", "next", ", init_from: m@champion")
    scene.declare(_datasets(texts=None, extra=None), passes, trainings)


def deleted_source(scene: Scene) -> None:
    """A record is taken out of the source after a model was trained on it; a second model never saw it.

    texts@v1 (8 rows) -> before; then without number 4: texts@v2 (7 rows) -> after.
    """
    scene.source("texts")
    trainings = "trainings:\n" + _training("before", "texts", "before", "eight", "best")
    scene.declare(_datasets(texts=None), trainings)
    lines = (scene.folder / "texts.jsonl").read_text().splitlines(keepends=True)
    (scene.folder / "texts.jsonl").write_text("".join(lines[:4] + lines[5:]))
    trainings += _training("after", "texts", "after", "seven", "best")
    scene.declare(_datasets(texts=None), trainings)


def withdrawn_licence(scene: Scene) -> None:
    """Two datasets of different licences are mixed, a model of a third licence writes captions; one is withdrawn."""
    scene.source("texts")
    scene.source("bought", ["a glass eye", "a bee", "the lighthouse"], first=100)
    scene.weights("says")
    scene.declare(
        "models: {cap: {uri: says.bin, license: cc-by-nc-4.0}}\n",
        _datasets(texts="cc0-1.0", bought="LicenseRef-bought"),
        "passes:\n",
        _tell("told", "cap"),
        "  mixed: {into: mixed, use: mix, datasets: {texts: 1, bought: 1}}\n",
        "trainings:\n",
        _training("both", "mixed", "both", "mixed", "best", ", license: mit"),
        _training("free", "bought", "free", "clean", "best", ", license: mit"),
    )


SCENES: Mapping[str, Callable[[Scene], None]] = {
    scene.__name__: scene
    for scene in (teacher, rounds, filter_teacher, diamond, both, deleted_source, withdrawn_licence)
}
