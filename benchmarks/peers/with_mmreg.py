"""The story told by mmreg: ``python with_mmreg.py FOLDER STEP``."""

from __future__ import annotations

import io
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
from captioner import caption
from PIL import Image

DECLARATION = """
version: 1
project: story
datasets:
  pairs:
    source: {type: imagefolder, path: images}
    columns:
      image: {type: image}
      caption: {type: text, nullable: true}
models:
  captioner: {uri: model}
passes:
  words: {from: pairs, use: "with_mmreg:Caption", model: captioner, inputs: {image: image}, outputs: {text: words}}
"""


class Caption:
    """`captioner.caption` as a pass."""

    version = "1"
    kind, scope, role = "score", "row", "mapper"
    inputs: ClassVar = {"image": "image"}

    def __init__(self, recipe: Any) -> None:
        pass

    def outputs(self) -> pa.Schema:
        return pa.schema([("text", pa.string())])

    def open(self) -> None:
        pass

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        pictures = (Image.open(io.BytesIO(cell["bytes"].as_py())) for cell in batch["image"])
        return pa.record_batch({"text": [caption(picture) for picture in pictures]})


def main(folder: Path, step: str) -> None:
    from mmreg.curation.apply import apply
    from mmreg.registry.api import Registry
    from mmreg.registry.init import init_project

    if step == "add":
        (folder / "mmreg.yaml").write_text(DECLARATION)
        init_project(folder)
    registry = Registry.open(folder)
    if step == "holds":
        words = (row["words"].split(":")[0] for row in registry.query("pairs@latest", columns=["words"]))
        print(json.dumps(Counter(words)))
    else:
        apply(registry)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main(Path(sys.argv[1]), sys.argv[2])
