"""Open clip art as Debian packages it: fetched by apt, unpacked without root, paired with its metadata."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

PACKAGES = ("openclipart-png", "openclipart-svg")
ART = Path("usr/share/openclipart")
TIME_LIMIT_S = 900
DC = "{http://purl.org/dc/elements/1.1/}"
CC = "{http://web.resource.org/cc/}"
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"


class Unavailable(Exception):
    """The packages cannot be had on this machine; the message says why."""


def fetch(cache: Path) -> Path:
    """The folder with `png` and `svg`, downloaded and unpacked below ``cache`` unless it is there.

    Raises `Unavailable`.
    """
    unpacked = cache / "unpacked"
    if not unpacked.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=cache) as work:
            for package in PACKAGES:
                _run("dpkg-deb", "-x", str(_download(package, cache, Path(work))), f"{work}/unpacked")
            Path(work, "unpacked").rename(unpacked)
    return unpacked / ART


def lay_out(art: Path, images: Path, size: int) -> Iterator[dict[str, str | None]]:
    """Give ``size`` pictures a place below ``images``, and yield their records in the order of their names.

    Which ones is decided by a digest of the name, so that a smaller size is a part of a larger one. A
    symbolic link of the package (an exact duplicate) becomes a file of its own name.
    """
    names = sorted(path.relative_to(art / "png") for path in (art / "png").rglob("*.png"))
    chosen = set(sorted(names, key=lambda name: hashlib.sha256(name.as_posix().encode()).digest())[:size])
    for name in names:
        if name in chosen:
            _place(art / "png" / name, images / name)
            yield {
                "image": name.as_posix(),
                "name": name.stem,
                "category": name.parent.as_posix(),
                **_metadata(art / "svg" / name.with_suffix(".svg")),
            }


def _download(package: str, cache: Path, work: Path) -> Path:
    """The package's file in ``cache``. It comes there by a rename: a torn download is never taken for one."""
    if not (kept := sorted(cache.glob(f"{package}_*.deb"))):
        _run("apt-get", "download", package, cwd=work)
        downloaded = next(work.glob(f"{package}_*.deb"))
        kept = [downloaded.rename(cache / downloaded.name)]
    return kept[-1]


def _run(*command: str, cwd: Path | None = None) -> None:
    try:
        subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True, timeout=TIME_LIMIT_S)
    except FileNotFoundError:
        raise Unavailable(f"there is no {command[0]} on this machine") from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"'{' '.join(command)}' took more than {TIME_LIMIT_S} s") from None
    except subprocess.CalledProcessError as error:
        said = (error.stderr or "").strip().splitlines() or [f"exit {error.returncode}"]
        raise Unavailable(f"'{' '.join(command)}' failed ({said[-1]})") from None


def _place(source: Path, place: Path) -> None:
    """``source`` under the name ``place``: a hard link where the file system allows one, else a copy."""
    if place.exists():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), place)
    except OSError:
        shutil.copy2(source, place)


def _metadata(svg: Path) -> dict[str, str | None]:
    """The Dublin Core metadata that the drawing carries, as it stands there."""
    work = next(
        (element for _, element in ElementTree.iterparse(svg) if element.tag == f"{CC}Work"),
        ElementTree.Element("none"),
    )
    licence = work.find(f"{CC}license")
    return {
        "title": (work.findtext(f"{DC}title") or "").strip(),
        "keywords": ", ".join((word.text or "").strip() for word in work.iter(f"{RDF}li")),
        "description": (work.findtext(f"{DC}description") or "").strip(),
        "license": licence.get(f"{RDF}resource") if licence is not None else None,
    }
