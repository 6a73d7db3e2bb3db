"""Running checks over a version: what is read for them, what is remembered of it, what comes out."""

from mmreg.registry.validation.run import run_checks

__all__ = ["run_checks"]
