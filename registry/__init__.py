"""The registry: the lake and its records, the index over them, and the verbs that work on both."""
