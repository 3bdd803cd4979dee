"""Steps: forward, backward, update, again and again, without going back to Python.

The loop below is the notebook's inner loop. What it adds: a batch may be cut into slices, which
several workers (threads that run this same function) take in turn. Who takes which slice does not
matter: each has buffers of its own, and their gradients are summed in the slices' order.
"""

from math import isfinite

from retrograd.engine.jit import jit
from retrograd.engine.kernels.backward import backward, output_delta
from retrograd.engine.kernels.forward import forward
from retrograd.engine.kernels.update import (
    BLOCK,
    LANES,
    sum_of_squares,
    total_gradient,
    update,
)
from retrograd.engine.native import row, vector, wait_for_all


@jit(inline=False)
def train(layout, settings, theta, slots, data, plan, work, losses, barrier, worker, n_workers):
    """Take the plan's steps and return how many went well: all, or those before the first trouble.

    ``losses[k]`` becomes the loss of step k before its update. When NaN or infinity arises in a
    step the loop ends after that step, with its numbers still in ``work``, ``theta``, ``slots``.
    """
    n_steps = plan.learning_rates.size
    for k in range(n_steps):
        first, n_rows = plan.bounds[k], plan.bounds[k + 1] - plan.bounds[k]
        n_slices = batch_gradients(
            layout, theta, data, plan.rows, first, n_rows, work, worker, n_workers
        )
        wait_for_all(barrier, n_workers)
        weight = batch_weight(work, n_slices)
        if weight == 0.0:  # None of its rows counts: it teaches nothing.
            losses[k] = 0.0
            wait_for_all(barrier, n_workers)
            continue
        for block in range(worker, work.bad_parameters.size, n_workers):
            start, n, n_weights = block_of(layout, theta, block)
            part = vector(theta, start, n)
            regularise(part, work, n_slices, weight, block, n_weights, settings.alpha)
            work.bad_parameters[block] = update(
                settings, part, slots, vector(row(work.gradient, 0), start, n), start, n_weights,
                plan.learning_rates[k], plan.corrections[k],
            )  # fmt: skip
        wait_for_all(barrier, n_workers)
        loss = batch_loss(layout, settings, work, n_slices, weight)
        if worker == 0:
            losses[k] = loss
        if trouble_in(work, n_slices) or not isfinite(loss):
            return k
        # No worker may overwrite what another one is still adding up.
        wait_for_all(barrier, n_workers)
    return n_steps


@jit(inline=False)
def objective(layout, settings, theta, data, rows, work, barrier, worker, n_workers):
    """Loss over all ``rows`` at once; its gradient is left in work.gradient[0]."""
    n_slices = batch_gradients(layout, theta, data, rows, 0, rows.size, work, worker, n_workers)
    wait_for_all(barrier, n_workers)
    weight = batch_weight(work, n_slices)
    for block in range(worker, work.bad_parameters.size, n_workers):
        start, n, n_weights = block_of(layout, theta, block)
        part = vector(theta, start, n)
        regularise(part, work, n_slices, weight, block, n_weights, settings.alpha)
    wait_for_all(barrier, n_workers)
    return batch_loss(layout, settings, work, n_slices, weight)


@jit
def block_of(layout, theta, block):
    """Where a block of parameters starts, how many it has, how many of those are weights."""
    start = block * BLOCK
    n = min(BLOCK, theta.size - start)
    return start, n, min(n, max(0, layout.n_weights - start))


@jit(inline=False)
def batch_gradients(layout, theta, data, rows, first, n_rows, work, worker, n_workers):
    """Gradients of this worker's slices of rows[first : first + n_rows]; how many slices there are.

    The slices are as even as whole rows allow, at most slice_rows each, and go through the network
    a panel of rows at a time. Row s of ``work`` gets what slice s comes to.
    """
    n_slices = (n_rows + work.slice_rows - 1) // work.slice_rows
    for s in range(worker, n_slices, n_workers):
        x, z, a = row(work.x, s), row(work.z, s), row(work.a, s)
        delta, gradient = row(work.delta, s), row(work.gradient, s)
        work.loss[s] = 0.0
        work.weight[s] = 0.0
        work.trouble[s] = 0
        begin, end = first + n_rows * s // n_slices, first + n_rows * (s + 1) // n_slices
        for start in range(begin, end, work.panel_rows):
            n = min(work.panel_rows, end - start)
            work.trouble[s] += forward(layout, theta, data, rows, start, n, x, z, a)
            loss, weight = output_delta(layout, data, rows, start, n, a, delta)
            work.loss[s] += loss
            work.weight[s] += weight
            add = start > begin
            backward(layout, theta, data, rows, start, n, x, z, a, delta, gradient, add)
    return n_slices


@jit(inline=False)
def regularise(theta, work, n_slices, weight, block, n_weights, alpha):
    """One block of the batch's gradient, and the sum of its weights' squares for the loss."""
    total_gradient(theta, work.gradient, n_slices, block * BLOCK, n_weights, alpha, weight)
    if alpha > 0.0:
        sum_of_squares(vector(theta, 0, n_weights), row(work.squares, block))


@jit
def batch_weight(work, n_slices):
    """Sum of the weights of the batch's rows."""
    weight = 0.0
    for s in range(n_slices):
        weight += work.weight[s]
    return weight


@jit
def batch_loss(layout, settings, work, n_slices, weight):
    r"""The batch's loss, :math:`(\sum_r w_r \ell_r + \frac12 \alpha \|W\|^2) / \sum_r w_r`."""
    loss = 0.0
    for s in range(n_slices):
        loss += work.loss[s]
    loss *= layout.loss_scale
    if settings.alpha > 0.0:
        square = 0.0
        for block in range(work.bad_parameters.size):
            for lane in range(LANES):
                square += work.squares[block, lane]
        loss += 0.5 * settings.alpha * square
    return loss / weight


@jit
def trouble_in(work, n_slices):
    """Whether any pre-activation or parameter of this step is NaN or infinite."""
    for s in range(n_slices):
        if work.trouble[s] > 0:
            return True
    for block in range(work.bad_parameters.size):
        if work.bad_parameters[block] > 0:
            return True
    return False
