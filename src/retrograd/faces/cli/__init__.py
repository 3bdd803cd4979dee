"""The command ``retrograd``."""

from retrograd.faces.cli.app import app, main

__all__ = ["app", "main"]
