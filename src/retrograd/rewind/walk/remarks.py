"""The remarks of a walk: a short why at the place where learners stumble."""

from typing import TYPE_CHECKING

import numpy as np

from retrograd.engine.network import Network

if TYPE_CHECKING:
    from retrograd.rewind.trace import Trace

NAMES = (
    "Names: W[0] is trace.layers[0].W, and so on; layers count from 0, as in coefs_. One row of "
    "the batch is one row of an array. W[0] has a row for each unit that comes in and a column "
    "for each that goes out. delta[0] is each row's dLoss/dz[0], times its weight if it has one; "
    "dW[0] is the gradient of W[0], of all rows together. @ is the matrix product, * multiplies "
    "entry by entry, .T turns rows into columns."
)
BIAS = (
    "b[0] is added to every row. Some keep it among the weights, as one more, and put a 1 before "
    "each x; that is the same sum, b * 1 + W * x. Here it is a vector of its own."
)
DB = (
    "The bias' own input is always 1, so its gradient is 1 * delta, summed over the rows: no "
    "input appears in it."
)
CHAIN = (
    "Why f′: z moves the loss only by way of a = f(z), so what comes back to a, delta @ W.T, is "
    "multiplied by da/dz = f′(z), entry by entry (the chain rule)."
)
RELU_SLOPE = "Where a relu is off (z ≤ 0) f′ is 0, and the unit learns nothing from that row."
IDENTITY_SLOPE = "f(z) = z, so f′ = 1 and nothing is multiplied."
COLUMN = (
    "sample_weight[:, None] makes the vector a column, shape ({rows}, 1), so that it multiplies "
    "row by row; without it NumPy would line it up with the columns."
)
ONE_HOT = (
    "Each row of y_onehot has a 1 at its class and 0 elsewhere, so that it can be taken from "
    "y_pred, which has a probability for each class."
)
WEIGHTLESS = (
    "All rows of this batch weigh 0: it teaches nothing, and parameters and memory stay as they "
    "are."
)
SUM_OF_OUTPUTS = (
    "The reported loss is the mean over the outputs; the gradient is that of their sum, as in "
    "scikit-learn."
)
AVERAGE = "The rows' gradients are added up by the product, and then averaged."
DIRECTION = "The gradient points uphill, so the update goes the other way: hence the minus."
CORRECTION = (
    "Both averages started at 0 and are too small in the first steps; correction makes up for "
    "it. The exponent is the number of this update, counted from 1."
)
DECAY = "AdamW shrinks the weights by themselves, apart from the gradient; the biases it leaves."
PENALTY = "Only weights are penalised, not biases."


def error(network: Network) -> str:
    """Say why the error at the output looks as it does."""
    if network.loss == "log_loss" and network.output == "logistic":
        return (
            "Why no σ′ here: the log loss gives dLoss/dy_pred = (y_pred − y) / (y_pred (1 − "
            "y_pred)), the sigmoid gives dy_pred/dz = y_pred (1 − y_pred). Multiplied, the two "
            "cancel, and y_pred − y is left."
        )
    if network.output == "softmax":
        return (
            "Why no derivative of the softmax here: it cancels against that of the log loss, as "
            "the sigmoid's does. What is left is probability minus truth, class by class; each "
            "row sums to 0."
        )
    if network.loss == "squared_error":
        return (
            "Why nothing else here: the derivative of ½ (y_pred − y)² is y_pred − y (the ½ takes "
            "the 2 away), and the identity's slope is 1."
        )
    if network.loss == "poisson":
        return (
            "Why no exp′ here: the loss gives dLoss/dy_pred = 1 − y / y_pred, the exponential "
            "gives dy_pred/dz = y_pred. Multiplied, y_pred − y is left."
        )
    if network.loss == "huber":
        return (
            "Near the target this is the residual, as with the squared error; far off it is cut "
            "at the width, so that one wild row cannot pull harder than that. The identity's "
            "slope is 1."
        )
    if network.loss == "quantile":
        return (
            "Only the side counts, not the distance: too high and too low pull with the "
            "quantile's odds. The identity's slope is 1."
        )
    return (
        "The slope of |r| is its sign: how far off a row is makes no difference to how hard it "
        "pulls. The identity's slope is 1."
    )


def clipped(trace: "Trace") -> str:
    """Say how a log loss escapes log(0), if any of its rows would come to it."""
    if trace.network.loss != "log_loss":
        return ""
    y_pred = trace.y_pred
    tiny = float(np.finfo(y_pred.dtype).eps)
    if trace.network.output == "softmax":
        y_pred = np.take_along_axis(y_pred, trace.y.astype(np.int64), axis=1)
    beyond = (y_pred < tiny) | (y_pred > 1.0 - tiny)
    if not beyond.any():
        return ""
    return (
        f"Before the logarithm y_pred is kept between {tiny:.2g} and 1 − {tiny:.2g}, so that none "
        f"costs more than {-np.log(tiny):.4g}: here {int(beyond.sum()):,} of {beyond.size:,} lie "
        "beyond. delta is not cut, it is that of the loss without."
    )


def outer_product(n_in: int, n_out: int) -> str:
    """Say what the gradient of one row is, and what ``[:, None]`` does to a shape."""
    return (
        f"With one row this is an outer product, ({n_in}, 1) @ (1, {n_out}) → ({n_in}, {n_out}): "
        "every input times every delta. From vectors, v[:, None] makes v of shape (n,) a column "
        "(n, 1), and v[None, :] a row (1, n). Where W has a row for each unit that "
        "goes out, the same is delta[:, None] @ x[None, :]."
    )
