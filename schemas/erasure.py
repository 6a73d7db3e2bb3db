"""Erasing samples: what is asked, what it would come to, and what it came to. None of these holds content."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Asked:
    """Which samples: by the beginning of their id, by the SHA-256 of their media (both hexadecimal), by their address
    in the source, or all of ``dataset`` that fulfil ``where``. Without ``dataset`` every root is looked through."""

    dataset: str | None = None
    ids: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    where: str | None = None


@dataclass(frozen=True)
class ErasedSample:
    """A sample that goes: ``because`` it was asked for, or is tied to one that was."""

    dataset: str
    sample_id: str
    because: str


@dataclass(frozen=True)
class ErasedDataset:
    """What becomes of a dataset: rows of its latest version ``before`` and ``after``, fragments written anew."""

    dataset: str
    kind: str
    before: int
    after: int
    fragments: int = 0


@dataclass(frozen=True)
class RemovedVersion:
    """A version that goes, as its files hold what is erased or as it refers to one that goes; ``needed_by`` are those
    who held it: their pins are released."""

    dataset: str
    ref: str
    lance_version: int
    needed_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class TaintedModel:
    """A model that was trained on erased samples, or began from such a model; it stays as it is.

    ``trained_on`` are the versions that held them, ``made`` the versions and models downstream of it.
    """

    ref: str
    digest: str
    trained_on: tuple[str, ...]
    made: tuple[str, ...] = ()


@dataclass(frozen=True)
class Beside:
    """Something that is no table and holds what is erased: it is cleaned."""

    place: str
    what: str


@dataclass(frozen=True)
class ErasurePlan:
    """What an erasure would come to. ``digest`` moves with the samples, versions and models.

    ``erased_by`` is the run that has erased before what is asked for. ``out_of_reach`` is left to people.
    """

    digest: str
    samples: tuple[ErasedSample, ...]
    datasets: tuple[ErasedDataset, ...] = ()
    versions: tuple[RemovedVersion, ...] = ()
    models: tuple[TaintedModel, ...] = ()
    beside: tuple[Beside, ...] = ()
    out_of_reach: tuple[str, ...] = ()
    erased_by: str | None = None


@dataclass(frozen=True)
class Left:
    """Something that still holds what is erased, and what to do about it."""

    place: str
    what: str
    hint: str


@dataclass(frozen=True)
class Searched:
    """Where was looked for what is left, and for how much: pieces of media, whole texts.

    ``skipped`` says what was not searched for, and why.
    """

    files: int = 0
    bytes: int = 0
    media: int = 0
    texts: int = 0
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True)
class ErasureReport:
    """What an erasure came to: ``ok`` where nothing is left."""

    run: str
    samples: int
    datasets: tuple[str, ...]
    removed: tuple[str, ...]
    models: tuple[str, ...]
    compared: int
    searched: Searched
    left: tuple[Left, ...] = ()
    out_of_reach: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.left
