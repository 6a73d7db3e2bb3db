"""Find the class of a pass by what a declaration says in ``use:``, and hold it to the protocol.

Built-in names come first, then the entry points of the group ``mmreg.passes``, then ``module:Class``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from mmreg.curation.protocol import InputType, Kind, Pass, Role, Scope
from mmreg.errors import NotFound, UsageError
from mmreg.plugins import beside, import_class, installed
from mmreg.schemas.arrow import MEDIA_KINDS
from mmreg.schemas.suggest import did_you_mean

GROUP = "mmreg.passes"
BUILT_IN: Mapping[str, str] = {
    "image_stats": "mmreg.curation.image_stats:ImageStats",
    "text_stats": "mmreg.curation.text_stats:TextStats",
    "embed": "mmreg.curation.embed:Embed",
    "clip_score": "mmreg.curation.clip_score:ClipScore",
    "caption": "mmreg.curation.caption:Caption",
    "dedup": "mmreg.curation.dedup:Dedup",
    "annotations": "mmreg.curation.annotations:Annotations",
    "video_frames": "mmreg.curation.video_frames:VideoFrames",
}


def load_pass(use: str, project: Path | None = None) -> type[Pass]:
    """The class that ``use`` names: a built-in pass, an entry point, or ``module:Class``.

    Modules are looked for in ``project`` (the folder of mmreg.yaml) too, which stays on ``sys.path`` so that
    a plug-in can import its neighbours late. Raises `NotFound` where nothing has that name, `UsageError`
    where the thing found cannot be imported or is no pass.
    """
    beside(project)
    if ":" in use:
        return checked(use, import_class(use, use, _GUIDE))
    if use in BUILT_IN:
        return checked(use, import_class(use, BUILT_IN[use], _GUIDE))
    plugged = installed(GROUP)
    if use in plugged:
        return checked(use, import_class(use, plugged[use], _GUIDE))
    raise NotFound(
        f"there is no pass {use!r}{did_you_mean(use, {*BUILT_IN, *plugged})}",
        hint="use: module:Class for a pass of your own (docs/passes.md)",
    )


def checked(use: str, found: object) -> type[Pass]:
    """``found`` if it fulfils the protocol; else a `UsageError` that lists all it lacks."""
    if not isinstance(found, type):
        raise UsageError(f"{use}: this is a {type(found).__name__}, where the class of a pass is due", hint=_GUIDE)
    has = {name: value for base in reversed(found.__mro__) for name, value in vars(base).items()}
    faults = [fault for name, check in _CHECKS.items() if (fault := check(name, has.get(name)))]
    faults = faults or list(_at_odds(has))
    if faults:
        raise UsageError(f"{use} is no pass: {'; '.join(faults)}", hint=_GUIDE)
    return found


Check = Callable[[str, object], str | None]
"""From an attribute's name and its value (None where it is missing): what is wrong with it, if anything."""


def _text(name: str, value: object) -> str | None:
    return None if isinstance(value, str) and value else f"{name!r} is missing or no text"


def _one_of(*choices: str) -> Check:
    def check(name: str, value: object) -> str | None:
        return None if value in choices else f"{name!r} is {value!r}, not one of {', '.join(choices)}"

    return check


def _inputs(name: str, value: object) -> str | None:
    if not isinstance(value, Mapping) or not value:
        return f"{name!r} is missing or no mapping of names to types"
    wrong = [f"{key}: {kind!r}" for key, kind in value.items() if kind not in get_args(InputType)]
    return f"{name!r} has {', '.join(wrong)}, not one of {', '.join(get_args(InputType))}" if wrong else None


def _method(name: str, value: object) -> str | None:
    return None if callable(value) else f"the method {name!r} is missing"


def _at_odds(has: Mapping[str, Any]) -> Iterator[str]:
    """What contradicts something else that a class says of itself."""
    kind, scope, inputs = has["kind"], has["scope"], has["inputs"]
    making = bool(has.get("makes_rows", False))
    if making and kind not in ("map", "create"):
        yield f"a pass of kind {kind!r} makes no rows: 'makes_rows' belongs to 'map' and 'create'"
    if (making or kind == "create") and scope != "row":
        yield f"a pass that makes rows has the scope 'row', not {scope!r}"
    if scope == "row" and "update" in has:
        yield "'update' belongs to the scopes 'group' and 'table'"
    if scope == "group" and "group" not in inputs:
        yield "a pass of scope 'group' needs an input 'group': rows with the same cell of it are one group"
    media = [name for name, wanted in inputs.items() if wanted in MEDIA_KINDS]
    if scope != "row" and media:
        yield (
            f"a pass of scope {scope!r} gets all rows at once, so none of its inputs is media ({media[0]!r} is "
            f"{inputs[media[0]]!r}; as 'any' it gets digests and facts)"
        )


_GUIDE = "docs/passes.md shows a whole pass"
_CHECKS: Mapping[str, Check] = {
    "version": _text,
    "kind": _one_of(*get_args(Kind)),
    "scope": _one_of(*get_args(Scope)),
    "role": _one_of(*get_args(Role)),
    "inputs": _inputs,
    "outputs": _method,
    "open": _method,
    "__call__": _method,
}
