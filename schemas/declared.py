"""What all declarations are made of: names, references and addresses as they may be written, and their base class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mmreg.errors import UsageError
from mmreg.schemas.refs import NAME, ModelRef, VersionRef, check_name
from mmreg.schemas.secrets import in_address, is_reference


class Wrong(ValueError):
    """What is wrong with a value, and ``path``: the keys and indexes below it that lead to the culprit.

    ``key`` asks to point at the last key of ``path`` rather than at its value. ``secret`` marks a culprit
    that must not be shown.
    """

    def __init__(self, message: str, *path: str | int, key: bool = False, secret: bool = False) -> None:
        super().__init__(message)
        self.path, self.key, self.secret = path, key, secret


def _checked(parse: Callable[[str], object]) -> AfterValidator:
    def check(text: str) -> str:
        try:
            return str(parse(text))
        except UsageError as error:
            raise ValueError(error.message) from None

    return AfterValidator(check)


def _column_name(name: str) -> str:
    if name in ("sample_id", "parent", "source") or name.startswith("_"):
        raise UsageError(f"the column name {name!r} is mmreg's own")
    return _dotless(name, "column name")


def _pass_name(name: str) -> str:
    if name == "source":
        raise UsageError("a pass cannot be called 'source': that names where a dataset's rows come from")
    return _dotless(name, "pass name")


def _dotless(name: str, what: str) -> str:
    """A name that can be a Lance column or a part of one, where '.' reaches into a struct."""
    if "." in name:
        raise UsageError(f"{name!r} is no {what}: '.' is not allowed in it")
    return check_name(name, what)


def _without_password(text: str) -> str:
    if in_address(text):
        raise Wrong("an address must not carry a password or a signature; keep secrets out of the file", secret=True)
    return text


def _reference(text: str) -> str:
    if not is_reference(text):
        raise Wrong("must be env:NAME or file:PATH, never the secret itself", secret=True)
    return text


Name = Annotated[str, _checked(check_name), Field(json_schema_extra={"pattern": f"^{NAME.pattern}$"})]
_DOTLESS = Field(json_schema_extra={"pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$"})
ColumnName = Annotated[str, _checked(_column_name), _DOTLESS]
PassName = Annotated[str, _checked(_pass_name), _DOTLESS]
ModelRefText = Annotated[str, _checked(ModelRef.parse)]
VersionRefText = Annotated[str, _checked(VersionRef.parse)]
Address = Annotated[str, AfterValidator(_without_password)]
"""A path or a URI, never with a secret inside."""
Secret = Annotated[str, AfterValidator(_reference), Field(json_schema_extra={"pattern": "^(env|file):."})]


class Declared(BaseModel):
    """Base of all that a declaration can say: strict, frozen, unknown keys refused.

    Python says ``from_`` where the file says ``from``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_by_name=True, validate_by_alias=True)

    @property
    def digest(self) -> str:
        """16 hex digits of all that is declared here and decides what comes of it."""
        import xxhash

        free = {"description", "budget", "renamed_from", "retention", "workers"}
        return xxhash.xxh3_64_hexdigest(self.model_dump_json(exclude=free, exclude_defaults=True).encode())
