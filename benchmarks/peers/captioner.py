"""The model of the story, the same for everybody: weights in a file, pixels in, a caption out, every call noted.

``STORY_MODEL`` names the file with the weights, ``STORY_CALLS`` the file that gets one byte a call.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image


def caption(picture: Image.Image) -> str:
    """What the model whose weights are there now says of ``picture``."""
    name = Path(os.environ["STORY_MODEL"]).read_text().strip()
    with Path(os.environ["STORY_CALLS"]).open("ab") as calls:
        calls.write(b".")
    return f"{name}: brightness {np.asarray(picture.convert('L')).mean():.0f}"
