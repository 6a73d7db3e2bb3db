"""The Lance tags of a table. One that is torn makes Lance refuse all of them, and clean-up with them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from mmreg.registry.digests import manifest_path
from mmreg.schemas.damage import Damage

if TYPE_CHECKING:
    from mmreg.registry.fsck.files import TableFiles

PIN = "mmreg-"
_FIELDS = {"branch", "version", "createdAt", "updatedAt", "manifestSize", "metadata"}


@dataclass(frozen=True)
class Pin:
    """A version of ``dataset`` that must be kept; ``torn`` is the key of a tag file in the way of its tag."""

    dataset: str
    uuid: str
    lance_version: int
    torn: str | None = None


class Tags:
    """What is wrong with tags; ``pins`` are those that can be made anew."""

    def __init__(self, tables: dict[str, TableFiles]) -> None:
        self._tables = tables
        self._there: dict[str, dict[str, int]] = {}
        self.pins: dict[str, Pin] = {}
        self.useless: list[str] = []

    def torn(self, files: TableFiles) -> Iterator[Damage]:
        """Tag files that are none, name no version, or another than the pin's."""
        tags = self._there[files.dataset] = {}
        folder = f"{files.dataset}.lance/_refs/tags/"
        by_uuid = {known.output.uuid: version for version, known in files.known.items()}
        for key in list(files.lake.store.list(folder)):
            name = key.removeprefix(folder).removesuffix(".json")
            if not key.endswith(".json") or "/" in name:
                continue  # what a killed writer left
            version = _version(files, files.lake.store.get(key))
            wanted = by_uuid.get(name.removeprefix(PIN)) if name.startswith(PIN) else version
            if version is not None and version in files.retained and version == wanted:
                tags[name] = version
                continue
            what = "is no tag" if version is None else f"names Lance version {version}, which is not its own"
            if version is not None and version not in files.retained:
                what = f"names Lance version {version}, which is not there"
            if not name.startswith(PIN):
                hint = f"remove the file, then tag the version again: {key}"
            elif wanted in files.retained and wanted is not None:
                self.pins[name] = Pin(files.dataset, name.removeprefix(PIN), wanted, torn=key)
                hint = "mmreg fsck --repair"
            else:
                self.useless.append(key)
                hint = "mmreg fsck --repair"
            yield Damage("tag", f"the tag {name} {what}", dataset=files.dataset, file=key, hint=hint)

    def missing(self, files: TableFiles) -> Iterator[Damage]:
        """Versions that ``files``, a derived dataset, refers to and that nothing keeps from clean-up."""
        for version in files.retained:
            known = files.known.get(version)
            for root in known.output.roots if known is not None else ():
                there, name = self._tables.get(root["dataset"]), f"{PIN}{root['uuid']}"
                if there is None or root["lance_version"] not in there.retained or name in self.pins:
                    continue
                own = there.known.get(root["lance_version"])
                if name in self._there[root["dataset"]] or own is None or own.output.uuid != root["uuid"]:
                    continue
                self.pins[name] = Pin(root["dataset"], root["uuid"], root["lance_version"])
                yield Damage(
                    "pin",
                    f"{own.output.ref} is needed by {files.ref(version)}, and no tag keeps it from clean-up",
                    dataset=root["dataset"],
                    file=f"{root['dataset']}.lance/_refs/tags/{name}.json",
                    hint="mmreg fsck --repair",
                )


def _version(files: TableFiles, data: bytes | None) -> int | None:
    """The version that a tag names; None where Lance would stumble over it."""
    try:
        told = json.loads(data or b"")
        number = int(told["version"])
        for name in ("createdAt", "updatedAt"):
            if told.get(name) is not None:
                datetime.fromisoformat(told[name])
        size = told.get("manifestSize")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    strange = told.keys() - _FIELDS or told.get("branch") is not None
    return None if strange or size not in (None, files.size(manifest_path(number)) or size) else number
