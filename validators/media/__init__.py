"""Checks of media: they decode, and are what they say; their duplicates; embeddings."""
