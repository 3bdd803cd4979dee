"""Names of files as they stand in a command to try next."""

from pathlib import Path
from shlex import quote


def quoted(path: str | Path) -> str:
    """Quote a path for a shell; one that begins with a dash would be taken for an option.

    Examples
    --------
    >>> print(quoted("my table.csv"), quoted("-t.csv"))
    'my table.csv' ./-t.csv
    """
    text = str(path)
    return quote(f"./{text}" if text.startswith("-") else text)
