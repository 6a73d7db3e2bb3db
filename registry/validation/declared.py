"""The checks of a dataset, ready to be loaded: each with its key, its place, and who is to blame when it breaks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from mmreg.errors import MmregError, UsageError
from mmreg.registry.validation.places import place_of
from mmreg.schemas.check import Place
from mmreg.schemas.check_keys import check_keys
from mmreg.schemas.check_spec import CheckSpec
from mmreg.validators.expand import expand
from mmreg.validators.load import load_check
from mmreg.validators.protocol import Check
from mmreg.validators.table import Table

if TYPE_CHECKING:
    from mmreg.config import Project


@dataclass(frozen=True)
class Declared:
    """One check of ``dataset`` in the project in ``folder``. ``place`` is None where it was declared in Python."""

    dataset: str
    spec: CheckSpec
    key: str
    place: Place | None
    folder: Path

    def load(self, table: Table) -> Check:
        """The check, that has seen nothing yet."""
        with self.blamed():
            return load_check(self.spec, table, self.folder)

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Whatever the check raises in this block names it and its place; what is foreign becomes a `UsageError`."""
        try:
            yield
        except UsageError as error:
            if not error.message.startswith(self._told):
                error.message = f"{self._told}: {error.message}"
            raise
        except MmregError:
            raise  # the lake's, or of what it asked for
        except Exception as error:
            said = str(error).strip().partition("\n")[0]
            raise UsageError(
                f"{self._told}: it broke: {type(error).__name__}{f': {said}' if said else ''}",
                hint="mmreg checks",
            ) from error

    @property
    def _told(self) -> str:
        at = f" ({self.place.file}:{self.place.line})" if self.place is not None else ""
        return f"{self.dataset}: {self.key}{at}"


def declared_checks(project: Project, dataset: str, specs: Sequence[CheckSpec]) -> list[Declared]:
    """``specs``, with those in the place of each that stands for several."""
    known = project.spec.checks.get(dataset, ())
    found: list[tuple[CheckSpec, Place | None]] = []
    for number, spec in enumerate(specs):
        place = place_of(project, dataset, number) if known[number : number + 1] == (spec,) else None
        found += [(one, place) for one in expand([spec], project.folder)]
    keys = check_keys(spec for spec, _ in found)
    return [Declared(dataset, spec, key, place, project.folder) for (spec, place), key in zip(found, keys, strict=True)]


def chosen(checks: Sequence[Declared], only: Sequence[str]) -> list[Declared]:
    """Those whose key or name of check is one of ``only``, or fits one of its patterns; all where it is empty."""
    return [
        one
        for one in checks
        if not only or any(fnmatchcase(name, pattern) for pattern in only for name in (one.key, one.spec.check))
    ]
