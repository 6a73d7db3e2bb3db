"""`captioner.caption` as a function of Pixeltable, which finds it again by the name of this module."""

from __future__ import annotations

import pixeltable as pxt
from captioner import caption as captioned


@pxt.udf
def caption(picture: pxt.Image) -> str:
    return captioned(picture)
