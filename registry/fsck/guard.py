"""Lance over damaged files: errors of several kinds, and panics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from mmreg.errors import MmregError, StorageError
from mmreg.registry.lake import first_line


@contextmanager
def guarded(what: str) -> Iterator[None]:
    """Turn whatever Lance makes of damage in ``what`` into a `StorageError`, also a panic of its Rust side."""
    try:
        yield
    except MmregError as error:
        raise StorageError(error.message, hint=error.hint) from error
    except (OSError, ValueError, RuntimeError, LookupError, pa.ArrowException) as error:
        raise StorageError(f"{what}: {first_line(error)}") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise StorageError(f"{what}: {first_line(error)}") from error
