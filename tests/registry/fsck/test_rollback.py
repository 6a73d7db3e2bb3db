"""Going back from a newest version that a power loss has torn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lance
import pytest

from mmreg.errors import NotFound, StorageError, UsageError


def newest_manifest(made: Any, dataset: str) -> Path:
    """Names of manifests count down."""
    return min((made.folder / "lake" / f"{dataset}.lance" / "_versions").glob("*.manifest"))


@pytest.mark.parametrize("dataset", ["pairs", "train"])
@pytest.mark.parametrize("left", [0, 100])
def test_a_torn_newest_version_is_moved_aside_and_work_goes_on(grown: Any, rows: Any, dataset: str, left: int) -> None:
    before = grown.open()
    torn, good = before.log(dataset)[:2]
    was = rows(before, good.ref)
    manifest = newest_manifest(grown, dataset)
    content = manifest.read_bytes()[:left]
    manifest.write_bytes(content)
    with pytest.raises(StorageError):
        grown.apply()
    found = next(found for found in grown.open().fsck().damages if found.file and manifest.name in found.file)
    assert found.kind == "changed"
    assert found.last_good == good.ref and f"mmreg fsck --rollback {dataset}" in (found.hint or "")

    done = grown.open().rollback(dataset)
    assert (done.dataset, done.last_good) == (dataset, good.ref)
    assert (grown.folder / "lake" / done.file).read_bytes() == content
    registry = grown.open()
    assert rows(registry, done.ref) == was
    log = registry.log(dataset)
    assert [entry.ref for entry in log[:3]] == [done.ref, torn.ref, good.ref]
    assert len({entry.ref for entry in log}) == len(log)
    with pytest.raises((NotFound, StorageError)):
        rows(registry, torn.ref)
    told = registry.catalog.run(done.run).facets["rollback"]
    assert (told["from"], told["to"]) == (torn.ref, good.ref)

    grown.apply()
    grown.draw("later", "after the power came back")
    grown.apply()
    assert grown.open().fsck(deep=True).damages == ()
    assert rows(grown.open(), f"{dataset}@latest").keys() > was.keys()
    number = lance.dataset(registry.show(f"{dataset}@latest").uri).version
    assert number > torn_number(torn.ref, before), "the number of the torn version is nobody else's"


def torn_number(ref: str, registry: Any) -> int:
    number: int = next(r.lance_version for r in registry.catalog.versions(ref.partition("@")[0]) if r.ref == ref)
    return number


def test_a_version_of_which_a_file_is_gone_can_be_gone_back_from(grown: Any) -> None:
    registry = grown.open()
    good, newest = (
        {
            file.path
            for fragment in registry.open_version(entry.ref).table.get_fragments()
            for file in fragment.metadata.files
        }
        for entry in reversed(registry.log("pairs")[:2])
    )
    (grown.folder / "lake" / "pairs.lance" / "data" / (newest - good).pop()).unlink()
    assert "--rollback" in (grown.open().fsck().damages[0].hint or "")
    grown.open().rollback("pairs")
    assert grown.open().fsck("pairs").damages == ()


def test_a_whole_version_is_not_gone_back_from(grown: Any) -> None:
    with pytest.raises(UsageError, match="nothing to go back from"):
        grown.open().rollback("pairs")
    with pytest.raises(NotFound):
        grown.open().rollback("nothing")
