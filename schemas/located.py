"""YAML text as plain values of which each knows its place.

The YAML 1.2 core schema and nothing else: text, numbers, true and false, null, lists, maps with text keys,
aliases and ``<<`` merges. Tags, duplicate keys, other documents and non-finite numbers are refused. Nothing
is resolved to dates, so ``2024-01-01`` stays text. Size, depth and the size after aliases are bounded while
reading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mmreg.errors import SpecError
from mmreg.schemas.secrets import blotted, is_token

MAX_BYTES = 256 * 1024
MAX_DEPTH = 64
MAX_VALUES = 20_000
"""Values in one file, an alias counted as all that it stands for."""

_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_LONGEST_SHOWN = 200
_SLOW = (
    (re.compile(r"[!&*][^\s]{4096}"), "a tag, an anchor or an alias is too long"),
    (re.compile(r"(^%.*\n){10}", re.MULTILINE), "too many directives"),
)
"""For either the parser takes time that grows with its square."""


@dataclass(frozen=True)
class Source:
    """A file's name as shown in messages, and its text."""

    file: str
    text: str = field(repr=False)

    def line(self, number: int) -> str | None:
        """Line ``number`` (1-based), what looks like a secret blotted out; None where too long to show."""
        lines = re.split(r"\r\n|\r|\n", self.text)
        if not 0 < number <= len(lines) or len(lines[number - 1]) > _LONGEST_SHOWN:
            return None
        return blotted(lines[number - 1].replace("\t", " "))


@dataclass(frozen=True)
class Position:
    """A place in a source; ``line`` and ``column`` count from 1."""

    source: Source = field(repr=False)
    line: int = 1
    column: int = 1

    def error(self, message: str) -> SpecError:
        shown = self.source.line(self.line)
        return SpecError(message, file=self.source.file, line=self.line, column=self.column, source_line=shown)

    def __str__(self) -> str:
        return f"{self.source.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Scalar:
    at: Position
    value: str | int | float | bool | None
    size: int = 1
    height: int = 1


@dataclass(frozen=True)
class Items:
    """A list. ``size`` counts the values below it and itself, ``height`` its levels, aliases included."""

    at: Position
    nodes: tuple[Node, ...]
    size: int = 1
    height: int = 1


@dataclass(frozen=True)
class Entry:
    """A key's place and its value."""

    at: Position
    node: Node


@dataclass(frozen=True)
class Table:
    at: Position
    entries: dict[str, Entry]
    size: int = 1
    height: int = 1


Node = Scalar | Items | Table


def read(text: str, file: str) -> Node:
    """The one document in ``text``; `SpecError` with the place of the first thing that cannot be read."""
    if len(text) > MAX_BYTES or len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        raise SpecError(f"longer than {MAX_BYTES} bytes; split it with include:", file=file)
    source = Source(file, text.removeprefix("\ufeff"))
    for pattern, what in _SLOW:
        if found := pattern.search(source.text):
            raise _place(source, found.start()).error(what)
    return _Reader(source).document()


def plain(node: Node) -> Any:
    """The value without its places."""
    match node:
        case Scalar():
            return node.value
        case Items():
            return [plain(item) for item in node.nodes]
        case Table():
            return {key: plain(entry.node) for key, entry in node.entries.items()}


def find(node: Node, path: tuple[str | int, ...], *, key: bool = False) -> Position:
    """Where ``path`` is below ``node``, or the key of the nearest thing above it that exists.

    ``key`` asks for the place of the last step's key rather than of its value.
    """
    at = node.at
    for step in path:
        match node:
            case Table(entries=entries) if isinstance(step, str) and step in entries:
                at, node = entries[step].at, entries[step].node
            case Items(nodes=nodes) if isinstance(step, int) and step < len(nodes):
                at, node = nodes[step].at, nodes[step]
            case _:
                return at
    return at if key else node.at


def value_at(node: Node, path: tuple[str | int, ...]) -> Node | None:
    """What stands at ``path`` below ``node``."""
    for step in path:
        match node:
            case Table(entries=entries) if isinstance(step, str) and step in entries:
                node = entries[step].node
            case Items(nodes=nodes) if isinstance(step, int) and step < len(nodes):
                node = nodes[step]
            case _:
                return None
    return node


def table(at: Position, entries: dict[str, Entry]) -> Table:
    """A map of ``entries``, measured."""
    nodes = [entry.node for entry in entries.values()]
    return Table(at, entries, 1 + sum(1 + n.size for n in nodes), 1 + max((n.height for n in nodes), default=0))


def items(at: Position, nodes: tuple[Node, ...]) -> Items:
    """A list of ``nodes``, measured."""
    return Items(at, nodes, 1 + sum(n.size for n in nodes), 1 + max((n.height for n in nodes), default=0))


