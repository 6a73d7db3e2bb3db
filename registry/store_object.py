"""A store on S3, GCS or Azure through obstore (extra `s3`): the same engine, and options, as Lance's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from mmreg.errors import MissingExtra, NotFound, StorageError, UsageError
from mmreg.registry.entry import Entry

CLIENT_OPTIONS = frozenset(
    {
        "allow_http", "allow_invalid_certificates", "connect_timeout", "http1_only", "http2_only",
        "pool_idle_timeout", "pool_max_idle_per_host", "proxy_ca_certificate", "proxy_excludes", "proxy_url",
        "timeout", "user_agent",
    }
)  # fmt: skip
"""Lance takes these among its storage options; obstore wants them apart (and panics where they are not)."""

PIECE = 1 << 20


class ObjectStore:
    """Keys as objects below ``uri``. ``options`` are Lance's storage options, handed on to obstore.

    A network failure after the server has stored an object, before its answer came, makes the client repeat a
    conditional put and hear False for its own write: who must know compares the bytes.
    """

    def __init__(self, uri: str, options: Mapping[str, str]) -> None:
        self.uri = uri.rstrip("/")
        self.options = dict(options)
        self._obstore = _import_obstore(uri)
        with _storage_errors("open", self.uri):
            self._store = _connect(self.uri, self.options)

    def put_new(self, key: str, data: bytes) -> bool:
        from obstore.exceptions import AlreadyExistsError

        with _storage_errors("write", key):
            try:
                self._obstore.put(self._store, _checked(key), data, mode="create")
            except AlreadyExistsError:
                return False
            return True

    def put(self, key: str, data: bytes) -> None:
        with _storage_errors("write", key):
            self._obstore.put(self._store, _checked(key), data)

    def get(self, key: str) -> bytes | None:
        with _storage_errors("read", key):
            try:
                return bytes(self._obstore.get(self._store, _checked(key)).bytes())
            except FileNotFoundError:
                return None

    def list(self, prefix: str) -> Iterator[str]:
        with _storage_errors("list", prefix):
            pages = self._obstore.list(self._store, prefix.strip("/") or None)
            yield from sorted(entry["path"] for page in pages for entry in page)

    def stream(self, key: str) -> Iterator[bytes]:
        with _storage_errors("read", key):
            try:
                pieces = self._obstore.get(self._store, _checked(key)).stream(min_chunk_size=PIECE)
            except FileNotFoundError:
                raise NotFound(f"{key}: no such object in the lake", hint="mmreg fsck") from None
            for piece in pieces:
                yield bytes(piece)

    def scan(self, prefix: str) -> Iterator[Entry]:
        with _storage_errors("list", prefix):
            for page in self._obstore.list(self._store, prefix.strip("/") or None):
                for entry in page:
                    yield Entry(entry["path"], entry["size"], entry["last_modified"].timestamp())

    def folders(self) -> Sequence[str]:
        with _storage_errors("list", self.uri):
            found = self._obstore.list_with_delimiter(self._store)
            return sorted(prefix.rstrip("/").rpartition("/")[2] for prefix in found["common_prefixes"])

    def delete(self, key: str) -> None:
        with _storage_errors("delete", key):
            try:
                self._obstore.delete(self._store, _checked(key))
            except FileNotFoundError:
                return


def _import_obstore(uri: str) -> Any:
    try:
        import obstore
    except ImportError:
        raise MissingExtra(f"a lake at {uri}", extra="s3") from None
    return obstore


def _connect(uri: str, options: Mapping[str, str]) -> Any:
    from obstore.store import from_url

    client = {name: value for name, value in options.items() if name in CLIENT_OPTIONS}
    config = {name: value for name, value in options.items() if name not in CLIENT_OPTIONS}
    retries = int(config.pop("client_max_retries", 10))
    patience = timedelta(seconds=int(config.pop("client_retry_timeout", 180)))
    config.pop("download_retry_count", None)  # means something to Lance alone
    connect: Any = from_url
    return connect(
        uri,
        config=config,
        client_options=client,
        retry_config={"max_retries": retries, "retry_timeout": patience},
    )


def _checked(key: str) -> str:
    if any(part in ("", ".", "..") for part in key.split("/")):
        raise UsageError(f"{key!r} is no key: it would leave the lake, or name nothing in it")
    return key


@contextmanager
def _storage_errors(doing: str, key: str) -> Iterator[None]:
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        said = str(error).partition("\n")[0]
        raise StorageError(
            f"cannot {doing} {key!r} in the lake: {said}",
            hint="look at the lake's uri, its endpoint and credentials, and the network",
        ) from error
