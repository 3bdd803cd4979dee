"""The regression that a network with linear hidden layers comes down to."""

from typing import TYPE_CHECKING

import numpy as np

from retrograd.engine.network import Network
from retrograd.rewind.walk.document import Formula, Line, Section
from retrograd.rewind.walk.numbers import numeral

if TYPE_CHECKING:
    from retrograd.rewind.trace import Trace

# Features up to which the regression is written out as a sum.
WRITTEN_OUT_UP_TO = 6


def is_linear(network: Network) -> bool:
    """Whether every hidden layer is linear, or there is none.

    Examples
    --------
    >>> is_linear(Network((2, 3, 1), ("identity",), "logistic", "log_loss"))
    True
    >>> is_linear(Network((2, 3, 1), ("relu",), "logistic", "log_loss"))
    False
    """
    return all(name == "identity" for name in network.activations)


def regression_name(network: Network) -> str:
    """Name the model that the output and the loss alone make.

    Examples
    --------
    >>> regression_name(Network((2, 1), (), "exp", "poisson"))
    'Poisson regression'
    >>> regression_name(Network((2, 3), (), "softmax", "log_loss"))
    'softmax regression'
    """
    if network.loss == "log_loss":
        return "softmax regression" if network.output == "softmax" else "logistic regression"
    return {
        "squared_error": "linear regression",
        "absolute_error": "median regression",
        "huber": "robust linear regression",
        "quantile": "quantile regression",
        "poisson": "Poisson regression",
    }[network.loss]


def collapsed(weights: list[np.ndarray], biases: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Multiply linear layers into one: its weights of shape (I, O), its biases of shape (O,).

    Examples
    --------
    >>> collapsed([np.eye(2) * 2, np.ones((2, 1))], [np.array([1.0, 2.0]), np.array([0.5])])
    (array([[2.],
           [2.]]), array([3.5]))
    """
    W, b = weights[0], biases[0]
    with np.errstate(all="ignore"):
        for W_next, b_next in zip(weights[1:], biases[1:], strict=True):
            W, b = W @ W_next, b @ W_next + b_next
    return W, b


def regression_section(trace: "Trace") -> Section | None:
    """Show the regression that the net is, or None if it bends anywhere."""
    network = trace.network
    if not is_linear(network):
        return None
    name, n_layers = regression_name(network), network.n_layers
    title = f"What this network is: a {name}"
    if n_layers == 1:
        alone = f"With no hidden layer, W[0] and b[0] are the coefficients of a {name}."
        return Section(title, (), alone, "regression")
    W, b = collapsed([layer.W for layer in trace.layers], [layer.b for layer in trace.layers])
    why = (
        "The hidden layers are linear, f(z) = z, and a linear map of a linear map is one linear "
        f"map. The net can say nothing that a {name} with the weights W_all and biases b_all "
        "could not: more layers or units add nothing until one of them bends. (It is learned "
        "differently all the same, since the product moves otherwise than its factors.)"
    )
    lines = [
        Line(
            Formula("W_all", r"W_{\mathrm{all}}"),
            Formula(
                " @ ".join(f"W[{layer}]" for layer in range(n_layers)),
                " ".join(f"W_{{{layer}}}" for layer in range(n_layers)),
            ),
            f"{' @ '.join(str(layer.W.shape) for layer in trace.layers)} → {W.shape}",
            W,
        ),
        Line(Formula("b_all", r"b_{\mathrm{all}}"), _bias(n_layers), str(b.shape), b),
    ]
    if W.shape[0] <= WRITTEN_OUT_UP_TO and W.shape[1] == 1:
        lines.append(written_out(network, W[:, 0], b[0]))
    return Section(title, tuple(lines), why, "regression")


def _bias(n_layers: int) -> Formula:
    text, latex = "b[0]", "b_{0}"
    for layer in range(1, n_layers):
        inner = (text, latex) if layer == 1 else (f"({text})", rf"\left({latex}\right)")
        text = f"{inner[0]} @ W[{layer}] + b[{layer}]"
        latex = f"{inner[1]} W_{{{layer}}} + b_{{{layer}}}"
    return Formula(text, latex)


def written_out(network: Network, W: np.ndarray, b: float, first: int = 0) -> Line:
    """Write the prediction as a sum over the features, which count from ``first``.

    Examples
    --------
    >>> network = Network((2, 1), (), "logistic", "log_loss")
    >>> written_out(network, np.array([0.5, -2.0]), 1.0).formula.text
    'σ(1 + 0.5 x[0] − 2 x[1])'
    """
    text = latex = numeral(b)
    for feature, weight in enumerate(W, start=first):
        sign = "−" if weight < 0 else "+"
        text += f" {sign} {numeral(abs(weight))} x[{feature}]"
        latex += f" {sign.replace('−', '-')} {numeral(abs(weight))}\\,x_{{{feature}}}"
    function = {"logistic": ("σ", r"\sigma"), "exp": ("exp", r"\exp")}.get(network.output)
    if function is not None:
        text, latex = f"{function[0]}({text})", rf"{function[1]}\left({latex}\right)"
    return Line(Formula("y_pred", r"\hat y"), Formula(text, latex))
