"""Models by their name on a hub: what lies in its cache is digested as it is, and nothing is asked of a network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmreg.curation.apply import apply
from mmreg.curation.plan import plan
from mmreg.errors import IntegrityError, MissingExtra, NotFound, StorageError, UsageError
from mmreg.registry.api import Registry
from mmreg.registry.hub import cached_snapshot, fetched_snapshot
from mmreg.registry.init import init_project
from mmreg.registry.weights import digest_weights
from mmreg.schemas.refs import ModelRef

COMMIT, OTHER = "a" * 40, "b" * 40
DECLARATION = """
version: 1
project: by-name
models:
  cap: {uri: "hf://org/captioner", framework: transformers}
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The cache of the hub, empty, on a machine without network."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    yield tmp_path / "cache"


def fetch(cache: Path, commit: str, **files: bytes) -> Path:
    """What the hub's library leaves in its cache: blobs, and links to them under each commit."""
    home = cache / "models--org--captioner"
    snapshot = home / "snapshots" / commit
    for folder in (home / "blobs", home / "refs", snapshot):
        folder.mkdir(parents=True, exist_ok=True)
    (home / "refs" / "main").write_text(commit)
    for name, data in files.items():
        blob = home / "blobs" / f"{len(data)}-{data.hex()[:20]}"
        blob.write_bytes(data)
        (snapshot / name).symlink_to(blob)
    return snapshot


@pytest.fixture
def registry(tmp_path: Path, cache: Path) -> Registry:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "mmreg.yaml").write_text(DECLARATION)
    init_project(folder)
    return Registry.open(folder)


def test_a_snapshot_is_known_by_its_files_wherever_they_lie(cache: Path, tmp_path: Path) -> None:
    snapshot = fetch(cache, COMMIT, config=b"{}", weights=b"abc")
    assert cached_snapshot("hf://org/captioner", None) == snapshot == cached_snapshot("hf://org/captioner", COMMIT)
    plain = tmp_path / "plain"
    shutil.copytree(snapshot, plain)
    assert not (plain / "config").is_symlink()
    assert digest_weights(snapshot, name="cap").digest == digest_weights(plain, name="cap").digest


def test_what_is_not_there(cache: Path) -> None:
    assert cached_snapshot("hf://org/captioner", None) is None
    fetch(cache, COMMIT, config=b"{}")
    assert cached_snapshot("hf://org/captioner", OTHER) is None
    with pytest.raises(StorageError, match="hf://org/captioner at other cannot be fetched"):
        fetched_snapshot("hf://org/captioner", "other")


@pytest.mark.parametrize("uri", ["hf://captioner", "hf://", "hf://a/b/c", "hf://a/"])
def test_a_name_that_is_none(cache: Path, uri: str) -> None:
    with pytest.raises(UsageError, match="names no model"):
        cached_snapshot(uri, None)


def test_links_to_elsewhere_are_still_refused(cache: Path, tmp_path: Path) -> None:
    snapshot = fetch(cache, COMMIT, config=b"{}")
    (tmp_path / "outside").write_bytes(b"x")
    (snapshot / "weights").symlink_to(tmp_path / "outside")
    with pytest.raises(UsageError, match="is a symbolic link"):
        digest_weights(snapshot, name="cap")
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "x").write_bytes(b"x")
    (snapshot / "weights").unlink()
    (snapshot / "weights").symlink_to(tmp_path / "blobs" / "x")
    with pytest.raises(UsageError, match="is a symbolic link"):
        digest_weights(snapshot, name="cap")


def test_from_the_declaration_to_the_files(registry: Registry, cache: Path) -> None:
    assert [(step.action, step.reason) for step in plan(registry).steps] == [
        ("run", "to be fetched from hf://org/captioner")
    ]
    with pytest.raises(StorageError, match="cannot be fetched"):
        apply(registry)
    with pytest.raises(NotFound, match="is to be fetched"):
        registry.loaded_model(ModelRef("cap"))
    snapshot = fetch(cache, COMMIT, config=b"{}", weights=b"abc")
    apply(registry)
    model = registry.model("cap")
    assert (model.opaque, model.path, model.uri) == (False, None, "hf://org/captioner")
    assert model.facts["revision"] == COMMIT
    assert registry.loaded_model(ModelRef("cap"), verify=True).path == snapshot
    assert [step.action for step in plan(registry).steps] == ["nothing"]


def test_another_revision_is_another_checkpoint(registry: Registry, cache: Path) -> None:
    fetch(cache, COMMIT, weights=b"abc")
    apply(registry)
    first = registry.model("cap")
    newer = fetch(cache, OTHER, weights=b"abcd")
    assert [step.action for step in plan(registry).steps] == ["run"]
    apply(registry)
    assert registry.model("cap").digest != first.digest
    assert registry.loaded_model(ModelRef("cap")).path == newer
    earlier = registry.loaded_model(ModelRef("cap", first.digest[:12]), verify=True)
    assert earlier.path is not None and earlier.path.name == COMMIT


def test_other_bytes_in_the_cache_are_found(registry: Registry, cache: Path) -> None:
    snapshot = fetch(cache, COMMIT, weights=b"abc")
    apply(registry)
    (snapshot / "weights").resolve().write_bytes(b"xyz")
    digest = registry.model("cap").digest[:12]
    with pytest.raises(IntegrityError, match="holds other weights"):
        registry.loaded_model(ModelRef("cap", digest), verify=True)
    shutil.rmtree(cache)
    with pytest.raises(NotFound, match="are not in the cache of the Hugging Face hub"):
        registry.loaded_model(ModelRef("cap", digest))


def test_a_missing_library_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtra) as caught:
        cached_snapshot("hf://org/captioner", None)
    assert caught.value.extra == "mllm"
