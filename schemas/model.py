"""Models: what a declaration says of one, and the `Checkpoint` that a registry knows by its digest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class Component:
    """One part of a model: its own digest, whether training left it alone, and its stage."""

    name: str
    digest: str | None = None
    frozen: bool = False
    stage: Literal["pretrain", "projector", "finetune", "rl"] | None = None


@dataclass(frozen=True)
class Checkpoint:
    """A model version. Its identity is ``digest``, the SHA-256 over its weight files (64 hex digits).

    ``opaque`` marks a model whose weights nobody here can read (a server's): its digest then covers what is
    known (address, name, server fingerprint, date) and says nothing of the weights. ``path`` is relative to the
    project, ``files`` maps each relative file name to its SHA-256; ``size_bytes`` is their sum.
    """

    name: str
    digest: str
    framework: str = "unknown"
    path: str | None = None
    uri: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    size_bytes: int = 0
    opaque: bool = False
    base: str | None = None
    license: str | None = None
    components: tuple[Component, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, doc: Mapping[str, Any]) -> Checkpoint:
        known = {name: doc[name] for name in cls.__dataclass_fields__ if name in doc}
        known["components"] = tuple(Component(**part) for part in known.get("components", ()))
        return cls(**known)


@dataclass(frozen=True)
class LoadedModel:
    """A registered checkpoint and where its files are on this machine (None for an opaque one).

    ``secret`` fetches the key that its server wants, where one is declared: asked only by whoever is about to call.
    """

    checkpoint: Checkpoint
    path: Path | None
    secret: Callable[[], str] | None = field(default=None, repr=False, compare=False)
