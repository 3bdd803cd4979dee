"""What has gone wrong, told on a terminal in one line."""

import sys


def complain(message: str) -> None:
    """Print one line on standard error; names of files may hold anything."""
    from retrograd.faces.text import printable

    print(f"error: {printable(' '.join(message.split()))}", file=sys.stderr)
