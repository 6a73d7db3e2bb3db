"""Turn the media paths that a record declares into located files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mmreg.sources.files import Root
from mmreg.sources.record import File, Refused


def place_media(
    root: Root, columns: Iterable[str], values: dict[str, Any], folder: str = ""
) -> tuple[list[File | None], Refused | None]:
    """Replace the paths in the media ``columns`` of ``values`` by files, looking each up once.

    ``folder`` is where the paths start, below the root. Answers the files (None: not there) and the first
    refusal. What is no path at all stays, for its column to refuse.
    """
    files: list[File | None] = []
    refused: Refused | None = None

    def place(value: Any) -> Any:
        nonlocal refused
        if not isinstance(value, str):
            return value
        file = None
        try:
            file = root.locate(value, folder)
        except Refused as error:
            refused = refused or error
        files.append(file)
        return file

    for column in columns:
        value = values.get(column)
        values[column] = [place(one) for one in value] if isinstance(value, list) else place(value)
    return files, refused
