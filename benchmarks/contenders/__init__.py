"""The contenders, one module each, all with the same few names.

``TITLE`` (as reports print it), ``version()``, ``limited(threads)`` (a context in which the
contender uses that many threads), ``takes(workload)``, ``trainer(workload, data, epochs,
order=None)`` and, where it can, ``predictor(workload, data, proba=False)``, a function of rows.
``ROLE`` is ``PEER`` unless a module says otherwise; what is not a peer is timed beside the others
but enters neither the check of the losses nor any ratio to the fastest peer.

A module imports its library at its top, so importing the module tells whether it is installed.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PEER, OTHER_ARITHMETIC, LIMIT = "peer", "other arithmetic", "limit"
CONTENDERS = (
    "retrograd",
    "sklearn",
    "torch",
    "torch_compile",
    "jax",
    "keras",
    "numpy_loop",
    "river",
    "vowpal_wabbit",
)
LIMITS = ("c_loop", "products", "sgemm")


@dataclass(frozen=True)
class Trainer:
    """A prepared training: call ``train`` as often as wanted, each call starts afresh.

    ``train`` is what is timed. ``parameters`` turns what it returned into pairs (W, b).
    ``flops`` is how many operations a ``train`` is, where that is not the work's own number.
    """

    train: Callable[[], Any]
    parameters: Callable[[Any], list] | None = None
    flops: int | None = None


def load(names, say=print) -> dict[str, Any]:
    """Import the contenders of these names; one that cannot be imported is skipped aloud."""
    found = {}
    for name in names:
        folder = "limits" if name in LIMITS else "contenders"
        try:
            found[name] = importlib.import_module(f"benchmarks.{folder}.{name}")
        except ImportError as error:
            say(f"{name}: {error}")
    return found


def role(module) -> str:
    """Tell whether a module is one to beat, a limit, or only there to be looked at."""
    return getattr(module, "ROLE", PEER)
