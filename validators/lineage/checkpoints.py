"""lineage.checkpoints: every model that had a part in it is known by its weights, and they are still there."""

from __future__ import annotations

from mmreg.errors import IntegrityError, NotFound
from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.schemas.upstream import Origin
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.table import Table
from mmreg.validators.tally import verdict
from mmreg.validators.world_check import WorldCheck


class Arguments(Declared):
    pass


class Checkpoints(WorldCheck):
    """Every model upstream is registered by its digest, and its weights are where they were, unchanged.

    Of a model behind an address nobody here can read the weights: it passes, and the message counts it.
    """

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        parse_arguments(spec, Arguments)
        super().__init__(spec, table)

    def result(self) -> CheckResult:
        models = [origin for origin in self._world.upstream() if origin.kind == "checkpoint"]
        wrong, opaque = [], 0
        for model in models:
            try:
                opaque += self._is_opaque(model)
            except (NotFound, IntegrityError) as error:
                wrong.append(f"{model.ref} ({error.message})")
        message = f"{len(wrong):,} of {len(models):,} models upstream are not what they were"
        if not models:
            message = "no model upstream"
        elif wrong:
            message += f": {', '.join(wrong)}"
        message += f"; {opaque:,} behind an address, of unknown weights" if opaque else ""
        return verdict(self._spec, None, len(models), len(wrong), message)

    def _is_opaque(self, model: Origin) -> bool:
        """Raises where the model is not registered, or where its weights are not there."""
        checkpoint = self._world.checkpoint(model.id)
        self._world.weights(checkpoint)
        return checkpoint.opaque
