"""A project as a command finds it: its folder, what it declares, and where its lake and its index are."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from mmreg.errors import NotFound, UsageError
from mmreg.schemas.places import DEFAULT_CATALOG, DEFAULT_LAKE

if TYPE_CHECKING:
    from mmreg.schemas.declaration import ProjectSpec
    from mmreg.schemas.document import Document
    from mmreg.schemas.located import Table

FILE = "mmreg.yaml"
STORES = ("s3", "gs", "az")


@dataclass(frozen=True)
class Project:
    """A project with its places resolved; what it declares is checked when it is first asked for.

    ``lake_uri`` is an absolute local path or an ``s3://``, ``gs://`` or ``az://`` address. ``lake_options``
    are the store's options with their secrets resolved, so neither they nor ``catalog_url`` are in its repr.
    ``durable``: the lake declares ``durability: fsync``.
    """

    folder: Path
    lake_uri: str
    lake_options: dict[str, str] = field(repr=False)
    catalog_url: str = field(repr=False)
    profile: str | None = None
    durable: bool = False
    declared: Table | ProjectSpec = field(kw_only=True, repr=False, compare=False)

    @cached_property
    def spec(self) -> ProjectSpec:
        """What the project declares. Raises `SpecError`."""
        from mmreg.schemas.document import check
        from mmreg.schemas.located import Table

        if isinstance(self.declared, Table):
            assert self.document is not None
            return self.document.spec
        return check(self.declared)

    @cached_property
    def document(self) -> Document | None:
        """The same with the places of everything; None for a declaration built in Python. Raises `SpecError`."""
        from mmreg.schemas.document import read_document
        from mmreg.schemas.located import Table

        return read_document(self.declared, self.profile) if isinstance(self.declared, Table) else None

    def says(self, key: str) -> bool:
        """Whether the declaration has this top-level key: cheaper than `spec`, and it may be wrong elsewhere."""
        from mmreg.schemas.compose import apply_profile
        from mmreg.schemas.located import Table

        if isinstance(self.declared, Table):
            return key in apply_profile(self.declared, self.profile).entries
        return getattr(self.declared, key) is not None


def load(path: Path | None = None, profile: str | None = None, *, secrets: bool = True) -> Project:
    """The project in the file ``path``, or in or above the folder ``path`` (default: the working directory).

    Only where the lake and the index are is read here, without the cost of checking everything else: looking
    at a lake needs no more. ``MMREG_LAKE`` and ``MMREG_CATALOG`` in the environment take the place of what is
    declared. Without ``secrets`` none is resolved, so that the declaration can be looked at where they are not; the
    lake cannot be opened then.
    """
    from mmreg.schemas.compose import apply_profile, assemble, read_text

    file = _project_file(path)
    folder = file.parent
    whole = assemble(read_text(file), file)
    places = _places(apply_profile(whole, profile)) or _places_of(_checked(whole, profile))
    return _resolved(folder, places, profile=profile, declared=whole, secrets=secrets)


def project(spec: ProjectSpec, folder: Path | None = None) -> Project:
    """The same from a declaration built in Python; its relative paths start at ``folder``."""
    base = Path(os.path.abspath(folder or Path.cwd()))
    return _resolved(base, _places_of(spec), profile=None, declared=spec)


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
    if path is None or path.is_dir():
        return find_project(path or Path.cwd())
    if not path.is_file():
        raise NotFound(f"no project at {path}", hint=f"mmreg init {path}")
    return Path(os.path.abspath(path))


@dataclass(frozen=True)
class _Places:
    """The lake, its options, the index and whether to fsync, as declared."""

    lake: str
    options: dict[str, str]
    catalog: str
    durable: bool = False


def _places(tree: Table) -> _Places | None:
    """What is declared of places; None where it is not as it should be."""
    from mmreg.schemas.located import plain
    from mmreg.schemas.secrets import in_address, in_option

    declared: dict[str, Any] = {k: plain(e.node) for k, e in tree.entries.items() if k in ("lake", "catalog")}
    lake, catalog = declared.get("lake", DEFAULT_LAKE), declared.get("catalog", DEFAULT_CATALOG)
    options: dict[str, str] = {}
    durability = "none"
    match lake:
        case str(uri):
            pass
        case {"uri": str(uri)} if lake.keys() <= {"uri", "options", "durability"}:
            options, durability = lake.get("options", options), lake.get("durability", durability)
        case _:
            return None
    if not isinstance(options, dict) or durability not in ("none", "fsync") or (durability != "none" and "://" in uri):
        return None
    strange = any(not isinstance(value, str) or in_option(key, value) for key, value in options.items())
    if strange or not isinstance(catalog, str) or in_address(uri) or in_address(catalog):
        return None
    return _Places(uri, options, catalog, durability == "fsync")


def _checked(whole: Table, profile: str | None) -> ProjectSpec:
    from mmreg.schemas.document import read_document

    return read_document(whole, profile).spec


def _places_of(spec: ProjectSpec) -> _Places:
    if isinstance(spec.lake, str):
        return _Places(spec.lake, {}, spec.catalog)
    return _Places(spec.lake.uri, spec.lake.options, spec.catalog, spec.lake.durability == "fsync")


def _resolved(
    folder: Path,
    places: _Places,
    *,
    profile: str | None,
    declared: Table | ProjectSpec,
    secrets: bool = True,
) -> Project:
    override = os.environ.get("MMREG_LAKE")
    uri = _lake_uri(override, Path.cwd()) if override else _lake_uri(places.lake, folder)
    known, url = {}, os.environ.get("MMREG_CATALOG") or places.catalog
    if secrets:
        url = resolve_secret(url, folder)
        known = {key: resolve_secret(value, folder) for key, value in places.options.items()} if "://" in uri else {}
    return Project(folder, uri, known, url, profile, places.durable, declared=declared)


def _lake_uri(declared: str, base: Path) -> str:
    """``declared`` as an absolute local path (relative ones start at ``base``) or as the address it is."""
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", declared)
    if scheme is None:
        return os.path.normpath(base / Path(declared).expanduser())
    if scheme[1] == "file":
        return os.path.normpath(unquote(urlsplit(declared).path))
    if scheme[1] not in STORES:
        raise UsageError(f"a lake cannot be at {scheme[1]}://; use a path or {', '.join(f'{s}://' for s in STORES)}")
    if re.search(r"://[^/@]*@", declared) and scheme[1] == "s3":
        raise UsageError("the lake's address must not carry credentials; use lake.options with env: or file:")
    return declared.rstrip("/")
