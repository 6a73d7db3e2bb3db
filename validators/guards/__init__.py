"""Checks of what selections did to the data that they chose from."""
