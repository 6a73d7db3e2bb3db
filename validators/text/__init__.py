"""Checks of texts and of what they are paired with."""
