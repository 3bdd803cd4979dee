"""PyTorch with the loss compiled by ``torch.compile``; gathering and fused Adam as in eager.

Reports take it and eager PyTorch for two contenders, so the faster one is the one to beat.
"""

import shutil

from benchmarks.contenders import torch as eager

if not (shutil.which("g++") or shutil.which("clang++")):
    raise ImportError("torch.compile needs a C++ compiler, and there is none")

TITLE = "PyTorch, compiled"
OWN_EPSILON = eager.OWN_EPSILON
version = eager.version
limited = eager.limited


def takes(workload):
    """Tell that batches are taken; a step on one example spends all its time in Python."""
    return eager.takes(workload) and not workload.one_example


def trainer(workload, data, epochs, order=None):
    """Prepare a training loop whose loss is compiled at the first step of the first training."""
    return eager.trainer(workload, data, epochs, order, compiled=True)
