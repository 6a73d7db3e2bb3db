from __future__ import annotations

from importlib.metadata import version

from mmreg.validators.libraries import installed
from mmreg.validators.text.language import Language
from mmreg.validators.text.pii import Pii


def test_each_with_its_version() -> None:
    assert installed("pyarrow", "no-such-library") == f"pyarrow {version('pyarrow')}, no-such-library -"


def test_what_was_seen_with_another_library_is_looked_at_again() -> None:
    assert Language.version == f"1, py3langid {version('py3langid')}"
    assert all(f"{name} {version(name)}" in Pii.version for name in ("presidio-analyzer", "phonenumbers", "tldextract"))
