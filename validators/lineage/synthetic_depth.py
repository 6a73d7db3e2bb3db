"""lineage.synthetic_depth: models do not live on what models made, more than a few times."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
from pydantic import Field

from mmreg.schemas.check import CheckResult, Histogram
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.lineage.synthetic import depths
from mmreg.validators.table import Table
from mmreg.validators.tally import Example, example, share, verdict
from mmreg.validators.world_check import WorldCheck


class Arguments(Declared):
    max_value: int = Field(ge=0)


class SyntheticDepth(WorldCheck):
    """No row has content on which more than max_value creating passes lie one upon the other.

    A pass creates content where its kind is `create`, or where it is `map` and asks a model. Below it count the columns
    that it reads and the data that its model was trained on. What is scored, extracted or filtered is measured, not
    created.
    """

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        self._most = parse_arguments(spec, Arguments).max_value
        super().__init__(spec, table)

    def result(self) -> CheckResult:
        rows: Counter[int] = Counter()
        examples: list[Example] = []
        for root in self._world.roots():
            for batch, deepest in depths(root):
                found, counts = np.unique(deepest, return_counts=True)
                rows.update(dict(zip(found.tolist(), counts.tolist(), strict=True)))
                for row in np.flatnonzero(deepest > self._most)[: self._spec.examples - len(examples)].tolist():
                    examples.append(example(batch, row, str(deepest[row]), f"{deepest[row]} creating passes deep"))
        examined, failed = sum(rows.values()), sum(n for depth, n in rows.items() if depth > self._most)
        message = share(self._spec, examined, failed, f"rows are more than {self._most} creating passes deep")
        told = sorted(rows.items())
        message += f"; the deepest is {told[-1][0]}" if told else ""
        result = verdict(self._spec, None, examined, failed, message, examples)
        if not told:
            return result
        labels, numbers = zip(*((str(depth), number) for depth, number in told), strict=True)
        spread = Histogram("synthetic depth", {"rows": numbers}, labels=labels)
        return replace(result, numbers={"deepest": float(told[-1][0])}, histograms=(spread,))
