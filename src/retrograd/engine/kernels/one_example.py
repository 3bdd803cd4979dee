"""The notebook's loop: one example a step, plain gradient descent, no detours.

The same arithmetic in the same order as ``steps.train``, which it equals bit for bit, for the case
that every batch is one dense row of weight 1, without penalty or momentum, and the network is so
small that calling anything costs more than computing it. Sums run over the inputs of one unit
before the next unit's, which the compiler leaves as plain short loops.
"""

from retrograd.engine.jit import jit
from retrograd.engine.kernels.backward import (
    bias_gradient,
    output_delta,
    times_slope,
    weight_gradient,
)
from retrograd.engine.kernels.forward import activate_row
from retrograd.engine.native import matrix, row, vector

# Weights above which the ordinary loop, vectorised over the units, is faster.
UP_TO = 512


@jit(inline=False)
def train(layout, theta, data, plan, work, losses):
    """Take the plan's steps and return how many went well, as ``steps.train`` does."""
    x, z, a, delta = row(work.x, 0), row(work.z, 0), row(work.a, 0), row(work.delta, 0)
    n_layers = layout.activations.size
    for k in range(plan.learning_rates.size):
        rate = theta.dtype.type(plan.learning_rates[k])
        first = plan.bounds[k]
        for i in range(x.size):
            x[i] = data.X[plan.rows[first], i]
        # v - v is 0, unless v is NaN or infinite: then it is NaN, and so is what it is added to.
        spoiled = 0.0
        for layer in range(n_layers):
            spoiled += forward_layer(layout, theta, layer, x, z, a)
        loss, _ = output_delta(layout, data, plan.rows, first, 1, a, delta)
        losses[k] = loss * layout.loss_scale
        spoiled += loss - loss
        for layer in range(n_layers - 1, -1, -1):
            spoiled += backward_layer(layout, theta, layer, x, z, a, delta, rate)
        if spoiled != 0.0:
            work.loss[0] = loss
            keep_gradient(layout, x, a, delta, row(work.gradient, 0))
            return k
    keep_gradient(layout, x, a, delta, row(work.gradient, 0))
    return plan.learning_rates.size


@jit
def forward_layer(layout, theta, layer, x, z, a):
    """z = a_in W + b, a = f(z) for one row and one layer; 0, or NaN if a z is not finite."""
    n_in, n_out = layout.widths[layer], layout.widths[layer + 1]
    at = layout.units_at[layer]
    a_in = vector(x, 0, n_in) if layer == 0 else vector(a, layout.units_at[layer - 1], n_in)
    W = matrix(theta, layout.weights_at[layer], n_in, n_out)
    b = vector(theta, layout.biases_at[layer], n_out)
    z_out = matrix(z, at, 1, n_out)
    spoiled = 0.0
    for o in range(n_out):
        total = b[o]
        for i in range(n_in):
            total += a_in[i] * W[i, o]
        z_out[0, o] = total
        spoiled += total - total
    activate_row(layout.activations[layer], z_out, matrix(a, at, 1, n_out), 0)
    return spoiled


@jit
def backward_layer(layout, theta, layer, x, z, a, delta, rate):
    """Send delta back through W, then move W and b; 0, or NaN if one of them is not finite."""
    n_in, n_out = layout.widths[layer], layout.widths[layer + 1]
    a_in = vector(x, 0, n_in) if layer == 0 else vector(a, layout.units_at[layer - 1], n_in)
    W = matrix(theta, layout.weights_at[layer], n_in, n_out)
    b = vector(theta, layout.biases_at[layer], n_out)
    delta_out = vector(delta, layout.units_at[layer], n_out)
    if layer > 0:
        at = layout.units_at[layer - 1]
        delta_in = matrix(delta, at, 1, n_in)
        for i in range(n_in):
            total = delta_out[0] * W[i, 0]
            for o in range(1, n_out):
                total += delta_out[o] * W[i, o]
            delta_in[0, i] = total
        code = layout.activations[layer - 1]
        times_slope(code, matrix(z, at, 1, n_in), matrix(a, at, 1, n_in), delta_in)
    spoiled = 0.0
    for o in range(n_out):
        b_new = b[o] - rate * delta_out[o]
        b[o] = b_new
        spoiled += b_new - b_new
        for i in range(n_in):
            W_new = W[i, o] - rate * (a_in[i] * delta_out[o])
            W[i, o] = W_new
            spoiled += W_new - W_new
    return spoiled


@jit(inline=False)
def keep_gradient(layout, x, a, delta, gradient):
    """Write down the gradient of the last step taken, for those who look at its numbers."""
    for layer in range(layout.activations.size):
        n_in, n_out = layout.widths[layer], layout.widths[layer + 1]
        delta_out = matrix(delta, layout.units_at[layer], 1, n_out)
        bias_gradient(delta_out, vector(gradient, layout.biases_at[layer], n_out), False)
        dW = matrix(gradient, layout.weights_at[layer], n_in, n_out)
        if layer == 0:
            weight_gradient(matrix(x, 0, 1, n_in), delta_out, dW, False)
        else:
            a_in = matrix(a, layout.units_at[layer - 1], 1, n_in)
            weight_gradient(a_in, delta_out, dW, False)
