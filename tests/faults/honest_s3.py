"""An S3 in this process, honest about conditional puts."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

OPTIONS = {
    "aws_access_key_id": "env:S3_KEY",
    "aws_secret_access_key": "env:S3_SECRET",
    "aws_region": "us-east-1",
    "allow_http": "true",
}
"""What ``lake: options:`` declares for it, beside its address; the keys are in the environment."""

KEYS = {"S3_KEY": "AKIAPLANTED0FOR0ALL0", "S3_SECRET": "planted/for/the/whole/suite/0123456789+0"}
"""It takes any; these are looked for in every file that the tests write."""


@contextmanager
def honest_s3() -> Iterator[str]:
    """Serve while the block runs; yields the address."""
    from moto.moto_server.threaded_moto_server import MotoRequestHandler
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # else a failing test shows every request
    inner = DomainDispatcherApplication(create_backend_app)
    one_at_a_time = threading.Lock()

    def application(environ: Any, start_response: Any) -> Any:
        # moto looks whether a key is there and writes it in two steps: what S3 does at once must be at once here.
        with one_at_a_time:
            return list(inner(environ, start_response))

    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def client(address: str) -> Any:
    """A boto3 client of the S3 at ``address``."""
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id=KEYS["S3_KEY"],
        aws_secret_access_key=KEYS["S3_SECRET"],
    )
