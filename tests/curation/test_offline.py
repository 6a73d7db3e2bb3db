"""What `mmreg validate --offline` tells: without the lake, its credentials or a model."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mmreg.config import load
from mmreg.curation.foreseen import foresee
from mmreg.curation.offline import offline
from mmreg.errors import SpecError, UsageError
from mmreg.registry.api import Registry
from mmreg.registry.lock import write_lock
from mmreg.schemas.check import CheckResult
from mmreg.schemas.gate import FailOn, GateReport

DECLARATION = """
version: 1
project: apart
lake: {lake}
models:
  clip: {{uri: nowhere/clip, framework: open_clip}}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    columns:
      image: {{type: image}}
      caption: {{type: text, nullable: true}}
  notes:
    source: {{type: jsonl, path: notes.jsonl}}
    columns: {{text: {{type: text}}}}
passes:
  light: {{from: pairs, use: "counted:Brightness", inputs: {{image: image}}}}
  words: {{from: pairs, use: "counted:Words", inputs: {{text: caption}}}}
  vec:   {{from: pairs, use: embed, model: clip, inputs: {{image: image}}, outputs: {{embedding: vector}}}}
  keep:  {{from: pairs, into: train, use: filter, where: "n_words >= 2"}}
  parts: {{from: train, into: splits, use: split, params: {{test: 0.4, seed: 7}}}}
checks:
  splits:
    - {{check: not_null, column: caption}}
    - {{check: range, column: brightness, min_value: 0}}
    - {{check: lineage.single_generation, column: n_words}}
  pairs:
    - {{check: not_null, column: vector}}
  notes:
    - {{check: unique, column: text}}
