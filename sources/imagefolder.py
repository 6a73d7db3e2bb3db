"""A folder of images, walked to its leaves; captions from a ``.txt`` beside each, or from one file for all.

Every image is a record, addressed by its path. With ``captions``, so is what only that file names.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from mmreg.errors import NotFound, UsageError
from mmreg.schemas.declaration import DatasetSpec
from mmreg.sources.captions import Caption, read_captions
from mmreg.sources.columns import media_columns
from mmreg.sources.declared import declared_path
from mmreg.sources.files import Root, address_of
from mmreg.sources.placing import place_media
from mmreg.sources.protocol import SourceBatch, Wanted
from mmreg.sources.reading import listing_of, rows_of, select
from mmreg.sources.record import File, Record, Refused
from mmreg.sources.stamp import canonical, stamp
from mmreg.sources.walking import Found, look, walk


class ImageFolder:
    """The reader of ``type: imagefolder``."""

    def __init__(self, name: str, spec: DatasetSpec, base: Path) -> None:
        """Open the declared folder. Raises `NotFound` or `UsageError`."""
        source = spec.source
        folder = declared_path(name, "path", source.path, base)
        if not os.path.isdir(folder):
            raise NotFound(
                f"datasets.{name}.source.path: {source.path} is a file, an imagefolder is a folder",
                hint=f"name its folder under datasets.{name}.source.path in mmreg.yaml",
            )
        facts: dict[str, Any] = {"type": "imagefolder", "path": source.path}
        self._captions = None
        if source.captions is not None:
            facts["captions"] = source.captions
            self._captions = declared_path(name, "captions", source.captions, base)
        self.name, self.spec, self.facts = name, spec, facts
        self.media_root = os.path.realpath(folder)
        self._image = _first(spec, "image") or ""
        self._text = _first(spec, "text")
        self._filled = {key: column for key, column in spec.columns.items() if key != self._image}
        self._media = media_columns(self._filled)
        self._check_columns(name)

    def listing(self) -> Iterator[pa.RecordBatch]:
        """Yield addresses and stamps, reading no media byte."""
        return listing_of(self._records())

    def read(self, wanted: Wanted | None) -> Iterator[SourceBatch]:
        """Yield the wanted records as rows, or as rejected."""
        return rows_of(self.name, self.spec, select(self._records(), wanted))

    def _records(self) -> Iterator[Record]:
        """Walk the folder in the order of its names; then what only the captions name."""
        root = Root(self.media_root)
        if self._captions is None:
            for found in walk(self.media_root):
                yield self._with_sidecar(root, found)
        else:
            yield from self._with_captions(root, self._captions)

    def _with_sidecar(self, root: Root, found: Found) -> Record:
        values: dict[str, Any] = {}
        image, refused = look(root, found.entry, found.uri)
        files: list[File | None] = [image]
        values[self._image] = image
        if found.sidecar is not None and self._text is not None:
            text, unusable = look(root, found.sidecar, found.sidecar_uri)
            files.append(text)
            values[self._text] = text
            refused = refused or unusable
        return _record(found.uri, values, files, b"", refused)

    def _with_captions(self, root: Root, path: str) -> Iterator[Record]:
        captions, others = self._read_captions(path)
        for found in walk(self.media_root):
            image, refused = look(root, found.entry, found.uri)
            yield self._captioned(root, captions.pop(found.uri, None), found.uri, image, refused)
        for uri, caption in captions.items():
            try:
                yield self._captioned(root, caption, uri, root.locate(uri), None)
            except Refused as absent:
                yield self._captioned(root, caption, uri, None, absent)
        yield from others

    def _read_captions(self, path: str) -> tuple[dict[str, Caption], list[Record]]:
        """Each image's caption, and a record to reject for every one that cannot be joined to an image."""
        captions: dict[str, Caption] = {}
        others: list[Record] = []
        file = os.path.basename(path)
        times: Counter[str] = Counter()
        for caption in read_captions(path, self._filled):
            refused, address = caption.refused, caption.file or f"{file}#{caption.digest}"
            times[address] += 1
            if refused is None and times[address] == 1:
                captions[address] = caption
                continue
            if refused is None:
                earlier = captions[address].place
                refused = Refused("duplicate_address", f"{caption.place} names the image of {earlier} again")
            # Two slashes stand in no normal path, so this address is nobody else's.
            unique = address if times[address] == 1 else f"{address}//{times[address]}"
            others.append(Record(unique, stamp((), caption.digest.encode()), {}, refused))
        return captions, others

    def _captioned(
        self, root: Root, caption: Caption | None, uri: str, image: File | None, refused: Refused | None
    ) -> Record:
        values = dict(caption.cells) if caption else {}
        cells = canonical(values)
        files, unusable = place_media(root, self._media, values)
        values[self._image] = image
        return _record(uri, values, [image, *files], cells, refused or unusable)

    def _check_columns(self, name: str) -> None:
        """Refuse a declaration by which every record would be rejected."""
        if not self._image:
            raise UsageError(
                f"dataset {name}: an imagefolder fills the first column of type image, and none is declared",
                hint=f"add `image: {{type: image}}` under datasets.{name}.columns",
            )
        if self._captions is None:
            for key, column in self._filled.items():
                if key != self._text and not column.nullable:
                    raise UsageError(
                        f"dataset {name}: nothing fills the column {key!r}: sidecar files hold one text",
                        hint=f"declare `captions:` in datasets.{name}.source, or `nullable: true` for {key}",
                    )


def _record(
    uri: str, values: dict[str, Any], files: list[File | None], cells: bytes, refused: Refused | None
) -> Record:
    address, nameless = address_of(uri)
    return Record(address, stamp(files, cells), values, nameless or refused)


def _first(spec: DatasetSpec, kind: str) -> str | None:
    return next((key for key, column in spec.columns.items() if column.type == kind), None)
