"""What several tests of the registry start from."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator

import boto3
import pytest
from moto.server import ThreadedMotoServer


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """An S3 server in this process; it honours conditional put."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_lake(s3_endpoint: str) -> tuple[str, dict[str, str]]:
    """The uri of a place in a new bucket, and the options with which Lance opens it."""
    bucket = f"lake-{uuid.uuid4().hex[:12]}"
    options = {
        "aws_endpoint": s3_endpoint,
        "aws_access_key_id": "key",
        "aws_secret_access_key": "very-secret",
        "aws_region": "us-east-1",
        "allow_http": "true",
    }
    boto3.client(
        "s3",
        endpoint_url=s3_endpoint,
        aws_access_key_id=options["aws_access_key_id"],
        aws_secret_access_key=options["aws_secret_access_key"],
        region_name=options["aws_region"],
    ).create_bucket(Bucket=bucket)
    return f"s3://{bucket}/some/lake", options
