"""Update: the gradient of a batch, and what each optimizer makes of it.

    W -= lr * dW    ->    theta -= learning_rate * gradient    (and its better-known relatives)

All parameters are one vector, so each optimizer is one loop. The vector is worked through in
blocks that stay in the cache from the gradient's sum to the parameter's update.
"""

from math import isfinite, sqrt

import numpy as np

from retrograd.engine.jit import jit

BLOCK = 4096
LANES = 16
SGD, ADAM, ADAMW, RMSPROP = range(4)


@jit
def total_gradient(theta, work, n_slices, n_weights, alpha, weight, start, stop):
    r"""Leave the batch's gradient in gradient[0, start:stop], the slices summed in their order.

    :math:`g = (\sum_s g_s + \alpha \theta) / \sum_r w_r`, without the penalty's term for biases.
    """
    g = work.gradient
    for s in range(1, n_slices):
        for p in range(start, stop):
            g[0, p] += g[s, p]
    if alpha > 0.0:
        penalty = theta.dtype.type(alpha)
        for p in range(start, min(stop, n_weights)):
            g[0, p] += penalty * theta[p]
    if weight != 1.0:
        divisor = theta.dtype.type(weight)
        for p in range(start, stop):
            g[0, p] /= divisor


@jit
def sum_of_squares(theta, start, stop, lanes):
    """Add theta[start:stop] squared to the lanes, entry p to lane p modulo their number.

    Side by side rather than one after another, the sums take a fraction of the time.
    """
    for lane in range(LANES):
        lanes[lane] = 0.0
    whole = start + (stop - start) // LANES * LANES
    for p in range(start, whole, LANES):
        for lane in range(LANES):
            lanes[lane] += float(theta[p + lane]) * float(theta[p + lane])
    for p in range(whole, stop):
        lanes[0] += float(theta[p]) * float(theta[p])


@jit
def update(settings, theta, slots, g, t, learning_rate, n_weights, start, stop):
    """Move theta[start:stop] against the gradient; count the parameters that are not finite.

    t counts the updates from 1. The slots are the optimizer's memory, shape (n_slots, P):
    the velocity of SGD with momentum; the first and second moments of Adam and AdamW; the second
    moment of RMSprop.
    """
    if settings.solver == SGD:
        sgd(settings, theta, slots, g, learning_rate, start, stop)
    elif settings.solver == RMSPROP:
        rmsprop(settings, theta, slots, g, learning_rate, start, stop)
    else:
        if settings.solver == ADAMW:
            decay(settings, theta, learning_rate, start, min(stop, n_weights))
        adam(settings, theta, slots, g, t, learning_rate, start, stop)
    trouble = 0
    for p in range(start, stop):
        if not isfinite(theta[p]):
            trouble += 1
    return trouble


@jit
def sgd(settings, theta, slots, g, learning_rate, start, stop):
    r"""Gradient descent, with momentum μ: :math:`v = \mu v - \eta g`, :math:`\theta = \theta + v`.

    Nesterov's variant looks ahead: :math:`\theta = \theta + \mu v - \eta g`, with the new v.
    Source: Sutskever et al., On the importance of initialization and momentum (2013).
    """
    rate = theta.dtype.type(learning_rate)
    if settings.momentum == 0.0:
        for p in range(start, stop):
            theta[p] -= rate * g[p]
        return
    momentum = theta.dtype.type(settings.momentum)
    for p in range(start, stop):
        velocity = momentum * slots[0, p] - rate * g[p]
        slots[0, p] = velocity
        if settings.nesterov:
            theta[p] += momentum * velocity - rate * g[p]
        else:
            theta[p] += velocity


@jit
def adam(settings, theta, slots, g, t, learning_rate, start, stop):
    r"""Adam: a step by the mean gradient over its root mean square, both fading averages.

    :math:`m = \beta_1 m + (1 - \beta_1) g`, :math:`v = \beta_2 v + (1 - \beta_2) g^2`,
    :math:`\theta = \theta - \eta_t m / (\sqrt v + \epsilon)`, with the averages' bias towards 0
    taken out in :math:`\eta_t = \eta \sqrt{1 - \beta_2^t} / (1 - \beta_1^t)`.
    Source: Kingma and Ba, Adam: a method for stochastic optimization (2015), section 2's
    reordered form, which scikit-learn uses too.
    """
    beta_1, fresh_1 = theta.dtype.type(settings.beta_1), theta.dtype.type(1.0 - settings.beta_1)
    beta_2, fresh_2 = theta.dtype.type(settings.beta_2), theta.dtype.type(1.0 - settings.beta_2)
    epsilon = theta.dtype.type(settings.epsilon)
    rate = theta.dtype.type(
        learning_rate * sqrt(1.0 - settings.beta_2**t) / (1.0 - settings.beta_1**t)
    )
    for p in range(start, stop):
        m = beta_1 * slots[0, p] + fresh_1 * g[p]
        v = beta_2 * slots[1, p] + fresh_2 * (g[p] * g[p])
        slots[0, p] = m
        slots[1, p] = v
        theta[p] -= rate * m / (np.sqrt(v) + epsilon)


@jit
def decay(settings, theta, learning_rate, start, stop):
    r"""Shrink the weights by themselves, not through the gradient: :math:`(1 - \eta\lambda)\theta`.

    What makes Adam AdamW. Source: Loshchilov and Hutter, Decoupled weight decay regularization
    (2019), algorithm 2.
    """
    kept = theta.dtype.type(1.0 - learning_rate * settings.weight_decay)
    for p in range(start, stop):
        theta[p] *= kept


@jit
def rmsprop(settings, theta, slots, g, learning_rate, start, stop):
    r"""RMSprop: :math:`v = \beta_2 v + (1-\beta_2) g^2`, :math:`\theta -= \eta g/(\sqrt v+\epsilon)`.

    Source: Hinton, Neural networks for machine learning, lecture 6e (2012).
    """
    rate, epsilon = theta.dtype.type(learning_rate), theta.dtype.type(settings.epsilon)
    beta_2, fresh_2 = theta.dtype.type(settings.beta_2), theta.dtype.type(1.0 - settings.beta_2)
    for p in range(start, stop):
        v = beta_2 * slots[0, p] + fresh_2 * (g[p] * g[p])
        slots[0, p] = v
        theta[p] -= rate * g[p] / (np.sqrt(v) + epsilon)
