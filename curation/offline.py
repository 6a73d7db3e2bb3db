"""What can be told of a project without its lake: that it is declared soundly, and that mmreg.lock is of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from mmreg.curation.bind import bind_offline
from mmreg.curation.foreseen import Foreseen, OnlyTheLakeKnows, foresee
from mmreg.curation.gate import choose
from mmreg.curation.selections import SELECTIONS
from mmreg.errors import MissingExtra, MmregError, NotFound
from mmreg.registry.lock import disagreements, read_lock
from mmreg.registry.validation.declared import Declared, declared_checks
from mmreg.registry.validation.places import place
from mmreg.schemas.check import CheckResult, CheckStatus, Place, ValidationReport
from mmreg.schemas.gate import FailOn, GateReport
from mmreg.schemas.lock import FILE, Lock
from mmreg.validators.load import load_check

if TYPE_CHECKING:
    from mmreg.registry.api import Registry


def offline(registry: Registry, only: Sequence[str] = (), fail_on: FailOn = "error") -> GateReport:
    """Look at mmreg.yaml, mmreg.lock and the code beside them; neither at the lake nor at the index.

    One report for each dataset with checks says of each whether it makes sense, as far as its columns can be foreseen,
    else `insufficient`; one more, of the project, says that of its passes and of its lock. What is declared and not
    locked yet is a warning: to apply it is what a change is for. Code that has changed while its version has not is
    an error. ``only`` as for `gate`. Raises `SpecError` for a declaration that cannot be meant.
    """
    spec = registry.spec
    checks = [check for name, specs in spec.checks.items() for check in declared_checks(registry.project, name, specs)]
    wanted = choose(checks, only)
    results: dict[str, list[CheckResult]] = {}
    foreseen: dict[str, Foreseen] = {}
    for check in wanted:
        if check.dataset not in foreseen:
            foreseen[check.dataset] = foresee(registry.project, check.dataset)
        results.setdefault(check.dataset, []).append(_sound(registry, check, foreseen[check.dataset]))
    reports = [ValidationReport(name, "", "", 0, tuple(found)) for name, found in results.items()]
    if not only:
        reports.insert(0, ValidationReport(spec.project, "", "", 0, tuple(_project(registry))))
    return GateReport(tuple(reports), fail_on=fail_on, offline=True)


def _sound(registry: Registry, declared: Declared, table: Foreseen) -> CheckResult:
    """Whether a check makes sense for the columns that its dataset will have."""
    status: CheckStatus = "passed"
    message = "makes sense"
    try:
        load_check(declared.spec, table, registry.project.folder)
    except OnlyTheLakeKnows as unknown:
        status, message = "insufficient", f"known, but {unknown.message}"
    except MissingExtra as missing:
        status, message = "insufficient", f"{missing.message}, which is not here ({missing.hint})"
    except MmregError as wrong:
        status, message = "failed", _told(wrong)
    column = declared.spec.arguments.get("column")
    return _result(
        *(declared.spec.check, declared.key, status, message, declared.place),
        column=column if isinstance(column, str) else None,
    )


def _project(registry: Registry) -> Iterator[CheckResult]:
    spec = registry.spec
    counts = f"{len(spec.datasets)} datasets, {len(spec.passes)} passes, {sum(map(len, spec.checks.values()))} checks"
    yield _result("declaration", "declaration", "passed", counts, place(registry.project))
    lock: Lock | None = None
    try:
        lock = read_lock(registry.project)
    except NotFound:
        yield _result("lock", "lock", "insufficient", f"there is no {FILE} yet (mmreg apply --lock)", None)
    except MmregError as broken:
        yield _result("lock", "lock", "failed", _told(broken), Place(FILE, 1, 1))
    if lock is not None:
        yield from _lock(registry, lock)
    for name, declared in spec.passes.items():
        if declared.use not in SELECTIONS:
            yield _pass(registry, name, lock)


def _lock(registry: Registry, lock: Lock) -> Iterator[CheckResult]:
    """Whether ``lock`` is of what is declared now."""
    found = disagreements(lock, registry.spec)
    if not found:
        yield _result("lock", "lock", "passed", "agrees with mmreg.yaml", Place(FILE, 1, 1))
    for one in found:
        kind, _, name = one.what.partition(" ")
        at = place(registry.project, f"{kind}{'es' if kind == 'pass' else 's'}", name)
        alien = one.what == "project"
        yield _result(
            *("lock", f"lock:{one.what}", "failed", f"{one.what} {one.message}; mmreg apply --lock", at),
            severity="error" if alien else "warning",
        )


def _pass(registry: Registry, name: str, lock: Lock | None) -> CheckResult:
    """Whether a pass's code can be loaded, fits what is declared, and is the code that the lock knows."""
    at = place(registry.project, "passes", name)
    declared, key = registry.spec.passes[name], f"pass:{name}"
    try:
        cls, code = bind_offline(registry, name)
    except MissingExtra as missing:
        message = f"{missing.message}, which is not here ({missing.hint})"
        return _result("pass", key, "insufficient", message, at)
    except MmregError as wrong:
        return _result("pass", key, "failed", _told(wrong), at)
    locked = lock.passes.get(name) if lock is not None else None
    if locked is None or locked.version is None or locked.use != declared.use:
        return _result("pass", key, "passed", f"version {cls.version}", at)
    if locked.version != cls.version:
        message = f"its version is {cls.version}, the lock has {locked.version}; mmreg apply --lock"
        return _result("pass", key, "failed", message, at, severity="warning")
    if locked.code not in (None, code) and not cls.__module__.startswith("mmreg."):
        message = (
            f"its code changed and its version {cls.version} did not; bump the version if answers change, "
            f"else mmreg apply {name} takes note"
        )
        return _result("pass", key, "failed", message, at)
    return _result("pass", key, "passed", f"version {cls.version}, as in the lock", at)


def _result(
    check: str,
    key: str,
    status: CheckStatus,
    message: str,
    at: Place | None,
    *,
    severity: Literal["error", "warning"] = "error",
    column: str | None = None,
) -> CheckResult:
    return CheckResult(
        check=check,
        status=status,
        severity=severity,
        examined=int(status != "insufficient"),
        failed=int(status == "failed"),
        message=message,
        column=column,
        key=key,
        declared_at=at,
    )


def _told(error: MmregError) -> str:
    return f"{error.message} ({error.hint})" if error.hint else error.message
