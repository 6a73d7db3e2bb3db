"""A check's own arguments: strictly typed values out of its declaration."""

from __future__ import annotations

import math
from typing import Annotated, TypeVar

from pydantic import AfterValidator, ValidationError

from mmreg.errors import UsageError
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.unknown import unknown

Arguments = TypeVar("Arguments", bound=Declared)


def _finite(value: int | float) -> int | float:
    try:
        finite = math.isfinite(value)
    except OverflowError:  # an integer beyond every float
        finite = False
    if not finite:
        raise ValueError("must be a finite number")
    return value


_OF_ALL = tuple(name for name in CheckSpec.model_fields if name != "check")
"""What every check takes."""

Number = Annotated[int | float, AfterValidator(_finite)]
"""A finite number. Integers stay integers, so that bounds beyond 2**53 stay exact."""


def parse_arguments(spec: CheckSpec, kind: type[Arguments]) -> Arguments:
    """What ``spec`` declares, as a ``kind``; raise `UsageError` that names each argument which is wrong."""
    known = tuple(kind.model_fields)
    for name in spec.arguments:
        if name not in known:
            raise unknown(f"argument of {spec.check}", name, (*known, *_OF_ALL))
    try:
        return kind.model_validate(spec.arguments)
    except ValidationError as error:
        # By name, the last word on each: a union complains once for every member.
        wrong = {".".join(str(part) for part in e["loc"][:1]): e["msg"] for e in error.errors()}
        told = "; ".join(f"{name}: {_plain(msg)}" if name else _plain(msg) for name, msg in wrong.items())
        raise UsageError(f"{spec.check}: {told}", hint=f"{spec.check} takes {', '.join(known)}") from None


def check_bounds(min_value: float | None, max_value: float | None) -> None:
    """Raise `ValueError` where two bounds leave nothing to demand, or nothing that could fulfil them."""
    if min_value is None and max_value is None:
        raise ValueError("needs 'min_value', 'max_value' or both")
    if min_value is not None and max_value is not None and min_value > max_value:
        raise ValueError(f"min_value {min_value} is above max_value {max_value}")


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")
