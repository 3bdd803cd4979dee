"""Trained networks as files that are data and nothing else."""
