"""mmreg.lock: what names meant, as text that says the same in every checkout; compared without a lake."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.config import load
from mmreg.errors import NotFound, SpecError, StorageError
from mmreg.registry.lock import disagreements, read_lock, write_lock
from mmreg.schemas.lock import Lock, LockedDataset, LockedModel, LockedPass

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,12}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=30)
maybe = st.none() | texts
numbers = st.integers(0, 2**62)
locks = st.builds(
    Lock,
    project=names,
    lake=texts,
    datasets=st.dictionaries(
        names, st.builds(LockedDataset, maybe, numbers, numbers, st.booleans(), maybe, maybe), max_size=3
    ),
    models=st.dictionaries(names, st.builds(LockedModel, maybe, maybe), max_size=3),
    passes=st.dictionaries(names, st.builds(LockedPass, texts, texts, maybe, maybe, maybe), max_size=3),
)


@given(locks)
def test_text_and_back_is_the_same_lock(lock: Lock) -> None:
    assert Lock.from_text(lock.to_text()) == lock


@given(locks, st.randoms())
def test_one_lock_has_one_text(lock: Lock, random: Any) -> None:
    """Whatever the order in which names were met."""
    shuffled = list(lock.datasets.items())
    random.shuffle(shuffled)
    same = Lock(lock.project, lock.lake, dict(shuffled), lock.models, lock.passes)
    assert same.to_text() == lock.to_text()


@pytest.fixture
def applied(project: Callable[..., Any]) -> Any:
    made = project()
    made.apply()
    return made


def test_what_names_mean_is_written_down(applied: Any) -> None:
    registry = applied.open()
    registry.promote("train")
    lock = write_lock(registry)
    assert read_lock(load(applied.folder)) == lock
    (row,) = (row for row in registry.catalog.versions("train") if row.promoted)
    assert lock.datasets["train"] == LockedDataset(row.uuid, row.ordinal, row.rows, promoted=True)
    pairs, newest = lock.datasets["pairs"], registry.latest("pairs")
    assert (pairs.uuid, pairs.ordinal, pairs.promoted) == (newest.uuid, newest.ordinal, False)
    ingest = registry.catalog.last_run("ingest", "pairs")
    assert pairs.source == ingest.facets["ingest"]["listing"]
    said = registry.last_pass_run("light").facets["pass"]
    light = lock.passes["light"]
    assert (light.version, light.generation, light.code) == (said["version"], said["generation"], said["code"])
    assert (lock.passes["keep"].use, lock.passes["keep"].version) == ("filter", None)
    assert lock.lake == registry.lake.id
    assert disagreements(lock, registry.spec) == ()


def test_a_lock_is_the_same_from_another_checkout(applied: Any) -> None:
    registry = applied.open()
    write_lock(registry)
    file = applied.folder / "mmreg.lock"
    first, stamp = file.read_bytes(), file.stat().st_ino
    write_lock(registry)
    assert file.stat().st_ino == stamp, "what is as it was is not written again"
    there = applied.copy(applied.folder.with_name("elsewhere"))
    (there.folder / "mmreg.lock").unlink()
    write_lock(there.open())
    assert (there.folder / "mmreg.lock").read_bytes() == first


def test_before_anything_was_applied_names_mean_nothing_yet(project: Callable[..., Any]) -> None:
    made = project()
    lock = write_lock(made.open())
    assert {entry.uuid for entry in lock.datasets.values()} == {None}
    assert {entry.generation for entry in lock.passes.values()} == {None}
    assert disagreements(lock, made.open().spec) == ()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("n_words >= 2", "n_words >= 3", ["pass keep: is declared otherwise than when the lock was written"]),
        ("type: text, nullable: true", "type: text", ["dataset pairs: is declared otherwise than"]),
        ("into: splits", "into: parted", ["dataset parted: was not declared", "dataset splits: is in the lock, and"]),
        ("\n  words: ", "\n  count: ", ["pass count: was not declared when", "pass words: is in the lock, and"]),
        ("project: small", "project: other", ["project: the lock is of the project 'small', this one is 'other'"]),
        ("inputs: {text: caption}", "inputs: {text: caption}, workers: 2, max_error_rate: 1", []),
    ],
)
def test_a_changed_declaration_disagrees(project: Callable[..., Any], before: str, after: str, said: list[str]) -> None:
    made = project()
    write_lock(made.open())
    file = made.folder / "mmreg.yaml"
    text = file.read_text()
    assert before in text
    changed = text.replace(before, after).replace("max_error_rate: 1, max_error_rate: 1", "max_error_rate: 1")
    file.write_text(changed)
    found = [f"{one.what}: {one.message}" for one in disagreements(read_lock(load(made.folder)), made.open().spec)]
    for words in said:
        assert any(words in one for one in found), found
    assert bool(found) == bool(said)


MODELS = """
version: 1
project: small
lake: {lake}
models:
  cap: {{uri: weights}}
