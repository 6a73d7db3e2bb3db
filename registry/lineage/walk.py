"""Up, down and from one node to another: the part of the graph that was asked for.

What only some questions need is imported where they are answered: most people ask for all of it, from a shell.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Literal, get_args

from mmreg.errors import UsageError
from mmreg.registry.catalog import Catalog
from mmreg.schemas.lineage import EdgeKind, Lineage, NodeKind
from mmreg.schemas.refs import NodeRef

Direction = Literal["up", "down"]


def lineage(
    catalog: Catalog,
    node: NodeRef,
    direction: Direction,
    depth: int | None = None,
    kinds: Collection[NodeKind] = (),
    through: Sequence[NodeRef | EdgeKind] = (),
) -> Lineage:
    """What ``node`` came from (`up`) or what came of it (`down`); of one column where ``node`` names one.

    ``depth`` counts runs. Of the ways only those are shown that cross each of ``through``: an edge of that kind, or
    that node; and of their nodes those of ``kinds``, bridged by edges ``via``.
    """
    if node.column is None:
        found = catalog.lineage(catalog.node_id(node), direction, depth)
    else:
        from mmreg.registry.lineage import columns

        found = columns.lineage(catalog, node, direction, depth)
    if not kinds and not through:
        return found
    from mmreg.registry.lineage.narrow import crossing, only

    if through:
        found = crossing(found, _crossed(catalog, through))
    return only(found, _checked(kinds)) if kinds else found


def path(
    catalog: Catalog,
    a: NodeRef,
    b: NodeRef,
    depth: int | None = None,
    kinds: Collection[NodeKind] = (),
    through: Sequence[NodeRef | EdgeKind] = (),
) -> Lineage:
    """All ways from ``a`` down to ``b``, or else from ``b`` to ``a``; without one, no edges. The rest as `lineage`."""
    whole = (replace(a, column=None), replace(b, column=None))
    first, second = (catalog.node_id(end) for end in whole)
    if whole == (a, b):
        found = catalog.path(first, second)
    else:
        from mmreg.registry.lineage import columns

        found = columns.path(catalog, a, b)
    if depth is None and not kinds and not through:
        return found
    from mmreg.registry.lineage.narrow import crossing, leads, only, within

    ends = (first, second) if leads(found, first, second) else (second, first)
    if depth is not None:
        found = within(found, *ends, depth)
    if through:
        found = crossing(found, _crossed(catalog, through), ends)
    return only(found, _checked(kinds), keep=ends) if kinds else found


def _crossed(catalog: Catalog, through: Sequence[NodeRef | EdgeKind]) -> list[str]:
    return [what if isinstance(what, str) else catalog.node_id(what) for what in through]


def _checked(kinds: Collection[NodeKind]) -> Collection[NodeKind]:
    if unknown := set(kinds) - set(get_args(NodeKind)):
        raise UsageError(
            f"{', '.join(sorted(unknown))}: no kind of node", hint=f"one of {', '.join(get_args(NodeKind))}"
        )
    return kinds
