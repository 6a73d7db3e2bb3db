"""Values as text: `render` gives the lines of one value, chosen by its type.

The other files of this room register what they can render. They import values of `mmreg.schemas` and nothing
heavy, so that ``mmreg ls`` answers at once.
"""

from __future__ import annotations

from mmreg.cli.render import checks, datasets, errands, lineage, models, plans, rows, runs
from mmreg.cli.render.layout import render

__all__ = ["checks", "datasets", "errands", "lineage", "models", "plans", "render", "rows", "runs"]
