"""What a declared pass makes, by its kind: columns, rows of their own, or columns that a selection is made by."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pyarrow as pa

from mmreg.config import Project
from mmreg.curation.plugins import load_pass
from mmreg.curation.protocol import Pass, makes_rows
from mmreg.errors import MmregError, UsageError
from mmreg.schemas.declaration import SELECTIONS, PassSpec
from mmreg.schemas.document import all_roots, roots_of

Makes = Literal["columns", "filter", "rows", "selection"]

KEEP, REASON = "keep", "reason"
"""What a pass of kind `filter` answers."""
_RESERVED = ("sample_id", "parent", "origin", "error")


def makes(spec: PassSpec, folder: Path) -> Makes:
    """What a declared pass makes; ``folder`` is the project's, for its plug-ins. Raises what `load_pass` raises."""
    if spec.use in SELECTIONS:
        return "selection"
    cls = load_pass(spec.use, folder)
    if makes_rows(cls):
        return "rows"
    return "filter" if cls.kind == "filter" else "columns"


def made_roots(project: Project) -> dict[str, str]:
    """The roots that passes make, each with its pass. One whose pass cannot be loaded is among them."""
    found = {}
    for name, spec in project.spec.passes.items():
        if spec.into is not None and spec.use not in SELECTIONS and _made(spec, project.folder) == "rows":
            found[spec.into] = name
    return found


def root_of(project: Project, dataset: str) -> str:
    """The root behind ``dataset``, declared or made by a pass. Raises as `roots_of`."""
    return roots_of(project.spec, dataset, made_roots(project))


def roots_behind(project: Project, dataset: str) -> tuple[str, ...]:
    """All roots behind ``dataset``, declared or made by passes."""
    return all_roots(project.spec, dataset, made_roots(project))


def check_promise(name: str, spec: PassSpec, operator: Pass) -> None:
    """Raise `UsageError` where a pass promises what its kind may not, or is declared as what it is not."""
    promised = operator.outputs()
    selects, creates = operator.kind == "filter", makes_rows(type(operator))
    if (selects or creates) and spec.into is None:
        made = "a derived dataset" if selects else "rows of their own"
        raise UsageError(f"pass {name}: {spec.use} makes {made}: say which dataset that is", hint="into: NAME")
    if spec.into is not None and not selects and not creates:
        raise UsageError(
            f"pass {name}: {spec.use} is of kind {operator.kind!r} and makes columns, no dataset {spec.into!r}",
            hint=f"leave out 'into' of {name}",
        )
    if selects and not _keeps(promised):
        raise UsageError(
            f"pass {name}: {spec.use} is a filter, which answers {KEEP!r} (bool) and maybe {REASON!r} (string), "
            f"not {', '.join(f'{field.name} ({field.type})' for field in promised)}"
        )
    wrong = [own for own in promised.names if own == "error" or own.startswith("_")]
    wrong += [own for own in promised.names if creates and spec.outputs.get(own, own) in _RESERVED]
    if wrong:
        raise UsageError(f"pass {name}: {spec.use} makes {wrong[0]!r}, which is mmreg's own")


def _keeps(promised: pa.Schema) -> bool:
    types = {field.name: field.type for field in promised}
    reason = types.pop(REASON, pa.string())
    return types == {KEEP: pa.bool_()} and reason == pa.string()


def _made(spec: PassSpec, folder: Path) -> Makes:
    try:
        return makes(spec, folder)
    except MmregError:
        return "rows"  # what is wrong is told when it is bound
