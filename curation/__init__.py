"""Curation: the pass protocol, the built-in passes, and the runner that plans, computes and publishes."""
