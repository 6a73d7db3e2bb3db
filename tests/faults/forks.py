"""Doing something in a fork of this process, and hearing what came of it."""

from __future__ import annotations

import os
import pickle
import traceback
from collections.abc import Callable
from typing import Any

from scenes import StepsFailed

from mmreg.errors import MmregError


def forked(do: Callable[[], Any]) -> Any:
    """What ``do`` returns in a fork of this process. Raises `AssertionError` with its traceback."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        try:
            told = (True, do())
        except BaseException:
            told = (False, traceback.format_exc())
        with os.fdopen(writing, "wb") as file:
            pickle.dump(told, file)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        data = file.read()
    _, status = os.waitpid(pid, 0)
    assert data, f"a fork ended with status {status}"
    well, told = pickle.loads(data)
    assert well, told
    return told


def refused(do: Callable[[], None]) -> MmregError | StepsFailed | None:
    """The error by which ``do`` ended; None where it ended well."""
    try:
        do()
    except (MmregError, StepsFailed) as error:
        return error
    return None


def run(do: Callable[[], None]) -> None:
    """Do it and end this process."""
    try:
        do()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
