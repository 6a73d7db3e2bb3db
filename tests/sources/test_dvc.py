"""A real Git and DVC repository: revisions, what the lineage keeps, and a cache that can be deleted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmreg.errors import MissingExtra, NotFound, StorageError, UsageError

PLAIN = {"image": {"type": "image"}}
FOLDER = {"type": "dvc", "repo": "repo", "path": "data/img"}


class Repository:
    """A repository with one commit per call of `commit`."""

    def __init__(self, folder: Path) -> None:
        from dvc.repo import Repo

        self.folder = folder
        folder.mkdir()
        self.git("init", "-q", "-b", "main")
        with quiet():
            Repo.init(str(folder)).close()

    def commit(self, *tracked: str) -> str:
        from dvc.repo import Repo

        with quiet(), Repo(str(self.folder)) as repo:
            repo.add([str(self.folder / path) for path in tracked])
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "data")
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        name = ["-c", "user.name=Tester", "-c", "user.email=tester@example.org"]
        done = subprocess.run(["git", *name, *arguments], cwd=self.folder, check=True, capture_output=True)
        return done.stdout.decode().strip()


def quiet() -> Any:
    """DVC's own libraries warn of their own deprecations."""
    return warnings.catch_warnings(action="ignore")


@pytest.fixture
def repository(tmp_path: Path, picture: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Two commits: v1 has a.png and sub/b.png; after it b changed and c came; never committed: d."""
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    repository = Repository(tmp_path / "repo")
    images = repository.folder / "data" / "img"
    (images / "sub").mkdir(parents=True)
    (images / "a.png").write_bytes(picture(size=(1, 1)))
    (images / "sub" / "b.png").write_bytes(picture(size=(2, 2)))
    repository.commit("data/img")
    repository.git("tag", "v1")
    (images / "sub" / "b.png").write_bytes(picture(size=(3, 3)))
    (images / "c.png").write_bytes(picture(size=(4, 4)))
    (repository.folder / "plain.jsonl").write_text('{"image": "a.png"}\n{"image": "gone.png"}\n')
    (repository.folder / "captions.csv").write_text("file,text\na.png,one\nsub/b.png,two\n")
    repository.commit("data/img", "captions.csv")
    (images / "d.png").write_bytes(picture(size=(5, 5)))
    return repository


def sizes(found: Any) -> dict[str, int]:
    return {address: row["image"]["width"] for address, row in found.rows.items()}


def test_each_revision_has_its_own_files(repository, tmp_path, open_declared, read_all) -> None:
    first = open_declared({**FOLDER, "rev": "v1"}, PLAIN)
    head = open_declared(FOLDER, PLAIN)
    assert sizes(read_all(first)) == {"a.png": 1, "sub/b.png": 2}
    assert sizes(read_all(head)) == {"a.png": 1, "c.png": 4, "sub/b.png": 3}
    md5 = next(
        line.split()[-1]
        for line in repository.git("show", "v1:data/img.dvc").splitlines()
        if "md5:" in line and ".dir" in line
    )
    assert first.facts == {
        "type": "dvc", "repo": "repo", "path": "data/img", "rev": "v1",
        "revision": repository.git("rev-parse", "v1"), "md5": md5, "read_as": "imagefolder",
    }  # fmt: skip
    assert head.facts["revision"] == repository.git("rev-parse", "HEAD")
    assert head.facts["md5"] != md5
    assert first.media_root == str(tmp_path / ".mmreg/cache/dvc" / md5.removesuffix(".dir") / "img")


def test_a_new_revision_moves_only_the_stamps_of_what_changed(repository, tmp_path, open_declared, read_all) -> None:
    first = read_all(open_declared({**FOLDER, "rev": "v1"}, PLAIN)).stamps
    head = read_all(open_declared(FOLDER, PLAIN)).stamps
    assert first["a.png"] == head["a.png"]
    assert first["sub/b.png"] != head["sub/b.png"]
    shutil.rmtree(tmp_path / ".mmreg")
    assert read_all(open_declared(FOLDER, PLAIN)).stamps == head, "the cache may be deleted"


def test_what_was_fetched_is_not_fetched_again(repository, open_declared, read_all) -> None:
    open_declared(FOLDER, PLAIN)
    shutil.rmtree(repository.folder / ".dvc" / "cache")
    assert len(read_all(open_declared(FOLDER, PLAIN)).rows) == 3


def test_captions_and_media_come_from_the_repository(repository, open_declared, read_all) -> None:
    columns = {**PLAIN, "caption": {"type": "text", "field": "text", "nullable": True}}
    found = read_all(open_declared({**FOLDER, "captions": "captions.csv"}, columns))
    assert {address: row["caption"] for address, row in found.rows.items()} == {
        "a.png": "one", "c.png": None, "sub/b.png": "two"
    }  # fmt: skip
    declared = {"type": "dvc", "repo": "repo", "path": "plain.jsonl", "media_root": "data/img"}
    source = open_declared(declared, PLAIN)
    found = read_all(source)
    assert list(sizes(found).values()) == [1]
    assert list(found.reasons.values()) == ["missing_file"]
    assert (source.facts["md5"], source.facts["read_as"]) == (None, "jsonl")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rev": "v9"}, r"source\.rev: repo has no revision v9"),
        ({"path": "data/none"}, r"data/none is not in the repository repo at HEAD"),
        ({"repo": "nowhere"}, r"datasets\.pairs\.source\.repo: nowhere is not there"),
    ],
)
def test_what_is_not_there_names_the_line(repository, open_declared, change, message) -> None:
    with pytest.raises(NotFound, match=message):
        open_declared({**FOLDER, **change}, PLAIN)


def test_data_that_cannot_be_had_leaves_nothing_behind(repository, tmp_path, open_declared) -> None:
    shutil.rmtree(repository.folder / ".dvc" / "cache")
    with pytest.raises(StorageError, match="data/img cannot be fetched from repo"):
        open_declared({**FOLDER, "rev": "v1"}, PLAIN)
    assert not [path for path in (tmp_path / ".mmreg/cache/dvc").rglob("*") if path.is_file() or ".part" in path.name]


def test_a_declaration_without_a_repository_or_with_a_climbing_path(repository, open_declared) -> None:
    with pytest.raises(UsageError, match="needs the repository"):
        open_declared({"type": "dvc", "path": "data"}, PLAIN)
    with pytest.raises((UsageError, NotFound)):
        open_declared({**FOLDER, "path": ".."}, PLAIN)


def test_without_dvc_the_extra_is_named(repository, open_declared, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "dvc.api", None)
    with pytest.raises(MissingExtra, match=r"mmreg\[dvc\]"):
        open_declared(FOLDER, PLAIN)


def test_nothing_is_reported_to_anybody(repository, open_declared, monkeypatch) -> None:
    monkeypatch.delenv("DVC_NO_ANALYTICS")
    open_declared(FOLDER, PLAIN)
    assert os.environ["DVC_NO_ANALYTICS"] == "1"
