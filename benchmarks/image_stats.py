"""image_stats beside what one writes by hand: Pillow, numpy and ImageHash, the same nine numbers from one decode.

Without a folder, on pictures drawn here: small and middling JPEG, and PNG. PNG gains least: its time is zlib's.
"""

from __future__ import annotations

import argparse
import io
import math
import tempfile
from pathlib import Path

import numpy as np
from measure import Cost, Work, compare, measure
from PIL import Image
from report import Figure, Options, show

BUDGET = 3.0
BATCH = 256
DRAWN = (("small JPEG", "JPEG", 256, 192, 4), ("middling JPEG", "JPEG", 800, 600, 1), ("small PNG", "PNG", 256, 192, 1))
"""Name, format, width, height, and how many for each of ``--size``."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="a folder of images (default: pictures drawn here)")
    parser.add_argument("--size", type=int, default=150, metavar="N", help="how many of the largest (default 150)")
    parser.add_argument("--json", action="store_true", help="print JSON lines")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mmreg-bench-") as work:
        if given.folder:
            folders = {given.folder.name: given.folder}
        else:
            folders = {name: _draw(Path(work, name), given.size * many, *how) for name, *how, many in DRAWN}
        show(
            Options(given.size, given.json, Path(work)),
            [figure for name, folder in folders.items() for figure in _figures(name, folder)],
        )


def _figures(name: str, folder: Path) -> list[Figure]:
    def bare() -> Cost:
        return measure(_bare, folder)

    def ours() -> Cost:
        return measure(_ours, folder)

    compared = compare(bare, ours, rounds=1)
    count = compared.ours[0].value
    rates = {"ours": count / compared.of_ours("cpu_s"), "bare": count / compared.of_bare("cpu_s"), "images": count}
    budget = None if "PNG" in name else BUDGET
    return [
        Figure(f"{name}: bare / image_stats, CPU", 1 / compared.ratio(), "x", budget, True, compared.noise(), rates),
        Figure(
            f"{name}: bare / image_stats, clock",
            1 / compared.ratio("wall_s"),
            "x",
            None,
            True,
            compared.noise("wall_s"),
        ),
    ]


def _ours(folder: Path) -> Work:
    import pyarrow as pa

    from mmreg.curation.image_stats import ImageStats
    from mmreg.curation.protocol import Recipe
    from mmreg.schemas.arrow import media_type

    operator = ImageStats(Recipe())
    operator.open()
    images = pa.array([{"bytes": data} for data in _read(folder)], media_type("image"))
    batches = [pa.record_batch({"image": images.slice(at, BATCH)}) for at in range(0, len(images), BATCH)]
    Image.init()

    def work() -> int:
        return sum(len(operator(batch)) for batch in batches)

    return work


def _bare(folder: Path) -> Work:
    import imagehash

    images = _read(folder)
    Image.init()

    def row(data: bytes) -> tuple[object, ...]:
        with Image.open(io.BytesIO(data)) as image:
            grey = image.convert("L")
            values = np.asarray(grey, np.float32)
            shares = np.asarray(grey.histogram()) / values.size
            shares = shares[shares > 0]
            laplacian = (
                values[:-2, 1:-1] + values[2:, 1:-1] + values[1:-1, :-2] + values[1:-1, 2:] - 4 * values[1:-1, 1:-1]
            )
            numbers = values.mean() / 255, values.std() / 255, -(shares * np.log2(shares)).sum(), laplacian.var()
            return *image.size, image.mode, len(data), *numbers, str(imagehash.phash(grey))

    def work() -> int:
        return len([row(data) for data in images])

    imagehash.phash(Image.new("L", (32, 32)))  # imports scipy
    return work


def _read(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.rglob("*")) if path.suffix.lower() in _SUFFIXES]


_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"}


def _draw(folder: Path, count: int, format: str, width: int, height: int) -> Path:
    """Soft colours with a little noise: 12 KB for a small JPEG, as photographs of that size have."""
    seeded = np.random.default_rng(7)
    folder.mkdir()
    for number in range(count):
        coarse = seeded.integers(0, 256, (math.ceil(height / 24), math.ceil(width / 24), 3), np.uint8)
        soft = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), np.int16)
        pixels = np.clip(soft + seeded.integers(-8, 9, soft.shape, np.int16), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:05d}.{format.lower()}", format)
    return folder


if __name__ == "__main__":
    main()
