"""Forward: from rows to predictions, layer after layer, as the notebook does it.

    z1 = W1 @ x        ->  z = a_in W + b
    a1 = z1            ->  a = f(z)

Shapes: B rows in the panel, I units in, O units out. Arrays are row-major; outputs come last.
"""

from numpy import float64, int32, int64

from retrograd.engine.jit import formula, jit
from retrograd.engine.kernels.product import product, weights_far
from retrograd.engine.native import next_task
from retrograd.engine.views import matrix, row, vector, views
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
def forward(layout, theta, strips, data, rows, first, n_rows, begin, end, x, z, a):
    """Send rows begin to end of a panel through the network; count the z that are not finite.

    The panel is rows[first : first + n_rows]. Its blocks of x, z and a are filled (see ``Work``);
    the last one of a holds the predictions. For ``strips`` see ``pass_layer``.
    """
    trouble, n = 0, end - begin
    for layer in range(layout.activations.size):
        n_in, n_out = layout.widths[layer], layout.widths[layer + 1]
        start = n_rows * layout.units_at[layer] + begin * n_out
        z_out, a_out = matrix(z, start, n, n_out), matrix(a, start, n, n_out)
        if layer > 0:
            a_in = matrix(a, n_rows * layout.units_at[layer - 1] + begin * n_in, n, n_in)
            pass_layer(layout, theta, strips, layer, a_in, z_out, 0)
        elif data.row_starts.size > 0:
            pass_sparse_layer(layout, theta, data, rows, first + begin, z_out)
        else:
            a_in = matrix(x, begin * n_in, n, n_in)
            gather(data.X, rows, first + begin, a_in)
            pass_layer(layout, theta, strips, layer, a_in, z_out, 0)
        trouble += not_finite(vector(z, start, n * n_out))
        activate(layout.activations[layer], z_out, a_out)
    return trouble


@jit
def pass_layer(layout, theta, strips, layer, a_in, z, ahead):
    """z = a_in W + b, of shapes (B, O), (B, I), (I, O), (O,).

    If ``strips`` are given, a W whose rows are far apart is read there instead of in theta. For
    ``ahead`` see ``product``.
    """
    n_in, n_out = layout.widths[layer], layout.widths[layer + 1]
    b = vector(theta, layout.biases_at[layer], n_out)
    in_strips = strips.size > 0 and weights_far(n_in, n_out, z.itemsize)
    source = strips if in_strips else theta
    W = matrix(source, layout.weights_at[layer], n_in, n_out)
    product(a_in, False, 0, W, b, z, in_strips, ahead)


@jit
def pass_sparse_layer(layout, theta, data, rows, first, z):
    """z = a_in W + b in the first layer, a_in being sparse rows."""
    n_in, n_out = layout.widths[0], layout.widths[1]
    b = vector(theta, layout.biases_at[0], n_out)
    sparse_product(data, rows, first, matrix(theta, layout.weights_at[0], n_in, n_out), b, z)


@jit(inline=False)
def gather(X, rows, first, x):
    """x[r] = X[rows[first + r]]."""
    for r in range(x.shape[0]):
        source, copy = row(X, rows[first + r]), row(x, r)
        for i in range(copy.size):
            copy[i] = source[i]


@jit(inline=False)
def sparse_product(data, rows, first, W, b, z):
    """z = a_in W + b, a_in being sparse rows: only the entries that are there are touched."""
    for r in range(z.shape[0]):
        z_row, example = row(z, r), rows[first + r]
        for o in range(z_row.size):
            z_row[o] = b[o]
        for k in range(data.row_starts[example], data.row_starts[example + 1]):
            value, W_row = data.values[k], row(W, data.columns[k])
            for o in range(z_row.size):
                z_row[o] += value * W_row[o]


@jit(inline=False)
def not_finite(numbers):
    """How many are NaN or infinite: v - v is 0 for all others."""
    # As narrow as float32, so that as many are counted at a time.
    trouble = int32(0)
    for p in range(numbers.size):
        if numbers[p] - numbers[p] != 0:
            trouble = int32(trouble + 1)
    return int64(trouble)


@jit
def activate(code, z, a):
    """a = f(z), f being the activation of that code."""
    if code == SOFTMAX:
        softmax(z, a)
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
    """a = exp(z) / sum(exp(z)) in each row, its largest z taken off first against overflow."""
    for r in range(z.shape[0]):
        z_row, a_row = row(z, r), row(a, r)
        top = z_row[0]
        for o in range(1, z_row.size):
            if z_row[o] > top:
                top = z_row[o]
        for o in range(z_row.size):
            a_row[o] = z_row[o] - top
    # All rows' at once: of a row of few classes many would be taken one by one.
    powers = vector(a, 0, a.size)
    for p in range(powers.size):
        powers[p] = exponential(float64(powers[p]))
    for r in range(a.shape[0]):
        a_row, total = row(a, r), 0.0
        for o in range(a_row.size):
            total += float64(a_row[o])
        for o in range(a_row.size):
            a_row[o] = float64(a_row[o]) / total


@jit(entry=True)
def predict(layout, theta, data, rows, z, a, out, crew, worker, n_workers):
    """Fill out, of shape (n, O), with all rows' predictions; count the x that are not finite.

    As ``forward`` for rows that stand in their order, a panel of them at a time: X's own memory is
    what the first product reads, z has room for one layer only (but not that of a: loops over two
    arrays that are one do not vectorise), and the last a are made in ``out``. How many rows a
    panel has follows from the size of a. A worker's next panel is most likely the one that follows:
    it is loaded ahead. ``rows`` are 0, 1, 2, ..., read for sparse rows only.
    """
    layout, theta, data, rows = views(layout), views(theta), views(data), views(rows)
    z, a, out, crew = views(z), views(a), views(out), views(crew)
    n_rows, n_outputs = out.shape
    last, n_features = layout.activations.size - 1, layout.widths[0]
    panel_rows = a.size // (layout.units_at[last] + n_outputs)
    trouble, no_strips = 0, vector(theta, 0, 0)
    n_panels = (n_rows + panel_rows - 1) // panel_rows
    panel = next_task(crew, -1, n_panels, worker, n_workers)
    while panel < n_panels:
        first = panel * panel_rows
        n = min(panel_rows, n_rows - first)
        for layer in range(last + 1):
            n_out = layout.widths[layer + 1]
            z_out = matrix(z, 0, n, n_out)
            a_out = matrix(a, n * layout.units_at[layer], n, n_out)
            if layer == last:
                a_out = matrix(out, first * n_outputs, n, n_outputs)
            if layer > 0:
                n_in = layout.widths[layer]
                a_in = matrix(a, n * layout.units_at[layer - 1], n, n_in)
                pass_layer(layout, theta, no_strips, layer, a_in, z_out, 0)
            elif data.row_starts.size > 0:
                pass_sparse_layer(layout, theta, data, rows, first, z_out)
            else:
                trouble += not_finite(vector(data.X, first * n_features, n * n_features))
                x = matrix(data.X, first * n_features, n, n_features)
                pass_layer(layout, theta, no_strips, layer, x, z_out, panel_rows)
            activate(layout.activations[layer], z_out, a_out)
        panel = next_task(crew, panel, n_panels, worker, n_workers)
    return trouble
