"""What to try next: names of files as they stand in a command, and lower learning rates."""

from pathlib import Path
from shlex import quote

# The highest learning rate that is advised: a tenth of one that is far too high still is.
HIGHEST_ADVISED = 0.01


def quoted(path: str | Path) -> str:
    """Quote a path for a shell; one that begins with a dash would be taken for an option.

    Examples
    --------
    >>> print(quoted("my table.csv"), quoted("-t.csv"))
    'my table.csv' ./-t.csv
    """
    text = str(path)
    return quote(f"./{text}" if text.startswith("-") else text)


def calmer_rate(rate: float) -> float:
    """Learning rate to try after one at which a training diverged.

    Examples
    --------
    >>> calmer_rate(0.05), calmer_rate(1000.0)
    (0.005, 0.01)
    """
    return min(float(f"{rate / 10:.3g}"), HIGHEST_ADVISED)
