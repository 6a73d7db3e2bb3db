"""A changed byte is found: bits flipped one at a time over every file that a lake's versions need.

`FLIPS` of them; ``MMREG_FLIPS=300`` is the full size, and ``-s`` prints what plain Lance notices of the same flips.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lance
import pytest

from mmreg.errors import StorageError
from mmreg.registry.fsck.guard import guarded
from mmreg.registry.runs import archive

BESIDE_LANCE = "MMREG_FLIPS" in os.environ  # it panics over some, and could do worse
FLIPS = int(os.environ.get("MMREG_FLIPS", "40"))
KINDS = {"data": 4, "_deletions": 2, "_versions": 3, "_transactions": 1}
"""How often a flip goes into which folder of a table."""


@pytest.fixture
def grown(project: Callable[..., Any]) -> Any:
    """Rows added, changed and removed; passes, refills, selections; an archive of two commits."""
    made = project()
    made.apply()
    made.draw("new", "a new picture")
    made.draw("001", "another caption of it")
    made.erase("002")
    made.apply()
    archive(made.open().lake.store)
    made.draw("again", "after it was archived")
    made.erase("004")
    made.apply()
    archive(made.open().lake.store, keep=2)
    return made


@contextmanager
def flipped(file: Path, bit: int) -> Iterator[None]:
    """One bit of ``file`` is another while the block runs."""
    whole = file.read_bytes()
    changed = bytearray(whole)
    changed[bit // 8] ^= 1 << bit % 8
    file.write_bytes(changed)
    try:
        yield
    finally:
        file.write_bytes(whole)


def flips(lake: Path, number: int) -> Iterator[tuple[Path, int]]:
    """Files and bits, by a fixed seed: every kind of file, every table and the archive."""
    dice = random.Random(7)
    tables = [*lake.glob("*.lance"), lake / "_mmreg" / "runs.lance"]
    files = {kind: sorted(f for t in tables for f in t.glob(f"{kind}/*") if f.suffix != ".json") for kind in KINDS}
    assert all(files.values())
    for kind in dice.choices(list(KINDS), list(KINDS.values()), k=number):
        file = dice.choice(files[kind])
        yield file, dice.randrange(8 * file.stat().st_size)


def test_every_flipped_bit_is_found_and_its_file_named(grown: Any) -> None:
    lake, registry = grown.folder / "lake", grown.open()
    noticed: Counter[str] = Counter()
    looked: Counter[str] = Counter()
    for file, bit in flips(lake, FLIPS):
        with flipped(file, bit):
            report = registry.fsck(deep=True)
            key = str(file.relative_to(lake))
            assert key in {damage.file for damage in report.damages}, (key, bit, report.damages)
            looked[file.parent.name] += 1
            if BESIDE_LANCE:
                noticed[file.parent.name] += plain_lance_notices(next(p for p in file.parents if p.suffix == ".lance"))
    assert looked.total() == FLIPS
    if BESIDE_LANCE:
        print(f"\n{FLIPS} flips, all found: {dict(looked)}; plain Lance notices {noticed.total()}: {dict(noticed)}")
    assert registry.fsck(deep=True).damages == (), "nothing is found once the bits are back"


def plain_lance_notices(table: Path) -> bool:
    """Whether any version of a table fails to open, to pass `validate()`, or to be read."""
    try:
        with guarded("plain Lance"):
            newest = lance.dataset(str(table))
            for version in newest.versions():
                at = lance.dataset(str(table), version=version["version"])
                at.validate()
                at.to_table()
                at.read_transaction(version["version"])
    except StorageError:
        return True
    return False


@pytest.mark.parametrize("kind", ["data", "_deletions", "_versions", "_transactions"])
def test_a_file_that_is_short_gone_or_another_is_found(grown: Any, kind: str) -> None:
    lake, registry = grown.folder / "lake", grown.open()
    first, *_, last = sorted(f for f in (lake / "pairs.lance" / kind).iterdir() if f.suffix != ".json")
    whole, other = last.read_bytes(), first.read_bytes()
    for content in (whole[: len(whole) // 2], b"", None, other):
        last.write_bytes(content) if content is not None else last.unlink()
        for deep in (False, True):
            found = {damage.file for damage in registry.fsck(deep=deep).damages}
            noticed = str(last.relative_to(lake)) in found
            # Without reading it, a file of the same length is the same file.
            assert noticed or (not deep and content is not None and len(content) == len(whole)), (content, deep)
        last.write_bytes(whole)
    assert registry.fsck(deep=True).damages == ()
