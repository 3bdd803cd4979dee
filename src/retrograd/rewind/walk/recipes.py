"""What a step's formulas are in NumPy, as source code: for the notebooks that compute anew.

A second way to the training's numbers on purpose: a notebook compares the two. In the tables Z, A
and D stand for the expressions of z, a and what comes back to a.
"""

from retrograd.engine.network import Network
from retrograd.engine.optimizers import Optimizer
from retrograd.maths.activations import LEAKY_SLOPE, SELU_ALPHA, SELU_SCALE

# Helpers of a notebook, defined where they are needed.
HELPERS = {
    "sigmoid": (
        "def sigmoid(t):\n"
        "    e = np.exp(-np.abs(t))  # never overflows\n"
        "    return np.where(t >= 0, 1.0, e) / (1.0 + e)"
    ),
    "softplus": ("def softplus(t):\n    return np.maximum(t, 0) + np.log1p(np.exp(-np.abs(t)))"),
    "erf": "erf = np.vectorize(math.erf, otypes=[np.float64])  # NumPy has none of its own",
    "normal_cdf": "def normal_cdf(t):\n    return 0.5 * (1.0 + erf(t * np.sqrt(0.5)))",
    "normal_pdf": "def normal_pdf(t):\n    return np.exp(-0.5 * t * t) / np.sqrt(2.0 * np.pi)",
}
NEEDS = {
    "logistic": ("sigmoid",),
    "silu": ("sigmoid",),
    "softplus": ("softplus",),
    "mish": ("sigmoid", "softplus"),
    "gelu": ("erf", "normal_cdf", "normal_pdf"),
}

# Activation: code of f(z), code of f'(z).
ACTIVATIONS: dict[str, tuple[str, str]] = {
    "identity": ("Z", "1"),
    "logistic": ("sigmoid(Z)", "A * (1 - A)"),
    "tanh": ("np.tanh(Z)", "1 - A * A"),
    "relu": ("np.where(Z <= 0, 0, Z)", "np.where(Z <= 0, 0, 1)"),
    "leaky_relu": (
        f"np.where(Z <= 0, {LEAKY_SLOPE} * Z, Z)",
        f"np.where(Z <= 0, {LEAKY_SLOPE}, 1)",
    ),
    "elu": ("np.where(Z <= 0, np.expm1(np.minimum(Z, 0)), Z)", "np.where(Z <= 0, A + 1, 1)"),
    "selu": (
        "selu_scale * np.where(Z <= 0, selu_alpha * np.expm1(np.minimum(Z, 0)), Z)",
        "np.where(Z <= 0, A + selu_scale * selu_alpha, selu_scale)",
    ),
    "gelu": ("Z * normal_cdf(Z)", "normal_cdf(Z) + Z * normal_pdf(Z)"),
    "silu": ("Z * sigmoid(Z)", "sigmoid(Z) + A * (1 - sigmoid(Z))"),
    "mish": (
        "Z * np.tanh(softplus(Z))",
        "np.tanh(softplus(Z)) + Z * (1 - np.tanh(softplus(Z)) ** 2) * sigmoid(Z)",
    ),
    "softplus": ("softplus(Z)", "-np.expm1(-A)"),
    "softmax": ("np.exp(top) / np.exp(top).sum(axis=1, keepdims=True)", ""),
    "exp": ("np.exp(Z)", ""),
}
BEFORE = {
    "softmax": "top = Z - Z.max(axis=1, keepdims=True)  # against overflow; it cancels out\n",
    "selu": f"selu_scale, selu_alpha = {SELU_SCALE!r}, {SELU_ALPHA!r}\n",
}


def activate(name: str, layer: int) -> str:
    """Write the lines that lead to a layer's activations, the last one an expression.

    Examples
    --------
    >>> activate("relu", 1)
    'np.where(z[1] <= 0, 0, z[1])'
    """
    code = BEFORE.get(name, "") + ACTIVATIONS[name][0]
    return code.replace("Z", f"wide(z[{layer}])" if _curved(name) else f"z[{layer}]")


def slope(name: str, layer: int) -> str:
    """Write f'(z) of a layer as an expression.

    Examples
    --------
    >>> slope("tanh", 0)
    '1 - wide(a[0]) * wide(a[0])'
    """
    z, a = f"z[{layer}]", f"a[{layer}]"
    if _curved(name):
        z, a = f"wide({z})", f"wide({a})"
    return ACTIVATIONS[name][1].replace("Z", z).replace("A", a)


