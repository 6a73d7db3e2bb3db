"""lineage.not_derived_from: nothing of the version owes anything to a dataset."""

from __future__ import annotations

from mmreg.schemas.check import CheckResult
from mmreg.schemas.declaration import CheckSpec, Declared, VersionRefText
from mmreg.schemas.refs import VersionRef
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.table import Table
from mmreg.validators.tally import verdict
from mmreg.validators.world_check import WorldCheck


class Arguments(Declared):
    dataset: VersionRefText


class NotDerivedFrom(WorldCheck):
    """Neither its rows nor its columns come from the dataset, nor does a model that chose or made them.

    Data that was filtered, scored or written by a model counts as derived from all that the model, and those which it
    began from, were trained on. What a model was only evaluated on does not count, nor does a dataset of which a
    selection only keeps clear (`none_of`).
    """

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        self._of = VersionRef.parse(parse_arguments(spec, Arguments).dataset)
        super().__init__(spec, table)

    def result(self) -> CheckResult:
        there = self._world.open(str(self._of))  # a dataset that nobody knows is a slip, and no good news
        found = [
            origin
            for origin in self._world.upstream()
            if origin.kind == "version"
            and origin.name == self._of.dataset
            and (self._of.selector is None or origin.id == there.uuid)
        ]
        if not found:
            message = f"nothing comes from {self._of}"
        else:
            message = f"it comes from {found[0].ref}: {' > '.join(found[0].way)}"
            more = [origin.ref for origin in found[1:]]
            message += f"; and from {', '.join(more)}" if more else ""
        return verdict(self._spec, None, 1, int(bool(found)), message)
