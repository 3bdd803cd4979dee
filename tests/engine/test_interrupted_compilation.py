"""Ctrl-C while kernels are compiled, or loaded, is answered when they are whole."""

import pytest

from bits import python

PROGRAM = """
import signal
import numpy as np
from numba.core import compiler
from retrograd.engine import jit
from retrograd.engine.objective import row_losses
from retrograd.engine.batches import make_data
from retrograd.engine.network import Network

network = Network((2, 1), (), "identity", "squared_error")
data = make_data(network, np.eye(2), np.zeros(2))
compile_extra = compiler.CompilerBase.compile_extra
pressed = []

def press_amid(self, function):
    if not pressed:
        pressed.append(function.__name__)
        signal.raise_signal(signal.SIGINT)
    return compile_extra(self, function)

compiler.CompilerBase.compile_extra = press_amid

def losses():
    return row_losses(network, data, np.arange(2), np.ones((2, 1)))

try:
    losses()
except KeyboardInterrupt:
    print("stopped", len(pressed), ("losses_of_rows", np.dtype(float)) in jit._compiled)
print(*losses())
"""


@pytest.mark.compiled
def test_what_is_stopped_amid_the_compiling_is_compiled(tmp_path):
    """Who asks next has the whole kernel."""
    printed = python(PROGRAM, {"NUMBA_CACHE_DIR": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)})
    assert printed.split() == ["stopped", "1", "True", "0.5", "0.5"]
