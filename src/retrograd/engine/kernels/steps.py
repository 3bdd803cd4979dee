"""Steps: forward, backward, update, again and again, without going back to Python.

The loop below is the notebook's inner loop. What it adds: several workers (threads that run this
same function) share each step. First its rows: a task is to send some of them forward and back.
Then, once all deltas are there, the parameters: a task is to take the gradient of some of them over
all rows and to move them. Where workers have less to exchange that way, the gradient comes between
the two: that of each half of the rows, a slice, by itself, and who moves parameters adds up both.
Who does which task does not matter, and tasks and slices are cut by batch size and network only, so
that any number of workers gives the same bits.
"""

from math import isfinite

from retrograd.engine.jit import jit
from retrograd.engine.kernels.backward import (
    add_up,
    first_of,
    gradient_of,
    half_of,
    lay_for_gradients,
    output_delta,
    parameters_of,
    send_back,
)
from retrograd.engine.kernels.forward import forward
from retrograd.engine.kernels.product import STRIP_BYTES, lay_in_strips, turn_all, weights_far
from retrograd.engine.kernels.update import LANES, update
from retrograd.engine.native import next_task, wait_for_all
from retrograd.engine.subnormals import flush_subnormals, restore_mode
from retrograd.engine.views import matrix, row, vector, views

# From so many rows on a panel is two tasks at least.
FEWEST_ROWS = 48


