"""Looking for damage in the lake, and mending what can be mended: see `mmreg.registry.fsck.check`."""
