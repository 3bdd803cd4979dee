"""Rewind: record a training, go to any step of it, and see every number."""
