"""The words of expressions: names of what a step has, functions, operators, each in one table."""

import ast
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

LAYERED = {
    "coefs": "weights of a layer before the step, (I, O); coefs[0] is the first layer's",
    "intercepts": "biases of a layer before the step, (O,)",
    "dW": "gradient of a layer's weights, (I, O)",
    "db": "gradient of a layer's biases, (O,)",
    "z": "pre-activations of a layer, (B, O)",
    "a": "activations of a layer, (B, O)",
    "delta": "derivative of each row's loss by z of a layer, times the row's weight, (B, O)",
}
NAMES = {
    "loss": "mean loss of the batch, penalty and all, a number",
    "penalty": "the L2 penalty's part of the loss, a number",
    "learning_rate": "rate of the step, a number",
    "step": "steps of the run taken before this one",
    "epoch": "epochs completed before this step",
    "gradient_norm": "Euclidean norm of all gradients together, a number",
    "x": "rows of the batch, (B, I)",
    "y": "targets of the batch, (B, O), or (B, 1) class numbers",
    "y_pred": "outputs of the network for the batch, (B, O)",
    "loss_per_row": "loss of each row of the batch, (B,)",
    **LAYERED,
}
# What a trace calls by the symbols of its formulas, and what that is here.
IN_TRACES = {"W": "coefs", "b": "intercepts", "input": "x, or a of the layer before"}
CONSTANTS = {"nan": np.float64(np.nan), "inf": np.float64(np.inf)}
# Entries that an array may have which none of the step's own arrays has.
MAX_ENTRIES = 10**7
NORM_PART = 1 << 14


class TooLargeError(ValueError):
    """A name stands for an array that is too large to be made."""


class Function(NamedTuple):
    """One function of the language: what computes it, what it is, how many arguments it takes."""

    compute: Callable[..., Any]
    says: str
    n_arguments: int = 1


def _of_some(function: Callable[[np.ndarray], Any]) -> Callable[[np.ndarray], Any]:
    """Refuse arrays without entries, for which NumPy warns and answers NaN."""

    def compute(array: np.ndarray) -> Any:
        if np.size(array) == 0:
            raise ValueError("there is nothing in this array to take it of")
        return function(array)

    return compute


def norm(array: np.ndarray) -> np.float64:
    """Euclidean norm, without BLAS, whose sums would be another machine's other bits.

    In parts, so that a large array is not copied in double precision; of smaller numbers, where the
    squares would overflow.

    Examples
    --------
    >>> norm(np.array([[3.0], [4.0]]))
    np.float64(5.0)
    """
    with np.errstate(over="ignore", invalid="ignore"):
        norm = np.sqrt(_sum_of_squares(array))
        if np.isinf(norm) and np.isfinite(array).all():
            largest = np.max(np.abs(array)).astype(np.float64)
            norm = largest * np.sqrt(_sum_of_squares(array / largest))
    return norm


def _sum_of_squares(array: np.ndarray) -> np.float64:
    entries, total = np.ravel(array), np.float64(0.0)
    for begin in range(0, entries.size, NORM_PART):
        total += np.sum(np.square(entries[begin : begin + NORM_PART], dtype=np.float64))
    return total


def _median(array: np.ndarray) -> Any:
    return np.median(np.asarray(array, np.float64))


def _dead(delta: np.ndarray, unit: int) -> np.bool_:
    return np.all(delta[:, unit] == 0.0)


def _double(function: Callable[..., Any]) -> Callable[..., Any]:
    """Arithmetic in float64, whatever goes in: True counts as 1, and no integer can overflow."""
    return partial(function, dtype=np.float64)


FUNCTIONS = {
    "any": Function(np.any, "is it true of any entry"),
    "all": Function(np.all, "is it true of all entries"),
    "isnan": Function(np.isnan, "which entries are NaN"),
    "isfinite": Function(np.isfinite, "which entries are neither NaN nor infinite"),
    "isinf": Function(np.isinf, "which entries are infinite"),
    "abs": Function(np.abs, "absolute value of each entry"),
    "max": Function(_of_some(np.max), "largest entry; NaN if there is one"),
    "min": Function(_of_some(np.min), "smallest entry; NaN if there is one"),
    "sum": Function(_double(np.sum), "sum of all entries; of a comparison, how many hold"),
    "mean": Function(_of_some(_double(np.mean)), "mean of all entries"),
    "std": Function(_of_some(_double(np.std)), "standard deviation of all entries, over n"),
    "median": Function(_of_some(_median), "median of all entries"),
    "norm": Function(norm, "Euclidean norm of all entries"),
    "sqrt": Function(_double(np.sqrt), "square root of each entry"),
    "exp": Function(_double(np.exp), "exponential of each entry"),
    "log": Function(_double(np.log), "natural logarithm of each entry"),
    "sign": Function(_double(np.sign), "-1, 0 or 1 for each entry"),
    "argmax": Function(_of_some(np.argmax), "where the largest entry is, counted row by row"),
    "argmin": Function(_of_some(np.argmin), "where the smallest entry is, counted row by row"),
    "size": Function(np.size, "how many entries there are"),
    "dead": Function(_dead, "dead(layer, unit): no row sends the unit any delta", 2),
}

OPERATORS: dict[type, Callable[..., Any]] = {
    ast.UAdd: _double(np.positive),
    ast.USub: _double(np.negative),
    ast.Add: _double(np.add),
    ast.Sub: _double(np.subtract),
    ast.Mult: _double(np.multiply),
    ast.Div: _double(np.divide),
    ast.FloorDiv: _double(np.floor_divide),
    ast.Mod: _double(np.remainder),
    ast.Pow: _double(np.power),
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}
