"""Update: the gradient of a batch, and what each optimizer makes of it.

    W -= lr * dW    ->    theta -= learning_rate * gradient    (and its better-known relatives)

All parameters are one vector, so each optimizer is one loop. The vector is worked through in
blocks that stay in the cache from the gradient's end to the parameter's update; each function
here sees one block, n parameters of it, counted from 0.
"""

import numpy as np

from retrograd.engine.jit import jit
from retrograd.engine.kernels.data import ADAMW, RMSPROP, SGD, STAY
from retrograd.engine.kernels.forward import not_finite
from retrograd.engine.subnormals import flush_subnormals, restore_mode
from retrograd.engine.views import row, vector, views

BLOCK = 4096
LANES = 16


@jit
def update(
    settings, theta, slots, gradient, start, n, n_weights, weight, rate, correction, squares
):
    """Make the mean gradient of n parameters from ``start`` on, and move them against it.

    Of the n the first n_weights are weights. With a penalty their squares, before the move, are
    added to the lanes of ``squares``. Returns how many numbers are not finite after it.
    """
    trouble = 0
    for begin in range(start, start + n, BLOCK):
        size = min(BLOCK, start + n - begin)
        part, g = vector(theta, begin, size), vector(gradient, begin, size)
        weights = vector(theta, begin, min(size, max(0, start + n_weights - begin)))
        mean_gradient(weights, g, settings.alpha, weight)
        if settings.alpha > 0.0:
            add_squares(weights, squares)
        if settings.solver != STAY:
            trouble += move(settings, part, slots, g, begin, weights, rate, correction)
    return trouble


@jit(inline=False)
def mean_gradient(weights, g, alpha, weight):
    r"""Gradient of the batch's mean loss and penalty, from that of the sum of the rows' losses.

    :math:`g = (\sum_r g_r + \alpha \theta) / \sum_r w_r`; only the weights are penalised, which
    come first in the block.
    """
    if alpha > 0.0:
        penalty = g.dtype.type(alpha)
        for p in range(weights.size):
            g[p] += penalty * weights[p]
    if weight != 1.0:
        share = g.dtype.type(1.0 / weight)
        for p in range(g.size):
            g[p] *= share


@jit
def add_squares(weights, lanes):
    """Add the squares of a block's weights to the lanes, entry p to lane p modulo their number.

    Side by side rather than one after another, the sums take a fraction of the time.
    """
    whole = weights.size - weights.size % LANES
    for start in range(0, whole, LANES):
        part = vector(weights, start, LANES)
        for lane in range(LANES):
            lanes[lane] += np.float64(part[lane]) * np.float64(part[lane])
    for p in range(whole, weights.size):
        lanes[p - whole] += np.float64(weights[p]) * np.float64(weights[p])


@jit
def move(settings, theta, slots, g, start, weights, learning_rate, correction):
    """Move a block of theta against its gradient; count what is then not finite.

    The slots are the optimizer's memory, shape (n_slots, P): the velocity of SGD with momentum;
    the first and second moments of Adam and AdamW; the second moment of RMSprop. The correction
    is Adam's, see ``Optimizer.corrections``.
    """
    n = theta.size
    if settings.solver == SGD:
        if settings.momentum == 0.0:
            sgd(theta, g, learning_rate)
        else:
            velocity = vector(row(slots, 0), start, n)
            momentum(settings, theta, velocity, g, learning_rate)
        return not_finite(theta)
    if settings.solver == RMSPROP:
        v = vector(row(slots, 0), start, n)
        rmsprop(settings, theta, v, g, learning_rate)
    else:
        m, v = vector(row(slots, 0), start, n), vector(row(slots, 1), start, n)
        if settings.solver == ADAMW:
            decay(weights, 1.0 - learning_rate * settings.weight_decay)
        adam(settings, theta, m, v, g, learning_rate * correction)
    # An infinite v would freeze its parameter without a sign of it in theta.
    return not_finite(theta) + not_finite(v)


