"""Forward: from rows to predictions, layer after layer, as the notebook does it.

    z1 = W1 @ x        ->  z = a_in W + b
    a1 = z1            ->  a = f(z)

Shapes: B rows in the panel, I units in, O units out. Arrays are row-major; outputs come last.
"""

from numpy import float64

from retrograd.engine.jit import formula, jit
from retrograd.engine.kernels.product import product
from retrograd.engine.native import matrix, row, vector
from retrograd.maths import activations
from retrograd.maths.activations import (
    ELU,
    EXP,
    GELU,
    IDENTITY,
    LEAKY_RELU,
    LOGISTIC,
    MISH,
    RELU,
    SELU,
    SILU,
    SOFTMAX,
    SOFTPLUS,
    TANH,
)

exponential = formula(activations.exponential)
logistic = formula(activations.logistic)
tanh_value = formula(activations.tanh_value)
relu = formula(activations.relu)
leaky_relu = formula(activations.leaky_relu)
elu = formula(activations.elu)
selu = formula(activations.selu)
gelu = formula(activations.gelu)
silu = formula(activations.silu)
mish = formula(activations.mish)
softplus = formula(activations.softplus)


@jit
def forward(layout, theta, data, rows, first, n_rows, begin, end, x, z, a):
    """Send rows begin to end of a panel through the network; count the z that are not finite.

    The panel is rows[first : first + n_rows]. Its blocks of x, z and a are filled (see ``Work``);
    the last one of a holds the predictions.
    """
    trouble = 0
    for layer in range(layout.activations.size):
        n_in, n_out = layout.widths[layer], layout.widths[layer + 1]
        W = matrix(theta, layout.weights_at[layer], n_in, n_out)
        b = vector(theta, layout.biases_at[layer], n_out)
        z_out = matrix(z, n_rows * layout.units_at[layer] + begin * n_out, end - begin, n_out)
        a_out = matrix(a, n_rows * layout.units_at[layer] + begin * n_out, end - begin, n_out)
        fill_rows(b, z_out)
        if layer > 0:
            start = n_rows * layout.units_at[layer - 1] + begin * n_in
            product(matrix(a, start, end - begin, n_in), False, 0, W, z_out, True)
        elif data.row_starts.size > 0:
            add_sparse_product(data, rows, first + begin, W, z_out)
        else:
            a_in = matrix(x, begin * n_in, end - begin, n_in)
            gather(data.X, rows, first + begin, a_in)
            product(a_in, False, 0, W, z_out, True)
        trouble += not_finite(vector(z_out, 0, z_out.size))
        activate(layout.activations[layer], z_out, a_out)
    return trouble


@jit(inline=False)
def gather(X, rows, first, x):
    """x[r] = X[rows[first + r]]."""
    for r in range(x.shape[0]):
        source, copy = row(X, rows[first + r]), row(x, r)
        for i in range(copy.size):
            copy[i] = source[i]


@jit(inline=False)
def fill_rows(b, z):
    """z = b in every row, so that the products can be added to it."""
    for r in range(z.shape[0]):
        z_row = row(z, r)
        for o in range(b.size):
            z_row[o] = b[o]


@jit(inline=False)
def add_sparse_product(data, rows, first, W, z):
    """z += a_in W, a_in being sparse rows: only the entries that are there are touched."""
    for r in range(z.shape[0]):
        z_row, example = row(z, r), rows[first + r]
        for k in range(data.row_starts[example], data.row_starts[example + 1]):
            value, W_row = data.values[k], row(W, data.columns[k])
            for o in range(z_row.size):
                z_row[o] += value * W_row[o]


@jit(inline=False)
def not_finite(numbers):
    """How many are NaN or infinite: v - v is 0 for all others."""
    trouble = 0
    for p in range(numbers.size):
        if numbers[p] - numbers[p] != 0:
            trouble += 1
    return trouble


@jit
def activate(code, z, a):
    """a = f(z), f being the activation of that code."""
    if code == SOFTMAX:
        for r in range(z.shape[0]):
            softmax(row(z, r), row(a, r))
    else:
        activate_each(code, vector(z, 0, z.size), vector(a, 0, a.size))


@jit(inline=False)
def activate_each(code, z, a):
    """a = f(z) of units that don't look at each other, in double precision."""
    if code == IDENTITY:
        for o in range(z.size):
            a[o] = z[o]
    elif code == RELU:
        for o in range(z.size):
            a[o] = relu(z[o])
    elif code == LOGISTIC:
        for o in range(z.size):
            a[o] = logistic(float64(z[o]))
    elif code == TANH:
        for o in range(z.size):
            a[o] = tanh_value(float64(z[o]))
    elif code == LEAKY_RELU:
        for o in range(z.size):
            a[o] = leaky_relu(float64(z[o]))
    elif code == ELU:
        for o in range(z.size):
            a[o] = elu(float64(z[o]))
    elif code == SELU:
        for o in range(z.size):
            a[o] = selu(float64(z[o]))
    elif code == GELU:
        for o in range(z.size):
            a[o] = gelu(float64(z[o]))
    elif code == SILU:
        for o in range(z.size):
            a[o] = silu(float64(z[o]))
    elif code == MISH:
        for o in range(z.size):
            a[o] = mish(float64(z[o]))
    elif code == SOFTPLUS:
        for o in range(z.size):
            a[o] = softplus(float64(z[o]))
    elif code == EXP:
        for o in range(z.size):
            a[o] = exponential(float64(z[o]))


@jit(inline=False)
def softmax(z, a):
    """a = exp(z) / sum(exp(z)), the largest z taken off first against overflow."""
    top = z[0]
    for o in range(1, z.size):
        if z[o] > top:
            top = z[o]
    for o in range(z.size):
        a[o] = exponential(float64(z[o] - top))
    total = 0.0
    for o in range(z.size):
        total += float64(a[o])
    for o in range(z.size):
        a[o] = float64(a[o]) / total


@jit(entry=True)
def predict(layout, theta, data, rows, x, z, a, out, worker, n_workers):
    """Fill out, of shape (n, O), with the predictions for ``rows``, a panel of them at a time.

    x, z and a are one panel's buffers; how many rows a panel has follows from their size. Of
    several workers each takes its own panels.
    """
    n_rows, n_outputs = out.shape
    panel_rows = z.size // (layout.units_at[-1] + n_outputs)
    for first in range(worker * panel_rows, n_rows, n_workers * panel_rows):
        n = min(panel_rows, n_rows - first)
        forward(layout, theta, data, rows, first, n, 0, n, x, z, a)
        a_out = matrix(a, n * layout.units_at[-1], n, n_outputs)
        for r in range(n):
            for o in range(n_outputs):
                out[first + r, o] = a_out[r, o]
