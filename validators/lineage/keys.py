"""By what rows of two versions are told to be the same: 128 bits of each, and where among others they are."""

from __future__ import annotations

import re
import unicodedata
from hashlib import blake2b
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.schemas.cells import values

By = Literal["sample_id", "media", "text"]
Keys = NDArray[np.uint64]
"""Shape (2, n): the high and the low words of n keys."""
_NO_WORD = re.compile(r"[\W_]+")


def normalised(text: str) -> str:
    """``text`` without what tells no two captions apart: case, width of letters, punctuation, white space."""
    return _NO_WORD.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def keys_of(cells: pa.Array[Any], by: By) -> tuple[Keys, NDArray[np.bool_]]:
    """The keys of the cells that have one, and which these are: a null has none, nor has a text without a word."""
    if by == "text":
        said = [normalised(text) if text else "" for text in values(cells)]
        given = np.fromiter(map(bool, said), bool, len(said))
        digests = b"".join([blake2b(text.encode(), digest_size=16).digest() for text in said if text])
        return _words(np.frombuffer(digests, np.uint8).reshape(-1, 16)), given
    given = np.asarray(cells.is_valid().to_numpy(zero_copy_only=False), bool)
    return _words(_bytes(cells.drop_null())[:, :16]), given


def sample_ids(batch: pa.RecordBatch) -> NDArray[Any]:
    """Those of the rows, 16 bytes each."""
    return _bytes(batch.column("sample_id")).reshape(-1).view("V16")


def _words(keys: NDArray[np.uint8]) -> Keys:
    return np.ascontiguousarray(np.ascontiguousarray(keys).view(">u8").T.astype(np.uint64))


def _bytes(cells: pa.Array[Any]) -> NDArray[np.uint8]:
    """The bytes of cells of one width, none of which is null; a row each."""
    width = cells.type.byte_width
    held: Any = cells.buffers()[1]
    data = np.frombuffer(held if held is not None else b"", np.uint8)
    return data[cells.offset * width : (cells.offset + len(cells)) * width].reshape(-1, width)


class Index:
    """Finds keys among others. Memory: 24 bytes a key, and as many for the moment in which it is made."""

    def __init__(self, keys: Keys) -> None:
        self._places = np.lexsort((keys[1], keys[0]))
        self._keys = keys[:, self._places]

    def find(self, keys: Keys) -> NDArray[np.int64]:
        """For each of ``keys`` the first place among the others of one that equals it; -1 where none does."""
        found = np.full(keys.shape[1], -1, np.int64)
        rows = self._keys.shape[1]
        at = np.searchsorted(self._keys[0], keys[0])
        going = at < rows
        while going.any():  # one step, unless the high words of different keys agree
            inside = np.minimum(at, rows - 1)
            going &= (at < rows) & (self._keys[0, inside] == keys[0])
            same = going & (self._keys[1, inside] == keys[1])
            found[same] = self._places[inside[same]]
            going &= ~same
            at = at + going
        return found
