"""The version that is looked at, and how ideas ask about it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mmreg.registry.derive import roots_at
from mmreg.registry.show import common_producers
from mmreg.registry.validation.world import WorkspaceWorld
from mmreg.schemas.arrow import media_kind
from mmreg.schemas.check_spec import CheckSpec

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.workspace import Workspace


@dataclass(frozen=True)
class Ask:
    """A check to run over the version: where it fails, ``code`` is found, which ``cure`` would cure."""

    code: str
    spec: CheckSpec
    cure: str
    what: str = ""
    note: bool = False


@dataclass(frozen=True)
class Unanswered:
    """What could not be looked for, and why."""

    code: str
    why: str


class Subject:
    def __init__(self, workspace: Workspace, row: VersionRow) -> None:
        self.workspace, self.row = workspace, row
        self.world = WorkspaceWorld(workspace, row)

    @cached_property
    def schema(self) -> pa.Schema:
        return self.workspace.open_version(self.row.ref).schema

    @property
    def media(self) -> list[str]:
        """Its columns of media."""
        return [field.name for field in self.schema if media_kind(field.type) is not None]

    @cached_property
    def texts(self) -> list[str]:
        """Its captions: columns that are declared as text, or that a model wrote."""
        spec, roots = self.workspace.spec, [root for root, _ in roots_at(self.row)]
        declared = {
            name
            for root in roots
            if root in spec.datasets
            for name, column in spec.datasets[root].columns.items()
            if column.type == "text"
        }
        names = [name for name in self.schema.names if name in declared]
        return [*names, *(name for name in self.made_by("caption", "text") if name not in names)]

    def made_by(self, use: str, output: str) -> list[str]:
        """The columns that passes with ``use`` made as their ``output``, by its own name."""
        return [
            column
            for column, facet in self._passes.items()
            if facet["use"] == use and facet["outputs"].get(output) == column and column in self.schema.names
        ]

    @cached_property
    def _passes(self) -> dict[str, dict[str, Any]]:
        """By column, what the run that made it says of its pass."""
        made = common_producers(self.workspace, self.row)
        return {column: self.workspace.catalog.run(run).facets["pass"] for column, (_, run) in made.items()}


def check(name: str, **arguments: Any) -> CheckSpec:
    """A check as a declaration would say it."""
    return CheckSpec.model_validate({"check": name, **arguments})