"""


@pytest.fixture
def made(project: Callable[..., Any]) -> Iterator[Any]:
    """A project whose lake is nowhere, so that whoever asks for it or for its credentials breaks."""
    made = project(0, DECLARATION)
    shutil.rmtree(made.folder / "lake")
    declare(made, 'lake: "./lake"', 'lake: {uri: "s3://nowhere/lake", options: {secret_access_key: "env:NOT_SET"}}')
    return made


def declare(made: Any, old: str, new: str) -> None:
    file = made.folder / "mmreg.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def told(made: Any, *only: str, fail_on: FailOn = "error") -> GateReport:
    return offline(Registry(load(made.folder, secrets=False)), only, fail_on)


def results(report: GateReport) -> dict[str, CheckResult]:
    return {f"{one.dataset} {result.key}": result for one in report.reports for result in one.results}


def test_neither_lake_nor_credentials_are_needed(made: Any) -> None:
    with pytest.raises(UsageError, match="NOT_SET"):
        load(made.folder)
    report = told(made)
    found = results(report)
    assert report.ok and report.offline
    assert {key: result.status for key, result in found.items()} == {
        "apart declaration": "passed", "apart lock": "insufficient", "apart pass:light": "passed",
        "apart pass:words": "passed", "apart pass:vec": "passed",
        "splits not_null:caption": "passed", "splits range:brightness": "passed",
        "splits lineage.single_generation:n_words": "passed",
        "pairs not_null:vector": "insufficient",  # only its model knows how long a vector is
        "notes unique:text": "passed",
    }  # fmt: skip
    assert found["splits range:brightness"].declared_at is not None
    assert not (made.folder / ".mmreg").exists()
    assert not told(made, fail_on="insufficient").ok


def test_the_columns_of_passes_are_foreseen(made: Any) -> None:
    table = foresee(load(made.folder, secrets=False), "splits")
    assert {"sample_id", "image", "caption", "brightness", "n_words", "_mmreg_words"} <= set(table.schema.names)
    assert table.producers == {"brightness": "light", "n_words": "words", "vector": "vec"}
    assert table.dim == {"vector"} and not table.whole
    assert foresee(load(made.folder, secrets=False), "notes").whole


@pytest.mark.parametrize(
    ("old", "new", "key", "says"),
    [
        ("check: unique", "check: uniqe", "notes uniqe:text", "did you mean 'unique'?"),
        ("column: text}", "column: text.first}", "notes unique:text.first", "unknown column 'text.first'"),
        ("column: text}", "column: text, min_value: 1}", "notes unique:text", "unknown argument"),
        ("column: brightness, min_value: 0", "column: caption, min_value: 0", "splits range:caption", "numbers"),
        ("check: unique", 'check: "nothing:There"', "notes nothing:There:text", "there is no module 'nothing'"),
        ("check: unique", 'check: "counted:Words"', "notes counted:Words:text", "is no check"),
        ('"counted:Words"', '"counted:Word"', "apart pass:words", "did you mean 'Words'"),
        ("{text: caption}}", "{txt: caption}}", "apart pass:words", "has no input 'txt'"),
    ],
)
def test_what_is_declared_wrongly_is_told_with_its_place(made: Any, old: str, new: str, key: str, says: str) -> None:
    declare(made, old, new)
    report = told(made)
    wrong = {name: result for name, result in results(report).items() if result.status == "failed"}
    assert not report.ok and key in wrong and says in wrong[key].message
    line = next(n for n, text in enumerate((made.folder / "mmreg.yaml").read_text().splitlines(), 1) if new in text)
    assert wrong[key].declared_at is not None and wrong[key].declared_at.line == line


def test_arguments_are_checked_also_where_a_column_is_not_known_yet(made: Any) -> None:
    declare(made, "check: not_null, column: vector", "check: not_null, column: vector, clumn: x")
    assert "unknown argument of not_null 'clumn'" in results(told(made))["pairs not_null:vector"].message


def test_a_plug_in_that_cannot_be_imported(made: Any) -> None:
    (made.folder / "counted.py").write_text("import not_installed_here\n")
    found = results(told(made))
    assert found["apart pass:words"].status == found["apart pass:light"].status == "failed"
    assert "not_installed_here" in found["apart pass:words"].message
    assert found["splits range:brightness"].status == "insufficient"  # nobody can say what the pass would make


def test_a_declaration_that_cannot_be_meant_is_an_error(made: Any) -> None:
    declare(made, "use: split,", "use: split, intoo: x,")
    with pytest.raises(SpecError, match="did you mean 'into'"):
        told(made)


def test_only_some(made: Any) -> None:
    assert list(results(told(made, "unique"))) == ["notes unique:text"]
    with pytest.raises(UsageError, match="did you mean 'unique'"):
        told(made, "uniqe")


def test_what_is_foreseen_comes_true(project: Callable[..., Any]) -> None:
    made = project(3)
    made.apply()
    foreseen = {name: foresee(load(made.folder), name) for name in ("pairs", "train", "splits")}
    with made.open() as registry:
        for name, table in foreseen.items():
            real = registry.open_version(f"{name}@latest").full_schema
            types = {field.name: field.type for field in table.schema}
            assert {field.name: field.type for field in real}.items() <= types.items()
            assert name == "splits" or set(real.names) == types.keys()  # its rows were chosen before `grade` ran
            assert table.whole and not table.dim
            assert table.producers == {"brightness": "light", "n_words": "words", "grade": "grade"}


def test_the_lock_is_of_what_is_declared(project: Callable[..., Any]) -> None:
    made = project(3)
    made.apply()
    with made.open() as registry:
        write_lock(registry)
    shutil.rmtree(made.folder / "lake")
    shutil.rmtree(made.folder / ".mmreg")
    found = results(told(made))
    assert found["small lock"].message == "agrees with mmreg.yaml"
    assert found["small pass:words"].message == "version 1, as in the lock"

    declare(made, "test: 0.4", "test: 0.5")
    report = told(made)
    changed = results(report)["small lock:pass parts"]
    assert (changed.status, changed.severity) == ("failed", "warning")
    assert changed.declared_at is not None and changed.declared_at.file == "mmreg.yaml"
    assert report.ok and not told(made, fail_on="warning").ok

    code = made.folder / "counted.py"
    code.write_text(code.read_text().replace("n_words", "number_of_words"))
    forget()
    drifted = told(made)
    assert (
        not drifted.ok and "its code changed and its version 1 did not" in results(drifted)["small pass:words"].message
    )
    code.write_text(code.read_text().replace('version = "1"', 'version = "2"'))
    forget()
    bumped = results(told(made))["small pass:words"]
    assert (bumped.severity, bumped.message[:36]) == ("warning", "its version is 2, the lock has 1; mm")

    (made.folder / "mmreg.lock").write_text("format: 1\nproject: other\nlake: x\n")
    assert not told(made).ok
    (made.folder / "mmreg.lock").write_text("fromat: 1\n")
    assert results(told(made))["small lock"].status == "failed"


def forget() -> None:
    """As a new process: plug-ins are imported again."""
    import importlib
    import sys

    sys.modules.pop("counted", None)
    importlib.invalidate_caches()
