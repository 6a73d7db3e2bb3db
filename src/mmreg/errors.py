"""Every error that mmreg raises on purpose.

    MmregError
    ├── UsageError              2   the command or the call makes no sense
    │   ├── SpecError           2   mmreg.yaml says something that cannot be meant (file:line:col)
    │   └── FilterError         2   a predicate that is not one safe expression
    ├── NotFound                3   a dataset, version, model, run or file that is not there
    ├── Conflict                4   somebody else was first; trying again is right
    │   └── LeaseHeld           4   another process works on the same thing
    ├── IntegrityError          5   the lake contradicts itself
    ├── StorageError            6   disk, network or object store
    │   ├── ReadOnly            6   the lake can be looked at here, but not written to
    │   └── StoreUnsafe         6   the store does not honour conditional put
    ├── MissingExtra            7   an optional dependency is absent (carries its install line)
    ├── PassFailed              1   a pass broke its promise; nothing was published
    ├── TrainingFailed          1   a training command ended badly; nothing was registered
    ├── NotApproved             1   it would spend more than the budget allows; approve that very plan
    └── Blocked                 1   something declared waits for something that does not exist yet

A failed check is a result, not an error. Each error carries a stable ``code``, its exit status, its facts
as attributes and a message that says what, where and what to type next.
"""

from __future__ import annotations


class MmregError(Exception):
    """The root: ``code`` is stable, ``exit_status`` is what the command line ends with."""

    code = "error"
    exit_status = 70

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  Try: {self.hint}" if self.hint else self.message


class UsageError(MmregError):
    """The command or the call makes no sense as it stands."""

    code = "usage"
    exit_status = 2


class SpecError(UsageError):
    """A declaration that cannot be meant: ``file``, ``line`` and ``column`` (1-based) say where."""

    code = "spec"

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
        source_line: str | None = None,
        hint: str | None = None,
    ) -> None:
        place = ":".join(str(part) for part in (file, line, column) if part is not None)
        text = f"{place}: {message}" if place else message
        if source_line is not None:
            text += f"\n  | {source_line}"
            if column is not None:
                text += f"\n  | {' ' * (column - 1)}^"
        super().__init__(text, hint=hint)
        self.reason = message
        self.file, self.line, self.column = file, line, column


class FilterError(UsageError):
    """A predicate that is not exactly one safe expression over known columns."""

    code = "filter"


class NotFound(MmregError):
    """Something named does not exist; the message lists near names."""

    code = "not_found"
    exit_status = 3


class Conflict(MmregError):
    """Somebody else was first. Nothing was lost; trying again is right."""

    code = "conflict"
    exit_status = 4


class LeaseHeld(Conflict):
    """Another process works on the same thing; ``holder`` says who, ``seconds_left`` until it expires."""

    code = "lease_held"

    def __init__(self, message: str, *, holder: str, seconds_left: float, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.holder, self.seconds_left = holder, seconds_left


class IntegrityError(MmregError):
    """The lake contradicts itself: a digest, an identity or a record does not match."""

    code = "integrity"
    exit_status = 5


class StorageError(MmregError):
    """Disk, network or object store said no."""

    code = "storage"
    exit_status = 6


class ReadOnly(StorageError):
    """The lake cannot be written to from here: its permissions or its mount say no. Looking at it works."""

    code = "read_only"


class StoreUnsafe(StorageError):
    """The store ignores conditional put, so two writers could lose each other's versions."""

    code = "store_unsafe"


class MissingExtra(MmregError):
    """An optional dependency is absent: ``extra`` names the extra that brings it."""

    code = "missing_extra"
    exit_status = 7

    def __init__(self, what: str, *, extra: str) -> None:
        super().__init__(f"{what} needs the extra '{extra}'", hint=f"pip install 'mmreg[{extra}]'")
        self.extra = extra


class PassFailed(MmregError):
    """A pass broke its promise (kind, schema, error rate). Nothing was published."""

    code = "pass_failed"
    exit_status = 1


class TrainingFailed(MmregError):
    """A training command ended badly. No checkpoint was registered."""

    code = "training_failed"
    exit_status = 1


class NotApproved(MmregError):
    """More would be spent than the budget allows. Approving the plan by its digest lets it be done."""

    code = "not_approved"
    exit_status = 1


class Blocked(MmregError):
    """Something declared waits for something that does not exist yet."""

    code = "blocked"
    exit_status = 1
