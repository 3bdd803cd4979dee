"""The command ``retrograd``: train, predict, info."""

from retrograd.faces.cli.app import app, main

__all__ = ["app", "main"]
