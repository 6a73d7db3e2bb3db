"""The error for a name that nobody knows: it lists the known ones and guesses which was meant."""

from __future__ import annotations

from collections.abc import Iterable

from mmreg.errors import UsageError
from mmreg.schemas.suggest import near


def unknown(what: str, name: str, known: Iterable[str]) -> UsageError:
    """Say that there is no ``what`` called ``name``."""
    names = list(known)
    meant = near(name, names, limit=1)
    listing = f" (known: {', '.join(names)})" if names else ""
    guess = f"; did you mean {meant[0]!r}?" if meant else ""
    return UsageError(f"unknown {what} {name!r}{listing}{guess}", hint=meant[0] if meant else None)
