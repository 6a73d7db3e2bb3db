"""Which columns a declared pass makes, as far as its declaration and its code say without a model."""

from __future__ import annotations

from pathlib import Path

from mmreg.curation.plugins import load_pass
from mmreg.curation.protocol import Recipe
from mmreg.errors import MmregError
from mmreg.schemas.declaration import PassSpec


def declared_outputs(spec: PassSpec, folder: Path) -> list[str]:
    """The columns, under their final names; ``folder`` is the project's, for its plug-ins.

    A pass whose outputs depend on its model (an embedding's length) can be asked only once that exists: until
    then what ``outputs:`` names is all that is known. What is wrong with a pass is told when it is bound.
    """
    try:
        made = load_pass(spec.use, folder)(Recipe(params=spec.params)).outputs().names
    except MmregError:
        return list(spec.outputs.values())
    return [spec.outputs.get(own, own) for own in made]
