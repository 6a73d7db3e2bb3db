"""Parameters of a pass: from what a declaration says to one frozen value, or an error that names the cure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, fields
from typing import TYPE_CHECKING, Any, TypeVar

from mmreg.errors import UsageError
from mmreg.schemas.suggest import did_you_mean

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    P = TypeVar("P", bound=DataclassInstance)


def read_params(use: str, kind: type[P], given: Mapping[str, Any]) -> P:
    """Build ``kind``, a dataclass whose every field has a default, from the params of a pass.

    The default decides the type: an ``int`` where one is due is no ``bool``, a ``float`` may be written as an
    integer. Raises `UsageError` for an unknown name or a wrong type; ranges are checked by ``kind`` itself.
    """
    known = {field.name: field for field in fields(kind)}
    for name in given:
        if name not in known:
            raise _unknown(use, name, sorted(known))
    return kind(**{name: _typed(use, known[name], value) for name, value in given.items()})


def incidental(cls: type[object]) -> frozenset[str]:
    """The params that decide how fast a pass answers or what that costs, not what it answers.

    A pass class lists them in ``incidental``; they are no part of its generation, so changing one makes no row stale.
    """
    return frozenset(getattr(cls, "incidental", ()))


def _unknown(use: str, name: str, known: list[str]) -> UsageError:
    if not known:
        return UsageError(f"{use} takes no params, so {name!r} means nothing", hint=f"leave 'params' of {use} out")
    return UsageError(f"{use} has no param {name!r}{did_you_mean(name, known)}", hint=f"params: {{{known[0]}: ...}}")


def _typed(use: str, field: Field[Any], value: Any) -> Any:
    wanted = type(field.default)
    if type(value) is wanted:
        return value
    if wanted is float and type(value) is int:
        return float(value)
    raise UsageError(
        f"{use}: the param {field.name!r} is {value!r}, where {_ARTICLE[wanted]} is due",
        hint=f"{field.name}: {str(field.default).lower()} is its default",
    )


_ARTICLE = {int: "an integer", float: "a number", bool: "true or false", str: "a text"}
