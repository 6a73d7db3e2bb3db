"""Row sets: which samples a training saw, kept as one object of the lake, known by its digest.

The object is the ids of the samples, 16 bytes each, ascending, each once, with nothing before, between or after. Equal
sets are thus one object, and whether a sample is in one is a search. Memory: 16 bytes a row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mmreg.errors import IntegrityError, NotFound, StorageError, UsageError
from mmreg.registry.identity import fixed_width
from mmreg.registry.objects import get_object, put_object
from mmreg.schemas.cells import values
from mmreg.schemas.refs import VersionRef
from mmreg.schemas.training import TrainedOn

if TYPE_CHECKING:
    from mmreg.registry.store import Store
    from mmreg.registry.workspace import Workspace

Ids = NDArray[np.void]
"""Sample ids, 16 raw bytes each."""
Samples: TypeAlias = "Iterable[str | bytes] | Ids | pa.Array[Any] | pa.ChunkedArray[Any]"
"""Sample ids as people have them."""

WIDTH = 16
BATCH_ROWS = 65_536
_HEX = re.compile(r"[0-9a-f]{32}")


def put_rows(store: Store, ids: Ids) -> str:
    """Keep a set of samples and return its digest."""
    return put_object(store, np.unique(ids).tobytes())


def get_rows(store: Store, digest: str) -> Ids:
    """The samples of a set, ascending, without those that were erased since. Raises `IntegrityError`."""
    data = get_object(store, digest)
    if len(data) % WIDTH:
        raise IntegrityError(f"object {digest} is no set of samples: {len(data)} bytes", hint="mmreg fsck")
    return np.frombuffer(data, f"V{WIDTH}")


def rows_of(workspace: Workspace, data: TrainedOn) -> Ids:
    """The samples that a training saw of ``data``, ascending: its row set, or all rows that it names.

    The latter opens Lance. Raises `NotFound` where the version is gone.
    """
    return get_rows(workspace.lake.store, data.rows) if data.rows else members(workspace, data)


def members(workspace: Workspace, data: TrainedOn) -> Ids:
    """All samples of a version, of its split and of its rows that fulfil the predicate, ascending."""
    reader = workspace.open_version(VersionRef(data.dataset, data.uuid), data.split)
    batches = reader.batches(["sample_id"], where=data.where, batch_size=BATCH_ROWS, media=False)
    return np.unique(np.concatenate([empty(), *(fixed_width(batch.column("sample_id")) for batch in batches)]))


def holds(ids: Ids, sample: bytes) -> bool:
    """Whether an ascending set has ``sample``."""
    wanted = np.frombuffer(sample, f"V{WIDTH}")
    at = int(np.searchsorted(ids, wanted)[0])
    return at < len(ids) and bool(ids[at] == wanted[0])


def as_ids(samples: Samples) -> Ids:
    """Sample ids as `Ids`, from hexadecimal text, from 16 bytes each, or from a column ``sample_id``.

    Raises `UsageError` for what is none.
    """
    if isinstance(samples, np.ndarray) and samples.dtype == np.dtype(f"V{WIDTH}"):
        return samples
    if isinstance(samples, (pa.Array, pa.ChunkedArray)):
        if samples.type == pa.binary(WIDTH) and not samples.null_count:
            return fixed_width(samples)
        samples = values(samples)
    return np.frombuffer(b"".join(_raw(sample) for sample in samples), f"V{WIDTH}")


def read_ids(file: Path) -> Ids:
    """Sample ids from a file: hexadecimal, one a line, or Parquet with a column ``sample_id``."""
    try:
        if file.suffix != ".parquet":
            return as_ids(line for line in file.read_text("ascii").split("\n") if line)
        if "sample_id" not in pq.read_schema(file).names:
            raise UsageError(f"{file} has no column 'sample_id'", hint="columns=['sample_id'] of what was read")
        return as_ids(pq.read_table(file, columns=["sample_id"])["sample_id"])
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {file}", hint="give the list of samples that the training saw") from error
    except OSError as error:
        raise StorageError(f"{file}: {error}", hint=f"ls -la {file}") from error
    except (ValueError, pa.ArrowInvalid) as error:
        raise UsageError(
            f"{file} is no list of sample ids: {error}", hint="one a line, 32 hexadecimal digits"
        ) from error


def rows_told(said: Iterable[str]) -> dict[str | None, Ids]:
    """The samples of files given as ``FILE`` or ``NAME=FILE``, by name; None for a file without."""
    named = [(name, file) if equals else (None, name) for name, equals, file in (text.partition("=") for text in said)]
    return {name: read_ids(Path(file)) for name, file in named}


def empty() -> Ids:
    return np.empty(0, f"V{WIDTH}")


def _raw(sample: str | bytes) -> bytes:
    if isinstance(sample, str) and _HEX.fullmatch(sample.strip()):
        return bytes.fromhex(sample.strip())
    if isinstance(sample, bytes) and len(sample) == WIDTH:
        return sample
    raise UsageError(f"{sample!r} is no sample id", hint="32 hexadecimal digits, as 'mmreg head' shows them")
