"""Which libraries answer for a check, as part of its version: with others it may judge the same cells otherwise."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def installed(*packages: str) -> str:
    """``phonenumbers 9.0, tldextract -``: each with its version, a dash where it is not there."""
    return ", ".join(f"{package} {_version(package)}" for package in packages)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"
