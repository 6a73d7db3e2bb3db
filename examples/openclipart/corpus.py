"""Lay out the demo's corpus: real clip art where apt can fetch it, else scenes that are drawn here.

    python corpus.py --out data [--cache DIR] [--size N] [--corpus auto|openclipart|drawn]

``data/records.jsonl`` gets one record a picture, ``data/images`` the pictures. Nothing is cleaned:
duplicates, bombs, boilerplate titles and empty ones are what the declared pipeline is there for. A repeated
call finds its work done and touches no file, so that what you add by hand stays.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import clipart
import scenes

ALL = 8121
"""Records in the packaged clip art, and as many scenes by default."""


def main() -> None:
    options = _options()
    done = options.out / "corpus.json"
    facts = _read(done)
    if facts.get("asked") != options.size or options.corpus not in ("auto", facts["corpus"]):
        facts = _lay_out(options.corpus, options.size, options.out, options.cache)
        done.write_text(json.dumps(facts) + "\n")
    print(f"corpus: {facts['corpus']}, {facts['records']} records in {options.out}")


def _lay_out(corpus: str, size: int, out: Path, cache: Path) -> dict[str, str | int]:
    out.mkdir(parents=True, exist_ok=True)
    if corpus != "drawn":
        try:
            records = clipart.lay_out(clipart.fetch(cache), out / "images", size)
            return {"corpus": "openclipart", "asked": size, "records": _write(records, out)}
        except clipart.Unavailable as reason:
            if corpus == "openclipart":
                sys.exit(f"corpus: {reason}")
            print(f"corpus: {reason}; drawing scenes instead", file=sys.stderr)
    return {"corpus": "drawn", "asked": size, "records": _write(scenes.draw(out / "images", size), out)}


def _write(records: Iterable[Mapping[str, str | None]], out: Path) -> int:
    """Replace ``records.jsonl`` in one step; return how many records it has."""
    partial = out / "records.jsonl.part"
    with partial.open("w", encoding="utf-8") as lines:
        count = sum(bool(lines.write(json.dumps(record, ensure_ascii=False) + "\n")) for record in records)
    partial.replace(out / "records.jsonl")
    return count


def _read(path: Path) -> dict[str, str | int]:
    return json.loads(path.read_text()) if path.exists() else {}


def _options() -> argparse.Namespace:
    shared = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="the folder to lay the corpus out in")
    parser.add_argument("--cache", type=Path, default=shared / "mmreg-demo", help="where downloads are kept")
    parser.add_argument("--size", type=int, default=ALL, help=f"records; the clip art has {ALL} at most")
    parser.add_argument("--corpus", choices=("auto", "openclipart", "drawn"), default="auto")
    return parser.parse_args()


if __name__ == "__main__":
    main()
