"""Checks over batches of a version: pure, streaming, vectorised. `registry.validate` feeds them."""

from mmreg.validators.load import known_checks, load_check
from mmreg.validators.protocol import Check
from mmreg.validators.table import Table

__all__ = ["Check", "Table", "known_checks", "load_check"]
