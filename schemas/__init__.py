"""Values: frozen, pure, and able to parse and format themselves. Nothing here does I/O but ``document``."""
