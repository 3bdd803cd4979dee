"""Forward: from rows to predictions, layer after layer, as the notebook does it.

    z1 = W1 @ x        ->  z = a_in W + b
    a1 = z1            ->  a = f(z)

Shapes: B rows in the panel, I units in, O units out. Arrays are row-major; outputs come last.
"""

from math import exp, isfinite

from numpy import float64

from retrograd.engine.jit import jit
from retrograd.engine.native import matrix, product, vector
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
    SOFTPLUS,
    TANH,
)

# Below so many multiplications a plain loop is done before a BLAS call has begun.
BLAS_FROM = 1024

exponential = jit(activations.exponential)
logistic = jit(activations.logistic)
tanh_value = jit(activations.tanh_value)
relu = jit(activations.relu)
leaky_relu = jit(activations.leaky_relu)
elu = jit(activations.elu)
selu = jit(activations.selu)
gelu = jit(activations.gelu)
silu = jit(activations.silu)
mish = jit(activations.mish)
softplus = jit(activations.softplus)


@jit(inline=False)
def forward(layout, theta, data, rows, first, n_rows, x, z, a):
    """Send rows[first : first + n_rows] through the network; count the z that are not finite.

    x, z and a are filled (see ``Work``); the last block of a holds the predictions.
    """
    trouble = 0
    for layer in range(layout.activations.size):
        n_in, n_out = layout.widths[layer], layout.widths[layer + 1]
        W = matrix(theta, layout.weights_at[layer], n_in, n_out)
        b = vector(theta, layout.biases_at[layer], n_out)
        z_out = matrix(z, n_rows * layout.units_at[layer], n_rows, n_out)
        a_out = matrix(a, n_rows * layout.units_at[layer], n_rows, n_out)
        fill_rows(b, z_out)
        if layer > 0:
            a_in = matrix(a, n_rows * layout.units_at[layer - 1], n_rows, n_in)
            add_product(a_in, W, z_out)
        elif data.row_starts.size > 0:
            add_sparse_product(data, rows, first, W, z_out)
        else:
            a_in = matrix(x, 0, n_rows, n_in)
            gather(data.X, rows, first, a_in)
            add_product(a_in, W, z_out)
        trouble += activate(layout.activations[layer], z_out, a_out)
    return trouble


@jit
def gather(X, rows, first, x):
    """x[r] = X[rows[first + r]]."""
    for r in range(x.shape[0]):
        row = rows[first + r]
        for i in range(x.shape[1]):
            x[r, i] = X[row, i]


@jit
def fill_rows(b, z):
    """z = b in every row, so that the products can be added to it."""
    for r in range(z.shape[0]):
        for o in range(z.shape[1]):
            z[r, o] = b[o]


@jit(inline=False)
def add_product(a_in, W, z):
    """z += a_in W, of shapes (B, I), (I, O), (B, O)."""
    if z.size * W.shape[0] >= BLAS_FROM:
        product(a_in, False, W, False, z, True)
        return
    for r in range(z.shape[0]):
        for i in range(W.shape[0]):
            for o in range(z.shape[1]):
                z[r, o] += a_in[r, i] * W[i, o]


@jit(inline=False)
def add_sparse_product(data, rows, first, W, z):
    """z += a_in W, a_in being sparse rows: only the entries that are there are touched."""
    for r in range(z.shape[0]):
        row = rows[first + r]
        for k in range(data.row_starts[row], data.row_starts[row + 1]):
            i = data.columns[k]
            for o in range(z.shape[1]):
                z[r, o] += data.values[k] * W[i, o]


@jit
def activate(code, z, a):
    """a = f(z), f being the activation of that code; count the z that are not finite."""
    trouble = 0
    for r in range(z.shape[0]):
        for o in range(z.shape[1]):
            if z[r, o] - z[r, o] != 0:  # 0 unless z is NaN or infinite
                trouble += 1
        activate_row(code, z, a, r)
    return trouble