@jit(entry=True)
def move_all(settings, theta, slots, gradient, n_weights, learning_rate, correction):
    """``move`` for all parameters at once: what an update does to any theta, to look at it."""
    part, g = views(theta), views(gradient)
    weights = vector(part, 0, n_weights)
    mode = flush_subnormals()
    trouble = move(settings, part, views(slots), g, 0, weights, learning_rate, correction)
    restore_mode(mode)
    return trouble


@jit
def sgd(theta, g, learning_rate):
    r"""Plain gradient descent, :math:`\theta = \theta - \eta g`: the notebook's update."""
    rate = theta.dtype.type(learning_rate)
    for p in range(theta.size):
        theta[p] -= rate * g[p]


@jit(inline=False)
def momentum(settings, theta, velocity, g, learning_rate):
    r"""Gradient descent with momentum μ: :math:`v = \mu v - \eta g`, :math:`\theta = \theta + v`.

    Nesterov's variant looks ahead: :math:`\theta = \theta + \mu v - \eta g`, with the new v.
    Source: Sutskever et al., On the importance of initialization and momentum (2013).
    """
    rate, mu = theta.dtype.type(learning_rate), theta.dtype.type(settings.momentum)
    if settings.nesterov:
        for p in range(theta.size):
            velocity[p] = mu * velocity[p] - rate * g[p]
            theta[p] += mu * velocity[p] - rate * g[p]
    else:
        for p in range(theta.size):
            velocity[p] = mu * velocity[p] - rate * g[p]
            theta[p] += velocity[p]


@jit(inline=False)
def adam(settings, theta, m, v, g, corrected_rate):
    r"""Adam: a step by the mean gradient over its root mean square, both fading averages.

    :math:`m = \beta_1 m + (1 - \beta_1) g`, :math:`v = \beta_2 v + (1 - \beta_2) g^2`,
    :math:`\theta = \theta - \eta_t m / (\sqrt v + \epsilon)`, with the averages' bias towards 0
    taken out in :math:`\eta_t = \eta \sqrt{1 - \beta_2^t} / (1 - \beta_1^t)`.
    Source: Kingma and Ba, Adam: a method for stochastic optimization (2015), section 2's
    reordered form, which scikit-learn uses too.
    """
    beta_1, fresh_1 = theta.dtype.type(settings.beta_1), theta.dtype.type(1.0 - settings.beta_1)
    beta_2, fresh_2 = theta.dtype.type(settings.beta_2), theta.dtype.type(1.0 - settings.beta_2)
    epsilon, rate = theta.dtype.type(settings.epsilon), theta.dtype.type(corrected_rate)
    for p in range(theta.size):
        m[p] = beta_1 * m[p] + fresh_1 * g[p]
        v[p] = beta_2 * v[p] + fresh_2 * (g[p] * g[p])
        theta[p] -= rate * m[p] / (np.sqrt(v[p]) + epsilon)


@jit
def decay(weights, kept):
    r"""Shrink the weights by themselves, not through the gradient: :math:`(1 - \eta\lambda)W`.

    What makes Adam AdamW. Source: Loshchilov and Hutter, Decoupled weight decay regularization
    (2019), algorithm 2.
    """
    factor = weights.dtype.type(kept)
    for p in range(weights.size):
        weights[p] *= factor


@jit(inline=False)
def rmsprop(settings, theta, v, g, learning_rate):
    r"""RMSprop: a step by the gradient over its root mean square.

    :math:`v = \beta_2 v + (1 - \beta_2) g^2`,
    :math:`\theta = \theta - \eta g / (\sqrt v + \epsilon)`.

    Source: Hinton, Neural networks for machine learning, lecture 6e (2012).
    """
    rate, epsilon = theta.dtype.type(learning_rate), theta.dtype.type(settings.epsilon)
    beta_2, fresh_2 = theta.dtype.type(settings.beta_2), theta.dtype.type(1.0 - settings.beta_2)
    for p in range(theta.size):
        v[p] = beta_2 * v[p] + fresh_2 * (g[p] * g[p])
        theta[p] -= rate * g[p] / (np.sqrt(v[p]) + epsilon)
