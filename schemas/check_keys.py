"""What each check of a dataset is called in reports, baselines and ``--only``."""

from __future__ import annotations

from collections.abc import Iterable

from mmreg.schemas.check_spec import CheckSpec


def check_keys(specs: Iterable[CheckSpec]) -> tuple[str, ...]:
    """A key for each, unique among them: the declared name, else the check and what it is about.

    ``not_null:caption``, ``unique:image+caption``, ``row_count``; the second that would be called so gets ``#2``.
    Bounds are no part of it, so that a baseline outlives their being moved.
    """
    keys: dict[str, None] = {}
    for spec in specs:
        key, again = spec.name or _subject(spec), 1
        unique = key
        while unique in keys:
            again += 1
            unique = f"{key}#{again}"
        keys[unique] = None
    return tuple(keys)


def _subject(spec: CheckSpec) -> str:
    named = spec.arguments
    about = named.get("column") or named.get("columns") or named.get("column_list") or named.get("dataset")
    if "column_A" in named and "column_B" in named:
        about = [named["column_A"], named["column_B"]]
    match about:
        case str():
            return f"{spec.check}:{about}"
        case [*columns] if columns:
            return f"{spec.check}:{'+'.join(map(str, columns))}"
        case _:
            return spec.check
