"""``python -m mmreg.validators.expectations`` prints the table that docs/great-expectations.md holds."""

from __future__ import annotations

from mmreg.validators.expectations.listing import table

if __name__ == "__main__":
    print(table())
