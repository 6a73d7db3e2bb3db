"""How columns were made, as far as it takes to say that those of two versions compare."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from mmreg.registry.show import common_producers

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.workspace import Workspace
    from mmreg.schemas.run import Run


@dataclass(frozen=True)
class Maker:
    """By which pass, as which of its outputs and of what type, with which models (their digests) and params."""

    use: str
    output: str
    type: pa.DataType
    models: frozenset[str]
    params: str


def makers(workspace: Workspace, row: VersionRow) -> Mapping[str, Maker]:
    """How each column of a version was made that passes made."""
    schema = workspace.open_version(row.ref).schema
    made = common_producers(workspace, row)
    return {
        name: _maker(workspace.catalog.run(run), name, schema.field(name).type)
        for name, (_, run) in made.items()
        if name in schema.names
    }


def is_hash(made: Maker) -> bool:
    """Whether it is a perceptual hash."""
    return made.use == "image_stats" and made.output == "phash"


def is_embedding(made: Maker) -> bool:
    return isinstance(made.type, pa.FixedSizeListType) and pa.types.is_floating(made.type.value_type)


def _maker(run: Run, column: str, dtype: pa.DataType) -> Maker:
    facet = run.facets["pass"]
    output = next((name for name, called in facet["outputs"].items() if called == column), column)
    models = frozenset(used.id for used in run.inputs if used.role == "curated_by")
    return Maker(facet["use"], output, dtype, models, json.dumps(facet["params"], sort_keys=True))
