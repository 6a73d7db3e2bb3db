"""Checks of columns: presence, types, values, numbers of rows, drift."""
