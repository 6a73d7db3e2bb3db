"""Values as literals of SQL."""

from __future__ import annotations

import math

from mmreg.errors import FilterError


def quote(value: str | int | float | bytes) -> str:
    """``value`` as a literal: whatever it holds, it stays a value."""
    match value:
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return str(value)
        case float() if math.isfinite(value):
            return repr(value)
        case bytes():
            return f"x'{value.hex()}'"
        case str() if not any("\ud800" <= character <= "\udfff" for character in value):
            return "'" + value.replace("'", "''") + "'"
    raise FilterError(f"{value!r} cannot stand in a predicate")