@jit
def activate_row(code, z, a, r):
    """a = f(z) in row r."""
    if code == IDENTITY:
        for o in range(z.shape[1]):
            a[r, o] = z[r, o]
    elif code == RELU:
        for o in range(z.shape[1]):
            a[r, o] = relu(z[r, o])
    elif code == LOGISTIC:
        for o in range(z.shape[1]):
            a[r, o] = logistic(float64(z[r, o]))
    elif code == TANH:
        for o in range(z.shape[1]):
            a[r, o] = tanh_value(float64(z[r, o]))
    elif code == LEAKY_RELU:
        for o in range(z.shape[1]):
            a[r, o] = leaky_relu(float64(z[r, o]))
    elif code == ELU:
        for o in range(z.shape[1]):
            a[r, o] = elu(float64(z[r, o]))
    elif code == SELU:
        for o in range(z.shape[1]):
            a[r, o] = selu(float64(z[r, o]))
    elif code == GELU:
        for o in range(z.shape[1]):
            a[r, o] = gelu(float64(z[r, o]))
    elif code == SILU:
        for o in range(z.shape[1]):
            a[r, o] = silu(float64(z[r, o]))
    elif code == MISH:
        for o in range(z.shape[1]):
            a[r, o] = mish(float64(z[r, o]))
    elif code == SOFTPLUS:
        for o in range(z.shape[1]):
            a[r, o] = softplus(float64(z[r, o]))
    elif code == EXP:
        for o in range(z.shape[1]):
            a[r, o] = exponential(float64(z[r, o]))
    else:
        softmax(z, a, r)


@jit
def softmax(z, a, r):
    """a = exp(z) / sum(exp(z)) in row r, the largest z taken off first against overflow."""
    top = z[r, 0]
    for o in range(1, z.shape[1]):
        if z[r, o] > top:
            top = z[r, o]
    total = 0.0
    for o in range(z.shape[1]):
        e = exp(float64(z[r, o] - top))
        a[r, o] = e
        total += e
    for o in range(z.shape[1]):
        a[r, o] = float64(a[r, o]) / total


@jit(inline=False)
def predict(layout, theta, data, rows, units, out, worker, n_workers):
    """Fill out, of shape (n, O), with all rows' predictions; count the x that are not finite.

    It is ``forward`` for rows that stand in their order, a panel of them at a time: X's own
    memory is what the first product reads, each z is overwritten with its a, in ``units``, and
    the last ones are made in ``out``. How many rows a panel has follows from the size of
    ``units``. Of several workers each takes its own panels. ``rows`` counts the sparse rows.
    """
    n_rows, n_outputs = out.shape
    last, n_features = layout.activations.size - 1, data.X.shape[1]
    panel_rows = units.size // (layout.units_at[last] + n_outputs)
    not_finite = 0
    for first in range(worker * panel_rows, n_rows, n_workers * panel_rows):
        n = min(panel_rows, n_rows - first)
        for layer in range(last + 1):
            n_in, n_out = layout.widths[layer], layout.widths[layer + 1]
            W = matrix(theta, layout.weights_at[layer], n_in, n_out)
            a = matrix(units, n * layout.units_at[layer], n, n_out)
            if layer == last:
                a = matrix(out, first * n_outputs, n, n_outputs)
            fill_rows(vector(theta, layout.biases_at[layer], n_out), a)
            if layer > 0:
                add_product(matrix(units, n * layout.units_at[layer - 1], n, n_in), W, a)
            elif data.row_starts.size > 0:
                add_sparse_product(data, rows, first, W, a)
            else:
                x = matrix(data.X, first * n_features, n, n_features)
                not_finite += count_not_finite(x)
                add_product(x, W, a)
            activate(layout.activations[layer], a, a)
    return not_finite


@jit
def count_not_finite(x):
    """How many entries are NaN or infinite."""
    trouble = 0
    for r in range(x.shape[0]):
        for i in range(x.shape[1]):
            if not isfinite(x[r, i]):
                trouble += 1
    return trouble
