"""A team's index on PostgreSQL says what an own one says, whoever writes, and however many at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

APPLY = """
import sys
from mmreg.curation.apply import apply
from mmreg.registry.api import Registry
with Registry.open() as registry:
    apply(registry, sys.argv[1:])
"""


@pytest.fixture
def team(project: Callable[..., Any], postgres_server: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A project whose index is on a server."""
    made = project()
    file = made.folder / "mmreg.yaml"
    file.write_text(f'{file.read_text()}catalog: "{postgres_server}"\n')
    return made


def test_it_says_what_an_index_of_ones_own_says(
    team: Any, answers: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    team.apply()
    team.draw("new", "a new picture")
    team.erase("001")
    team.apply()
    with team.open() as registry:
        registry.promote("train")
        told = answers(registry)
        assert registry.doctor().findings == ()
        assert registry.rebuild() == len(registry.runs())
        assert answers(registry) == told
    assert not (team.folder / ".mmreg" / "catalog.db").exists()
    monkeypatch.setenv("MMREG_CATALOG", "sqlite:///.mmreg/own-index.db")
    with team.open() as registry:
        assert answers(registry) == told


def test_two_who_apply_at_once_from_projects_of_their_own(
    team: Any, tmp_path: Any, answers: Callable[..., dict[str, Any]]
) -> None:
    """One lake, one index, two checkouts: what one has computed the other does not compute again."""
    file = team.folder / "mmreg.yaml"
    file.write_text(file.read_text().replace('"./lake"', f'"{team.folder}/lake"'))
    other = team.copy(tmp_path / "other")
    workers = [project.python(APPLY) for project in (team, other)]
    assert [worker.communicate() for worker in workers] == [("", "")] * 2
    assert len(team.calls() + other.calls()) == 6 + 6 + 4, "light, words, and grade over the four rows that are kept"
    with team.open() as one, other.open() as two:
        assert answers(one) == answers(two)
        assert one.doctor().findings == ()


def test_a_server_that_is_not_there_is_told_without_its_password(project: Callable[..., Any]) -> None:
    made = project()
    made.apply()
    key = "tell-nobody"
    environ = os.environ | {"INDEX": f"postgresql+psycopg://me:{key}@127.0.0.1:1/db", "MMREG_CATALOG": "env:INDEX"}
    for option in ("--json", "--debug"):
        told = subprocess.run(
            [sys.executable, "-m", "mmreg", "ls", option], cwd=made.folder, env=environ, capture_output=True, text=True
        )
        assert told.returncode == 6
        assert "127.0.0.1/db" in told.stderr and "PGPASSWORD" in told.stderr
        assert key not in told.stdout + told.stderr


def test_passwords_come_from_where_libpq_looks(
    team: Any, postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PGPASSWORD, a password file and the rest are the library's own: what the address does not say they say."""
    monkeypatch.setenv("PGUSER", "tester")
    monkeypatch.setenv("MMREG_CATALOG", postgres_server.replace("tester@", ""))
    team.apply("pairs")
    with team.open() as registry, psycopg.connect(postgres_server.replace("+psycopg", "")) as server:
        schema = f"mmreg_{registry.lake.id.replace('-', '_')}"
        assert server.execute(f"SELECT count(*) FROM {schema}.version".encode()).fetchone() == (1,)


def test_a_password_in_the_declaration_is_refused(project: Callable[..., Any]) -> None:
    made = project()
    file = made.folder / "mmreg.yaml"
    file.write_text(file.read_text() + 'catalog: "postgresql+psycopg://me:secret-word@host/db"\n')
    told = subprocess.run([sys.executable, "-m", "mmreg", "ls"], cwd=made.folder, capture_output=True, text=True)
    assert told.returncode == 2
    assert "secret-word" not in told.stderr
