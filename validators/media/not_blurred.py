"""not_blurred: pictures have edges."""

from __future__ import annotations

from pydantic import Field

from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.media.measured import Measured, media_column
from mmreg.validators.media.picture_look import PictureLook, Pictures
from mmreg.validators.media.spread import Spread
from mmreg.validators.table import Table

_EDGES = (0.0, *(2.0**power for power in range(21)))
"""No picture has more: a pixel's Laplacian is at most 1,020."""


class Arguments(Declared):
    column: str
    min_value: float | int = Field(gt=0, allow_inf_nan=False)


class NotBlurred(Measured[PictureLook]):
    """The variance of each image's Laplacian is at least min_value; null and what does not decode is not examined.

    It is the number ``blur`` of the pass ``image_stats``: see `mmreg.validators.media.blur`.
    """

    failing = "images are blurred"
    decoded_by = "image_decodes"

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        arguments = parse_arguments(spec, Arguments)
        column = media_column("not_blurred", table, arguments.column, "image")
        self._least = arguments.min_value
        looks = table.shared(Pictures)
        looks.want("blur")
        super().__init__(spec, column, looks, Spread("variance of the Laplacian", _EDGES))

    def _judge(self, look: PictureLook) -> str | None:
        return f"blurred: below {self._least:g}" if self._measure(look) < self._least else None

    def _shown(self, look: PictureLook) -> str:
        return f"{self._measure(look):.4g}"

    def _measure(self, look: PictureLook) -> float:
        return look.blur if look.blur is not None else float("nan")
