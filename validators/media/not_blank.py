"""not_blank: pictures show something."""

from __future__ import annotations

from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.media.measured import Measured, media_column
from mmreg.validators.media.picture_look import PictureLook, Pictures
from mmreg.validators.table import Table


class Arguments(Declared):
    column: str


class NotBlank(Measured[PictureLook]):
    """No image is of one colour throughout, or wholly transparent; null and what does not decode is not examined.

    One colour is what differs by at most 8 of 255 levels in each channel: lossy codecs leave that of an even one.
    Different colours of one brightness are no blank, neither is white on nothing. Of an animation the first frame
    counts.
    """

    failing = "images are blank"
    decoded_by = "image_decodes"

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        column = media_column("not_blank", table, parse_arguments(spec, Arguments).column, "image")
        looks = table.shared(Pictures)
        looks.want("blank")
        super().__init__(spec, column, looks)

    def _judge(self, look: PictureLook) -> str | None:
        return "one colour, or nothing that can be seen" if look.blank else None

    def _shown(self, look: PictureLook) -> str:
        return f"<image, {look.width} x {look.height}>"
