"""Clean-up: which versions something needs, what goes when the others go, and its doing."""
