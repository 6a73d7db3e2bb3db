"""Compaction: fewer and fuller fragments, fewer files, and the same cells."""
