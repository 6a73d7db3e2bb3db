"""Checkpoints from files: what a model is, is the digest of its weights. Nothing here executes or loads one.

A single file is known by its own SHA-256, as ``sha256sum`` prints it. A directory is known by the SHA-256
over one line ``["<name>",<bytes>,"<sha256>"]`` (JSON) for each of its files, sorted by name: the digest does not
depend on where it lies, on times or on owners, and changes with any content or name. Names that begin with a
dot (caches, version control) do not count.
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmreg.errors import Conflict, IntegrityError, NotFound, StorageError, UsageError
from mmreg.registry.hub import cached_snapshot, is_hub
from mmreg.registry.model_card import Card, read_card
from mmreg.registry.safetensors import TENSORS, Tensor, TensorDigests, components, digest_of_tensors, tensors_of
from mmreg.schemas.declared_models import ModelSpec
from mmreg.schemas.model import Checkpoint
from mmreg.schemas.refs import check_name
from mmreg.sources.record import File
from mmreg.sources.stamp import stamp

_CHUNK = 1 << 20
_PICKLES = (".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth")

Progress = Callable[[int, int], None]
"""Called with the bytes digested so far and the bytes in all."""


def digest_weights(
    path: Path,
    *,
    name: str,
    framework: str | None = None,
    license: str | None = None,
    base: str | None = None,
    progress: Progress | None = None,
) -> Checkpoint:
    """The `Checkpoint` of a weight file or of a directory of them, read once, in constant memory.

    ``framework`` is told from the files where it is not given. ``facts`` say what can be known without
    loading: ``tensors``, ``parameters``, ``dtypes`` (parameters by type) and ``tensors_sha256`` of safetensors
    files, what a model card says (`mmreg.registry.model_card`), and ``pickles``, the files that could run code if
    somebody loaded them. The checkpoint's ``path`` stays None, as only a project knows what it is relative to.

    Raises `NotFound`, `UsageError` for symbolic links and special files, `IntegrityError` for a safetensors
    file that is not whole, `Conflict` where a file changed meanwhile.
    """
    check_name(name, "model name")
    try:
        files = _files(path)
        tensors = {n: tensors_of(f.path, f.size) for n, f in files.items() if n.endswith(".safetensors")}
        digests, digested = _digests(files, tensors, progress)
        card = read_card({n: f.path for n, f in files.items()}) if path.is_dir() else Card()
        return Checkpoint(
            name=name,
            digest=_digest_of_all(files, digests) if path.is_dir() else digests[path.name],
            framework=framework or card.framework or _framework(files),
            files=digests,
            size_bytes=sum(file.size for file in files.values()),
            base=base,
            license=license or card.license,
            components=components(digested) or card.components,
            facts={**_facts(files, digested), **card.facts},
        )
    except OSError as error:
        raise StorageError(f"model {name}: cannot read {path}: {error}", hint=f"ls -la {path}") from error


def opaque_checkpoint(spec: ModelSpec, name: str) -> Checkpoint:
    """The `Checkpoint` of a model behind an address, whose weights nobody here can read.

    Its digest covers what was declared (address, the server's name of the model, revision) and says nothing
    of the weights.
    """
    known = json.dumps([spec.uri, spec.name, spec.revision])
    facts = {key: value for key, value in (("name", spec.name), ("revision", spec.revision)) if value}
    return Checkpoint(
        name=check_name(name, "model name"),
        digest=hashlib.sha256(b"opaque" + known.encode()).hexdigest(),
        framework=spec.framework,
        uri=spec.uri,
        opaque=True,
        base=spec.base,
        license=spec.license,
        facts=facts,
    )


@dataclass(frozen=True)
class _File:
    path: Path
    size: int


def _files(path: Path) -> dict[str, _File]:
    """Each file below ``path`` by its relative name, sorted by it."""
    if path.is_symlink():
        raise UsageError(f"{path} is a symbolic link", hint=f"give the place itself: {path.resolve()}")
    if not path.exists():
        raise NotFound(f"there are no weights at {path}", hint="ls, then give a path that exists")
    if not path.is_dir():
        return {path.name: _regular(path)}
    found = {file.relative_to(path).as_posix(): _regular(file) for file in _walk(path)}
    if not found:
        raise UsageError(f"the directory {path} has no files", hint="give the directory that the weights are in")
    return dict(sorted(found.items()))


def _walk(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _walk(entry)
        else:
            yield entry


def _regular(file: Path) -> _File:
    """Refuses what is not a regular file with a printable name, before anybody opens it.

    In a snapshot of the Hugging Face cache files are links to the cache's own blobs, which never change.
    """
    seen = file.lstat()
    if stat.S_ISLNK(seen.st_mode):
        target = file.resolve()
        if target.parent.name == "blobs" and file.is_relative_to(target.parents[1] / "snapshots"):
            return _regular(target)
        raise UsageError(
            f"{file} is a symbolic link, which may point elsewhere tomorrow",
            hint=f"cp -rL {file.parent} COPY, then give COPY",
        )
    if not stat.S_ISREG(seen.st_mode):
        raise UsageError(f"{file} is no regular file", hint="keep weights in a directory of their own")
    if not file.name.isprintable():
        raise UsageError(f"{str(file)!r} has a name that no record can carry", hint="rename it")
    return _File(file, seen.st_size)


def _digests(
    files: Mapping[str, _File], tensors: Mapping[str, Sequence[Tensor]], progress: Progress | None
) -> tuple[dict[str, str], list[tuple[Tensor, str]]]:
    """The digests of ``files``, and those of the tensors in them, each byte read once."""
    total = sum(file.size for file in files.values())
    before = 0
    digests: dict[str, str] = {}
    digested: list[tuple[Tensor, str]] = []
    for name, file in files.items():
        sha, parts, read = hashlib.sha256(), TensorDigests(tensors.get(name, ())), 0
        with file.path.open("rb", buffering=0) as stream:
            while read <= file.size and (chunk := stream.read(_CHUNK)):
                sha.update(chunk)
                parts.update(chunk)
                read += len(chunk)
                if progress:
                    progress(before + read, total)
        if read != file.size:
            raise Conflict(f"{file.path} changed while it was read", hint="wait until nothing writes there, then again")
        before += read
        digests[name] = sha.hexdigest()
        digested += parts.digested
    return digests, digested


def _digest_of_all(files: Mapping[str, _File], digests: Mapping[str, str]) -> str:
    sha = hashlib.sha256()
    for name, file in files.items():
        line = json.dumps([name, file.size, digests[name]], separators=(",", ":"))
        sha.update(f"{line}\n".encode())
    return sha.hexdigest()


def _framework(files: Mapping[str, _File]) -> str:
    if "open_clip_config.json" in files:
        return "open_clip"
    if "config.json" in files and _has_key(files["config.json"].path, "model_type"):
        return "transformers"
    return "torch" if any(name.endswith((".safetensors", *_PICKLES)) for name in files) else "other"


def _has_key(file: Path, key: str) -> bool:
    try:
        document = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and key in document


def _facts(files: Mapping[str, _File], digested: Sequence[tuple[Tensor, str]]) -> dict[str, Any]:
    """What can be said of ``files`` without loading any."""
    facts: dict[str, Any] = {}
    if any(name.endswith(".safetensors") for name in files):
        dtypes: Counter[str] = Counter()
        for tensor, _ in digested:
            dtypes[tensor.dtype] += tensor.parameters
        facts |= {
            "tensors": len(digested),
            "parameters": dtypes.total(),
            "dtypes": dict(sorted(dtypes.items())),
        }
    if digested:
        facts[TENSORS] = digest_of_tensors(digested)
    pickles = [name for name in files if name.endswith(_PICKLES)]
    if pickles:
        facts["pickles"] = pickles
    return facts


def weights_stamp(path: Path) -> int:
    """64 bits over names, sizes and times of the files that `digest_weights` would read; reads none of them."""
    files = _files(path)
    names = json.dumps(list(files)).encode()
    seen = (File(str(file.path), name, file.size, file.path.stat().st_mtime_ns) for name, file in files.items())
    return stamp(seen, names)


def weights_path(folder: Path, checkpoint: Checkpoint, *, verify: bool) -> Path | None:
    """Where a checkpoint's files are below the project's ``folder``; None for an opaque one.

    ``verify`` digests them again: a model is its weights, and a path may hold others by now. Raises `NotFound`
    where they are gone, `IntegrityError` where they are others.
    """
    path = _place(folder, checkpoint)
    if path is None:
        return None
    if verify:
        there = digest_weights(path, name=checkpoint.name).digest
        if there != checkpoint.digest:
            raise IntegrityError(
                f"{path} holds other weights ({there[:12]}) than {checkpoint.name}@{checkpoint.digest[:12]}",
                hint=f"put the right ones back, or: mmreg model add {path} {checkpoint.name}",
            )
    return path


def _place(folder: Path, checkpoint: Checkpoint) -> Path | None:
    named = f"the weights of {checkpoint.name}@{checkpoint.digest[:12]}"
    if is_hub(checkpoint.uri) and not checkpoint.opaque:
        path = cached_snapshot(checkpoint.uri or "", checkpoint.facts.get("revision"))
        if path is None:
            raise NotFound(f"{named} are not in the cache of the Hugging Face hub", hint="mmreg apply fetches them")
        return path
    if checkpoint.path is None:
        return None
    if not (folder / checkpoint.path).exists():
        raise NotFound(f"{named} are not at {checkpoint.path}", hint="put them back, or train again")
    return folder / checkpoint.path
