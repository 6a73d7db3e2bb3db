"""What several tests of the registry start from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mmreg.registry.store import Store, open_store


@pytest.fixture
def s3_store(s3_lake: Callable[[], dict[str, Any]]) -> Store:
    """An empty place on S3."""
    declared = s3_lake()
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    return open_store(declared["uri"], {**declared["options"], **keys})
