"""Finding a project: its file, its lake, its index, and secrets that never show."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mmreg.config import DEFAULT_CATALOG, find_project, load, project, resolve_secret
from mmreg.errors import NotFound, SpecError, UsageError
from mmreg.schemas.declaration import LakeSpec, ProjectSpec

HEAD = "version: 1\nproject: p\n"
S3 = HEAD + "lake: {uri: 's3://bucket/lake/', options: {region: x, aws_secret_access_key: 'env:THE_KEY'}}\n"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MMREG_LAKE", "MMREG_CATALOG", "THE_KEY"):
        monkeypatch.delenv(name, raising=False)


def declare(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mmreg.yaml").write_text(text, encoding="utf-8")
    return folder


def test_the_nearest_file_upwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outer, inner = declare(tmp_path / "a", HEAD), declare(tmp_path / "a" / "b" / "c", HEAD)
    deep = inner / "d"
    deep.mkdir()
    assert find_project(deep) == inner / "mmreg.yaml"
    assert find_project(tmp_path / "a" / "b") == outer / "mmreg.yaml"
    monkeypatch.chdir(deep)
    assert load().folder == load(deep).folder == load(inner / "mmreg.yaml").folder == inner


def test_no_project_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="Try: mmreg init"):
        find_project(tmp_path)
    with pytest.raises(NotFound, match="no project at"):
        load(tmp_path / "nothing.yaml")
    (tmp_path / "mmreg.yaml").mkdir()
    with pytest.raises(NotFound):
        load(tmp_path)


@pytest.mark.parametrize(
    ("lake", "uri"),
    [
        ("", "{folder}/.mmreg/lake"),
        ("lake: ./lake\n", "{folder}/lake"),
        ("lake: ../lake\n", "{parent}/lake"),
        ("lake: {uri: lakes/one}\n", "{folder}/lakes/one"),
        ("lake: /abs/lake\n", "/abs/lake"),
        ("lake: file:///abs/my%20lake\n", "/abs/my lake"),
        ("lake: s3://bucket/lake/\n", "s3://bucket/lake"),
        ("lake: gs://bucket/lake\n", "gs://bucket/lake"),
        ("lake: {uri: 'az://container/lake'}\n", "az://container/lake"),
    ],
)
def test_where_the_lake_is(tmp_path: Path, lake: str, uri: str) -> None:
    folder = declare(tmp_path / "project", HEAD + lake)
    assert load(folder).lake_uri == uri.format(folder=folder, parent=tmp_path)


def test_a_lake_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a lake cannot be at ftp://; use a path or s3://, gs://, az://"):
        load(declare(tmp_path, HEAD + "lake: ftp://host/lake\n"))


def test_the_environment_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = declare(tmp_path / "project", S3)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MMREG_LAKE", "elsewhere")
    monkeypatch.setenv("MMREG_CATALOG", "sqlite:///other.db")
    loaded = load(folder)
    assert (loaded.lake_uri, loaded.catalog_url) == (str(tmp_path / "elsewhere"), "sqlite:///other.db")
    assert loaded.lake_options == {}
    monkeypatch.setenv("MMREG_LAKE", "s3://other/lake")
    monkeypatch.setenv("THE_KEY", "shh")
    assert load(folder).lake_options == {"region": "x", "aws_secret_access_key": "shh"}


def test_credentials_in_the_environments_address_are_refused_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMREG_LAKE", "s3://me:AKIAplain@bucket")
    with pytest.raises(UsageError, match="must not carry credentials") as caught:
        load(declare(tmp_path, HEAD))
    assert "AKIAplain" not in str(caught.value)


def test_a_profile_moves_the_lake(tmp_path: Path) -> None:
    folder = declare(tmp_path, HEAD + "profiles: {ci: {lake: ci-lake, catalog: 'sqlite:///ci.db'}}\n")
    assert load(folder).catalog_url == DEFAULT_CATALOG
    loaded = load(folder, "ci")
    assert (loaded.lake_uri, loaded.catalog_url) == (str(tmp_path / "ci-lake"), "sqlite:///ci.db")
    assert loaded.spec.lake == "ci-lake"
    with pytest.raises(UsageError, match="no profile 'cj'; known: ci"):
        load(folder, "cj")


def test_secrets_come_from_the_environment_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", "hf_secret")
    loaded = load(declare(tmp_path, S3 + "catalog: env:THE_KEY\n"))
    assert loaded.lake_options["aws_secret_access_key"] == "hf_secret" == loaded.catalog_url
    assert "hf_secret" not in repr(loaded) and "hf_secret" not in str(loaded.spec)
    (tmp_path / "key.txt").write_text("from a file\n")
    assert resolve_secret("file:key.txt", tmp_path) == "from a file"
    assert resolve_secret("plain", tmp_path) == "plain"


def test_a_missing_secret_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"environment variable THE_KEY is not set\n  Try: export THE_KEY="):
        load(declare(tmp_path, S3))
    with pytest.raises(UsageError, match=r"the secret in nothing\.txt cannot be read"):
        load(declare(tmp_path, S3.replace("env:THE_KEY", "file:nothing.txt")))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (S3.replace("env:THE_KEY", "AKIAplain"), 3),
        (HEAD + "lake: s3://AKIAplain:AKIAplain@bucket\n", 3),
        (HEAD + "catalog: postgresql+psycopg://me:AKIAplain@host/db\n", 3),
        (HEAD + "lake: 3\n", 3),
        (HEAD + "lake: {uri: x, options: {a: 3}}\n", 3),
        (HEAD + "lake: {url: x}\n", 3),
        (HEAD + "catalog: [x]\n", 3),
        (HEAD + "lake: [\n", 4),
    ],
)
def test_places_that_make_no_sense_end_at_once(tmp_path: Path, text: str, line: int) -> None:
    with pytest.raises(SpecError) as caught:
        load(declare(tmp_path, text))
    assert caught.value.line == line
    assert "AKIAplain" not in str(caught.value)


def test_the_rest_is_checked_when_it_is_asked_for(tmp_path: Path) -> None:
    loaded = load(declare(tmp_path, HEAD + "pases: {}\n"))
    assert loaded.lake_uri == str(tmp_path / ".mmreg" / "lake")
    with pytest.raises(SpecError, match="did you mean 'passes'"):
        _ = loaded.spec


def test_the_declaration_is_the_one_that_the_lake_was_found_in(tmp_path: Path) -> None:
    loaded = load(declare(tmp_path, HEAD + "lake: one\n"))
    declare(tmp_path, HEAD + "lake: two\n")
    assert loaded.spec.lake == "one" and loaded.spec is loaded.spec


def test_a_declaration_in_python_is_a_project_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", "shh")
    spec = ProjectSpec(version=1, project="p", lake=LakeSpec(uri="s3://b/l", options={"token": "env:THE_KEY"}))
    made = project(spec, tmp_path)
    assert (made.folder, made.lake_uri, made.lake_options) == (tmp_path, "s3://b/l", {"token": "shh"})
    assert made.spec is spec
    monkeypatch.chdir(tmp_path)
    assert project(ProjectSpec(version=1, project="p")).lake_uri == str(tmp_path / ".mmreg" / "lake")


def test_finding_a_lake_imports_nothing_heavy(tmp_path: Path) -> None:
    declare(tmp_path, HEAD + "passes: {a: {from: b, use: filter, into: c, where: 'x > 1'}}\n")
    heavy = "{'pydantic', 'sqlglot', 'pyarrow', 'lance', 'sqlalchemy', 'numpy', 'rapidfuzz'}"
    code = f"import sys; from mmreg.config import load; load(); print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
