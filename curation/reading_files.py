"""Files that the params of a pass name: found, digested, part of its generation by what is in them.

A pass class lists such params in ``files``. Each names a file, or several by a pattern (``labels/*.jsonl``), relative
to ``mmreg.yaml``. Where nothing in them changed no row is stale, wherever they lie; the run has each as a source.
"""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mmreg.curation.protocol import Pass
from mmreg.errors import Blocked, StorageError, UsageError
from mmreg.schemas.declaration import PassSpec
from mmreg.schemas.run import RunInput


@dataclass(frozen=True)
class NamedFiles:
    """What the param ``path`` of a declaration stands for: ``paths``, sorted by name, and a SHA-256 over them.

    Of one file the digest is the file's own.
    """

    path: str
    paths: tuple[Path, ...]
    digest: str

    @property
    def changed(self) -> bool:
        """Whether they hold something else by now."""
        return not all(path.is_file() for path in self.paths) or _digest(self.paths) != self.digest

    def source(self, pass_name: str) -> RunInput:
        """They as an input of a run of the pass."""
        return RunInput("source", f"{pass_name}/{self.digest}", self.path)


def named_files(name: str, spec: PassSpec, cls: type[Pass], folder: Path) -> dict[str, NamedFiles]:
    """The files of the pass ``name`` by param. Raises `Blocked` where there are none yet, `StorageError` and
    `UsageError`."""
    found = {}
    for param in file_params(cls):
        path = spec.params.get(param)
        if not isinstance(path, str) or not path:
            raise UsageError(f"pass {name}: {spec.use} reads a file: say which", hint=f"params: {{{param}: PATH}}")
        paths = _matching(path, folder)
        if not paths:
            raise Blocked(
                f"waits for {path}, which is not there yet",
                hint=f"once it is there: mmreg apply {name}; else correct `{param}` under passes.{name}.params",
            )
        found[param] = NamedFiles(path, paths, _digest(paths))
    return found


def file_params(cls: type[object]) -> tuple[str, ...]:
    """The params of a pass class that name files."""
    return tuple(getattr(cls, "files", ()))


def contents(files: Mapping[str, NamedFiles]) -> dict[str, str]:
    """What the generation of a pass takes from its files."""
    return {param: found.digest for param, found in files.items()}


def _matching(path: str, folder: Path) -> tuple[Path, ...]:
    place = folder / path
    if place.is_file():
        return (place,)
    names = sorted(glob.glob(path, root_dir=folder, recursive=True))
    return tuple(folder / name for name in names if (folder / name).is_file())


def _digest(paths: tuple[Path, ...]) -> str:
    digests = [(_of_file(path), path.name) for path in paths]
    if len(digests) == 1:
        return digests[0][0]
    return hashlib.sha256("".join(f"{digest}  {name}\n" for digest, name in digests).encode()).hexdigest()


def _of_file(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}", hint=f"ls -l {path}") from error
