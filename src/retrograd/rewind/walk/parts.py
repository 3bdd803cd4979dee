"""What the sections of a walk share: titles, lines of given numbers, what a batch weighs."""

from typing import TYPE_CHECKING

import numpy as np

from retrograd.engine.network import Network
from retrograd.rewind.walk.document import Formula, Line, shape_of

if TYPE_CHECKING:
    from retrograd.rewind.trace import Trace


def step_in_words(trace: "Trace") -> str:
    """Write the network, the loss and the optimizer in one line."""
    return ", ".join([*network_in_words(trace.network), trace.optimizer.solver])


def network_in_words(network: Network) -> tuple[str, str]:
    """Write a network's layers, as in ``20 → 64 relu → 1 logistic``, and its loss."""
    path = f"{network.widths[0]}"
    for width, name in zip(network.widths[1:], (*network.activations, network.output), strict=True):
        path += f" → {width} {name}"
    loss = network.loss.replace("_", " ")
    if network.loss in ("huber", "quantile"):
        loss += f" {network.loss_parameter:g}"
    return path, loss


def layer_title(trace: "Trace", layer: int) -> str:
    """Write as in ``layer 0 (hidden, relu, 20 → 64)``."""
    traced = trace.layers[layer]
    kind = "output" if layer == trace.network.n_layers - 1 else "hidden"
    n_in, n_out = traced.W.shape
    return f"layer {layer} ({kind}, {traced.activation}, {n_in} → {n_out})"


def given(name: str, latex: str, value, remark: str = "") -> Line:
    """Make a line of numbers that nothing in this step has made."""
    return Line(Formula(name, latex), None, shape_of(value), value, remark)


def is_weightless(trace: "Trace") -> bool:
    """Whether the batch teaches nothing, since none of its rows has a weight."""
    return trace.sample_weight is not None and not np.sum(trace.sample_weight) > 0.0
