"""Which columns a declared pass makes, as far as its declaration and its code say without a model."""

from __future__ import annotations

from pathlib import Path

from mmreg.curation.plugins import load_pass
from mmreg.curation.protocol import Pass, Recipe
from mmreg.errors import MmregError
from mmreg.schemas.declaration import PassSpec


def final_names(name: str, spec: PassSpec, operator: Pass) -> dict[str, str]:
    """What each output of the pass ``name`` is called as a column. Those of a filter have its name in theirs."""
    made = operator.outputs().names
    prefixed = made if operator.kind == "filter" else getattr(operator, "prefixed", ())
    return {own: spec.outputs.get(own, f"{name}_{own}" if own in prefixed else own) for own in made}


def declared_outputs(name: str, spec: PassSpec, folder: Path) -> list[str]:
    """The columns, under their final names; ``folder`` is the project's, for its plug-ins.

    A pass whose outputs depend on its model (an embedding's length) can be asked only once that exists: until
    then what ``outputs:`` names is all that is known. What is wrong with a pass is told when it is bound.
    """
    try:
        return list(final_names(name, spec, load_pass(spec.use, folder)(Recipe(params=spec.params))).values())
    except MmregError:
        return list(spec.outputs.values())
