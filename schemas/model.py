"""Models: what a declaration says of one, and the `Checkpoint` that a registry knows by its digest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from mmreg.errors import UsageError
from mmreg.schemas.refs import ModelRef, VersionRef, check_name

Stage = Literal["pretrain", "projector", "finetune", "rl"]
STAGES: tuple[Stage, ...] = get_args(Stage)
COMPONENT_SHAPE = "NAME[=MODEL][,frozen][,stage=STAGE][,trained_on=REF]..."


@dataclass(frozen=True)
class Component:
    """One part of a model, such as its vision encoder.

    ``digest`` is over its tensors alone, whatever they are called and wherever they lie: the same encoder in two models
    has one digest. ``frozen`` says that training left it as it was, ``stage`` for what it was trained last,
    ``trained_on`` on which versions. ``model`` is the registered checkpoint that it is, or was before the training, as
    ``name@<beginning of its digest>``.
    """

    name: str
    digest: str | None = None
    frozen: bool = False
    stage: Stage | None = None
    trained_on: tuple[str, ...] = ()
    model: str | None = None
    parameters: int | None = None

    @classmethod
    def parse(cls, text: str) -> Component:
        """What a person says of one, in `COMPONENT_SHAPE`. Raises `UsageError`."""
        named, *options = text.split(",")
        name, equals, model = named.partition("=")
        frozen, stage, refs = False, None, []
        for option in options:
            match option.split("=", 1):
                case ["frozen"]:
                    frozen = True
                case ["stage", said] if said in STAGES:
                    stage = next(known for known in STAGES if known == said)
                case ["trained_on", ref] if ref:
                    refs.append(str(VersionRef.parse(ref)))
                case _:
                    hint = f"a stage is one of {', '.join(STAGES)}"
                    raise UsageError(f"{text!r} is not {COMPONENT_SHAPE}: {option!r}", hint=hint)
        if equals and not model:
            raise UsageError(f"{text!r} is not {COMPONENT_SHAPE}", hint="vision=encoder@3f9a")
        check_name(name, "name of a component")
        return cls(name, None, frozen, stage, tuple(refs), str(ModelRef.parse(model)) if model else None)

    @classmethod
    def from_dict(cls, doc: Mapping[str, Any]) -> Component:
        known = {name: doc[name] for name in cls.__dataclass_fields__ if name in doc}
        return cls(**{**known, "trained_on": tuple(known.get("trained_on", ()))})


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
        known["components"] = tuple(Component.from_dict(part) for part in known.get("components", ()))
        return cls(**known)


@dataclass(frozen=True)
class LoadedModel:
    """A registered checkpoint and where its files are on this machine (None for an opaque one).

    ``secret`` fetches the key that its server wants, where one is declared: asked only by whoever is about to call.
    """

    checkpoint: Checkpoint
    path: Path | None
    secret: Callable[[], str] | None = field(default=None, repr=False, compare=False)
