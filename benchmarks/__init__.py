"""Measurements of retrograd beside its peers; run them with ``python -m benchmarks``."""
