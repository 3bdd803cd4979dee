"""PyTorch, a whole step in one ``torch.compile``: loss, gradients and update, in place.

That took 52 µs on 20-64-2, where eager steps took 141 and compiling the loss alone made them 187
(one thread, single runs). Rows are gathered as in eager, and Adam is written by hand, as for JAX.
Reports take it and eager PyTorch for two contenders, so the faster one is the one to beat.
"""

import shutil

import torch
from torch.nn import functional

from benchmarks.contenders import Trainer
from benchmarks.contenders import torch as eager
from benchmarks.workloads import SEED

if not (shutil.which("g++") or shutil.which("clang++")):
    raise ImportError("torch.compile needs a C++ compiler, and there is none")

TITLE = "PyTorch, compiled"
version = eager.version
limited = eager.limited
takes = eager.takes


def trainer(workload, data, epochs, order=None):
    """Prepare a training loop; its step is compiled at the first call of the first training."""
    rows, labels = eager.tensors(workload, data)
    given = None if order is None else torch.from_numpy(order)
    step = torch.compile(_adam(workload) if workload.solver == "adam" else _sgd(workload))

    @torch.no_grad()
    def train():
        torch.manual_seed(SEED)
        parameters = [torch.from_numpy(array) for pair in workload.start() for array in pair]
        first, second = ([torch.zeros_like(p) for p in parameters] for _ in range(2))
        t = torch.zeros((), dtype=rows.dtype)
        curve = []
        for epoch in range(epochs):
            drawn = eager.draw(workload, len(rows)) if given is None else given[epoch]
            total = torch.zeros((), dtype=rows.dtype)
            for batch in eager.batches(workload, rows, labels, drawn):
                total += step(parameters, first, second, t, *batch)
            curve.append(total)
        return parameters, torch.stack(curve).tolist()

    return Trainer(train, _pairs)


def _pairs(result):
    arrays = [parameter.numpy() for parameter in result[0]]
    return list(zip(arrays[::2], arrays[1::2], strict=True))


def _loss(workload, parameters, rows, labels):
    a = rows
    for number in range(0, len(parameters), 2):
        a = torch.addmm(parameters[number + 1], a, parameters[number])
        if number < len(parameters) - 2 and workload.activation == "relu":
            a = functional.relu(a)
    if workload.classes == 2:
        loss = functional.binary_cross_entropy_with_logits(a, labels)
    else:
        loss = functional.cross_entropy(a, labels)
    if workload.alpha:
        squares = sum((weights * weights).sum() for weights in parameters[::2])
        loss = loss + workload.alpha / (2 * workload.batch) * squares
    return loss


def _adam(workload):
    def step(parameters, first, second, t, rows, labels):
        t += 1
        rate = workload.learning_rate * torch.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        gradients, loss = _differentiate(workload, parameters, rows, labels)
        for p, m, v, g in zip(parameters, first, second, gradients, strict=True):
            m.mul_(0.9).add_(g, alpha=0.1)
            v.mul_(0.999).addcmul_(g, g, value=0.001)
            p.sub_(rate * m / (v.sqrt() + 1e-8))
        return loss

    return step


def _sgd(workload):
    def step(parameters, first, second, t, rows, labels):
        gradients, loss = _differentiate(workload, parameters, rows, labels)
        for p, g in zip(parameters, gradients, strict=True):
            p.sub_(g, alpha=workload.learning_rate)
        return loss

    return step


def _differentiate(workload, parameters, rows, labels):
    def loss_of(parameters):
        return _loss(workload, parameters, rows, labels)

    return torch.func.grad_and_value(loss_of)(parameters)
