"""Lay out a corpus with planted defects and the truth about it.

    python corpus.py [--out data]

``data/truth.jsonl`` says of each sample with a defect what it is. All of it is drawn here, the same each time.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from random import Random

import drawing
import planting
import sounds

HELD_OUT, LEAKED = 60, 12
"""Pictures of the held-out set that are its own; copies of training pictures, and as many near copies."""


def lay_out(out: Path) -> Counter[str]:
    """Write the corpus into ``out``, which is emptied first; return how often each defect is in it."""
    shutil.rmtree(out, ignore_errors=True)
    truth: list[dict[str, str]] = []
    for dataset, found in (
        ("pairs", _pairs(out / "pairs")),
        ("held_out", _held_out(out / "held_out")),
        ("sounds", sounds.sounds(_made(out / "sounds"))),
        ("films", sounds.films(_made(out / "films"))),
        ("vectors", sounds.vectors()),
    ):
        records = []
        for record, defect in found:
            records.append(record)
            if defect is not None:
                truth.append({"dataset": dataset, "name": str(record["name"]), "defect": defect})
        _write(out / f"{dataset}.jsonl", records)
    _write(out / "truth.jsonl", truth)
    return Counter(one["defect"] for one in truth)


def _pairs(folder: Path) -> Iterator[tuple[Mapping[str, object], str | None]]:
    _made(folder)
    defects, numbers = planting.planted(), Counter[str]()
    of = _shown(defects)
    for index in range(planting.PICTURES):
        defect = defects.get(index, "")
        number = numbers[defect]
        numbers[defect] += 1
        shown = of.get(index, index)  # a duplicate shows another one's picture under a caption of its own
        suffix = "jpg" if defect in ("near_duplicate", "truncated", "wrong_suffix") else "png"
        name = f"{index:04d}.{suffix}"
        spoil = planting.SPOILED.get(defect, planting.encoded)
        (folder / name).write_bytes(spoil(drawing.picture(shown)))
        yield (
            {
                "file_name": name,
                "name": name,
                "caption": drawing.caption(shown) if index in of else planting.spoiled_caption(defect, index, number),
                "license": "cc-by-nc-4.0" if defect == "nc_license" else planting.LICENSES[index % 2],
                "category": _category(index),
                "region": "south" if index % 4 == 0 else "north",
                "rating": Random(f"rating {index}").gauss(0.2 if index % 4 == 0 else 1.0, 0.5),
            },
            defect or None,
        )


def _held_out(folder: Path) -> Iterator[tuple[Mapping[str, object], str | None]]:
    _made(folder)
    sound = _sound()[-2 * LEAKED :]
    for index in range(HELD_OUT + 2 * LEAKED):
        leak = index - HELD_OUT
        shown = sound[leak] if leak >= 0 else planting.PICTURES + index
        near = leak >= LEAKED
        image = drawing.picture(shown)
        data = planting.SPOILED["near_duplicate"](image) if near else planting.encoded(image)
        (folder / (name := f"{index:04d}.{'jpg' if near else 'png'}")).write_bytes(data)
        defect = None if leak < 0 else "near_leak" if near else "leak"
        yield {"file_name": name, "name": name, "caption": drawing.caption(shown)}, defect


def leaked() -> dict[str, list[str]]:
    """The training pictures that the held-out set has, too, by name: as they are, and nearly."""
    names = [f"{index:04d}.png" for index in _sound()[-2 * LEAKED :]]
    return {"leak": names[:LEAKED], "near_leak": names[LEAKED:]}


def originals() -> dict[str, str]:
    """For each picture that is another one's duplicate, exact or near, that other one; both by name."""
    defects = planting.planted()
    suffix = {"exact_duplicate": "png", "near_duplicate": "jpg"}
    return {f"{copy:04d}.{suffix[defects[copy]]}": f"{index:04d}.png" for copy, index in _shown(defects).items()}


def _sound() -> list[int]:
    """Pictures with nothing wrong, in their order."""
    defects = planting.planted()
    return [index for index in range(planting.PICTURES) if index not in defects]


def _shown(defects: Mapping[int, str]) -> dict[int, int]:
    """Which sound picture each duplicate shows."""
    copies = [index for index, defect in sorted(defects.items()) if defect in ("exact_duplicate", "near_duplicate")]
    return dict(zip(copies, _sound(), strict=False))


def _category(index: int) -> str:
    rare = len(planting.RARE) * planting.RARE_EACH
    return planting.RARE[index % len(planting.RARE)] if index < rare else planting.COMMON[index % len(planting.COMMON)]


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _write(path: Path, records: Iterable[Mapping[str, object]]) -> None:
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("data"), help="the folder to lay the corpus out in")
    for name, count in sorted(lay_out(parser.parse_args().out).items()):
        print(f"{count:4}  {name}")
