"""What to try next: names of files as they stand in a command, and lower learning rates."""

import os
import re
import shlex
from pathlib import Path

# The highest learning rate that is advised: a tenth of one that is far too high still is.
HIGHEST_ADVISED = 0.01


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


def calmer_rate(rate: float) -> float:
    """Learning rate to try after one at which a training diverged.

    Examples
    --------
    >>> calmer_rate(0.05), calmer_rate(1000.0)
    (0.005, 0.01)
    """
    return min(float(f"{rate / 10:.3g}"), HIGHEST_ADVISED)
