"""The notebook's loop, its network and its rule: one hidden layer, one example a step.

    z1 = W1 @ x;  a1 = z1;  z2 = W2 @ a1b;  y_pred = sigmoid(z2)
    error = y_pred - y[r];  dW2 = error * a1b;  d_hidden = W2[:, 1:].T * error
    W2 -= lr * dW2;  W1 -= lr * d_hidden[:, None] @ x[None, :]

The arithmetic of ``steps.train``, in its order, which it equals bit for bit; for the case that
every batch is one dense row of weight 1, without penalty or momentum, and that the network is so
small that finding one's way about costs more than computing.
"""

from retrograd.engine.jit import jit
from retrograd.engine.kernels import seed
from retrograd.engine.kernels.backward import (
    bias_gradient,
    output_delta,
    times_slope,
    weight_gradient,
)
from retrograd.engine.kernels.forward import activate
from retrograd.engine.kernels.product import TILES_FROM, product
from retrograd.engine.kernels.steps import keep
from retrograd.engine.subnormals import flush_subnormals, restore_mode
from retrograd.engine.views import matrix, row, vector, views
from retrograd.maths.activations import IDENTITY, LOGISTIC
from retrograd.maths.losses import LOG_LOSS

# Parameters above which the ordinary loop, vectorised over the units, is faster.
UP_TO = 512


@jit(entry=True)
def train(layout, theta, data, plan, history, work, losses):
    """Take the plan's steps and return how many went well, as ``steps.train`` does."""
    mode = flush_subnormals()
    n_good = take_steps(
        views(layout), views(theta), views(data), views(plan), views(history), views(work),
        views(losses),
    )  # fmt: skip
    restore_mode(mode)
    return n_good


@jit
def take_steps(layout, theta, data, plan, history, work, losses):
    """Take the plan's steps; see ``train``."""
    d, h, n_out = layout.widths[0], layout.widths[1], layout.widths[2]
    W1, W2 = matrix(theta, 0, d, h), matrix(theta, layout.weights_at[1], h, n_out)
    b1, b2 = vector(theta, layout.biases_at[0], h), vector(theta, layout.biases_at[1], n_out)
    x, a, delta = matrix(work.x, 0, 1, d), work.a, work.delta
    z1, z2 = matrix(work.z, 0, 1, h), matrix(work.z, h, 1, n_out)
    a1, a2 = matrix(a, 0, 1, h), matrix(a, h, 1, n_out)
    delta1, delta2 = matrix(delta, 0, 1, h), matrix(delta, h, 1, n_out)
    n_good = n_steps = plan.learning_rates.size
    begin = 0
    looked_at = history.thetas.shape[0] > 0 or history.gradients.shape[0] > 0
    if is_seed(layout) and not looked_at:  # but for the last step, which someone may want to see
        begin = seed.train(theta, data, plan, losses, layout.tiny, max(0, n_steps - 1))
    for k in range(begin, n_steps):
        rate = theta.dtype.type(plan.learning_rates[k])
        keep(theta, history.thetas, k)
        first = plan.bounds[k]
        example = plan.rows[first]
        for i in range(d):
            x[0, i] = data.X[example, i]
        spoiled = forward_layer(x, W1, b1, layout.activations[0], z1, a1)
        spoiled += forward_layer(a1, W2, b2, layout.activations[1], z2, a2)
        loss, _ = output_delta(layout, data, plan.rows, first, 1, 0, 1, a, delta, work.losses)
        losses[k] = loss * layout.loss_scale
        spoiled += loss - loss
        send_back_row(delta2, W2, delta1)
        times_slope(layout.activations[0], vector(z1, 0, h), vector(a1, 0, h), vector(delta1, 0, h))
        if history.gradients.shape[0] > 0:
            write_gradient(layout, x, a1, delta1, delta2, row(history.gradients, k))
        spoiled += descend(W2, b2, a1, delta2, rate)
        spoiled += descend(W1, b1, x, delta1, rate)
        if spoiled != 0.0:
            work.loss[k % 2, 0] = loss
            n_good = k
            break
    # Of the others the last one's is written down, for those who look at it.
    write_gradient(layout, x, a1, delta1, delta2, work.gradient)
    return n_good


@jit(inline=False)
def write_gradient(layout, x, a1, delta1, delta2, gradient):
    """Write down a step's gradient, from its row, hidden units and deltas."""
    d, h, n_out = layout.widths[0], layout.widths[1], layout.widths[2]
    weight_gradient(x, 0, delta1, matrix(gradient, 0, d, h), False, False)
    weight_gradient(a1, 0, delta2, matrix(gradient, layout.weights_at[1], h, n_out), False, False)
    bias_gradient(delta1, vector(gradient, layout.biases_at[0], h), False)
    bias_gradient(delta2, vector(gradient, layout.biases_at[1], n_out), False)


@jit
def is_seed(layout):
    """Whether this is the notebook's own network."""
    return (
        (layout.widths[0] == 2 and layout.widths[1] == 2 and layout.widths[2] == 1)
        and layout.activations[0] == IDENTITY
        and layout.activations[1] == LOGISTIC
        and layout.loss == LOG_LOSS
    )


@jit
def forward_layer(a_in, W, b, code, z, a):
    """z = a_in W + b, a = f(z); returns 0, or NaN if a z is not finite.

    v - v is 0 unless v is NaN or infinite: then it is NaN, and so is all that it is added to.
    """
    spoiled = 0.0
    if W.size < TILES_FROM:
        for o in range(b.size):
            total = b[o]
            for i in range(W.shape[0]):
                total += a_in[0, i] * W[i, o]
            z[0, o] = total
            spoiled += total - total
    else:  # where ``steps.train`` rounds otherwise
        product(a_in, False, 0, W, b, z, False, 0)
        for o in range(b.size):
            spoiled += z[0, o] - z[0, o]
    activate(code, z, a)
    return spoiled


@jit
def send_back_row(delta, W, delta_in):
    """delta_in = delta W' for one row, the sums over the outputs in ``send_back``'s order."""
    for i in range(W.shape[0]):
        total = delta[0, 0] * W[i, 0]
        for o in range(1, W.shape[1]):
            total += delta[0, o] * W[i, o]
        delta_in[0, i] = total


@jit
def descend(W, b, a_in, delta, rate):
    """W -= rate * a_in' delta, b -= rate * delta; returns 0, or NaN if one is then not finite."""
    spoiled = 0.0
    for o in range(b.size):
        b_new = b[o] - rate * delta[0, o]
        b[o] = b_new
        spoiled += b_new - b_new
        for i in range(W.shape[0]):
            W_new = W[i, o] - rate * (a_in[0, i] * delta[0, o])
            W[i, o] = W_new
            spoiled += W_new - W_new
    return spoiled
