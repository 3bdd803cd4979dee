"""What an expression may ask for: made-up numbers of one step of a 3-4-2 network."""

from itertools import pairwise

import numpy as np

DRAW = np.random.default_rng(7)
WIDTHS = (3, 4, 2)
N_ROWS = 5


def per_layer(shape_of, dtype=np.float64):
    return [DRAW.normal(size=shape_of(i, o)).astype(dtype) for i, o in pairwise(WIDTHS)]


VALUES = {
    "loss": 0.53,
    "penalty": np.float32(0.25),
    "learning_rate": 1e-3,
    "step": 17,
    "epoch": np.int64(3),
    "gradient_norm": np.float64(1.5),
    "coefs": per_layer(lambda i, o: (i, o), np.float32),
    "intercepts": per_layer(lambda i, o: (o,)),
    "dW": per_layer(lambda i, o: (i, o)),
    "db": per_layer(lambda i, o: (o,)),
    "z": per_layer(lambda i, o: (N_ROWS, o)),
    "a": [np.abs(z) for z in per_layer(lambda i, o: (N_ROWS, o))],
    "delta": per_layer(lambda i, o: (N_ROWS, o)),
    "x": DRAW.normal(size=(N_ROWS, 3)),
    "y": np.array([0, 1, 1, 0, 1]),
    "y_pred": DRAW.uniform(size=(N_ROWS, 2)),
    "loss_per_row": DRAW.uniform(size=N_ROWS),
}
VALUES["delta"][1][:, 1] = 0.0
VALUES["dW"][1][2, 0] = np.nan