def _curved(name: str) -> bool:
    """Whether the kernel computes it in double precision, whatever the network's."""
    return name not in ("identity", "relu")


def loss_of_rows(network: Network) -> str:
    """Write the lines that end in the losses of all rows, float64.

    Examples
    --------
    >>> print(loss_of_rows(Network((2, 1), (), "identity", "squared_error")))
    p, t = wide(y_pred), wide(y)
    (0.5 * (p - t) * (p - t)).mean(axis=1)
    """
    parameter = repr(float(network.loss_parameter))
    if network.output == "softmax":
        return "p = np.clip(wide(y_pred), tiny, 1 - tiny)\n-np.log((p * y_onehot).sum(axis=1))"
    start = "p, t = wide(y_pred), wide(y)\n"
    if network.loss == "log_loss":
        return (
            "p, t = np.clip(wide(y_pred), tiny, 1 - tiny), wide(y)\n"
            "(-t * np.log(p) - (1 - t) * np.log(1 - p)).sum(axis=1)"
        )
    if network.loss == "poisson":
        return (
            f"{start}log_ratio = np.log(np.where(t > 0, t, 1) / np.where(t > 0, p, 1))\n"
            "(t * log_ratio - t + p).sum(axis=1)"
        )
    return (
        start
        + {
            "squared_error": "(0.5 * (p - t) * (p - t)).mean(axis=1)",
            "absolute_error": "np.abs(p - t).mean(axis=1)",
            "huber": (
                f"r, width = np.abs(p - t), {parameter}\n"
                "np.where(r > width, width * (r - 0.5 * width), 0.5 * r * r).mean(axis=1)"
            ),
            "quantile": (
                f"q = {parameter}\nnp.where(p > t, (1 - q) * (p - t), q * (t - p)).mean(axis=1)"
            ),
        }[network.loss]
    )


def output_delta(network: Network) -> str:
    """Write dLoss/dz of the output as an expression, without the rows' weights.

    Examples
    --------
    >>> output_delta(Network((2, 1), (), "logistic", "log_loss"))
    'y_pred - y'
    """
    if network.output == "softmax":
        return "y_pred - y_onehot"
    parameter = repr(float(network.loss_parameter))
    return {
        "absolute_error": "np.sign(y_pred - y)",
        "huber": f"np.clip(y_pred - y, -{parameter}, {parameter})",
        "quantile": (
            f"np.where(y_pred > y, 1 - {parameter}, np.where(y_pred < y, -{parameter}, y_pred - y))"
        ),
    }.get(network.loss, "y_pred - y")


def slots_after(slot: str) -> tuple[str, str]:
    """Write a slot's new value as an expression of S, the old one, and G, the gradient.

    The second expression is the same with nothing cancelling: the size of what was added.

    Examples
    --------
    >>> slots_after("v")
    ('beta_2 * S + (1 - beta_2) * (G * G)', '')
    """
    if slot == "velocity":
        return (
            "momentum * S - learning_rate * G",
            "momentum * np.abs(S) + np.abs(learning_rate * G)",
        )
    if slot == "v":
        return "beta_2 * S + (1 - beta_2) * (G * G)", ""
    return "beta_1 * S + (1 - beta_1) * G", "beta_1 * np.abs(S) + (1 - beta_1) * np.abs(G)"


def update(optimizer: Optimizer) -> tuple[str, str]:
    """Write what is added to the parameters, of G and the new slots; and its size, as above.

    Examples
    --------
    >>> update(Optimizer("sgd", momentum=0.0))
    ('-learning_rate * G', '')
    """
    if optimizer.solver == "sgd":
        if optimizer.n_slots == 0:
            return "-learning_rate * G", ""
        if not optimizer.nesterov:
            return "velocity", ""
        return (
            "momentum * velocity - learning_rate * G",
            "momentum * np.abs(velocity) + np.abs(learning_rate * G)",
        )
    if optimizer.solver == "rmsprop":
        return "-learning_rate * G / (np.sqrt(v) + epsilon)", ""
    return "-learning_rate * correction * m / (np.sqrt(v) + epsilon)", ""
