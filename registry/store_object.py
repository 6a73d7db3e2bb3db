"""A store on S3, GCS or Azure through obstore (extra `s3`): the same engine, and options, as Lance's own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

from mmreg.errors import MissingExtra, NotFound, ReadOnly, StorageError, UsageError
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
CUTS = 6
"""So often in a row may the answer of one request break off."""

T = TypeVar("T")


class ObjectStore:
    """Keys as objects below ``uri``. ``options`` are Lance's storage options, handed on to obstore.

    obstore repeats a request that gets no answer or a 5xx one (``client_max_retries`` 10 times, for
    ``client_retry_timeout`` 180 s), and goes on with an object whose bytes break off. This class does the rest:
    it looks whether a conditional put that is refused was refused for its own sake, and repeats what is answered by a
    document that breaks off (lists, deletions, refusals).
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
                _whole(lambda: self._obstore.put(self._store, _checked(key), data, mode="create"))
            except AlreadyExistsError:
                # The answer to this very put may have been lost and the put repeated: then the bytes are there. No
                # two that put one key would put the same bytes, but where it is all the same who was first.
                return self._bytes(key) == data
            return True

    def put(self, key: str, data: bytes) -> None:
        with _storage_errors("write", key):
            _whole(lambda: self._obstore.put(self._store, _checked(key), data))

    def get(self, key: str) -> bytes | None:
        with _storage_errors("read", key):
            return self._bytes(key)

    def list(self, prefix: str) -> Iterator[str]:
        yield from sorted(entry.key for entry in self.scan(prefix))

    def stream(self, key: str) -> Iterator[bytes]:
        with _storage_errors("read", key):
            try:
                found = _whole(lambda: self._obstore.get(self._store, _checked(key)))
            except FileNotFoundError:
                raise NotFound(f"{key}: no such object in the lake", hint="mmreg fsck") from None
            for piece in found.stream(min_chunk_size=PIECE):
                yield bytes(piece)

    def scan(self, prefix: str) -> Iterator[Entry]:
        from obstore.exceptions import GenericError

        with _storage_errors("list", prefix):
            last, cuts = None, 0
            while True:
                try:
                    for page in self._obstore.list(self._store, prefix.strip("/") or None, offset=last):
                        for entry in page:
                            last = entry["path"]
                            yield Entry(last, entry["size"], entry["last_modified"].timestamp())
                    return
                except GenericError as error:
                    # Object stores list in the order of keys, so a list that broke off goes on behind the last one.
                    cuts = _next_cut(cuts, error)

    def persist(self, keys: Iterable[str]) -> None:
        pass

    def folders(self) -> Sequence[str]:
        with _storage_errors("list", self.uri):
            found = _whole(lambda: self._obstore.list_with_delimiter(self._store))
            return sorted(prefix.rstrip("/").rpartition("/")[2] for prefix in found["common_prefixes"])

    def delete(self, key: str) -> None:
        with _storage_errors("delete", key):
            try:
                _whole(lambda: self._obstore.delete(self._store, _checked(key)))
            except FileNotFoundError:
                return

    def _bytes(self, key: str) -> bytes | None:
        try:
            return bytes(_whole(lambda: self._obstore.get(self._store, _checked(key))).bytes())
        except FileNotFoundError:
            return None


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


def _whole(ask: Callable[[], T]) -> T:
    """The answer to what may be asked again: asked again where it breaks off."""
    from obstore.exceptions import GenericError

    cuts = 0
    while True:
        try:
            return ask()
        except GenericError as error:
            cuts = _next_cut(cuts, error)


def _next_cut(cuts: int, error: Exception) -> int:
    """One more than ``cuts``, after a pause; raises ``error`` where it is no answer broken off, or one too many."""
    if "response body" not in str(error) or cuts == CUTS:
        raise error
    time.sleep(0.01 * 2**cuts)
    return cuts + 1


@contextmanager
def _storage_errors(doing: str, key: str) -> Iterator[None]:
    from obstore.exceptions import BaseError, PermissionDeniedError

    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        said = str(error).partition("\n")[0]
        if doing in ("write", "delete") and isinstance(error, PermissionDeniedError):
            raise ReadOnly(
                f"the lake can be looked at, but not written to: {said}",
                hint="repeat the command with keys that may write",
            ) from error
        raise StorageError(
            f"cannot {doing} {key!r} in the lake: {said}",
            hint="look at the lake's uri, its endpoint and credentials, and the network; then repeat the command",
        ) from error
