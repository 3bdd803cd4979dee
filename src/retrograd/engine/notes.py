"""How things are told: warned of at the line that led to it, or to whoever listens; counted."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

# Packages that only hand on what somebody else's line has asked for.
BETWEEN = {"retrograd", "sklearn", "joblib", "contextlib"}

_heard: ContextVar[list[Warning] | None] = ContextVar("heard", default=None)


def warn(message: str | Warning, category: type[Warning] = UserWarning) -> None:
    """Warn, at the nearest line that is neither ours nor scikit-learn's."""
    if (heard := _heard.get()) is not None:
        heard.append(message if isinstance(message, Warning) else category(message))
        return
    # Ours is frame 0 here and level 1 there.
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and _package(frame.f_globals) in BETWEEN:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def _package(names: dict) -> str:
    return str(names.get("__name__")).partition(".")[0]


@contextmanager
def hearing() -> Iterator[list[Warning]]:
    """Have what is warned of in here, by this thread alone, come into a list instead.

    The filters of ``warnings`` are the whole process's, and are left alone. NumPy says nothing
    meanwhile of numbers that overflow: whoever listens is to show them.

    Examples
    --------
    >>> with hearing() as heard:
    ...     warn("beware")
    >>> heard
    [UserWarning('beware')]
    """
    heard: list[Warning] = []
    token = _heard.set(heard)
    try:
        with np.errstate(all="ignore"):
            yield heard
    finally:
        _heard.reset(token)


def counted(count: int, noun: str) -> str:
    """Write a number with its noun, in the plural where that is due.

    Examples
    --------
    >>> counted(1, "row"), counted(1200, "row"), counted(2, "class")
    ('1 row', '1,200 rows', '2 classes')
    """
    if count != 1:
        noun += "es" if noun.endswith("s") else "s"
    return f"{count:,} {noun}"
