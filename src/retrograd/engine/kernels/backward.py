"""Backward: from the error at the output to the gradient of every parameter, last layer first.

    error = y_pred - y                          ->  delta = dLoss/dz at the output
    dW2 = error * a1b                           ->  dW = a_in' delta,  db = sum of delta's rows
    d_hidden = W2[:, 1:].T * error              ->  delta_in = (delta W') * f'(z)

Shapes as in ``forward``. The gradient is that of the *sum* of the rows' losses; ``update`` divides
it by the batch's weight.
"""

from numpy import float64

from retrograd.engine.jit import jit
from retrograd.engine.kernels.forward import BLAS_FROM
from retrograd.engine.native import matrix, product, vector
from retrograd.maths import activations, losses
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

logistic_slope = jit(activations.logistic_slope)
tanh_slope = jit(activations.tanh_slope)
relu_slope = jit(activations.relu_slope)
leaky_relu_slope = jit(activations.leaky_relu_slope)
elu_slope = jit(activations.elu_slope)
selu_slope = jit(activations.selu_slope)
gelu_slope = jit(activations.gelu_slope)
silu_slope = jit(activations.silu_slope)
mish_slope = jit(activations.mish_slope)
softplus_slope = jit(activations.softplus_slope)

log_loss = jit(losses.log_loss)
squared_error = jit(losses.squared_error)
absolute_error = jit(losses.absolute_error)
huber = jit(losses.huber)
quantile = jit(losses.quantile)
poisson = jit(losses.poisson)
canonical_delta = jit(losses.canonical_delta)
absolute_error_delta = jit(losses.absolute_error_delta)
huber_delta = jit(losses.huber_delta)
quantile_delta = jit(losses.quantile_delta)


@jit
def output_delta(layout, data, rows, first, n_rows, a, delta):
    """Fill the output block of delta with dLoss/dz times the row's weight.

    Returns the weighted sum of the rows' losses and the sum of their weights.
    """
    n_out = layout.widths[-1]
    a_out = matrix(a, n_rows * layout.units_at[-1], n_rows, n_out)
    delta_out = matrix(delta, n_rows * layout.units_at[-1], n_rows, n_out)
    softmax = layout.activations[-1] == SOFTMAX
    loss, weight_sum = 0.0, 0.0
    for r in range(n_rows):
        row = rows[first + r]
        weight = float64(data.sample_weight[row]) if data.sample_weight.size > 0 else 1.0
        weight_sum += weight
        row_loss = 0.0
        for o in range(n_out):
            y_pred = float64(a_out[r, o])
            if softmax:
                y = 1.0 if int(data.y[row, 0]) == o else 0.0
                if y > 0.0:
                    row_loss += log_loss(y_pred, y, layout.tiny)
                error = canonical_delta(y_pred, y, 0.0)
            else:
                y = float64(data.y[row, o])
                cost, error = loss_and_delta(layout, y_pred, y)
                row_loss += cost
            delta_out[r, o] = weight * error
        loss += weight * row_loss
    return loss, weight_sum


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


@jit(inline=False)
def backward(layout, theta, data, rows, first, n_rows, x, z, a, delta, gradient, add):
    """Fill (or, with add, add to) the gradient, and fill delta, from the output's delta down."""
    for layer in range(layout.activations.size - 1, -1, -1):
        n_in, n_out = layout.widths[layer], layout.widths[layer + 1]
        W = matrix(theta, layout.weights_at[layer], n_in, n_out)
        dW = matrix(gradient, layout.weights_at[layer], n_in, n_out)
        db = vector(gradient, layout.biases_at[layer], n_out)
        delta_out = matrix(delta, n_rows * layout.units_at[layer], n_rows, n_out)
        bias_gradient(delta_out, db, add)
        if layer > 0:
            start = n_rows * layout.units_at[layer - 1]
            z_in, a_in = matrix(z, start, n_rows, n_in), matrix(a, start, n_rows, n_in)
            weight_gradient(a_in, delta_out, dW, add)
            delta_in = matrix(delta, start, n_rows, n_in)
            send_back(delta_out, W, delta_in)
            times_slope(layout.activations[layer - 1], z_in, a_in, delta_in)
        elif data.row_starts.size > 0:
            sparse_weight_gradient(data, rows, first, delta_out, dW, add)
        else:
            weight_gradient(matrix(x, 0, n_rows, n_in), delta_out, dW, add)


