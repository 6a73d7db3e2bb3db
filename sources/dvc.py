"""Data kept by DVC: fetched once into ``.mmreg/cache/dvc``, then read like any local folder or file.

``path``, ``captions`` and ``media_root`` are paths in the repository at ``rev`` (default ``HEAD``: what is
committed, not the working tree). The cache may be deleted at any time.
"""

from __future__ import annotations

import os
import posixpath
import re
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from xxhash import xxh3_64, xxh3_64_hexdigest

from mmreg.errors import MissingExtra, MmregError, NotFound, StorageError, UsageError
from mmreg.schemas.declaration import DatasetSpec, SourceSpec
from mmreg.sources.declared import declared_path
from mmreg.sources.files import normalise
from mmreg.sources.record import Refused

_CACHE = ".mmreg/cache/dvc"
_DATABASES = "DVC_SITE_CACHE_DIR"
_USERINFO = re.compile(r"(?<=://)[^/@]*@")


def fetch(name: str, spec: DatasetSpec, base: Path) -> tuple[DatasetSpec, dict[str, Any]]:
    """Bring the declared data here; answer how to read it there, and its facts (revision and MD5 resolved).

    Raises `NotFound` (repository, revision, path), `StorageError` (the data cannot be had), `MissingExtra`.
    """
    source = spec.source
    if source.repo is None:
        raise UsageError(
            f"dataset {name}: a source of type dvc needs the repository",
            hint=f"add `repo: .` (or its path or URL) under datasets.{name}.source",
        )
    with _dvc_errors(name, source), _own_databases(base):
        files = _open(name, source.repo, source.rev, base)
        revision = files.repo.get_rev()
        md5 = _info(files, name, source, source.path).get("md5")
        cache = base / _CACHE
        places = {
            key: _bring(files, _info(files, name, source, path).get("md5"), revision, path, cache)
            for key in ("path", "captions", "media_root")
            if (path := getattr(source, key)) is not None
        }
    facts = {
        "type": "dvc", "repo": _USERINFO.sub("", source.repo), "path": source.path, "rev": source.rev,
        "revision": revision, "md5": md5, "read_as": source.read_as or _read_as(places["path"]),
    }  # fmt: skip
    local = source.model_copy(update={"type": facts["read_as"], **places})
    return spec.model_copy(update={"source": local}), facts


def _open(name: str, repo: str, rev: str | None, base: Path) -> Any:
    is_url = "://" in repo or re.match(r"[^/]+@[^/]+:", repo)
    place = repo if is_url else declared_path(name, "repo", repo, base)
    os.environ.setdefault("DVC_NO_ANALYTICS", "1")
    try:
        api: Any = import_module("dvc.api")
    except ImportError:
        raise MissingExtra("a source of type dvc", extra="dvc") from None
    return api.DVCFileSystem(place, rev=rev or "HEAD")


def _info(files: Any, name: str, source: SourceSpec, path: str) -> dict[str, Any]:
    try:
        info: dict[str, Any] = files.info(path)
    except FileNotFoundError:
        raise NotFound(
            f"datasets.{name}.source: {path} is not in the repository {_USERINFO.sub('', source.repo or '')} "
            f"at {source.rev or 'HEAD'}",
            hint=f"correct `path:` or `rev:` under datasets.{name}.source in mmreg.yaml",
        ) from None
    return info


def _bring(files: Any, md5: str | None, revision: str, path: str, cache: Path) -> str:
    """Fetch ``path`` unless it is here: by content where DVC knows its MD5, else by revision."""
    key = md5.removesuffix(".dir") if md5 else f"{revision}-{xxh3_64_hexdigest(path.encode())}"
    try:
        name = posixpath.basename(normalise(path))
    except Refused as refused:
        message = f"a path in a repository is relative: {refused.detail}"
        raise UsageError(message, hint="correct mmreg.yaml") from None
    place = cache / key / name
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        # Renamed when complete: a fetch that was cut off, or two at once, leave nothing half done.
        part = place.parent / f".{uuid4().hex}.part"
        try:
            files.get(path, str(part), recursive=True)
            _look_by_content(part)
            if not place.exists():
                part.rename(place)
        finally:
            _remove(part)
    return str(place)


def _look_by_content(fetched: Path) -> None:
    """Make modification times say what is inside: a new revision is then read again only where it differs."""
    for file in [fetched, *fetched.rglob("*")]:
        if file.is_file():
            digest = xxh3_64()
            with file.open("rb") as stream:
                while part := stream.read(1 << 20):
                    digest.update(part)
            moment = digest.intdigest() % 2**60  # nanoseconds: before 2007, which every file system can hold
            os.utime(file, ns=(moment, moment))


def _remove(part: Path) -> None:
    if part.is_dir():
        shutil.rmtree(part)
    else:
        part.unlink(missing_ok=True)


def _read_as(place: str) -> Literal["imagefolder", "jsonl", "parquet"]:
    suffix = os.path.splitext(place)[1].lower()
    return "jsonl" if suffix == ".jsonl" else "parquet" if suffix == ".parquet" else "imagefolder"


@contextmanager
def _own_databases(base: Path) -> Iterator[None]:
    """DVC's databases hold pickles, and a repository's own configuration may say where they are: not there.

    The environment is the only place that counts for more.
    """
    chosen = os.environ.get(_DATABASES)
    os.environ[_DATABASES] = chosen or str(base / ".mmreg" / "cache" / "dvc-site")
    try:
        yield
    finally:
        if chosen is None:
            del os.environ[_DATABASES]


@contextmanager
def _dvc_errors(name: str, source: SourceSpec) -> Iterator[None]:
    """Translate what DVC raises; its messages may repeat a URL with a password, so that is cut out."""
    try:
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            yield
    except MmregError:
        raise
    except Exception as error:
        said = _USERINFO.sub("", f"{type(error).__name__}: {error}")
        repo = _USERINFO.sub("", source.repo or "")
        if type(error).__name__ == "RevError":
            raise NotFound(
                f"datasets.{name}.source.rev: {repo} has no revision {source.rev or 'HEAD'}",
                hint=f"correct `rev:` under datasets.{name}.source in mmreg.yaml",
            ) from None
        raise StorageError(
            f"datasets.{name}.source: {source.path} cannot be fetched from {repo}: {said}",
            hint=f"dvc get {repo} {source.path}, which shows what is missing",
        ) from None
