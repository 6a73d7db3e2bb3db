"""The story told by DataChain, incrementally (``delta``): ``python with_datachain.py FOLDER STEP``.

It reads annotations as they are, so nothing is postponed here.
"""

import json
import sys
from collections import Counter
from pathlib import Path

import datachain as dc
from captioner import caption as captioned


def words(file: dc.ImageFile) -> str:
    return captioned(file.read())


def main(folder: Path, step: str) -> None:
    if step == "holds":
        values = dc.read_dataset("pairs").to_values("words")
        print(json.dumps(Counter(value.split(":")[0] for value in values)))
        return
    images = dc.read_storage(
        f"file://{folder / 'images'}", type="image", update=True,
        delta=True, delta_on=["file.path"], delta_compare=["file.etag"],
    )  # fmt: skip
    images.map(words=words).save("pairs")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
