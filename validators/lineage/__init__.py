"""Checks of where a version comes from, and under which terms."""
