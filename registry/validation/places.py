"""Where in the project's files a check is declared."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mmreg.schemas.check import Place

if TYPE_CHECKING:
    from mmreg.config import Project


def place_of(project: Project, dataset: str, number: int) -> Place | None:
    """The place of the check with this number (from 0) among those declared for ``dataset``.

    Its file is relative to the project's folder, and an included one where that declares it. None where the project
    was declared in Python.
    """
    return place(project, "checks", dataset, number)


def place(project: Project, *path: str | int) -> Place | None:
    """The same of whatever is declared at ``path``."""
    document = project.document
    if document is None:
        return None
    at = document.locate(*path)
    return Place(_relative(at.source.file, document.tree.at.source.file, project.folder), at.line, at.column)


def _relative(file: str, main: str, folder: Path) -> str:
    if not os.path.isabs(file) and not os.path.isabs(main):  # both as seen from where the project was loaded
        return Path(os.path.relpath(file, os.path.dirname(main) or ".")).as_posix()
    return Path(os.path.relpath(os.path.abspath(file), folder)).as_posix()
