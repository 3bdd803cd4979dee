"""Backward: from the error at the output to the gradient of every parameter, last layer first.

    error = y_pred - y                          ->  delta = dLoss/dz at the output
    dW2 = error * a1b                           ->  dW = a_in' delta,  db = sum of delta's rows
    d_hidden = W2[:, 1:].T * error              ->  delta_in = (delta W') * f'(z)

Shapes as in ``forward``. The gradient is that of the *sum* of the rows' losses; ``update`` divides
it by the batch's weight. The deltas of some rows need no other rows; the gradient of some weights
needs all rows, or a half of them and then the other's added up, but no other weights. Hence two
functions, ``send_back`` and ``gradient_of``.
"""

from numpy import float64, int64

from retrograd.engine.jit import formula, jit
from retrograd.engine.kernels.product import (
    STRIP_BYTES,
    WIDE_TILE_ROWS,
    far_apart,
    lay_in_strips,
    product,
    weights_far,
)
from retrograd.engine.views import matrix, row, vector, views
from retrograd.maths import activations, elementary, losses
from retrograd.maths.activations import (
    ELU,
    GELU,
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
from retrograd.maths.losses import ABSOLUTE_ERROR, HUBER, LOG_LOSS, QUANTILE, SQUARED_ERROR

logistic_slope = formula(activations.logistic_slope)
tanh_slope = formula(activations.tanh_slope)
relu_slope = formula(activations.relu_slope)
leaky_relu_slope = formula(activations.leaky_relu_slope)
elu_slope = formula(activations.elu_slope)
selu_slope = formula(activations.selu_slope)
gelu_slope = formula(activations.gelu_slope)
silu_slope = formula(activations.silu_slope)
mish_slope = formula(activations.mish_slope)
softplus_slope = formula(activations.softplus_slope)

log = formula(elementary.log)
likelihood = formula(losses.likelihood)
log_loss = formula(losses.log_loss)
squared_error = formula(losses.squared_error)
absolute_error = formula(losses.absolute_error)
huber = formula(losses.huber)
quantile = formula(losses.quantile)
poisson = formula(losses.poisson)
canonical_delta = formula(losses.canonical_delta)
absolute_error_delta = formula(losses.absolute_error_delta)
huber_delta = formula(losses.huber_delta)
quantile_delta = formula(losses.quantile_delta)


@jit
def output_delta(layout, data, rows, first, n_rows, begin, end, a, delta, losses):
    """Fill the output block of delta with dLoss/dz times the row's weight, rows begin to end.

    Of these rows also each one's loss, in ``losses``. Returns the weighted sum of the rows' losses
    and the sum of their weights.
    """
    n_out = layout.widths[-1]
    start, n = n_rows * layout.units_at[-1] + begin * n_out, end - begin
    a_out, delta_out = matrix(a, start, n, n_out), matrix(delta, start, n, n_out)
    return score_rows(layout, data, rows, first + begin, a_out, delta_out, vector(losses, begin, n))


@jit
def score_rows(layout, data, rows, first, a_out, delta_out, losses):
    """``output_delta`` of the rows from rows[first] on, whose outputs are a_out."""
    n, n_out = a_out.shape
    softmax, n_between = layout.activations[-1] == SOFTMAX, 0
    one_label = softmax or (layout.loss == LOG_LOSS and n_out == 1)
    if softmax:
        for r in range(n):
            example = rows[first + r]
            label, weight = int64(data.y[example, 0]), weight_of(data, example)
            losses[r] = likelihood(float64(a_out[r, label]), 1.0, layout.tiny)
            for o in range(n_out):
                y = 1.0 if o == label else 0.0
                delta_out[r, o] = weight * canonical_delta(float64(a_out[r, o]), y, 0.0)
    elif one_label:
        for r in range(n):
            example = rows[first + r]
            p, y = float64(a_out[r, 0]), float64(data.y[example, 0])
            n_between += 1 if 0.0 < y < 1.0 else 0
            losses[r] = likelihood(p, y, layout.tiny)
            delta_out[r, 0] = weight_of(data, example) * canonical_delta(p, y, 0.0)
    if one_label and n_between == 0:
        for r in range(n):  # as ``log_loss``, but several at a time
            losses[r] = -log(losses[r])
    else:
        for r in range(n):
            example = rows[first + r]
            weight, row_loss = weight_of(data, example), 0.0
            for o in range(n_out):
                y_pred, y = float64(a_out[r, o]), float64(data.y[example, o])
                cost, error = loss_and_delta(layout, y_pred, y)
                row_loss += cost
                delta_out[r, o] = weight * error
            losses[r] = row_loss
    loss, weight_sum = 0.0, 0.0
    for r in range(n):
        weight = weight_of(data, rows[first + r])
        loss += weight * losses[r]
        weight_sum += weight
    return loss, weight_sum


@jit
def weight_of(data, example):
    """A row's weight, 1 if none are given."""
    return float64(data.sample_weight[example]) if data.sample_weight.size > 0 else 1.0


@jit(entry=True)
def losses_of_rows(layout, data, rows, y_pred, delta, losses):
    """Fill ``losses`` with the loss of each row by itself; delta has room for one row's."""
    layout, data, rows, losses = views(layout), views(data), views(rows), views(losses)
    n_out, y_pred, delta = layout.widths[-1], views(y_pred), views(delta)
    for r in range(rows.size):
        a_out = matrix(y_pred, r * n_out, 1, n_out)
        of_row = vector(losses, r, 1)
        loss, _ = score_rows(layout, data, rows, r, a_out, matrix(delta, 0, 1, n_out), of_row)
        losses[r] = layout.loss_scale * loss


@jit
def loss_and_delta(layout, a, y):
    """Loss of one output a against its target y, and dLoss/dz."""
    parameter = layout.loss_parameter
    if layout.loss == LOG_LOSS:
        return log_loss(a, y, layout.tiny), canonical_delta(a, y, parameter)
    if layout.loss == SQUARED_ERROR:
        return squared_error(a, y, parameter), canonical_delta(a, y, parameter)
    if layout.loss == ABSOLUTE_ERROR:
        return absolute_error(a, y, parameter), absolute_error_delta(a, y, parameter)
    if layout.loss == HUBER:
        return huber(a, y, parameter), huber_delta(a, y, parameter)
    if layout.loss == QUANTILE:
        return quantile(a, y, parameter), quantile_delta(a, y, parameter)
    # POISSON
    return poisson(a, y, parameter), canonical_delta(a, y, parameter)


@jit
def send_back(layout, theta, turned, n_rows, begin, end, z, a, delta):
    """Fill delta of the hidden layers, rows begin to end of a panel, from the output's delta down.

    delta_in = (delta W') * f'(z), with W' from ``turned``.
    """
    for layer in range(layout.activations.size - 1, 0, -1):
        n_in, n_out, n = layout.widths[layer], layout.widths[layer + 1], end - begin
        # A column turned is a row of the same numbers.
        source = theta if n_out == 1 else turned
        W_turned = matrix(source, layout.weights_at[layer], n_out, n_in)
        delta_out = matrix(delta, n_rows * layout.units_at[layer] + begin * n_out, n, n_out)
        start = n_rows * layout.units_at[layer - 1] + begin * n_in
        delta_in = matrix(delta, start, n, n_in)
        nothing, in_strips = vector(delta, 0, 0), weights_far(n_out, n_in, delta.itemsize)
        product(delta_out, False, 0, W_turned, nothing, delta_in, in_strips, 0)
        units = n * n_in
        z_in, a_in = vector(z, start, units), vector(a, start, units)
        times_slope(layout.activations[layer - 1], z_in, a_in, vector(delta, start, units))


def first_row_of(n_rows, part, n_parts):
    """First row of one of a panel's parts, all about as large, each of whole tiles but the last.

    Of a power of two of parts half of them are a half: the tasks of rows, and the slices.
    """
    nearest = (n_rows * part // n_parts + WIDE_TILE_ROWS // 2) // WIDE_TILE_ROWS * WIDE_TILE_ROWS
    return nearest if part < n_parts else n_rows


first_of = jit(first_row_of)


@jit
def half_of(n_rows, half):
    """First and end of the rows of one half of a panel, 0 or 1."""
    return first_of(n_rows, half, 2), first_of(n_rows, half + 1, 2)


@jit
def rows_together(work, n_rows, r):
    """First and end of the rows of a panel whose gradient is taken together with row r's."""
    if n_rows < work.slice_rows:
        return 0, n_rows
    return half_of(n_rows, 0 if r < first_of(n_rows, 1, 2) else 1)


@jit
def lay_for_gradients(layout, work, n_rows, begin, end):
    """Lay what ``gradient_of`` reads of rows begin to end of a panel in strips, where it wants it.

    Where inputs are far apart, a strip is those of a task; where deltas are, the columns of a tile.
    """
    if work.delta_strips.size == 0:
        return
    first, last = rows_together(work, n_rows, begin)
    place, n_together, n = begin - first, last - first, end - begin
    for layer in range(layout.activations.size):
        n_in, n_out = layout.widths[layer], layout.widths[layer + 1]
        start = n_rows * layout.units_at[layer]
        if far_apart(n_out, work.delta.itemsize):
            delta = matrix(work.delta, start + begin * n_out, n, n_out)
            strips = vector(work.delta_strips, start + first * n_out, n_together * n_out)
            lay_in_strips(delta, place, n_together, STRIP_BYTES // delta.itemsize, strips)
        if work.input_widths[layer] > 0:
            source, block = (work.x, 0) if layer == 0 else (work.a, start - n_rows * n_in)
            a_in = matrix(source, block + begin * n_in, n, n_in)
            strips_at = n_rows * inputs_at(layout, layer) + first * n_in
            strips = vector(work.input_strips, strips_at, n_together * n_in)
            lay_in_strips(a_in, place, n_together, work.input_widths[layer], strips)


@jit
def inputs_at(layout, layer):
    """Where a layer's inputs stand among those of all layers."""
    return layout.widths[0] + layout.units_at[layer] - layout.widths[layer]


@jit
def parameters_of(layout, task):
    """Where a task's parameters start, how many there are, and how many of them are weights.

    A task is a layer's weights from some units in, or, with no units, the layer's biases.
    """
    layer, unit, n_units = task[0], task[1], task[2]
    n_out = layout.widths[layer + 1]
    if n_units == 0:
        return layout.biases_at[layer], n_out, 0
    return layout.weights_at[layer] + unit * n_out, n_units * n_out, n_units * n_out


@jit
def gradient_of(layout, task, data, rows, first, n_rows, begin, end, work, gradient, add):
    """Fill (or, with add, add to) a task's part of the gradient, from rows begin to end of a panel.

    They are those that ``rows_together`` names. For the task see ``parameters_of``.
    """
    layer, unit, n_units = task[0], task[1], task[2]
    n_in, n_out, n = layout.widths[layer], layout.widths[layer + 1], end - begin
    block = n_rows * layout.units_at[layer]
    delta = matrix(work.delta, block + begin * n_out, n, n_out)
    start, _, _ = parameters_of(layout, task)
    if n_units == 0:
        bias_gradient(delta, vector(gradient, start, n_out), add)
        return
    dW = matrix(gradient, start, n_units, n_out)
    if layer == 0 and data.row_starts.size > 0:
        sparse_weight_gradient(data, rows, first + begin, unit, delta, dW, add)
        return
    in_strips = work.delta_strips.size > 0 and far_apart(n_out, delta.itemsize)
    if in_strips:
        delta = matrix(work.delta_strips, block + begin * n_out, n, n_out)
    source, start_in = (work.x, 0) if layer == 0 else (work.a, block - n_rows * n_in)
    a_in, first_in = matrix(source, start_in + begin * n_in, n, n_in), unit
    if work.input_widths[layer] > 0:
        strips = n_rows * inputs_at(layout, layer) + begin * n_in
        a_in, first_in = matrix(work.input_strips, strips + n * unit, n, n_units), 0
    weight_gradient(a_in, first_in, delta, dW, add, in_strips)


@jit(inline=False)
def add_up(slices, gradient, start, n, add):
    """Fill (or, with add, add to) n numbers of the gradient with the sum of its slices."""
    total = vector(gradient, start, n)
    one, other = vector(row(slices, 0), start, n), vector(row(slices, 1), start, n)
    if add:
        for p in range(n):
            total[p] += one[p] + other[p]
    else:
        for p in range(n):
            total[p] = one[p] + other[p]


@jit
def weight_gradient(a_in, unit, delta, dW, add, in_strips):
    """dW = a_in' delta, of shapes (B, I), (B, O), (I, O); of I those from ``unit`` on."""
    start = vector(dW, 0, dW.size if add else 0)
    if delta.shape[1] == 1 and dW.shape[0] == a_in.shape[1]:
        # A column turned is a row of the same numbers, and long rows are faster: dW' = delta' a_in.
        product(delta, True, 0, a_in, start, matrix(dW, 0, 1, dW.size), False, 0)
    else:
        product(a_in, True, unit, delta, start, dW, in_strips, 0)


@jit(inline=False)
def bias_gradient(delta, db, add):
    """db = sum of delta over its rows, of shapes (B, O), (O,)."""
    if not add:
        for o in range(db.size):
            db[o] = 0
    for r in range(delta.shape[0]):
        delta_row = row(delta, r)
        for o in range(db.size):
            db[o] += delta_row[o]


@jit(inline=False)
def sparse_weight_gradient(data, rows, first, unit, delta, dW, add):
    """dW = a_in' delta, a_in being sparse rows; dW's rows are the columns from ``unit`` on."""
    if not add:
        for i in range(dW.shape[0]):
            dW_row = row(dW, i)
            for o in range(dW_row.size):
                dW_row[o] = 0
    for r in range(delta.shape[0]):
        example, delta_row = rows[first + r], row(delta, r)
        for k in range(data.row_starts[example], data.row_starts[example + 1]):
            i = data.columns[k] - unit
            if 0 <= i < dW.shape[0]:
                value, dW_row = data.values[k], row(dW, i)
                for o in range(dW_row.size):
                    dW_row[o] += value * delta_row[o]


@jit(inline=False)
def times_slope(code, z, a, delta):
    """delta *= f'(z), f being the activation of that code; the identity's slope is 1."""
    if code == RELU:
        # All are read, and written with + 0: the compiler would else leave alone what stays as it
        # is, and to touch only some of a vector's lanes is slow on many processors.
        nothing = delta.dtype.type(0.0)
        for o in range(z.size):
            kept = delta[o] + nothing
            delta[o] = nothing if relu_slope(z[o], a[o]) == 0.0 else kept
    elif code == LOGISTIC:
        for o in range(z.size):
            delta[o] = float64(delta[o]) * logistic_slope(float64(z[o]), float64(a[o]))
    elif code == TANH:
        for o in range(z.size):
            delta[o] = float64(delta[o]) * tanh_slope(float64(z[o]), float64(a[o]))
    elif code == LEAKY_RELU:
        for o in range(z.size):
            delta[o] = float64(delta[o]) * leaky_relu_slope(float64(z[o]), float64(a[o]))
    elif code == ELU:
        for o in range(z.size):
            delta[o] = float64(delta[o]) * elu_slope(float64(z[o]), float64(a[o]))
    elif code == SELU:
        for o in range(z.size):
            delta[o] = float64(delta[o]) * selu_slope(float64(z[o]), float64(a[o]))
    elif code == GELU:
        for o in range(z.size):
            delta[o] = float64(delta[o]) * gelu_slope(float64(z[o]), float64(a[o]))
    elif code == SILU:
        for o in range(z.size):
            delta[o] = float64(delta[o]) * silu_slope(float64(z[o]), float64(a[o]))
    elif code == MISH:
        for o in range(z.size):
            delta[o] = float64(delta[o]) * mish_slope(float64(z[o]), float64(a[o]))
    elif code == SOFTPLUS:
        for o in range(z.size):
            delta[o] = float64(delta[o]) * softplus_slope(float64(z[o]), float64(a[o]))
