"""The story told by Pixeltable: ``python with_pixeltable.py FOLDER STEP``, in an environment of its own."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import pixeltable as pxt
from pixeltable_caption import caption


def main(folder: Path, step: str) -> None:
    if step == "add":
        table = pxt.create_table("pairs", {"name": pxt.String, "image": pxt.Image})
        insert(table, folder, set())
        table.add_computed_column(words=caption(table.image))
        return
    table = pxt.get_table("pairs")
    if step == "holds":
        rows = table.select(table.words).collect()
        print(json.dumps(Counter(row["words"].split(":")[0] for row in rows)))
    else:
        insert(table, folder, {row["name"] for row in table.select(table.name).collect()})


def insert(table: pxt.Table, folder: Path, there: set[str]) -> None:
    """What is in the folder and not yet in the table."""
    files = sorted((folder / "images").rglob("*.*"))
    new = [{"name": file.name, "image": str(file)} for file in files if file.name not in there]
    if new:
        table.insert(new)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