@jit
def bias_gradient(delta, db, add):
    """db = sum of delta over its rows, of shapes (B, O), (O,)."""
    for r in range(delta.shape[0]):
        if r == 0 and not add:
            for o in range(db.size):
                db[o] = delta[r, o]
        else:
            for o in range(db.size):
                db[o] += delta[r, o]


@jit(inline=False)
def weight_gradient(a_in, delta, dW, add):
    """dW = a_in' delta, of shapes (B, I), (B, O), (I, O)."""
    if delta.size * dW.shape[0] >= BLAS_FROM:
        product(a_in, True, delta, False, dW, add)
        return
    for r in range(delta.shape[0]):
        for i in range(dW.shape[0]):
            if r == 0 and not add:
                for o in range(dW.shape[1]):
                    dW[i, o] = a_in[r, i] * delta[r, o]
            else:
                for o in range(dW.shape[1]):
                    dW[i, o] += a_in[r, i] * delta[r, o]


@jit(inline=False)
def sparse_weight_gradient(data, rows, first, delta, dW, add):
    """dW = a_in' delta, a_in being sparse rows."""
    if not add:
        for i in range(dW.shape[0]):
            for o in range(dW.shape[1]):
                dW[i, o] = 0
    for r in range(delta.shape[0]):
        row = rows[first + r]
        for k in range(data.row_starts[row], data.row_starts[row + 1]):
            i = data.columns[k]
            for o in range(dW.shape[1]):
                dW[i, o] += data.values[k] * delta[r, o]


@jit(inline=False)
def send_back(delta, W, delta_in):
    """delta_in = delta W', of shapes (B, O), (I, O), (B, I)."""
    if delta.size * W.shape[0] >= BLAS_FROM:
        product(delta, False, W, True, delta_in, False)
        return
    for r in range(delta_in.shape[0]):
        for i in range(delta_in.shape[1]):
            delta_in[r, i] = delta[r, 0] * W[i, 0]
        for o in range(1, delta.shape[1]):
            for i in range(delta_in.shape[1]):
                delta_in[r, i] += delta[r, o] * W[i, o]


@jit
def times_slope(code, z, a, delta):
    """delta *= f'(z), f being the activation of that code; the identity's slope is 1."""
    for r in range(z.shape[0]):
        if code == RELU:
            for o in range(z.shape[1]):
                if relu_slope(z[r, o], a[r, o]) == 0.0:
                    delta[r, o] = 0
        elif code == LOGISTIC:
            for o in range(z.shape[1]):
                slope = logistic_slope(float64(z[r, o]), float64(a[r, o]))
                delta[r, o] = float64(delta[r, o]) * slope
        elif code == TANH:
            for o in range(z.shape[1]):
                slope = tanh_slope(float64(z[r, o]), float64(a[r, o]))
                delta[r, o] = float64(delta[r, o]) * slope
        elif code == LEAKY_RELU:
            for o in range(z.shape[1]):
                slope = leaky_relu_slope(float64(z[r, o]), float64(a[r, o]))
                delta[r, o] = float64(delta[r, o]) * slope
        elif code == ELU:
            for o in range(z.shape[1]):
                slope = elu_slope(float64(z[r, o]), float64(a[r, o]))
                delta[r, o] = float64(delta[r, o]) * slope
        elif code == SELU:
            for o in range(z.shape[1]):
                slope = selu_slope(float64(z[r, o]), float64(a[r, o]))
                delta[r, o] = float64(delta[r, o]) * slope
        elif code == GELU:
            for o in range(z.shape[1]):
                slope = gelu_slope(float64(z[r, o]), float64(a[r, o]))
                delta[r, o] = float64(delta[r, o]) * slope
        elif code == SILU:
            for o in range(z.shape[1]):
                slope = silu_slope(float64(z[r, o]), float64(a[r, o]))
                delta[r, o] = float64(delta[r, o]) * slope
        elif code == MISH:
            for o in range(z.shape[1]):
                slope = mish_slope(float64(z[r, o]), float64(a[r, o]))
                delta[r, o] = float64(delta[r, o]) * slope
        elif code == SOFTPLUS:
            for o in range(z.shape[1]):
                slope = softplus_slope(float64(z[r, o]), float64(a[r, o]))
                delta[r, o] = float64(delta[r, o]) * slope
