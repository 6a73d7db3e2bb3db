"""What a check may ask beside the rows of its version: other versions, and where things come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

import pyarrow as pa

from mmreg.schemas.model import Checkpoint
from mmreg.schemas.upstream import Chain, Origin, PassRecord


class Rows(Protocol):
    """The rows of some version; `mmreg.registry.read.Reader` is one. ``schema`` is without mmreg's own columns."""

    @property
    def ref(self) -> str: ...

    @property
    def uuid(self) -> str: ...

    @property
    def schema(self) -> pa.Schema: ...

    def __len__(self) -> int: ...

    def batches(
        self,
        columns: Sequence[str] | None = None,
        *,
        where: str | None = None,
        limit: int | None = None,
        batch_size: int = 1024,
        media: bool | Literal["tolerant"] = True,
        with_row_id: bool = False,
    ) -> Iterator[pa.RecordBatch]: ...


class RootRows(Protocol):
    """The rows of the checked version that lie in one of its roots, with mmreg's own columns.

    ``declared`` are the columns that its source has, or, of a root that a pass makes, that pass.
    """

    @property
    def ref(self) -> str: ...

    @property
    def schema(self) -> pa.Schema: ...

    @property
    def declared(self) -> frozenset[str]: ...

    @property
    def passes(self) -> tuple[PassRecord, ...]: ...

    def __len__(self) -> int: ...

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """``columns``, nested ones under their dotted names. Nothing fills in media that are kept by reference."""


class World(Protocol):
    """The registry around the version that is checked. Whatever is not there raises `NotFound`."""

    def open(self, ref: str, split: str | None = None) -> Rows:
        """Another version, or one split of it."""

    def splits(self) -> tuple[str, ...]:
        """The splits of the version that is checked; none for a root dataset."""

    def promoted(self) -> str | None:
        """The version that the dataset's bare name was made to mean; None before the first promotion."""

    def roots(self) -> Sequence[RootRows]:
        """Its rows by root: one, or for a mixture several."""

    def upstream(self) -> Sequence[Origin]:
        """All that it comes from, itself first, each version, and each split of one, once; the nearest first.

        Followed are rows and columns: what passes read, and the models that they asked; what those were trained on
        and began from; what selections chose from and by. Not followed are versions that a training was only
        evaluated on, and those that a selection only keeps clear of (`none_of`).
        """

    def chain(self, against: str | None = None) -> Chain:
        """The selections from ``against``, a dataset or a version on the way, to this version; by default from the
        roots. Raises `NotFound` where it was not chosen from ``against``."""

    def checkpoint(self, digest: str) -> Checkpoint:
        """A model upstream, by the digest of its weights."""

    def weights(self, checkpoint: Checkpoint) -> None:
        """Nothing, where its weights are here as they were digested, or are nobody's here to have.

        Raises `NotFound` where they are gone, and `IntegrityError` where others took their place.
        """

    def licenses(self) -> Sequence[tuple[Origin, str | None]]:
        """Of each dataset with a source and of each model upstream: as it is declared, else as it was recorded; None
        for neither."""
