"""Find the class of a check by its name, and hold it to the protocol.

Built-in names come first, then the entry points of the group ``mmreg.checks``, then ``module:Class``.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmreg.errors import MmregError, UsageError
from mmreg.plugins import beside, import_class, installed
from mmreg.schemas.check_spec import CheckSpec
from mmreg.validators.built_in import BUILT_IN
from mmreg.validators.protocol import Check
from mmreg.validators.table import Table
from mmreg.validators.unknown import unknown

GROUP = "mmreg.checks"
GUIDE = "docs/checks-of-your-own.md shows a whole check"


def check_class(name: str, project: Path | None = None) -> type[Any]:
    """The class that ``name`` stands for: a built-in check, an entry point, or ``module:Class``.

    Modules are looked for in ``project`` (the folder of mmreg.yaml) too. Raises `UsageError` for a name that nothing
    has and for what cannot be imported or is no check, `NotFound` for a module or a class that is not there.
    """
    if name in BUILT_IN:
        return _class(name, import_class(name, f"mmreg.validators.{BUILT_IN[name]}", GUIDE))
    beside(project)
    if ":" in name:
        return checked(name, import_class(name, name, GUIDE))
    plugged = installed(GROUP)
    if name not in plugged:
        raise unknown("check", name, (*BUILT_IN, *plugged))
    return checked(name, import_class(name, plugged[name], GUIDE))


def checked(name: str, found: object) -> type[Any]:
    """``found`` if its instances can be checks; else a `UsageError` that lists all it lacks."""
    cls = _class(name, found)
    if faults := list(_faults(cls)):
        raise UsageError(f"{name} is no check: {'; '.join(faults)}", hint=GUIDE)
    return cls


def made(spec: CheckSpec, table: Table, cls: type[Any]) -> Check:
    """The check of ``cls`` that ``spec`` declares, if it says what it reads; else a `UsageError`."""
    try:
        check: Check = cls(spec, table)
    except MmregError:
        raise
    except Exception as error:
        if spec.check in BUILT_IN:
            raise
        raise UsageError(
            f"{spec.check}: {cls.__name__} cannot be made: {type(error).__name__}: {error}", hint=GUIDE
        ) from error
    columns, media = getattr(check, "columns", None), getattr(check, "media", None)
    faults = []
    if not isinstance(columns, tuple) or not all(isinstance(column, str) for column in columns):
        faults.append(f"'columns' is {columns!r}, not a tuple of names")
    if not isinstance(media, bool):
        faults.append(f"'media' is {media!r}, not True or False")
    if faults:
        raise UsageError(f"{spec.check} is no check: {'; '.join(faults)}", hint=GUIDE)
    return check


def demand(cls: type[Any]) -> str:
    """What a check demands, in one line: the first of its docstring."""
    return (cls.__dict__.get("__doc__") or "").strip().partition("\n")[0]


def _class(name: str, found: object) -> type[Any]:
    if not isinstance(found, type):
        raise UsageError(f"{name}: this is a {type(found).__name__}, where the class of a check is due", hint=GUIDE)
    return found


def _faults(cls: type[Any]) -> Iterator[str]:
    if not demand(cls):
        yield "its docstring is missing, whose first line says what it demands"
    try:
        inspect.signature(cls).bind("spec", "table")
    except TypeError:
        yield "it is not made from two arguments, 'spec' and 'table'"
    except ValueError:  # a class without a signature takes what it takes
        pass
    for name in ("update", "result"):
        if not callable(getattr(cls, name, None)):
            yield f"the method {name!r} is missing"
    mergeable = [name for name in ("state", "merge") if callable(getattr(cls, name, None))]
    if len(mergeable) == 1:
        yield f"{mergeable[0]!r} needs {'merge' if mergeable == ['state'] else 'state'!r} beside it"
    if len(mergeable) == 2 and not (isinstance(version := getattr(cls, "version", None), str) and version):
        yield "'state' and 'merge' need a 'version', a text that changes when the same rows would be judged otherwise"
