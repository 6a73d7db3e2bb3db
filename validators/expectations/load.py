"""From a declared expectation to a check: over batches where mmreg knows the answer, else one that asks GX."""

from __future__ import annotations

from mmreg.errors import UsageError
from mmreg.schemas.check_spec import CheckSpec
from mmreg.validators.expectations.arguments import Asked
from mmreg.validators.expectations.compile import from_samples, streamed
from mmreg.validators.expectations.names import CORE, expectation_name
from mmreg.validators.protocol import Check
from mmreg.validators.table import Table

DATABASES = frozenset({"expect_query_results_to_match_comparison", "expect_table_row_count_to_equal_other_table"})
"""What only databases can answer: there is no SQL and no other table here."""


def load_expectation(spec: CheckSpec, table: Table) -> Check:
    """The check that ``spec`` (``gx.expect_...``) declares.

    Raises `UsageError` for an unknown expectation, argument or column, and `MissingExtra` where only Great Expectations
    itself can answer and is not installed.
    """
    name = expectation_name(spec)
    if name in DATABASES:
        raise UsageError(f"{spec.check} asks a database, and mmreg has none", hint="docs/great-expectations.md")
    if spec.max_failure_rate and "mostly" not in CORE[name].split():
        raise UsageError(
            f"{spec.check} is about the version as a whole: max_failure_rate tolerates rows",
            hint="leave out max_failure_rate",
        )
    asked = Asked(spec, table)
    found = streamed(name, asked)
    if found is not None:
        return found
    from mmreg.validators.expectations.collected import Collected

    return Collected(name, asked, samples=from_samples(name))