datasets:
  pairs: {{source: {{type: imagefolder, path: images}}, columns: {{image: {{type: image}}}}}}
trainings:
  own: {{from: pairs, command: [python, train.py], output: out, model: own, alias: best, init_from: cap}}
passes:
  light: {{from: pairs, use: "counted:Brightness", model: own@best, inputs: {{image: image}}}}
"""


def test_models_by_the_names_that_are_used(project: Callable[..., Any]) -> None:
    made = project(declaration=MODELS)
    (made.folder / "weights").mkdir()
    (made.folder / "weights" / "w.bin").write_bytes(b"weights")
    train = 'import os, pathlib; pathlib.Path(os.environ["MMREG_OUTPUT"], "w").write_bytes(b"trained")'
    (made.folder / "train.py").write_text(train)
    waiting = write_lock(made.open())
    assert {name: entry.digest for name, entry in waiting.models.items()} == {"cap": None, "own@best": None}
    made.apply()
    registry = made.open()
    lock = write_lock(registry)
    assert lock.models["own@best"] == LockedModel(registry.model("own@best").digest)
    assert lock.models["cap"] == LockedModel(registry.model("cap").digest, registry.spec.models["cap"].digest)
    file = made.folder / "mmreg.yaml"
    file.write_text(file.read_text().replace("{uri: weights}", "{uri: weights, license: mit}"))
    assert [one.what for one in disagreements(lock, made.open().spec)] == ["model cap"]


@pytest.mark.parametrize(
    ("text", "line", "words", "hint"),
    [
        ("[]", 1, "a lock is a map", "apply --lock"),
        ("project: x", 1, "no 'format: NUMBER'", "apply --lock"),
        ("format: one", 1, "no 'format: NUMBER'", "apply --lock"),
        ("format: 99\nanything: new", 1, "format 99 is of a newer mmreg", "pip install --upgrade mmreg"),
        ("format: 1\nproject: x\nlake: y\ndataset: {}", 4, "unknown key 'dataset'; did you mean 'datasets'", "--lock"),
        ("format: 1\nproject: x", 1, "the key 'lake' is missing", "apply --lock"),
        ("format: 1\nproject: x\nlake: y\npasses: []", 4, "'passes' is a map", "apply --lock"),
        ("format: 1\nproject: x\nlake: y\npasses: {clip: 1}", 4, "'clip' is a map", "apply --lock"),
        ("format: 1\nproject: x\nlake: y\npasses:\n  clip:\n    use: a", 6, "'declared' is missing", "apply --lock"),
        ("format: 1\nproject: x\nlake: y\ndatasets:\n  a:\n    rows: true", 6, "'rows' is to be a whole", "--lock"),
        (
            "format: 1\nproject: x\nlake: y\n<<<<<<< HEAD\nmodels: {}\n=======\n",
            4,
            "git has left a merge",
            "apply --lock",
        ),
    ],
)
def test_what_cannot_be_meant_says_where(text: str, line: int, words: str, hint: str) -> None:
    with pytest.raises(SpecError) as failed:
        Lock.from_text(text, "mmreg.lock")
    assert words in failed.value.message
    assert (failed.value.file, failed.value.line) == ("mmreg.lock", line)
    assert hint in str(failed.value.hint)


def test_a_lock_that_is_not_there_or_cannot_be_read(applied: Any) -> None:
    opened = load(applied.folder)
    with pytest.raises(NotFound, match="has no lock yet") as missing:
        read_lock(opened)
    assert missing.value.hint == "mmreg apply --lock"
    file = applied.folder / "mmreg.lock"
    file.write_bytes(b"format: 1\n\xff")
    with pytest.raises(SpecError, match="it is not UTF-8"):
        read_lock(opened)
    file.unlink()
    file.mkdir()
    with pytest.raises(StorageError, match=r"mmreg.lock"):
        read_lock(opened)
    with pytest.raises(StorageError, match=r"mmreg.lock"):
        write_lock(applied.open())
    assert [path.name for path in applied.folder.glob(".mmreg.lock*")] == []


def test_reading_a_lock_needs_neither_lake_nor_index(applied: Any, tmp_path: Path) -> None:
    write_lock(applied.open())
    bare = tmp_path / "checkout"
    bare.mkdir()
    for name in ("mmreg.yaml", "mmreg.lock"):
        (bare / name).write_bytes((applied.folder / name).read_bytes())
    opened = load(bare)
    assert disagreements(read_lock(opened), opened.spec) == ()
    assert sorted(path.name for path in bare.iterdir()) == ["mmreg.lock", "mmreg.yaml"]
    assert json.loads(json.dumps(read_lock(opened).to_text()))
