"""In what form a lineage is shown, and where: the options that all commands which answer with one share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

from mmreg.cli.session import Session
from mmreg.errors import StorageError
from mmreg.schemas.lineage import Lineage

FORMS = ("tree", "json", "dot", "mermaid", "svg", "html")
_BY_SUFFIX = {
    ".json": "json", ".dot": "dot", ".gv": "dot", ".mmd": "mermaid", ".mermaid": "mermaid", ".svg": "svg",
    ".html": "html", ".htm": "html",
}  # fmt: skip


@dataclass(frozen=True)
class View:
    """``form`` is one of `FORMS`, or None: what the file's name says, else a tree. ``whole``: nothing is folded."""

    form: str | None = None
    file: Path | None = None
    whole: bool = False

    def show(self, session: Session, answer: Lineage) -> None:
        """Print ``answer``, or write it to the file. Raises `StorageError`, `MissingExtra` and `UsageError`."""
        form = "json" if session.json else self.form or self._by_suffix()
        if self.file is not None:
            write(self.file, "".join(f"{line}\n" for line in self._lines(answer, form)))
            session.say(f"{self.file}: {len(answer.nodes):,} nodes, {len(answer.edges):,} edges")
        elif form == "json":
            session.show(answer, json=True)
        elif form == "tree":
            self._tree(session, answer)
        else:
            sys.stdout.writelines(f"{line}\n" for line in self._lines(answer, form))

    def _by_suffix(self) -> str:
        return _BY_SUFFIX.get(self.file.suffix.lower(), "tree") if self.file is not None else "tree"

    def _tree(self, session: Session, answer: Lineage) -> None:
        from mmreg.cli.render.lineage import Tree

        tree = Tree.of(answer, whole=self.whole)
        session.show(tree)
        if tree.folded:
            session.say(f"{tree.folded:,} of {len(answer.nodes):,} nodes are folded (⋯, ×). --all shows each of them.")

    def _lines(self, answer: Lineage, form: str) -> Iterator[str]:
        match form:
            case "json":
                from mmreg.cli.plain import to_json

                yield to_json(answer)
            case "dot":
                from mmreg.cli.render.dot import dot

                yield from dot(answer)
            case "mermaid":
                from mmreg.cli.render.mermaid import mermaid

                yield from mermaid(answer)
            case "svg":
                from mmreg.cli.render.svg import svg

                yield svg(answer, whole=self.whole)
            case "html":
                from mmreg.cli.page import page

                yield page(answer, whole=self.whole)
            case _:
                from mmreg.cli.render import render
                from mmreg.cli.render.layout import paint
                from mmreg.cli.render.lineage import Tree

                yield from (paint(line, colour=False) for line in render(Tree.of(answer, whole=self.whole)))


def view_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command`` the options --format, --output and --all, and their values as its argument ``view``."""

    @click.option(
        "--format",
        "form",
        metavar="FORMAT",
        type=click.Choice(FORMS),
        help="tree (default), json, dot, mermaid, svg or html.",
    )
    @click.option(
        "-o",
        "--output",
        "file",
        metavar="FILE",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Write it to FILE, in the form that its name ends with.",
    )
    @click.option("--all", "whole", is_flag=True, help="Fold nothing, however long the tree or large the picture.")
    @wraps(command)
    def with_view(*args: Any, form: str | None, file: Path | None, whole: bool, **options: Any) -> None:
        command(*args, view=View(form, file, whole), **options)

    return with_view


def write(file: Path, text: str) -> None:
    """Let ``file`` hold ``text``; its folder is made. Raises `StorageError`."""
    from mmreg.registry.text_file import replace_text

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_text(file, text)
    except OSError as error:
        raise StorageError(f"{file}: {error.strerror}") from error
