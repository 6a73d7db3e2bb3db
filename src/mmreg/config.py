"""A project as a command finds it: its folder, what it declares, and where its lake and its index are."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from mmreg.errors import NotFound, UsageError

if TYPE_CHECKING:
    from mmreg.schemas.declaration import ProjectSpec

FILE = "mmreg.yaml"
STORES = ("s3", "gs", "az")


@dataclass(frozen=True)
class Project:
    """A loaded declaration with its places resolved.

    ``lake_uri`` is an absolute local path or an ``s3://``, ``gs://`` or ``az://`` address. ``lake_options``
    are the store's options with their secrets resolved, so neither they nor ``catalog_url`` are in its repr.
    """

    folder: Path
    spec: ProjectSpec = field(repr=False)
    lake_uri: str
    lake_options: dict[str, str] = field(repr=False)
    catalog_url: str = field(repr=False)
    profile: str | None = None


def load(path: Path | None = None, profile: str | None = None) -> Project:
    """The project at ``path`` (its folder or file), or the one around the working directory.

    ``MMREG_LAKE`` and ``MMREG_CATALOG`` in the environment take the place of what is declared.
    """
    from mmreg.schemas.declaration import LakeSpec
    from mmreg.schemas.document import load_project

    file = _project_file(path)
    folder = file.parent
    spec = load_project(file, profile)
    lake = spec.lake if isinstance(spec.lake, LakeSpec) else LakeSpec(uri=spec.lake)
    override = os.environ.get("MMREG_LAKE")
    uri = _lake_uri(override, Path.cwd()) if override else _lake_uri(lake.uri, folder)
    options = (
        {key: resolve_secret(value, folder) for key, value in lake.options.items()} if "://" in uri else {}
    )
    catalog = resolve_secret(os.environ.get("MMREG_CATALOG") or spec.catalog, folder)
    return Project(folder, spec, uri, options, catalog, profile)


def find_project(start: Path) -> Path:
    """The ``mmreg.yaml`` in ``start`` or the nearest folder above it."""
    for folder in (absolute := Path(os.path.abspath(start)), *absolute.parents):
        if (folder / FILE).is_file():
            return folder / FILE
    raise NotFound(f"no {FILE} in {start} or any folder above it", hint="mmreg init")


def resolve_secret(value: str, folder: Path) -> str:
    """What ``env:NAME`` or ``file:PATH`` (relative to ``folder``) holds; any other value is itself."""
    kind, _, name = value.partition(":")
    if kind == "env":
        if not os.environ.get(name):
            raise UsageError(f"the environment variable {name} is not set", hint=f"export {name}=...")
        return os.environ[name]
    if kind == "file" and not name.startswith("//"):
        try:
            return (folder / name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise UsageError(f"the secret in {name} cannot be read: {reason}") from None
    return value


def _project_file(path: Path | None) -> Path:
    if path is None:
        return find_project(Path.cwd())
    absolute = Path(os.path.abspath(path))
    file = absolute / FILE if absolute.is_dir() else absolute
    if not file.is_file():
        raise NotFound(f"no project at {path}", hint=f"mmreg init {path}")
    return file


def _lake_uri(declared: str, base: Path) -> str:
    """``declared`` as an absolute local path (relative ones start at ``base``) or as the address it is."""
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", declared)
    if scheme is None:
        return os.path.normpath(base / Path(declared).expanduser())
    if scheme[1] == "file":
        return os.path.normpath(unquote(urlsplit(declared).path))
    if scheme[1] not in STORES:
        raise UsageError(
            f"a lake cannot be at {scheme[1]}://; use a path or {', '.join(f'{s}://' for s in STORES)}"
        )
    if re.search(r"://[^/@]*@", declared) and scheme[1] == "s3":
        raise UsageError("the lake's address must not carry credentials; use lake.options with env: or file:")
    return declared.rstrip("/")
