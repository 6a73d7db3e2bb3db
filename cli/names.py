"""References as parameters: what a person types becomes a value, and the shell can complete it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from mmreg.cli.session import Session
from mmreg.errors import MmregError, UsageError
from mmreg.schemas.model import Component
from mmreg.schemas.refs import ModelRef, NodeRef, VersionRef, check_name
from mmreg.schemas.secrets import redacted

if TYPE_CHECKING:
    from mmreg.registry.catalog import Catalog
    from mmreg.schemas.training import Data

_CATALOG = re.compile(r"""^catalog:\s*["']?sqlite:///([^"'\s#]+)""", re.MULTILINE)


class Reference(click.ParamType):  # type: ignore[type-arg]  # generic in newer click only
    """Parses with ``parse``; completes with what ``known`` finds in the index for what was typed so far."""

    def __init__(self, name: str, parse: Callable[[str], Any], known: Callable[[Catalog, str], Iterator[str]]) -> None:
        self.name, self._parse, self._known = name, parse, known

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return self._parse(value) if isinstance(value, str) else value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        session = ctx.find_object(Session)
        with suppress(MmregError):  # whoever presses Tab wants no message
            catalog = _index(Path(session.project or ".") if session else Path())
            if catalog is not None:
                return [CompletionItem(n) for n in self._known(catalog, incomplete) if n.startswith(incomplete)]
        return []


class Assignment(click.ParamType):  # type: ignore[type-arg]
    """``NAME=VALUE`` as a pair; an ``=`` in the name is not possible, one in the value is."""

    name = "name=value"

    def __init__(self, kind: Callable[[str], Any]) -> None:
        self._kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        name, equals, text = value.partition("=")
        kept(text)
        try:
            if not name or not equals:
                raise ValueError
            return name, self._kind(text)
        except ValueError:
            number = " with VALUE a number" if self._kind is float else ""
            shape = (param and param.metavar) or "NAME=VALUE"
            hint = f"{param.opts[0]} {shape}" if param is not None else None
            raise UsageError(f"{value!r} is not {shape}{number}", hint=hint) from None


def kept(text: str) -> str:
    """``text`` that goes into records. Raises `UsageError` where it looks like a secret."""
    if redacted(text) != text:
        raise UsageError("one of the values looks like a secret, and all of them are kept in records")
    return text


def _datasets(catalog: Catalog, typed: str) -> Iterator[str]:
    return (summary.name for summary in catalog.datasets())


def _versions(catalog: Catalog, typed: str) -> Iterator[str]:
    name, at, _ = typed.partition("@")
    if not at:
        return _datasets(catalog, typed)
    return iter([f"{name}@latest", *(entry.ref for entry in catalog.log(name))])


def _models(catalog: Catalog, typed: str) -> Iterator[str]:
    for model in catalog.models():
        yield from (f"{model.name}@{alias}" for alias in model.aliases)
        yield f"{model.name}@{model.digest[:12]}"


def _nodes(catalog: Catalog, typed: str) -> Iterator[str]:
    yield from _versions(catalog, typed) if not typed.startswith("model:") else ()
    yield from (f"model:{name}" for name in _models(catalog, typed))


def _data(text: str) -> Data:
    from mmreg.schemas.training import Data  # not above: only trainings have data

    return Data.parse(kept(text))


def _dataset_name(text: str) -> str:
    return check_name(text, "dataset name")


DATASET = Reference("dataset", _dataset_name, _datasets)
REF = Reference("ref", VersionRef.parse, _versions)
MODEL = Reference("model", ModelRef.parse, _models)
NODE = Reference("node", NodeRef.parse, _nodes)
DATA = Reference("data", _data, _versions)
COMPONENT = Reference("component", lambda text: Component.parse(kept(text)), lambda catalog, typed: iter(()))


def _index(project: Path) -> Catalog | None:
    """The SQLite index of the project as it is: not created, not brought up to date; no lake is touched."""
    start = project.resolve()
    root = next((folder for folder in (start, *start.parents) if (folder / "mmreg.yaml").is_file()), None)
    if root is None:
        return None
    declared = _CATALOG.search((root / "mmreg.yaml").read_text("utf-8", errors="replace"))
    file = declared[1] if declared else ".mmreg/catalog.db"
    if not (root / file).is_file():
        return None
    from mmreg.registry.catalog import Catalog

    return Catalog.open(f"sqlite:///{file}", root)
