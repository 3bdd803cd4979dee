"""Names of files as they stand in a command to try next."""

import os
import re
import shlex
from pathlib import Path


def quoted(path: str | Path) -> str:
    r"""Quote a path for the system's shell; one that begins with a dash would be an option.

    Examples
    --------
    >>> print(quoted("my-table.csv"), quoted(r"-t.csv").replace("\\", "/"))
    my-table.csv ./-t.csv
    """
    text = str(path)
    is_windows = os.name == "nt"
    if text.startswith("-"):
        text = (".\\" if is_windows else "./") + text
    if not is_windows:
        return shlex.quote(text)
    # Its shells know double quotes only, or alike, and no name of a file has one in it.
    return text if re.fullmatch(r"[\w.:\\/~+-]+", text) else f'"{text}"'
