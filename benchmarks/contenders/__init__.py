"""The contenders, one module each, all with the same few names.

``TITLE`` (as reports print it), ``version()``, ``limited(threads)`` (a context in which the
contender uses that many threads), ``takes(workload, dtype)``, ``trainer(workload, data, epochs,
order=None)`` and, where it can, ``predictor(workload, data, proba=False)``, a function of rows.

A module imports its library at its top, so importing the module tells whether it is installed.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

NAMES = ("retrograd", "sklearn", "torch", "jax", "numpy_loop")


@dataclass(frozen=True)
class Trainer:
    """A prepared training: call ``train`` as often as wanted, each call starts afresh.

    ``train`` is what is timed. ``parameters`` turns what it returned into pairs (W, b).
    """

    train: Callable[[], Any]
    parameters: Callable[[Any], list]


def load(names, say=print) -> dict[str, Any]:
    """Import the contenders of these names; one that cannot be imported is skipped aloud."""
    found = {}
    for name in names:
        try:
            found[name] = importlib.import_module(f"{__name__}.{name}")
        except ImportError as error:
            say(f"skipped {name}: {error}")
    return found
