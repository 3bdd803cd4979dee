"""Prints what other programs are to read: the same, whatever the encoding of the output."""

import json
import sys
from typing import Any


def print_json(document: Any, indent: int | None = 2) -> None:
    r"""Print a JSON document in ASCII: pipes and files have odd encodings on some systems.

    Examples
    --------
    >>> print_json({"Łódź": 1}, indent=None)
    {"\u0141\u00f3d\u017a": 1}
    """
    print(json.dumps(document, indent=indent, allow_nan=False))


def print_table(content: str) -> None:
    """Print a table as CSV; but where no terminal shows it, in UTF-8, as tables are read."""
    raw = getattr(sys.stdout, "buffer", None)
    if raw is None or sys.stdout.isatty():
        sys.stdout.write(content)
    else:
        raw.write(content.encode())
