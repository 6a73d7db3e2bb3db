"""Files that run code when somebody loads them: nobody does."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mmreg
from mmreg.curation.encoder import open_encoder
from mmreg.curation.protocol import LoadedModel
from mmreg.errors import IntegrityError, UsageError
from mmreg.registry.weights import digest_weights


class Canary:
    """Unpickled, it makes a folder."""

    def __init__(self, nest: Path) -> None:
        self.nest = nest

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.nest),)


@pytest.fixture
def nest(tmp_path: Path) -> Path:
    """What must not be there in the end."""
    return tmp_path / "it_ran"


def test_registering_and_showing_a_pickle_loads_nothing(place: Any, nest: Path) -> None:
    place.declare("""
        version: 1
        project: small
        models:
          declared: {uri: weights/two.pt, framework: torch}
    """)
    weights = place.folder / "weights"
    weights.mkdir()
    for name in ("one.bin", "two.pt", "three.ckpt", "four.pkl"):
        (weights / name).write_bytes(pickle.dumps(Canary(nest)))
    np.save(weights / "five.npy", np.array([Canary(nest)], dtype=object), allow_pickle=True)
    place.call("init")
    place.call("apply", "--quiet", status=None)
    place.call("model", "add", str(weights), "all")
    shown = place.json("model", "show", "all")
    assert set(shown["facts"]["pickles"]) == {"one.bin", "two.pt", "three.ckpt", "four.pkl"}
    place.call("model", "ls")
    place.call("lineage", "down", "model:all")
    assert not nest.exists()


@pytest.mark.parametrize(("config", "suffix"), [("open_clip_config.json", ".pt"), ("config.json", ".bin")])
def test_no_model_is_opened_from_a_pickle(tmp_path: Path, nest: Path, config: str, suffix: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / config).write_text(json.dumps({"model_cfg": {"embed_dim": 8}, "model_type": "clip"}))
    (folder / f"weights{suffix}").write_bytes(pickle.dumps(Canary(nest)))
    model = LoadedModel(digest_weights(folder, name="bad"), folder)
    with pytest.raises(UsageError, match="is a pickle, and loading a pickle may run code"):
        open_encoder(model)
    with pytest.raises(UsageError):
        open_encoder(model, allow_pickle=True)
    assert not nest.exists()


def test_data_files_run_nothing(tmp_path: Path, nest: Path, read: Callable[..., Any]) -> None:
    """Arrow once kept Python's types as pickles in a file's metadata; others keep pickles in a column."""
    data = pickle.dumps(Canary(nest))
    marks = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": data}
    schema = pa.schema(
        [pa.field("number", pa.int64(), metadata=marks)], metadata={b"pandas": data, b"PANDAS_ATTRS": data}
    )
    pq.write_table(pa.table([pa.array([1])], schema=schema), tmp_path / "a.parquet")
    found = read({"type": "parquet", "path": "a.parquet"}, {"number": {"type": "int"}})
    assert len(found.rows) == 1
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(data)
    (tmp_path / "images" / "a.txt").write_bytes(data)
    assert read({"type": "imagefolder", "path": "images"}).reason == "not_an_image"
    assert not nest.exists()


def test_a_repository_cannot_say_where_dvc_keeps_its_pickles(tmp_path: Path, read: Callable[..., Any]) -> None:
    """DVC's databases hold pickles; the configuration inside a stranger's repository could name prepared ones."""
    from dvc.repo import Repo
    from PIL import Image

    repository, prepared = tmp_path / "repo", tmp_path / "prepared"
    (repository / "data").mkdir(parents=True)
    Image.new("RGB", (4, 4)).save(repository / "data" / "a.png")
    with warnings.catch_warnings(action="ignore"):
        git(repository, "init", "-q")
        Repo.init(str(repository)).close()
        with Repo(str(repository)) as repo:
            repo.add([str(repository / "data")])
    with (repository / ".dvc" / "config").open("a") as config:
        config.write(f"[core]\n    site_cache_dir = {prepared}\n    analytics = false\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "data")
    assert len(read({"type": "dvc", "repo": "repo", "path": "data"}).rows) == 1
    assert not prepared.exists()


def test_a_dvc_folder_that_climbs_leaves_its_place_in_no_way(tmp_path: Path, read: Callable[..., Any]) -> None:
    """The list of a folder's files is data, and may name any path."""
    path = "sub/../../../../climbed.png"
    import hashlib

    from dvc.repo import Repo
    from PIL import Image

    from mmreg.errors import MmregError

    repository = tmp_path / "repo"
    (repository / "data").mkdir(parents=True)
    Image.new("RGB", (4, 4)).save(repository / "data" / "a.png")
    with warnings.catch_warnings(action="ignore"):
        git(repository, "init", "-q")
        Repo.init(str(repository)).close()
        with Repo(str(repository)) as repo:
            repo.add([str(repository / "data")])
    declared = repository / "data.dvc"
    known = re.search(r"md5: (\w+)\.dir", declared.read_text())
    assert known is not None
    cache = repository / ".dvc" / "cache" / "files" / "md5"
    listed = json.loads((cache / known[1][:2] / f"{known[1][2:]}.dir").read_bytes())
    data = json.dumps([*listed, {"md5": listed[0]["md5"], "relpath": path}]).encode()
    digest = hashlib.md5(data).hexdigest()
    (cache / digest[:2]).mkdir(exist_ok=True)
    (cache / digest[:2] / f"{digest[2:]}.dir").write_bytes(data)
    declared.write_text(declared.read_text().replace(known[1], digest))
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "data")
    before = {file for file in tmp_path.rglob("*") if not file.is_relative_to(tmp_path / ".mmreg")}
    with suppress(MmregError):
        read({"type": "dvc", "repo": "repo", "path": "data"})
    after = {file for file in tmp_path.rglob("*") if not file.is_relative_to(tmp_path / ".mmreg")}
    assert {file for file in after - before if ".git" not in file.parts and ".dvc" not in file.parts} == set()


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=Tester", "-c", "user.email=tester@example.org"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def test_weights_with_a_lying_header(tmp_path: Path) -> None:
    """Safetensors hold no code, but a header is read: it may be deep, endless or of no type."""
    headers: list[bytes] = [
        b"[" * 50_000,
        b'{"a":' * 50_000,
        json.dumps({"a": {"dtype": "\x1b[2J" * 40, "shape": [], "data_offsets": [0, 0]}}).encode(),
        json.dumps({"a": {"dtype": "F32", "shape": [10**400] * 9, "data_offsets": [0, 0]}}).encode(),
        json.dumps({"a": {"dtype": "F32", "shape": "abc", "data_offsets": [0, 0]}}).encode(),
        b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 1e999]}}',
    ]
    for number, header in enumerate(headers):
        file = tmp_path / f"{number}.safetensors"
        file.write_bytes(len(header).to_bytes(8, "little") + header)
        with pytest.raises(IntegrityError, match=r"is no safetensors file|is not whole"):
            digest_weights(file, name="bad")


def test_nothing_of_ours_unpickles() -> None:
    """Workers get code and rows by pickle from their own parent (`multiprocessing`); nothing else, from nobody else."""
    package = Path(mmreg.__file__).parent
    for file in package.rglob("*.py"):
        code = file.read_text()
        assert not re.search(r"\b(pickle|dill|joblib|shelve|marshal)\.load|allow_pickle=True|yaml\.load\(", code), file
        assert not re.search(r"\b(eval|exec)\(", code), file
        for call in re.findall(r"torch\.load\([^)]*\)", code):
            assert "weights_only=True" in call, file
        for call in re.findall(r"np\.load\([^)]*\)", code):
            assert "allow_pickle=False" in call or "allow_pickle" not in call, file
