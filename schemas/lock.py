"""``mmreg.lock``: what the names in ``mmreg.yaml`` meant when it was written. Text that git can compare and merge.

It is an on-disk format: `Lock.format` is its number, and this mmreg refuses a newer one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from types import UnionType
from typing import Any, TypeVar, get_args, get_type_hints

from mmreg.errors import SpecError
from mmreg.schemas.located import Node, Scalar, Table, read
from mmreg.schemas.suggest import did_you_mean

FILE = "mmreg.lock"
FORMAT = 1

_HEAD = """\
# What the names in mmreg.yaml mean. It belongs into git, beside mmreg.yaml.
# Written by 'mmreg promote' and by 'mmreg apply --promote' or '--lock'; not edited by hand.
"""

_CONFLICT = re.compile(r"^(<{7}|>{7})( |$)", re.MULTILINE)

T = TypeVar("T")


@dataclass(frozen=True)
class LockedDataset:
    """The version that a dataset's bare name meant, by promotion where ``promoted``; ``uuid`` is None where it meant
    none.

    ``declared`` is the digest of what declares it and ``source`` that of what its source listed; None of what passes
    make, whose recipes have an entry of their own.
    """

    uuid: str | None = None
    ordinal: int = 0
    rows: int = 0
    promoted: bool = False
    declared: str | None = None
    source: str | None = None


@dataclass(frozen=True)
class LockedPass:
    """A pass as it was ``declared`` (a digest), and the recipe by which it had last run: the ``version`` that its code
    said of itself, the ``generation`` of the cells that it made, and the digest of its ``code``.

    These are None where it had not run yet, and of selections, which make no cells.
    """

    declared: str
    use: str
    version: str | None = None
    generation: str | None = None
    code: str | None = None


@dataclass(frozen=True)
class LockedModel:
    """The digest of the weights that a model's name meant; None before there were any. ``declared``: of what
    ``models:`` says of it, where it is declared there."""

    digest: str | None = None
    declared: str | None = None


@dataclass(frozen=True)
class Lock:
    """``models`` is by the name as declarations use it: ``clip``, ``clip@champion``. ``lake`` is that lake's id."""

    project: str
    lake: str
    datasets: Mapping[str, LockedDataset] = field(default_factory=dict)
    models: Mapping[str, LockedModel] = field(default_factory=dict)
    passes: Mapping[str, LockedPass] = field(default_factory=dict)
    format: int = FORMAT

    def to_text(self) -> str:
        """YAML: the same text for the same lock, one fact a line, names in the order of the alphabet."""
        return _HEAD + "\n".join(_lines(self)) + "\n"

    @classmethod
    def from_text(cls, text: str, file: str = FILE) -> Lock:
        """Parse what `to_text` wrote. Raises `SpecError` with the place of what cannot be meant."""
        try:
            if (mark := _CONFLICT.search(text)) is not None:
                line = text.count("\n", 0, mark.start()) + 1
                raise SpecError("git has left a merge conflict here", file=file, line=line)
            return _parse(read(text, file))
        except SpecError as error:
            error.hint = error.hint or "mmreg apply --lock writes it anew"
            raise


def _lines(lock: Lock) -> Iterator[str]:
    yield f"format: {lock.format}"
    yield f"project: {json.dumps(lock.project)}"
    yield f"lake: {json.dumps(lock.lake)}"
    for section in _SECTIONS:
        entries = getattr(lock, section)
        yield f"{section}:" if entries else f"{section}: {{}}"
        for name in sorted(entries):
            said = {key: value for key, value in asdict(entries[name]).items() if value is not None}
            yield f"  {json.dumps(name)}:" + " {}" * (not said)
            yield from (f"    {key}: {json.dumps(value)}" for key, value in said.items())


_SECTIONS: Mapping[str, type[Any]] = {"datasets": LockedDataset, "models": LockedModel, "passes": LockedPass}


def _parse(node: Node) -> Lock:
    if not isinstance(node, Table):
        raise node.at.error("a lock is a map")
    found = node.entries.get("format")
    number = found.node if found is not None else node
    if not isinstance(number, Scalar) or type(number.value) is not int:
        raise number.at.error("it has no 'format: NUMBER'")
    if number.value > FORMAT:
        error = number.at.error(f"format {number.value} is of a newer mmreg; this one knows formats up to {FORMAT}")
        error.hint = "pip install --upgrade mmreg"
        raise error
    return _value(Lock, node, **{name: _section(node, name, kind) for name, kind in _SECTIONS.items()})


def _section(node: Table, name: str, kind: type[T]) -> dict[str, T]:
    if name not in node.entries:
        return {}
    entry = node.entries[name]
    if not isinstance(entry.node, Table):
        raise entry.at.error(f"{name!r} is a map")
    found = {}
    for key, inner in entry.node.entries.items():
        if not isinstance(inner.node, Table):
            raise inner.at.error(f"{key!r} is a map")
        found[key] = _value(kind, inner.node)
    return found


def _value(kind: type[T], node: Table, **parsed: Any) -> T:
    """``kind`` from a map: known keys alone, each of its type."""
    types = get_type_hints(kind)
    for key, entry in node.entries.items():
        if key not in types:
            raise entry.at.error(f"unknown key {key!r}{did_you_mean(key, types)}")
        if key in parsed:
            continue
        wanted = get_args(types[key]) if isinstance(types[key], UnionType) else (types[key],)
        if not isinstance(entry.node, Scalar) or type(entry.node.value) not in wanted:
            raise entry.node.at.error(f"{key!r} is to be {_WORDS[wanted[0]]}")
        parsed[key] = entry.node.value
    for needed in fields(kind):  # type: ignore[arg-type]
        if needed.name not in parsed and needed.default is MISSING and needed.default_factory is MISSING:
            raise node.at.error(f"the key {needed.name!r} is missing")
    return kind(**parsed)


_WORDS: Mapping[Any, str] = {str: "text", int: "a whole number", bool: "true or false"}
