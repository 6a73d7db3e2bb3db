"""Which ways through the graph are shown: the options that ``lineage up``, ``down`` and ``path`` share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, get_args

import click

from mmreg.schemas.lineage import EdgeKind, NodeKind
from mmreg.schemas.refs import NodeRef

EDGES = tuple(kind for kind in get_args(EdgeKind) if kind != "via")


@dataclass(frozen=True)
class Ways:
    """Ways of at most ``depth`` runs that cross each of ``through``, and of their nodes those of ``kinds``."""

    depth: int | None = None
    kinds: tuple[NodeKind, ...] = ()
    through: tuple[NodeRef | EdgeKind, ...] = ()


def ways_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command`` the options --depth, --kind and --through, and their values as its argument ``ways``."""

    @click.option("--depth", metavar="N", type=click.IntRange(min=1), help="At most so many runs away (default: all).")
    @click.option(
        "--kind",
        "kinds",
        metavar="KIND",
        multiple=True,
        type=click.Choice(get_args(NodeKind)),
        help="Only version, run, checkpoint or source; what leads on through others is 'via'. Repeatable.",
    )
    @click.option(
        "--through",
        metavar="EDGE|NODE",
        multiple=True,
        help=f"Only ways across such an edge ({', '.join(EDGES)}) or that node. Repeatable: across each.",
    )
    @wraps(command)
    def with_ways(
        *args: Any, depth: int | None, kinds: tuple[NodeKind, ...], through: tuple[str, ...], **options: Any
    ) -> None:
        command(*args, ways=Ways(depth, kinds, tuple(map(_crossed, through))), **options)

    return with_ways


def _crossed(text: str) -> NodeRef | EdgeKind:
    edge: EdgeKind | None = next((kind for kind in EDGES if kind == text), None)
    return edge or NodeRef.parse(text)
