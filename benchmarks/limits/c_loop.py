"""The same loop in C for one-example SGD, float64: ``one_example.c``, ``-O3 -march=native``.

Compiled on the spot. Rows are drawn as the notebook draws them, inside what is timed, as for
retrograd; the loss of every step is computed and summed.
"""

import ctypes
import shutil
import subprocess
import tempfile
from contextlib import nullcontext
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.contenders import LIMIT, Trainer
from benchmarks.workloads import SEED

SOURCE = Path(__file__).with_name("one_example.c")
COMPILER = next(filter(shutil.which, ("cc", "gcc", "clang")), None)
if COMPILER is None:
    raise ImportError("there is no C compiler (cc, gcc or clang)")

FLAGS = ("-O3", "-march=native")
TITLE = "the same loop in C"
ROLE = LIMIT


def version():
    """Return the compiler's own first line and the flags."""
    told = subprocess.run([COMPILER, "--version"], capture_output=True, text=True, check=True)
    return f"{told.stdout.splitlines()[0]} {' '.join(FLAGS)}"


def limited(threads):
    """Return an empty context: it is one thread."""
    return nullcontext()


def takes(workload):
    """Tell that only one-example SGD is written down in C."""
    return workload.one_example


def trainer(workload, data, epochs, order=None):
    """Prepare the loop."""
    rows, labels = data.X.astype(float), data.y.astype(float)
    loop = _compile(workload.widths[0], workload.widths[1])

    def train():
        generator = np.random.RandomState(SEED)
        d, h = workload.widths[0], workload.widths[1]
        w1 = generator.randn(h, d + 1) * np.sqrt(1 / d)
        w2 = generator.randn(1, h + 1) * np.sqrt(1 / h)
        curve = []
        for _ in range(epochs):
            drawn = generator.randint(0, len(rows), size=len(rows))
            total = loop(rows, labels, drawn, len(drawn), workload.learning_rate, w1, w2)
            curve.append(total / len(drawn))
        return w1, w2

    return Trainer(train, lambda state: [(columns[:, 1:].T, columns[:, 0]) for columns in state])


@cache
def _compile(d, h):
    doubles = np.ctypeslib.ndpointer(np.float64, flags="C")
    integers = np.ctypeslib.ndpointer(np.int64, flags="C")
    with tempfile.TemporaryDirectory(prefix="retrograd-benchmarks-") as folder:
        library = Path(folder, "one_example.so")
        flags = [*FLAGS, f"-DD={d}", f"-DH={h}", "-shared", "-fPIC", "-lm"]
        subprocess.run([COMPILER, SOURCE, *flags, "-o", library], check=True)
        loop = ctypes.CDLL(str(library)).train
    loop.restype = ctypes.c_double
    loop.argtypes = [
        doubles, doubles, integers, ctypes.c_int64, ctypes.c_double, doubles, doubles,
    ]  # fmt: skip
    return loop
