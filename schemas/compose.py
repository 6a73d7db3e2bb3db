"""One tree from a project file: its includes read, the chosen profile laid over it, its defaults filled in.

Everything here works on located nodes, so that an error in the result still names the line that said it.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from mmreg.errors import NotFound, SpecError, StorageError, UsageError
from mmreg.schemas.located import (
    MAX_BYTES,
    MAX_VALUES,
    Entry,
    Items,
    Node,
    Position,
    Scalar,
    Table,
    items,
    read,
    table,
)
from mmreg.schemas.suggest import did_you_mean

MAX_INCLUDES = 100
WITH_DEFAULTS = ("datasets", "passes", "trainings", "checks")
MERGED = ("models", *WITH_DEFAULTS, "defaults", "profiles")
"""Maps at the top of the file that includes add entries to."""

_PATHS = (
    ("lake",), ("lake", "uri"), ("models", "*", "uri"), ("datasets", "*", "source", "path"),
    ("datasets", "*", "source", "captions"), ("datasets", "*", "source", "media_root"),
    ("datasets", "*", "source", "repo"), ("passes", "*", "prompt"), ("trainings", "*", "output"),
)  # fmt: skip
"""Where a file's own paths stand; in an included file they are relative to that file."""


def assemble(text: str, path: Path) -> Table:
    """The tree of the project file ``path`` with the content ``text``, its includes read and merged."""
    return _include(_top(text, path), path, path.parent, [path.resolve()])


def apply_profile(tree: Table, profile: str | None) -> Table:
    """``tree`` without its profiles, the one called ``profile`` laid over it."""
    declared = tree.entries.get("profiles")
    rest = table(tree.at, {key: entry for key, entry in tree.entries.items() if key != "profiles"})
    profiles = declared.node if declared else table(tree.at, {})
    if not isinstance(profiles, Table):
        raise profiles.at.error("profiles: expected a map of names to what they change")
    if profile is None:
        return rest
    if profile not in profiles.entries:
        raise UsageError(f"{tree.at.source.file} has no profile {profile!r}{did_you_mean(profile, profiles.entries)}")
    chosen = profiles.entries[profile].node
    if not isinstance(chosen, Table):
        raise chosen.at.error(f"profile {profile}: expected a map of what it changes")
    return _overlay(rest, chosen)


def fill_defaults(tree: Table) -> Table:
    """``tree`` without its defaults, put under every entry of their kind."""
    declared = tree.entries.get("defaults")
    if declared is None:
        return tree
    entries = {key: entry for key, entry in tree.entries.items() if key != "defaults"}
    if not isinstance(declared.node, Table):
        raise declared.node.at.error("defaults: expected a map")
    for kind, default in declared.node.entries.items():
        if kind not in WITH_DEFAULTS:
            raise default.at.error(f"defaults has no {kind!r}{did_you_mean(kind, WITH_DEFAULTS)}")
        if not isinstance(default.node, Table):
            raise default.node.at.error(f"defaults.{kind}: expected a map of keys to values")
        named = entries.get(kind)
        if named and isinstance(named.node, Table):
            entries[kind] = Entry(named.at, _under_each(named.node, default.node))
    return table(tree.at, entries)


