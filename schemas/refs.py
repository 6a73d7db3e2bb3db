"""Names of things: datasets, versions of them, and nodes of the lineage graph."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from mmreg.errors import UsageError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_UUID_PREFIX = re.compile(r"[0-9a-f]{4,8}(?:-?[0-9a-f]{1,27})?(?:-[0-9a-f]{0,12})*")
_ORDINAL = re.compile(r"v([1-9][0-9]{0,8})")


def check_name(name: str, what: str = "name") -> str:
    """Return ``name``; raise `UsageError` where a store or a shell could not carry it."""
    if not NAME.fullmatch(name) or name.endswith(".lock"):
        shown = "an address" if "://" in name else repr(name)  # cut at its '@' nobody would see a password in it
        raise UsageError(
            f"{shown} is no {what}: use letters, digits, '.', '_' and '-', starting with a letter or a digit"
        )
    return name


@dataclass(frozen=True)
class VersionRef:
    """``name``, ``name@latest``, ``name@v12``, ``name@<tag>`` or ``name@<uuid prefix>``.

    A bare name means the promoted version; before the first promotion the latest, or where that has failed its checks
    the latest that passed them.
    """

    dataset: str
    selector: str | None = None

    @classmethod
    def parse(cls, text: str) -> VersionRef:
        name, at, selector = text.partition("@")
        check_name(name, "dataset name")
        if at and not selector:
            raise UsageError(f"{text!r} ends after '@'", hint=f"{name}@latest, {name}@v1 or {name}")
        return cls(name, check_name(selector, "version, tag or uuid prefix") if at else None)

    @classmethod
    def at(cls, dataset: str, ordinal: int, uuid: str) -> VersionRef:
        """The ref of one version; ``ordinal`` is 0 for one that others made, which its uuid names."""
        return cls(dataset, f"v{ordinal}" if ordinal else uuid[:8])

    @property
    def ordinal(self) -> int | None:
        match = _ORDINAL.fullmatch(self.selector or "")
        return int(match[1]) if match else None

    @property
    def uuid_prefix(self) -> str | None:
        """The selector where it could be the beginning of a version's uuid (4 hexadecimal digits or more)."""
        match = self.selector and _UUID_PREFIX.fullmatch(self.selector)
        return self.selector if match else None

    def __str__(self) -> str:
        return f"{self.dataset}@{self.selector}" if self.selector else self.dataset


@dataclass(frozen=True)
class ModelRef:
    """``name``, ``name@alias`` or ``name@<digest prefix>``; a bare name means the newest checkpoint."""

    name: str
    selector: str | None = None

    @classmethod
    def parse(cls, text: str) -> ModelRef:
        name, at, selector = text.partition("@")
        check_name(name, "model name")
        if at and not selector:
            raise UsageError(f"{text!r} ends after '@'", hint=f"{name}@champion or {name}")
        return cls(name, check_name(selector, "alias or digest prefix") if at else None)

    def __str__(self) -> str:
        return f"{self.name}@{self.selector}" if self.selector else self.name


@dataclass(frozen=True)
class NodeRef:
    """A node of the lineage graph as a person types it.

    ``pairs@v3`` is a version, ``pairs@v3:caption`` one column of it, ``model:clip@champion`` a checkpoint,
    ``run:0197...`` a run, ``sha256:ab12...`` a checkpoint by the digest of its weights and
    ``source:data/records.jsonl`` what a dataset was read from.
    """

    kind: Literal["version", "model", "run", "digest", "source"]
    value: str
    column: str | None = None

    @classmethod
    def parse(cls, text: str) -> NodeRef:
        prefix, colon, rest = text.partition(":")
        if not colon:
            return cls("version", str(VersionRef.parse(text)))
        if not rest:
            raise UsageError(f"{text!r} names nothing after ':'")
        match prefix:
            case "model":
                return cls("model", str(ModelRef.parse(rest)))
            case "run":
                return cls("run", rest)
            case "source":
                return cls("source", rest)
            case "sha256":
                if not re.fullmatch(r"[0-9a-f]{4,64}", rest):
                    raise UsageError(f"{text!r}: a digest has 4 to 64 hexadecimal digits")
                return cls("digest", rest)
        try:
            return cls("version", str(VersionRef.parse(prefix)), rest)
        except UsageError:
            raise UsageError(
                f"{text!r}: unknown kind of node {prefix!r}",
                hint="name@ref, name@ref:COLUMN, model:name@alias, run:ID, source:PATH or sha256:DIGEST",
            ) from None

    def __str__(self) -> str:
        prefix = {"version": "", "model": "model:", "run": "run:", "digest": "sha256:", "source": "source:"}[self.kind]
        return prefix + self.value + (f":{self.column}" if self.column else "")