class _Reader:
    """Builds nodes from ruamel's parse events: its constructors, which could make objects, are never used."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._events = _events(source)
        self._anchors: dict[str, Node] = {}
        self._size = 0

    def document(self) -> Node:
        next(self._events)
        start = next(self._events)
        if type(start).__name__ == "StreamEndEvent":
            return Table(Position(self._source), {})
        node = self._node(next(self._events), 1)
        next(self._events)
        if type(after := next(self._events)).__name__ != "StreamEndEvent":
            raise self._at(after).error("a second document starts here; one file holds one")
        return node

    def _node(self, event: Any, depth: int) -> Node:
        at = self._at(event)
        kind = type(event).__name__
        if depth > MAX_DEPTH:
            raise at.error(f"nested deeper than {MAX_DEPTH} levels")
        if kind == "AliasEvent":
            return self._alias(event.anchor, at, depth)
        if event.tag is not None and not (kind == "ScalarEvent" and event.tag in ("!", _STR)):
            raise at.error(
                f"the tag {event.tag.replace('tag:yaml.org,2002:', '!!')!r} is not allowed: plain values only"
            )
        self._count(1, at)
        node: Node
        if kind == "ScalarEvent":
            quoted = event.style is not None or event.tag is not None
            if is_token(event.value):
                raise _unshown(at, "this looks like a key or token; keep secrets out of the file, as env:NAME")
            node = Scalar(at, _text(event.value, at) if quoted else _resolve(event.value, at))
        elif kind == "SequenceStartEvent":
            node = self._items(at, depth)
        else:
            node = self._table(at, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, anchor: str, at: Position, depth: int) -> Node:
        node = self._anchors.get(anchor)
        if node is None:
            raise at.error(f"the alias *{anchor} stands for nothing that ends before it")
        self._count(node.size, at)
        if depth + node.height - 1 > MAX_DEPTH:
            raise at.error(f"nested deeper than {MAX_DEPTH} levels")
        return node

    def _items(self, at: Position, depth: int) -> Items:
        nodes = []
        while type(event := next(self._events)).__name__ != "SequenceEndEvent":
            nodes.append(self._node(event, depth + 1))
        return items(at, tuple(nodes))

    def _table(self, at: Position, depth: int) -> Table:
        entries: dict[str, Entry] = {}
        merged: list[tuple[Position, Node]] = []
        while type(event := next(self._events)).__name__ != "MappingEndEvent":
            key = self._node(event, depth + 1)
            said = next(self._events)
            value = self._node(said, depth + 1)
            if _is_nothing(said):  # stands where the next thing begins, which is no place to point at
                value = Scalar(key.at, None)
            if not isinstance(key, Scalar) or not isinstance(key.value, str):
                raise key.at.error("a key must be text; put it in quotes")
            if key.value == "<<" and event.style is None:
                merged.append((key.at, value))
            elif key.value in entries:
                first = entries[key.value].at
                raise key.at.error(f"duplicate key {key.value!r}; the first is in line {first.line}")
            else:
                entries[key.value] = Entry(key.at, value)
        for place, value in merged:
            for other in value.nodes if isinstance(value, Items) else (value,):
                if not isinstance(other, Table):
                    raise place.error("'<<' merges a map or a list of maps")
                entries = {**other.entries, **entries}
        return table(at, entries)

    def _count(self, more: int, at: Position) -> None:
        self._size += more
        if self._size > MAX_VALUES:
            raise at.error(f"more than {MAX_VALUES} values (an alias counts as all that it stands for)")

    def _at(self, event: Any) -> Position:
        return Position(self._source, event.start_mark.line + 1, event.start_mark.column + 1)


_STR = "tag:yaml.org,2002:str"


def _events(source: Source) -> Iterator[Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError
    from ruamel.yaml.reader import ReaderError

    try:
        yield from YAML(typ="safe", pure=True).parse(source.text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = Position(source, mark.line + 1, mark.column + 1) if mark else Position(source)
        told = " ".join(part for part in (error.problem, error.context) if part)
        raise at.error(f"not YAML: {told}") from None
    except ReaderError as error:
        raise _place(source, error.position).error(
            f"not YAML: the character U+{error.character:04X} is not allowed"
        ) from None


def _place(source: Source, offset: int) -> Position:
    before = source.text[:offset]
    return Position(source, before.count("\n") + 1, len(before) - before.rfind("\n"))


def _unshown(at: Position, message: str) -> SpecError:
    """An error that does not repeat the line."""
    return SpecError(message, file=at.source.file, line=at.line, column=at.column)


def _is_nothing(event: Any) -> bool:
    return type(event).__name__ == "ScalarEvent" and event.value == "" and event.style is None


def _text(text: str, at: Position) -> str:
    """A quoted text, whose escapes can say what a file cannot hold; JSON writes rare characters as two halves."""
    if "\0" in text:
        raise at.error("the character U+0000 is not allowed")
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise at.error("half of a character: a surrogate stands alone") from None


def _resolve(text: str, at: Position) -> str | int | float | bool | None:
    """What an unquoted scalar means in the YAML 1.2 core schema."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        number = int(text, 0) if text[:2] in ("0o", "0x") else int(text[:40])
        if abs(number) >= 2**63:
            raise at.error("this number does not fit into 64 bits; put it in quotes if it is a text")
        return number
    if _FLOAT.fullmatch(text):
        value = float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        if value - value != 0:
            raise at.error("this number is not finite")
        return value
    return text