def read_text(path: Path) -> str:
    """The text of a project file. Never reads more than the limit; refuses what is no regular file."""
    shown = shown_path(path)
    try:
        if not path.is_file():
            raise NotFound(f"{shown}: no such file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise StorageError(f"{shown}: {error.strerror}") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if len(data) > MAX_BYTES:
            raise SpecError(f"longer than {MAX_BYTES} bytes; split it with include:", file=shown) from None
        line = data.count(b"\n", 0, error.start) + 1
        raise SpecError(f"byte {error.start} is not UTF-8", file=shown, line=line) from None


def shown_path(path: Path) -> str:
    """``path`` as messages show it: relative where it is below the working directory."""
    absolute = Path(os.path.abspath(path))
    return str(absolute.relative_to(Path.cwd())) if absolute.is_relative_to(Path.cwd()) else str(path)


def _top(text: str, path: Path) -> Table:
    tree = read(text, shown_path(path))
    if not isinstance(tree, Table):
        raise tree.at.error("a project file is a map of keys to values")
    return tree


def _include(tree: Table, path: Path, root: Path, seen: list[Path]) -> Table:
    listed = tree.entries.get("include")
    rest = {key: entry for key, entry in tree.entries.items() if key != "include"}
    if listed is None:
        return tree
    if not isinstance(listed.node, Items):
        raise listed.node.at.error("include: expected a list of files")
    for node in listed.node.nodes:
        other = _included(node, path.parent, seen)
        more = _include(_top(read_text(other), other), other, root, seen)
        folder = os.path.relpath(other.parent, root)
        _add(rest, more if folder == "." else _rebase(more, Path(folder).as_posix()))
    return table(tree.at, rest)


def _included(node: Node, folder: Path, seen: list[Path]) -> Path:
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        raise node.at.error("include: expected the path of a file")
    if Path(node.value).is_absolute() or "\0" in node.value:
        raise node.at.error("include: the path must be relative to this file")
    path = folder / node.value
    if not path.is_file():
        raise node.at.error(f"include: {node.value!r} is not there, or is no file")
    if path.resolve() in seen:
        raise node.at.error(f"include: {node.value!r} is already part of this project")
    if len(seen) > MAX_INCLUDES:
        raise node.at.error(f"include: more than {MAX_INCLUDES} files")
    seen.append(path.resolve())
    return path


def _add(entries: dict[str, Entry], more: Table) -> None:
    for key, entry in more.entries.items():
        mine = entries.get(key)
        if mine is None:
            entries[key] = entry
        elif key in MERGED and isinstance(mine.node, Table) and isinstance(entry.node, Table):
            for name in entry.node.entries.keys() & mine.node.entries.keys():
                _twice(f"{key}.{name}", mine.node.entries[name].at, entry.node.entries[name].at)
            entries[key] = Entry(mine.at, table(mine.node.at, {**mine.node.entries, **entry.node.entries}))
        else:
            _twice(key, mine.at, entry.at)


def _twice(what: str, first: Position, second: Position) -> None:
    raise second.error(f"{what} is declared twice; the first is at {first}")


def _rebase(tree: Table, folder: str) -> Table:
    for path in _PATHS:
        tree = _rebase_at(tree, path, folder)
        tree = _rebase_at(tree, ("profiles", "*", *path), folder)
        tree = _rebase_at(tree, ("defaults", path[0], *path[2:]), folder)
    return tree


def _rebase_at(tree: Table, path: tuple[str, ...], folder: str) -> Table:
    step, *rest = path
    if step == "path" and _text(tree, "type") == "dvc":
        return tree  # a path within the repository
    entries = dict(tree.entries)
    for key, entry in tree.entries.items():
        if step not in ("*", key):
            continue
        if rest and isinstance(entry.node, Table):
            entries[key] = Entry(entry.at, _rebase_at(entry.node, tuple(rest), folder))
        elif not rest and isinstance(entry.node, Scalar) and _is_relative(entry.node.value):
            joined = posixpath.normpath(posixpath.join(folder, str(entry.node.value)))
            entries[key] = Entry(entry.at, Scalar(entry.node.at, joined))
    return table(tree.at, entries)


def _is_relative(value: object) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"[^/~:][^:]*", value))


def _text(tree: Table, key: str) -> object:
    entry = tree.entries.get(key)
    return entry.node.value if entry and isinstance(entry.node, Scalar) else None


def _overlay(base: Table, over: Table) -> Table:
    """``over`` on top of ``base``: maps are merged key by key, anything else is replaced."""
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        mine = entries.get(key)
        if mine and isinstance(mine.node, Table) and isinstance(entry.node, Table):
            entry = Entry(entry.at, _overlay(mine.node, entry.node))
        entries[key] = entry
    return table(over.at, entries)


def _under_each(named: Table, default: Table) -> Table:
    if default.size * sum(1 for _ in _declared(named)) > MAX_VALUES:
        raise default.at.error(f"these defaults would add more than {MAX_VALUES} values")
    return table(named.at, {key: Entry(e.at, _under(e.node, default)) for key, e in named.entries.items()})


def _declared(named: Table) -> Iterator[Node]:
    for entry in named.entries.values():
        yield from entry.node.nodes if isinstance(entry.node, Items) else (entry.node,)


def _under(node: Node, default: Table) -> Node:
    match node:
        case Table():
            filled = _overlay(default, node)
            return table(node.at, filled.entries)
        case Items():
            return items(node.at, tuple(_under(item, default) for item in node.nodes))
        case _:
            return node
