"""Ctrl-C while kernels are compiled, or loaded, is answered when they are whole."""

import pytest

from bits import python

PROGRAM = """
import signal, sys
import numpy as np
from numba.core import compiler
from retrograd.engine import jit, trainer
from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.tracing import trace

compile_extra = compiler.CompilerBase.compile_extra
pressed = []

def press_amid(self, function):
    if not pressed:
        pressed.append(function.__name__)
        signal.raise_signal(signal.SIGINT)
    return compile_extra(self, function)

compiler.CompilerBase.compile_extra = press_amid
X, y = np.eye(4), np.array([0, 1, 0, 1])
model = MLPClassifier((3,), random_state=0)
try:
    trace(model, X, y)
except KeyboardInterrupt:
    print("stopped", len(pressed), ("train", np.dtype(float)) in jit._compiled)
print(trace(model, X, y).step)
"""


@pytest.mark.compiled
def test_a_trace_that_is_stopped_amid_the_compiling(tmp_path):
    """The next one has all of its kernels."""
    printed = python(PROGRAM, {"NUMBA_CACHE_DIR": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)})
    assert printed.split() == ["stopped", "1", "True", "0"]
