"""What the command of a training writes beside its weights, for the record: it is read, and is no part of the model.

``metrics.json`` maps names to numbers. ``training.json`` may have ``samples_seen``, ``parameters`` and ``cost``
(`mmreg.schemas.training.COST`). ``rows.txt`` or ``rows.parquet`` list the samples that were seen, where those are not
all; a training of several datasets writes ``rows.NAME.txt`` or ``rows.NAME.parquet`` for each dataset or component.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmreg.errors import MmregError, TrainingFailed
from mmreg.registry.row_sets import Ids, read_ids
from mmreg.schemas.training import checked_cost

_ROWS = re.compile(r"rows(?:\.(?P<name>.+))?\.(?:txt|parquet)")


@dataclass(frozen=True)
class Output:
    """``rows`` are the samples that were seen, by dataset or component; under None where there is one dataset."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    samples_seen: int | None = None
    parameters: int | None = None
    cost: Mapping[str, Any] = field(default_factory=dict)
    rows: Mapping[str | None, Ids] = field(default_factory=dict)


def taken(name: str, folder: Path) -> Output:
    """What training ``name`` wrote into ``folder`` for the record; the files are removed. Raises `TrainingFailed`."""
    rows = {match["name"]: file for file in folder.iterdir() if (match := _ROWS.fullmatch(file.name))}
    told = _document(name, folder / "training.json")
    try:
        found = Output(
            _metrics(name, folder / "metrics.json"),
            _count(told, "samples_seen"),
            _count(told, "parameters"),
            checked_cost(told.get("cost", {})),
            {of: read_ids(file) for of, file in rows.items()},
        )
    except (MmregError, AttributeError) as error:
        said = error.message if isinstance(error, MmregError) else "training.json: its cost is no map of numbers"
        raise TrainingFailed(f"training {name}: {said}", hint="mend what the command writes") from error
    for file in (folder / "metrics.json", folder / "training.json", *rows.values()):
        file.unlink(missing_ok=True)
    return found


def _metrics(name: str, file: Path) -> dict[str, float]:
    try:
        return {str(key): float(value) for key, value in _document(name, file).items()}
    except (ValueError, TypeError) as error:
        raise TrainingFailed(f"training {name}: metrics.json is no map of numbers: {error}") from error


def _document(name: str, file: Path) -> dict[str, Any]:
    """An object of JSON; empty where there is no such file."""
    if not file.exists():
        return {}
    try:
        found = json.loads(file.read_text())
        if not isinstance(found, dict):
            raise ValueError("it is no object")
    except ValueError as error:
        raise TrainingFailed(f"training {name}: {file.name} is no map of numbers: {error}") from error
    return found


def _count(told: Mapping[str, Any], key: str) -> int | None:
    number = told.get(key)
    if number is None:
        return None
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise TrainingFailed(f"training.json: {key} is {number!r}, and no count")
    return number