def tasks_of(n_rows, task_rows):
    """Tasks that a panel's rows are cut into: a power of two, which threads can share evenly.

    Two at least, unless there would be few rows in each.
    """
    n_tasks = 2 if n_rows >= max(FEWEST_ROWS, task_rows // 2) else 1
    while n_tasks * task_rows < n_rows:
        n_tasks *= 2
    return n_tasks


count_tasks = jit(tasks_of)


@jit(entry=True)
def train(
    layout, settings, theta, slots, data, plan, history, work, losses, crew, worker, n_workers
):  # fmt: skip
    """Take the plan's steps and return how many went well: all, or those before the first trouble.

    ``losses[k]`` becomes the loss of step k before its update. When NaN or infinity arises in a
    step the loop ends after that step, with its numbers still in ``work``, ``theta``, ``slots``.
    Numbers too small to be normal are 0.
    """
    mode = flush_subnormals()
    n_good = take_steps(
        views(layout), settings, views(theta), views(slots), views(data), views(plan),
        views(history), views(work), views(losses), views(crew), worker, n_workers,
    )  # fmt: skip
    restore_mode(mode)
    return n_good


@jit
def take_steps(
    layout, settings, theta, slots, data, plan, history, work, losses, crew, worker, n_workers
):  # fmt: skip
    """Take the plan's steps as one of several workers; see ``train``."""
    n_steps = plan.learning_rates.size
    place = next_task(crew, -1, work.shares.size, worker, n_workers)
    while place < work.shares.size:
        number = work.shares[place]
        if number >= 0:
            lay_weights(layout, theta, work, row(work.parameter_tasks, number))
        place = next_task(crew, place, work.shares.size, worker, n_workers)
    wait_for_all(crew, n_workers)
    tasks_a_panel = count_tasks(work.panel_rows, work.task_rows)
    for k in range(n_steps):
        parity, weight, n_row_tasks = k % 2, 0.0, 0
        first, end = plan.bounds[k], plan.bounds[k + 1]
        if worker == 0:
            keep(theta, history.thetas, k)
        if first == end:  # Nobody may overtake by two steps who still reads this parity's reports.
            wait_for_all(crew, n_workers)
        for start in range(first, end, work.panel_rows):
            n_rows = min(work.panel_rows, end - start)
            before = (start - first) // work.panel_rows * tasks_a_panel
            n_row_tasks = before + count_tasks(n_rows, work.task_rows)
            send_rows(
                layout, theta, data, plan.rows, start, n_rows, work, parity, before, n_row_tasks,
                crew, worker, n_workers,
            )  # fmt: skip
            wait_for_all(crew, n_workers)
            for task in range(before, n_row_tasks):
                weight += work.weight[parity, task]
            if n_rows >= work.slice_rows:
                fill_slices(layout, data, plan.rows, start, n_rows, work, crew, worker, n_workers)
                wait_for_all(crew, n_workers)
            move_parameters(
                layout, settings, theta, slots, data, plan, k, start, n_rows, work, parity,
                weight, crew, worker, n_workers,
            )  # fmt: skip
            wait_for_all(crew, n_workers)
        # Each worker adds up for itself: all must know whether to go on.
        loss = 0.0
        if weight > 0.0:
            loss = batch_loss(layout, settings, work, parity, n_row_tasks, weight)
        if worker == 0:
            losses[k] = loss
            keep(work.gradient, history.gradients, k)
        # A batch that weighs nothing has moved nothing, whatever its rows come to.
        if weight > 0.0 and (not isfinite(loss) or trouble_in(work, parity, n_row_tasks)):
            return k
    return n_steps


@jit(inline=False)
def keep(numbers, rows, k):
    """Write numbers of step k into a history, if it has rows for them."""
    if rows.shape[0] > 0:
        copy = row(rows, k)
        for p in range(copy.size):
            copy[p] = numbers[p]


@jit
def send_rows(
    layout,
    theta,
    data,
    rows,
    first,
    n_rows,
    work,
    parity,
    tasks_before,
    tasks_after,
    crew,
    worker,
    n_workers,
):
    """Take tasks of rows until none is left: forward, the loss, and the deltas back."""
    n_tasks = tasks_after - tasks_before
    task = next_task(crew, -1, n_tasks, worker, n_workers)
    while task < n_tasks:
        begin, end = first_of(n_rows, task, n_tasks), first_of(n_rows, task + 1, n_tasks)
        trouble = forward(
            layout, theta, work.strips, data, rows, first, n_rows, begin, end, work.x, work.z,
            work.a,
        )  # fmt: skip
        loss, weight = output_delta(
            layout, data, rows, first, n_rows, begin, end, work.a, work.delta, work.losses
        )
        send_back(layout, theta, work.turned, n_rows, begin, end, work.z, work.a, work.delta)
        lay_for_gradients(layout, work, n_rows, begin, end)
        work.trouble[parity, tasks_before + task] = trouble
        work.loss[parity, tasks_before + task] = loss
        work.weight[parity, tasks_before + task] = weight
        task = next_task(crew, task, n_tasks, worker, n_workers)


@jit
def fill_slices(layout, data, rows, first, n_rows, work, crew, worker, n_workers):
    """Take tasks until none is left: all parameters' gradient of each half of a panel by itself.

    Two workers take a half each: they have sent its rows forward and back, too.
    """
    n_parts = work.parameter_tasks.shape[0]
    number = next_task(crew, -1, 2 * n_parts, worker, n_workers)
    while number < 2 * n_parts:
        half, task = number // n_parts, row(work.parameter_tasks, number % n_parts)
        begin, end = half_of(n_rows, half)
        gradient_of(
            layout, task, data, rows, first, n_rows, begin, end, work, row(work.slices, half), False
        )
        number = next_task(crew, number, 2 * n_parts, worker, n_workers)


@jit
def move_parameters(
    layout,
    settings,
    theta,
    slots,
    data,
    plan,
    k,
    first,
    n_rows,
    work,
    parity,
    weight,
    crew,
    worker,
    n_workers,
):
    """Take tasks of parameters until none is left: their gradient and, after all rows, the update.

    A batch whose rows all weigh nothing teaches nothing.
    """
    add, complete = first > plan.bounds[k], first + n_rows == plan.bounds[k + 1]
    n_tasks = work.parameter_tasks.shape[0]
    place = next_task(crew, -1, work.shares.size, worker, n_workers)
    while place < work.shares.size:
        number = work.shares[place]
        if number >= 0:
            task = row(work.parameter_tasks, number)
            start, n, n_weights = parameters_of(layout, task)
            if n_rows >= work.slice_rows:
                add_up(work.slices, work.gradient, start, n, add)
            else:
                gradient_of(
                    layout, task, data, plan.rows, first, n_rows, 0, n_rows, work, work.gradient,
                    add,
                )  # fmt: skip
            work.bad_parameters[parity, number] = 0
            if complete and weight > 0.0:
                squares = row(work.squares, parity * n_tasks + number)
                for lane in range(LANES):
                    squares[lane] = 0.0
                work.bad_parameters[parity, number] = update(
                    settings, theta, slots, work.gradient, start, n, n_weights, weight,
                    plan.learning_rates[k], plan.corrections[k], squares,
                )  # fmt: skip
                lay_weights(layout, theta, work, task)
        place = next_task(crew, place, work.shares.size, worker, n_workers)


@jit
def lay_weights(layout, theta, work, task):
    """Lay a task's weights as products want them: W in strips, W' for the way back."""
    layer, unit, n_units = task[0], task[1], task[2]
    n_in, n_out = layout.widths[layer], layout.widths[layer + 1]
    start = layout.weights_at[layer]
    W = matrix(theta, start + unit * n_out, n_units, n_out)
    is_read = work.strips.size > 0 and (layer > 0 or work.x.size > 0)  # sparse rows read theta
    if is_read and weights_far(n_in, n_out, theta.itemsize):
        strips = vector(work.strips, start, n_in * n_out)
        lay_in_strips(W, unit, n_in, STRIP_BYTES // theta.itemsize, strips)
    if layer > 0 and n_units > 0 and n_out > 1:
        turn_all(W, unit, n_in, vector(work.turned, start, n_in * n_out))


@jit
def batch_loss(layout, settings, work, parity, n_row_tasks, weight):
    r"""The batch's loss, :math:`(\sum_r w_r \ell_r + \frac12 \alpha \|W\|^2) / \sum_r w_r`."""
    loss = 0.0
    for task in range(n_row_tasks):
        loss += work.loss[parity, task]
    loss *= layout.loss_scale
    if settings.alpha > 0.0:
        square, n_tasks = 0.0, work.parameter_tasks.shape[0]
        for task in range(parity * n_tasks, (parity + 1) * n_tasks):
            for lane in range(LANES):
                square += work.squares[task, lane]
        loss += 0.5 * settings.alpha * square
    return loss / weight


@jit
def trouble_in(work, parity, n_row_tasks):
    """Whether any pre-activation or parameter of this step is NaN or infinite."""
    for task in range(n_row_tasks):
        if work.trouble[parity, task] > 0:
            return True
    for task in range(work.parameter_tasks.shape[0]):
        if work.bad_parameters[parity, task] > 0:
            return True
    return False
