"""The command line: one file a command, each `open - call - show` over `mmreg.registry.api`."""
