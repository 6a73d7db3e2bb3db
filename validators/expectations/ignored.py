"""Which rows of several columns do not count, because values are missing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from mmreg.validators.expectations.arguments import Asked
from mmreg.validators.expectations.values import Bools

_ALL = ("both_values_are_missing", "all_values_are_missing")
_ANY = ("either_value_is_missing", "any_value_is_missing")


def ignored_in_pairs(asked: Asked) -> str:
    """``ignore_row_if`` of expectations about two columns."""
    return asked.choice("ignore_row_if", "both_values_are_missing", "either_value_is_missing", "neither")


def ignored_in_rows(asked: Asked) -> str:
    """``ignore_row_if`` of expectations about several columns."""
    return asked.choice("ignore_row_if", "all_values_are_missing", "any_value_is_missing", "never")


def counting(absent: Sequence[Bools], ignore_row_if: str) -> Bools:
    """True for each row that counts, by which of its values are absent."""
    if ignore_row_if in _ALL:
        return ~reduce(np.logical_and, absent)
    if ignore_row_if in _ANY:
        return ~reduce(np.logical_or, absent)
    return np.ones_like(absent[0])
