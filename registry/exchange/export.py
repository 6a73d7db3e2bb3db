"""Lineage for others: as OpenLineage events, as W3C PROV, and what a file of either tells, read back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mmreg.errors import NotFound, UsageError
from mmreg.registry.exchange.lookup import known_of
from mmreg.schemas.lineage import Lineage

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace

Document = dict[str, Any]


def export(
    workspace: Workspace, lineage: Lineage, form: Literal["openlineage", "prov"], *, pinned: bool = False
) -> Iterator[Document]:
    """The documents that ``lineage`` is in another format: an event each, or one of PROV.

    ``pinned`` as for `mmreg.registry.exchange.openlineage.events`. No row is read.
    """
    if form == "openlineage":
        from mmreg.registry.exchange.openlineage import events

        yield from events(lineage, known_of(workspace, lineage), pinned=pinned)
    else:
        from mmreg.registry.exchange.prov import document

        yield document(lineage, known_of(workspace, lineage, columns=False))


def read_export(path: Path) -> Lineage:
    """What a file of OpenLineage events or of PROV-JSON tells. Nothing is recorded.

    Raises `NotFound`, and `UsageError` where it is neither of them.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise NotFound(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8", hint="a file of OpenLineage events, or of PROV-JSON") from None
    documents = list(_documents(path, text))
    if len(documents) == 1 and isinstance(one := documents[0][1], dict) and _is_prov(one):
        from mmreg.registry.exchange.prov_read import read_document

        return read_document(str(path), one)
    from mmreg.registry.exchange.openlineage_read import read_events

    return read_events(documents)


def _is_prov(document: Document) -> bool:
    return "eventTime" not in document and bool({"entity", "activity", "prefix"} & document.keys())


def _documents(path: Path, text: str) -> Iterator[tuple[str, object]]:
    """The JSON of a file, each with where it stands: the whole file, the elements of a list, or a line each."""
    whole = _parsed(text)
    if isinstance(whole, list):
        yield from ((f"{path}, event {number}", one) for number, one in enumerate(whole, 1))
    elif whole is not None:
        yield str(path), whole
    else:
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                if (one := _parsed(line)) is None:
                    raise UsageError(
                        f"{path}:{number}: this is no JSON", hint="a file of OpenLineage events, or of PROV-JSON"
                    )
                yield f"{path}:{number}", one


def _parsed(text: str) -> object | None:
    try:
        parsed: object = json.loads(text)
        return parsed
    except (ValueError, RecursionError):
        return None
