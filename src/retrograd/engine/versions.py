"""Versions of what numbers depend on: said in every file that holds some."""

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("retrograd", "numpy", "numba", "scikit-learn")


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages; '?' where one is run from a folder.

    Examples
    --------
    >>> sorted(versions())
    ['numba', 'numpy', 'python', 'retrograd', 'scikit-learn']
    """
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "?"
    return found
