"""Checkpoints from files: the digest is the model, and nothing is executed to find it."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from mmreg.errors import Conflict, IntegrityError, NotFound, StorageError, UsageError
from mmreg.registry.weights import digest_weights, opaque_checkpoint
from mmreg.schemas.declared_models import ModelSpec
from mmreg.schemas.model import Checkpoint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model as trainings leave one: a configuration, two safetensors files in folders, notes."""
    model = tmp_path / "model"
    (model / "text").mkdir(parents=True)
    save_file(
        {"a": np.zeros((3, 4), np.float32), "s": np.zeros((), np.float32)},
        model / "model.safetensors",
        metadata={"format": "pt"},
    )
    save_file({"b": np.zeros((5,), np.float16)}, model / "text" / "model.safetensors")
    (model / "config.json").write_text('{"model_type": "clip"}')
    return model


def test_a_directory(folder: Path) -> None:
    checkpoint = digest_weights(folder, name="clip", license="mit", base="base@champion")
    assert list(checkpoint.files) == ["config.json", "model.safetensors", "text/model.safetensors"]
    for name, digest in checkpoint.files.items():
        assert digest == hashlib.sha256((folder / name).read_bytes()).hexdigest()
    assert checkpoint.size_bytes == sum((folder / name).stat().st_size for name in checkpoint.files)
    digest = checkpoint.facts["tensors_sha256"]
    counted = {"tensors": 3, "parameters": 18, "dtypes": {"F16": 5, "F32": 13}}
    assert checkpoint.facts == {**counted, "tensors_sha256": digest, "model_type": "clip"}
    assert (checkpoint.name, checkpoint.license, checkpoint.base) == ("clip", "mit", "base@champion")
    assert (checkpoint.framework, checkpoint.path, checkpoint.opaque) == ("transformers", None, False)
    assert Checkpoint.from_dict(json.loads(json.dumps(checkpoint.to_dict()))) == checkpoint


def test_the_digest_of_a_directory_never_changes_its_rule(tmp_path: Path) -> None:
    """Recorded in lakes: this value may not move."""
    (tmp_path / "m" / "b").mkdir(parents=True)
    (tmp_path / "m" / "a.bin").write_bytes(b"one")
    (tmp_path / "m" / "b" / "ü.txt").write_bytes(b"")
    lines = [
        ["a.bin", 3, hashlib.sha256(b"one").hexdigest()],
        ["b/ü.txt", 0, hashlib.sha256(b"").hexdigest()],
    ]
    due = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    assert digest_weights(tmp_path / "m", name="m").digest == hashlib.sha256(due.encode()).hexdigest()
    assert digest_weights(tmp_path / "m", name="m").digest == GOLDEN


GOLDEN = "a4cff3735f75040619b6fdf90fab33c5817b106094124d35fc35e870d74eac8f"


def test_a_file_is_known_by_its_own_digest(folder: Path) -> None:
    checkpoint = digest_weights(folder / "model.safetensors", name="clip")
    sha = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert (checkpoint.digest, checkpoint.files) == (sha, {"model.safetensors": sha})
    assert checkpoint.framework == "torch"


def test_place_and_time_do_not_count(folder: Path, tmp_path: Path) -> None:
    before = digest_weights(folder, name="clip")
    moved = tmp_path / "elsewhere" / "copy"
    shutil.copytree(folder, moved)
    for file in moved.rglob("*"):
        os.utime(file, (1, 1))
    (moved / ".cache").mkdir()
    (moved / ".cache" / "notes").write_text("a tool's own")
    assert digest_weights(moved, name="clip") == before


def test_content_and_names_count(folder: Path) -> None:
    seen = {digest_weights(folder, name="clip").digest}
    (folder / "config.json").write_text('{"model_type": "blip"}')
    seen.add(digest_weights(folder, name="clip").digest)
    (folder / "config.json").rename(folder / "config2.json")
    seen.add(digest_weights(folder, name="clip").digest)
    (folder / "more.txt").touch()
    seen.add(digest_weights(folder, name="clip").digest)
    (folder / "more.txt").rename(folder / "text" / "more.txt")
    seen.add(digest_weights(folder, name="clip").digest)
    assert len(seen) == 5


_names = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=6)


@settings(max_examples=30, deadline=None)
@given(a=st.dictionaries(_names, st.binary(max_size=9), min_size=1, max_size=4), data=st.data())
def test_two_directories_have_one_digest_only_if_they_are_equal(
    tmp_path_factory: pytest.TempPathFactory, a: dict[str, bytes], data: st.DataObject
) -> None:
    b = data.draw(st.one_of(st.just(a), st.dictionaries(_names, st.binary(max_size=9), min_size=1, max_size=4)))
    digests = []
    for content in (a, b):
        folder = tmp_path_factory.mktemp("model")
        for name, value in content.items():
            (folder / name).write_bytes(value)
        digests.append(digest_weights(folder, name="m").digest)
    assert (digests[0] == digests[1]) == (a == b)


class Canary:
    """Unpickling it creates a file."""

    def __init__(self, nest: Path) -> None:
        self.nest = nest

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.nest),)


