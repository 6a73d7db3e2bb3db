"""What the small verbs answer with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mmreg.cli.render.layout import Line, Styled, render
from mmreg.schemas.summary import Scaffold


@dataclass(frozen=True)
class Rebuilt:
    """The index was made anew from that many runs."""

    runs: int


@dataclass(frozen=True)
class Named:
    """``alias`` of ``model`` now means the checkpoint ``digest``."""

    model: str
    alias: str
    digest: str


@render.register(Scaffold)
def _(value: Scaffold) -> Iterator[Line]:
    yield (Styled(value.module, "bold"), "  the code")
    yield (Styled(value.test, "bold"), "  its test")
    yield ("",)
    yield from ((line,) for line in value.declaration.splitlines())


@render.register(Rebuilt)
def _(value: Rebuilt) -> Iterator[Line]:
    yield (f"The index holds {value.runs:,} runs.",)


@render.register(Named)
def _(value: Named) -> Iterator[Line]:
    yield (Styled(f"{value.model}@{value.alias}", "bold"), f"  {value.digest}")


@dataclass(frozen=True)
class Drawing:
    """A picture as text: lines of DOT or Mermaid."""

    lines: tuple[str, ...]


@render.register(Drawing)
def _(value: Drawing) -> Iterator[Line]:
    return ((line,) for line in value.lines)
