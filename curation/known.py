"""The file of known failures, read and written."""

from __future__ import annotations

from pathlib import Path

from mmreg.errors import NotFound, SpecError, StorageError
from mmreg.registry.text_file import replace_text
from mmreg.schemas.baseline import Baseline


def known_failures(file: Path | None, *, new: bool) -> Baseline | None:
    """The baseline in ``file``; an empty one where there is none yet and ``new``. None without a file.

    Raises `NotFound` for a file that is not there and `SpecError` for one that makes no sense.
    """
    if file is None:
        return None
    try:
        return Baseline.from_text(file.read_text(encoding="utf-8"), str(file))
    except FileNotFoundError:
        if new:
            return Baseline()
        raise NotFound(
            f"there is no baseline {file}", hint=f"mmreg validate --baseline {file} --update-baseline"
        ) from None
    except UnicodeDecodeError:
        raise SpecError("it is not UTF-8", file=str(file)) from None
    except OSError as error:
        raise StorageError(f"{file}: {error.strerror}") from error


def write_baseline(file: Path, baseline: Baseline) -> None:
    """Write it whole or not at all; nothing where the file says so already."""
    try:
        replace_text(file, baseline.to_text())
    except OSError as error:
        raise StorageError(f"{file}: {error.strerror}") from error