def test_a_pickle_is_digested_and_never_loaded(tmp_path: Path) -> None:
    nest = tmp_path / "it_ran"
    model = tmp_path / "model"
    model.mkdir()
    payload = pickle.dumps(Canary(nest))
    for name in ("pytorch_model.bin", "weights.pt", "model.safetensors.ckpt", "config.pkl"):
        (model / name).write_bytes(payload)
    checkpoint = digest_weights(model, name="canary")
    assert sorted(checkpoint.facts["pickles"]) == sorted(checkpoint.files)
    assert set(checkpoint.files.values()) == {hashlib.sha256(payload).hexdigest()}
    assert not nest.exists()
    pickle.loads(payload)
    assert nest.exists()  # the canary sings where somebody does load it


def test_symbolic_links_are_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "link.bin").symlink_to(folder / "config.json")
    with pytest.raises(UsageError, match=r"link\.bin is a symbolic link") as caught:
        digest_weights(folder, name="clip")
    assert "cp -rL" in (caught.value.hint or "")
    (folder / "link.bin").unlink()
    (folder / "text2").symlink_to(folder / "text")
    with pytest.raises(UsageError, match="text2 is a symbolic link"):
        digest_weights(folder, name="clip")
    latest = tmp_path / "latest"
    latest.symlink_to(folder)
    with pytest.raises(UsageError, match="latest is a symbolic link") as caught:
        digest_weights(latest, name="clip")
    assert str(folder) in (caught.value.hint or "")


def test_special_files_are_refused_unopened(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(UsageError, match="pipe is no regular file"):
        digest_weights(folder, name="clip")


def test_names_that_no_record_can_carry(folder: Path) -> None:
    (folder / os.fsdecode(b"bad\xff.bin")).touch()
    with pytest.raises(UsageError, match="has a name that no record can carry"):
        digest_weights(folder, name="clip")


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there are no weights at"):
        digest_weights(tmp_path / "nowhere", name="clip")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="has no files"):
        digest_weights(tmp_path / "empty", name="clip")
    with pytest.raises(UsageError, match="is no model name"):
        digest_weights(tmp_path, name="a b")


def test_an_unreadable_name_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot read"):
        digest_weights(tmp_path / ("n" * 300), name="clip")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:-1], "is not whole: its header announces"),
        (lambda data: data + b"x", "is not whole: its header announces"),
        (lambda data: data[:20], "header cannot be read"),
        (lambda data: data[:3], "header cannot be read"),
        (lambda data: b"\xff" * 8 + data[8:], "header cannot be read"),
        (lambda data: (2).to_bytes(8, "little") + b"[]", "header cannot be read"),
        (lambda data: (8).to_bytes(8, "little") + b'{"a":[]}', "header cannot be read"),
    ],
)
def test_a_safetensors_file_that_is_not_whole(folder: Path, damage: object, message: str) -> None:
    assert callable(damage)
    file = folder / "model.safetensors"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(IntegrityError, match=message):
        digest_weights(folder, name="clip")


def test_progress_counts_bytes_to_the_end(tmp_path: Path) -> None:
    model = tmp_path / "m"
    model.mkdir()
    (model / "a.bin").write_bytes(bytes(3_000_000))
    (model / "b.bin").write_bytes(bytes(10))
    seen: list[tuple[int, int]] = []
    digest_weights(model, name="m", progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert len(seen) >= 4
    assert seen[-1] == (3_000_010, 3_000_010)


def test_a_file_that_grows_meanwhile(tmp_path: Path) -> None:
    file = tmp_path / "w.bin"
    file.write_bytes(bytes(2_000_000))

    def grow(done: int, total: int) -> None:
        with file.open("ab") as stream:
            stream.write(b"more")

    with pytest.raises(Conflict, match="changed while it was read"):
        digest_weights(file, name="m", progress=grow)


@pytest.mark.parametrize(
    ("files", "framework"),
    [
        ({"open_clip_config.json": "{}", "config.json": '{"model_type": "clip"}'}, "open_clip"),
        ({"config.json": '{"model_type": "clip"}'}, "transformers"),
        ({"config.json": "{}", "w.pt": ""}, "torch"),
        ({"config.json": "no json"}, "other"),
        ({"config.json": "[]"}, "other"),
    ],
)
def test_the_framework_is_told_from_the_files(tmp_path: Path, files: dict[str, str], framework: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert digest_weights(tmp_path, name="m").framework == framework
    assert digest_weights(tmp_path, name="m", framework="torch").framework == "torch"


def test_a_model_behind_an_address_is_opaque_and_says_so() -> None:
    spec = ModelSpec(uri="https://vlm.example/v1", name="qwen", framework="openai", license="x")
    checkpoint = opaque_checkpoint(spec, "vlm")
    assert (checkpoint.opaque, checkpoint.files, checkpoint.framework) == (True, {}, "openai")
    assert (checkpoint.uri, checkpoint.license) == ("https://vlm.example/v1", "x")
    assert opaque_checkpoint(spec.model_copy(update={"api_key": "env:KEY"}), "vlm") == checkpoint
    for change in ({"uri": "https://vlm.example/v2"}, {"name": "other"}, {"revision": "2"}):
        assert opaque_checkpoint(spec.model_copy(update=change), "vlm").digest != checkpoint.digest
