"""lineage.producers: nobody but the source and recorded passes has made columns."""

from __future__ import annotations

from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.table import Table
from mmreg.validators.tally import share, verdict
from mmreg.validators.world_check import WorldCheck


class Arguments(Declared):
    pass


class Producers(WorldCheck):
    """Every column that its source does not have was made by a pass whose run is recorded.

    Examined are the columns that a person would read. One of a mixture must be accounted for in each of its roots.
    """

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        parse_arguments(spec, Arguments)
        super().__init__(spec, table)

    def result(self) -> CheckResult:
        columns = [name for name in self._table.schema.names if not name.startswith("_")]
        foreign: dict[str, list[str]] = {}
        for root in self._world.roots():
            known = root.declared.union(*(passed.columns for passed in root.passes))
            for name in columns:
                if name not in known:
                    foreign.setdefault(name, []).append(root.ref)
        message = share(self._spec, len(columns), len(foreign), "columns have no recorded producer")
        if foreign:
            message += ": " + ", ".join(f"{name} (in {', '.join(refs)})" for name, refs in foreign.items())
        return verdict(self._spec, None, len(columns), len(foreign), message)
