"""A long pass over a server, killed at random points twenty times: nothing lost, and hardly a call asked twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import ModelServer

ROWS = 220
KILLS = 20
CONCURRENCY = 2
FLUSH_ROWS = 4 * CONCURRENCY

DECLARATION = """
version: 1
project: killed
lake: {lake}
models:
  vlm: {{uri: "ADDRESS", name: tiny, framework: openai, api_key: env:VLM_KEY}}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    columns:
      image: {{type: image}}
      caption: {{type: text, nullable: true}}
passes:
  recap: {{from: pairs, use: caption, model: vlm, inputs: {{image: image}}, params: {{concurrency: CONCURRENCY}}}}
"""

MANY_LIVES = """
import os, sys
import openai, lance
from mmreg.curation import apply, caption, captioner_openai, engine, runner
from mmreg.registry.api import Registry

engine.FLUSH_S = 0.0  # every batch is a flush
print("ready", flush=True)
for _ in sys.stdin:  # a line is a life: all is imported once, and none has run anything before it forks
    life = os.fork()
    if life == 0:
        apply.apply(Registry.open("."), ["recap"])
        os._exit(0)
    print(life, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(life, 0)[1]), flush=True)
"""


@pytest.fixture
def made(project: Callable[..., Any], model_server: ModelServer) -> Any:
    """A project with its pictures ingested."""
    text = DECLARATION.replace("ADDRESS", model_server.address).replace("CONCURRENCY", str(CONCURRENCY))
    made = project(0, text)
    for number in range(ROWS):
        made.draw(f"{number:03}", None, seed=1000 + 37 * number)
    made.apply("vlm", "pairs")
    return made


@pytest.fixture
def lives(made: Any) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Begin a process that applies the pass; read from it the process's id, and how it ended once it has."""
    with subprocess.Popen(
        [sys.executable, "-c", MANY_LIVES],
        cwd=made.folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == "ready\n"

        def begin() -> subprocess.Popen[str]:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
            return process

        yield begin


@pytest.mark.slow
def test_killed_twenty_times(
    made: Any,
    lives: Callable[[], subprocess.Popen[str]],
    model_server: ModelServer,
    rows: Callable[..., dict[bytes, dict[str, Any]]],
    tmp_path: Any,
) -> None:
    undisturbed = made.copy(tmp_path / "undisturbed")
    undisturbed.apply("recap")
    due = rows(undisturbed.open(), "pairs@latest")
    assert len(due) == ROWS and all(row["text"] for row in due.values())

    model_server.forget()
    model_server.fail(delay_s=0.01)
    chance = random.Random(38)
    points = [chance.randrange(2 * FLUSH_ROWS) for _ in range(KILLS)]
    assert sum(points) + KILLS * CONCURRENCY <= ROWS, "else it might be done before the last kill"
    for point in points:
        assert not live(lives(), model_server, point)
        assert made.open().latest("pairs").ordinal == 1, "a version is all or nothing"
    asked = sum(model_server.calls()["images"].values())
    assert asked > ROWS / 2, "most was asked before the last kill"

    assert live(lives(), model_server, None)
    assert rows(made.open(), "pairs@latest") == due
    calls = model_server.calls()["images"]
    assert len(calls) == ROWS and sum(calls.values()) <= ROWS + KILLS * FLUSH_ROWS
    run = made.open().catalog.last_run("pass", "recap")
    assert run.facets["pass"]["computed"] + run.facets["pass"]["resumed"] == ROWS
    assert live(lives(), model_server, None)
    assert model_server.calls()["images"] == calls, "all is done"


def live(process: subprocess.Popen[str], server: ModelServer, most: int | None) -> bool:
    """Let the pass run until the server has been asked ``most`` more times, then kill it. Whether it ended before."""
    assert process.stdout is not None
    before = len(server.calls()["prompts"])
    number = int(process.stdout.readline())
    while most is not None and len(server.calls()["prompts"]) - before < most:
        pass
    if most is not None:
        os.kill(number, signal.SIGKILL)
    status = int(process.stdout.readline())
    assert status in (0, -signal.SIGKILL)
    return status == 0
