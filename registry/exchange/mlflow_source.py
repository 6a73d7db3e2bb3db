"""A version as a dataset that a training logs to MLflow, and back.

    mlflow.log_input(registry.mlflow_dataset("train@v3"), context="training")

MLflow finds the class by the entry point ``mlflow.dataset_source``, so that ``mlflow.data.get_source`` knows what it
has read. Nothing is loaded or copied for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mlflow.data.dataset import Dataset
from mlflow.data.dataset_source import DatasetSource
from mlflow.data.meta_dataset import MetaDataset

from mmreg.registry.exchange.mlflow_client import SOURCE, source_of

if TYPE_CHECKING:
    from mmreg.registry.read import Reader
    from mmreg.registry.workspace import Workspace
    from mmreg.schemas.refs import VersionRef


class MmregSource(DatasetSource):
    """Where a version is: its lake's id, its dataset and its uuid."""

    def __init__(self, told: Mapping[str, str]) -> None:
        self.told = dict(told)

    def load(self) -> Reader:
        """A handle to that very version, in the lake of the project around the working directory."""
        import mmreg

        reader: Reader = mmreg.open(f"{self.told['dataset']}@{self.told['uuid']}")
        return reader

    def to_dict(self) -> dict[str, str]:
        return self.told

    @classmethod
    def from_dict(cls, source_dict: dict[str, str]) -> MmregSource:
        return cls(source_dict)

    @staticmethod
    def _get_source_type() -> str:
        return SOURCE

    @staticmethod
    def _can_resolve(raw_source: Any) -> bool:
        return False  # made by mmreg alone

    @classmethod
    def _resolve(cls, raw_source: Any) -> MmregSource:
        raise NotImplementedError


def dataset(workspace: Workspace, ref: VersionRef) -> Dataset:
    """The version that ``ref`` means; its digest is the version's uuid."""
    row = workspace.catalog.resolve(ref)
    source = MmregSource(json.loads(source_of(workspace.lake.id, row.ref, row.uuid)))
    made: Callable[..., Dataset] = MetaDataset  # its property that mypy misses is there
    return made(source, name=row.dataset, digest=row.uuid)
